//! The recorder: a cheap handle in front of a bounded queue and one writer thread.

mod builder;
mod clock;
mod context;
mod health;
mod queue;
mod resolve;
mod shard;
mod tap;
mod writer;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent_primitives::{Clock, Event, Observer, Stamp};

pub use builder::{StartError, TelemetryBuilder};
pub use clock::CoarseTimestamps;
pub use health::{Dropped, FlushError, Flushed, Health, LiveHealth};

pub(crate) use context::{Context, ContextId, Target};
pub(crate) use queue::Queue;
pub(crate) use shard::Figures;
pub(crate) use tap::Tap;

use crate::privacy::Redactor;
use crate::{
    GenAiNames, Live, LiveConfig, Mark, Prices, ProjectId, Record, Session, SessionStart, Sink,
    UserHash, UserKey,
};
use context::Contexts;

/// Longest wait for the sink when the last handle is dropped.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// Records what happens. Clones are handles of the same recorder.
///
/// Recording puts a record into a bounded queue and returns: it needs no async runtime and never
/// waits for the sink. One thread takes the records out and stores them in batches; it sleeps while
/// there is nothing to do. A record that finds the queue full is dropped and counted.
///
/// When the last handle is dropped, sessions and tool spans included, what is left is stored, for
/// which the drop waits up to five seconds; [`shutdown`](Self::shutdown) does the same and reports.
/// A process that is killed loses at most the group-commit window, 50 ms unless set, and the write
/// under way.
///
/// It is an [`Observer`]: hand a clone to the crates that emit events.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{AgentId, SessionId, ToolName};
/// use agent_telemetry::{MemorySink, Outcome, SessionStart, Stats, Telemetry};
///
/// let sink = MemorySink::new();
/// let telemetry = Telemetry::builder(sink.clone()).start()?;
///
/// let session = telemetry.session(SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?));
/// session.tool_call(ToolName::new("grep")?).ok();
/// session.end(Outcome::Success);
///
/// telemetry.flush(Duration::from_secs(5))?;
/// let stats = Stats::of(sink.records());
/// assert_eq!((stats.overview.sessions, stats.overview.tool_calls), (1, 1));
/// assert_eq!(stats.outcomes.success, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Telemetry(Arc<Shared>);

struct Shared {
    queue: Arc<Queue>,
    tap: Arc<Tap>,
    contexts: Arc<Contexts>,
    /// Those that the sink had, until somebody takes them.
    marks: Mutex<Vec<Mark>>,
    prices: Arc<Prices>,
    clock: Arc<dyn Clock>,
    project: Option<ProjectId>,
    names: GenAiNames,
    user_key: UserKey,
    redactor: Arc<Redactor>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Whoever wants to know calls `shutdown` before.
        let _ = self.queue.close(DROP_TIMEOUT);
    }
}

impl Telemetry {
    /// A recorder that stores into `sink`, with its options still open.
    pub fn builder<S: Sink + 'static>(sink: S) -> TelemetryBuilder<S> {
        TelemetryBuilder::new(sink)
    }

    /// Begins a session. Dropping the handle without [`Session::end`] records
    /// [`Outcome::Aborted`](crate::Outcome::Aborted).
    ///
    /// With an id that is recorded already, the report still counts one session, and a crash where the
    /// earlier handle left no end; a host that does not know whether there was one may use this.
    /// [`resume_session`](Self::resume_session) says in the records that it was meant.
    #[must_use = "dropping the handle ends the session as aborted"]
    pub fn session(&self, start: SessionStart) -> Session {
        Session::begin(self, start)
    }

    /// Goes on with a session whose earlier handle is gone, as after a crash: same session id, and
    /// one session in the report. Where the earlier handle left no end, the report counts a crash.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_primitives::{AgentId, SessionId};
    /// use agent_telemetry::{MemorySink, Outcome, SessionStart, Stats, Telemetry};
    ///
    /// let sink = MemorySink::new();
    /// let start = SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?);
    ///
    /// let before = Telemetry::builder(sink.clone()).start()?;
    /// let killed = before.session(start.clone());
    /// before.flush(Duration::from_secs(5))?;
    /// std::mem::forget(killed);
    ///
    /// let after = Telemetry::builder(sink.clone()).start()?;
    /// after.resume_session(start).end(Outcome::Success);
    /// after.flush(Duration::from_secs(5))?;
    ///
    /// let stats = Stats::of(sink.records());
    /// assert_eq!((stats.overview.sessions, stats.overview.crashes), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "dropping the handle ends the session as aborted"]
    pub fn resume_session(&self, start: SessionStart) -> Session {
        Session::resume(self, start)
    }

    /// Records anything, with the time and the session that the record says. A record without a
    /// project gets the recorder's own.
    pub fn record(&self, mut record: Record) {
        if record.project.is_none() {
            record.project.clone_from(&self.0.project);
        }
        self.0.queue.push(None, record);
    }

    /// As [`record`](Self::record), and a model call without a cost gets that of the prices, where they know the
    /// provider and model at its time; otherwise it stays unpriced.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage};
    /// use agent_telemetry::{MemorySink, ModelCall, Record, Stats, Telemetry};
    ///
    /// let sink = MemorySink::new();
    /// let telemetry = Telemetry::builder(sink.clone()).start()?;
    /// let call = ModelCall::new(ProviderId::new("claude")?, ModelId::new("claude-haiku-4-5")?)
    ///     .usage(TokenUsage::new(1_000, 100));
    /// telemetry.record_priced(Record::new(Timestamp::from_unix_seconds(1_795_132_800), call));
    ///
    /// telemetry.flush(Duration::from_secs(5))?;
    /// assert_eq!(Stats::of(sink.records()).cost.total, "0.0015".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn record_priced(&self, mut record: Record) {
        // Here, before the writer masks names: the prices know the real ones.
        resolve::price(&self.0.prices, &mut record);
        self.record(record);
    }

    /// The newest [`Mark`] of each key that the sink had when the recorder started, for whoever goes on where an
    /// earlier process ended. Given once: they are not kept beyond that, and a second call gives none.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::{Mark, MemorySink, Metric, Record, Telemetry};
    ///
    /// let sink = MemorySink::new();
    /// let mark = Mark::new(7, *b"so far")?;
    /// let before = Telemetry::builder(sink.clone()).start()?;
    /// assert!(before.marks().is_empty());
    /// let record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("requests", 1));
    /// before.record(record.with_marks([mark.clone()])?);
    /// before.shutdown(Duration::from_secs(5))?;
    ///
    /// let after = Telemetry::builder(sink).start()?;
    /// assert_eq!(after.marks(), [mark]);
    /// assert!(after.marks().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn marks(&self) -> Vec<Mark> {
        let mut marks = self.0.marks.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *marks)
    }

    /// A person by their e-mail address, of which nothing is kept: the key of the store makes a value
    /// of it from which the address cannot be computed. Case and white space around it make no
    /// difference.
    ///
    /// ```
    /// use agent_telemetry::{MemorySink, Telemetry};
    ///
    /// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
    /// assert_eq!(telemetry.user("ada@example.com"), telemetry.user(" Ada@Example.com"));
    /// assert_ne!(telemetry.user("ada@example.com"), telemetry.user("bob@example.com"));
    /// # Ok::<(), agent_telemetry::StartError>(())
    /// ```
    pub fn user(&self, address: &str) -> UserHash {
        self.0.user_key.user(address)
    }

    /// Waits until everything recorded before the call is in the sink.
    ///
    /// It asks for one write without delay, so that it reports a sink that refuses at once, instead
    /// of waiting out the timeout. Blocks the calling thread: in async code, call it from a thread
    /// that may block.
    ///
    /// # Errors
    /// [`FlushError`] says whether time was up, the sink refused, the recorder has stopped, or the
    /// sink itself asked. Records are lost only when it has stopped.
    pub fn flush(&self, timeout: Duration) -> Result<Flushed, FlushError> {
        self.0.queue.flush(timeout)
    }

    /// Takes no more records, for all clones, and stores those that it has. A sink that refuses is
    /// asked once more; what it still refuses is dropped and counted.
    ///
    /// # Errors
    /// [`FlushError`] when records are lost, or when time was up: then the writer goes on while the
    /// process lives. From within the sink it does not wait, and the writer goes on as well.
    pub fn shutdown(&self, timeout: Duration) -> Result<Flushed, FlushError> {
        self.0.queue.close(timeout)
    }

    /// Records that will not be stored, by cause, since the start.
    pub fn dropped(&self) -> Dropped {
        self.0.queue.health().dropped
    }

    /// How the recorder is doing.
    pub fn health(&self) -> Health {
        Health {
            live: self.0.tap.health(),
            ..self.0.queue.health()
        }
    }

    /// Watches what is recorded from now on: records as the sink gets them, masked and priced, some 2 ms after they
    /// were made and mostly before the sink has them, in its order; and running totals of them.
    ///
    /// Those who record never wait for a reader. One that does not keep up misses records and is told how many; one
    /// that stays away is disconnected. The first subscription starts a thread, which ends with the last one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_primitives::{AgentId, SessionId, ToolName};
    /// use agent_telemetry::{LiveConfig, LiveItem, MemorySink, RecordKind, SessionStart, Telemetry};
    ///
    /// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
    /// let calls = LiveConfig::new().kinds([RecordKind::ToolCall]).without_totals();
    /// let mut live = telemetry.subscribe(calls)?;
    ///
    /// let session = telemetry.session(SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?));
    /// session.tool_call(ToolName::new("grep")?).ok();
    /// let LiveItem::Record(record) = live.recv(Duration::from_secs(5))? else { panic!("no record") };
    /// assert_eq!(record.kind(), RecordKind::ToolCall);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StartError`] when the system gives no thread.
    pub fn subscribe(&self, config: LiveConfig) -> Result<Live, StartError> {
        let tap = &self.0.tap;
        let channel = tap.subscribe(config).map_err(StartError::live)?;
        Ok(Live::new(Arc::clone(tap), channel))
    }

    /// As [`record_priced`](Self::record_priced), but gives the record back where the queue has no room for it.
    #[cfg(feature = "otlp")]
    pub(crate) fn offer_priced(&self, mut record: Record) -> Option<Record> {
        resolve::price(&self.0.prices, &mut record);
        if record.project.is_none() {
            record.project.clone_from(&self.0.project);
        }
        self.0.queue.offer(record)
    }

    /// How many records the queue has room for, whoever records them.
    #[cfg(feature = "otlp")]
    pub(crate) fn room(&self) -> usize {
        self.0.queue.room()
    }

    /// A number that nobody knows who has not the store, the same in every run.
    #[cfg(feature = "otlp")]
    pub(crate) fn secret(&self, usage: &str) -> u64 {
        self.0.user_key.secret(usage)
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.0.queue
    }

    pub(crate) fn project(&self) -> Option<&ProjectId> {
        self.0.project.as_ref()
    }

    pub(crate) fn genai_names(&self) -> GenAiNames {
        self.0.names
    }

    pub(crate) fn add_context(&self, mut context: Context) -> ContextId {
        // Once for each handle, instead of once for each record.
        self.0.redactor.context(&mut context);
        self.0.contexts.add(context)
    }

    pub(crate) fn retire_context(&self, id: ContextId) {
        self.0.contexts.retire(id);
    }
}

impl Observer for Telemetry {
    fn observe(&self, stamp: Stamp<'_>, event: &Event) {
        match Record::of_event(stamp, event) {
            Some(record) => self.record(record),
            None => self.0.queue.count_unrecognised(),
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Telemetry").field(&self.health()).finish()
    }
}
