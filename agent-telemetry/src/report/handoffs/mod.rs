//! Who gave work to whom, why, and what came of it.

mod after;
mod cell;
mod chains;
mod days;
mod extra;
mod ledger;
mod lines;
mod named;
mod session;
mod told;
mod waits;

use std::borrow::Borrow;

use agent_primitives::{HandoffReason, Party, Usd};
use serde::{Deserialize, Serialize};

use super::folded::Folded;
use super::{Evidence, Interval, Percentiles, SCHEMA};
use crate::{Outcomes, Period, Record};

pub use ledger::HandoffLedger;

/// The report `handoffs`: the paths that work took from one agent or provider to another, why, and what
/// happened after.
///
/// - **Taken up** means that the taker was seen at work afterwards: a provider by its next attempt or
///   model call in the session, an agent by its next model call or mark there, or by the start of a
///   session that names this one as its parent.
/// - **Succeeded** means for a provider that this next call did, for an agent that it ended in success.
/// - **Given back** and **given on** tell what the taker did with the work at its next handoff in the
///   session, whenever that was.
/// - **A session** counts once, at its first handoff in the period, and once on each path; what came after
///   that is told to the last record. A chain counts where it begins.
/// - **Extra cost** sets whole sessions with a handoff on the path beside sessions without any, of the
///   same agent and task type. It says what goes together and not what causes what: longer sessions cost
///   more and have more time to change hands.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{Handoff, HandoffReason, ModelId, ProviderId, SessionId, Timestamp};
/// use agent_telemetry::{HandoffsReport, ModelCall, Period, Record};
///
/// let [claude, groq] = [ProviderId::new("claude")?, ProviderId::new("groq")?];
/// let at = |second| Timestamp::from_unix_seconds(second);
/// let handoff = Handoff::automatic(claude, groq.clone(), HandoffReason::Overloaded);
/// let call = ModelCall::new(groq, ModelId::new("gpt-oss")?).latency(Duration::from_secs(2));
/// let session = SessionId::new("s1")?;
/// let records = [
///     Record::new(at(10), handoff).of_session(session.clone()),
///     Record::new(at(15), call).of_session(session),
/// ];
/// let report = HandoffsReport::of(Period::new(at(0), at(60)), &records);
///
/// let path = &report.paths[0];
/// assert_eq!((path.handoffs, path.taken_up, path.succeeded), (1, 1, 1));
/// assert_eq!(path.wait.map(|it| it.p50.as_secs_f64().round()), Some(3.0), "ten to thirteen");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HandoffsReport {
    /// Version of this structure: 1. Fields may be added within a version, never changed.
    pub schema: u32,
    /// Which time it is about.
    pub period: Period,
    /// All handoffs in it.
    pub handoffs: u64,
    /// Those that a rule decided.
    pub automatic: u64,
    /// Those that a person or the host's own code decided.
    pub manual: u64,
    /// Sessions with at least one of them.
    pub sessions: u64,
    /// By giver and taker, the most frequent first; at most 64.
    pub paths: Vec<PathLine>,
    /// By reason, the most frequent first.
    pub reasons: Vec<ReasonLine>,
    /// Work that changed hands at least twice running, the most frequent first; at most 16.
    pub chains: Vec<ChainLine>,
    /// What is not in the lines.
    pub left_out: HandoffsLeftOut,
}

/// What a report on handoffs does not tell of.
///
/// ```
/// assert_eq!(agent_telemetry::HandoffsLeftOut::default().paths, 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HandoffsLeftOut {
    /// Handoffs on paths beyond the 64 most frequent, and on those beyond the first 4 096 of all that were told,
    /// whenever they were.
    pub paths: u64,
    /// Chains beyond the 16 most frequent, and those beyond the first 1 024.
    pub chains: u64,
    /// Handoffs that name no session: nothing is known of what came after.
    pub no_session: u64,
    /// Handoffs beyond the first 64 of a session, whenever they were, and in sessions beyond the first million; and
    /// all beyond the first four million, which are not counted elsewhere: of the period, or of all time in a
    /// [`HandoffLedger`].
    pub beyond: u64,
}

/// All handoffs from one to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PathLine {
    /// Who had the work.
    pub from: Party,
    /// Who took it.
    pub to: Party,
    /// How often.
    pub handoffs: u64,
    /// Those that a rule decided.
    pub automatic: u64,
    /// Those that a person or the host's own code decided.
    pub manual: u64,
    /// Why, the most frequent reason first.
    pub reasons: Vec<ReasonLine>,
    /// Times that the taker was seen at work afterwards.
    pub taken_up: u64,
    /// Of those, the ones in which it succeeded.
    pub succeeded: u64,
    /// Of those, the ones in which it did not. The others have not ended, or are of an agent beyond the first 64
    /// of its session.
    pub failed: u64,
    /// Times that it gave the work back to whom it had it from.
    pub given_back: u64,
    /// Times that it gave the work to a third.
    pub given_on: u64,
    /// From the handoff to the beginning of the taker's work; `None` where it was never taken up.
    pub wait: Option<Percentiles>,
    /// How the sessions ended, once for each session.
    pub outcomes: Outcomes,
    /// What was spent in those sessions after their first handoff on this path, exact.
    pub cost_after: Usd,
    /// Model calls after it whose cost is not known and missing from the sum.
    pub unpriced_after: u64,
    /// What such sessions cost beside others; `None` with fewer than twenty of either kind whose cost is
    /// known, ended, of the same agents and task types.
    pub extra_cost: Option<ExtraCost>,
    /// The sessions.
    pub evidence: Evidence,
}

/// A reason and how often it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReasonLine {
    /// Why.
    pub reason: HandoffReason,
    /// How often.
    pub handoffs: u64,
}

/// Work that went through several hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChainLine {
    /// Who had it, in order; at most 8.
    pub parties: Vec<Party>,
    /// How often.
    pub times: u64,
    /// In sessions that ended in success.
    pub success: u64,
    /// The sessions.
    pub evidence: Evidence,
}

/// What sessions with a handoff cost beside those without any, of the same mixture of agents and task
/// types.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExtraCost {
    /// US dollars a session with the handoff.
    pub with: f64,
    /// US dollars a session without any.
    pub without: f64,
    /// How many times as much.
    pub times: f64,
    /// Of that ratio, 95 %.
    pub interval: Interval,
    /// Sessions with the handoff that are compared.
    pub sessions_with: u64,
    /// Sessions without any that are compared.
    pub sessions_without: u64,
}

struct Fold {
    period: Period,
    ledger: HandoffLedger,
}

impl Fold {
    fn new(period: Period) -> Self {
        Self {
            period,
            ledger: HandoffLedger::only(period),
        }
    }
}

impl Folded for Fold {
    type Report = HandoffsReport;

    fn add(&mut self, record: &Record) {
        self.ledger.add(record);
    }

    fn finish(mut self) -> HandoffsReport {
        self.ledger.report(self.period)
    }
}

impl HandoffsReport {
    /// The report on the handoffs in `period`. All records of the sessions in question are to be given,
    /// in the order of recording, those before and after the period as well: they say how the session began
    /// and what happened then. For several periods of the same records there is [`HandoffLedger`].
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
    /// use agent_telemetry::{HandoffsReport, Period, Record};
    ///
    /// let report = HandoffsReport::of(Period::ALL, Vec::<Record>::new());
    /// assert!(report.to_html().contains("There were no handoffs in this period."));
    /// ```
    pub fn to_html(&self) -> String {
        self.sheet().html()
    }
}
