//! What failed, what was done about it, and whether that helped.

mod course;
mod fold;
mod kinds;
mod remedies;
mod remedy;
mod rests;
mod seen;
mod session;
mod tools;

use std::borrow::Borrow;
use std::time::Duration;

use agent_primitives::{FailureKind, ModelId, ProviderId, Timestamp, ToolName, Usd};
use serde::{Deserialize, Serialize};

use super::folded::Folded;
use super::interval::Share;
use super::{Evidence, Interval, Percentiles, SCHEMA};
use crate::{Outcomes, Period, Record};
pub(in crate::report) use fold::Fold;
pub use remedy::Remedy;

/// Fewest cases of which an interval is told.
const CASES: u64 = 10;

/// The report `errors`: what failed, what was done about it, and how often the work went on after it.
///
/// - **A failed call** is a failed attempt; where a session's attempts are not recorded, a failed model
///   call. A model call whose last attempt failed is that attempt, and counts once. Attempts and model
///   calls of a session are taken in the order of recording.
/// - **A remedy was tried** when, in the session of a failed call, the next call was made: at the same
///   provider ([`Retry`](Remedy::Retry)), there after a cooldown or an open breaker
///   ([`Wait`](Remedy::Wait)), or at another one ([`OtherProvider`](Remedy::OtherProvider)). A change of
///   the request is told by the metric of its recovery step, and takes the place of these for the last
///   failure that it can answer. A restore and a resumption are tried with their own records.
/// - **It recovered** when that next call succeeded; a change of the request when its step says so; a
///   restore or a resumption also when no call came and the session ended in success. It **failed**
///   otherwise, and is **open** where nothing came after it yet.
/// - **Given up** is a failed call after which its session made no other.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{Attempt, FailureKind, ProviderId, SessionId, Timestamp};
/// use agent_telemetry::{ErrorsReport, Period, Record, Remedy};
///
/// let [claude, groq] = [ProviderId::new("claude")?, ProviderId::new("groq")?];
/// let at = |second| Timestamp::from_unix_seconds(second);
/// let session = SessionId::new("s1")?;
/// let failed = Attempt::new(claude, 1, Duration::from_secs(2)).failed(FailureKind::Overloaded);
/// let records = [
///     Record::new(at(10), failed).of_session(session.clone()),
///     Record::new(at(15), Attempt::new(groq, 1, Duration::from_secs(4))).of_session(session),
/// ];
/// let report = ErrorsReport::of(Period::new(at(0), at(60)), &records);
///
/// assert_eq!((report.kinds[0].kind, report.kinds[0].attempts), (FailureKind::Overloaded, 1));
/// let remedy = &report.remedies[0];
/// assert_eq!((remedy.remedy, remedy.tried, remedy.recovery.recovered), (Remedy::OtherProvider, 1, 1));
/// assert_eq!(report.time_lost, Duration::from_secs(2));
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorsReport {
    /// Version of this structure: 1. Fields may be added within a version, never changed.
    pub schema: u32,
    /// Which time it is about.
    pub period: Period,
    /// Model calls, failed ones included.
    pub model_calls: u64,
    /// Those that failed.
    pub failed_model_calls: u64,
    /// Attempts, failed ones included; they lie within model calls.
    pub attempts: u64,
    /// Those that failed.
    pub failed_attempts: u64,
    /// Tool calls, whichever way they ended.
    pub tool_calls: u64,
    /// Those that reported an error.
    pub failed_tool_calls: u64,
    /// Those that nobody saw the end of.
    pub aborted_tool_calls: u64,
    /// Failed calls of sessions, each counted once: what the remedies were tried for.
    pub failures: u64,
    /// Of those, the ones after which their session made no other call.
    pub given_up: u64,
    /// Of the model calls of which an attempt failed, those that were answered in the end: calls that took more
    /// than one attempt, and those whose only one failed.
    pub hindered: RecoveryRate,
    /// Time that the failed calls of sessions took.
    pub time_lost: Duration,
    /// Time that retries waited.
    pub waited: Duration,
    /// What failed model calls cost, exact: the sum over the priced ones. An attempt has no cost of its own.
    pub cost: Usd,
    /// Failed model calls whose cost is not known and missing from the sum; those without tokens owe
    /// nothing.
    pub unpriced_calls: u64,
    /// By what went wrong, the most failed model calls first, then the most attempts.
    pub kinds: Vec<ErrorLine>,
    /// Tools that failed or were not seen to end, the most failures first; at most 64.
    pub tools: Vec<ToolErrors>,
    /// What was done, the most often tried first.
    pub remedies: Vec<RemedyLine>,
    /// Recoveries that gave up, as their steps say.
    pub steps_given_up: u64,
    /// Work that was interrupted.
    pub interruptions: Interruptions,
    /// What is not in the lines.
    pub left_out: ErrorsLeftOut,
}

/// One kind of failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorLine {
    /// What went wrong.
    pub kind: FailureKind,
    /// Model calls that failed so.
    pub model_calls: u64,
    /// Their part of all model calls, from 0 to 1; `None` where there is none.
    pub model_call_share: Option<f64>,
    /// Attempts that failed so.
    pub attempts: u64,
    /// Their part of all attempts, from 0 to 1; `None` where there is none.
    pub attempt_share: Option<f64>,
    /// The first time, by the clock.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
    /// Where, the most frequent first; at most 16.
    pub places: Vec<ErrorPlace>,
    /// Failed attempts and model calls at other places.
    pub elsewhere: u64,
    /// Failed calls of sessions, each counted once.
    pub failures: u64,
    /// Of those, the ones after which their session made no other call.
    pub given_up: u64,
    /// Of all of those, the ones after which the next call succeeded.
    pub recovery: RecoveryRate,
    /// Time that they took.
    pub time_lost: Duration,
    /// What failed model calls cost, exact: the sum over the priced ones.
    pub cost: Usd,
    /// Failed model calls whose cost is not known and missing from the sum.
    pub unpriced_calls: u64,
    /// The sessions.
    pub evidence: Evidence,
}

/// Where calls failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorPlace {
    /// At whom.
    pub provider: ProviderId,
    /// With which model; `None` for attempts, which name none.
    pub model: Option<ModelId>,
    /// Model calls that failed there.
    pub model_calls: u64,
    /// Attempts that failed there.
    pub attempts: u64,
}

/// A tool that failed or was not seen to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolErrors {
    /// Which tool.
    pub tool: ToolName,
    /// Calls, whichever way they ended.
    pub calls: u64,
    /// Calls that reported an error.
    pub failed: u64,
    /// Calls that nobody saw the end of.
    pub aborted: u64,
    /// The part of all calls that reported an error, from 0 to 1.
    pub failure_rate: Option<f64>,
    /// Of the failed calls after which the session called the tool again, those whose next call did its
    /// work.
    pub again: RecoveryRate,
    /// Time that the failed and aborted calls took.
    pub time_lost: Duration,
    /// The first time that it failed or was aborted, by the clock.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
    /// The sessions in which it failed.
    pub evidence: Evidence,
}

/// How often the work went on.
///
/// ```
/// use agent_telemetry::RecoveryRate;
///
/// let rate: RecoveryRate =
///     serde_json::from_str(r#"{"recovered":9,"of":12,"rate":0.75,"interval":{"low":0.47,"high":0.91}}"#)?;
/// assert!(rate.is_enough() && rate.interval.is_some_and(|it| it.contains(0.75)));
/// assert!(!RecoveryRate::default().is_enough());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecoveryRate {
    /// Cases in which it did.
    pub recovered: u64,
    /// Cases whose end is known.
    pub of: u64,
    /// The part of these, from 0 to 1; `None` without a case.
    pub rate: Option<f64>,
    /// Where the true rate lies in 95 of 100 cases, by Wilson's method; `None` with fewer than ten cases,
    /// which are not enough to say.
    pub interval: Option<Interval>,
}

impl RecoveryRate {
    fn of(share: Share) -> Self {
        Self {
            recovered: share.successes,
            of: share.of,
            rate: share.value(),
            interval: share.interval().filter(|_| share.of >= CASES),
        }
    }

    /// Whether there are enough cases to say more than that they were.
    pub const fn is_enough(&self) -> bool {
        self.of >= CASES
    }
}

/// One remedy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RemedyLine {
    /// What was done.
    pub remedy: Remedy,
    /// How often.
    pub tried: u64,
    /// Times that it did not help.
    pub failed: u64,
    /// Times that nothing came after it yet.
    pub open: u64,
    /// Of those whose end is known, the times that the work went on.
    pub recovery: RecoveryRate,
    /// Failed calls that it was the answer to. A change of the request that was made before the request
    /// was sent, and most restarts, answer none.
    pub failures: u64,
    /// Those by what had gone wrong, the most frequent first.
    pub kinds: Vec<RemedyFailures>,
    /// Of the times that the work went on, from the end of the failed call, or from the restart, to the
    /// end of the call that succeeded; `None` where there was none.
    pub took: Option<Percentiles>,
    /// How the sessions ended, once for each session.
    pub outcomes: Outcomes,
    /// The sessions.
    pub evidence: Evidence,
}

/// What a remedy came to after failures of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RemedyFailures {
    /// What had gone wrong.
    pub kind: FailureKind,
    /// Failed calls that it was the answer to.
    pub failures: u64,
    /// Of those, the ones after which the work went on.
    pub recovery: RecoveryRate,
}

/// Work that stopped, and how it went on.
///
/// ```
/// assert_eq!(agent_telemetry::Interruptions::default().crashes, 0);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Interruptions {
    /// Times that an agent began again without having ended.
    pub crashes: u64,
    /// Times that a session went on in a new process or a new handle.
    pub resumes: u64,
    /// Times that state was restored from a checkpoint.
    pub restores: u64,
    /// Bytes that restores could not save.
    pub lost_bytes: u64,
    /// Time that restores took.
    pub time_restoring: Duration,
    /// How the sessions ended, once for each session.
    pub outcomes: Outcomes,
    /// The sessions.
    pub evidence: Evidence,
}

/// What a report on errors does not tell of.
///
/// ```
/// assert_eq!(agent_telemetry::ErrorsLeftOut::default().tools, 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorsLeftOut {
    /// Failed attempts and model calls that name no session: what came after is not known.
    pub no_session: u64,
    /// Failed attempts and model calls of sessions beyond the first million.
    pub beyond: u64,
    /// Failed and aborted calls of tools beyond the 64 with the most, and beyond the first 1 024.
    pub tools: u64,
}

impl ErrorsReport {
    /// The report on what failed in `period`. All records of the sessions in question are to be given, in
    /// the order of recording, those after the period as well: they say what happened then.
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

    /// Whether nothing was called and nothing was interrupted in the period.
    pub const fn is_empty(&self) -> bool {
        let it = &self.interruptions;
        self.model_calls == 0
            && self.attempts == 0
            && self.tool_calls == 0
            && self.remedies.is_empty()
            && it.crashes == 0
            && it.resumes == 0
            && it.restores == 0
    }

    /// One self-contained page that needs no script, no network and no style of its own.
    ///
    /// ```
    /// use agent_telemetry::{ErrorsReport, Period, Record};
    ///
    /// let report = ErrorsReport::of(Period::ALL, Vec::<Record>::new());
    /// assert!(report.to_html().contains("There were no calls in this period."));
    /// ```
    pub fn to_html(&self) -> String {
        self.sheet().html()
    }
}
