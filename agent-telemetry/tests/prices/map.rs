//! The public price map, whole where it lies beside the project, and the extract that is always here.

use std::collections::BTreeMap;

use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage, Usd};
use agent_telemetry::{Consumption, Costing, Prices, Unpriced};
use serde_json::{Map, Value};

/// Entries of LiteLLM's map in which every cost key occurs, as they are there, with one of its rules;
/// MIT licence, see `data/LICENSE-LITELLM`.
pub(crate) const EXTRACT: &str = include_str!("data/litellm-extract.json");

/// When the map was read: 2026-11-20.
pub(crate) const READ: Timestamp = Timestamp::from_unix_seconds(1_795_132_800);

/// The whole map, if it lies beside the project.
pub(crate) fn whole(what: &str) -> Option<String> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/data/prices/litellm-model-prices.json"
    );
    let map = std::fs::read_to_string(path).ok();
    if map.is_none() {
        println!("SKIPPED {what} of the whole price map: it does not lie beside the project");
    }
    map
}

pub(crate) type Raw = BTreeMap<String, Map<String, Value>>;

/// The map without the entries that are no models.
pub(crate) fn raw(map: &str) -> Raw {
    let mut raw: Raw = serde_json::from_str(map).unwrap();
    raw.remove("sample_spec");
    raw.remove("fallback_generalizations");
    raw
}

pub(crate) fn load(map: &str) -> Prices {
    Prices::from_litellm(map, READ).unwrap().0
}

pub(crate) fn provider(name: &str) -> ProviderId {
    ProviderId::new(name).unwrap()
}

pub(crate) fn model(name: &str) -> ModelId {
    ModelId::new(name).unwrap()
}

/// The cost at a provider that is in no map, so that the model's full name decides.
pub(crate) fn cost(
    prices: &Prices,
    name: &str,
    consumption: &Consumption,
    at: Timestamp,
) -> Result<Costing, Unpriced> {
    prices.costing(&provider("nobody"), &model(name), consumption, at)
}

pub(crate) fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

pub(crate) fn input(tokens: u64) -> Consumption {
    Consumption::new(TokenUsage::new(tokens, 0))
}
