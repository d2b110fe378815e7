//! The cost of one call, line by line, or why it has none.

use agent_primitives::{Timestamp, Usd};

use super::consumption::{Consumption, UPLIFTS};
use super::plan::Plan;
use super::rate::{Factor, Quantity};
use super::{Item, PriceTier};

/// What a call cost and how that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Costing {
    /// The sum of the lines.
    pub amount: Usd,
    /// One for each item that was used, free ones too. Each is rounded to a pico-dollar, half to even.
    pub lines: Vec<CostLine>,
    /// The name under which the price was found, such as `anthropic/claude-sonnet-5`; empty for a
    /// price that the host gave for a whole provider.
    pub price: String,
    /// Since when the price is known to hold; `None` for one that holds always.
    pub since: Option<Timestamp>,
    /// Whether the call is older than the oldest price known, which was taken all the same.
    pub before_first: bool,
    /// The tier that was priced.
    pub tier: PriceTier,
    /// Whether the model lists prices of that tier. Without them the standard ones were taken, or half
    /// of them for a batch.
    pub tier_listed: bool,
    /// From how many prompt tokens on these rates hold; 0 for the base rates.
    pub from_prompt_tokens: u64,
}

/// One item of a cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CostLine {
    /// What was used.
    pub item: Item,
    /// How many units, of which `per` make one: 1 500 000 and 1 000 000 are one and a half seconds.
    pub units: u64,
    /// See `units`; 1 for tokens.
    pub per: u32,
    /// What they cost.
    pub amount: Usd,
}

/// Why a call has no cost. Never to be read as free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unpriced {
    /// Nobody named the model at this provider.
    #[error(
        "no price for this provider and model: add one with Prices::with_model or merge a newer map"
    )]
    UnknownModel,
    /// The host's price for it begins after the call.
    #[error(
        "the price of this model begins after the call: add an earlier one with Prices::with_model_since"
    )]
    NotYet,
    /// The call was served on terms that have no word here.
    #[error("the service tier of the call is not known: record standard, batch, flex or priority")]
    UnknownTier,
    /// The model is known, but not what this item costs.
    #[error("the model has no price for {0}: add it to the map")]
    NoRate(Item),
}

/// Calls `line` with each line of the cost; returns the rates' first prompt length.
pub(super) fn bill(
    plan: &Plan,
    consumption: &Consumption,
    at: Timestamp,
    margin: Factor,
    mut line: impl FnMut(CostLine),
) -> Result<u64, Unpriced> {
    let prompt = consumption.threshold_tokens();
    let (from, rates) = plan
        .rates(consumption.tier, prompt, at)
        .ok_or(Unpriced::UnknownModel)?;
    let factor = factor(plan, consumption).and(margin);
    let mut missing = None;
    consumption.each_token(|item, tokens| match rates.of(item) {
        Some(rate) => line(CostLine {
            item,
            units: tokens,
            per: 1,
            amount: rate.times(Quantity::whole(tokens), factor),
        }),
        None => missing = missing.or(Some(item)),
    });
    for (item, quantity) in &consumption.units {
        let rate = plan.unit_rate(*item, consumption.tier, prompt, consumption.results);
        match rate {
            Some(rate) => line(CostLine {
                item: *item,
                units: quantity.units,
                per: quantity.per,
                // Surcharges are on tokens; a gateway's margin is on everything.
                amount: rate.times(*quantity, margin),
            }),
            None => missing = missing.or(Some(*item)),
        }
    }
    match missing {
        Some(item) => Err(Unpriced::NoRate(item)),
        None => Ok(from),
    }
}

fn factor(plan: &Plan, consumption: &Consumption) -> Factor {
    if !consumption.has_uplifts() {
        return Factor::ONE;
    }
    UPLIFTS
        .into_iter()
        .filter(|uplift| consumption.has(*uplift))
        .filter_map(|uplift| plan.uplift(uplift))
        .fold(Factor::ONE, Factor::and)
}
