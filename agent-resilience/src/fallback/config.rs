//! Settings of a fallback chain.

use std::time::Duration;

use agent_primitives::FailureKind;
use serde::{Deserialize, Serialize};

use crate::breaker::BreakerConfig;
use crate::classify::Verdict;
use crate::retry::RetryPolicy;

/// Settings of a [`FallbackChain`](crate::FallbackChain), as plain data.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::FallbackConfig;
///
/// let config: FallbackConfig = serde_json::from_str(r#"{"retry": {"max_attempts": 2}}"#)?;
/// assert_eq!(config.probe_every, Duration::from_secs(60));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FallbackConfig {
    /// How often one provider is called before the next one is.
    pub retry: RetryPolicy,
    /// When a provider that keeps failing is not called at all.
    pub breaker: BreakerConfig,
    /// How long a provider rests.
    pub rest: Rest,
    /// Time between two probes of a resting provider; 60 s by default.
    pub probe_every: Duration,
}

impl Default for FallbackConfig {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            breaker: BreakerConfig::default(),
            rest: Rest::default(),
            probe_every: Duration::from_secs(60),
        }
    }
}

/// How long a provider rests after the chain turned away from it. This is the hysteresis of the
/// return: a provider that flaps is not returned to at each of its good moments.
///
/// A hint of the provider is kept to when it asks for more.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::Rest;
///
/// assert_eq!(Rest::default().first, Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rest {
    /// After the first failure; 30 s by default. Doubles with each further one in a row.
    pub first: Duration,
    /// The longest rest after failures that pass by themselves; 10 min by default.
    pub longest: Duration,
    /// After a failure that somebody has to mend (credit, key, permission, a missing model); 1 h by
    /// default.
    pub until_mended: Duration,
}

impl Default for Rest {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(30),
            longest: Duration::from_secs(600),
            until_mended: Duration::from_secs(3_600),
        }
    }
}

impl Rest {
    /// The rest after the `in_row`th failure in a row (the first is 1), where the provider itself
    /// asked for `hint`.
    pub(super) fn after(&self, verdict: &Verdict, in_row: u32, hint: Duration) -> Duration {
        let own = match verdict.kind {
            FailureKind::QuotaExhausted
            | FailureKind::Auth
            | FailureKind::Permission
            | FailureKind::NotFound => self.until_mended,
            _ => {
                let doublings = in_row.saturating_sub(1).min(31);
                self.first
                    .saturating_mul(1 << doublings)
                    .min(self.longest.max(self.first))
            }
        };
        own.max(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_double_up_to_the_longest_and_never_undercut_a_hint() {
        let rest = Rest::default();
        let overloaded = Verdict::new(FailureKind::Overloaded);
        let seconds = |in_row, hint| {
            rest.after(&overloaded, in_row, Duration::from_secs(hint))
                .as_secs()
        };
        assert_eq!([seconds(1, 0), seconds(2, 0), seconds(3, 0)], [30, 60, 120]);
        assert_eq!([seconds(9, 0), seconds(u32::MAX, 0)], [600, 600]);
        assert_eq!(seconds(1, 13_262), 13_262);
        let quota = Verdict::new(FailureKind::QuotaExhausted);
        assert_eq!(rest.after(&quota, 1, Duration::ZERO).as_secs(), 3_600);
    }
}
