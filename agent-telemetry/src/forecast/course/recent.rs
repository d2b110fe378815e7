//! Courses where there are few days: past hours again, a few in a row at a time.

use super::draw::Draw;
use super::{Hourly, next_hour};
use crate::forecast::number::length;

/// The least hours since the first amount.
const LEAST: usize = 6;
/// The least of them in which anything was spent.
const ACTIVE: usize = 3;
/// Hours in a row.
const BLOCK: usize = 4;
/// From so many hours on, a block is taken from about the same time of a day.
const BY_TIME_OF_DAY: usize = 30;
const ASIDE: usize = 2;
/// The spread of the logarithm of the level of a day to come, and by how much more it is the less there is.
const SPREAD: f64 = 0.4;
const SPREAD_OF_LITTLE: f64 = 1.0;

#[derive(Debug)]
pub(crate) struct Recent {
    /// Whole hours since the first amount.
    amounts: Vec<f64>,
    gone: f64,
    /// How many hours of the amounts there are before the hour of the day of now comes again.
    spread: f64,
}

impl Recent {
    pub(super) fn of(hourly: &Hourly) -> Option<Self> {
        let begun = hourly.amounts.iter().position(|it| *it > 0.0)?;
        let (_, whole) = hourly.amounts.split_last()?;
        let amounts = whole.get(begun..)?.to_vec();
        let active = amounts.iter().filter(|it| **it > 0.0).count();
        if amounts.len() < LEAST || active < ACTIVE {
            return None;
        }
        let little = SPREAD_OF_LITTLE * (24.0 / (24.0 + length(amounts.len()))).sqrt();
        Some(Self {
            gone: hourly.gone.clamp(0.0, 1.0),
            spread: SPREAD.hypot(little),
            amounts,
        })
    }

    pub(super) const fn hours(&self) -> usize {
        self.amounts.len()
    }

    pub(super) fn draw(&self, draw: &mut Draw, hours: &mut [f64]) {
        // The mean of what the level is multiplied by is one.
        let level = self
            .spread
            .mul_add(draw.normal(), -self.spread * self.spread / 2.0)
            .exp();
        let mut ahead = 0;
        for block in hours.chunks_mut(BLOCK) {
            let from = self.start(draw, ahead);
            let past = self.amounts.iter().cycle().skip(from);
            for (hour, past) in block.iter_mut().zip(past) {
                *hour = level * past;
            }
            ahead += block.len();
        }
        if let Some(first) = hours.first_mut() {
            *first *= 1.0 - self.gone;
        }
    }

    /// Where a block begins that goes to so many hours ahead.
    fn start(&self, draw: &mut Draw, ahead: usize) -> usize {
        let known = self.amounts.len();
        if known < BY_TIME_OF_DAY {
            return draw.below(known);
        }
        // The hour of now is the one behind the last; those of the same time lie a multiple of 24 before it.
        let aside = draw.below(2 * ASIDE + 1);
        let same = (known + ahead + 24 + aside - ASIDE) % 24;
        let days = (known - same.min(known)).div_ceil(24);
        (same + 24 * draw.below(days)).min(known - 1)
    }

    pub(super) fn next_hour(&self, draw: &mut Draw) -> Vec<f64> {
        let mut hours = [0.0; 2];
        let mut drawn: Vec<f64> = (0..next_hour::DRAWS)
            .map(|_| {
                self.draw(draw, &mut hours);
                let [rest, next] = hours;
                self.gone.mul_add(next, rest)
            })
            .collect();
        drawn.sort_by(f64::total_cmp);
        drawn
    }
}
