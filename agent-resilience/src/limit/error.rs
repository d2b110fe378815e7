//! Why a limit lets a call not through, and what to do about it.

use std::fmt;
use std::time::Duration;

use crate::classify::LimitedResource;

/// A resource in words.
pub(crate) const fn noun(resource: LimitedResource) -> &'static str {
    match resource {
        LimitedResource::Requests => "requests",
        LimitedResource::Tokens => "tokens",
        LimitedResource::InputTokens => "input tokens",
        LimitedResource::OutputTokens => "output tokens",
        LimitedResource::Concurrency => "calls under way",
        LimitedResource::Plan => "tokens of the plan",
    }
}

/// What holds a call back.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::LimitedBy;
/// use agent_resilience::classify::LimitedResource;
///
/// let minute = LimitedBy::Window {
///     resource: LimitedResource::InputTokens,
///     period: Duration::from_secs(60),
/// };
/// assert_eq!(minute.to_string(), "the limit of input tokens in 60s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitedBy {
    /// This window; of several the one that needs the longest.
    Window {
        /// What it counts.
        resource: LimitedResource,
        /// Its period.
        period: Duration,
    },
    /// The provider asked to be left alone.
    Block,
    /// Others wait already, and nobody overtakes.
    Queue,
    /// The host's own request limiter.
    Gate,
}

impl fmt::Display for LimitedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window { resource, period } => {
                write!(f, "the limit of {} in {period:?}", noun(*resource))
            }
            Self::Block => f.write_str("the provider's request to be left alone"),
            Self::Queue => f.write_str("others who wait already"),
            Self::Gate => f.write_str("the host's own request limiter"),
        }
    }
}

/// Not now, but later.
///
/// ```
/// use agent_primitives::Monotonic;
/// use agent_resilience::classify::LimitedResource::Requests;
/// use agent_resilience::{Cost, RateLimit, RateLimitConfig, RateWindow, Refused};
///
/// let minute = RateWindow::per_minute(Requests, 60).burst(1);
/// let limit = RateLimit::new(&RateLimitConfig::default().window(minute))?;
/// let now = Monotonic::from_nanos(0);
/// limit.try_take_at(Cost::REQUEST, now).unwrap();
/// let Err(Refused::Limited(limited)) = limit.try_take_at(Cost::REQUEST, now) else { panic!() };
/// assert_eq!(
///     limited.to_string(),
///     "held back by the limit of requests in 60s: try again in 1s"
/// );
/// # Ok::<(), agent_resilience::InvalidLimit>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("held back by {}: try again in {:?}", self.by(), self.retry_in())]
pub struct Limited {
    retry_nanos: u64,
    period_nanos: u64,
    by: By,
}

/// [`LimitedBy`] without its period, so that a refusal stays small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Window(LimitedResource),
    Block,
    Queue,
    Gate,
}

impl Limited {
    #[inline]
    pub(super) const fn window(resource: LimitedResource, period_nanos: u64, wait: u64) -> Self {
        Self {
            retry_nanos: wait,
            period_nanos,
            by: By::Window(resource),
        }
    }

    #[inline]
    pub(super) const fn other(by: By, wait: u64) -> Self {
        Self {
            retry_nanos: wait,
            period_nanos: 0,
            by,
        }
    }

    /// Time until the same call may be let through, if nobody takes what comes back before. Never zero.
    pub const fn retry_in(&self) -> Duration {
        Duration::from_nanos(self.retry_nanos)
    }

    /// What holds the call back.
    pub const fn by(&self) -> LimitedBy {
        match self.by {
            By::Window(resource) => LimitedBy::Window {
                resource,
                period: Duration::from_nanos(self.period_nanos),
            },
            By::Block => LimitedBy::Block,
            By::Queue => LimitedBy::Queue,
            By::Gate => LimitedBy::Gate,
        }
    }
}

/// A cost that is more than a window ever holds. Waiting does not help: make the request smaller, or
/// send it where more is allowed.
///
/// ```
/// use agent_primitives::Monotonic;
/// use agent_resilience::classify::LimitedResource::InputTokens;
/// use agent_resilience::{Cost, RateLimit, RateLimitConfig, RateWindow};
///
/// let config = RateLimitConfig::default().window(RateWindow::per_minute(InputTokens, 30_000));
/// let limit = RateLimit::new(&config)?;
/// let refused = limit.try_take_at(Cost::REQUEST.input(50_000), Monotonic::from_nanos(0));
/// assert_eq!(
///     refused.unwrap_err().to_string(),
///     "50000 input tokens exceed the 30000 that pass at once: \
///      waiting does not help, send less or elsewhere"
/// );
/// # Ok::<(), agent_resilience::InvalidLimit>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error(
    "{asked} {} exceed the {allowance} that pass at once: waiting does not help, send less or elsewhere",
    noun(*resource)
)]
pub struct TooLarge {
    /// What is counted.
    pub resource: LimitedResource,
    /// How much the call asked for.
    pub asked: u64,
    /// The most that the window ever gives at once.
    pub allowance: u64,
    pub(super) period_nanos: u64,
}

impl TooLarge {
    /// The window's period; zero for a host's own request limiter.
    pub const fn period(&self) -> Duration {
        Duration::from_nanos(self.period_nanos)
    }
}

/// A call that was not let through.
///
/// ```
/// use std::mem::size_of;
/// use agent_resilience::Refused;
///
/// assert!(size_of::<Refused>() <= 32, "a refusal is cheap to return");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Not now.
    #[error(transparent)]
    Limited(Limited),
    /// Never, in this size.
    #[error(transparent)]
    TooLarge(TooLarge),
}

impl Refused {
    /// Time until the call may be let through; `None` when waiting does not help.
    pub const fn retry_in(&self) -> Option<Duration> {
        match self {
            Self::Limited(limited) => Some(limited.retry_in()),
            Self::TooLarge(_) => None,
        }
    }
}

/// As many calls are under way as may be, or others wait already.
///
/// ```
/// use std::num::NonZeroU32;
/// use agent_resilience::ConcurrencyLimit;
///
/// let limit = ConcurrencyLimit::fixed(NonZeroU32::MIN);
/// let held = limit.try_acquire().unwrap();
/// assert_eq!(
///     limit.try_acquire().unwrap_err().to_string(),
///     "all 1 places are taken: wait for one with acquire"
/// );
/// # drop(held);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("all {limit} places are taken: wait for one with acquire")]
pub struct ConcurrencyFull {
    /// How many calls may be under way.
    pub limit: u32,
}

/// A call that waited in vain, or was not allowed to wait.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::AcquireError;
///
/// let refused = AcquireError::TooLate { retry_in: Duration::from_secs(9) };
/// assert_eq!(refused.to_string(), "the turn would come in 9s, after the deadline");
/// assert_eq!(refused.retry_in(), Some(Duration::from_secs(9)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// The call's turn would come after its deadline; said before any waiting.
    #[error("the turn would come in {retry_in:?}, after the deadline")]
    TooLate {
        /// The earliest time at which the call could be let through, those before it counted in.
        retry_in: Duration,
    },
    /// The deadline passed while waiting.
    #[error("the deadline passed while waiting for the limit")]
    DeadlinePassed,
    /// As many wait as may.
    #[error(
        "{waiting} calls wait already, and no more may: send less at once or allow a longer queue"
    )]
    QueueFull {
        /// How many wait.
        waiting: usize,
    },
    /// More than a window ever holds.
    #[error(transparent)]
    TooLarge(TooLarge),
}

impl AcquireError {
    /// The earliest time at which the call could be let through, where that is known.
    pub const fn retry_in(&self) -> Option<Duration> {
        match self {
            Self::TooLate { retry_in } => Some(*retry_in),
            _ => None,
        }
    }
}
