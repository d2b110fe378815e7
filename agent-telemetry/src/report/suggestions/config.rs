//! From when on something is worth a suggestion.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// From when on something is worth a suggestion.
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::SuggestConfig;
///
/// let config: SuggestConfig = serde_json::from_str(r#"{"timeout":{"secs":30,"nanos":0}}"#)?;
/// assert_eq!((config.timeout, config.rate_margin), (Some(Duration::from_secs(30)), 0.05));
/// assert_eq!(SuggestConfig::default().timeout, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SuggestConfig {
    /// How much lower the share of successes of a cheaper model may be at most: the lower bound of the
    /// difference has to be above it. 0.05, which are five points, unless set: half of what
    /// [`CompareConfig`](crate::CompareConfig) takes for a difference that matters. From 0.001 to 1.
    pub rate_margin: f64,
    /// After how long the host gives up a request. Unless set, 60 s are assumed, the shortest of the limits that
    /// providers' own clients have, and each suggestion that rests on it says so.
    pub timeout: Option<Duration>,
    /// From which part of that time on a request is at risk. 0.8 unless set: with a spread of a tenth of
    /// the time, one of forty that take so long takes longer than the limit. From 0 to 1.
    pub near: f64,
    /// The share of requests at risk that is worth a word: the lower bound has to be above it. 0.05 unless set.
    pub near_share: f64,
    /// Fewest requests of a size of which anything is said. 30 unless set.
    pub requests: u64,
    /// Fewest calls that led nowhere, and fewest sessions with them. 10 and 3 unless set: what happens once
    /// is no habit.
    pub wasted_calls: u64,
    /// See [`wasted_calls`](Self::wasted_calls).
    pub wasted_sessions: u64,
    /// Fewest failures of a kind. 10 unless set.
    pub failures: u64,
    /// The share of calls that fail in that way which is worth a word: the lower bound has to be above it. 0.01
    /// unless set: what is rarer is answered by trying again.
    pub failure_share: f64,
    /// Fewest calls of a model that read nothing from a cache. 100 unless set.
    pub uncached_calls: u64,
    /// The share of their input that the call before had as well. 0.5 unless set: below that, writing to
    /// the cache costs much of what reading from it saves.
    pub repeated_share: f64,
}

/// What a host is taken to wait that does not say how long.
const ASSUMED: Duration = Duration::from_secs(60);

impl Default for SuggestConfig {
    fn default() -> Self {
        Self {
            rate_margin: 0.05,
            timeout: None,
            near: 0.8,
            near_share: 0.05,
            requests: 30,
            wasted_calls: 10,
            wasted_sessions: 3,
            failures: 10,
            failure_share: 0.01,
            uncached_calls: 100,
            repeated_share: 0.5,
        }
    }
}

impl SuggestConfig {
    /// One that is no number is the narrowest.
    pub(super) fn rate_margin(&self) -> f64 {
        self.rate_margin.clamp(0.001, 1.0).max(0.001)
    }

    /// After how long a request is given up, as far as is known.
    pub(super) fn limit(&self) -> Duration {
        self.timeout.unwrap_or(ASSUMED)
    }

    /// From how long on a request is at risk.
    pub(super) fn near(&self) -> Duration {
        // What is no number is the whole of it.
        let part = if self.near.is_nan() { 1.0 } else { self.near };
        let limit = self.limit();
        let seconds = limit.as_secs_f64() * part.clamp(0.0, 1.0);
        Duration::try_from_secs_f64(seconds).unwrap_or(limit)
    }
}
