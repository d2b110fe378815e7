//! What past days say about days to come: how much of an average day each day of the week is, how the level
//! moves, and how far each day was from what was to be expected before it.

use super::TooLittle;
use crate::forecast::number::length;

/// Hours of a day.
pub(super) const HOURS: usize = 24;
/// Whole days from which on there is a forecast from days.
const LEAST: usize = 4;
/// The least of them with spending, of all and of those that are told from others: idle days alone say that nothing
/// comes, and never when work goes on.
pub(crate) const ACTIVE: usize = 3;
const ACTIVE_TOLD: usize = 2;
/// Whole days up to which hours tell it where too few days had spending, and the least that have to have any.
const FROM_HOURS: (usize, usize) = (7, 2);
/// Days that are learnt from before one is told.
const UNTOLD: usize = 2;
/// Days of its kind that a day of the week weighs beside its own.
const SHRUNK: f64 = 2.0;
/// How much of a surprise the level may follow.
const RATES: [f64; 6] = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5];
/// The rate that few days are taken to have.
const USUAL_RATE: f64 = 0.1;
/// Days after which it matters half as much how well a rate told one.
const LOSS_HALF_LIFE: f64 = 10.0;
/// What remains, with each day that is further ahead, of how much a surprise moves the level.
const DAMPED: f64 = 0.95;
/// A day that comes to more times what was expected counts as so many.
const FARTHEST: f64 = 12.0;
/// How much of an average day a day of the week has to be for saying what the level is.
const SAYS_SOMETHING: f64 = 0.05;

/// Whole days, without gaps, the last of them yesterday.
#[derive(Debug, Clone)]
pub(super) struct Days {
    pub(super) hours: Vec<[f64; HOURS]>,
    /// Days since 1970 of the first.
    pub(super) first: i64,
}

impl Days {
    pub(super) fn number(&self, place: usize) -> i64 {
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        self.first.saturating_add(place)
    }

    /// Whether there are enough of them.
    pub(super) fn suffice(&self) -> Result<(), TooLittle> {
        if self.hours.len() < LEAST {
            return Err(TooLittle::Hours);
        }
        let active = |days: &[[f64; HOURS]]| {
            let active = days.iter().filter(|day| day.iter().any(|it| *it > 0.0));
            active.count()
        };
        let all = active(&self.hours);
        if all >= ACTIVE && active(self.hours.get(UNTOLD..).unwrap_or(&[])) >= ACTIVE_TOLD {
            return Ok(());
        }
        let (days, least) = FROM_HOURS;
        Err(if self.hours.len() < days && all >= least {
            TooLittle::Hours
        } else {
            TooLittle::ActiveDays(all.min(ACTIVE - 1))
        })
    }
}

/// Monday first. The first day of all was a Thursday.
pub(super) fn weekday(day: i64) -> usize {
    usize::try_from((day.rem_euclid(7) + 3) % 7).unwrap_or(0)
}

/// A weekday or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Weekday,
    Weekend,
}

impl Kind {
    pub(super) fn of(day: i64) -> Self {
        Self::of_weekday(weekday(day))
    }

    const fn of_weekday(weekday: usize) -> Self {
        if weekday < 5 {
            Self::Weekday
        } else {
            Self::Weekend
        }
    }
}

/// How much of an average day each day of the week is.
#[derive(Debug, Clone, Default)]
struct Factors([Factor; 7]);

#[derive(Debug, Clone, Copy, Default)]
struct Factor {
    sum: f64,
    count: f64,
}

impl Factors {
    fn add(&mut self, weekday: usize, multiple: f64) {
        if let Some(factor) = self.0.get_mut(weekday) {
            factor.sum += multiple;
            factor.count += 1.0;
        }
    }

    /// Drawn to that of its kind, and that one to an average day, as long as little is known.
    fn of(&self, weekday: usize) -> f64 {
        let (mut sum, mut count) = (1.0, 1.0);
        for (other, factor) in self.0.iter().enumerate() {
            if Kind::of_weekday(other) == Kind::of_weekday(weekday) {
                sum += factor.sum;
                count += factor.count;
            }
        }
        let own = self.0.get(weekday).copied().unwrap_or_default();
        (own.sum + SHRUNK * sum / count) / (own.count + SHRUNK)
    }
}

/// What is learnt of days, one after another, so that each was told from those before it alone.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    rate: f64,
    /// What an average day comes to by now.
    pub(super) level: f64,
    factors: Factors,
    /// Each day as a multiple of what was expected, where anything was.
    pub(super) ratios: Vec<Option<f64>>,
    /// By how much of what came the rate was wrong.
    loss: f64,
}

impl Fit {
    /// With the rate that would have told the days best. A rate far from the usual one has to be better by more
    /// the fewer days there are.
    pub(super) fn best(days: &Days) -> Self {
        let doubt = |rate: f64| (rate / USUAL_RATE).ln().abs() / length(days.hours.len().max(1));
        let weighed = |fit: &Self| fit.loss * (1.0 + doubt(fit.rate));
        let fits = RATES.map(|rate| Self::at(days, rate)).into_iter();
        let best = fits.min_by(|one, other| weighed(one).total_cmp(&weighed(other)));
        best.unwrap_or_else(|| Self::at(days, USUAL_RATE))
    }

    fn at(days: &Days, rate: f64) -> Self {
        let mut fit = Self {
            rate,
            level: 0.0,
            factors: Factors::default(),
            ratios: Vec::with_capacity(days.hours.len()),
            loss: 0.0,
        };
        let (mut missed, mut came) = (0.0, 0.0);
        for (place, hours) in days.hours.iter().enumerate() {
            let weekday = weekday(days.number(place));
            let sum: f64 = hours.iter().sum();
            let expected = fit.expected(weekday);
            let is_told = place >= UNTOLD && expected > 0.0;
            fit.ratios
                .push(is_told.then(|| (sum / expected).min(FARTHEST)));
            if is_told {
                let age = length(days.hours.len() - place);
                let weight = 0.5_f64.powf(age / LOSS_HALF_LIFE);
                missed += weight * (sum - expected).abs();
                came += weight * sum;
            }
            fit.learn(weekday, sum, place);
        }
        fit.loss = if came > 0.0 { missed / came } else { 0.0 };
        fit
    }

    fn learn(&mut self, weekday: usize, sum: f64, seen: usize) {
        let factor = self.factors.of(weekday);
        if self.level > 0.0 {
            self.factors.add(weekday, (sum / self.level).min(FARTHEST));
        }
        // The mean at first, in which later days weigh less and less.
        let rate = self.rate.max(1.0 / (length(seen) + 1.0));
        let as_average = if factor > SAYS_SOMETHING {
            sum / factor
        } else {
            self.level
        };
        let as_average = if self.level > 0.0 {
            as_average.min(FARTHEST * self.level)
        } else {
            as_average
        };
        self.level += step(rate, factor) * (as_average - self.level);
    }

    /// What a day of the week comes to at this level.
    pub(super) fn expected(&self, weekday: usize) -> f64 {
        self.level * self.factor(weekday)
    }

    pub(super) fn factor(&self, weekday: usize) -> f64 {
        self.factors.of(weekday)
    }

    /// The level after a day so many days ahead that comes to so many times what was expected.
    pub(super) fn moved(&self, level: f64, weekday: usize, ratio: f64, ahead: i32) -> f64 {
        let step = DAMPED.powi(ahead) * step(self.rate, self.factor(weekday));
        level * step.mul_add(ratio - 1.0, 1.0)
    }
}

/// A day that is usually small says little about the level.
const fn step(rate: f64, factor: f64) -> f64 {
    rate * factor.clamp(0.0, 1.0)
}
