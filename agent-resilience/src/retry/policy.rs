//! When to call again, as plain data.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use agent_primitives::FailureKind;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use crate::backoff::Backoff;
use crate::deadline::TimeLimit;

/// When to call again, as plain data: how often, how long between, how long in all, and the longest
/// hint that is waited for.
///
/// The default is 3 attempts within 10 minutes, [`Backoff::default`], and hints of at most 5 s.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::RetryPolicy;
///
/// let policy: RetryPolicy = serde_json::from_str(r#"{
///     "max_attempts": 4,
///     "per_kind": {"overloaded": {"max_attempts": 6}, "timeout": {"max_attempts": 1}}
/// }"#)?;
/// assert_eq!(policy.attempts_for(FailureKind::Server).get(), 4);
/// assert_eq!(policy.attempts_for(FailureKind::Overloaded).get(), 6);
/// assert_eq!(policy.attempts_for(FailureKind::Timeout).get(), 1);
/// assert_eq!(policy.longest_hint, RetryPolicy::default().longest_hint);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryPolicy {
    /// Calls in all, the first included; 3 by default.
    pub max_attempts: NonZeroU32,
    /// The pauses between them.
    pub backoff: Backoff,
    /// A provider that asks for a longer pause than this is not waited for; 5 s by default. A time
    /// that was learned is waited for up to this, too.
    #[serde(with = "crate::duration")]
    pub longest_hint: Duration,
    /// The longest that one attempt may take; none by default, since an answer that is cut short is
    /// paid for all the same, and only the host knows how long its answers are.
    #[serde(with = "crate::duration::optional")]
    pub attempt_timeout: Option<Duration>,
    /// The longest that all attempts and pauses may take together; 10 min by default, the time that
    /// the client libraries of Anthropic and OpenAI give to a single request. `None` is no limit.
    #[serde(with = "crate::duration::optional")]
    pub total: Option<Duration>,
    /// What differs for some kinds of failure. It can say when a kind is final sooner or later; it
    /// cannot make a failure retryable that its verdict says is not.
    #[serde(deserialize_with = "known_kinds")]
    pub per_kind: BTreeMap<FailureKind, KindPolicy>,
}

/// What differs for one kind of failure.
///
/// ```
/// use agent_resilience::{Backoff, KindPolicy};
///
/// assert_eq!(KindPolicy::default().backoff, None, "as for every other kind");
/// assert_eq!(KindPolicy::never().max_attempts.map(|n| n.get()), Some(1));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KindPolicy {
    /// A failure of this kind is final when it ends attempt number so many, those that failed in
    /// other ways included. With 1 it is never followed by another attempt.
    pub max_attempts: Option<NonZeroU32>,
    /// The pauses after it.
    pub backoff: Option<Backoff>,
    /// The longest hint that is waited for.
    #[serde(with = "crate::duration::optional")]
    pub longest_hint: Option<Duration>,
}

impl KindPolicy {
    /// Not once more.
    pub const fn never() -> Self {
        Self {
            max_attempts: Some(NonZeroU32::MIN),
            backoff: None,
            longest_hint: None,
        }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: NonZeroU32::MIN.saturating_add(2),
            backoff: Backoff::default(),
            longest_hint: Duration::from_secs(5),
            attempt_timeout: None,
            total: Some(Duration::from_secs(600)),
            per_kind: BTreeMap::new(),
        }
    }
}

impl RetryPolicy {
    /// Attempts after which a failure of this kind is final.
    pub fn attempts_for(&self, kind: FailureKind) -> NonZeroU32 {
        let own = self.per_kind.get(&kind).and_then(|own| own.max_attempts);
        own.unwrap_or(self.max_attempts)
    }

    /// The pauses after a failure of this kind.
    pub fn backoff_for(&self, kind: FailureKind) -> &Backoff {
        let own = self
            .per_kind
            .get(&kind)
            .and_then(|own| own.backoff.as_ref());
        own.unwrap_or(&self.backoff)
    }

    /// The longest pause that a provider may ask for after a failure of this kind.
    pub fn longest_hint_for(&self, kind: FailureKind) -> Duration {
        let own = self.per_kind.get(&kind).and_then(|own| own.longest_hint);
        own.unwrap_or(self.longest_hint)
    }

    /// [`total`](Self::total) as a limit.
    pub fn limit(&self) -> TimeLimit {
        self.total.map_or(TimeLimit::NONE, TimeLimit::within)
    }
}

/// A kind that reads as unknown elsewhere, because a newer version may have written it, is a slip of
/// the pen in a configuration.
fn known_kinds<'de, D: Deserializer<'de>>(
    input: D,
) -> Result<BTreeMap<FailureKind, KindPolicy>, D::Error> {
    let words = BTreeMap::<String, KindPolicy>::deserialize(input)?;
    words
        .into_iter()
        .map(|(word, own)| match FailureKind::from_word(&word) {
            Some(kind) => Ok((kind, own)),
            None => Err(D::Error::custom(format_args!(
                "{word:?} is no kind of failure; use one of {}",
                FailureKind::ALL
                    .iter()
                    .map(|kind| kind.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_round_trips() {
        let policy = RetryPolicy {
            attempt_timeout: Some(Duration::from_millis(1_500)),
            total: None,
            per_kind: BTreeMap::from([
                (FailureKind::Timeout, KindPolicy::never()),
                (
                    FailureKind::RateLimited,
                    KindPolicy {
                        backoff: Some(Backoff::constant(Duration::from_secs(3))),
                        longest_hint: Some(Duration::from_secs(60)),
                        ..KindPolicy::default()
                    },
                ),
            ]),
            ..RetryPolicy::default()
        };
        let json = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<RetryPolicy>(&json).unwrap(), policy);
        assert_eq!(
            policy.longest_hint_for(FailureKind::RateLimited).as_secs(),
            60
        );
        assert_eq!(policy.longest_hint_for(FailureKind::Timeout).as_secs(), 5);
        assert_ne!(
            policy.backoff_for(FailureKind::RateLimited),
            &policy.backoff
        );
        assert_eq!(policy.backoff_for(FailureKind::Timeout), &policy.backoff);
    }

    #[test]
    fn misspelt_settings_and_kinds_are_refused() {
        for (json, wanted) in [
            (r#"{"max_attempt": 3}"#, "max_attempt"),
            (r#"{"max_attempts": 0}"#, "nonzero"),
            (
                r#"{"per_kind": {"time_out": {}}}"#,
                "\"time_out\" is no kind of failure; use one of rate_limited,",
            ),
            (r#"{"per_kind": {"timeout": {"never": true}}}"#, "never"),
        ] {
            let error = serde_json::from_str::<RetryPolicy>(json)
                .unwrap_err()
                .to_string();
            assert!(error.contains(wanted), "{json}: {error}");
        }
    }
}
