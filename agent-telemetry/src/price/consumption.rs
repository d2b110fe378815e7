//! What one call used, as far as it has a price.

use std::time::Duration;

use agent_primitives::TokenUsage;

use super::Item;
use super::entry::Uplift;
use super::key::PriceTier;
use super::rate::Quantity;

/// What one call used, and how it was served.
///
/// Tokens of other kinds are *parts* of the usage, as reasoning is a part of the output: 300 audio
/// tokens of 1 000 input tokens leave 700 of text. Parts larger than the whole leave no text and are
/// billed as they are. Tokens written to a twelve-hour cache and cited tokens stand beside the usage,
/// which has no bucket for them.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::TokenUsage;
/// use agent_telemetry::{Consumption, Item, PriceTier};
///
/// let spoken = Consumption::new(TokenUsage::new(1_000, 200))
///     .tokens(Item::InputAudio, 300)
///     .units(Item::WebSearch, 2)
///     .seconds(Item::InputSecond, Duration::from_millis(1_500))
///     .tier(PriceTier::Priority);
/// assert_eq!(spoken.prompt_tokens(), 1_000);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consumption {
    pub(super) usage: TokenUsage,
    pub(super) parts: [u64; PARTS.len()],
    pub(super) units: Vec<(Item, Quantity)>,
    pub(super) tier: PriceTier,
    pub(super) results: u64,
    pub(super) explicit_cache: bool,
    uplifts: u8,
    /// Of several calls, the length of whose prompts is not known.
    is_sum: bool,
}

/// Token items that [`TokenUsage`] does not count.
pub(super) const PARTS: [Item; 11] = [
    Item::InputAudio,
    Item::InputImageToken,
    Item::InputVideoToken,
    Item::OutputAudio,
    Item::OutputImageToken,
    Item::OutputVideoToken,
    Item::CacheReadAudio,
    Item::CacheReadImage,
    Item::CacheWriteAudio,
    Item::CacheWrite12h,
    Item::Citation,
];

pub(super) const UPLIFTS: [Uplift; 5] = [
    Uplift::ResidencyEu,
    Uplift::ResidencyUs,
    Uplift::RegionalEndpoint,
    Uplift::GeoUs,
    Uplift::Fast,
];

impl From<TokenUsage> for Consumption {
    fn from(usage: TokenUsage) -> Self {
        Self::new(usage)
    }
}

impl Consumption {
    /// Tokens of text at the standard tier.
    pub const fn new(usage: TokenUsage) -> Self {
        Self {
            usage,
            parts: [0; PARTS.len()],
            units: Vec::new(),
            tier: PriceTier::Standard,
            results: 0,
            explicit_cache: false,
            uplifts: 0,
            is_sum: false,
        }
    }

    /// Sets how many tokens were of this kind, such as [`Item::InputAudio`] or
    /// [`Item::CacheWrite12h`]. Kinds that the usage itself counts (input, output, reasoning, cache
    /// reads and writes of five minutes and an hour) and items that are no tokens are left as they are.
    #[must_use]
    pub fn tokens(mut self, item: Item, tokens: u64) -> Self {
        for (part, slot) in PARTS.iter().zip(&mut self.parts) {
            if *part == item {
                *slot = tokens;
            }
        }
        self
    }

    /// Adds whole units of something that is no token: images, characters, queries, pages.
    #[must_use]
    pub fn units(mut self, item: Item, units: u64) -> Self {
        self.units.push((item, Quantity::whole(units)));
        self
    }

    /// Adds thousandths of a unit, such as of a gigabyte-day.
    #[must_use]
    pub fn thousandths(mut self, item: Item, thousandths: u64) -> Self {
        let quantity = Quantity {
            units: thousandths,
            per: 1_000,
        };
        self.units.push((item, quantity));
        self
    }

    /// Adds time of an item that is priced by the second, exact to a microsecond.
    #[must_use]
    pub fn seconds(mut self, item: Item, time: Duration) -> Self {
        let quantity = Quantity {
            units: u64::try_from(time.as_micros()).unwrap_or(u64::MAX),
            per: 1_000_000,
        };
        self.units.push((item, quantity));
        self
    }

    /// Sets the service tier; standard unless set.
    #[must_use]
    pub const fn tier(mut self, tier: PriceTier) -> Self {
        self.tier = tier;
        self
    }

    /// Sets how many results a query asked for, where its price depends on that.
    #[must_use]
    pub const fn results(mut self, results: u64) -> Self {
        self.results = results;
        self
    }

    /// The cache that was read is one that the caller made by name.
    #[must_use]
    pub const fn explicit_cache(mut self) -> Self {
        self.explicit_cache = true;
        self
    }

    /// Data stayed in the European Union.
    #[must_use]
    pub const fn residency_eu(self) -> Self {
        self.with(Uplift::ResidencyEu)
    }

    /// Data stayed in the United States.
    #[must_use]
    pub const fn residency_us(self) -> Self {
        self.with(Uplift::ResidencyUs)
    }

    /// Served by a regional endpoint in place of the global one (Vertex AI).
    #[must_use]
    pub const fn regional_endpoint(self) -> Self {
        self.with(Uplift::RegionalEndpoint)
    }

    /// Inference was bound to the United States (Anthropic's `inference_geo`).
    #[must_use]
    pub const fn geo_us(self) -> Self {
        self.with(Uplift::GeoUs)
    }

    /// Served in Anthropic's fast mode.
    #[must_use]
    pub const fn fast(self) -> Self {
        self.with(Uplift::Fast)
    }

    pub(super) const fn sum(mut self, is_sum: bool) -> Self {
        self.is_sum = is_sum;
        self
    }

    /// The length that chooses the threshold: of a sum the shortest, so that it says no more than is known.
    pub(super) fn threshold_tokens(&self) -> u64 {
        if self.is_sum { 0 } else { self.prompt_tokens() }
    }

    const fn with(mut self, uplift: Uplift) -> Self {
        self.uplifts |= 1 << uplift as u8;
        self
    }

    pub(super) const fn has_uplifts(&self) -> bool {
        self.uplifts != 0
    }

    pub(super) const fn has(&self, uplift: Uplift) -> bool {
        self.uplifts >> uplift as u8 & 1 == 1
    }

    pub(super) fn part(&self, item: Item) -> u64 {
        let mut parts = PARTS.iter().zip(&self.parts);
        parts
            .find(|(it, _)| **it == item)
            .map_or(0, |(_, tokens)| *tokens)
    }

    /// All tokens of the prompt, cached or not: what thresholds are compared with.
    pub fn prompt_tokens(&self) -> u64 {
        let usage = self.usage.input_total();
        usage.saturating_add(self.part(Item::CacheWrite12h))
    }

    /// Tokens by item, those without any left out. Disjoint; their sum is the total.
    pub(super) fn each_token(&self, mut each: impl FnMut(Item, u64)) {
        let [
            audio_in,
            image_in,
            video_in,
            audio_out,
            image_out,
            video_out,
            rest @ ..,
        ] = self.parts;
        let [audio_read, image_read, audio_written, written_12h, cited] = rest;
        let usage = &self.usage;
        let less = |whole: u64, parts: &[u64]| {
            parts
                .iter()
                .fold(whole, |left, part| left.saturating_sub(*part))
        };
        let read = less(usage.cache_read(), &[audio_read, image_read]);
        let (read, read_explicit) = if self.explicit_cache {
            (0, read)
        } else {
            (read, 0)
        };
        let output = [usage.reasoning(), audio_out, image_out, video_out];
        for (item, tokens) in [
            (
                Item::Input,
                less(usage.input(), &[audio_in, image_in, video_in]),
            ),
            (Item::CacheRead, read),
            (
                Item::CacheWrite,
                less(usage.cache_write_5m(), &[audio_written]),
            ),
            (Item::CacheWrite1h, usage.cache_write_1h()),
            (Item::CacheWrite12h, written_12h),
            (Item::Output, less(usage.output(), &output)),
            (Item::Reasoning, usage.reasoning()),
            (Item::InputAudio, audio_in),
            (Item::InputImageToken, image_in),
            (Item::InputVideoToken, video_in),
            (Item::OutputAudio, audio_out),
            (Item::OutputImageToken, image_out),
            (Item::OutputVideoToken, video_out),
            (Item::CacheReadAudio, audio_read),
            (Item::CacheReadImage, image_read),
            (Item::CacheWriteAudio, audio_written),
            (Item::CacheReadExplicit, read_explicit),
            (Item::Citation, cited),
        ] {
            if tokens > 0 {
                each(item, tokens);
            }
        }
    }
}
