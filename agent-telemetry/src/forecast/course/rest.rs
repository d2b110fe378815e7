//! How the rest of a day goes, from how the rests of past days went after such beginnings.

use super::days::{Days, Fit, HOURS, weekday};
use super::draw::Gaps;
use super::{Now, Pool};

/// How much of what a day is above or below the expected by now its rest may inherit.
const INHERITED: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// A beginning counts for at most so many times what was expected of it.
const PACE_MOST: f64 = 4.0;
/// A beginning that usually is less than about this share of a day says little.
const UNSURE_BELOW: f64 = 0.02;
/// The least that is expected of a rest, of what it is on the average: quiet mornings have lively evenings.
const LEAST: f64 = 0.15;

/// The rest of today.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// What it comes to where it goes as expected.
    pub(super) expected: f64,
    /// The rests of past days as multiples of what was to be expected of each.
    pub(super) multiples: Gaps,
}

/// A past day in two parts, as multiples of what was expected of the whole.
struct Parts {
    place: usize,
    weight: f64,
    before: f64,
    after: f64,
}

impl Rest {
    pub(super) fn of(days: &Days, fit: &Fit, now: Now, pool: &Pool) -> Self {
        let past: Vec<Parts> = pool
            .days
            .iter()
            .filter_map(|&(place, weight)| parts(days, fit, now, place, weight))
            .collect();
        let weight: f64 = past.iter().map(|it| it.weight).sum();
        if weight <= 0.0 {
            return Self::default();
        }
        let mean =
            |of: fn(&Parts) -> f64| past.iter().map(|it| it.weight * of(it)).sum::<f64>() / weight;
        let (before, after) = (mean(|it| it.before), mean(|it| it.after));
        let pace = |its: f64| {
            let pace = (its / before.max(f64::MIN_POSITIVE)).min(PACE_MOST);
            (pace - 1.0) * before / (before + UNSURE_BELOW)
        };
        let told = |inherited: f64, its: f64| {
            (after * inherited.mul_add(pace(its), 1.0)).max(LEAST * after)
        };
        let loss = |inherited: f64| -> f64 {
            let missed = |it: &Parts| it.weight * (it.after - told(inherited, it.before)).abs();
            past.iter().map(missed).sum()
        };
        let best = INHERITED
            .into_iter()
            .min_by(|one, other| loss(*one).total_cmp(&loss(*other)));
        let best = best.unwrap_or(0.0);
        let multiple = |it: &Parts| {
            let expected = told(best, it.before);
            let multiple = if expected > 0.0 {
                it.after / expected
            } else {
                0.0
            };
            (it.place, multiple, it.weight)
        };
        let expected = fit.expected(weekday(now.day));
        let so_far = if expected > 0.0 {
            now.spent / expected
        } else {
            0.0
        };
        Self {
            expected: expected * told(best, so_far),
            multiples: Gaps::of(past.iter().map(multiple).collect()),
        }
    }
}

fn parts(days: &Days, fit: &Fit, now: Now, place: usize, weight: f64) -> Option<Parts> {
    let hours = days.hours.get(place)?;
    let ratio = (*fit.ratios.get(place)?)?;
    let sum: f64 = hours.iter().sum();
    let after: f64 = (now.hour..HOURS).map(|hour| now.left(hours, hour)).sum();
    let share = if sum > 0.0 { after / sum } else { 1.0 };
    Some(Parts {
        place,
        weight,
        before: ratio * (1.0 - share),
        after: ratio * share,
    })
}
