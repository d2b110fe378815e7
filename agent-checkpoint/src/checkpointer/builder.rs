//! Settings for a session, and its opening.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{AgentId, Clock, Observer, Restored, SessionId, SystemClock, Timestamp};

use super::attach::{Attached, Reopening};
use super::desk::Desk;
use super::fork::Origin;
use super::keying::Keying;
use super::seal::{Sealer, Sealing};
use super::trigger::Progress;
use super::{Checkpointer, Resume, Retention, Signal, Triggers};
use crate::format::SEGMENT_TARGET;
use crate::format::compress::Packer;
use crate::redact::Redaction;
use crate::{Claim, Durability, Error, Reader, Store, TakeOver};

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
    triggers: Triggers,
    durability: Durability,
    pub(super) origin: Option<Origin>,
    patience: Option<Duration>,
    limit: u64,
    sealing: Sealing,
    resume: Resume,
    claim: Claim,
    segment_target: usize,
    pub(super) keys: Keying,
    redaction: Arc<Redaction>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("store", &self.store)
            .field("session", &self.session)
            .field("agent", &self.agent)
            .field("retention", &self.retention)
            .field("triggers", &self.triggers)
            .field("durability", &self.durability)
            .field("lease", &self.claim.lease)
            .field("take_over", &self.claim.take_over)
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
            triggers: Triggers::default(),
            durability: Durability::default(),
            origin: None,
            patience: None,
            limit: Reader::LIMIT,
            sealing: Sealing::default(),
            resume: Resume::default(),
            claim: Claim::at(Timestamp::UNIX_EPOCH),
            segment_target: SEGMENT_TARGET,
            redaction: Arc::default(),
            keys: Keying::default(),
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

    /// Which checkpoints stay; the last ten of each agent unless set.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// When [`save_if_due`](Checkpointer::save_if_due) saves; [`Triggers::default`] unless set.
    #[must_use]
    pub fn triggers(mut self, triggers: Triggers) -> Self {
        self.triggers = triggers;
        self
    }

    /// What a save survives; [`Durability::Synced`] unless set.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How long the session counts as held without a renewal; 30 s unless set. Appends renew it once a third
    /// has passed, and so does [`Checkpointer::renew`].
    ///
    /// The lease keeps nobody from appending: it only says from when on another process that asks with
    /// [`TakeOver::Expired`] may take the session from one that still runs. It goes by the wall clock. Where
    /// the clock of whoever asks is ahead, it takes over early, and where it is behind, late; either way no
    /// acknowledged save is lost, since fencing goes by epochs and not by time.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.claim.lease = lease;
        self
    }

    /// Takes the session from a writer that still holds it; from nobody unless set.
    ///
    /// What that writer was told is saved stays. Its later saves fail with [`Error::is_fenced`], also one that
    /// it began before. Of several who ask at once, one gets the session.
    ///
    /// On a network file system the writer taken over from learns of it only as fast as its system shows
    /// it the other's change, which may be seconds: a save that it makes meanwhile is acknowledged there and is
    /// not in the log. Its bytes are void in any case and never mix with the new owner's. On Windows a
    /// writer that runs keeps its lock file from being read, so that nothing can be taken from it; end its
    /// process.
    #[must_use]
    pub fn take_over(mut self, how: TakeOver) -> Self {
        self.claim.take_over = Some(how);
        self
    }

    /// Whether segments that are full are packed tighter in the background; [`Sealing::Background`] unless
    /// set.
    #[must_use]
    pub fn sealing(mut self, sealing: Sealing) -> Self {
        self.sealing = sealing;
        self
    }

    /// As [`Checkpointer::builder`], with what another session was opened with.
    pub(super) fn like(session: &Checkpointer, id: SessionId) -> Self {
        Self {
            agent: session.agent.clone(),
            observer: Arc::clone(&session.observer),
            clock: Arc::clone(&session.clock),
            retention: session.points.policy(),
            triggers: session.triggers,
            durability: session.durability,
            patience: session.desk.patience(),
            limit: session.limit,
            claim: session.claim,
            sealing: session.sealer.mode(),
            redaction: Arc::clone(&session.redaction),
            keys: Keying::Made(session.keys.clone()),
            ..Self::new(Arc::clone(&session.store), id)
        }
    }

    /// Looks at a session of the same store.
    pub(super) fn reader(&self, session: &SessionId) -> Result<Reader, Error> {
        let store = Arc::clone(&self.store);
        Reader::open_as(store, session.clone(), self.limit, self.keys.make()?)
    }

    pub(super) const fn id(&self) -> &SessionId {
        &self.session
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

    /// Most memory that the log may take, in bytes; 4 GiB unless set. Hostile bytes could fill the memory
    /// otherwise: they inflate to up to a thousand times their length, and once parsed take up to a hundred and fifty
    /// times as much again.
    ///
    /// What a record takes is weighed before it is parsed: its text, and what lists, objects and messages take
    /// beside it. Components count as if they were inflated. Beside it reading takes the segments that it is
    /// at, of which the longest has 132 MiB, and working memory of less than 32 MiB. Set less than the default
    /// for logs that others may have written.
    #[must_use]
    pub fn read_limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// What is masked in all that the session writes: messages, components, labels and the reasons of checkpoints.
    /// [`Redaction::default`] unless set, which masks what looks like a key, a token or a password.
    ///
    /// What is in memory stays as it is, until the session is opened again: then it is what the log has. So a
    /// secret that the work needs again belongs with the host, which can put it in where the mask stands. A secret
    /// that lies in parts in two messages is not seen, and what an earlier session wrote is not rewritten.
    ///
    /// An id that looks like a secret is refused, since it stands in the names of files. A component that would not
    /// read back with a mask in it is refused by [`put`](Checkpointer::put), and one of the session's own by
    /// [`save`](Checkpointer::save).
    ///
    /// ```
    /// use agent_checkpoint::redact::Redaction;
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let (store, id) = (MemoryStore::new(), SessionId::new("s1")?);
    /// let redaction = Redaction::default().with_literal("crm-key", "correct-horse-battery");
    /// let mut session = Checkpointer::builder(store.clone(), id.clone()).redaction(redaction).open()?;
    /// session.push(Message::user("log in with correct-horse-battery"))?;
    /// session.save(CheckpointKind::Auto)?;
    /// assert_eq!(session.history()[0].content, "log in with correct-horse-battery");
    /// drop(session);
    ///
    /// let session = Checkpointer::builder(store, id).open()?;
    /// assert_eq!(session.history()[0].content, "log in with [redacted:crm-key]");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn redaction(mut self, redaction: Redaction) -> Self {
        self.redaction = Arc::new(redaction);
        self
    }

    /// Names stand where nothing is masked.
    fn check_names(&self) -> Result<(), Error> {
        let agent = self.agent.as_ref().map(|agent| ("agent", agent.as_str()));
        let names = [Some(("session", self.session.as_str())), agent];
        for (what, name) in names.into_iter().flatten() {
            if !self.redaction.find(name).is_empty() {
                let what = format!("the id of the {what}");
                return Err(Error::invalid(
                    what,
                    "it looks like a secret: give another, or allow this one in the redaction",
                ));
            }
        }
        Ok(())
    }

    /// Short segments, so that a short session has several.
    #[cfg(all(test, feature = "fs"))]
    pub(crate) const fn segment_target(mut self, bytes: usize) -> Self {
        self.segment_target = bytes;
        self
    }

    /// What is to be opened, and where.
    pub(crate) fn target(&self) -> (Arc<dyn Store>, SessionId) {
        (Arc::clone(&self.store), self.session.clone())
    }

    /// Most bytes of memory that the log may take.
    pub(crate) const fn limit(&self) -> u64 {
        self.limit
    }

    /// The time by the session's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.timestamp()
    }

    /// The same for another session.
    pub(crate) fn named(mut self, session: SessionId) -> Self {
        self.session = session;
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
    /// [`Error::is_invalid`] for a [`Retention`], [`Triggers`] or [`Redaction`] that cannot be meant, and an id that looks like a secret. [`Error::is_locked`] while another writer lives, and it is not to be, or cannot be,
    /// [taken over](Self::take_over) from; [`Error::owner`] tells who it is. [`Error::is_newer`] and [`Error::is_foreign`]
    /// for logs that are not this build's to write, which are left as they are;
    /// [`Error::is_too_large`] for a log beyond the [`read_limit`](Self::read_limit);
    /// [`Error::is_unavailable`] when the store cannot be read.
    pub fn open(self) -> Result<Checkpointer, Error> {
        let invalid = |what: &str| {
            let what = format!("the {what} of session {}", self.session);
            move |reason| Error::invalid(what, reason)
        };
        self.retention.check().map_err(invalid("retention"))?;
        self.triggers.check().map_err(invalid("triggers"))?;
        self.redaction.check().map_err(invalid("redaction"))?;
        self.check_names()?;
        let started = self.clock.monotonic();
        let claim = Claim {
            now: self.clock.timestamp(),
            ..self.claim
        };
        let keys = self.keys.make()?;
        let reading = Reopening {
            keys: &keys,
            doubt: None,
            limit: self.limit,
            resume: self.resume,
        };
        let mut attached = match &self.origin {
            Some(origin) => origin.attach(&self.store, &self.session, &claim, reading)?,
            None => Attached::to(&self.store, &self.session, &claim, reading)?,
        };
        attached.appender.segment_target = self.segment_target;
        let session = Checkpointer {
            redaction: self.redaction,
            packer: Packer::new(&keys)?,
            keys: keys.clone(),
            blobs: attached.blobs,
            points: attached.points.with_policy(self.retention),
            progress: Progress::starting_at(started, &attached.current.state.work.usage),
            triggers: self.triggers,
            postponed: None,
            logical: attached.logical,
            head: attached.head,
            signal: Signal::hearing(&self.triggers),
            sealer: Sealer::new(self.sealing, attached.segments),
            store: self.store,
            desk: Desk::new(attached.appender, self.patience),
            flight: None,
            session: self.session,
            agent: self.agent,
            observer: self.observer,
            clock: self.clock,
            durability: self.durability,
            // To take over is asked for once.
            claim: Claim {
                take_over: None,
                ..claim
            },
            epoch: attached.epoch,
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
