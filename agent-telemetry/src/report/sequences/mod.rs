//! Which tools are called one after another again and again, and which calls lead nowhere.

mod fold;
mod lines;
mod sketch;
mod stream;
mod word;

use std::borrow::Borrow;
use std::time::Duration;

use agent_primitives::{ToolName, Usd};
use serde::{Deserialize, Serialize};

use super::folded::Folded;
use super::{Evidence, Interval, SCHEMA};
use crate::{Outcomes, Period, Record};
pub(in crate::report) use fold::Fold;

/// Sequences of tool calls that recur, and calls that lead nowhere: a part of the report `tools`.
///
/// - **A sequence** is two to five calls of one agent in one session, one right after the other whatever the
///   agent says between them, at least two tools among them. Occurrences do not overlap. One that goes round is one
///   sequence, shown from where it begins most often: of `edit, test, edit, test` there is `edit, test` twice
///   and no `test, edit`. A sequence that begins and ends alike (`edit, test, edit`) is told by its parts.
/// - **Recurring** is what was seen three times. A part of a longer sequence that recurs at least four fifths as
///   often is not shown beside it; of two of one length that share more than half, as parts of something longer
///   than five calls, the more frequent is shown.
/// - **Failing again** is a call that failed right after a call of the same tool that failed as well, and was
///   made when that was known: it began after the other had ended, and the agent has asked a model in between,
///   where that is told. Calls side by side, and calls that one turn asks for together, are one failure. **Back and
///   forth** are two tools by turns, two rounds or more, with a failure in each that was made when the one before was
///   known. The first of them may have been worth its while; **wasted** are the others. Records hold no arguments:
///   whether they asked for the same is not known.
/// - **Turns** are the model calls that asked for those calls, with what they cost.
///
/// Memory is bounded: 4 096 sequences of each length are counted, with the sketch of Metwally, Agrawal and El
/// Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data Streams", ICDT 2005. While there are
/// no more the counts are exact. Beyond that, one of the rarest gives way to each new one and is counted, and
/// how often a sequence may have been seen before it was followed is told with it: never more than one in 4 096
/// of all occurrences of its length, so that none that is more frequent is missing.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{SessionId, Timestamp, ToolName};
/// use agent_telemetry::{Period, Record, ToolCall, ToolOutcome, ToolSequencesReport};
///
/// let mut records = Vec::new();
/// for name in ["read", "edit", "test", "read", "edit", "test", "read", "edit", "test"] {
///     let call = ToolCall::new(ToolName::new(name)?, ToolOutcome::Ok, Duration::from_secs(1));
///     let at = Timestamp::from_unix_seconds(2 * records.len() as i64);
///     records.push(Record::new(at, call).of_session(SessionId::new("s1")?));
/// }
/// let report = ToolSequencesReport::of(Period::ALL, &records);
/// let line = &report.sequences[0];
/// let tools: Vec<&str> = line.tools.iter().map(ToolName::as_str).collect();
/// assert_eq!((tools, line.times), (vec!["read", "edit", "test"], 3));
/// assert_eq!(line.mean_time, Duration::from_secs(5), "from the begin of the first to the end of the last");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolSequencesReport {
    /// Version of this structure: 1. Fields may be added within a version, never changed.
    pub schema: u32,
    /// Which time it is about.
    pub period: Period,
    /// Tool calls that belong to a session.
    pub calls: u64,
    /// Sessions with one.
    pub sessions: u64,
    /// The most frequent first; at most 64.
    pub sequences: Vec<SequenceLine>,
    /// By tool, the ones with the most wasted calls first; at most 64.
    pub repeats: Vec<RepeatLine>,
    /// By both tools, the ones with the most wasted calls first; at most 64.
    pub back_and_forth: Vec<BackAndForthLine>,
    /// What is not in the lines.
    pub left_out: SequencesLeftOut,
}

/// What is not told of sequences.
///
/// ```
/// assert_eq!(agent_telemetry::SequencesLeftOut::default().sequences, 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SequencesLeftOut {
    /// Tool calls outside of any session: what came after them is not known.
    pub no_session: u64,
    /// Calls of tools beyond the first 4 096, and of agents beyond the first 64 of a session.
    pub beyond: u64,
    /// Sequences that gave way to others.
    pub sequences: u64,
    /// Recurring sequences that are parts of others, or of the same longer one.
    pub parts: u64,
    /// Recurring sequences, and lines of tools, beyond the 64 most frequent.
    pub lines: u64,
    /// Sessions that were looked through before they had ended, for the memory that they took: a sequence
    /// over that moment is not seen, and the session may count twice.
    pub cut: u64,
}

/// Calls that recur in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SequenceLine {
    /// Which tools, two to five.
    pub tools: Vec<ToolName>,
    /// How often it was seen.
    pub times: u64,
    /// How often it may have been seen besides, before it was followed.
    pub missed_at_most: u64,
    /// Of the times, those that followed right upon another.
    pub running: u64,
    /// How the sessions with it ended, once for each.
    pub outcomes: Outcomes,
    /// The share of successes among those that ended, from 0 to 1.
    pub success_rate: Option<f64>,
    /// Of that share, 95 %.
    pub success_interval: Option<Interval>,
    /// From the beginning of its first call to the end of its last, in the mean.
    pub mean_time: Duration,
    /// The sessions.
    pub evidence: Evidence,
}

/// Calls of one tool that failed one right after another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RepeatLine {
    /// Which tool.
    pub tool: ToolName,
    /// How often it failed at least twice running.
    pub runs: u64,
    /// Most failures running, where those that were made together are one.
    pub longest: u64,
    /// Runs after which the next call was of this tool and did its work.
    pub recovered: u64,
    /// Those of each run that were made when its first one was known.
    pub wasted: WastedTurns,
    /// How the sessions with a run ended, once for each.
    pub outcomes: Outcomes,
    /// The sessions.
    pub evidence: Evidence,
}

/// Two tools by turns, with a failure in each round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackAndForthLine {
    /// One tool, the first by name.
    pub first: ToolName,
    /// The other one.
    pub second: ToolName,
    /// How often there were at least two such rounds running.
    pub stretches: u64,
    /// Rounds in all.
    pub rounds: u64,
    /// All but the first round of each stretch.
    pub wasted: WastedTurns,
    /// How the sessions with a stretch ended, once for each.
    pub outcomes: Outcomes,
    /// The sessions.
    pub evidence: Evidence,
}

/// What calls took that led nowhere.
///
/// ```
/// assert_eq!(agent_telemetry::WastedTurns::default().calls, 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WastedTurns {
    /// Tool calls.
    pub calls: u64,
    /// Model calls of the agent between them and what came before.
    pub turns: u64,
    /// What those model calls cost, exact.
    pub cost: Usd,
    /// Model calls whose cost is not known and missing from the sum.
    pub unpriced_turns: u64,
    /// From the end of the call before to the end of each.
    pub time: Duration,
}

impl ToolSequencesReport {
    /// The report on the tool calls of `period`, of which the records are to be given in the order of
    /// recording: tool calls, model calls, and the marks of sessions.
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

    /// One self-contained page that needs no script, no network and no style of its own.
    ///
    /// ```
    /// use agent_telemetry::{Period, Record, ToolSequencesReport};
    ///
    /// let report = ToolSequencesReport::of(Period::ALL, Vec::<Record>::new());
    /// assert!(report.to_html().contains("There were no tool calls in sessions of this period."));
    /// ```
    pub fn to_html(&self) -> String {
        self.sheet().html()
    }
}
