//! The costs that LiteLLM itself computes for the same calls.
//!
//! Its results are floats, so equal means equal to a hundred-billionth; that ours are exact is for the
//! tests of the arithmetic.

use std::collections::BTreeMap;

use agent_telemetry::{Costing, Item, PriceTier, Prices, Unpriced};
use serde_json::{Map, Value};

use crate::calls::{Call, Calls};
use crate::map::{EXTRACT, cost, load, raw, whole};

/// Why a cost may differ from LiteLLM's; each is checked against the map's own text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// The model has no price for something that was used: unpriced here, free there.
    NoPrice,
    /// The model lists no batch price: half of what this very call costs otherwise here; there half of
    /// the price below all thresholds, with cached input free where it has no price and all cache
    /// writes at one price.
    HalfForBatch,
}

fn explain(
    prices: &Prices,
    call: &Call<'_>,
    entry: &Map<String, Value>,
    ours: &Result<Costing, Unpriced>,
) -> Option<Reason> {
    let lists = |key: &str| entry.contains_key(key);
    match ours {
        Err(Unpriced::UnknownModel) => {
            let any = entry
                .keys()
                .any(|key| key.contains("cost_per") || key.ends_with("_cost"));
            let only_other_units =
                lists("input_dbu_cost_per_token") && !lists("input_cost_per_token");
            (!any || only_other_units).then_some(Reason::NoPrice)
        }
        Err(Unpriced::NoRate(Item::Output | Item::Reasoning)) => {
            (!lists("output_cost_per_token")).then_some(Reason::NoPrice)
        }
        Err(Unpriced::NoRate(item)) => {
            let unlisted = !lists("input_cost_per_token") && !lists(item.as_str());
            unlisted.then_some(Reason::NoPrice)
        }
        Err(_) => None,
        Ok(batch) => {
            let listed =
                lists("input_cost_per_token_batches") && lists("output_cost_per_token_batches");
            let none_listed = !entry.keys().any(|key| key.ends_with("_batches"));
            if none_listed && !lists("off_peak_pricing") {
                let usual = call.consumption.clone().tier(PriceTier::Standard);
                let usual = cost(prices, call.name, &usual, call.at).unwrap();
                // Each line is rounded to a pico-dollar on both sides.
                let off = (batch.amount.picos() * 2 - usual.amount.picos()).abs();
                assert!(off <= 20, "{}: {batch:?}, {usual:?}", call.name);
            }
            (call.tier == PriceTier::Batch && !listed).then_some(Reason::HalfForBatch)
        }
    }
}

/// Same, and by reason.
fn compare(map: &str, costs: &str) -> (usize, BTreeMap<Reason, usize>) {
    let raw = raw(map);
    let prices = load(map);
    let mut calls = Calls::new(&raw);
    let mut same = 0;
    let mut explained = BTreeMap::new();
    for published in costs.lines() {
        let call = calls.next();
        let published: f64 = published.parse().unwrap();
        let ours = cost(&prices, call.name, &call.consumption, call.at);
        if let Ok(costing) = &ours {
            #[expect(clippy::cast_precision_loss, reason = "compared with a float")]
            let dollars = costing.amount.picos() as f64 / 1e12;
            if (dollars - published).abs() <= 1e-11 * published.max(1.0) {
                same += 1;
                continue;
            }
        }
        let reason = explain(&prices, &call, &raw[call.name], &ours);
        let reason = reason.unwrap_or_else(|| {
            panic!(
                "{} {}: LiteLLM {published}, here {ours:?}",
                call.name, call.tier
            )
        });
        *explained.entry(reason).or_default() += 1;
    }
    (same, explained)
}

#[test]
fn costs_by_the_extract_are_those_that_litellm_computes() {
    let (same, explained) = compare(EXTRACT, include_str!("data/litellm-extract-costs.txt"));
    println!("extract: {same} the same, explained: {explained:?}");
    assert_eq!(
        (same, explained),
        (
            1_425,
            BTreeMap::from([(Reason::NoPrice, 519), (Reason::HalfForBatch, 56)])
        )
    );
}

#[test]
fn costs_by_the_whole_map_are_those_that_litellm_computes() {
    let Some(map) = whole("13 000 costs") else {
        return;
    };
    let (same, explained) = compare(&map, include_str!("data/litellm-whole-costs.txt"));
    println!("whole map: {same} the same, explained: {explained:?}");
    assert_eq!(
        (same, explained),
        (
            10_257,
            BTreeMap::from([(Reason::NoPrice, 2_239), (Reason::HalfForBatch, 504)])
        )
    );
}
