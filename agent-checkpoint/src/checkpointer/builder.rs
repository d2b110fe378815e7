//! Settings for a session, and its opening.

use std::fmt;
use std::sync::Arc;

use agent_primitives::{AgentId, Clock, Observer, Restored, SessionId, SystemClock};

use super::attach::Attached;
use super::seal::{Sealer, Sealing};
use super::{Checkpointer, Retention, Signal};
use crate::format::compress::Packer;
use crate::{Durability, Error, Store};

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
    sealing: Sealing,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("store", &self.store)
            .field("session", &self.session)
            .field("agent", &self.agent)
            .field("retention", &self.retention)
            .field("durability", &self.durability)
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
            sealing: Sealing::default(),
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

    /// Whether segments that are full are packed tighter in the background; [`Sealing::Background`] unless
    /// set.
    #[must_use]
    pub fn sealing(mut self, sealing: Sealing) -> Self {
        self.sealing = sealing;
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
    /// [`Error::is_unavailable`] when the store cannot be read.
    pub fn open(self) -> Result<Checkpointer, Error> {
        let started = self.clock.monotonic();
        let attached = Attached::to(&self.store, &self.session)?;
        let session = Checkpointer {
            packer: Packer::new()?,
            listed: attached.listed,
            logical: attached.logical,
            head: attached.head,
            sealer: Sealer::new(self.sealing, attached.closed),
            signal: Signal::default(),
            store: self.store,
            writer: attached.writer,
            session: self.session,
            agent: self.agent,
            observer: self.observer,
            clock: self.clock,
            retention: self.retention,
            durability: self.durability,
            current: attached.current,
            end: attached.end,
            owed: attached.owed,
            report: attached.report,
        };
        if let Some(head) = session.report.head.clone() {
            let elapsed = session.clock.monotonic().since(started);
            session.emit(Restored::new(head, elapsed).lost(session.report.lost_bytes));
        }
        Ok(session)
    }
}
