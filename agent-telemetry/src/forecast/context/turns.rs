//! What turns add to a context, and how many of them fill what is left.

use std::collections::VecDeque;

use agent_primitives::Timestamp;

use super::{FULL_AT, alike};
use crate::forecast::CountBand;
use crate::forecast::course::{Draw, Weighted};
use crate::forecast::number::{count, length, real};

/// Turns that are remembered.
const TURNS: usize = 128;
/// Turns after which one weighs half as much.
const HALF_LIFE: f64 = 24.0;
/// The context is compacted where less than this share of it is left.
pub(super) const COMPACTED_BELOW: f64 = 0.8;
/// A turn that begins below this share of where the context fell, and ends where it was, shows that it did not fall.
const ASIDE_BELOW: f64 = 0.5;
/// What jumps back later than so many turns after the drop was compacted, and has grown since.
const ASIDE_TURNS: usize = 8;
/// Drops from long before it was as full, after which it is compacted there.
const LOW_DROPS: u32 = 3;
/// How many cases are drawn.
const CASES: u64 = 400;
/// Turns that a case draws from at most.
const RESAMPLED: f64 = 100.0;
/// Numbers that as many cases are within one of as this share of the most are as good: which of them it is, is chance.
const AS_GOOD: f64 = 0.9;
/// Most turns that a case goes on for.
pub(super) const MOST: u64 = 400;

/// What turns added, in tokens, the latest last.
#[derive(Debug, Clone, Default)]
pub(in crate::forecast) struct Growths(VecDeque<u64>);

impl Growths {
    pub(in crate::forecast) fn add(&mut self, tokens: u64, most: usize) {
        if self.0.len() >= most {
            self.0.pop_front();
        }
        self.0.push_back(tokens);
    }

    /// As if the last ones had not been.
    fn take_back(&mut self, turns: usize) {
        self.0.truncate(self.0.len().saturating_sub(turns));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }

    pub(in crate::forecast) fn len(&self) -> usize {
        self.0.len()
    }

    /// What half of them are no more than.
    pub(super) fn middle(&self) -> Option<u64> {
        let mut sorted: Vec<u64> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    fn mean(&self) -> Option<f64> {
        let sum: f64 = self.iter().map(real).sum();
        (self.len() > 0).then(|| sum / length(self.len()))
    }

    /// Each with what it weighs.
    fn weighed(&self, whole: f64, half_life: f64) -> Vec<(f64, f64)> {
        let ages = self.0.iter().rev().enumerate();
        let weighed: Vec<(u64, f64)> = ages
            .map(|(age, tokens)| (*tokens, 0.5_f64.powf(length(age) / half_life)))
            .collect();
        let sum: f64 = weighed.iter().map(|(_, weight)| weight).sum();
        let each = weighed.into_iter();
        each.map(|(tokens, weight)| (real(tokens), weight * whole / sum.max(f64::MIN_POSITIVE)))
            .collect()
    }
}

/// The turns of one session so far.
#[derive(Debug, Clone, Default)]
pub(in crate::forecast) struct Turns {
    at: Timestamp,
    used: Option<u64>,
    window: Option<u64>,
    growths: Growths,
    /// In use before the last drop, as long as nothing refutes that it is compacted there.
    compacted_at: Option<u64>,
    compactions: u64,
    /// The last drop, until what is in use is where it was.
    fallen: Option<Fallen>,
}

/// A drop, and what was known before it.
#[derive(Debug, Clone, Copy)]
struct Fallen {
    from: u64,
    compacted_at: Option<u64>,
    compactions: u64,
    /// Turns since then.
    turns: usize,
    /// Drops since then from long before it was as full.
    low: u32,
}

impl Turns {
    /// So many tokens are in use. The same figure again is the same turn, told by somebody else.
    pub(in crate::forecast) fn add(
        &mut self,
        at: Timestamp,
        used: u64,
        window: Option<u64>,
    ) -> Option<u64> {
        self.window = window.filter(|it| *it > 0).or(self.window);
        self.at = self.at.max(at);
        let before = self.used.replace(used)?;
        if real(used) < COMPACTED_BELOW * real(before) {
            self.fall(before);
            return None;
        }
        let before = self.stood(before, used);
        // It is not compacted where it went on from.
        self.compacted_at = self
            .compacted_at
            .filter(|mark| used <= mark.saturating_add(mark / 10));
        if used == before {
            return None;
        }
        let grown = used.saturating_sub(before);
        self.growths.add(grown, TURNS);
        if let Some(fallen) = &mut self.fallen {
            fallen.turns += 1;
        }
        Some(grown)
    }

    fn fall(&mut self, from: u64) {
        let is_low = |it: Fallen| real(from) < ASIDE_BELOW * real(it.from);
        let compactions = self.compactions;
        self.compactions = compactions.saturating_add(1);
        // What is cleared long before it is full says nothing of where it is.
        if let Some(it) = self.fallen.as_mut().filter(|it| is_low(**it)) {
            it.low += 1;
            if it.low < LOW_DROPS {
                return;
            }
        }
        let compacted_at = self.compacted_at.replace(from);
        self.fallen = Some(Fallen {
            from,
            compacted_at,
            compactions,
            turns: 0,
            low: 0,
        });
    }

    /// What was in use before a turn: where it jumps back to where it fell from, something was asked aside, and
    /// nothing was compacted.
    fn stood(&mut self, before: u64, used: u64) -> u64 {
        let is_back = |it: &Fallen| real(used) >= COMPACTED_BELOW * real(it.from);
        self.fallen = self
            .fallen
            .filter(|it| it.turns < ASIDE_TURNS || !is_back(it));
        let Some(fallen) = self.fallen.take_if(|it| is_back(it)) else {
            return before;
        };
        if real(before) >= ASIDE_BELOW * real(fallen.from) {
            return before;
        }
        self.compacted_at = fallen.compacted_at;
        self.compactions = fallen.compactions;
        self.growths.take_back(fallen.turns);
        fallen.from
    }

    pub(super) const fn window_unless_known(&mut self, window: Option<u64>) {
        if self.window.is_none() {
            self.window = window;
        }
    }

    pub(super) const fn at(&self) -> Timestamp {
        self.at
    }

    pub(super) fn used(&self) -> u64 {
        self.used.unwrap_or(0)
    }

    pub(super) const fn window(&self) -> Option<u64> {
        self.window
    }

    pub(super) const fn growths(&self) -> &Growths {
        &self.growths
    }

    pub(super) const fn compactions(&self) -> u64 {
        self.compactions
    }

    /// Turns that it takes where each adds what turns add on the average; without end where that is not known.
    pub(super) fn left_on_average(&self, full_at: Option<f64>, others: &Growths) -> f64 {
        let mean = self.growths.mean().or_else(|| others.mean());
        let full = self.threshold(full_at);
        let left = full.map(|it| it.saturating_sub(self.used()));
        left.zip(mean)
            .map_or(f64::INFINITY, |(left, mean)| real(left) / mean.max(1.0))
    }

    /// A share that is set holds; otherwise where it was compacted before; otherwise the whole window.
    pub(super) fn threshold(&self, full_at: Option<f64>) -> Option<u64> {
        let of_window = |share: f64| Some(count(share * real(self.window?)));
        match full_at.filter(|share| *share > 0.0 && *share <= 1.0) {
            Some(share) => of_window(share),
            None => self.compacted_at.or_else(|| of_window(FULL_AT)),
        }
    }
}

pub(super) struct Told {
    pub(super) turns: Option<u64>,
    pub(super) within_one: f64,
    pub(super) interval: Option<CountBand>,
}

/// How many turns it takes to add so many tokens.
pub(super) fn tell(left: u64, own: &Growths, others: &Growths, seed: u64) -> Told {
    let weight = alike::weight(own, others);
    let mut from = own.weighed(length(own.len()), HALF_LIFE);
    from.extend(others.weighed(weight, f64::INFINITY));
    let turns = Drawn {
        weights: Weighted::of(from.iter().map(|(_, weight)| *weight)),
        from,
        known: (length(own.len()) + weight).min(RESAMPLED),
    };
    let mut draw = Draw::new(seed);
    let left = real(left);
    let mut cases: Vec<f64> = (0..CASES).map(|_| turns.case(left, &mut draw)).collect();
    cases.sort_by(f64::total_cmp);
    let (turns, within_one) = most_often(&cases);
    Told {
        turns: (turns < MOST).then_some(turns),
        within_one,
        interval: CountBand::of(&cases),
    }
}

/// What turns are drawn from.
struct Drawn {
    from: Vec<(f64, f64)>,
    weights: Weighted,
    /// Turns that these are worth.
    known: f64,
}

impl Drawn {
    /// How often turns add how much is not known better than they tell: each case draws from turns that are drawn.
    fn case(&self, left: f64, draw: &mut Draw) -> f64 {
        let drawn = (0..count(self.known)).filter_map(|_| self.weights.draw(draw));
        let again: Vec<f64> = drawn
            .filter_map(|it| self.from.get(it).map(|it| it.0))
            .collect();
        let (mut sum, mut turns) = (0.0, 0);
        while sum < left && turns < MOST {
            let Some(grown) = again.get(draw.below(again.len())) else {
                return real(MOST);
            };
            sum += grown;
            turns += 1;
        }
        real(turns)
    }
}

/// The number that most cases are within one of, and the share of those. Of several that are about as good it is
/// the one nearest to the middle case.
fn most_often(sorted: &[f64]) -> (u64, f64) {
    let known = sorted.first().zip(sorted.last());
    let Some((first, last)) = known.map(|(first, last)| (count(*first), count(*last))) else {
        return (MOST, 0.0);
    };
    let within = |turns: u64| {
        let low = sorted.partition_point(|it| *it < real(turns) - 1.5);
        let high = sorted.partition_point(|it| *it < real(turns) + 1.5);
        length(high - low)
    };
    let numbers: Vec<(u64, f64)> = (first..=last).map(|it| (it, within(it))).collect();
    let best = numbers.iter().map(|it| it.1).fold(0.0, f64::max);
    let middle = sorted.get(sorted.len() / 2).copied().map_or(first, count);
    let good = numbers.into_iter().filter(|it| it.1 >= AS_GOOD * best);
    let told = good.min_by_key(|(turns, _)| turns.abs_diff(middle));
    let (turns, cases) = told.unwrap_or((first, best));
    (turns, cases / length(sorted.len()))
}
