//! The prices of one model as the map gives them, before any rule is applied.

use super::Item;
use super::key::{CostKey, PriceTier};
use super::off_peak::OffPeak;
use super::rate::{Factor, Rate};

/// One model's prices.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    /// Whose price it is, in the map's own word (`litellm_provider`).
    pub(super) vendor: Box<str>,
    /// Sorted by key.
    rates: Vec<(CostKey, Rate)>,
    /// Alternatives by the tokens of the prompt, each for the whole call.
    pub(super) ranges: Vec<PromptRange>,
    /// Prices of a query by the number of results asked for: least, most, price.
    pub(super) query_ranges: Vec<(u64, u64, Rate)>,
    pub(super) off_peak: Option<OffPeak>,
    pub(super) uplifts: Vec<(Uplift, Factor)>,
    /// A price of the host's own: holds in all tiers.
    pub(super) flat: bool,
    /// Tokens that a prompt may have, where the map says so (`max_input_tokens`).
    pub(super) window: Option<u64>,
}

/// Rates of prompts of more than `start` and up to `end` tokens.
#[derive(Debug, Clone, Default)]
pub(super) struct PromptRange {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) rates: Vec<(Item, Rate)>,
}

/// When a multiplier of the whole price applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Uplift {
    /// Data stays in the European Union.
    ResidencyEu,
    /// Data stays in the United States.
    ResidencyUs,
    /// A regional endpoint in place of the global one.
    RegionalEndpoint,
    /// Inference is bound to the United States.
    GeoUs,
    /// Faster output for a multiple of the price.
    Fast,
}

impl Entry {
    /// Without prices yet; those that are set hold in all tiers.
    pub(super) fn flat() -> Self {
        Self {
            flat: true,
            ..Self::default()
        }
    }

    pub(super) fn set(&mut self, key: CostKey, rate: Rate) {
        match self.rates.binary_search_by_key(&key, |(it, _)| *it) {
            Ok(at) => {
                if let Some(found) = self.rates.get_mut(at) {
                    found.1 = rate;
                }
            }
            Err(at) => self.rates.insert(at, (key, rate)),
        }
    }

    /// Exactly this key.
    pub(super) fn exact(&self, item: Item, above: u64, tier: PriceTier) -> Option<Rate> {
        let key = CostKey { item, tier, above };
        let at = self.rates.binary_search_by_key(&key, |(it, _)| *it).ok()?;
        self.rates.get(at).map(|(_, rate)| *rate)
    }

    /// This key, or the one of the standard tier.
    pub(super) fn rate(&self, item: Item, above: u64, tier: PriceTier) -> Option<Rate> {
        self.exact(item, above, tier)
            .or_else(|| self.exact(item, above, PriceTier::Standard))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = CostKey> {
        self.rates.iter().map(|(key, _)| *key)
    }

    pub(super) fn is_priced(&self) -> bool {
        !self.rates.is_empty() || !self.ranges.is_empty() || !self.query_ranges.is_empty()
    }

    /// What a query costs that asks for so many results; beyond the last range it is the last.
    pub(super) fn query_rate(&self, results: u64) -> Option<Rate> {
        let found = self
            .query_ranges
            .iter()
            .find(|(_, most, _)| results <= *most);
        found
            .or_else(|| self.query_ranges.last())
            .map(|(_, _, rate)| *rate)
    }

    /// The range that a prompt falls into; beyond the last it is the last.
    pub(super) fn range(&self, prompt: u64) -> Option<&PromptRange> {
        if prompt == 0 {
            return None;
        }
        let found = self
            .ranges
            .iter()
            .find(|it| it.start < prompt && prompt <= it.end);
        found
            .or_else(|| self.ranges.last())
            .filter(|it| it.rate(Item::Input).is_some())
    }
}

impl PromptRange {
    pub(super) fn rate(&self, item: Item) -> Option<Rate> {
        self.rates
            .iter()
            .find(|(it, _)| *it == item)
            .map(|(_, rate)| *rate)
    }
}
