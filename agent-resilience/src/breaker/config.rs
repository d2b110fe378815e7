//! When a breaker opens and how it closes again.

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of a [`CircuitBreaker`](crate::CircuitBreaker), as plain data.
///
/// The default opens after 5 consecutive failures or at a failure rate of 50 % over 60 s with at
/// least 20 calls, stays open for 30 s, then lets one probe through and closes when it succeeds.
///
/// ```
/// use agent_resilience::BreakerConfig;
///
/// let config: BreakerConfig = serde_json::from_str(r#"{"consecutive_failures": 3}"#)?;
/// assert_eq!(config.consecutive_failures.map(|n| n.get()), Some(3));
/// assert_eq!(config.probes.get(), 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// Opens after so many failures in a row; `None` to leave that out.
    pub consecutive_failures: Option<NonZeroU16>,
    /// Opens at a share of failures; `None` to leave that out.
    pub failure_rate: Option<FailureRate>,
    /// Rejects for so long before it tries again.
    pub open_for: Duration,
    /// Calls let through while half open; all of them have to succeed to close.
    pub probes: NonZeroU16,
    /// A half-open breaker whose probes are not reported within this time hands out new ones, so
    /// that a lost call cannot keep it half open for ever.
    pub half_open_for: Duration,
}

/// A share of failed calls over a sliding time.
///
/// ```
/// let rate = agent_resilience::FailureRate::default();
/// assert_eq!((rate.percent, rate.minimum_calls.get()), (50, 20));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FailureRate {
    /// Opens at this share, 1 to 100; 0 counts as 1 and more than 100 never opens.
    pub percent: u8,
    /// Not before so many calls in the window: three of three is no rate.
    pub minimum_calls: NonZeroU32,
    /// The time looked back on. It slides in sixteenths.
    pub window: Duration,
}

impl Default for FailureRate {
    fn default() -> Self {
        Self {
            percent: 50,
            minimum_calls: NonZeroU32::MIN.saturating_add(19),
            window: Duration::from_secs(60),
        }
    }
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            consecutive_failures: Some(NonZeroU16::MIN.saturating_add(4)),
            failure_rate: Some(FailureRate::default()),
            open_for: Duration::from_secs(30),
            probes: NonZeroU16::MIN,
            half_open_for: Duration::from_secs(60),
        }
    }
}
