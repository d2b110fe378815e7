//! Makes what was saved durable from where there is no session at hand.

use std::sync::{Arc, PoisonError, RwLock, TryLockError, Weak};
use std::time::Duration;

use super::desk::Shared;
use crate::Error;

/// Makes durable what a session saved as [`Buffered`](crate::Durability::Buffered), from anywhere: a panic hook, a
/// destructor, the loop that hears of a signal. From [`flush_handle`](crate::Checkpointer::flush_handle);
/// clones serve the same session.
///
/// Where the session goes on in another one ([`cycle`](crate::Checkpointer::cycle), or a branch that
/// [`recover_from`](crate::Checkpointer::recover_from) makes), it serves that one from then on.
///
/// It needs no runtime and waits for no lock. What is in memory alone is the session's to save; the
/// handle has no part in it, and keeps neither the session nor its lock alive.
///
/// In a panic hook:
///
/// ```
/// use agent_checkpoint::{Checkpointer, Durability, MemoryStore, Message};
/// use agent_primitives::{CheckpointKind, SessionId};
///
/// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?)
///     .durability(Durability::Buffered)
///     .open()?;
/// let flush = session.flush_handle();
/// let before = std::panic::take_hook();
/// std::panic::set_hook(Box::new(move |info| {
///     // There is nobody left to tell that it failed.
///     let _ = flush.flush();
///     before(info);
/// }));
///
/// session.push(Message::user("hello"))?;
/// session.save(CheckpointKind::Auto)?;
/// assert!(session.health().unsynced_bytes > 0);
/// let died = std::thread::spawn(|| panic!("as an example")).join();
/// assert!(died.is_err());
/// assert_eq!(session.health().unsynced_bytes, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A signal handler may do next to nothing, and the crate offers nothing to call from one. Let it set a flag,
/// and the agent's loop look at it between two steps, as programs do with any crate that registers handlers:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use agent_checkpoint::{Checkpointer, Durability, MemoryStore, Message};
/// use agent_primitives::{CheckpointKind, SessionId};
///
/// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
/// let is_terminated = Arc::new(AtomicBool::new(false));
/// // Stands for the handler of SIGTERM.
/// let handler = { let flag = Arc::clone(&is_terminated); move || flag.store(true, Ordering::Release) };
///
/// for step in 0.. {
///     if is_terminated.load(Ordering::Acquire) {
///         session.save_with(CheckpointKind::Auto, Durability::Synced)?;
///         break;
///     }
///     session.push(Message::assistant(format!("step {step}")))?;
///     session.save_with(CheckpointKind::Auto, Durability::Buffered)?;
///     if step == 2 { handler() }
/// }
/// assert_eq!(session.history().len(), 3);
/// assert_eq!(session.health().unsynced_bytes, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Flush(Line);

impl Flush {
    pub(super) fn of(line: &Line) -> Self {
        Self(line.clone())
    }

    /// Makes what the session saved so far [`Synced`](crate::Durability::Synced), and returns when it is. Nothing is
    /// done for a session that was dropped: its saves are as durable as they were asked to be.
    ///
    /// Takes one sync at most; with [`patience`](crate::Builder::patience) no longer than that.
    ///
    /// # Errors
    /// [`Error::is_blocked`] at once while the session itself is writing, on the thread that panicked perhaps,
    /// and after its patience; otherwise as [`save`](crate::Checkpointer::save).
    pub fn flush(&self) -> Result<(), Error> {
        self.0.end()?.map_or(Ok(()), |shared| shared.flush())
    }
}

/// What connects handles with the session that they serve, whichever that is now.
#[derive(Debug, Clone)]
pub(super) struct Line(Arc<RwLock<Weak<Shared>>>);

impl Line {
    pub(super) fn to(shared: &Arc<Shared>) -> Self {
        Self(Arc::new(RwLock::new(Arc::downgrade(shared))))
    }

    /// Leads to another session from now on.
    pub(super) fn lead_to(&self, shared: &Arc<Shared>) {
        let mut end = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *end = Arc::downgrade(shared);
    }

    /// The session's side; none where it was dropped.
    fn end(&self) -> Result<Option<Arc<Shared>>, Error> {
        match self.0.try_read() {
            Ok(end) => Ok(end.upgrade()),
            Err(TryLockError::Poisoned(end)) => Ok(end.into_inner().upgrade()),
            // It is being led elsewhere, for the time of an assignment.
            Err(TryLockError::WouldBlock) => Err(Error::blocked(Duration::ZERO)),
        }
    }
}
