//! A cost key of the price map in its parts: item, threshold, service tier.

use crate::ServiceTier;
use crate::words::words;

use super::Item;

words! {
    /// The service tiers that have prices of their own, of which a recorded
    /// [`ServiceTier`](crate::ServiceTier) names the usual ones.
    ///
    /// ```
    /// use agent_telemetry::PriceTier;
    ///
    /// assert_eq!(PriceTier::from_word("priority"), Some(PriceTier::Priority));
    /// assert_eq!(PriceTier::default(), PriceTier::Standard);
    /// ```
    PriceTier {
        /// The usual one.
        Standard = "standard",
        /// Answered within hours, usually at half the price.
        Batch = "batch",
        /// Slower and cheaper.
        Flex = "flex",
        /// Between flexible and priority.
        Balanced = "balanced",
        /// Faster and dearer; some providers call it fast.
        Priority = "priority",
        /// Faster still.
        Ultrafast = "ultrafast",
        /// Calls that only decide, such as classifications.
        Decisions = "decisions",
    }
}

#[expect(
    clippy::derivable_impls,
    reason = "the macro that declares the words has no place for #[default]"
)]
impl Default for PriceTier {
    fn default() -> Self {
        Self::Standard
    }
}

impl PriceTier {
    /// The tier of a recorded call; the standard one where none is recorded, `None` for one that has
    /// no word.
    pub(super) const fn recorded(tier: Option<ServiceTier>) -> Option<Self> {
        match tier {
            None | Some(ServiceTier::Standard) => Some(Self::Standard),
            Some(ServiceTier::Batch) => Some(Self::Batch),
            Some(ServiceTier::Flex) => Some(Self::Flex),
            Some(ServiceTier::Priority) => Some(Self::Priority),
            Some(ServiceTier::Other) => None,
        }
    }

    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Standard => "",
            Self::Batch => "_batches",
            Self::Flex => "_flex",
            Self::Balanced => "_balanced",
            Self::Priority => "_priority",
            Self::Ultrafast => "_ultrafast",
            Self::Decisions => "_decisions",
        }
    }
}

/// What a rate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CostKey {
    pub(super) item: Item,
    pub(super) tier: PriceTier,
    /// Holds above so many tokens of prompt; 0 for the base rate.
    pub(super) above: u64,
}

impl CostKey {
    /// `None` for a name that is not known in all its parts.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let tiers = PriceTier::ALL.iter().copied();
        let (rest, tier) = tiers
            .filter(|tier| *tier != PriceTier::Standard)
            .find_map(|tier| Some((name.strip_suffix(tier.suffix())?, tier)))
            .unwrap_or((name, PriceTier::Standard));
        let (base, above) = match rest
            .strip_suffix("_tokens")
            .and_then(|it| it.rsplit_once("_above_"))
        {
            Some((base, threshold)) => (base, tokens(threshold)?),
            None => (rest, 0),
        };
        let item = Item::from_name(base)?;
        Some(Self { item, tier, above })
    }
}

/// `128k` or `128000`.
fn tokens(threshold: &str) -> Option<u64> {
    let (digits, unit) = match threshold.strip_suffix('k') {
        Some(digits) => (digits, 1_000),
        None => (threshold, 1),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits
        .parse::<u64>()
        .ok()?
        .checked_mul(unit)
        .filter(|it| *it > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_read_in_its_parts() {
        let key = |item, tier, above| Some(CostKey { item, tier, above });
        for (name, parts) in [
            (
                "input_cost_per_token",
                key(Item::Input, PriceTier::Standard, 0),
            ),
            (
                "output_cost_per_token_above_272k_tokens_priority",
                key(Item::Output, PriceTier::Priority, 272_000),
            ),
            (
                "cache_creation_input_token_cost_above_12hr_above_272k_tokens_batches",
                key(Item::CacheWrite12h, PriceTier::Batch, 272_000),
            ),
            (
                "cache_creation_input_token_cost_above_1hr",
                key(Item::CacheWrite1h, PriceTier::Standard, 0),
            ),
            (
                "input_cost_per_video_per_second_above_15s_interval",
                key(Item::InputVideoSecondAbove15s, PriceTier::Standard, 0),
            ),
            (
                "input_cost_per_token_above_500_tokens",
                key(Item::Input, PriceTier::Standard, 500),
            ),
            ("input_cost_per_token_above_k_tokens", None),
            ("input_cost_per_token_above_+1k_tokens", None),
            (
                "input_cost_per_token_above_99999999999999999999k_tokens",
                None,
            ),
            ("input_cost_per_token_above_0k_tokens", None),
            ("input_cost_per_token_express", None),
            ("_batches", None),
        ] {
            assert_eq!(CostKey::parse(name), parts, "{name}");
        }
    }
}
