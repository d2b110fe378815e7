//! Under which name a price is found, and which of several days holds.

use agent_primitives::Timestamp;
use agent_telemetry::{Price, Prices};

use crate::map::{READ, cost, input, load, model, provider, usd};

const MAP: &str = r#"{
    "claude-x-5": {"input_cost_per_token": 1e-06, "litellm_provider": "anthropic"},
    "claude-x-5-20260101": {"input_cost_per_token": 2e-06, "litellm_provider": "anthropic"},
    "groq/openai/gpt-oss": {"input_cost_per_token": 3e-06, "litellm_provider": "groq"},
    "openrouter/anthropic/claude-x-5": {"input_cost_per_token": 4e-06, "litellm_provider": "openrouter"},
    "anthropic.claude-x-5-v1:0": {"input_cost_per_token": 5e-06, "litellm_provider": "bedrock_converse"},
    "eu.anthropic.claude-x-5-v1:0": {"input_cost_per_token": 6e-06, "litellm_provider": "bedrock_converse"},
    "vertex_ai/claude-x-5@20260101": {"input_cost_per_token": 7e-06, "litellm_provider": "vertex_ai-anthropic_models"},
    "vertex_ai/claude-x-5": {"input_cost_per_token": 8e-06, "litellm_provider": "vertex_ai-anthropic_models"},
    "gemini/gemini-x": {"input_cost_per_token": 9e-06, "litellm_provider": "gemini"},
    "ft:gpt-x": {"input_cost_per_token": 10e-06, "litellm_provider": "openai"}
}"#;

#[test]
fn name_is_found_in_the_documented_order() {
    let prices = load(MAP);
    for (at, name, dollars) in [
        ("anthropic", "claude-x-5", Some("1")),
        ("claude", "claude-x-5", Some("1")),
        ("anthropic", "anthropic/claude-x-5", Some("1")),
        ("my-gateway", "anthropic/claude-x-5", Some("1")),
        ("claude", "claude-x-5[1m]", Some("1")),
        ("claude", "claude-x-5-20260202", Some("1")),
        ("claude", "claude-x-5-20260101", Some("2")),
        ("groq", "openai/gpt-oss", Some("3")),
        ("groq-eu", "openai/gpt-oss", Some("3")),
        ("my-gateway", "groq/openai/gpt-oss", Some("3")),
        ("ollama", "openai/gpt-oss", None),
        ("openrouter", "anthropic/claude-x-5", Some("4")),
        ("my-gateway", "openrouter/anthropic/claude-x-5", Some("4")),
        ("bedrock", "anthropic.claude-x-5-v1:0", Some("5")),
        ("aws.bedrock", "us.anthropic.claude-x-5-v1:0", Some("5")),
        ("bedrock", "eu.anthropic.claude-x-5-v1:0", Some("6")),
        ("bedrock", "bedrock/eu.anthropic.claude-x-5-v1:0", Some("6")),
        ("vertex_ai", "claude-x-5@20260101", Some("7")),
        ("gcp.vertex_ai", "claude-x-5@20270101", Some("8")),
        ("vertex_ai", "claude-x-5", Some("8")),
        ("google", "gemini-x", Some("9")),
        ("gcp.gemini", "models/gemini-x", Some("9")),
        ("openai", "ft:gpt-x-2026-01-01:acme::9zz", Some("10")),
        ("someone", "groq/claude-x-5", None),
        ("someone", "gemini-x", None),
        ("claude", "claude-x", None),
        ("claude", "x/", None),
        ("claude", "[1m]", None),
    ] {
        let found = prices.costing(&provider(at), &model(name), &input(1_000_000), READ);
        assert_eq!(
            found.ok().map(|it| it.amount),
            dollars.map(usd),
            "{at} {name}"
        );
    }
    let found = prices.costing(
        &provider("groq-eu"),
        &model("openai/gpt-oss"),
        &input(1),
        READ,
    );
    assert_eq!(found.unwrap().price, "groq/openai/gpt-oss");
}

fn after(days: i64) -> Timestamp {
    Timestamp::from_unix_seconds(READ.unix_seconds() + days * 86_400)
}

#[test]
fn maps_of_several_days_make_a_history() {
    let map = |price: &str| format!(r#"{{"m": {{"input_cost_per_token": {price}}}}}"#);
    let at = |text: &str, day| Prices::from_litellm(&map(text), after(day)).unwrap().0;
    // Merged out of order.
    let prices = at("3e-06", 20)
        .merge(&at("1e-06", 0))
        .merge(&at("2e-06", 10));
    let price = |day| cost(&prices, "m", &input(1_000_000), after(day)).unwrap();
    for (day, dollars, since, before_first) in [
        (-1, "1", 0, true),
        (0, "1", 0, false),
        (9, "1", 0, false),
        (10, "2", 10, false),
        (25, "3", 20, false),
    ] {
        let costing = price(day);
        assert_eq!(costing.amount, usd(dollars), "day {day}");
        assert_eq!(costing.since, Some(after(since)), "day {day}");
        assert_eq!(costing.before_first, before_first, "day {day}");
    }
    assert_eq!(prices.names(), 1);
}

#[test]
fn merged_prices_win_over_those_of_the_same_day_and_own_prices_over_the_map() {
    let old = load(r#"{"m": {"input_cost_per_token": 1e-06}}"#);
    let new = load(r#"{"m": {"input_cost_per_token": 2e-06}}"#);
    let million = |prices: &Prices| cost(prices, "m", &input(1_000_000), READ).unwrap();
    assert_eq!(million(&old.clone().merge(&new)).amount, usd("2"));
    let own = Prices::none().with_model(model("m"), Price::per_million(usd("7"), usd("7")));
    let costing = million(&old.clone().merge(&own));
    assert_eq!((costing.amount, costing.since), (usd("7"), None));
    assert_eq!(
        million(&old).amount,
        usd("1"),
        "the one that was merged from is as it was"
    );
}

#[test]
fn margin_is_on_everything_that_one_provider_asks() {
    let prices = load(
        r#"{"gate/m": {"input_cost_per_token": 1e-06, "search_context_cost_per_query": 0.01}}"#,
    )
    .with_margin(provider("gate"), "1.5")
    .unwrap();
    let used = input(1_000_000).units(agent_telemetry::Item::WebSearch, 100);
    let at = |name| prices.amount(&provider(name), &model("gate/m"), &used, READ);
    assert_eq!(at("gate"), Ok(usd("3")));
    assert_eq!(at("other"), Ok(usd("2")));
}
