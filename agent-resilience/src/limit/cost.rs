//! What one call takes from the limits.

use agent_primitives::TokenUsage;
use serde::{Deserialize, Serialize};

use crate::classify::LimitedResource;

/// What a call takes from a provider's limits: an estimate before it, the truth after it.
///
/// ```
/// use agent_primitives::TokenUsage;
/// use agent_resilience::Cost;
///
/// let estimate = Cost::REQUEST.input(1_200).output(800);
/// assert_eq!(estimate.tokens(), 2_000);
/// let real = Cost::from(TokenUsage::new(1_150, 90).with_cache_read(50));
/// assert_eq!(real, Cost::REQUEST.input(1_200).output(90));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cost {
    /// Calls; usually 1.
    pub requests: u64,
    /// Tokens sent.
    pub input_tokens: u64,
    /// Tokens to come back. Some vendors count the request's own upper bound (`max_tokens`), others
    /// what was generated.
    pub output_tokens: u64,
}

impl Cost {
    /// One call whose tokens no limit counts.
    pub const REQUEST: Self = Self {
        requests: 1,
        input_tokens: 0,
        output_tokens: 0,
    };

    /// Nothing at all.
    pub const ZERO: Self = Self {
        requests: 0,
        input_tokens: 0,
        output_tokens: 0,
    };

    /// Sets the tokens sent.
    #[must_use]
    pub const fn input(mut self, tokens: u64) -> Self {
        self.input_tokens = tokens;
        self
    }

    /// Sets the tokens to come back.
    #[must_use]
    pub const fn output(mut self, tokens: u64) -> Self {
        self.output_tokens = tokens;
        self
    }

    /// One call with the tokens of `usage` that came from no cache: for vendors whose input limit does
    /// not count tokens read from a prompt cache, as most Anthropic models.
    ///
    /// ```
    /// use agent_primitives::TokenUsage;
    /// use agent_resilience::Cost;
    ///
    /// let usage = TokenUsage::new(100, 50).with_cache_read(900).with_cache_write_5m(10);
    /// assert_eq!(Cost::without_cache_reads(&usage), Cost::REQUEST.input(110).output(50));
    /// ```
    pub const fn without_cache_reads(usage: &TokenUsage) -> Self {
        Self::REQUEST
            .input(usage.input_total().saturating_sub(usage.cache_read()))
            .output(usage.output())
    }

    /// Tokens of either kind.
    pub const fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// How much of what `counted` names this takes.
    #[inline]
    pub(super) const fn of(&self, counted: Counted) -> u64 {
        (self.requests & counted.mask(0))
            .saturating_add(self.input_tokens & counted.mask(1))
            .saturating_add(self.output_tokens & counted.mask(2))
    }
}

/// Which parts of a cost a window counts, one bit each: a check then has nothing to branch on, and a
/// cost can stay in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted(u8);

impl Counted {
    /// A plan's share is counted in tokens of either kind.
    pub(super) const fn by(resource: LimitedResource) -> Self {
        Self(match resource {
            LimitedResource::Requests => 0b001,
            LimitedResource::InputTokens => 0b010,
            LimitedResource::OutputTokens => 0b100,
            LimitedResource::Tokens | LimitedResource::Plan => 0b110,
            LimitedResource::Concurrency => 0,
        })
    }

    #[inline]
    const fn mask(self, bit: u8) -> u64 {
        (0_u64).wrapping_sub((self.0 >> bit & 1) as u64)
    }
}

impl From<TokenUsage> for Cost {
    /// One call, all input tokens cached or not, all output tokens.
    fn from(usage: TokenUsage) -> Self {
        Self::REQUEST
            .input(usage.input_total())
            .output(usage.output())
    }
}

impl std::ops::Add for Cost {
    type Output = Self;
    /// Saturates.
    fn add(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
        }
    }
}

impl std::ops::Sub for Cost {
    type Output = Self;
    /// Saturates at nothing.
    fn sub(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            input_tokens: self.input_tokens.saturating_sub(other.input_tokens),
            output_tokens: self.output_tokens.saturating_sub(other.output_tokens),
        }
    }
}
