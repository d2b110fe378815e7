//! Decisions: what was chosen, what was passed over and why, how it turned out.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use agent_primitives::SessionId;
use serde::{Deserialize, Serialize};

use super::Outcomes;
use super::quality::mean;
use crate::{Decision, DecisionOutcome, ProjectId, Record};

/// What was chosen and how it turned out. An outcome belongs to the decision of its id in the same
/// project and session; of several, the last one recorded counts.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{Decision, DecisionOutcome, Outcome, Record, Stats};
///
/// let at = Timestamp::UNIX_EPOCH;
/// let stats = Stats::of([
///     Record::new(at, Decision::new("d-1", "provider").choice("claude")),
///     Record::new(at, Decision::new("d-2", "provider").choice("claude")),
///     Record::new(at, DecisionOutcome::new("d-1", Outcome::Success)),
/// ]);
/// let claude = &stats.decisions.by_choice[0];
/// assert_eq!((claude.times, claude.outcomes.success, claude.outcomes.open), (2, 1, 1));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Decisions {
    /// How many.
    pub made: u64,
    /// How they turned out; `open` are those that nobody has told the outcome of.
    pub outcomes: Outcomes,
    /// Outcomes of decisions that are not among the records.
    pub unmatched_outcomes: u64,
    /// By subject and choice, the most frequent first.
    pub by_choice: Vec<DecisionLine>,
    /// What was passed over, where the reason is known, the most frequent first.
    pub passed_over: Vec<PassedOverLine>,
}

/// Decisions on one subject that fell on one choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DecisionLine {
    /// What was decided.
    pub subject: String,
    /// What was chosen; `None` where nothing would do.
    pub choice: Option<String>,
    /// How often.
    pub times: u64,
    /// How these turned out; `open` are those that nobody has told the outcome of.
    pub outcomes: Outcomes,
    /// The mean confidence of those that have one, from 0 to 1.
    pub confidence: Option<f64>,
    /// The mean score that the choice had as a candidate, where it had one.
    pub expected: Option<f64>,
    /// The mean score of the outcomes that have one.
    pub score: Option<f64>,
}

/// A candidate that was passed over for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PassedOverLine {
    /// What was decided.
    pub subject: String,
    /// Which candidate was not chosen.
    pub candidate: String,
    /// Why not.
    pub reason: String,
    /// How often.
    pub times: u64,
}

/// Project, session and id.
type Key = (Option<ProjectId>, Option<SessionId>, Cow<'static, str>);

#[derive(Debug, Default)]
pub(super) struct Choices {
    made: Vec<Made>,
    /// The last one recorded of each decision.
    outcomes: HashMap<Key, DecisionOutcome>,
    /// By subject, candidate and reason.
    passed_over: HashMap<[Cow<'static, str>; 3], u64>,
}

/// What is kept of a decision until its outcome is known.
#[derive(Debug)]
struct Made {
    key: Key,
    subject: Cow<'static, str>,
    choice: Option<Cow<'static, str>>,
    confidence: Option<f64>,
    expected: Option<f64>,
}

#[derive(Debug, Default)]
struct OneChoice {
    times: u64,
    outcomes: Outcomes,
    confidences: Vec<f64>,
    expected: Vec<f64>,
    scores: Vec<f64>,
}

impl Choices {
    pub(super) fn add(&mut self, record: &Record, decision: &Decision) {
        let is_chosen = |name: &Cow<'static, str>| decision.choice.as_ref() == Some(name);
        for candidate in &decision.candidates {
            if let Some(reason) = &candidate.lost
                && !is_chosen(&candidate.name)
            {
                let of = [&decision.subject, &candidate.name, reason].map(Clone::clone);
                *self.passed_over.entry(of).or_default() += 1;
            }
        }
        let chosen = decision.candidates.iter().find(|it| is_chosen(&it.name));
        self.made.push(Made {
            key: key(record, decision.id.clone()),
            subject: decision.subject.clone(),
            choice: decision.choice.clone(),
            confidence: decision.confidence,
            expected: chosen.and_then(|it| it.score),
        });
    }

    pub(super) fn add_outcome(&mut self, record: &Record, outcome: &DecisionOutcome) {
        let key = key(record, outcome.decision.clone());
        self.outcomes.insert(key, outcome.clone());
    }

    pub(super) fn finish(self) -> Decisions {
        let mut figures = Decisions {
            made: self.made.len() as u64,
            ..Decisions::default()
        };
        let mut choices: BTreeMap<_, OneChoice> = BTreeMap::new();
        let mut known = HashSet::new();
        for made in &self.made {
            let outcome = self.outcomes.get(&made.key);
            if outcome.is_some() {
                known.insert(&made.key);
            }
            let verdict = outcome.map(|it| it.outcome);
            *figures.outcomes.of(verdict) += 1;
            let choice = choices.entry((&made.subject, &made.choice)).or_default();
            choice.times += 1;
            *choice.outcomes.of(verdict) += 1;
            choice.confidences.extend(made.confidence);
            choice.expected.extend(made.expected);
            choice.scores.extend(outcome.and_then(|it| it.score));
        }
        figures.unmatched_outcomes = (self.outcomes.len() - known.len()) as u64;
        figures.by_choice = choices
            .into_iter()
            .map(|((subject, choice), it)| DecisionLine {
                subject: subject.to_string(),
                choice: choice.as_ref().map(ToString::to_string),
                times: it.times,
                outcomes: it.outcomes,
                confidence: mean(it.confidences),
                expected: mean(it.expected),
                score: mean(it.scores),
            })
            .collect();
        // Stable: where the rest is equal, in the order of names.
        figures.by_choice.sort_by_key(|line| Reverse(line.times));
        let mut passed_over: Vec<_> = self.passed_over.into_iter().collect();
        passed_over.sort_unstable_by(|(a, x), (b, y)| (Reverse(x), a).cmp(&(Reverse(y), b)));
        figures.passed_over = passed_over
            .into_iter()
            .map(|(of, times)| {
                let [subject, candidate, reason] = of.map(Cow::into_owned);
                PassedOverLine {
                    subject,
                    candidate,
                    reason,
                    times,
                }
            })
            .collect();
        figures
    }
}

fn key(record: &Record, id: Cow<'static, str>) -> Key {
    (record.project.clone(), record.session.clone(), id)
}
