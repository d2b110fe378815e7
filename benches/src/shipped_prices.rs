//! The price table that agent-telemetry ships, made from the public price map of the LiteLLM project.
//!
//! A price that changed gets a new period with the day of the map; what did not change, and what the
//! map no longer lists, stays as it is. So the same map over the same table changes no byte of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::harness::Broken;

/// The table in the source tree.
pub const SHIPPED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../agent-telemetry/src/price/shipped.json"
);

/// Where the public map may lie, beside the project.
pub const MAP: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../shared/data/prices/litellm-model-prices.json"
);

const SOURCE: &str = "https://github.com/BerriAI/litellm, model_prices_and_context_window.json";
const LICENSE: &str = "MIT, Copyright (c) 2023 Berri AI; see LICENSE-LITELLM beside this file";

type Fields = BTreeMap<String, Box<RawValue>>;

#[derive(Deserialize)]
struct Table {
    read_on: String,
    models: BTreeMap<String, Vec<Fields>>,
}

/// The table after `map` has been read on `day`.
///
/// # Errors
/// When the table or the map is not of its form, or `day` is not later than the table's periods.
pub fn refresh(table: &str, map: &str, day: &str) -> Result<String, Broken> {
    let table: Table = serde_json::from_str(table).map_err(Broken::when("read the table"))?;
    let map: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(map).map_err(Broken::when("read the map"))?;
    if day < table.read_on.as_str() {
        let why = format!("the table was read later, on {}", table.read_on);
        return Err(Broken::new("take the day of the map", why));
    }
    let mut models = table.models;
    for (name, entry) in &map {
        // Two entries of the map are no models and have values of other forms.
        let Ok(entry) = serde_json::from_str::<Fields>(entry.get()) else {
            continue;
        };
        if !is_shipped(name, &entry) {
            continue;
        }
        let mut prices: Fields = entry.into_iter().filter(|(key, _)| is_kept(key)).collect();
        let periods = models.entry(name.clone()).or_default();
        if periods
            .last()
            .is_some_and(|last| same_prices(last, &prices))
        {
            continue;
        }
        let since = format!("\"{day}\"");
        periods.retain(|period| period.get("since").is_none_or(|it| it.get() != since));
        let since = RawValue::from_string(since).map_err(Broken::when("write the day"))?;
        prices.insert("since".to_owned(), since);
        periods.push(prices);
    }
    write(day, &models).map_err(Broken::when("write the table"))
}

fn same_prices(period: &Fields, prices: &Fields) -> bool {
    let without_origin = |fields: &Fields| -> Vec<(String, String)> {
        let kept = fields
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "since" | "source"));
        kept.map(|(key, value)| (key.clone(), compact(value.get())))
            .collect()
    };
    without_origin(period) == without_origin(prices)
}

/// Models that hosts talk to, of the makers that most hosts use.
fn is_shipped(name: &str, entry: &Fields) -> bool {
    let text = |key: &str| {
        entry
            .get(key)
            .map_or("", |value| value.get().trim_matches('"'))
    };
    let talks = matches!(
        text("mode"),
        "chat" | "responses" | "completion" | "embedding" | "rerank"
    );
    let maker = matches!(
        text("litellm_provider"),
        "anthropic"
            | "openai"
            | "gemini"
            | "mistral"
            | "groq"
            | "cohere"
            | "cohere_chat"
            | "xai"
            | "deepseek"
    );
    let claude_elsewhere = matches!(
        text("litellm_provider"),
        "bedrock_converse" | "vertex_ai-anthropic_models"
    ) && name.contains("claude");
    let priced = entry.keys().any(|key| key.contains("cost"));
    talks && priced && (maker || claude_elsewhere)
}

fn is_kept(key: &str) -> bool {
    matches!(
        key,
        "litellm_provider" | "max_input_tokens" | "provider_specific_entry" | "source"
    ) || ["cost", "pricing", "multiplier"]
        .iter()
        .any(|word| key.contains(word))
}

/// One period a line, so that a change of a price is a change of a line.
fn write(
    day: &str,
    models: &BTreeMap<String, Vec<Fields>>,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let mut text = format!(
        "{{\n\"read_on\": \"{day}\",\n\"source\": \"{SOURCE}\",\n\"license\": \"{LICENSE}\",\n\"models\": {{\n"
    );
    for (index, (name, periods)) in models.iter().enumerate() {
        let name = serde_json::to_string(name)?;
        let lines: Result<Vec<String>, _> = periods.iter().map(line).collect();
        let end = if index + 1 == models.len() { "" } else { "," };
        writeln!(text, "{name}: [\n{}\n]{end}", lines?.join(",\n"))?;
    }
    text.push_str("}\n}\n");
    Ok(text)
}

/// The fields of a period in one line, `since` first and numbers as the map writes them.
fn line(period: &Fields) -> Result<String, serde_json::Error> {
    let first = period.iter().filter(|(key, _)| *key == "since");
    let others = period.iter().filter(|(key, _)| *key != "since");
    let mut fields = Vec::with_capacity(period.len());
    for (key, value) in first.chain(others) {
        fields.push(format!(
            "{}:{}",
            serde_json::to_string(key)?,
            compact(value.get())
        ));
    }
    Ok(format!("{{{}}}", fields.join(",")))
}

/// Without the white space between tokens.
fn compact(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in json.chars() {
        if quoted || !c.is_ascii_whitespace() {
            text.push(c);
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTRACT: &str =
        include_str!("../../agent-telemetry/tests/prices/data/litellm-extract.json");
    const EMPTY: &str = r#"{"read_on": "2026-01-01", "models": {}}"#;

    #[test]
    fn shipped_table_is_what_the_map_makes_of_it() {
        let shipped = std::fs::read_to_string(SHIPPED).unwrap();
        let Ok(map) = std::fs::read_to_string(MAP) else {
            println!("SKIPPED the shipped prices: the price map does not lie beside the project");
            return;
        };
        assert!(refresh(&shipped, &map, "2026-11-20").unwrap() == shipped);
    }

    #[test]
    fn shipped_table_keeps_its_bytes_when_a_map_brings_nothing_new() {
        let shipped = std::fs::read_to_string(SHIPPED).unwrap();
        assert!(refresh(&shipped, "{}", "2026-11-20").unwrap() == shipped);
    }

    #[test]
    fn price_that_changed_gets_a_new_period_and_nothing_else_does() {
        let first = refresh(EMPTY, EXTRACT, "2026-11-20").unwrap();
        assert_eq!(first, refresh(&first, EXTRACT, "2026-11-20").unwrap());
        let later = refresh(&first, EXTRACT, "2026-12-01").unwrap();
        assert_eq!(
            first.replace("2026-11-20\",\n\"source", "2026-12-01\",\n\"source"),
            later
        );

        let dearer = r#"{"gpt-5": {"input_cost_per_token": 2E-6, "litellm_provider": "openai", "mode": "chat"}}"#;
        let changed = refresh(&first, dearer, "2026-12-01").unwrap();
        let new: Vec<&str> = changed
            .lines()
            .filter(|line| !first.contains(line.trim_end_matches(',')))
            .collect();
        assert_eq!(
            new,
            [
                "\"read_on\": \"2026-12-01\",",
                "{\"since\":\"2026-12-01\",\"input_cost_per_token\":2E-6,\"litellm_provider\":\"openai\"}"
            ]
        );
        let table: Table = serde_json::from_str(&changed).unwrap();
        assert_eq!(table.models["gpt-5"].len(), 2);
    }

    #[test]
    fn map_older_than_the_table_is_refused() {
        let first = refresh(EMPTY, EXTRACT, "2026-11-20").unwrap();
        let error = refresh(&first, EXTRACT, "2026-11-19").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("the table was read later, on 2026-11-20"),
            "{error}"
        );
    }
}
