//! What was taken and what was not, by cause.

use serde::{Deserialize, Serialize};

use super::super::hook::HookFigures;

/// What became of all that was sent, since the processor was made.
///
/// ```
/// use agent_telemetry::{MemorySink, Telemetry};
/// use agent_telemetry::otlp::{Encoding, Processor, Signal};
///
/// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
/// let processor = Processor::builder(&telemetry).start()?;
/// processor.ingest(Signal::Metrics, Encoding::Json, b"{}")?;
/// assert_eq!(processor.figures().requests, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Figures {
    /// Requests, malformed ones included.
    pub requests: u64,
    /// Requests that could not be read, and were refused as a whole.
    pub malformed: u64,
    /// Requests that were put off because there was no room.
    pub put_off: u64,
    /// Data points.
    pub points: Points,
    /// Log records.
    pub logs: Items,
    /// Spans.
    pub spans: Items,
    /// Hooks and status lines.
    #[serde(default)]
    pub hooks: HookFigures,
    /// Series that are known now.
    pub series: u64,
    /// Series that were forgotten because there were too many. What they count from is kept longer.
    pub series_forgotten: u64,
    /// Sessions that were forgotten because there were too many.
    pub sessions_forgotten: u64,
    /// Attributes, and parts of them, that were beyond the bounds of an item.
    pub attributes_dropped: u64,
    /// What was found again after a restart and could not be read, or had no place.
    pub marks_refused: u64,
    /// Records ahead of one that had more to be found again than one may have: a crash between them would count what
    /// it tells wrongly. None is expected.
    #[serde(default)]
    pub marks_apart: u64,
    /// Panics of the observer.
    pub observer_panics: u64,
    /// Records made.
    pub records: u64,
}

/// What became of data points. All together are those that came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Points {
    /// They added something.
    pub added: u64,
    /// They said that nothing was added.
    pub nothing: u64,
    /// They only say what later ones count from.
    pub baselines: u64,
    /// They showed a value that adds up to nothing.
    pub gauges: u64,
    /// A later one of the same start had come before.
    pub late: u64,
    /// They had come before.
    pub duplicates: u64,
    /// Whether they had come before was not known any more.
    pub forgotten: u64,
    /// The sender had measured nothing.
    pub no_recorded_value: u64,
    /// They were refused: no numbers, no temporality, buckets that do not match.
    pub invalid: u64,
    /// Their series had no place.
    pub too_many_series: u64,
    /// Of them, those of names that are not in the table, kept as plain metrics.
    pub unknown_names: u64,
    /// Of them, those whose value fell though their start stayed.
    pub resets_without_start: u64,
    /// Of them, those that showed a second writer under the same name.
    pub second_writers: u64,
}

impl Points {
    /// All that came.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::otlp::Points::default().total(), 0);
    /// ```
    pub const fn total(&self) -> u64 {
        self.added
            + self.nothing
            + self.baselines
            + self.gauges
            + self.late
            + self.duplicates
            + self.forgotten
            + self.no_recorded_value
            + self.invalid
            + self.too_many_series
    }
}

/// What became of log records or spans. All together are those that came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Items {
    /// Their names are in the table.
    pub known: u64,
    /// They are not, and nothing of them was kept.
    pub unknown: u64,
    /// They are content, and nothing of them was kept.
    pub refused: u64,
    /// They had come before.
    pub duplicates: u64,
    /// Of them, those whose session nobody told.
    pub without_session: u64,
    /// Of the known ones, those that lacked what makes them a fact.
    pub incomplete: u64,
}

impl Items {
    /// All that came.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::otlp::Items::default().total(), 0);
    /// ```
    pub const fn total(&self) -> u64 {
        self.known + self.unknown + self.refused + self.duplicates
    }
}
