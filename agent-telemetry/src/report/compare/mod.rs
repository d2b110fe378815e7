//! Who does a kind of work better, cheaper and faster: every two agents or models against each other.

mod by_task_type;
mod config;
mod contender;
mod judge;
mod sessions;
mod sides;
mod verdict;

use std::borrow::Borrow;
use std::time::Duration;

use agent_primitives::Usd;
use serde::{Deserialize, Serialize};

pub(super) use by_task_type::{Judged, ModelsByTaskType};
pub use config::CompareConfig;
pub use contender::{Contender, ContenderKind, SessionResult};
pub use verdict::{Shortage, Verdict};

use super::folded::Folded;
use super::{Evidence, Interval, SCHEMA};
use crate::{Period, Record, Span};
use sessions::Sessions;
use sides::Sides;

/// The report `compare`: every two agents, or models, that did work of the same kind, with the
/// uncertainty of what is said.
///
/// - **What counts** is a session that began and ended in the period, for each agent that ended it. Of
///   models, a session counts for the one that was asked first, with everything that it cost: whoever
///   turns to another model when the first one fails would otherwise make the first look better.
/// - **Only like work is compared.** Two sides are compared within each task type that both did, and the
///   differences are brought together with the weights of Mantel and Haenszel (1959): whoever does the
///   harder kind is not called worse for it.
/// - **Success** is [`Outcome::Success`](crate::Outcome::Success) alone; an escalated session is none and
///   is shown apart. The interval of a share is Wilson's, that of a difference Newcombe's (1998, method
///   10), over several task types in the way of Yan and Su (2010).
/// - **Cost and time per success** are sums over all sessions, those without success included, for each
///   success. Intervals come from the delta method on the logarithm, with degrees of freedom that shrink
///   where a few sessions make up much of the sum.
/// - **A side is called better** only where a difference as great would be seen by chance in less than 5
///   of 100 reports in which there is none, over all pairs and measures together (Holm 1979). So an
///   interval, which is for its comparison alone, may leave out zero and no side be called better.
/// - **No difference** is seen where the whole interval is nearer to none than the difference that matters;
///   that nothing was found is not enough to say so.
///
/// ```
/// use agent_primitives::{AgentId, SessionId, Timestamp};
/// use agent_telemetry::{
///     CompareConfig, CompareReport, Contender, Outcome, Period, SessionResult, Verdict,
/// };
///
/// let result = |number: u32, name: &str, outcome| -> Result<_, agent_primitives::InvalidId> {
///     let who = Contender::Agent(AgentId::new(name)?);
///     Ok(SessionResult::new(who, SessionId::new(format!("{name}-{number}"))?, outcome))
/// };
/// let mut results = Vec::new();
/// for number in 0..100 {
///     let outcome = |fails: bool| if fails { Outcome::Failed } else { Outcome::Success };
///     results.push(result(number, "steady", outcome(number % 10 == 0))?);
///     results.push(result(number, "hasty", outcome(number % 3 == 0))?);
/// }
/// let report = CompareReport::of_results(Period::ALL, &CompareConfig::default(), &results);
///
/// let success = &report.pairs[0].success;
/// assert_eq!(success.verdict, Verdict::Better { contender: Contender::Agent(AgentId::new("steady")?) });
/// assert_eq!(success.difference.map(|it| format!("{it:+.2}")), Some("-0.24".to_owned()));
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompareReport {
    /// Version of this structure: 1. Fields may be added within a version, never changed.
    pub schema: u32,
    /// Which time it is about.
    pub period: Period,
    /// What was asked.
    pub config: CompareConfig,
    /// At most 16 sides, those with the most sessions first.
    pub sides: Vec<SideLine>,
    /// Every two of them, in their order.
    pub pairs: Vec<PairLine>,
    /// What is not in the lines.
    pub left_out: LeftOut,
}

/// What a report about sessions does not tell of.
///
/// ```
/// let left_out = agent_telemetry::LeftOut::default();
/// assert_eq!((left_out.open, left_out.partly), (0, 0));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// Sessions that have not ended.
    pub open: u64,
    /// Sessions of which the beginning or the end lies outside of the period.
    pub partly: u64,
    /// Sessions that name no agent, or called no model where models are compared.
    pub unnamed: u64,
    /// Sides beyond the 16 with the most sessions.
    pub sides: u64,
    /// Sessions of task types beyond the first 256, those beyond the first million, and those of agents beyond
    /// the first 64 of one session.
    pub beyond: u64,
}

/// One agent or model by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SideLine {
    /// Who.
    pub who: Contender,
    /// Sessions that ended, whichever way.
    pub sessions: u64,
    /// Ended in success.
    pub success: u64,
    /// Ended by being given to somebody else; no success.
    pub escalated: u64,
    /// Ended without the task being done.
    pub failed: u64,
    /// Ended without a verdict.
    pub aborted: u64,
    /// The share of successes, from 0 to 1.
    pub success_rate: Option<f64>,
    /// In which its true value lies in 95 of 100 cases.
    pub success_interval: Option<Interval>,
    /// The sum over priced calls, exact.
    pub cost: Usd,
    /// Sessions with a call whose cost is not known; left out of what follows.
    pub unpriced_sessions: u64,
    /// What the other sessions cost for each of their successes; `None` without one.
    pub cost_per_success: Option<Usd>,
    /// In US dollars, 95 %; `None` with fewer than two such sessions or no cost.
    pub cost_interval: Option<Interval>,
    /// Time at work, that of unsuccessful sessions included, for each success; `None` without one.
    pub time_per_success: Option<Duration>,
    /// In seconds, 95 %.
    pub time_interval: Option<Interval>,
    /// By kind of work, the most frequent first; at most 256.
    pub task_types: Vec<SideTaskType>,
    /// The sessions.
    pub evidence: Evidence,
}

/// One kind of work of one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SideTaskType {
    /// Which kind; `None` for sessions that name none.
    pub task_type: Option<String>,
    /// Sessions that ended.
    pub sessions: u64,
    /// Those that ended in success.
    pub success: u64,
}

/// Two sides against each other, in the task types that both did in at least two sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PairLine {
    /// One side.
    pub first: Contender,
    /// The other side.
    pub second: Contender,
    /// Sessions of the first that are compared.
    pub first_sessions: u64,
    /// Sessions of the second that are compared.
    pub second_sessions: u64,
    /// The kinds of work that both did; `None` for sessions that name none.
    pub task_types: Vec<Option<String>>,
    /// Shares of success; the difference is the first less the second.
    pub success: Measured,
    /// US dollars for each success; the difference is the first divided by the second.
    pub cost_per_success: Measured,
    /// Seconds at work for each success; the difference is the first divided by the second.
    pub time_per_success: Measured,
}

/// One measure of two sides, as it would be if both had done the same mixture of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Measured {
    /// Of the first; `None` where it cannot be said.
    pub first: Option<f64>,
    /// Of the second; `None` where it cannot be said.
    pub second: Option<f64>,
    /// How far apart they are: see the measure.
    pub difference: Option<f64>,
    /// Of the difference, 95 %, for this comparison alone.
    pub interval: Option<Interval>,
    /// The probability of a difference as great where there is none, for this comparison alone.
    pub probability: Option<f64>,
    /// The same with regard to how many comparisons the report makes, after Holm.
    pub adjusted: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
}

impl CompareReport {
    /// The report on the sessions that began and ended in `period`, of which all records are to be given
    /// in the order of recording.
    pub fn of(
        period: Period,
        config: &CompareConfig,
        records: impl IntoIterator<Item = impl Borrow<Record>>,
    ) -> Self {
        Sessions::new(period, config).of(records)
    }

    /// As [`of`](Self::of), of records that are read from somewhere: ends with the first error.
    ///
    /// # Errors
    /// The first error of the reading.
    pub fn try_of<E>(
        period: Period,
        config: &CompareConfig,
        records: impl IntoIterator<Item = Result<Record, E>>,
    ) -> Result<Self, E> {
        Sessions::new(period, config).try_of(records)
    }

    /// The report on sessions that are summed up already, whoever did that; only `task_type` of the
    /// configuration chooses among them.
    pub fn of_results<'a>(
        period: Period,
        config: &CompareConfig,
        results: impl IntoIterator<Item = &'a SessionResult>,
    ) -> Self {
        let mut sides = Sides::default();
        for result in results {
            if config.is_asked_for(result.task_type.as_deref()) {
                sides.add(result);
            }
        }
        sides.report(period, config)
    }

    /// One self-contained page that needs no script, no network and no style of its own.
    ///
    /// ```
    /// use agent_telemetry::{CompareConfig, CompareReport, Period};
    ///
    /// let report = CompareReport::of_results(Period::ALL, &CompareConfig::default(), []);
    /// assert!(report.to_html().starts_with("<!DOCTYPE html>"));
    /// ```
    pub fn to_html(&self) -> String {
        self.sheet().html()
    }
}

impl Folded for Sessions {
    type Report = CompareReport;

    fn add(&mut self, record: &Record) {
        self.tell(record);
    }

    fn finish(self) -> CompareReport {
        let (period, config) = (self.period, self.config.clone());
        self.sides().report(period, &config)
    }
}

impl Sides {
    fn report(self, period: Period, config: &CompareConfig) -> CompareReport {
        let (sides, left_out) = self.finish();
        CompareReport {
            schema: SCHEMA,
            period: period.outward(Span::Minute),
            config: config.clone(),
            pairs: judge::pairs(&sides, config),
            sides: sides.iter().map(sides::Side::line).collect(),
            left_out,
        }
    }
}
