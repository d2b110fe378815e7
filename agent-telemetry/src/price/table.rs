//! The shipped price table: public list prices, read on 2026-11-20.

use agent_primitives::Timestamp;

use super::Price;

/// Whose models a row prices.
#[derive(Clone, Copy)]
enum Seller {
    /// The name is the maker's own, so that it means the same model everywhere.
    Anyone,
    /// An open model, which costs this at providers named after the vendor.
    Vendor(&'static str),
}

struct Row {
    seller: Seller,
    models: &'static [&'static str],
    /// The first price of a model also holds before its time.
    prices: &'static [(Timestamp, Price)],
}

const START: Timestamp = Timestamp::UNIX_EPOCH;

/// Anthropic's scheme: a cache read costs a tenth of the input unless said otherwise, a write 1.25
/// or 2 times the input.
const fn claude(input: i128, cache_read: i128, output: i128) -> Price {
    Price::of_picos(input, output).cache_picos(cache_read, input / 4 * 5, input * 2)
}

/// OpenAI's and Groq's scheme: writing to the cache costs what input costs.
const fn cached(input: i128, cache_read: i128, output: i128) -> Price {
    Price::of_picos(input, output).cache_picos(cache_read, input, input)
}

const fn by_anyone(models: &'static [&'static str], prices: &'static [(Timestamp, Price)]) -> Row {
    Row {
        seller: Seller::Anyone,
        models,
        prices,
    }
}

const fn by_groq(models: &'static [&'static str], prices: &'static [(Timestamp, Price)]) -> Row {
    Row {
        seller: Seller::Vendor("groq"),
        models,
        prices,
    }
}

/// Pico-dollars a token: 1 000 000 is one dollar for a million tokens.
static ROWS: &[Row] = &[
    by_anyone(
        &["claude-opus-5-5"],
        &[(START, claude(4_000_000, 200_000, 20_000_000))],
    ),
    by_anyone(
        &[
            "claude-opus-5",
            "claude-opus-4-5",
            "claude-opus-4-5-20251101",
        ],
        &[(START, claude(5_000_000, 500_000, 25_000_000))],
    ),
    by_anyone(
        &["claude-sonnet-5-5"],
        &[(START, claude(2_000_000, 100_000, 10_000_000))],
    ),
    by_anyone(
        &["claude-sonnet-5"],
        &[(START, claude(2_000_000, 200_000, 10_000_000))],
    ),
    by_anyone(
        &[
            "claude-sonnet-4-6",
            "claude-sonnet-4-5",
            "claude-sonnet-4-5-20250929",
        ],
        &[(START, claude(3_000_000, 300_000, 15_000_000))],
    ),
    by_anyone(
        &["claude-haiku-4-5", "claude-haiku-4-5-20251001"],
        &[(START, claude(1_000_000, 100_000, 5_000_000))],
    ),
    by_anyone(
        &["gpt-5", "gpt-5-2025-08-07"],
        &[(START, cached(1_250_000, 125_000, 10_000_000))],
    ),
    by_anyone(
        &["gpt-5-mini", "gpt-5-mini-2025-08-07"],
        &[(START, cached(250_000, 25_000, 2_000_000))],
    ),
    by_anyone(
        &["gpt-5-nano", "gpt-5-nano-2025-08-07"],
        &[(START, cached(50_000, 5_000, 400_000))],
    ),
    by_anyone(
        &["gpt-5.4-mini", "gpt-5.4-mini-2026-03-17"],
        &[(START, cached(750_000, 75_000, 4_500_000))],
    ),
    by_groq(
        &["openai/gpt-oss-120b"],
        &[(START, cached(150_000, 75_000, 600_000))],
    ),
    by_groq(
        &["openai/gpt-oss-20b"],
        &[(START, cached(75_000, 37_500, 300_000))],
    ),
    // Not in the map any more; the price that Groq listed while it offered the model.
    by_groq(
        &["llama-3.3-70b-versatile"],
        &[(START, cached(590_000, 590_000, 790_000))],
    ),
];

pub(super) fn price(provider: &str, model: &str, at: Timestamp) -> Option<Price> {
    let row = ROWS
        .iter()
        .find(|row| row.models.contains(&model) && row.seller.is(provider))?;
    let begun = row.prices.partition_point(|(since, _)| *since <= at);
    row.prices
        .get(begun.saturating_sub(1))
        .map(|(_, price)| *price)
}

impl Seller {
    fn is(self, provider: &str) -> bool {
        match self {
            Self::Anyone => true,
            Self::Vendor(vendor) => provider.strip_prefix(vendor).is_some_and(|rest| {
                rest.is_empty() || rest.starts_with(|c: char| !c.is_ascii_alphanumeric())
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_model_is_priced_twice_and_prices_are_in_the_order_of_time() {
        let mut names: Vec<&str> = ROWS.iter().flat_map(|row| row.models).copied().collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        for row in ROWS {
            assert!(!row.prices.is_empty());
            assert!(
                row.prices.is_sorted_by(|a, b| a.0 < b.0),
                "{:?}",
                row.models
            );
        }
    }

    #[test]
    fn open_model_has_the_price_of_the_vendor_that_sells_it() {
        let at = Timestamp::UNIX_EPOCH;
        let price = |provider| super::price(provider, "openai/gpt-oss-20b", at);
        assert!(price("groq").is_some());
        assert!(price("groq-eu").is_some());
        assert!(price("groqqer").is_none());
        assert!(price("ollama").is_none());
    }
}
