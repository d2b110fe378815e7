//! What a model's tokens cost.

use agent_primitives::{TokenUsage, Usd};
use serde::{Deserialize, Serialize};

const MILLION: i128 = 1_000_000;
const MILLION_U64: u64 = 1_000_000;

/// Dollars for a million tokens of each kind, as price lists give them.
///
/// Cached input costs as much as other input unless said otherwise, which is never too little for
/// reads; vendors that ask more for writes (Anthropic: 1.25 times the input price for a cache of five
/// minutes, twice for one of an hour) need them set. No price is below zero: a negative one is zero
/// here, and refused where it is read from a configuration.
///
/// ```
/// use agent_primitives::{TokenUsage, Usd};
/// use agent_resilience::TokenPrice;
///
/// let price = TokenPrice::per_million("3".parse()?, "15".parse()?)
///     .with_cache_read("0.30".parse()?)
///     .with_cache_write_5m("3.75".parse()?)
///     .with_cache_write_1h("6".parse()?);
/// let usage = TokenUsage::new(1_000, 200).with_cache_read(10_000);
/// assert_eq!(price.cost(&usage), "0.009".parse()?);
/// assert_eq!(price.estimate(1_000, 200), "0.006".parse()?);
///
/// let read: TokenPrice = serde_json::from_str(r#"{"input": "2.50", "output": "10"}"#)?;
/// assert_eq!(read.cache_read(), "2.50".parse()?);
/// assert!(serde_json::from_str::<TokenPrice>(r#"{"input": "-1", "output": "10"}"#).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire")]
pub struct TokenPrice {
    input: Usd,
    output: Usd,
    cache_read: Usd,
    cache_write_5m: Usd,
    cache_write_1h: Usd,
}

/// What arrives before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    input: Usd,
    output: Usd,
    cache_read: Option<Usd>,
    cache_write_5m: Option<Usd>,
    cache_write_1h: Option<Usd>,
}

/// A price below zero.
#[derive(Debug, thiserror::Error)]
#[error("{0} for a million tokens is negative; write what the price list says, 0 if they are free")]
struct NegativePrice(Usd);

impl TryFrom<Wire> for TokenPrice {
    type Error = NegativePrice;

    fn try_from(wire: Wire) -> Result<Self, NegativePrice> {
        let cached = [wire.cache_read, wire.cache_write_5m, wire.cache_write_1h];
        let given = [wire.input, wire.output].into_iter();
        if let Some(negative) = given
            .chain(cached.into_iter().flatten())
            .find(|usd| usd.picos() < 0)
        {
            return Err(NegativePrice(negative));
        }
        Ok(Self {
            input: wire.input,
            output: wire.output,
            cache_read: wire.cache_read.unwrap_or(wire.input),
            cache_write_5m: wire.cache_write_5m.unwrap_or(wire.input),
            cache_write_1h: wire.cache_write_1h.unwrap_or(wire.input),
        })
    }
}

impl TokenPrice {
    /// A model that costs nothing, such as one of your own.
    pub const FREE: Self = Self::per_million(Usd::ZERO, Usd::ZERO);

    /// Dollars for a million tokens of input, cached or not, and of output.
    pub const fn per_million(input: Usd, output: Usd) -> Self {
        let input = at_least_nothing(input);
        Self {
            input,
            output: at_least_nothing(output),
            cache_read: input,
            cache_write_5m: input,
            cache_write_1h: input,
        }
    }

    /// Sets the dollars for a million tokens read from a cache.
    #[must_use]
    pub const fn with_cache_read(mut self, per_million: Usd) -> Self {
        self.cache_read = at_least_nothing(per_million);
        self
    }

    /// Sets the dollars for a million tokens written to a cache that lives five minutes, or as long as
    /// the vendor's usual one does.
    #[must_use]
    pub const fn with_cache_write_5m(mut self, per_million: Usd) -> Self {
        self.cache_write_5m = at_least_nothing(per_million);
        self
    }

    /// Sets the dollars for a million tokens written to a cache that lives an hour.
    #[must_use]
    pub const fn with_cache_write_1h(mut self, per_million: Usd) -> Self {
        self.cache_write_1h = at_least_nothing(per_million);
        self
    }

    /// Dollars for a million tokens of input outside any cache.
    pub const fn input(&self) -> Usd {
        self.input
    }

    /// Dollars for a million tokens of output, reasoning included.
    pub const fn output(&self) -> Usd {
        self.output
    }

    /// Dollars for a million tokens read from a cache.
    pub const fn cache_read(&self) -> Usd {
        self.cache_read
    }

    /// Dollars for a million tokens written to a cache of five minutes.
    pub const fn cache_write_5m(&self) -> Usd {
        self.cache_write_5m
    }

    /// Dollars for a million tokens written to a cache of an hour.
    pub const fn cache_write_1h(&self) -> Usd {
        self.cache_write_1h
    }

    /// What `usage` costs. Rounded up to a whole pico-dollar, so that a budget never counts too
    /// little; saturates at [`Usd::MAX`].
    ///
    /// ```
    /// use agent_primitives::{TokenUsage, Usd};
    /// use agent_resilience::TokenPrice;
    ///
    /// // A third of a pico-dollar for each token.
    /// let cheap = TokenPrice::per_million(Usd::from_picos(333_333), Usd::ZERO);
    /// assert_eq!(cheap.cost(&TokenUsage::new(1, 0)), Usd::from_picos(1));
    /// assert_eq!(cheap.cost(&TokenUsage::new(u64::MAX, 0)).is_zero(), false);
    /// ```
    #[inline]
    pub const fn cost(&self, usage: &TokenUsage) -> Usd {
        let sum = times(self.input, usage.input())
            .saturating_add(times(self.output, usage.output()))
            .saturating_add(times(self.cache_read, usage.cache_read()))
            .saturating_add(times(self.cache_write_5m, usage.cache_write_5m()))
            .saturating_add(times(self.cache_write_1h, usage.cache_write_1h()));
        a_millionth(sum)
    }

    /// What a call would cost whose `input_tokens` all miss the cache and whose answer is
    /// `output_tokens` long. Rounded and saturating like [`cost`](Self::cost).
    #[inline]
    pub const fn estimate(&self, input_tokens: u64, output_tokens: u64) -> Usd {
        let sum = times(self.input, input_tokens).saturating_add(times(self.output, output_tokens));
        a_millionth(sum)
    }
}

const fn at_least_nothing(usd: Usd) -> Usd {
    if usd.picos() < 0 { Usd::ZERO } else { usd }
}

const fn times(per_million: Usd, tokens: u64) -> i128 {
    per_million.picos().saturating_mul(tokens as i128)
}

/// `picos` is not negative.
#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "the branch says that the value fits"
)]
const fn a_millionth(picos: i128) -> Usd {
    // Division of 128 bits is a call of a hundred instructions; what one call of a model costs fits 64.
    if picos <= u64::MAX as i128 {
        Usd::from_picos((picos as u64).div_ceil(MILLION_U64) as i128)
    } else {
        let whole = picos / MILLION;
        Usd::from_picos(whole + (picos % MILLION != 0) as i128)
    }
}
