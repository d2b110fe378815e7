//! What was chosen, and why not the others.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::config::RouteStrategy;
use super::skip::Skip;
use super::table::DecisionTable;
use crate::budget::SpendAdvice;

/// How good a candidate looked, in thousandths of a point; more is better. What a point is, the
/// [weights](crate::RouteWeights) say.
///
/// ```
/// use agent_resilience::Score;
///
/// assert_eq!(Score::from_milli(-1_250).to_string(), "-1.250");
/// ```
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Score(i32);

impl Score {
    /// So many thousandths of a point.
    pub const fn from_milli(milli: i32) -> Self {
        Self(milli)
    }

    /// Thousandths of a point.
    pub const fn milli(self) -> i32 {
        self.0
    }

    /// How much this is behind `other`; nothing where it is not.
    #[must_use]
    pub const fn behind(self, other: Self) -> Self {
        let behind = other.0.saturating_sub(self.0);
        Self(if behind > 0 { behind } else { 0 })
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.unsigned_abs() / 1_000, self.0.unsigned_abs() % 1_000);
        let sign = if self.0 < 0 { "-" } else { "" };
        f.pad(&format!("{sign}{whole}.{rest:03}"))
    }
}

/// What became of one candidate.
///
/// ```
/// use agent_resilience::{Considered, Skip};
///
/// assert_eq!(serde_json::to_string(&Considered::Skipped(Skip::NoTools))?, r#"{"skipped":"no_tools"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Considered {
    /// It is asked; no other scored more.
    Chosen(Score),
    /// It could have been asked, but another one scored more, or as much and was drawn.
    Lost(Score),
    /// It could not have been asked.
    Skipped(Skip),
}

/// What was chosen, and why not the others: a value of fixed size that can be kept for every request.
///
/// It says of the first [`Decision::CAPACITY`] candidates what became of them, and counts those beyond.
/// They are chosen from all the same.
///
/// ```
/// use agent_resilience::{
///     Candidate, Capabilities, Considered, Decision, Needs, Profile, RouteConfig, Skip, SpendAdvice, decide,
/// };
///
/// let blind = Profile::default().capabilities(Capabilities::default().without_vision());
/// let seeing = Profile::default();
/// let candidates = [Candidate::new(&blind), Candidate::new(&seeing)];
/// let needs = Needs::default().vision();
/// let decision = decide(candidates, &needs, &RouteConfig::default(), SpendAdvice::Any, 0);
/// assert_eq!(decision.chosen(), Some(1));
/// assert_eq!(decision.of(0), Some(Considered::Skipped(Skip::NoVision)));
/// let kept = serde_json::to_string(&decision)?;
/// assert_eq!(serde_json::from_str::<Decision>(&kept)?, decision);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Decision {
    /// Those beyond `kept` are [`NOBODY`].
    considered: [Considered; Decision::CAPACITY],
    kept: u8,
    left_out: u32,
    chosen: Option<u32>,
    strategy: RouteStrategy,
    advice: SpendAdvice,
}

/// Fills the places that no candidate takes.
const NOBODY: Considered = Considered::Skipped(Skip::Tried);

impl Decision {
    /// Candidates that a decision names.
    pub const CAPACITY: usize = 32;

    pub(super) const fn new(strategy: RouteStrategy, advice: SpendAdvice) -> Self {
        Self {
            considered: [NOBODY; Self::CAPACITY],
            kept: 0,
            left_out: 0,
            chosen: None,
            strategy,
            advice,
        }
    }

    #[inline]
    pub(super) fn push(&mut self, considered: Considered) {
        if let Some(place) = self.considered.get_mut(usize::from(self.kept)) {
            *place = considered;
            self.kept += 1;
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    #[inline]
    pub(super) fn choose(&mut self, place: u32, score: Score) {
        self.chosen = Some(place);
        if let Some(considered) = self.considered.get_mut(place as usize) {
            *considered = Considered::Chosen(score);
        }
    }

    /// The place of the chosen one among the candidates; `None` when all were skipped.
    pub fn chosen(&self) -> Option<usize> {
        self.chosen.and_then(|place| usize::try_from(place).ok())
    }

    /// What became of each candidate, in the order given; of the first [`Decision::CAPACITY`].
    pub fn considered(&self) -> &[Considered] {
        self.considered
            .get(..usize::from(self.kept))
            .unwrap_or_default()
    }

    /// What became of the candidate at `place`; `None` beyond those that are named.
    pub fn of(&self, place: usize) -> Option<Considered> {
        self.considered().get(place).copied()
    }

    /// How many candidates there were beyond those that are named.
    pub const fn left_out(&self) -> u32 {
        self.left_out
    }

    /// What decided.
    pub const fn strategy(&self) -> RouteStrategy {
        self.strategy
    }

    /// What the budget advised.
    pub const fn advice(&self) -> SpendAdvice {
        self.advice
    }

    /// The decision as a table with a line for each candidate. `names` are theirs in the same order:
    /// profiles, ids, texts; those without a name are shown by their place.
    ///
    /// ```
    /// use agent_resilience::{
    ///     Candidate, Needs, Profile, RouteConfig, RouteStrategy, Skip, SpendAdvice, TokenPrice, decide,
    /// };
    ///
    /// let dollars = |input: &str, output: &str| {
    ///     Ok::<_, agent_primitives::InvalidUsd>(TokenPrice::per_million(input.parse()?, output.parse()?))
    /// };
    /// let large = Profile::default().price(dollars("3", "15")?);
    /// let small = Profile::default().price(dollars("0.80", "4")?);
    /// let own = Profile::default().price(TokenPrice::FREE);
    /// let decision = decide(
    ///     [Candidate::new(&large), Candidate::new(&small), Candidate::new(&own).skip(Skip::Resting)],
    ///     &Needs::default().input(10_000).output(1_000),
    ///     &RouteConfig::new(RouteStrategy::Cheapest),
    ///     SpendAdvice::Any,
    ///     0,
    /// );
    /// assert_eq!(
    ///     decision.table(&["sonnet", "haiku", "llama"]).to_string(),
    ///     "sonnet  lost      4.474  1.907 behind\n\
    ///      haiku   chosen    6.381\n\
    ///      llama   skipped  resting\n"
    /// );
    /// # Ok::<(), agent_primitives::InvalidUsd>(())
    /// ```
    pub const fn table<'a, N: fmt::Display>(&'a self, names: &'a [N]) -> DecisionTable<'a, N> {
        DecisionTable::new(self, names)
    }
}

/// A line for each candidate, named by its place. [`Decision::table`] shows names.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table::<&str>(&[]).fmt(f)
    }
}

/// A decision as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    strategy: RouteStrategy,
    advice: SpendAdvice,
    chosen: Option<u32>,
    considered: Vec<Considered>,
    #[serde(default)]
    left_out: u32,
}

/// A text that no decision has written.
#[derive(Debug, thiserror::Error)]
enum InvalidDecision {
    #[error("{0} candidates: a decision names at most {max}", max = Decision::CAPACITY)]
    TooMany(usize),
    #[error("the chosen candidate and the one that is marked as chosen are not the same")]
    Chosen,
}

impl From<Decision> for Wire {
    fn from(decision: Decision) -> Self {
        Self {
            strategy: decision.strategy,
            advice: decision.advice,
            chosen: decision.chosen,
            considered: decision.considered().to_vec(),
            left_out: decision.left_out,
        }
    }
}

impl TryFrom<Wire> for Decision {
    type Error = InvalidDecision;

    fn try_from(wire: Wire) -> Result<Self, InvalidDecision> {
        if wire.considered.len() > Self::CAPACITY {
            return Err(InvalidDecision::TooMany(wire.considered.len()));
        }
        let mut decision = Self::new(wire.strategy, wire.advice);
        let mut marked = None;
        for (place, considered) in (0_u32..).zip(&wire.considered) {
            if let Considered::Chosen(_) = considered
                && marked.replace(place).is_some()
            {
                return Err(InvalidDecision::Chosen);
            }
            decision.push(*considered);
        }
        // One beyond those that are named has no mark.
        let named = u32::from(decision.kept);
        let beyond = wire.chosen.is_some_and(|chosen| {
            chosen >= named && chosen - named < wire.left_out && marked.is_none()
        });
        if wire.chosen != marked && !beyond {
            return Err(InvalidDecision::Chosen);
        }
        decision.chosen = wire.chosen;
        decision.left_out = wire.left_out;
        Ok(decision)
    }
}
