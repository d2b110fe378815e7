//! Seals segments one by one, on the caller's thread or on one of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use agent_primitives::SessionId;

use crate::format::SEGMENT_MAX;
use crate::format::index::Listed;
use crate::format::keys::Keys;
use crate::format::segment::{Place, Start, session_of};
use crate::log::numbering::{narrow, wide};
use crate::log::seal::{Outcome, is_sealed, seal};
use crate::{Error, Replacer, Store};

/// What sealing did, from [`Checkpointer::seal`](crate::Checkpointer::seal), which shows it in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sealed {
    /// Segments that were sealed.
    pub segments: u64,
    /// Segments that stay as they are: damaged, or not smaller sealed.
    pub left: u64,
    /// Bytes of those that were sealed, before.
    pub before: u64,
    /// Bytes of those that were sealed, after.
    pub after: u64,
}

/// Segments to seal.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) store: Arc<dyn Store>,
    pub(super) session: SessionId,
    pub(super) keys: Keys,
    /// `None` where the store keeps segments as they are.
    pub(super) replacer: Option<Arc<dyn Replacer>>,
    pub(super) segments: Vec<u32>,
    /// Checkpoints in them, and perhaps others; ascending.
    pub(super) listed: Vec<Listed>,
}

/// What came of a task.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) sealed: Vec<u32>,
    /// Not to be tried again.
    pub(super) left: Vec<u32>,
    pub(super) failures: u64,
    /// The first failure.
    pub(super) error: Option<Error>,
    pub(super) sums: Sealed,
}

impl Done {
    fn failed() -> Self {
        Self {
            failures: 1,
            ..Self::default()
        }
    }
}

impl Task {
    /// Does all of it, or as much as it can until `stop` says so.
    pub(super) fn run(&self, stop: &dyn Fn() -> bool) -> Done {
        let mut done = Done::default();
        for segment in &self.segments {
            if stop() {
                break;
            }
            let sealed = self.seal(*segment, stop, &mut done);
            if sealed.as_ref().is_err_and(Error::is_foreign) {
                // Of the session that this one was forked from, whose affair it is.
                done.left.push(*segment);
            } else if let Err(error) = sealed {
                let session = &self.session;
                tracing::warn!(%session, segment, %error, "segment could not be sealed");
                done.failures += 1;
                done.error.get_or_insert(error);
            }
        }
        done
    }

    fn seal(&self, segment: u32, stop: &dyn Fn() -> bool, done: &mut Done) -> Result<(), Error> {
        let Some(replacer) = &self.replacer else {
            done.left.push(segment);
            done.sums.left += 1;
            return Ok(());
        };
        let before = live_bytes(&*self.store, &self.session, segment)?;
        let place = place(&*self.store, &self.session, segment);
        if is_sealed(&place, &before)? {
            done.left.push(segment);
            return Ok(());
        }
        match seal(&place, &before, &self.listed, None, &self.keys, stop)? {
            Outcome::Sealed(after) => {
                if stop() {
                    return Ok(());
                }
                replacer.replace(segment, &after)?;
                done.sealed.push(segment);
                done.sums.segments += 1;
                done.sums.before += wide(before.len());
                done.sums.after += wide(after.len());
            }
            Outcome::Damaged | Outcome::NoGain => {
                done.left.push(segment);
                done.sums.left += 1;
            }
            Outcome::Stopped => {}
        }
        Ok(())
    }
}

/// A task on a thread of its own. Dropping it stops it, and waits until it has.
#[derive(Debug)]
pub(super) struct Job {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Done>>,
}

impl Job {
    pub(super) fn start(task: Task) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("agent-checkpoint-seal".into())
            .spawn(move || task.run(&|| asked.load(Ordering::Relaxed)))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }

    pub(super) fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// What came of it, once it is through.
    pub(super) fn ended(mut self) -> Done {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(done)) => done,
            // A panic is a defect of this crate, and yet no reason to lose the session's next save.
            Some(Err(_)) => Done::failed(),
            None => Done::default(),
        }
    }

    /// What came of it until now.
    pub(super) fn stopped(self) -> Done {
        self.stop.store(true, Ordering::Relaxed);
        self.ended()
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(super) fn place<'a>(store: &dyn Store, session: &'a SessionId, segment: u32) -> Place<'a> {
    Place {
        store: store.id(),
        session,
        segment,
    }
}

/// Whose segment it is, which is not `session` where that shares it since it was forked.
pub(super) fn owner_of(bytes: &[u8], session: &SessionId) -> SessionId {
    let owner = session_of(bytes).and_then(|owner| SessionId::new(owner).ok());
    owner.unwrap_or_else(|| session.clone())
}

/// A segment's bytes, without what the next one says not to count.
pub(super) fn live_bytes(
    store: &dyn Store,
    session: &SessionId,
    segment: u32,
) -> Result<Vec<u8>, Error> {
    let mut bytes = store.read(session, segment, SEGMENT_MAX)?;
    let owner = owner_of(&bytes, session);
    if is_sealed(&place(store, &owner, segment), &bytes)? {
        return Ok(bytes);
    }
    let Some(next) = segment.checked_add(1) else {
        return Ok(bytes);
    };
    if store.segments(session)?.binary_search(&next).is_err() {
        return Ok(bytes);
    }
    let behind = store.read(session, next, SEGMENT_MAX)?;
    let owner = owner_of(&behind, session);
    if let Start::Good(opening, _) = place(store, &owner, next).check(&behind)?
        && opening.void_from > 0
    {
        bytes.truncate(narrow(opening.void_from));
    }
    Ok(bytes)
}
