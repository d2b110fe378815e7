//! A session as a host works with it.

mod anew;
mod appender;
pub(crate) mod attach;
#[cfg(test)]
#[cfg(all(feature = "fs", target_os = "linux"))]
mod bombs;
mod builder;
mod checkpoint;
mod components;
mod continued;
pub(crate) mod current;
mod cut;
mod cycle;
mod desk;
mod diff;
mod due;
mod flush;
mod fork;
#[cfg(test)]
mod golden;
mod handoff;
mod health;
#[cfg(test)]
mod hostile;
mod hosts;
pub(crate) mod indexed;
mod keep;
mod keying;
mod label;
#[cfg(test)]
mod later;
pub(crate) mod load;
mod lost_opening;
mod newest;
mod order;
mod pieced;
mod plan;
pub(crate) mod points;
mod prune;
mod query;
#[cfg(feature = "fs")]
#[cfg(test)]
mod race;
mod repair;
mod report;
mod restore;
pub(crate) mod resume;
mod retention;
mod ruling;
pub(crate) mod salvage;
mod save;
mod seal;
mod setting;
mod signal;
pub(crate) mod stored;
mod tenure;
mod trigger;
mod unsynced;
mod whole;
mod why;

pub use builder::Builder;
pub use checkpoint::Checkpoint;
pub use diff::{Change, ChangeKind, Diff};
pub use flush::Flush;
pub use health::Health;
pub use plan::{Restoration, RestorePlan};
pub use query::Query;
pub use report::{Damaged, Quarantined, Report};
pub use resume::Resume;
pub use retention::Retention;
pub use ruling::{Pruning, Reason, Ruling};
pub use seal::{Sealed, Sealing};
pub use signal::Signal;
pub use trigger::Triggers;
pub use why::Why;

use std::fmt;
use std::sync::Arc;

use agent_primitives::{AgentId, Clock, Event, Observer, SessionId, Stamp};

use crate::format::compress::Packer;
use crate::format::keys::Keys;
use crate::log::blobs::Known;
use crate::redact::Redaction;
use crate::state::savable::check_written;
use crate::{Claim, Durability, Error, Message, SessionState, Snapshot, Store, Work};
use current::Current;
use desk::Desk;
use points::Points;
use save::{Flight, Head};
use seal::Sealer;
use trigger::Progress;

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
    // Stops what works under the lock that the writer holds, so it must go before it.
    sealer: Sealer,
    desk: Desk,
    /// What is under way.
    flight: Option<Flight>,
    session: SessionId,
    keys: Keys,
    agent: Option<AgentId>,
    observer: Arc<dyn Observer>,
    clock: Arc<dyn Clock>,
    triggers: Triggers,
    progress: Progress,
    /// A boundary of a workflow that came within the pause: its step.
    postponed: Option<String>,
    durability: Durability,
    /// What the session was opened with; its time is that of opening.
    claim: Claim,
    epoch: u64,
    signal: Signal,
    packer: Packer,
    redaction: Arc<Redaction>,
    /// Long texts in the log, which need not be written again.
    blobs: Known,
    current: Current,
    head: Option<Head>,
    points: Points,
    logical: u64,
    report: Report,
    /// Most that the log may inflate to, in bytes.
    limit: u64,
    /// Not all checkpoints of the log are in `listed`.
    is_partial: bool,
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

    /// The messages that the model is sent now: the history, unless [`cut`](Self::cut) took from it. As far as they
    /// are in memory: of a session that was opened at its end ([`Resume::Last`]) and never cut, that is its
    /// [`history`](Self::history) here.
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
    /// The message is not added. [`Error::is_too_large`] for one of about 63 MiB or more as JSON, secrets in it masked;
    /// [`Error::is_unsavable`] where arrays and objects nest more than 100 deep, or an additional field
    /// has the name of one that the type has.
    pub fn push(&mut self, message: Message) -> Result<(), Error> {
        check_written(&message, &self.redaction)?;
        self.progress.came(&message);
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
    /// The value is turned into bytes here, and the proof made that the bytes become the value again: of
    /// a small value each time, of a large one whenever a field holds a kind of value that it never held
    /// before, and whenever it has doubled.
    ///
    /// # Errors
    /// The component stays as it was. [`Error::is_unsavable`] when its codec would not bring the value
    /// back; the message names the field. [`Error::is_newer`] when a later version of the type saved it,
    /// see [`replace`](Self::replace). [`Error::is_migration`] when the type's migrations are no chain;
    /// [`Error::is_invalid`] when its [`KIND`](Snapshot::KIND) is no name; [`Error::is_too_large`] for a value of about
    /// 64 MiB or more.
    pub fn put<T: Snapshot>(&mut self, value: &T) -> Result<(), Error> {
        self.current.is_work_touched |= self.current.hosts.put(value, false, &self.redaction)?;
        Ok(())
    }

    /// As [`put`](Self::put), also over a value that a later version of the type saved. What that version
    /// knew and this one does not is lost from the next save on; older checkpoints keep it.
    ///
    /// # Errors
    /// As [`put`](Self::put), but for [`Error::is_newer`].
    pub fn replace<T: Snapshot>(&mut self, value: &T) -> Result<(), Error> {
        self.current.is_work_touched |= self.current.hosts.put(value, true, &self.redaction)?;
        Ok(())
    }

    /// Takes a host's component out of the state, whatever version or codec it has; whether there was one.
    pub fn remove(&mut self, kind: &str) -> bool {
        let removed = self.current.hosts.values.remove(kind).is_some();
        self.current.is_work_touched |= removed;
        removed
    }

    /// A host's own component, brought up to the type's version; `None` where none was put.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Migrations, Snapshot};
    /// use agent_primitives::{CheckpointKind, SessionId};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Old {
    ///     goal: String,
    /// }
    /// impl Snapshot for Old {
    ///     const KIND: &'static str = "plan";
    ///     const VERSION: u16 = 1;
    /// }
    ///
    /// #[derive(Debug, PartialEq, Serialize, Deserialize)]
    /// struct Plan {
    ///     goals: Vec<String>,
    /// }
    /// impl Snapshot for Plan {
    ///     const KIND: &'static str = "plan";
    ///     const VERSION: u16 = 2;
    ///
    ///     fn migrations() -> Migrations {
    ///         Migrations::none().step(1, |old| Ok(serde_json::json!({ "goals": [old["goal"]] })))
    ///     }
    /// }
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
    /// session.put(&Old { goal: "ship".into() })?;
    /// let plan = session.component::<Plan>()?.unwrap();
    /// assert_eq!(plan, Plan { goals: vec!["ship".into()] });
    /// session.put(&plan)?;
    /// assert!(session.put(&Old { goal: "no".into() }).unwrap_err().is_newer());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_newer`] when a later version of the type wrote it, or a codec that this build lacks: its
    /// bytes stay in the log, and saves carry it along. [`Error::is_migration`] when a step is missing or
    /// fails. Any other when it is not of this type.
    pub fn component<T: Snapshot>(&self) -> Result<Option<T>, Error> {
        self.current.hosts.read()
    }

    /// An observer that asks this session for a save; see [`save_if_due`](Self::save_if_due).
    pub fn signal(&self) -> Signal {
        self.signal.clone()
    }

    /// How much was saved and what it takes.
    ///
    /// # Errors
    /// The store cannot be asked; [`Error::is_blocked`] while a save is under way.
    pub fn figures(&self) -> Result<Figures, Error> {
        let size = self.desk.appender()?.size()?;
        Ok(Figures {
            logical_bytes: self.logical,
            stored_bytes: size.used,
            allocated_bytes: size.allocated,
            checkpoints: self.points.count(),
            sealed_segments: self.sealer.sealed(),
            sealing_failures: self.sealer.failures(),
        })
    }

    /// What went wrong on the way to the device, and was mended.
    pub fn health(&self) -> Health {
        self.desk.health()
    }

    /// A handle that makes what was saved durable from anywhere: a panic hook, a destructor, another thread. It goes
    /// along where the session [goes on in another one](Self::cycle).
    pub fn flush_handle(&self) -> Flush {
        self.desk.flush_handle()
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
    /// Segments that are sealed, those of jobs that have ended included.
    pub sealed_segments: u64,
    /// How often a segment could not be sealed since the session was opened. Nothing is lost by it; it is
    /// tried again when the next segment is full.
    pub sealing_failures: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_may_move_to_another_thread_and_be_held_across_awaits() {
        const fn is_send_and_sync<T: Send + Sync>() {}
        is_send_and_sync::<Checkpointer>();
        is_send_and_sync::<Signal>();
        is_send_and_sync::<Flush>();
        is_send_and_sync::<Error>();
        is_send_and_sync::<Arc<dyn Store>>();
    }
}
