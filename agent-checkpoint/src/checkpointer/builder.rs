//! Settings for a session, and its opening.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{AgentId, Clock, Observer, Restored, SessionId, SystemClock};

use super::attach::Attached;
use super::desk::Desk;
use super::{Checkpointer, Resume, Retention, Signal};
use crate::format::compress::Packer;
use crate::{Durability, Error, Reader, Store};

/// Settings for a session, from [`Checkpointer::builder`].
///
/// ```
/// use std::sync::Arc;
/// use agent_checkpoint::{Checkpointer, Durability, MemoryStore};
/// use agent_primitives::{AgentId, ManualClock, SessionId};
///
/// let session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?)
///     .agent(AgentId::new("coder")?)
///     .clock(Arc::new(ManualClock::default()))
///     .durability(Durability::Buffered)
///     .open()?;
/// assert!(session.history().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Builder {
    store: Arc<dyn Store>,
    session: SessionId,
    agent: Option<AgentId>,
    observer: Arc<dyn Observer>,
    clock: Arc<dyn Clock>,
    retention: Retention,
    durability: Durability,
    patience: Option<Duration>,
    limit: u64,
    resume: Resume,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("store", &self.store)
            .field("session", &self.session)
            .field("agent", &self.agent)
            .field("retention", &self.retention)
            .field("durability", &self.durability)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Builder {
    pub(super) fn new(store: Arc<dyn Store>, session: SessionId) -> Self {
        Self {
            store,
            session,
            agent: None,
            observer: Arc::new(()),
            clock: Arc::new(SystemClock),
            retention: Retention::default(),
            durability: Durability::default(),
            patience: None,
            limit: Reader::LIMIT,
            resume: Resume::default(),
        }
    }

    /// Who works: stands in each checkpoint and in the stamps of events. Nobody unless set.
    #[must_use]
    pub fn agent(mut self, agent: AgentId) -> Self {
        self.agent = Some(agent);
        self
    }

    /// Hears of saves and restores. Nobody unless set.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Where times come from; the system unless set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Which checkpoints stay; the last ten unless set.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// What a save survives; [`Durability::Synced`] unless set.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How much of the session is taken into memory; all of it unless set.
    #[must_use]
    pub fn resume(mut self, resume: Resume) -> Self {
        self.resume = resume;
        self
    }

    /// How long a save waits for the store at most; as long as the store takes unless set.
    ///
    /// A save that takes longer gives [`Error::is_blocked`] and goes on by itself. The next one asks for
    /// its outcome first: when it is done by then, the checkpoint counts and only what changed since is
    /// written; when it failed, everything is written again; when it is still under way, that save gives
    /// [`Error::is_blocked`] too, after this long. So an agent may work on in memory while a disk hangs, and
    /// one save at most is under way: the memory it holds is that of its frames, 64 MiB for each, beside
    /// the 4 MiB that wait for a sync.
    ///
    /// Worth setting where the store is on a network or a disk that sleeps, and a turn of the agent is worth more
    /// than knowing at once that it was saved: a few seconds. It costs a thread that sleeps between saves
    /// and two handovers a save. Opening and reading the session, and dropping it while no save is under
    /// way, take as long as the store does.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?)
    ///     .patience(Duration::from_secs(5))
    ///     .open()?;
    /// session.push(Message::user("hello"))?;
    /// match session.save(CheckpointKind::Auto) {
    ///     // On with the work; the next save asks what became of this one.
    ///     Err(error) if error.is_blocked() => {}
    ///     saved => assert_eq!(session.latest().map(|c| c.id), Some(saved?)),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Most that the log may inflate to, in bytes; 4 GiB unless set. Hostile bytes could fill the memory
    /// otherwise: they inflate to up to a thousand times their length.
    ///
    /// In memory messages take about as much as they inflate to, and up to sixteen times as much where they
    /// are next to empty.
    #[must_use]
    pub fn read_limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Opens the session, new or not, and takes its lock.
    ///
    /// The state is that of the newest checkpoint whose every byte is as it was written. Bytes that are
    /// not are copied to quarantine, and [`Checkpointer::report`] tells of them; what an interrupted
    /// write left at the end is then cut off. Where there is no room for the copies, the session opens all
    /// the same, [`Report::unmended_bytes`](crate::Report::unmended_bytes) tells, and the first save does it. Emits [`Restored`] when the session existed.
    ///
    /// # Errors
    /// [`Error::is_locked`] while another writer lives; [`Error::is_newer`] and [`Error::is_foreign`]
    /// for logs that are not this build's to write, which are left as they are;
    /// [`Error::is_too_large`] for a log beyond the [`read_limit`](Self::read_limit);
    /// [`Error::is_unavailable`] when the store cannot be read.
    pub fn open(self) -> Result<Checkpointer, Error> {
        let started = self.clock.monotonic();
        let attached = Attached::to(&self.store, &self.session, None, self.limit, self.resume)?;
        let session = Checkpointer {
            packer: Packer::new()?,
            listed: attached.listed,
            logical: attached.logical,
            head: attached.head,
            signal: Signal::default(),
            store: self.store,
            desk: Desk::new(attached.appender, self.patience),
            flight: None,
            session: self.session,
            agent: self.agent,
            observer: self.observer,
            clock: self.clock,
            retention: self.retention,
            durability: self.durability,
            current: attached.current,
            report: attached.report,
            limit: self.limit,
            is_partial: attached.is_partial,
        };
        if let Some(head) = session.report.head.clone() {
            let elapsed = session.clock.monotonic().since(started);
            session.emit(Restored::new(head, elapsed).lost(session.report.lost_bytes));
        }
        Ok(session)
    }
}
