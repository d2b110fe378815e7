//! How many calls may be under way, as plain data.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::limit::config::InvalidLimit;

/// Settings of a [`ConcurrencyLimit`](crate::ConcurrencyLimit), as plain data.
///
/// The default lets 16 calls be under way, always, and 1024 wait.
///
/// ```
/// use agent_resilience::{AdaptiveConfig, ConcurrencyConfig};
///
/// let config: ConcurrencyConfig = serde_json::from_str(r#"{"limit": 4, "adaptive": {"max": 64}}"#)?;
/// assert_eq!((config.limit.get(), config.queue), (4, 1_024));
/// assert_eq!(config.adaptive, Some(AdaptiveConfig { max: 64, ..AdaptiveConfig::default() }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConcurrencyConfig {
    /// Calls under way at the same time; where the limit adapts, what it starts from.
    pub limit: NonZeroU32,
    /// How many callers may wait at the same time; the next is refused.
    pub queue: usize,
    /// Lets the limit follow what the provider bears; it stands still unless set.
    pub adaptive: Option<AdaptiveConfig>,
}

impl Default for ConcurrencyConfig {
    fn default() -> Self {
        Self {
            limit: NonZeroU32::MIN.saturating_add(15),
            queue: 1_024,
            adaptive: None,
        }
    }
}

impl ConcurrencyConfig {
    /// Looks for what cannot hold.
    ///
    /// # Errors
    /// [`InvalidLimit`] names the setting.
    ///
    /// ```
    /// use agent_resilience::{AdaptiveConfig, ConcurrencyConfig};
    ///
    /// let adaptive = Some(AdaptiveConfig { max: 4, ..AdaptiveConfig::default() });
    /// let config = ConcurrencyConfig { adaptive, ..ConcurrencyConfig::default() };
    /// let error = config.check().unwrap_err().to_string();
    /// assert_eq!(error, "limit is out of range: start between min and max");
    /// ```
    pub fn check(&self) -> Result<(), InvalidLimit> {
        self.adaptive
            .map_or(Ok(()), |adaptive| adaptive.check(self.limit))
    }
}

/// How a limit follows the latency of calls: up while it stays as it was, down as it grows.
///
/// The figures are those of Gradient2 in Netflix's concurrency-limits, but for `min`, since few model
/// providers bear 20 calls at once from the start, and `backoff`, which that one leaves out. A step is
/// taken once a round, that is after as many calls as the limit allows at once.
///
/// What such a limit cannot know: a provider that is slow for an hour becomes the new measure, and the
/// limit grows again. `max` and the provider's own refusals bound that.
///
/// ```
/// use agent_resilience::AdaptiveConfig;
///
/// let config = AdaptiveConfig::default();
/// assert_eq!((config.min, config.max, config.headroom), (1, 200, 4));
/// assert!((config.tolerance - 1.5).abs() < f64::EPSILON);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptiveConfig {
    /// Never below; 1 unless set.
    pub min: u32,
    /// Never above; 200 unless set.
    pub max: u32,
    /// Calls that may stand in line at the provider: by so much each step grows; 4 unless set.
    pub headroom: u32,
    /// Latency may grow by this factor over the long average before the limit falls; 1.5 unless set,
    /// at least 1.
    pub tolerance: f64,
    /// The share of each step that is taken, above 0 and at most 1; 0.2 unless set.
    pub smoothing: f64,
    /// Rounds over which the long average of the latency is taken; 600 unless set.
    pub long_window: u32,
    /// What is left of the limit when the provider says that it is overloaded, above 0 and below 1;
    /// 0.9 unless set. Calls that were under way already do not lower it again.
    pub backoff: f64,
}

impl Default for AdaptiveConfig {
    fn default() -> Self {
        Self {
            min: 1,
            max: 200,
            headroom: 4,
            tolerance: 1.5,
            smoothing: 0.2,
            long_window: 600,
            backoff: 0.9,
        }
    }
}

impl AdaptiveConfig {
    /// Looks for what cannot hold.
    pub(super) fn check(&self, limit: NonZeroU32) -> Result<(), InvalidLimit> {
        let refuse = |what, cure| Err(InvalidLimit::Adaptive { what, cure });
        if self.min == 0 || self.min > self.max {
            return refuse("min", "use at least 1 and at most max");
        }
        if !(self.min..=self.max).contains(&limit.get()) {
            return refuse("limit", "start between min and max");
        }
        // Written so that a NaN is refused.
        if !(self.tolerance >= 1.0 && self.tolerance.is_finite()) {
            return refuse("tolerance", "use at least 1");
        }
        if !(self.smoothing > 0.0 && self.smoothing <= 1.0) {
            return refuse("smoothing", "use more than 0 and at most 1");
        }
        if !(self.backoff > 0.0 && self.backoff < 1.0) {
            return refuse("backoff", "use more than 0 and less than 1");
        }
        if self.long_window == 0 {
            return refuse("long_window", "use at least 1");
        }
        Ok(())
    }
}
