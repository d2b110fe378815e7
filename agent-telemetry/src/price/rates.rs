//! The price of one token of each kind.

use agent_primitives::{TokenUsage, Usd};

use super::entry::Entry;
use super::key::CostKey;
use super::rate::Rate;
use super::{Item, PriceTier};

/// What one token costs in each bucket, in whole pico-dollars (10⁻¹² dollars).
///
/// Reasoning is a part of the output and costs the same.
///
/// ```
/// use agent_primitives::TokenUsage;
/// use agent_telemetry::Price;
///
/// let price = Price::per_million("3".parse()?, "15".parse()?).cache_read("0.30".parse()?);
/// let usage = TokenUsage::new(1_000, 200).with_cache_read(10_000);
/// assert_eq!(price.cost(&usage).to_string(), "$0.009");
/// # Ok::<(), agent_primitives::InvalidUsd>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    input: Usd,
    cache_read: Usd,
    cache_write_5m: Usd,
    cache_write_1h: Usd,
    output: Usd,
}

const MILLION: u64 = 1_000_000;

impl Price {
    /// Known to cost nothing, such as a model on the host's own machine.
    pub const FREE: Self = Self::of_picos(0, 0);

    /// From dollars for a million tokens of input and of output. Cached input costs as much as other
    /// input unless set. A millionth below a pico-dollar is rounded half to even.
    pub fn per_million(input: Usd, output: Usd) -> Self {
        Self {
            output: a_token(output),
            ..Self::of_picos(a_token(input).picos(), 0)
        }
    }

    const fn of_picos(input: i128, output: i128) -> Self {
        let (input, output) = (Usd::from_picos(input), Usd::from_picos(output));
        Self {
            input,
            cache_read: input,
            cache_write_5m: input,
            cache_write_1h: input,
            output,
        }
    }

    /// The same price as an entry that holds in every tier.
    pub(super) fn entry(&self) -> Entry {
        let mut entry = Entry::flat();
        for (item, amount) in [
            (Item::Input, self.input),
            (Item::CacheRead, self.cache_read),
            (Item::CacheWrite, self.cache_write_5m),
            (Item::CacheWrite1h, self.cache_write_1h),
            (Item::Output, self.output),
        ] {
            // A negative price is no price: what it would apply to stays unpriced.
            if let Some(rate) = Rate::of_usd(amount) {
                let tier = PriceTier::Standard;
                entry.set(
                    CostKey {
                        item,
                        tier,
                        above: 0,
                    },
                    rate,
                );
            }
        }
        entry
    }

    /// Sets the dollars for a million tokens read from a cache.
    #[must_use]
    pub fn cache_read(mut self, per_million: Usd) -> Self {
        self.cache_read = a_token(per_million);
        self
    }

    /// Sets the dollars for a million tokens written to a cache of five minutes and of an hour.
    #[must_use]
    pub fn cache_write(mut self, five_minutes: Usd, hour: Usd) -> Self {
        self.cache_write_5m = a_token(five_minutes);
        self.cache_write_1h = a_token(hour);
        self
    }

    /// What `usage` costs; saturates as [`Usd`] does.
    pub fn cost(&self, usage: &TokenUsage) -> Usd {
        self.input * usage.input()
            + self.cache_read * usage.cache_read()
            + self.cache_write_5m * usage.cache_write_5m()
            + self.cache_write_1h * usage.cache_write_1h()
            + self.output * usage.output()
    }
}

fn a_token(per_million: Usd) -> Usd {
    per_million.div_round(MILLION).unwrap_or(Usd::ZERO)
}
