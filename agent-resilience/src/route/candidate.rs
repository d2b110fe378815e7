//! One of those that may be asked, as it stands at this moment.

use std::time::Duration;

use super::learned::Belief;
use super::permille::Permille;
use super::profile::Profile;
use super::skip::Skip;

/// Whether a candidate may be asked now, as its keeper sees it. What it is able to do is looked at
/// apart from that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Availability {
    /// Now.
    #[default]
    Ready,
    /// Not now.
    Skipped(Skip),
}

/// One of those that may be asked, as it stands at this moment. A model behind a key, an agent for a
/// task: whatever has a [`Profile`].
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::{Availability, Candidate, Permille, Profile, Skip};
///
/// let profile = Profile::default().vendor("groq");
/// let ready = Candidate::new(&profile)
///     .latency(Duration::from_millis(180))
///     .success(Permille::of(99, 100))
///     .in_flight(3);
/// assert_eq!(ready.availability, Availability::Ready);
/// assert_eq!(ready.skip(Skip::Resting).availability, Availability::Skipped(Skip::Resting));
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Candidate<'a> {
    /// Who it is.
    pub profile: &'a Profile,
    /// Whether it may be asked now; ready unless set.
    pub availability: Availability,
    /// How long it takes, to its first token or to its end, but the same for all; `None` is not
    /// measured.
    pub latency: Option<Duration>,
    /// The share of its calls that succeed; `None` is not known.
    pub success: Option<Permille>,
    /// Calls that are under way there.
    pub in_flight: u32,
    /// How many of the request's tokens it is likely to have in its prompt cache, and so charges less
    /// for; 0 unless set.
    pub cached_tokens: u64,
    /// What was learned of it; `None` for one that was never tried.
    pub belief: Option<Belief>,
}

impl<'a> Candidate<'a> {
    /// One that is ready and of which no more is known than who it is.
    pub const fn new(profile: &'a Profile) -> Self {
        Self {
            profile,
            availability: Availability::Ready,
            latency: None,
            success: None,
            in_flight: 0,
            cached_tokens: 0,
            belief: None,
        }
    }

    /// Is not asked, for this reason.
    #[must_use]
    pub const fn skip(mut self, reason: Skip) -> Self {
        self.availability = Availability::Skipped(reason);
        self
    }

    /// Sets how long it takes.
    #[must_use]
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = Some(latency);
        self
    }

    /// Sets the share of its calls that succeed.
    #[must_use]
    pub const fn success(mut self, share: Permille) -> Self {
        self.success = Some(share);
        self
    }

    /// Sets how many calls are under way there.
    #[must_use]
    pub const fn in_flight(mut self, calls: u32) -> Self {
        self.in_flight = calls;
        self
    }

    /// Sets how many of the request's tokens it is likely to have in its prompt cache.
    #[must_use]
    pub const fn cached_tokens(mut self, tokens: u64) -> Self {
        self.cached_tokens = tokens;
        self
    }

    /// Sets what was learned of it.
    #[must_use]
    pub const fn belief(mut self, belief: Belief) -> Self {
        self.belief = Some(belief);
        self
    }
}
