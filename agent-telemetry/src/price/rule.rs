//! Which rate holds: the arithmetic that LiteLLM publishes, as one pure function.
//!
//! Followed: `generic_cost_per_token` and `batch_cost_calculator` of release 1.109.1.

use super::Item;
use super::entry::Entry;
use super::key::PriceTier;
use super::rate::Rate;

/// The token items, in the order of the array in [`Rates`].
pub(super) const TOKEN_ITEMS: [Item; 18] = [
    Item::Input,
    Item::CacheRead,
    Item::CacheWrite,
    Item::CacheWrite1h,
    Item::CacheWrite12h,
    Item::Output,
    Item::Reasoning,
    Item::InputAudio,
    Item::InputImageToken,
    Item::InputVideoToken,
    Item::OutputAudio,
    Item::OutputImageToken,
    Item::OutputVideoToken,
    Item::CacheReadAudio,
    Item::CacheReadImage,
    Item::CacheWriteAudio,
    Item::CacheReadExplicit,
    Item::Citation,
];

/// The rate of each token item for one tier, prompt length and hour; `None` where none is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rates {
    pub(super) input: Option<Rate>,
    pub(super) cache_read: Option<Rate>,
    pub(super) cache_write: Option<Rate>,
    pub(super) cache_write_1h: Option<Rate>,
    pub(super) cache_write_12h: Option<Rate>,
    pub(super) output: Option<Rate>,
    pub(super) reasoning: Option<Rate>,
    pub(super) input_audio: Option<Rate>,
    pub(super) input_image: Option<Rate>,
    pub(super) input_video: Option<Rate>,
    pub(super) output_audio: Option<Rate>,
    pub(super) output_image: Option<Rate>,
    pub(super) output_video: Option<Rate>,
    pub(super) cache_read_audio: Option<Rate>,
    pub(super) cache_read_image: Option<Rate>,
    pub(super) cache_write_audio: Option<Rate>,
    pub(super) cache_read_explicit: Option<Rate>,
    pub(super) citation: Option<Rate>,
}

impl Rates {
    pub(super) const fn of(&self, item: Item) -> Option<Rate> {
        match item {
            Item::Input => self.input,
            Item::CacheRead => self.cache_read,
            Item::CacheWrite => self.cache_write,
            Item::CacheWrite1h => self.cache_write_1h,
            Item::CacheWrite12h => self.cache_write_12h,
            Item::Output => self.output,
            Item::Reasoning => self.reasoning,
            Item::InputAudio => self.input_audio,
            Item::InputImageToken => self.input_image,
            Item::InputVideoToken => self.input_video,
            Item::OutputAudio => self.output_audio,
            Item::OutputImageToken => self.output_image,
            Item::OutputVideoToken => self.output_video,
            Item::CacheReadAudio => self.cache_read_audio,
            Item::CacheReadImage => self.cache_read_image,
            Item::CacheWriteAudio => self.cache_write_audio,
            Item::CacheReadExplicit => self.cache_read_explicit,
            Item::Citation => self.citation,
            _ => None,
        }
    }

    fn half(self) -> Self {
        let half = |rate: Option<Rate>| rate.map(Rate::half);
        Self {
            input: half(self.input),
            cache_read: half(self.cache_read),
            cache_write: half(self.cache_write),
            cache_write_1h: half(self.cache_write_1h),
            cache_write_12h: half(self.cache_write_12h),
            output: half(self.output),
            reasoning: half(self.reasoning),
            input_audio: half(self.input_audio),
            input_image: half(self.input_image),
            input_video: half(self.input_video),
            output_audio: half(self.output_audio),
            output_image: half(self.output_image),
            output_video: half(self.output_video),
            cache_read_audio: half(self.cache_read_audio),
            cache_read_image: half(self.cache_read_image),
            cache_write_audio: half(self.cache_write_audio),
            cache_read_explicit: half(self.cache_read_explicit),
            citation: half(self.citation),
        }
    }
}

/// The rates of a call with so many tokens of prompt, cached ones included.
///
/// A threshold that the prompt passes replaces the rate of *all* tokens of the call.
pub(super) fn rates(entry: &Entry, tier: PriceTier, prompt: u64, off_peak: bool) -> Rates {
    if entry.flat {
        return listed(entry, PriceTier::Standard, prompt, false);
    }
    match tier {
        PriceTier::Batch => batch(entry, prompt),
        _ => listed(entry, tier, prompt, off_peak),
    }
}

/// Where the rates change: each prompt length at which one of them may differ from that of one token
/// less, in rising order, from 0 on.
pub(super) fn steps(entry: &Entry, tier: PriceTier) -> Vec<u64> {
    let inclusive = u64::from(!is_inclusive(entry));
    let keys = entry.keys().filter(|key| key.above > 0);
    let thresholds = keys
        .filter(|key| key.tier == PriceTier::Standard || key.tier == tier)
        .map(|key| key.above.saturating_add(inclusive));
    let ranges = entry.ranges.iter();
    let edges = ranges.flat_map(|it| [it.start.saturating_add(1), it.end.saturating_add(1)]);
    let mut steps: Vec<u64> = std::iter::once(0).chain(thresholds).chain(edges).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// xAI asks the higher price from the threshold on, all others above it.
fn is_inclusive(entry: &Entry) -> bool {
    &*entry.vendor == "xai"
}

fn passes(entry: &Entry, prompt: u64, threshold: u64) -> bool {
    prompt > threshold || (prompt == threshold && is_inclusive(entry))
}

const STEPPED: [Item; 6] = [
    Item::Input,
    Item::Output,
    Item::CacheRead,
    Item::CacheWrite,
    Item::CacheWrite1h,
    Item::CacheWrite12h,
];

/// All tiers but the batch one.
fn listed(entry: &Entry, tier: PriceTier, prompt: u64, off_peak: bool) -> Rates {
    let reduced = |item| {
        let hours = entry.off_peak.as_ref().filter(|_| off_peak)?;
        hours.rate(item)
    };
    let range = entry.range(prompt);
    let mut rates = match range {
        Some(range) => {
            let input = range.rate(Item::Input);
            let cache_write = range.rate(Item::CacheWrite).or(input);
            let own = |item| range.rate(item);
            Rates {
                input: reduced(Item::Input).or(input),
                output: reduced(Item::Output)
                    .or_else(|| own(Item::Output))
                    .or_else(|| entry.exact(Item::Output, 0, PriceTier::Standard)),
                cache_read: reduced(Item::CacheRead)
                    .or_else(|| own(Item::CacheRead))
                    .or(input),
                cache_write: reduced(Item::CacheWrite).or(cache_write),
                cache_write_1h: own(Item::CacheWrite1h),
                cache_write_12h: own(Item::CacheWrite12h),
                ..Rates::default()
            }
        }
        None => stepped(entry, tier, prompt, &reduced),
    };
    rates.cache_write_1h = rates.cache_write_1h.or(rates.cache_write);
    rates.cache_write_12h = rates.cache_write_12h.or(rates.cache_write);
    rates.reasoning = reduced(Item::Reasoning)
        .or_else(|| {
            range?
                .rate(Item::Reasoning)
                .or_else(|| range?.rate(Item::Output))
        })
        .or_else(|| reasoning(entry, tier, rates.output));
    rates.cache_read_explicit = reduced(Item::CacheReadExplicit)
        .or_else(|| reduced(Item::CacheRead))
        .or_else(|| match range {
            Some(range) => range.rate(Item::CacheReadExplicit).or(rates.cache_read),
            None => entry.rate(Item::CacheReadExplicit, 0, tier),
        })
        .or(rates.cache_read);
    modalities(entry, tier, &rates)
}

/// Base rates with their thresholds.
fn stepped(
    entry: &Entry,
    tier: PriceTier,
    prompt: u64,
    reduced: &dyn Fn(Item) -> Option<Rate>,
) -> Rates {
    let base = |item| entry.rate(item, 0, tier);
    let mut input = base(Item::Input);
    let mut output = base(Item::Output);
    // A model that only makes images prices its output by image tokens alone.
    if output.is_none_or(Rate::is_zero) {
        output = entry
            .exact(Item::OutputImageToken, 0, PriceTier::Standard)
            .or(output);
    }
    let mut cache_read = base(Item::CacheRead);
    let mut cache_write = base(Item::CacheWrite);
    let mut long_writes = [base(Item::CacheWrite1h), base(Item::CacheWrite12h)];
    let mut thresholds: Vec<u64> = entry
        .keys()
        .filter(|key| key.above > 0 && STEPPED.contains(&key.item))
        .filter(|key| key.tier == PriceTier::Standard || key.tier == tier)
        .map(|key| key.above)
        .filter(|above| passes(entry, prompt, *above))
        .collect();
    thresholds.sort_unstable();
    for above in thresholds {
        let beyond = |item| entry.rate(item, above, tier);
        input = beyond(Item::Input).or(input);
        output = beyond(Item::Output).or(output);
        cache_read = beyond(Item::CacheRead).or(cache_read);
        cache_write = beyond(Item::CacheWrite).or(cache_write);
        // Unlike the others these do not fall back from the tier to the standard threshold.
        for (rate, item) in long_writes
            .iter_mut()
            .zip([Item::CacheWrite1h, Item::CacheWrite12h])
        {
            *rate = entry.exact(item, above, tier).or(*rate);
        }
    }
    // A provider that lists no price for its cache bills cached tokens as ordinary input.
    let uncached = reduced(Item::Input).or(input);
    let [hour, half_day] = long_writes;
    Rates {
        input: uncached,
        output: reduced(Item::Output).or(output),
        cache_read: reduced(Item::CacheRead)
            .or(cache_read)
            .or_else(|| base(Item::CacheHit))
            .or(uncached),
        cache_write: reduced(Item::CacheWrite).or(cache_write).or(uncached),
        cache_write_1h: hour,
        cache_write_12h: half_day,
        ..Rates::default()
    }
}

fn reasoning(entry: &Entry, tier: PriceTier, output: Option<Rate>) -> Option<Rate> {
    let standard = entry.exact(Item::Reasoning, 0, PriceTier::Standard);
    entry.exact(Item::Reasoning, 0, tier).or_else(|| {
        let tier_has_output =
            tier != PriceTier::Standard && entry.exact(Item::Output, 0, tier).is_some();
        if tier_has_output {
            output
        } else {
            standard.or(output)
        }
    })
}

/// What other kinds of tokens cost: their own price, or that of text.
fn modalities(entry: &Entry, tier: PriceTier, rates: &Rates) -> Rates {
    let own = |item| entry.rate(item, 0, tier);
    let standard = |item| entry.exact(item, 0, PriceTier::Standard);
    Rates {
        input_audio: own(Item::InputAudio).or(rates.input),
        input_image: own(Item::InputImageToken).or(rates.input),
        input_video: own(Item::InputVideoToken).or(rates.input),
        output_audio: standard(Item::OutputAudio).or(rates.output),
        output_image: standard(Item::OutputImageToken).or(rates.output),
        output_video: standard(Item::OutputVideoToken).or(rates.output),
        cache_read_audio: own(Item::CacheReadAudio).or(rates.cache_read),
        cache_read_image: own(Item::CacheReadImage).or(rates.cache_read),
        cache_write_audio: own(Item::CacheWriteAudio).or(rates.cache_write),
        citation: own(Item::Citation),
        ..*rates
    }
}

/// Batch prices; a rate that is not listed is half of the one that the same call costs otherwise.
fn batch(entry: &Entry, prompt: u64) -> Rates {
    let half = listed(entry, PriceTier::Standard, prompt, false).half();
    let flat = |item| entry.exact(item, 0, PriceTier::Batch);
    let own = |item| {
        let thresholds = entry
            .keys()
            .filter(|key| key.item == item && key.tier == PriceTier::Batch && key.above > 0);
        let crossed = thresholds
            .map(|key| key.above)
            .filter(|it| passes(entry, prompt, *it));
        crossed
            .max()
            .and_then(|above| entry.exact(item, above, PriceTier::Batch))
            .or_else(|| flat(item))
    };
    let mut rates = half;
    if let Some(input) = own(Item::Input) {
        let cache_write = own(Item::CacheWrite).unwrap_or(input);
        let cache_read = own(Item::CacheRead).unwrap_or(input);
        rates = Rates {
            input: Some(input),
            cache_read: Some(cache_read),
            cache_write: Some(cache_write),
            cache_write_1h: own(Item::CacheWrite1h).or(Some(cache_write)),
            cache_write_12h: own(Item::CacheWrite12h).or(Some(cache_write)),
            input_audio: flat(Item::InputAudio).or(Some(input)),
            input_image: flat(Item::InputImageToken).or(Some(input)),
            input_video: flat(Item::InputVideoToken).or(Some(input)),
            cache_read_audio: flat(Item::CacheReadAudio).or(Some(cache_read)),
            cache_read_image: Some(cache_read),
            cache_write_audio: Some(cache_write),
            cache_read_explicit: Some(cache_read),
            ..rates
        };
    }
    if let Some(output) = own(Item::Output) {
        rates.output = Some(output);
        rates.reasoning = Some(output);
        rates.output_audio = Some(output);
        rates.output_video = Some(output);
        let image = entry.exact(Item::OutputImageToken, 0, PriceTier::Standard);
        rates.output_image = image.map(Rate::half).or(Some(output));
    }
    rates.output_image = flat(Item::OutputImageToken).or(rates.output_image);
    rates
}
