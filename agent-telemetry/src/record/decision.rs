//! Why one thing was chosen and not another.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::session::Outcome;
use super::text::{NAME_BYTES, TEXT_BYTES, bounded};

/// Most candidates of one decision that are kept.
const CANDIDATES: usize = 32;

/// One of the things that could have been chosen.
///
/// ```
/// use agent_telemetry::Candidate;
///
/// let candidate = Candidate::new("groq").score(0.4).lost("context too small");
/// assert_eq!((candidate.score, candidate.lost.as_deref()), (Some(0.4), Some("context too small")));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Candidate {
    /// Which one. At most 128 bytes.
    pub name: Cow<'static, str>,
    /// How good it seemed, on the host's scale; more is better. Finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Why it was not chosen. At most 4 096 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Cow<'static, str>>,
}

impl Candidate {
    /// A candidate of which nothing else is known. A longer name is cut.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: bounded(name.into(), NAME_BYTES),
            score: None,
            lost: None,
        }
    }

    /// Sets the score. One that is not a finite number says nothing and is left out.
    #[must_use]
    pub const fn score(mut self, score: f64) -> Self {
        self.score = finite(score);
        self
    }

    /// Sets why it was not chosen. A longer text is cut.
    #[must_use]
    pub fn lost(mut self, why: impl Into<Cow<'static, str>>) -> Self {
        self.lost = Some(bounded(why.into(), TEXT_BYTES));
        self
    }
}

/// A choice among candidates: a provider, a model, an agent for a task, a tool.
///
/// How it turned out is told later, by the same id, as a [`DecisionOutcome`].
///
/// ```
/// use agent_telemetry::{Candidate, Decision};
///
/// let decision = Decision::new("d-17", "provider")
///     .candidate(Candidate::new("claude").score(0.9))
///     .candidate(Candidate::new("groq").score(0.4).lost("context too small"))
///     .candidate(Candidate::new("local").score(0.6).lost("slow today"))
///     .choice("claude")
///     .confidence(0.8);
/// let alternatives: Vec<&str> = decision.alternatives().iter().map(|it| &*it.name).collect();
/// assert_eq!(alternatives, ["local", "groq"], "the best comes first");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Decision {
    /// Which decision, so that its outcome finds it: unique in its session. At most 128 bytes.
    pub id: Cow<'static, str>,
    /// What was decided, such as `provider`: few values. At most 128 bytes.
    pub subject: Cow<'static, str>,
    /// What could have been chosen; at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// Candidates beyond 32, which are not kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: u32,
    /// What was chosen; `None` when nothing would do. At most 128 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Cow<'static, str>>,
    /// How sure the chooser was, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Decision {
    /// A decision about `subject` without candidates and without a choice. Longer texts are cut.
    pub fn new(id: impl Into<Cow<'static, str>>, subject: impl Into<Cow<'static, str>>) -> Self {
        Self {
            id: bounded(id.into(), NAME_BYTES),
            subject: bounded(subject.into(), NAME_BYTES),
            candidates: Vec::new(),
            omitted: 0,
            choice: None,
            confidence: None,
        }
    }

    /// Adds a candidate. Behind 32 it is counted in [`omitted`](Self::omitted) instead.
    #[must_use]
    pub fn candidate(mut self, candidate: Candidate) -> Self {
        if self.candidates.len() < CANDIDATES {
            self.candidates.push(candidate);
        } else {
            self.omitted = self.omitted.saturating_add(1);
        }
        self
    }

    /// Sets what was chosen. A longer name is cut.
    #[must_use]
    pub fn choice(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.choice = Some(bounded(name.into(), NAME_BYTES));
        self
    }

    /// Sets how sure the chooser was. Brought into 0 to 1; a value that is no number is left out.
    #[must_use]
    pub const fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = finite(confidence.clamp(0.0, 1.0));
        self
    }

    /// The candidates that were not chosen, the best score first and those without one last.
    pub fn alternatives(&self) -> Vec<&Candidate> {
        let is_other = |it: &&Candidate| Some(&it.name) != self.choice.as_ref();
        let mut others: Vec<&Candidate> = self.candidates.iter().filter(is_other).collect();
        let score = |it: &Candidate| it.score.unwrap_or(f64::NEG_INFINITY);
        others.sort_by(|a, b| score(b).total_cmp(&score(a)));
        others
    }
}

/// How a decision turned out, told when it is known.
///
/// ```
/// use agent_telemetry::{DecisionOutcome, Outcome};
///
/// let outcome = DecisionOutcome::new("d-17", Outcome::Success).score(0.95);
/// assert_eq!((&*outcome.decision, outcome.score), ("d-17", Some(0.95)));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DecisionOutcome {
    /// The [`Decision::id`]. At most 128 bytes.
    pub decision: Cow<'static, str>,
    /// How it turned out.
    pub outcome: Outcome,
    /// How good it was, on the scale of the candidates' scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}

impl DecisionOutcome {
    /// The outcome of the decision with this id. A longer id is cut, as the decision's was.
    pub fn new(decision: impl Into<Cow<'static, str>>, outcome: Outcome) -> Self {
        Self {
            decision: bounded(decision.into(), NAME_BYTES),
            outcome,
            score: None,
        }
    }

    /// Sets how good it was. A score that is not a finite number is left out.
    #[must_use]
    pub const fn score(mut self, score: f64) -> Self {
        self.score = finite(score);
        self
    }
}

/// JSON and SQL have no word for other numbers.
const fn finite(number: f64) -> Option<f64> {
    if number.is_finite() {
        Some(number)
    } else {
        None
    }
}
