//! When a breaker opens and how it closes again.

use std::fmt;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};
use std::time::Duration;

use agent_primitives::Scope;
use serde::{Deserialize, Serialize};

use super::weights::FailureWeights;

/// The shortest duration for which a clock of a few milliseconds is precise enough.
const COARSE_FROM: Duration = Duration::from_millis(250);

/// Settings of a [`CircuitBreaker`](crate::CircuitBreaker), as plain data.
///
/// The default opens after 5 consecutive failures or at a failure rate of 50 % over 60 s with at
/// least 20 calls, stays open for 30 s, then lets one probe through and closes when it succeeds.
///
/// ```
/// use agent_resilience::{BreakerConfig, BreakerWindow};
///
/// let config: BreakerConfig = serde_json::from_str(
///     r#"{"failure_rate": 25, "window": {"calls": 100}, "weights": {"timeout": 2}}"#,
/// )?;
/// assert_eq!(config.failure_rate.map(|percent| percent.as_u8()), Some(25));
/// assert!(matches!(config.window, BreakerWindow::Calls(calls) if calls.get() == 100));
/// assert_eq!(config.consecutive_failures.map(|n| n.get()), Some(5), "as it is by default");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// Opens after so many failures in a row; 5 by default, `None` to leave that out.
    pub consecutive_failures: Option<NonZeroU16>,
    /// Opens when such a share of the calls in the window failed; 50 % by default, `None` to leave
    /// that out. Looked at whenever a call fails.
    pub failure_rate: Option<Percent>,
    /// Opens when such a share of the calls in the window took too long; `None`, the default, leaves
    /// that out. Looked at whenever a call was slow.
    pub slow_calls: Option<SlowCalls>,
    /// The calls that both rates look back on; those of the last 60 s by default.
    pub window: BreakerWindow,
    /// No rate counts before so many calls are in the window: three of three is no rate. 20 by
    /// default; more than the window has room for counts as a full window.
    pub minimum_calls: NonZeroU32,
    /// Rejects for so long before it tries again; 30 s by default.
    #[serde(with = "crate::duration")]
    pub open_for: Duration,
    /// Calls let through while half open; 1 by default. All of them have to succeed, and none may be
    /// slow, to close it.
    pub probes: NonZeroU16,
    /// A half-open breaker whose probes are not reported within this time of the last of them hands
    /// out new ones, so that a lost call cannot keep it half open for ever; 10 min by default, as long
    /// as client libraries wait for one answer. Make it longer than a call may take: a probe that is
    /// reported later counts neither way, and where all calls take longer the breaker does not close. A
    /// permit that is dropped comes back at once; this is for those that are neither.
    #[serde(with = "crate::duration")]
    pub half_open_for: Duration,
    /// How many failures a failure counts as, by its kind.
    pub weights: FailureWeights,
    /// What stands behind the breaker. A failure that does not reach so far says nothing against it:
    /// with [`Scope::Model`], the default, neither a bad request nor a bad key opens it for the
    /// others. A breaker for one key takes [`Scope::Key`].
    pub guards: Scope,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            consecutive_failures: Some(NonZeroU16::MIN.saturating_add(4)),
            failure_rate: Percent::new(50),
            slow_calls: None,
            window: BreakerWindow::Time(Duration::from_secs(60)),
            minimum_calls: NonZeroU32::MIN.saturating_add(19),
            open_for: Duration::from_secs(30),
            probes: NonZeroU16::MIN,
            half_open_for: Duration::from_secs(600),
            weights: FailureWeights::default(),
            guards: Scope::Model,
        }
    }
}

impl BreakerConfig {
    /// Whether [`CoarseClock`](crate::CoarseClock) is precise enough: all durations that are looked at
    /// are at least 250 ms. A breaker takes it then, unless it is given another one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_resilience::BreakerConfig;
    ///
    /// let config = BreakerConfig::default();
    /// assert!(config.suits_coarse_clock());
    /// assert!(!BreakerConfig { open_for: Duration::from_millis(10), ..config }.suits_coarse_clock());
    /// ```
    pub fn suits_coarse_clock(&self) -> bool {
        let window = match self.window {
            BreakerWindow::Time(length) if self.has_rates() => Some(length),
            _ => None,
        };
        let slow = self.slow_calls.map(|slow| slow.after);
        [Some(self.open_for), Some(self.half_open_for), window, slow]
            .into_iter()
            .flatten()
            .all(|duration| duration >= COARSE_FROM)
    }

    pub(super) fn has_rates(&self) -> bool {
        self.failure_rate.is_some() || self.slow_calls.is_some()
    }
}

/// The calls that the rates of a breaker look back on.
///
/// ```
/// use std::num::NonZeroU16;
/// use agent_resilience::BreakerWindow;
///
/// let last: BreakerWindow = serde_json::from_str(r#"{"calls": 50}"#)?;
/// assert_eq!(last, BreakerWindow::Calls(NonZeroU16::new(50).unwrap()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BreakerWindow {
    /// Those of so long a time, which slides in fifteenths.
    Time(#[serde(with = "crate::duration")] Duration),
    /// The last so many, call by call; more than [`CALLS_MAX`](Self::CALLS_MAX) count as that many.
    /// Threads share one position in it, so that it costs more than time does where many of them call.
    Calls(NonZeroU16),
}

impl BreakerWindow {
    /// The longest window of calls. A rate needs no more to be known to a percent or two, and each
    /// failure reads all of it.
    pub const CALLS_MAX: u16 = 1024;
}

/// A share that opens a breaker when calls are slow.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::SlowCalls;
///
/// let slow = SlowCalls::default();
/// assert_eq!((slow.after, slow.percent.as_u8()), (Duration::from_secs(60), 80));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlowCalls {
    /// A call that takes so long, or longer, is slow; 60 s by default.
    #[serde(with = "crate::duration")]
    pub after: Duration,
    /// Opens at this share of slow calls; 80 % by default.
    pub percent: Percent,
}

impl Default for SlowCalls {
    fn default() -> Self {
        Self {
            after: Duration::from_secs(60),
            percent: Percent(NonZeroU8::MIN.saturating_add(79)),
        }
    }
}

/// A share of 1 to 100 in a hundred.
///
/// ```
/// use agent_resilience::Percent;
///
/// assert_eq!(Percent::new(50).map(Percent::as_u8), Some(50));
/// assert_eq!((Percent::new(0), Percent::new(101)), (None, None));
/// assert!(serde_json::from_str::<Percent>("0").is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Percent(NonZeroU8);

impl Percent {
    /// `None` unless `percent` is 1 to 100.
    pub const fn new(percent: u8) -> Option<Self> {
        match NonZeroU8::new(percent) {
            Some(inner) if percent <= 100 => Some(Self(inner)),
            _ => None,
        }
    }

    /// The number, 1 to 100.
    pub const fn as_u8(self) -> u8 {
        self.0.get()
    }

    /// Whether `part` is at least this share of `whole`.
    pub(super) fn is_reached_by(self, part: u64, whole: u64) -> bool {
        part.saturating_mul(100) >= whole.saturating_mul(self.as_u8().into())
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// A number that is no share.
///
/// ```
/// use agent_resilience::Percent;
///
/// let refused = Percent::try_from(101).unwrap_err();
/// assert_eq!(refused.to_string(), "101 is no percentage that could be reached, give 1 to 100");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no percentage that could be reached, give 1 to 100")]
pub struct InvalidPercent(u8);

impl TryFrom<u8> for Percent {
    type Error = InvalidPercent;
    fn try_from(percent: u8) -> Result<Self, InvalidPercent> {
        Self::new(percent).ok_or(InvalidPercent(percent))
    }
}

impl From<Percent> for u8 {
    fn from(percent: Percent) -> Self {
        percent.as_u8()
    }
}
