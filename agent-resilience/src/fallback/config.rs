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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FallbackConfig {
    /// How often one provider is called before the next one is. Its
    /// [`total`](RetryPolicy::total) is the longest that one request may take altogether.
    ///
    /// After a timeout the next provider is asked, not the same again, unless
    /// [`per_kind`](RetryPolicy::per_kind) names timeouts: else a provider that hangs would be waited
    /// for as often as it may be asked.
    pub retry: RetryPolicy,
    /// The longest that one attempt may take, from the moment when it first has to wait; 2 min by
    /// default, none for `null`. [`RetryPolicy::attempt_timeout`] counts where it is sooner. Without a
    /// limit, a provider that hangs takes the whole time of the request.
    pub attempt_timeout: Option<Duration>,
    /// Offers a request to the others that a provider refused for what it says; not by default, since
    /// a refusal is an answer, and shopping around for another is for a person to decide.
    pub route_around_content_policy: bool,
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
            attempt_timeout: Some(Duration::from_secs(120)),
            route_around_content_policy: false,
            breaker: BreakerConfig::default(),
            rest: Rest::default(),
            probe_every: Duration::from_secs(60),
        }
    }
}

/// How long a provider rests after the chain turned away from it. This is the hysteresis of the
/// return: a provider that flaps is not returned to at each of its good moments.
///
/// A hint of the provider is kept to when it asks for more, up to [`Rest::longest_hint`].
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
    /// The longest rest that a provider may ask for; 24 h by default. Providers were seen to ask for
    /// days and to answer again within minutes, so one request is risked after this.
    pub longest_hint: Duration,
}

impl Default for Rest {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(30),
            longest: Duration::from_secs(600),
            until_mended: Duration::from_secs(3_600),
            longest_hint: Duration::from_secs(86_400),
        }
    }
}

/// How long a rest lasts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Length {
    /// The chain's own caution; a probe that passes ends it.
    pub(super) own: Duration,
    /// What the provider asked for, or until somebody mends something: no cheap question ends it.
    pub(super) named: Duration,
}

impl Rest {
    /// The rest after the `in_row`th failure in a row (the first is 1), where the provider itself
    /// asked for `hint`.
    pub(super) fn after(&self, verdict: &Verdict, in_row: u32, hint: Duration) -> Length {
        let hint = hint.min(self.longest_hint);
        match verdict.kind {
            FailureKind::QuotaExhausted
            | FailureKind::Auth
            | FailureKind::Permission
            | FailureKind::NotFound => Length {
                own: Duration::ZERO,
                named: self.until_mended.max(hint),
            },
            _ => {
                let doublings = in_row.saturating_sub(1).min(31);
                let own = self.first.saturating_mul(1 << doublings);
                Length {
                    own: own.min(self.longest.max(self.first)),
                    named: hint,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_double_up_to_the_longest_and_keep_to_hints() {
        let rest = Rest::default();
        let after = |kind, in_row, hint| {
            let length = rest.after(&Verdict::new(kind), in_row, Duration::from_secs(hint));
            (length.own.as_secs(), length.named.as_secs())
        };
        let overloaded = FailureKind::Overloaded;
        assert_eq!([1, 2, 3].map(|n| after(overloaded, n, 0).0), [30, 60, 120]);
        assert_eq!([9, u32::MAX].map(|n| after(overloaded, n, 0).0), [600, 600]);
        assert_eq!(after(overloaded, 1, 13_262), (30, 13_262));
        assert_eq!(after(overloaded, 1, 10_000_000).1, 86_400);
        assert_eq!(after(FailureKind::QuotaExhausted, 1, 0), (0, 3_600));
        assert_eq!(after(FailureKind::QuotaExhausted, 1, 7_200), (0, 7_200));
    }
}
