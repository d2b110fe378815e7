//! How fast what was learned fades.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::route::config::InvalidRoute;

/// How fast what was learned fades, how much is tried, and how many are remembered; plain data.
///
/// What a call told counts half after `half_life_calls` further calls, and half after `half_life`
/// has passed. There is no end to learning: a candidate that has become better or worse is noticed
/// at the hundred-thousandth call as soon as at the hundredth.
///
/// ```
/// use agent_resilience::LearnedConfig;
///
/// let config: LearnedConfig = serde_json::from_str(r#"{"half_life_calls": 40}"#)?;
/// assert_eq!((config.half_life_calls.get(), config.explore), (40, 100));
/// assert_eq!(config.half_life.as_secs(), 1_800);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearnedConfig {
    /// A call counts half after so many further calls, whoever they went to; 100 by default. Fewer
    /// follow changes sooner, more tell similar candidates apart better.
    pub half_life_calls: NonZeroU32,
    /// A call counts half after this time; 30 min by default.
    #[serde(with = "crate::duration")]
    pub half_life: Duration,
    /// How much is tried, in percent of what the doubt about each candidate asks for: 100 by
    /// default, 0 always takes the one that looks best.
    pub explore: u8,
    /// Candidates that are remembered; 1024 by default. Beyond them, the one without a call for
    /// longest is forgotten.
    pub capacity: usize,
}

impl Default for LearnedConfig {
    fn default() -> Self {
        Self {
            half_life_calls: NonZeroU32::MIN.saturating_add(99),
            half_life: Duration::from_secs(1_800),
            explore: 100,
            capacity: 1_024,
        }
    }
}

impl LearnedConfig {
    /// Looks for what cannot hold.
    ///
    /// # Errors
    /// [`InvalidRoute`] names the first setting that cannot.
    pub fn validate(&self) -> Result<(), InvalidRoute> {
        if self.half_life < Duration::from_micros(1) {
            return Err(InvalidRoute::HalfLife("a second"));
        }
        if self.capacity == 0 {
            return Err(InvalidRoute::NoRoom);
        }
        Ok(())
    }
}
