//! Options of the recorder.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_primitives::Clock;

use super::clock::HostClock;
use super::context::Contexts;
use super::queue::Queue;
use super::resolve::Resolver;
use super::tap::Tap;
use super::{Shared, Telemetry, writer};
use crate::privacy::Redactor;
use crate::{GenAiNames, Prices, ProjectId, Redaction, Sink, SinkError, UserKey};

/// A recorder about to start.
///
/// ```
/// use std::num::NonZeroUsize;
/// use std::time::Duration;
/// use agent_primitives::ManualClock;
/// use agent_telemetry::{MemorySink, Prices, Telemetry};
///
/// let telemetry = Telemetry::builder(MemorySink::new())
///     .clock(ManualClock::default())
///     .prices(Prices::shipped())
///     .queue(NonZeroUsize::new(1_024).expect("not zero"))
///     .window(Duration::from_millis(10))
///     .start()?;
/// assert!(telemetry.health().running);
/// # Ok::<(), agent_telemetry::StartError>(())
/// ```
#[must_use = "nothing is recorded before `start`"]
pub struct TelemetryBuilder<S> {
    sink: S,
    clock: Arc<dyn Clock>,
    prices: Prices,
    project: Option<ProjectId>,
    names: GenAiNames,
    user_key: Option<UserKey>,
    redaction: Redaction,
    queue: usize,
    window: Duration,
}

impl<S: Sink + 'static> TelemetryBuilder<S> {
    const QUEUE: usize = 65_536;
    const WINDOW: Duration = Duration::from_millis(50);

    pub(super) fn new(sink: S) -> Self {
        Self {
            sink,
            clock: Arc::new(HostClock),
            prices: Prices::shipped(),
            project: None,
            names: GenAiNames::default(),
            user_key: None,
            redaction: Redaction::default(),
            queue: Self::QUEUE,
            window: Self::WINDOW,
        }
    }

    /// Where sessions and spans take their time from; the system's clocks unless set. Events bring
    /// their own time. [`CoarseTimestamps`](crate::CoarseTimestamps) takes less time and shows less.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What model calls cost; [`Prices::shipped`] unless set.
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = prices;
        self
    }

    /// Whose work it is, for records that say nothing else; nobody's unless set.
    pub fn project(mut self, project: ProjectId) -> Self {
        self.project = Some(project);
        self
    }

    /// The generation of OpenTelemetry names that `tracing` spans and events have; the latest unless
    /// set. Records have names of their own.
    pub fn genai_names(mut self, names: GenAiNames) -> Self {
        self.names = names;
        self
    }

    /// What e-mail addresses are hashed with; the key that the sink keeps unless set. A host that
    /// keeps the key elsewhere takes from whoever has the store the means to test guesses.
    pub fn user_key(mut self, key: UserKey) -> Self {
        self.user_key = Some(key);
        self
    }

    /// What is taken out of texts and names before the sink sees them; [`Redaction::default`] unless
    /// set.
    pub fn redaction(mut self, redaction: Redaction) -> Self {
        self.redaction = redaction;
        self
    }

    /// Most records that wait for the sink; 65 536 unless set, some 10 to 20 MB when full. One thread
    /// alone may use seven eighths of it; the rest is kept for others.
    pub fn queue(mut self, records: NonZeroUsize) -> Self {
        self.queue = records.get();
        self
    }

    /// The group-commit window: how long the first record of a batch waits for others, and so what a
    /// killed process may lose; 50 ms unless set. Zero stores each record as soon as the sink can
    /// take it. A batch of 8 192 records, or half the queue, does not wait. Real time, whatever the
    /// clock.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Starts the writer thread.
    ///
    /// # Errors
    /// [`StartError`] when the system gives no thread, or the sink cannot give its key or its marks.
    pub fn start(mut self) -> Result<Telemetry, StartError> {
        let queue = Arc::new(Queue::new(self.queue, self.window));
        let user_key = match self.user_key {
            Some(key) => key,
            None => self.sink.user_key().map_err(StartError::key)?,
        };
        let marks = Mutex::new(self.sink.marks().map_err(StartError::marks)?);
        let contexts = Arc::new(Contexts::default());
        let prices = Arc::new(self.prices);
        let redactor = Arc::new(Redactor::new(self.redaction, user_key));
        let resolver = Resolver::new(
            Arc::clone(&contexts),
            Arc::clone(&prices),
            Arc::clone(&redactor),
        );
        let tap = Tap::new(
            Arc::clone(&queue),
            Arc::clone(&self.clock),
            resolver.clone(),
        );
        let tap = Arc::new(tap);
        let (for_writer, known, sink) = (Arc::clone(&queue), Arc::clone(&contexts), self.sink);
        let watched = Arc::clone(&tap);
        // Not joined: `Queue::close` waits for the writer, with a limit.
        std::thread::Builder::new()
            .name("agent-telemetry".to_owned())
            .spawn(move || writer::run(&for_writer, &known, &watched, resolver, sink))
            .map_err(StartError::thread)?;
        Ok(Telemetry(Arc::new(Shared {
            queue,
            tap,
            contexts,
            marks,
            prices,
            clock: self.clock,
            project: self.project,
            names: self.names,
            user_key,
            redactor,
        })))
    }
}

impl<S> fmt::Debug for TelemetryBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetryBuilder")
            .field("queue", &self.queue)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// The recorder did not start: the system gave no thread to write with, or the sink no key or no marks. Or a
/// subscription did not: the system gave no thread.
///
/// ```
/// let ready: Result<_, agent_telemetry::StartError> =
///     agent_telemetry::Telemetry::builder(agent_telemetry::MemorySink::new()).start();
/// assert!(ready.is_ok());
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct StartError {
    doing: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StartError {
    fn thread(error: io::Error) -> Self {
        Self {
            doing: "the telemetry writer thread did not start; raise the thread limit of the process",
            source: error.into(),
        }
    }

    pub(super) fn live(error: io::Error) -> Self {
        Self {
            doing: "the thread for live records did not start; raise the thread limit of the process",
            source: error.into(),
        }
    }

    fn key(error: SinkError) -> Self {
        Self {
            doing: "the sink did not give its key for user hashes; mend the store or set a key",
            source: error.into(),
        }
    }

    fn marks(error: SinkError) -> Self {
        Self {
            doing: "the sink did not give its marks; mend the store",
            source: error.into(),
        }
    }
}
