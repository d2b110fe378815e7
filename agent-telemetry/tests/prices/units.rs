//! Things that are no tokens, surcharges, and the lines of a cost.

use std::time::Duration;

use agent_primitives::{Timestamp, TokenUsage};
use agent_telemetry::{Consumption, Item, PriceTier, Unpriced};

use crate::map::{READ, cost, input, load, usd};

const MAP: &str = r#"{
    "m": {
        "input_cost_per_token": 2e-06, "output_cost_per_token": 1e-05,
        "cache_read_input_token_cost": 2e-07, "explicit_cache_read_input_token_cost": 1e-07,
        "citation_cost_per_token": 2e-06, "output_cost_per_reasoning_token": 2e-05,
        "output_cost_per_image": 0.04, "output_cost_per_image_2K": 0.1,
        "output_cost_per_second": 0.1, "output_cost_per_second_1080p": 0.3,
        "input_cost_per_second": 0.0001, "ocr_cost_per_page": 0.002, "ocr_cost_per_page_batches": 0.001,
        "vector_store_cost_per_gb_per_day": 0.1, "input_cost_per_character": 1.5e-05,
        "search_context_cost_per_query":
            {"search_context_size_low": 0.01, "search_context_size_medium": 0.02, "search_context_size_high": 0.03},
        "guardrail_cost_per_unit": {"contentPolicyUnits": 0.00015},
        "provider_specific_entry": {"us": 1.1, "fast": 2},
        "regional_processing_uplift_multiplier_eu": 1.2, "regional_endpoint_uplift_multiplier": 1.3
    },
    "search": {"tiered_pricing": [
        {"max_results_range": [26, 100], "input_cost_per_query": 0.025},
        {"max_results_range": [0, 25], "input_cost_per_query": 0.005}
    ]}
}"#;

fn picos(name: &str, consumption: &Consumption) -> i128 {
    cost(&load(MAP), name, consumption, READ)
        .unwrap()
        .amount
        .picos()
}

#[test]
fn each_unit_has_its_price() {
    let none = || Consumption::new(TokenUsage::ZERO);
    for (consumption, picos_expected) in [
        (none().units(Item::OutputImage, 3), 120_000_000_000),
        (none().units(Item::OutputImage2K, 1), 100_000_000_000),
        (none().units(Item::OutputImage4K, 1), 40_000_000_000),
        (
            none().seconds(Item::OutputSecond1080p, Duration::from_millis(2_500)),
            750_000_000_000,
        ),
        (
            none().seconds(Item::OutputSecond720p, Duration::from_secs(1)),
            100_000_000_000,
        ),
        (
            none().seconds(Item::InputSecond, Duration::from_micros(1)),
            100,
        ),
        (none().units(Item::OcrPage, 2), 4_000_000_000),
        (
            none().units(Item::OcrPage, 2).tier(PriceTier::Batch),
            2_000_000_000,
        ),
        (
            none().thousandths(Item::VectorStoreGbDay, 1_500),
            150_000_000_000,
        ),
        (none().units(Item::InputCharacter, 10), 150_000_000),
        (none().units(Item::WebSearchHigh, 1), 30_000_000_000),
        (
            none()
                .units(Item::WebSearch, 2)
                .units(Item::WebSearchLow, 1),
            50_000_000_000,
        ),
        (none().units(Item::GuardrailContent, 1), 150_000_000),
        (none().tokens(Item::Citation, 10), 20_000_000),
    ] {
        assert_eq!(picos("m", &consumption), picos_expected, "{consumption:?}");
    }
    let query = |results| picos("search", &none().units(Item::Query, 1).results(results));
    assert_eq!(
        [query(0), query(25), query(26), query(500)],
        [5, 5, 25, 25].map(|it| it * 1_000_000_000)
    );
}

#[test]
fn unit_without_a_price_leaves_the_call_unpriced() {
    let images = input(1).units(Item::InputPixel, 1);
    let error = cost(&load(MAP), "m", &images, READ).unwrap_err();
    assert_eq!(error, Unpriced::NoRate(Item::InputPixel));
    let error = cost(&load(MAP), "search", &input(1), READ).unwrap_err();
    assert_eq!(error, Unpriced::NoRate(Item::Input));
}

#[test]
fn surcharges_multiply_the_tokens() {
    let million = || input(1_000_000);
    assert_eq!(picos("m", &million().geo_us()), 2_200_000_000_000);
    assert_eq!(picos("m", &million().geo_us().fast()), 4_400_000_000_000);
    assert_eq!(picos("m", &million().residency_eu()), 2_400_000_000_000);
    assert_eq!(
        picos("m", &million().residency_us()),
        2_000_000_000_000,
        "not listed"
    );
    assert_eq!(
        picos("m", &million().regional_endpoint()),
        2_600_000_000_000
    );
    let searched = Consumption::new(TokenUsage::ZERO).units(Item::WebSearch, 1);
    assert_eq!(
        picos("m", &searched.fast()),
        20_000_000_000,
        "searches are not tokens"
    );
}

#[test]
fn lines_are_disjoint_and_add_up() {
    let usage = TokenUsage::new(1_000, 500)
        .with_cache_read(200)
        .with_reasoning(300)
        .unwrap();
    let consumption = Consumption::new(usage)
        .tokens(Item::InputAudio, 400)
        .explicit_cache();
    let costing = cost(&load(MAP), "m", &consumption, READ).unwrap();
    let lines: Vec<_> = costing
        .lines
        .iter()
        .map(|it| (it.item, it.units, it.amount.picos()))
        .collect();
    assert_eq!(
        lines,
        [
            (Item::Input, 600, 1_200_000_000),
            (Item::Output, 200, 2_000_000_000),
            (Item::Reasoning, 300, 6_000_000_000),
            (Item::InputAudio, 400, 800_000_000),
            (Item::CacheReadExplicit, 200, 20_000_000),
        ]
    );
    assert_eq!(costing.amount.picos(), 10_020_000_000);
    assert_eq!(
        (costing.tier, costing.tier_listed),
        (PriceTier::Standard, true)
    );
    let flex = cost(&load(MAP), "m", &input(1).tier(PriceTier::Flex), READ).unwrap();
    assert!(!flex.tier_listed);
}

#[test]
fn off_peak_price_holds_at_its_hours() {
    let map = r#"{"m": {"input_cost_per_token": 2e-06, "off_peak_pricing": {
        "input_cost_per_token": 1e-06, "windows": [{"hours_utc": ["16:30-00:30"], "weekdays": [5]}]
    }}}"#;
    // 2026-11-20 is a Friday.
    let at = |minutes: i64| Timestamp::from_unix_seconds(READ.unix_seconds() + minutes * 60);
    let dollars = |minutes| {
        cost(&load(map), "m", &input(1_000_000), at(minutes))
            .unwrap()
            .amount
    };
    assert_eq!(dollars(16 * 60 + 29), usd("2"));
    assert_eq!(dollars(16 * 60 + 30), usd("1"));
    assert_eq!(dollars(24 * 60 + 10), usd("2"), "Saturday");
}
