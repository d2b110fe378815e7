//! An entry made ready for arithmetic: for each tier and hour the bands of prompt length, each with
//! its rates.

use agent_primitives::Timestamp;

use super::Item;
use super::entry::{Entry, Uplift};
use super::key::PriceTier;
use super::rate::{Factor, Rate};
use super::rule::{self, Rates};

/// One model's prices over one period.
#[derive(Debug)]
pub(super) struct Plan {
    /// Its name in the map; empty for a host's own price of a whole provider.
    pub(super) name: Box<str>,
    pub(super) entry: Entry,
    /// Where the bands of each tier begin and end, in the order of [`PriceTier::ALL`], twice: for all
    /// hours and for those of the off-peak price. Tiers of the same rates share theirs.
    slots: [(u32, u32); 2 * TIERS],
    bands: Box<[(u64, Rates)]>,
}

const TIERS: usize = PriceTier::ALL.len();

impl Plan {
    pub(super) fn new(name: &str, entry: Entry) -> Self {
        let mut slots = [(0, 0); 2 * TIERS];
        let mut bands: Vec<(u64, Rates)> = Vec::new();
        for (index, (tier, off_peak)) in all_slots().enumerate() {
            if off_peak && entry.off_peak.is_none() {
                break;
            }
            let own = own_bands(&entry, tier, off_peak);
            let earlier = slots.iter().take(index).copied();
            let mut earlier = earlier.filter(|slot| within(&bands, *slot) == Some(own.as_slice()));
            let slot = earlier.next().unwrap_or_else(|| {
                let begin = position(bands.len());
                bands.extend(own);
                (begin, position(bands.len()))
            });
            if let Some(it) = slots.get_mut(index) {
                *it = slot;
            }
        }
        Self {
            name: name.into(),
            entry,
            slots,
            bands: bands.into_boxed_slice(),
        }
    }

    /// The rates of a call, and from how many prompt tokens on they hold.
    pub(super) fn rates(
        &self,
        tier: PriceTier,
        prompt: u64,
        at: Timestamp,
    ) -> Option<(u64, &Rates)> {
        let off_peak = self
            .entry
            .off_peak
            .as_ref()
            .is_some_and(|it| it.is_open(at));
        let slot = tier as usize + if off_peak { TIERS } else { 0 };
        let bands = within(&self.bands, *self.slots.get(slot)?)?;
        let (step, rates) = bands.iter().rev().find(|(from, _)| *from <= prompt)?;
        Some((*step, rates))
    }

    /// The rate of something that is not a token.
    pub(super) fn unit_rate(
        &self,
        item: Item,
        tier: PriceTier,
        prompt: u64,
        results: u64,
    ) -> Option<Rate> {
        let tier = if self.entry.flat {
            PriceTier::Standard
        } else {
            tier
        };
        let steps = self
            .entry
            .keys()
            .filter(|key| key.item == item && key.above > 0);
        let step = steps
            .map(|key| key.above)
            .filter(|above| *above < prompt)
            .max();
        step.and_then(|above| self.entry.rate(item, above, tier))
            .or_else(|| self.entry.rate(item, 0, tier))
            .or_else(|| match item {
                Item::Query => self.entry.query_rate(results),
                _ => self.entry.rate(item.general()?, 0, tier),
            })
    }

    /// Whether this tier has prices of its own; the standard one always has.
    pub(super) fn lists(&self, tier: PriceTier) -> bool {
        tier == PriceTier::Standard || self.entry.keys().any(|key| key.tier == tier)
    }

    pub(super) fn uplift(&self, which: Uplift) -> Option<Factor> {
        let mut uplifts = self.entry.uplifts.iter();
        uplifts
            .find(|(it, _)| *it == which)
            .map(|(_, factor)| *factor)
    }
}

fn within(bands: &[(u64, Rates)], (begin, end): (u32, u32)) -> Option<&[(u64, Rates)]> {
    bands.get(begin as usize..end as usize)
}

fn position(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Each prompt length from which other rates hold.
fn own_bands(entry: &Entry, tier: PriceTier, off_peak: bool) -> Vec<(u64, Rates)> {
    let steps = rule::steps(entry, tier).into_iter();
    let mut bands: Vec<_> = steps
        .map(|step| (step, rule::rates(entry, tier, step, off_peak)))
        .collect();
    bands.dedup_by(|later, earlier| later.1 == earlier.1);
    bands
}

fn all_slots() -> impl Iterator<Item = (PriceTier, bool)> {
    let tiers = |off_peak| PriceTier::ALL.iter().map(move |tier| (*tier, off_peak));
    tiers(false).chain(tiers(true))
}
