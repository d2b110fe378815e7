//! What the recorder says about itself.

use std::fmt;
use std::sync::Arc;

use crate::SinkError;

/// Records that were not stored, by cause.
///
/// ```
/// use agent_telemetry::{MemorySink, Telemetry};
///
/// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
/// assert_eq!(telemetry.dropped().total(), 0);
/// # Ok::<(), agent_telemetry::StartError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// The queue was full: the sink is slower than the recording, or refuses.
    pub queue_full: u64,
    /// Recorded after the shutdown, or after the sink panicked.
    pub after_shutdown: u64,
    /// Still refused by the sink when the recorder shut down, or in its hands when it panicked.
    pub sink_failed: u64,
    /// Events of a kind that this version does not know.
    pub unrecognised: u64,
}

impl Dropped {
    /// All causes together.
    pub const fn total(&self) -> u64 {
        self.queue_full
            .saturating_add(self.after_shutdown)
            .saturating_add(self.sink_failed)
            .saturating_add(self.unrecognised)
    }
}

/// The recorder's state at one moment.
///
/// ```
/// use agent_telemetry::{MemorySink, Telemetry};
///
/// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
/// let health = telemetry.health();
/// assert!(health.running && health.error.is_none());
/// assert_eq!(health.waiting, 0);
/// # Ok::<(), agent_telemetry::StartError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Health {
    /// Records taken into the queue since the start.
    pub accepted: u64,
    /// Records that the sink has stored.
    pub stored: u64,
    /// Records on their way to the sink.
    pub waiting: usize,
    /// Records that will not be stored.
    pub dropped: Dropped,
    /// Writes that the sink refused, since the start.
    pub failed_writes: u64,
    /// Why the sink refused the last write; `None` once it has stored one again.
    pub error: Option<Arc<SinkError>>,
    /// How often the writer thread has woken, and the one beside it while somebody watches; does not
    /// move while nothing is recorded.
    pub wakeups: u64,
    /// Whether the writer thread lives.
    pub running: bool,
    /// Who watches, and what they missed.
    pub live: LiveHealth,
}

/// Those who watch a recorder by [`Telemetry::subscribe`](crate::Telemetry::subscribe).
///
/// ```
/// use agent_telemetry::{LiveConfig, MemorySink, Telemetry};
///
/// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
/// let live = telemetry.subscribe(LiveConfig::new())?;
/// assert_eq!(telemetry.health().live.subscribers, 1);
/// drop(live);
/// assert_eq!(telemetry.health().live.subscribers, 0);
/// # Ok::<(), agent_telemetry::StartError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveHealth {
    /// Readers now.
    pub subscribers: usize,
    /// Records that a reader had no room for, since the start, counted for each reader. The sink has them.
    pub missed: u64,
    /// Readers that stayed away for too long and were disconnected, since the start.
    pub disconnected: u64,
}

/// A flush that reached the sink.
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::{MemorySink, Telemetry};
///
/// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
/// assert_eq!(telemetry.flush(Duration::from_secs(5))?.stored, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flushed {
    /// Records that the sink has stored since the start.
    pub stored: u64,
    /// Records that were dropped since the start: a flush says nothing about them.
    pub dropped: Dropped,
}

/// A flush that did not reach the sink. Nothing is lost by it, unless the recorder has stopped.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{Metric, Record, Sink, SinkError, Telemetry};
///
/// struct Refuses;
/// impl Sink for Refuses {
///     fn write(&mut self, _: &[Record]) -> Result<(), SinkError> {
///         Err(SinkError::new("read-only file system"))
///     }
/// }
///
/// let telemetry = Telemetry::builder(Refuses).start()?;
/// telemetry.record(Record::new(Timestamp::UNIX_EPOCH, Metric::count("files_changed", 1)));
/// let error = telemetry.flush(Duration::from_secs(5)).unwrap_err();
/// assert!(error.is_sink());
/// assert_eq!(
///     error.to_string(),
///     "1 records are not stored, because the sink refused them; they are kept, flush again"
/// );
/// # Ok::<(), agent_telemetry::StartError>(())
/// ```
#[derive(Debug)]
pub struct FlushError {
    missing: u64,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Timeout,
    Sink(Arc<SinkError>),
    Stopped,
    WithinSink,
}

impl FlushError {
    pub(super) const fn timeout(missing: u64) -> Self {
        Self {
            missing,
            kind: Kind::Timeout,
        }
    }

    pub(super) const fn sink(missing: u64, error: Arc<SinkError>) -> Self {
        Self {
            missing,
            kind: Kind::Sink(error),
        }
    }

    pub(super) const fn stopped(missing: u64) -> Self {
        Self {
            missing,
            kind: Kind::Stopped,
        }
    }

    pub(super) const fn within_sink(missing: u64) -> Self {
        Self {
            missing,
            kind: Kind::WithinSink,
        }
    }

    /// Records that were asked for and are not stored.
    pub const fn missing(&self) -> u64 {
        self.missing
    }

    /// Time was up; the records are still on their way.
    pub const fn is_timeout(&self) -> bool {
        matches!(self.kind, Kind::Timeout)
    }

    /// The sink refused; the reason is the [`source`](std::error::Error::source).
    pub const fn is_sink(&self) -> bool {
        matches!(self.kind, Kind::Sink(_))
    }

    /// The recorder has shut down or its sink panicked; the records are lost and counted.
    pub const fn is_stopped(&self) -> bool {
        matches!(self.kind, Kind::Stopped)
    }

    /// The sink itself asked, from within its write or its drop: to wait would be to wait for
    /// itself. The records are still on their way.
    pub const fn is_within_sink(&self) -> bool {
        matches!(self.kind, Kind::WithinSink)
    }
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records are not stored, ", self.missing)?;
        f.write_str(match self.kind {
            Kind::Timeout => "because time was up; they are on their way, flush again",
            Kind::Sink(_) => "because the sink refused them; they are kept, flush again",
            Kind::WithinSink => "because the sink itself asked; flush on another thread",
            Kind::Stopped => "because the recorder has stopped; start a new one",
        })
    }
}

impl std::error::Error for FlushError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Sink(error) => Some(error.as_ref()),
            Kind::Timeout | Kind::Stopped | Kind::WithinSink => None,
        }
    }
}
