//! Prices: exact, dated, and never zero for want of knowledge.

use agent_primitives::{Timestamp, TokenUsage, Usd};
use agent_telemetry::{Price, Prices};
use proptest::prelude::*;

use crate::story::{model, provider};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_161_600);

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn million_of(buckets: [u64; 5]) -> TokenUsage {
    let [input, read, five_minutes, hour, output] = buckets.map(|it| it * 1_000_000);
    TokenUsage::new(input, output)
        .with_cache_read(read)
        .with_cache_write_5m(five_minutes)
        .with_cache_write_1h(hour)
}

#[test]
fn shipped_prices_of_a_million_tokens_are_the_published_ones() {
    let prices = Prices::shipped();
    for (at, name, published) in [
        (
            "claude",
            "claude-sonnet-4-5",
            ["3", "0.3", "3.75", "6", "15"],
        ),
        (
            "claude",
            "claude-opus-4-5-20251101",
            ["5", "0.5", "6.25", "10", "25"],
        ),
        ("claude", "claude-opus-5-5", ["4", "0.2", "5", "8", "20"]),
        (
            "bedrock",
            "claude-haiku-4-5",
            ["1", "0.1", "1.25", "2", "5"],
        ),
        ("openai", "gpt-5", ["1.25", "0.125", "1.25", "1.25", "10"]),
        (
            "openai",
            "gpt-5-mini",
            ["0.25", "0.025", "0.25", "0.25", "2"],
        ),
        (
            "groq",
            "openai/gpt-oss-120b",
            ["0.15", "0.075", "0.15", "0.15", "0.6"],
        ),
        (
            "groq-eu",
            "llama-3.3-70b-versatile",
            ["0.59", "0.59", "0.59", "0.59", "0.79"],
        ),
    ] {
        for (bucket, price) in published.into_iter().enumerate() {
            let mut buckets = [0; 5];
            buckets[bucket] = 1;
            let cost = prices.cost(&provider(at), &model(name), &million_of(buckets), NOW);
            assert_eq!(cost, Some(usd(price)), "{name}, bucket {bucket}");
        }
    }
}

#[test]
fn one_cached_token_of_the_cheapest_model_costs_5000_picos() {
    let usage = TokenUsage::new(0, 0).with_cache_read(1);
    let cost = Prices::shipped().cost(&provider("openai"), &model("gpt-5-nano"), &usage, NOW);
    assert_eq!(cost, Some(Usd::from_picos(5_000)));
}

#[test]
fn unknown_model_has_no_cost_and_a_free_one_costs_nothing() {
    let usage = TokenUsage::new(1_000, 1_000);
    let (local, llama) = (provider("ollama"), model("llama3.2"));
    let prices = Prices::shipped();
    assert_eq!(prices.cost(&local, &llama, &usage, NOW), None);
    let prices = prices.with_provider(local.clone(), Price::FREE);
    assert_eq!(prices.cost(&local, &llama, &usage, NOW), Some(Usd::ZERO));
    assert_eq!(
        prices.cost(&provider("ollama-2"), &llama, &usage, NOW),
        None
    );
    assert_eq!(
        Prices::none().cost(&provider("openai"), &model("gpt-5"), &usage, NOW),
        None
    );
}

#[test]
fn price_holds_from_its_day_on() {
    let day = |day: i64| Timestamp::from_unix_seconds(day * 86_400);
    let name = model("house-model");
    let price = |dollars| Price::per_million(usd(dollars), usd(dollars));
    // Not in the order of time, and the last word for a day counts.
    let prices = Prices::shipped()
        .with_model_since(name.clone(), price("4"), day(20))
        .with_model_since(name.clone(), price("9"), day(10))
        .with_model_since(name.clone(), price("2"), day(10));
    let at = |time| {
        prices.cost(
            &provider("house"),
            &name,
            &million_of([1, 0, 0, 0, 0]),
            time,
        )
    };
    let just_before = Timestamp::from_unix_nanos(day(20).unix_nanos() - 1);
    assert_eq!(at(day(9)), None);
    assert_eq!([at(day(10)), at(just_before)], [Some(usd("2")); 2]);
    assert_eq!(at(day(20)), Some(usd("4")));
}

#[test]
fn most_specific_own_price_comes_before_the_shipped_one() {
    let (claude, other) = (provider("claude"), provider("other"));
    let (sonnet, haiku) = (model("claude-sonnet-4-5"), model("claude-haiku-4-5"));
    let price = |dollars| Price::per_million(usd(dollars), usd(dollars));
    let later = Timestamp::from_unix_seconds(NOW.unix_seconds() + 1);
    let prices = Prices::shipped()
        .with_model(sonnet.clone(), price("7"))
        .with_provider(claude.clone(), price("8"))
        .with_provider_model_since(claude.clone(), sonnet.clone(), price("9"), later);
    let cost = |at, model, time| prices.cost(at, model, &million_of([1, 0, 0, 0, 0]), time);
    assert_eq!(cost(&claude, &sonnet, later), Some(usd("9")));
    assert_eq!(cost(&claude, &sonnet, NOW), Some(usd("8")));
    assert_eq!(cost(&other, &sonnet, NOW), Some(usd("7")));
    assert_eq!(cost(&other, &haiku, NOW), Some(usd("1")));
}

proptest! {
    #[test]
    fn cost_of_a_sum_is_the_sum_of_the_costs(
        a in prop::array::uniform5(0_u64..1 << 40), b in prop::array::uniform5(0_u64..1 << 40)
    ) {
        let usage = |it: [u64; 5]| TokenUsage::new(it[0], it[4])
            .with_cache_read(it[1]).with_cache_write_5m(it[2]).with_cache_write_1h(it[3]);
        let price = Price::per_million(usd("3"), usd("15"))
            .cache_read(usd("0.3")).cache_write(usd("3.75"), usd("6"));
        let (a, b) = (usage(a), usage(b));
        prop_assert_eq!(price.cost(&(a + b)), price.cost(&a) + price.cost(&b));
    }
}
