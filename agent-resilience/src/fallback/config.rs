//! Settings of a fallback chain.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_primitives::{FailureKind, ProviderId};
use serde::{Deserialize, Serialize};

use super::check::CheckConfig;
use crate::breaker::BreakerConfig;
use crate::classify::Verdict;
use crate::limit::{ConcurrencyConfig, RateLimitConfig};
use crate::retry::RetryPolicy;
use crate::route::{RouteConfig, RouteStrategy};
use crate::stream::StreamLimits;

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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    ///
    /// With one, and while others could be asked, an attempt has half of the time that the request has
    /// left at the most, so that somebody else can still answer. A provider that is cut short by that
    /// or by a deadline is to blame, and rests, where it had a quarter of its limit.
    #[serde(with = "crate::duration::optional")]
    pub attempt_timeout: Option<Duration>,
    /// Offers a request to the others that a provider refused for what it says; not by default, since
    /// a refusal is an answer, and shopping around for another is for a person to decide.
    pub route_around_content_policy: bool,
    /// When a provider that keeps failing is not called at all.
    pub breaker: BreakerConfig,
    /// How long a provider rests.
    pub rest: Rest,
    /// How the requests come back to a provider that rested.
    pub returning: Return,
    /// How a provider is chosen from those that are able and ready; the first unless set.
    pub route: RouteConfig,
    /// Leaves a provider before its limit is reached: what replies say of their limits is counted
    /// together with what is under way, and a request that would not fit goes elsewhere. By default so;
    /// [limits that are set](LinkConfig::rate_limit) are kept to in any case.
    pub predict: bool,
    /// Where nobody can answer now, waits for the first that may answer the request, if that is within its
    /// time; not by default. Those that cannot, or refused it, are not waited for and not asked again.
    pub wait_for_first: bool,
    /// Requests that wait for the same provider come back within so long of each other, each at its own
    /// moment, so that they do not meet it all at once; 2 s by default. Never more than half of the time
    /// that is left.
    #[serde(with = "crate::duration")]
    pub wait_spread: Duration,
    /// When replies are looked at, where the chain has a [`ReplyCheck`](crate::ReplyCheck).
    pub check: CheckConfig,
    /// Asks a second provider while the first one is slow; not by default, since it may cost twice.
    pub hedge: Option<HedgeConfig>,
    /// Decisions that are kept to be looked at; 64 by default, 0 for none, at most
    /// [`DECISIONS_MAX`](Self::DECISIONS_MAX).
    pub decisions: usize,
    /// What is set for one provider alone, by its name.
    pub links: BTreeMap<ProviderId, LinkConfig>,
    /// Time between two probes of a resting provider; 60 s by default.
    #[serde(with = "crate::duration")]
    pub probe_every: Duration,
    /// How long a stream may keep its reader waiting, counted for each provider from its own start.
    pub stream: StreamLimits,
}

impl Default for FallbackConfig {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            attempt_timeout: Some(Duration::from_secs(120)),
            route_around_content_policy: false,
            breaker: BreakerConfig::default(),
            rest: Rest::default(),
            returning: Return::default(),
            route: RouteConfig::default(),
            predict: true,
            wait_for_first: false,
            wait_spread: Duration::from_secs(2),
            check: CheckConfig::default(),
            hedge: None,
            decisions: 64,
            links: BTreeMap::new(),
            probe_every: Duration::from_secs(60),
            stream: StreamLimits::default(),
        }
    }
}

impl FallbackConfig {
    /// The most decisions that are kept.
    pub const DECISIONS_MAX: usize = 4_096;

    /// Whether figures of the calls decide.
    pub(super) fn learns(&self) -> bool {
        self.route.strategy != RouteStrategy::Preference
    }
}

/// What is set for one provider of a chain alone.
///
/// ```
/// use agent_resilience::{FallbackConfig, LinkConfig};
///
/// let config: FallbackConfig =
///     serde_json::from_str(r#"{"links": {"ollama": {"concurrency": {"limit": 2}}}}"#)?;
/// let ollama: &LinkConfig = &config.links[&agent_primitives::ProviderId::new("ollama").unwrap()];
/// assert_eq!(ollama.concurrency.map(|own| own.limit.get()), Some(2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkConfig {
    /// How much may be asked in a time; as its replies say unless set. Providers of one model and one
    /// account share it: set it for one of them.
    pub rate_limit: Option<RateLimitConfig>,
    /// How many calls may be under way; any number unless set. Nobody queues: what is too much goes
    /// elsewhere.
    pub concurrency: Option<ConcurrencyConfig>,
}

/// When a second provider is asked for the same request.
///
/// The second one is called once, where the first has not been. The first answer counts, or the first
/// refusal, and the other call is dropped. That gives back its place; a rate limit and a
/// [budget](crate::CallOptions::budget) keep its estimate, since the provider counts and may charge it. Nobody
/// is asked as well where the budget advises to spend less, where a provider is pinned, or for streams.
///
/// ```
/// use agent_resilience::FallbackConfig;
///
/// let config: FallbackConfig =
///     serde_json::from_str(r#"{"hedge": {"after": "8s"}}"#)?;
/// assert_eq!(config.hedge.map(|hedge| hedge.after.as_secs()), Some(8));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HedgeConfig {
    /// How long the first one has been asked by then: more than most answers take, so that few requests
    /// are asked twice.
    #[serde(with = "crate::duration")]
    pub after: Duration,
}

/// How requests come back to a provider that rested: all at once, or, with a [`ramp`](Self::ramp), more
/// and more of them.
///
/// With a ramp, the first request after the rest is a trial. Once that is answered the others follow, by
/// their number and not by chance, so that a provider that has just recovered is not hit by all of them
/// at once; the way of the work changes, and an event says so, when the ramp is over. One that fails
/// meanwhile rests longer than before.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::Return;
///
/// let gently: Return = serde_json::from_str(r#"{"ramp": "20s"}"#)?;
/// assert_eq!((gently.hysteresis, gently.first_percent), (Duration::from_secs(30), 10));
/// assert_eq!(Return::default().ramp, Duration::ZERO);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Return {
    /// The least time that a provider is left alone, also where a probe passes, and where its limit had
    /// nothing left; 30 s by default. However fast it flaps, it is left once in this time at the most.
    #[serde(with = "crate::duration")]
    pub hysteresis: Duration,
    /// Time from the first answer until it has all its requests again; zero by default, which is at
    /// once. For hosts with many requests under way.
    #[serde(with = "crate::duration")]
    pub ramp: Duration,
    /// The share of requests in percent that the ramp begins with, 1 to 100; 10 by default.
    pub first_percent: u8,
}

impl Default for Return {
    fn default() -> Self {
        Self {
            hysteresis: Duration::from_secs(30),
            ramp: Duration::ZERO,
            first_percent: 10,
        }
    }
}

impl Return {
    /// The share in percent, so long after the first answer; `None` before it.
    pub(super) fn share(&self, since: Option<Duration>) -> u32 {
        if self.ramp.is_zero() {
            return 100;
        }
        let first = u32::from(self.first_percent.clamp(1, 100));
        let Some(since) = since else {
            return first;
        };
        if since >= self.ramp {
            return 100;
        }
        let part = u128::from(100 - first) * since.as_nanos() / self.ramp.as_nanos().max(1);
        first + u32::try_from(part).unwrap_or(0)
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
    #[serde(with = "crate::duration")]
    pub first: Duration,
    /// The longest rest after failures that pass by themselves; 10 min by default.
    #[serde(with = "crate::duration")]
    pub longest: Duration,
    /// After a failure that somebody has to mend (credit, key, permission, a missing model); 1 h by
    /// default.
    #[serde(with = "crate::duration")]
    pub until_mended: Duration,
    /// The longest rest that a provider may ask for; 24 h by default. Providers were seen to ask for
    /// days and to answer again within minutes, so one request is risked after this.
    #[serde(with = "crate::duration")]
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
    fn a_ramp_rises_evenly_from_its_first_share_to_all() {
        let returning = Return {
            ramp: Duration::from_secs(10),
            ..Return::default()
        };
        let share = |seconds| returning.share(Some(Duration::from_secs(seconds)));
        assert_eq!(returning.share(None), 10, "a trial");
        assert_eq!([0, 5, 9, 10, 11].map(share), [10, 55, 91, 100, 100]);
        assert_eq!(Return::default().share(None), 100, "at once");
    }

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
