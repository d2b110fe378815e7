//! Where the time went: a profile of every kind of operation.

mod fold;
mod operated;
mod profiles;
mod slow;
mod speed;

use std::borrow::Borrow;
use std::time::Duration;

use agent_primitives::{SessionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::folded::Folded;
use super::{Percentiles, SCHEMA};
use crate::{Period, ProjectId, Record};
use fold::Fold;
pub use operated::Operated;

/// The report `performance`: how long each kind of operation took, and where the time went.
///
/// - **Time** counts for every operation, whichever way it ended. **Percentiles** are those of the ones
///   that succeeded.
/// - **Calls** of models and tools, saved checkpoints and restores are told apart from **attempts**, which
///   lie within model calls, from **tasks**, within which all of them lie, and from **waits**. Shares of
///   the time are those within each of these lists.
/// - **The trend** sets percentiles beside those of the preceding period of equal length, where either has
///   at least thirty successful operations.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{Timestamp, ToolName};
/// use agent_telemetry::{Operated, PerformanceReport, Period, Record, ToolCall, ToolOutcome};
///
/// let at = |second| Timestamp::from_unix_seconds(second);
/// let grep = ToolName::new("grep")?;
/// let call = |seconds| ToolCall::new(grep.clone(), ToolOutcome::Ok, Duration::from_secs(seconds));
/// let records = [Record::new(at(10), call(1)), Record::new(at(20), call(3))];
/// let report = PerformanceReport::of(Period::new(at(0), at(60)), &records);
///
/// let line = &report.calls[0];
/// assert_eq!(line.of, Operated::ToolCall { tool: grep.clone() });
/// assert_eq!((line.count, line.time, line.time_share), (2, Duration::from_secs(4), Some(1.0)));
/// assert_eq!(line.slowest[0].elapsed, Duration::from_secs(3));
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PerformanceReport {
    /// Version of this structure: 1. Fields may be added within a version, never changed.
    pub schema: u32,
    /// Which time it is about.
    pub period: Period,
    /// The preceding period of equal length, which the trend is against.
    pub before: Period,
    /// Time of all that is in `calls`.
    pub time: Duration,
    /// Model calls by provider and model, tool calls by tool, saved checkpoints by kind, and restores; what
    /// took the most time first; at most 64.
    pub calls: Vec<ProfileLine>,
    /// The model calls again by kind of work, where a session has named it; at most 64.
    pub task_types: Vec<ProfileLine>,
    /// Attempts by provider; at most 64.
    pub attempts: Vec<ProfileLine>,
    /// How long tasks waited for somebody to begin them, and how long they ran.
    pub tasks: Vec<ProfileLine>,
    /// Times that a request stood still until it was sent again, by provider and by what had gone wrong; at
    /// most 64.
    pub waits: Vec<ProfileLine>,
    /// All of these waits together.
    pub waited: Duration,
    /// Of them, those for a rate limit.
    pub waited_for_limits: Duration,
    /// Operations on lines beyond the bounds, over all of the lists.
    pub left_out: u64,
}

/// One kind of operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProfileLine {
    /// Which.
    #[serde(flatten)]
    pub of: Operated,
    /// How many, whichever way they ended.
    pub count: u64,
    /// Those that failed or that nobody saw the end of.
    pub failed: u64,
    /// Time of all of them.
    pub time: Duration,
    /// Its part of the time of the whole list, from 0 to 1; `None` where that is nothing.
    pub time_share: Option<f64>,
    /// Of those that succeeded; `None` where none did.
    pub latency: Option<Percentiles>,
    /// Against the preceding period; `None` with fewer than thirty successful operations in either.
    pub trend: Option<Trend>,
    /// Times from the request to the first piece of the answer, of the successful model calls where they
    /// are recorded.
    pub first_token: Option<Percentiles>,
    /// How fast answers came, of the same calls.
    pub output: Option<OutputSpeed>,
    /// The slowest, the slowest first; at most 5.
    pub slowest: Vec<SlowOperation>,
}

/// Percentiles beside those of the preceding period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trend {
    /// Those of the preceding period.
    pub before: Percentiles,
    /// How many times as long half of the operations take now; at most 1.1 % off. `None` where they took
    /// no time before.
    pub p50: Option<f64>,
    /// How many times as long 95 of 100 take now.
    pub p95: Option<f64>,
}

/// Output tokens for each second from the first piece of an answer to its end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutputSpeed {
    /// Calls of which it is known: those with output, a time to the first piece and time after it.
    pub calls: u64,
    /// Half of them were no faster.
    pub p50: f64,
    /// 5 of 100 were no faster.
    pub p05: f64,
}

/// One operation that took long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SlowOperation {
    /// How long.
    pub elapsed: Duration,
    /// When it ended.
    pub at: Timestamp,
    /// In which project.
    pub project: Option<ProjectId>,
    /// In which session.
    pub session: Option<SessionId>,
    /// Whether it failed, or nobody saw the end of it.
    pub failed: bool,
}

impl PerformanceReport {
    /// The report on the operations in `period`. The records of the preceding period of equal length are to
    /// be given as well, for the trend; without them there is none.
    pub fn of(period: Period, records: impl IntoIterator<Item = impl Borrow<Record>>) -> Self {
        Fold::new(period).of(records)
    }

    /// As [`of`](Self::of), of records that are read from somewhere: ends with the first error.
    ///
    /// # Errors
    /// The first error of the reading.
    pub fn try_of<E>(
        period: Period,
        records: impl IntoIterator<Item = Result<Record, E>>,
    ) -> Result<Self, E> {
        Fold::new(period).try_of(records)
    }

    /// Whether there was no operation in the period.
    pub const fn is_empty(&self) -> bool {
        self.calls.is_empty()
            && self.attempts.is_empty()
            && self.tasks.is_empty()
            && self.waits.is_empty()
    }

    /// One self-contained page that needs no script, no network and no style of its own.
    ///
    /// ```
    /// use agent_telemetry::{PerformanceReport, Period, Record};
    ///
    /// let report = PerformanceReport::of(Period::ALL, Vec::<Record>::new());
    /// assert!(report.to_html().contains("There were no operations in this period."));
    /// ```
    pub fn to_html(&self) -> String {
        self.sheet().html()
    }
}
