//! How good the work was: scores over time, broken rules and whether they were mended, what had to be
//! corrected again and again, and how sessions ended.

mod corrections;
mod fold;
mod outcomes;
mod scores;
mod violations;

use std::borrow::Borrow;

use agent_primitives::{AgentId, Timestamp};
use serde::{Deserialize, Serialize};

use super::folded::Folded;
use super::{Evidence, Interval, Percentiles, SCHEMA, days, seen};
use crate::{Outcomes, Period, Record, Severity, Unit};
use fold::Fold;

/// The report `quality`: scores over time, broken rules and whether they were mended, what had to be
/// corrected in several sessions, and how sessions ended day by day.
///
/// - **Scores** are metrics in [`Unit::Ratio`] and [`Unit::Score`], but for shares of a budget. The interval
///   of a mean is Student's; a day with one value, or with values that are all alike, has none.
/// - **Found and mended.** A violation that is recorded again, equal but for
///   [`fixed`](crate::Violation::fixed), says that the earlier one is mended, and when. Recorded again and not
///   mended it is the same violation, seen again. Told twice as mended by one session it is mended once, unless it
///   was found in between; what another session mends as well was there anew. One without a file is a new one in
///   each session. The interval of the share that was mended is Wilson's.
/// - **Recurring** is what had to be corrected in two sessions or more: a rule broken in the same file, or a
///   decision on one subject for one choice that ended in [`Failed`](crate::Outcome::Failed) or
///   [`Escalated`](crate::Outcome::Escalated).
/// - **Outcomes** count for each session once, on the day of its last end, when all agents in it have ended.
///
/// ```
/// use agent_primitives::{SessionId, Timestamp};
/// use agent_telemetry::{Period, QualityReport, Record, Severity, Violation};
///
/// let found = Violation::new("unwrap_used", Severity::Warning, "call to unwrap").at("src/a.rs", 9);
/// let session = SessionId::new("s1")?;
/// let at = Timestamp::from_unix_seconds;
/// let records = [
///     Record::new(at(10), found.clone()).of_session(session.clone()),
///     Record::new(at(70), found.fixed()).of_session(session),
/// ];
/// let report = QualityReport::of(Period::new(at(0), at(120)), &records);
/// let rule = &report.rules[0];
/// assert_eq!((rule.of.as_str(), rule.found, rule.fixed), ("unwrap_used", 1, 1));
/// assert_eq!(rule.fix_time.map(|it| it.p50.as_secs_f64().round()), Some(60.0));
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QualityReport {
    /// Version of this structure: 1. Fields may be added within a version, never changed.
    pub schema: u32,
    /// Which time it is about.
    pub period: Period,
    /// By name, unit and agent, the ones with the most values first; at most 64.
    pub scores: Vec<ScoreLine>,
    /// Broken rules, each counted once however often it was seen.
    pub found: u64,
    /// Of those, the ones that were mended.
    pub fixed: u64,
    /// By severity, the worst first.
    pub severities: Vec<FixLine<Severity>>,
    /// By rule, the most frequent first; at most 256.
    pub rules: Vec<FixLine<String>>,
    /// By file, the most frequent first; at most 256. `None` for violations at no known place.
    pub files: Vec<FixLine<Option<String>>>,
    /// By the agent that was at work when they were found, the most frequent first; at most 256.
    pub agents: Vec<FixLine<Option<AgentId>>>,
    /// What had to be corrected in two sessions or more, that of the most sessions first; at most 64.
    pub corrections: Vec<CorrectionLine>,
    /// How sessions ended.
    pub outcomes: Outcomes,
    /// The same by day of UTC, in order; at most 400, the last ones.
    pub days: Vec<OutcomeLine>,
    /// The same by week from Monday on, in order; at most 400, the last ones.
    pub weeks: Vec<OutcomeLine>,
    /// What is not in the lines.
    pub left_out: QualityLeftOut,
}

/// What a report on quality does not tell of.
///
/// ```
/// assert_eq!(agent_telemetry::QualityLeftOut::default().scores, 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QualityLeftOut {
    /// Scores of names, units and agents beyond the first 1 024, and those beyond the 64 with the most.
    pub scores: u64,
    /// Violations of rules, files or agents beyond the first 1 024 of each, and beyond the 256 most
    /// frequent; each counts once for every list that it is missing from.
    pub violations: u64,
    /// Violations beyond 65 536 that are not mended: whether they were is not looked for.
    pub unmended: u64,
    /// Mended ones beyond 65 536: one of them that its session tells again counts again.
    #[serde(default)]
    pub mended: u64,
    /// Corrections beyond the first 4 096 things that were corrected, and lines beyond 64.
    pub corrections: u64,
    /// Decisions beyond the first 262 144: how they turned out is not looked for.
    pub decisions: u64,
    /// Outcomes of decisions that are not among the records of the period.
    pub unmatched: u64,
    /// Sessions beyond the first million.
    pub sessions: u64,
    /// Records whose session is not counted among what a line rests on, beyond a million pairs of both.
    pub evidence: u64,
    /// Scores and sessions on days before the last 400 of a course.
    pub days: u64,
}

/// One score of one agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ScoreLine {
    /// What was measured.
    pub name: String,
    /// In which unit.
    pub unit: Unit,
    /// Whose work; `None` for measurements that name no agent.
    pub agent: Option<AgentId>,
    /// How many values.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Of the mean, 95 %; `None` of one value and of values that are all alike.
    pub interval: Option<Interval>,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
    /// By day of UTC, in order; at most 400, the last ones.
    pub days: Vec<ScoreDay>,
    /// The sessions.
    pub evidence: Evidence,
}

/// One score of one agent on one day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ScoreDay {
    /// Its beginning.
    pub from: Timestamp,
    /// How many values.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Of the mean, 95 %; `None` of one value and of values that are all alike.
    pub interval: Option<Interval>,
}

/// Broken rules of one kind, and how many were mended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FixLine<K> {
    /// Which.
    pub of: K,
    /// How many were found, each counted once.
    pub found: u64,
    /// How often one that was not mended was seen again.
    pub seen_again: u64,
    /// How many were mended.
    pub fixed: u64,
    /// The share that was mended, from 0 to 1.
    pub fix_rate: Option<f64>,
    /// Of that share, 95 %.
    pub fix_interval: Option<Interval>,
    /// From being found to being mended, of those that are recorded both ways; `None` where there is none.
    pub fix_time: Option<Percentiles>,
    /// The sessions in which they were found.
    pub evidence: Evidence,
}

/// What was corrected.
///
/// ```
/// use agent_telemetry::Correction;
///
/// let rule = Correction::Rule { kind: "unwrap_used".into(), file: Some("src/a.rs".into()) };
/// assert_eq!(rule.to_string(), "unwrap_used in src/a.rs");
/// assert_eq!(serde_json::to_value(&rule)?["is"], "rule");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Correction {
    /// A rule was broken.
    Rule {
        /// Which one.
        kind: String,
        /// Where; `None` for no known place.
        file: Option<String>,
    },
    /// A decision turned out wrong.
    Decision {
        /// What was decided.
        subject: String,
        /// What was chosen; `None` where nothing would do.
        choice: Option<String>,
    },
}

/// What had to be corrected in several sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CorrectionLine {
    /// What.
    pub what: Correction,
    /// How often it had to be.
    pub times: u64,
    /// Of how many: broken rules of this kind in whichever file, or decisions with a known outcome.
    pub of: u64,
    /// The share of those, from 0 to 1.
    pub share: Option<f64>,
    /// Of that share, 95 %.
    pub interval: Option<Interval>,
    /// The first time.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
    /// The sessions in which it had to be.
    pub evidence: Evidence,
}

/// How sessions ended on a day, or in a week.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutcomeLine {
    /// Its beginning, in UTC.
    pub from: Timestamp,
    /// How they ended; none of them is open.
    pub outcomes: Outcomes,
    /// The share of successes, from 0 to 1.
    pub success_rate: Option<f64>,
    /// Of that share, 95 %.
    pub success_interval: Option<Interval>,
}

impl QualityReport {
    /// The report on the records of `period`, in the order of recording; those of other times are passed
    /// over.
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

    /// Whether nothing was measured, no rule broken, nothing corrected and no session known.
    pub const fn is_empty(&self) -> bool {
        self.scores.is_empty()
            && self.found == 0
            && self.corrections.is_empty()
            && self.outcomes.total() == 0
    }

    /// One self-contained page that needs no script, no network and no style of its own.
    ///
    /// ```
    /// use agent_telemetry::{Period, QualityReport, Record};
    ///
    /// let report = QualityReport::of(Period::ALL, Vec::<Record>::new());
    /// assert!(report.to_html().contains("There is nothing about quality in this period."));
    /// ```
    pub fn to_html(&self) -> String {
        self.sheet().html()
    }
}
