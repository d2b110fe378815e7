//! An entry made ready for arithmetic: for each tier and hour the bands of prompt length, each with
//! its rates.

use agent_primitives::Timestamp;

use super::Item;
use super::entry::{Entry, Uplift};
use super::key::ServiceTier;
use super::rate::{Factor, Rate};
use super::rule::{self, Rates};

/// One model's prices over one period.
#[derive(Debug)]
pub(super) struct Plan {
    /// Its name in the map; empty for a host's own price of a whole provider.
    pub(super) name: Box<str>,
    pub(super) entry: Entry,
    /// Bands by tier, in the order of [`ServiceTier::ALL`]: where a tier's begin.
    first: [u32; 2 * TIERS + 1],
    bands: Box<[(u64, Rates)]>,
}

const TIERS: usize = ServiceTier::ALL.len();

impl Plan {
    pub(super) fn new(name: &str, entry: Entry) -> Self {
        let mut first = [0; 2 * TIERS + 1];
        let mut bands: Vec<(u64, Rates)> = Vec::new();
        for (slot, (tier, off_peak)) in slots().enumerate() {
            if !off_peak || entry.off_peak.is_some() {
                let begin = bands.len();
                for step in rule::steps(&entry, tier) {
                    let rates = rule::rates(&entry, tier, step, off_peak);
                    let last = bands.get(begin..).and_then(<[_]>::last);
                    if last.is_none_or(|(_, before)| *before != rates) {
                        bands.push((step, rates));
                    }
                }
            }
            if let Some(end) = first.get_mut(slot + 1) {
                *end = u32::try_from(bands.len()).unwrap_or(u32::MAX);
            }
        }
        Self {
            name: name.into(),
            entry,
            first,
            bands: bands.into_boxed_slice(),
        }
    }

    /// The rates of a call, and from how many prompt tokens on they hold.
    pub(super) fn rates(
        &self,
        tier: ServiceTier,
        prompt: u64,
        at: Timestamp,
    ) -> Option<(u64, &Rates)> {
        let off_peak = self
            .entry
            .off_peak
            .as_ref()
            .is_some_and(|it| it.is_open(at));
        let slot = tier as usize + if off_peak { TIERS } else { 0 };
        let (begin, end) = (*self.first.get(slot)?, *self.first.get(slot + 1)?);
        let bands = self.bands.get(begin as usize..end as usize)?;
        let (step, rates) = bands.iter().rev().find(|(from, _)| *from <= prompt)?;
        Some((*step, rates))
    }

    /// The rate of something that is not a token.
    pub(super) fn unit_rate(
        &self,
        item: Item,
        tier: ServiceTier,
        prompt: u64,
        results: u64,
    ) -> Option<Rate> {
        let tier = if self.entry.flat {
            ServiceTier::Standard
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

    pub(super) fn uplift(&self, which: Uplift) -> Option<Factor> {
        let mut uplifts = self.entry.uplifts.iter();
        uplifts
            .find(|(it, _)| *it == which)
            .map(|(_, factor)| *factor)
    }
}

fn slots() -> impl Iterator<Item = (ServiceTier, bool)> {
    let tiers = |off_peak| ServiceTier::ALL.iter().map(move |tier| (*tier, off_peak));
    tiers(false).chain(tiers(true))
}
