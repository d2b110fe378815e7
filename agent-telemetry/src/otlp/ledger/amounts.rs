//! Tokens and money in disjoint buckets, to be compared and subtracted.

use agent_primitives::{TokenUsage, Usd};

use super::field::fields;

/// What calls or metrics told. Reasoning is a part of the output; all others add up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Amounts {
    pub(super) input: u64,
    pub(super) cache_read: u64,
    pub(super) cache_write: u64,
    pub(super) output: u64,
    pub(super) reasoning: u64,
    /// In pico-dollars.
    pub(super) cost: u64,
}

fields!(Amounts {
    input,
    cache_read,
    cache_write,
    output,
    reasoning,
    cost
});

impl Amounts {
    pub(super) fn new(usage: &TokenUsage, cost: Option<Usd>) -> Self {
        Self {
            input: usage.input(),
            cache_read: usage.cache_read(),
            cache_write: usage.cache_write(),
            output: usage.output(),
            reasoning: usage.reasoning(),
            cost: cost.map_or(0, picos),
        }
    }

    pub(super) fn zip(self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            input: join(self.input, other.input),
            cache_read: join(self.cache_read, other.cache_read),
            cache_write: join(self.cache_write, other.cache_write),
            output: join(self.output, other.output),
            reasoning: join(self.reasoning, other.reasoning),
            cost: join(self.cost, other.cost),
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }

    /// What is left of each bucket, never below zero.
    pub(super) fn minus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_sub)
    }

    pub(super) fn smaller(self, other: Self) -> Self {
        self.zip(other, u64::min)
    }

    pub(super) fn larger(self, other: Self) -> Self {
        self.zip(other, u64::max)
    }

    /// Tokens of the input, cached or not.
    pub(super) fn inclusive(&self) -> u64 {
        let cached = self.cache_read.saturating_add(self.cache_write);
        self.input.saturating_add(cached)
    }

    /// All tokens.
    pub(super) fn tokens(&self) -> u64 {
        self.inclusive().saturating_add(self.output)
    }

    /// As usage. Writes to the cache are of the short kind as far as `like` does not say that they are of the long.
    pub(super) fn usage(&self, like: &TokenUsage) -> TokenUsage {
        let long = like.cache_write_1h().min(self.cache_write);
        let usage = TokenUsage::new(self.input, self.output)
            .with_cache_read(self.cache_read)
            .with_cache_write_5m(self.cache_write - long)
            .with_cache_write_1h(long);
        let reasoning = self.reasoning.min(self.output);
        usage.with_reasoning(reasoning).unwrap_or(usage)
    }

    pub(super) fn usd(&self) -> Usd {
        Usd::from_picos(i128::from(self.cost))
    }
}

/// No less than zero and no more than 18 million dollars.
pub(super) fn picos(cost: Usd) -> u64 {
    u64::try_from(cost.picos().max(0)).unwrap_or(u64::MAX)
}

/// `part` of `whole` of `amount`, rounded down; nothing of a whole that is nothing.
pub(super) fn share(amount: u64, part: u64, whole: u64) -> u64 {
    let product = u128::from(amount) * u128::from(part.min(whole));
    let share = product.checked_div(u128::from(whole)).unwrap_or(0);
    u64::try_from(share).unwrap_or(u64::MAX)
}
