//! So much money and so many tokens, as people say it and as it is counted.

use agent_primitives::{SpendAmount, TokenUsage, Usd};
use serde::{Deserialize, Serialize};

use super::price::TokenPrice;

/// Two million dollars in pico-dollars: the largest cap, and as much as one call counts at most. Sums
/// of a few of them fit 64 bits.
pub(super) const MOST_PICOS: u64 = 2_000_000_000_000_000_000;
/// As many tokens.
pub(super) const MOST_TOKENS: u64 = MOST_PICOS;

/// Money and tokens of a call, or of many: an estimate before it, the truth after it.
///
/// ```
/// use agent_primitives::{TokenUsage, Usd};
/// use agent_resilience::{Spend, TokenPrice};
///
/// let price = TokenPrice::per_million("3".parse()?, "15".parse()?);
/// let estimate = price.spend_estimate(1_200, 800);
/// assert_eq!(estimate, Spend::new("0.0156".parse()?, 2_000));
/// let actual = price.spend(&TokenUsage::new(1_200, 90));
/// assert_eq!(actual, Spend::new("0.00495".parse()?, 1_290));
/// # Ok::<(), agent_primitives::InvalidUsd>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spend {
    /// Money. Below zero counts as nothing, more than two million dollars as two million.
    pub usd: Usd,
    /// Tokens of any kind.
    pub tokens: u64,
}

impl Spend {
    /// Nothing.
    pub const ZERO: Self = Self::new(Usd::ZERO, 0);

    /// `usd` for `tokens`.
    pub const fn new(usd: Usd, tokens: u64) -> Self {
        Self { usd, tokens }
    }

    /// Money, where tokens are of no interest.
    pub const fn usd(usd: Usd) -> Self {
        Self::new(usd, 0)
    }

    /// Tokens, where money is of no interest.
    pub const fn tokens(tokens: u64) -> Self {
        Self::new(Usd::ZERO, tokens)
    }
}

impl std::ops::Add for Spend {
    type Output = Self;
    /// Saturates.
    fn add(self, other: Self) -> Self {
        Self {
            usd: self.usd + other.usd,
            tokens: self.tokens.saturating_add(other.tokens),
        }
    }
}

impl TokenPrice {
    /// What `usage` costs, and its tokens, cached or not.
    #[inline]
    pub const fn spend(&self, usage: &TokenUsage) -> Spend {
        Spend::new(self.cost(usage), usage.total())
    }

    /// What a call would cost whose `input_tokens` all miss the cache and whose answer is
    /// `output_tokens` long, and its tokens.
    #[inline]
    pub const fn spend_estimate(&self, input_tokens: u64, output_tokens: u64) -> Spend {
        Spend::new(
            self.estimate(input_tokens, output_tokens),
            input_tokens.saturating_add(output_tokens),
        )
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Picos,
    Tokens,
}

impl Unit {
    pub(super) fn amount(self, units: u64) -> SpendAmount {
        match self {
            Self::Picos => SpendAmount::Usd(Usd::from_picos(units.into())),
            Self::Tokens => SpendAmount::Tokens(units),
        }
    }
}

/// A [`Spend`] as it is counted: whole pico-dollars and tokens within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Units {
    pub(super) picos: u64,
    pub(super) tokens: u64,
}

impl Units {
    pub(super) const ZERO: Self = Self {
        picos: 0,
        tokens: 0,
    };

    pub(super) const fn of(self, unit: Unit) -> u64 {
        match unit {
            Unit::Picos => self.picos,
            Unit::Tokens => self.tokens,
        }
    }

    pub(super) const fn of_mut(&mut self, unit: Unit) -> &mut u64 {
        match unit {
            Unit::Picos => &mut self.picos,
            Unit::Tokens => &mut self.tokens,
        }
    }

    pub(super) fn spend(self) -> Spend {
        Spend::new(Usd::from_picos(self.picos.into()), self.tokens)
    }
}

impl From<Spend> for Units {
    #[inline]
    fn from(spend: Spend) -> Self {
        let picos = spend.usd.picos().clamp(0, i128::from(MOST_PICOS));
        Self {
            // Fits, since it is clamped.
            picos: u64::try_from(picos).unwrap_or(MOST_PICOS),
            tokens: spend.tokens.min(MOST_TOKENS),
        }
    }
}
