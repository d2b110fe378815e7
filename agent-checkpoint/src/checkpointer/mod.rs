//! A session as a host works with it.

mod attach;
mod builder;
mod checkpoint;
mod components;
mod current;
mod cut;
#[cfg(test)]
mod golden;
mod load;
#[cfg(all(test, feature = "fs"))]
mod race;
mod report;
mod restore;
mod retention;
mod save;
mod signal;
mod tenure;

pub use builder::Builder;
pub use checkpoint::Checkpoint;
pub use report::{Quarantined, Report};
pub use retention::{Reason, Retention, Ruling};
pub use signal::Signal;

use std::fmt;
use std::sync::Arc;

use agent_primitives::{AgentId, Clock, Event, Observer, SessionId, Stamp, Timestamp};

use crate::format::compress::Packer;
use crate::state::savable::{check_depth, check_message};
use crate::{
    Claim, Durability, Error, Message, Position, SessionState, Snapshot, Store, Work, Writer,
};
use attach::Mending;
use components::Host;
use current::Current;
use save::{Head, LogEnd};

/// One session: its state in memory and its log in a store.
///
/// Changes go to memory first; [`save`](Self::save) writes what changed since the last save and makes a
/// checkpoint of it. Whatever fails, the state in memory stays, and the next save tries again.
///
/// Dropping it without a save loses what was not saved, and gives the session's lock back.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
/// use agent_primitives::{CheckpointKind, SessionId};
///
/// let store = MemoryStore::new();
/// let id = SessionId::new("fix-the-build")?;
///
/// let mut session = Checkpointer::builder(store.clone(), id.clone()).open()?;
/// session.push(Message::user("Fix the build."))?;
/// session.update(|work| work.next_steps.push("read the log".into()));
/// session.save(CheckpointKind::Auto)?;
/// drop(session);
///
/// let session = Checkpointer::builder(store, id).open()?;
/// assert_eq!(session.history(), [Message::user("Fix the build.")]);
/// assert_eq!(session.state().work.next_steps, ["read the log"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Checkpointer {
    store: Arc<dyn Store>,
    writer: Box<dyn Writer>,
    session: SessionId,
    agent: Option<AgentId>,
    observer: Arc<dyn Observer>,
    clock: Arc<dyn Clock>,
    retention: Retention,
    durability: Durability,
    /// What the session was opened with; its time is that of opening.
    claim: Claim,
    /// When the lease was last renewed.
    renewed: Timestamp,
    signal: Signal,
    packer: Packer,
    current: Current,
    head: Option<Head>,
    end: LogEnd,
    /// Damage that opening could not set aside.
    owed: Option<Mending>,
    /// Checkpoints that no tombstone in the log names, oldest first.
    listed: Vec<Checkpoint>,
    logical: u64,
    report: Report,
}

impl Checkpointer {
    /// A builder for a session in `store`; [`open`](Builder::open) opens it.
    pub fn builder(store: impl Store + 'static, session: SessionId) -> Builder {
        Builder::new(Arc::new(store), session)
    }

    /// Which session this is.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// What opening found and lost.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The state now, what is not saved yet included.
    pub fn state(&self) -> &SessionState {
        &self.current.state
    }

    /// Every message from the first on, whatever was cut from the context.
    pub fn history(&self) -> &[Message] {
        &self.current.state.conversation
    }

    /// The messages that the model is sent now: the history, unless [`cut`](Self::cut) took from it.
    pub fn context(&self) -> Vec<&Message> {
        self.current.messages(&self.current.pieces())
    }

    /// Messages that no checkpoint holds yet.
    pub fn unsaved(&self) -> &[Message] {
        self.current.pending()
    }

    /// Adds a message to the conversation, in memory: an in-memory append until the next save.
    ///
    /// # Errors
    /// The message is not added. [`Error::is_too_large`] for one of about 63 MiB or more as JSON;
    /// [`Error::is_unsavable`] where arrays and objects nest more than 100 deep, or an additional field
    /// has the name of one that the type has.
    pub fn push(&mut self, message: Message) -> Result<(), Error> {
        check_message(&message)?;
        self.current.push(message);
        Ok(())
    }

    /// Changes what the agent knows beside the conversation, in memory until the next save.
    ///
    /// A save refuses what would not read back, with [`Error::is_unsavable`], and writes nothing; the
    /// next `update` can mend it.
    pub fn update<T>(&mut self, change: impl FnOnce(&mut Work) -> T) -> T {
        self.current.is_work_touched = true;
        change(&mut self.current.state.work)
    }

    /// Sets a host's own component, in memory until the next save.
    ///
    /// # Errors
    /// [`Error::is_unsavable`] when the value cannot be turned into JSON, such as a map whose keys are not
    /// text, or nests more than 100 deep.
    pub fn put<T: Snapshot>(&mut self, value: &T) -> Result<(), Error> {
        let what = || format!("component {}", T::KIND);
        let value = serde_json::to_value(value).map_err(|e| Error::encode(what(), e))?;
        check_depth(what(), &value)?;
        self.current.host.insert(
            T::KIND.to_owned(),
            Host {
                schema: T::VERSION,
                value,
            },
        );
        self.current.is_work_touched = true;
        Ok(())
    }

    /// A host's own component; `None` where none was put.
    ///
    /// # Errors
    /// [`Error::is_newer`] when a later version of the type wrote it; any other when an earlier one did,
    /// or another type.
    pub fn component<T: Snapshot>(&self) -> Result<Option<T>, Error> {
        let Some(host) = self.current.host.get(T::KIND) else {
            return Ok(None);
        };
        let what = || format!("component {} of version {}", T::KIND, host.schema);
        if host.schema > T::VERSION {
            return Err(Error::newer(what()));
        }
        if host.schema < T::VERSION {
            return Err(Error::invalid(
                what(),
                "it has an earlier layout; read it as the type it was",
            ));
        }
        T::deserialize(&host.value)
            .map(Some)
            .map_err(|e| Error::decode(what(), e))
    }

    /// An observer that asks this session for a save; see [`save_if_asked`](Self::save_if_asked).
    pub fn signal(&self) -> Signal {
        self.signal.clone()
    }

    /// How much was saved and what it takes.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub fn figures(&self) -> Result<Figures, Error> {
        let size = match self.end.last_segment {
            0 => crate::Size::default(),
            _ => self.writer.size()?,
        };
        Ok(Figures {
            logical_bytes: self.logical,
            stored_bytes: size.used,
            allocated_bytes: size.allocated,
            checkpoints: self.list().len(),
        })
    }

    fn emit(&self, event: impl Into<Event>) {
        let mut stamp = Stamp::at(self.clock.timestamp()).of_session(&self.session);
        if let Some(agent) = &self.agent {
            stamp = stamp.of_agent(agent);
        }
        self.observer.observe(stamp, &event.into());
    }
}

impl fmt::Debug for Checkpointer {
    /// Leaves the conversation out: it may be long, and secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpointer")
            .field("session", &self.session)
            .field("agent", &self.agent)
            .field("head", &self.head.as_ref().map(Head::id))
            .field("messages", &self.history().len())
            .field("unsaved", &self.unsaved().len())
            .finish_non_exhaustive()
    }
}

/// Sizes of a session.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
/// use agent_primitives::{CheckpointKind, SessionId};
///
/// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
/// session.push(Message::user("again and again and again and again and again and again"))?;
/// session.save(CheckpointKind::Auto)?;
/// let figures = session.figures()?;
/// assert_eq!((figures.logical_bytes, figures.checkpoints), (87, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// Bytes of JSON saved: each message once, each component once per change.
    pub logical_bytes: u64,
    /// Bytes of the log.
    pub stored_bytes: u64,
    /// Bytes taken for it, preallocated space included.
    pub allocated_bytes: u64,
    /// Checkpoints in the listing.
    pub checkpoints: usize,
}

/// Where the log of `position`'s segment goes on, or that a new segment is due.
fn behind(position: Position, len: usize) -> Position {
    let len = u64::try_from(len).unwrap_or(u64::MAX);
    Position {
        offset: position.offset.saturating_add(len),
        ..position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_may_move_to_another_thread_and_be_held_across_awaits() {
        const fn is_send_and_sync<T: Send + Sync>() {}
        is_send_and_sync::<Checkpointer>();
        is_send_and_sync::<Signal>();
        is_send_and_sync::<Error>();
        is_send_and_sync::<Arc<dyn Store>>();
    }
}
