//! How the choice is made, as plain data.

use std::time::Duration;

use agent_primitives::Usd;
use serde::{Deserialize, Serialize};

use super::learned::LearnedConfig;
use crate::budget::TokenPrice;

/// How one of several candidates is chosen, as plain data.
///
/// ```
/// use agent_resilience::{RouteConfig, RouteStrategy, RouteWeights};
///
/// let config: RouteConfig = serde_json::from_str(r#"{"strategy": "cheapest"}"#)?;
/// assert_eq!(config.strategy, RouteStrategy::Cheapest);
/// let config: RouteConfig = serde_json::from_str(r#"{"strategy": {"balanced": {"price": 2}}}"#)?;
/// let weights = RouteWeights { price: 2, ..RouteWeights::default() };
/// assert_eq!(config.strategy, RouteStrategy::Balanced(weights));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteConfig {
    /// What decides; the order given unless set.
    pub strategy: RouteStrategy,
    /// How long one takes whose latency is not measured; 1 s by default. Less lets new ones be tried
    /// sooner, more lets them wait.
    #[serde(with = "crate::duration")]
    pub assumed_latency: Duration,
    /// What one costs whose price is not known; by default 15 and 75 dollars for a million tokens of
    /// input and output, among the dearest on price lists, so that an unknown price is no advantage.
    pub assumed_price: TokenPrice,
    /// How fast what was learned fades, and how much is tried.
    pub learned: LearnedConfig,
}

impl Default for RouteConfig {
    fn default() -> Self {
        Self {
            strategy: RouteStrategy::default(),
            assumed_latency: Duration::from_secs(1),
            assumed_price: TokenPrice::per_million(
                Usd::from_micros(15_000_000),
                Usd::from_micros(75_000_000),
            ),
            learned: LearnedConfig::default(),
        }
    }
}

impl RouteConfig {
    /// The default, with another strategy.
    pub fn new(strategy: RouteStrategy) -> Self {
        Self {
            strategy,
            ..Self::default()
        }
    }

    /// Looks for what cannot hold.
    ///
    /// # Errors
    /// [`InvalidRoute`] names the first setting that cannot.
    pub fn validate(&self) -> Result<(), InvalidRoute> {
        if let RouteStrategy::Balanced(weights) = self.strategy
            && weights.total() == 0
        {
            return Err(InvalidRoute::NoWeight);
        }
        if self.assumed_latency.is_zero() {
            return Err(InvalidRoute::AssumedLatency);
        }
        self.learned.validate()
    }
}

/// What decides between the candidates that are able and ready.
///
/// Those that score the same share the requests evenly, by the draw.
///
/// ```
/// use agent_resilience::RouteStrategy;
///
/// let error = serde_json::from_str::<RouteStrategy>("\"best\"").unwrap_err().to_string();
/// assert!(error.starts_with("unknown variant `best`, expected one of `preference`, `cheapest`"));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RouteStrategy {
    /// The first in the order given.
    #[default]
    Preference,
    /// The one whose answer costs least.
    Cheapest,
    /// The one that answers soonest.
    Fastest,
    /// The best of several properties, each with its weight.
    Balanced(RouteWeights),
    /// The one that earned most so far, with a try of the others now and then: see
    /// [`LearnedStats`](crate::LearnedStats).
    Learned,
}

impl RouteStrategy {
    /// The weights that it stands for.
    pub const fn weights(self) -> RouteWeights {
        let nothing = RouteWeights::NOTHING;
        match self {
            Self::Preference => RouteWeights {
                order: 1,
                ..nothing
            },
            Self::Cheapest => RouteWeights {
                price: 1,
                ..nothing
            },
            Self::Fastest => RouteWeights {
                latency: 1,
                ..nothing
            },
            Self::Learned => RouteWeights {
                learned: 1,
                ..nothing
            },
            Self::Balanced(weights) => weights,
        }
    }

    /// The word of the strategy.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preference => "preference",
            Self::Cheapest => "cheapest",
            Self::Fastest => "fastest",
            Self::Balanced(_) => "balanced",
            Self::Learned => "learned",
        }
    }
}

/// How much each property counts. Properties are measured in points that compare: half the price, half
/// the time, one step of strength are one point each. So with equal weights twice the price is worth
/// half the time, and a candidate's score does not depend on who else is there.
///
/// ```
/// use agent_resilience::RouteWeights;
///
/// let weights = RouteWeights::default();
/// assert_eq!((weights.price, weights.latency, weights.success, weights.strength), (1, 1, 4, 1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteWeights {
    /// Of the price: a point for each halving; 1 by default.
    pub price: u8,
    /// Of the time it takes: a point for each halving; 1 by default.
    pub latency: u8,
    /// Of the share of calls that succeed: a point is lost where half of them fail; 4 by default.
    pub success: u8,
    /// Of the calls under way: a point is lost for each doubling of these and one's own; 0 by default.
    /// As much as the latency's weight, it makes each count as long as all of them one after the other.
    pub load: u8,
    /// Of [`Profile::strength`](crate::Profile::strength): a point for each step; 1 by default.
    pub strength: u8,
    /// Of the order given: a point is lost for each place; 0 by default.
    pub order: u8,
    /// Of what was learned: ten points for all rewards earned; 0 by default.
    pub learned: u8,
}

impl RouteWeights {
    const NOTHING: Self = Self {
        price: 0,
        latency: 0,
        success: 0,
        load: 0,
        strength: 0,
        order: 0,
        learned: 0,
    };

    /// All weights together.
    pub(super) const fn total(self) -> u16 {
        self.price as u16 + self.others()
    }

    /// All weights but the price's.
    const fn others(self) -> u16 {
        self.latency as u16
            + self.success as u16
            + self.load as u16
            + self.strength as u16
            + self.order as u16
            + self.learned as u16
    }

    /// With a price that weighs as much as all the others together, or as much as it did if that is more.
    #[expect(clippy::cast_possible_truncation, reason = "at most 255")]
    pub(super) const fn thrifty(self) -> Self {
        let others = self.others();
        let others = if others < 255 { others as u8 } else { 255 };
        let price = if others > self.price {
            others
        } else {
            self.price
        };
        Self { price, ..self }
    }
}

impl Default for RouteWeights {
    fn default() -> Self {
        Self {
            price: 1,
            latency: 1,
            success: 4,
            strength: 1,
            ..Self::NOTHING
        }
    }
}

/// Settings that cannot hold.
///
/// ```
/// use agent_resilience::{RouteConfig, RouteStrategy, RouteWeights};
///
/// let weights = RouteWeights { price: 0, latency: 0, success: 0, strength: 0, ..Default::default() };
/// let refused = RouteConfig::new(RouteStrategy::Balanced(weights)).validate().unwrap_err();
/// assert_eq!(refused.to_string(), "all weights are 0: give at least one of them a weight");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRoute {
    /// Nothing decides.
    #[error("all weights are 0: give at least one of them a weight")]
    NoWeight,
    /// No answer takes no time.
    #[error(
        "an assumed latency of 0 puts what was never measured before all others for ever: give at least 1 ms"
    )]
    AssumedLatency,
    /// What was learned would fade at once.
    #[error("a half-life of 0 forgets everything at once: give at least {0}")]
    HalfLife(&'static str),
    /// Nobody could be learned of.
    #[error("room for 0 candidates learns nothing: give at least 1")]
    NoRoom,
}
