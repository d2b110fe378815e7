//! What turns add to a context, and how many of them fill what is left.

use std::collections::VecDeque;

use agent_primitives::Timestamp;

use super::FULL_AT;
use crate::forecast::CountBand;
use crate::forecast::course::{Draw, Weighted};
use crate::forecast::number::{count, length, real};

/// Turns that are remembered.
const TURNS: usize = 128;
/// Turns after which one weighs half as much.
const HALF_LIFE: f64 = 24.0;
/// Turns of other sessions weigh as much as so many of its own at most.
const OTHERS_WEIGH: f64 = 20.0;
/// The context is compacted where less than this share of it is left.
const COMPACTED_BELOW: f64 = 0.8;
/// How many cases are drawn.
const CASES: u64 = 400;
/// Turns that a case draws from.
const RESAMPLED: usize = 40;
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

    pub(in crate::forecast) fn len(&self) -> usize {
        self.0.len()
    }

    /// What half of them are no more than.
    pub(super) fn middle(&self) -> Option<u64> {
        let mut sorted: Vec<u64> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
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
    /// In use before the last drop.
    compacted_at: Option<u64>,
    compactions: u64,
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
            self.compacted_at = Some(before);
            self.compactions = self.compactions.saturating_add(1);
            return None;
        }
        if used == before {
            return None;
        }
        let grown = used.saturating_sub(before);
        self.growths.add(grown, TURNS);
        Some(grown)
    }

    /// Something happened in the session.
    pub(super) fn seen(&mut self, at: Timestamp) {
        self.at = self.at.max(at);
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
    let mut from = own.weighed(length(own.len()), HALF_LIFE);
    from.extend(others.weighed(OTHERS_WEIGH.min(length(others.len())), f64::INFINITY));
    let weights = Weighted::of(from.iter().map(|(_, weight)| *weight));
    let mut draw = Draw::new(seed);
    let left = real(left);
    let mut cases: Vec<f64> = (0..CASES)
        .map(|_| case(left, &from, &weights, &mut draw))
        .collect();
    cases.sort_by(f64::total_cmp);
    let (turns, within_one) = most_often(&cases);
    Told {
        turns: (turns < MOST).then_some(turns),
        within_one,
        interval: CountBand::of(&cases),
    }
}

/// How often turns add how much is not known better than they tell: each case draws from turns that are drawn.
fn case(left: f64, from: &[(f64, f64)], weights: &Weighted, draw: &mut Draw) -> f64 {
    let drawn = (0..from.len().min(RESAMPLED)).filter_map(|_| weights.draw(draw));
    let again: Vec<f64> = drawn.filter_map(|it| from.get(it).map(|it| it.0)).collect();
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

/// The number that most cases are within one of, and the share of those; of several the one in their middle.
fn most_often(sorted: &[f64]) -> (u64, f64) {
    let known = sorted.first().zip(sorted.last());
    let Some((first, last)) = known.map(|(first, last)| (count(*first), count(*last))) else {
        return (MOST, 0.0);
    };
    let within = |turns: u64| {
        let low = sorted.partition_point(|it| *it < real(turns) - 1.5);
        let high = sorted.partition_point(|it| *it < real(turns) + 1.5);
        high - low
    };
    let best = (first..=last).map(within).max().unwrap_or(0);
    let ties: Vec<u64> = (first..=last).filter(|it| within(*it) == best).collect();
    let turns = ties.get(ties.len() / 2).copied().unwrap_or(first);
    (turns, length(best) / length(sorted.len()))
}
