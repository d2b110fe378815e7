//! The figures of each candidate, learned from its calls.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use agent_primitives::Monotonic;

use super::belief::Belief;
use super::config::LearnedConfig;
use super::mean::Mean;
use crate::route::candidate::Candidate;
use crate::route::permille::Permille;

/// What a call told about its candidate.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::{Feedback, Permille};
///
/// let good = Feedback::success().total(Duration::from_secs(3)).reward(Permille::of(8, 10));
/// assert_eq!(good.reward.as_u16(), 800);
/// assert_eq!(Feedback::failure().reward, Permille::NONE);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Feedback {
    /// Whether it was answered.
    pub succeeded: bool,
    /// How good that was: unless set, all for a success, nothing for a failure. Whatever is to be
    /// learned from can be put in here: tests that pass, a judge's mark, less what it cost.
    pub reward: Permille,
    /// Time to the first token.
    pub first_token: Option<Duration>,
    /// Time to the end.
    pub total: Option<Duration>,
}

impl Feedback {
    /// It was answered.
    pub const fn success() -> Self {
        Self {
            succeeded: true,
            reward: Permille::ALL,
            first_token: None,
            total: None,
        }
    }

    /// It failed.
    pub const fn failure() -> Self {
        Self {
            succeeded: false,
            reward: Permille::NONE,
            first_token: None,
            total: None,
        }
    }

    /// Sets how good it was.
    #[must_use]
    pub const fn reward(mut self, reward: Permille) -> Self {
        self.reward = reward;
        self
    }

    /// Sets the time to the first token.
    #[must_use]
    pub const fn first_token(mut self, after: Duration) -> Self {
        self.first_token = Some(after);
        self
    }

    /// Sets the time to the end.
    #[must_use]
    pub const fn total(mut self, after: Duration) -> Self {
        self.total = Some(after);
        self
    }
}

/// What is known of a candidate by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// The share of its calls that succeed; `None` once that has faded.
    pub success: Option<Permille>,
    /// What it earns.
    pub belief: Belief,
    /// Time to the first token; `None` where not measured or faded.
    pub first_token: Option<Duration>,
    /// Time to the end; `None` where not measured or faded.
    pub total: Option<Duration>,
}

/// The figures of each candidate, learned from its calls and fading: success, reward, latency.
///
/// `K` names a candidate: its place in a chain, a provider's id, an agent's id together with the kind
/// of task. Nothing is ever frozen. Figures that have faded are `None`, so a candidate that was passed
/// over for long is looked at anew.
///
/// Choosing agents for tasks, by what they earned:
///
/// ```
/// use agent_primitives::Monotonic;
/// use agent_resilience::{
///     Candidate, Feedback, LearnedStats, Needs, Permille, Profile, RouteConfig,
///     RouteStrategy, SpendAdvice, decide,
/// };
///
/// let agents = ["coder", "reviewer"];
/// let profile = Profile::default();
/// let config = RouteConfig::new(RouteStrategy::Learned);
/// let mut stats = LearnedStats::new(config.learned);
/// let mut draws = fastrand::Rng::with_seed(7);
/// let mut chosen = [0; 2];
/// for second in 0..200 {
///     let now = Monotonic::from_nanos(second * 1_000_000_000);
///     let candidates = agents.map(|agent| {
///         stats.inform(Candidate::new(&profile), &(agent, "write a test"), now)
///     });
///     let decision = decide(candidates, &Needs::default(), &config, SpendAdvice::Any, draws.u64(..));
///     let place = decision.chosen().ok_or("nobody is ready")?;
///     chosen[place] += 1;
///     // The coder's tests pass more often.
///     let passed = draws.u8(..10) < if agents[place] == "coder" { 9 } else { 5 };
///     let reward = if passed { Permille::ALL } else { Permille::NONE };
///     stats.record((agents[place], "write a test"), Feedback::success().reward(reward), now);
/// }
/// assert!(chosen[0] > 150, "{chosen:?}");
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone)]
pub struct LearnedStats<K> {
    config: LearnedConfig,
    figures: HashMap<K, Figures>,
    calls: u64,
    forgotten: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    /// The last call: how many there had been of all candidates, and when it was.
    call: u64,
    at: Monotonic,
    /// In 65536ths of a thousandth.
    success: Mean,
    /// In 65536ths of a thousandth.
    reward: Mean,
    /// In nanoseconds.
    first_token: Mean,
    /// In nanoseconds.
    total: Mean,
}

impl<K: Eq + Hash> LearnedStats<K> {
    /// Knows nobody yet.
    pub fn new(config: LearnedConfig) -> Self {
        Self {
            config,
            figures: HashMap::new(),
            calls: 0,
            forgotten: 0,
        }
    }

    /// Takes in what a call told. Room for a candidate is made at its first call.
    pub fn record(&mut self, candidate: K, feedback: Feedback, now: Monotonic)
    where
        K: Clone,
    {
        self.calls += 1;
        if !self.figures.contains_key(&candidate) {
            self.make_room();
        }
        let (config, calls) = (self.config, self.calls);
        let figures = self.figures.entry(candidate).or_default();
        let halvings = figures.halvings(&config, calls, now);
        let success = if feedback.succeeded {
            Permille::ALL
        } else {
            Permille::NONE
        };
        figures.success.add(fine(success), halvings);
        figures.reward.add(fine(feedback.reward), halvings);
        if let Some(latency) = feedback.first_token {
            figures.first_token.add(nanos(latency), halvings);
        }
        if let Some(latency) = feedback.total {
            figures.total.add(nanos(latency), halvings);
        }
        figures.call = calls;
        figures.at = now;
    }

    /// What is known of a candidate; `None` for one that is not remembered.
    pub fn estimate<Q>(&self, candidate: &Q, now: Monotonic) -> Option<Estimate>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let figures = self.figures.get(candidate)?;
        let halvings = figures.halvings(&self.config, self.calls, now);
        Some(Estimate {
            success: figures.success.told(halvings).map(coarse),
            belief: Belief::known(
                coarse(figures.reward.value()),
                figures.reward.weight(halvings),
            ),
            first_token: figures.first_token.told(halvings).map(Duration::from_nanos),
            total: figures.total.told(halvings).map(Duration::from_nanos),
        })
    }

    /// The candidate with what is known of it. Its latency is the time to the first token where that is
    /// measured, and otherwise to the end: report the same of all.
    pub fn inform<'a, Q>(
        &self,
        mut candidate: Candidate<'a>,
        name: &Q,
        now: Monotonic,
    ) -> Candidate<'a>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(estimate) = self.estimate(name, now) {
            candidate.success = estimate.success;
            candidate.latency = estimate.first_token.or(estimate.total);
            candidate.belief = Some(estimate.belief);
        }
        candidate
    }

    /// How many candidates are remembered.
    pub fn len(&self) -> usize {
        self.figures.len()
    }

    /// Whether nobody is remembered.
    pub fn is_empty(&self) -> bool {
        self.figures.is_empty()
    }

    /// How many candidates were forgotten to make room for others.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Forgets the one without a call for longest, where there is no room for another.
    fn make_room(&mut self)
    where
        K: Clone,
    {
        if self.figures.len() < self.config.capacity.max(1) {
            return;
        }
        // No two have the same last call, so that the order of the map does not matter.
        let oldest = self.figures.iter().min_by_key(|(_, figures)| figures.call);
        if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
            self.figures.remove(&oldest);
            self.forgotten += 1;
        }
    }
}

impl Figures {
    /// How often what is known has been halved since the last call, in 1024ths.
    fn halvings(&self, config: &LearnedConfig, calls: u64, now: Monotonic) -> u64 {
        let calls = calls.saturating_sub(self.call);
        let by_calls = calls.saturating_mul(1_024) / u64::from(config.half_life_calls.get());
        let micros = |nanos: u64| nanos / 1_000;
        let passed = micros(now.nanos().saturating_sub(self.at.nanos()));
        let half_life = micros(nanos(config.half_life)).max(1);
        by_calls.saturating_add(passed.saturating_mul(1_024) / half_life)
    }
}

/// In 65536ths of a thousandth, so that a mean does not stick.
fn fine(share: Permille) -> u64 {
    u64::from(share.as_u16()) << 16
}

fn coarse(share: u64) -> Permille {
    Permille::saturating((share + (1 << 15)) >> 16)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
