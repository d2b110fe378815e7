//! Courses that spending may take from now on, drawn from what it did before: the rest of today as the rests of
//! past days went, each later day as a past one of its kind, as a multiple of what was to be expected of it.

mod days;
mod draw;
mod next_hour;
mod recent;
mod rest;

pub(crate) use days::ACTIVE;
use days::{Days, Fit, HOURS, Kind, weekday};
use draw::Gaps;
pub(crate) use draw::{Draw, Weighted};
use recent::Recent;
use rest::Rest;

use super::number::length;

/// Days after which a past day is drawn half as often.
const HALF_LIFE: f64 = 28.0;
/// Days of the first week are not drawn where there is a second one, or a part of it.
const WEEK: usize = 7;
/// Days of a kind from which on they stand for that kind alone.
const OF_KIND: usize = 3;
/// The level of a course ends at so many times that of now.
const LEVEL_MOST: f64 = 4.0;

/// Amounts by the hour up to now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hourly {
    /// Without gaps; the last is of the hour that is not over.
    pub(crate) amounts: Vec<f64>,
    /// Hours since 1970 of the first.
    pub(crate) first: i64,
    /// How much of the last hour is over, from 0 to 1.
    pub(crate) gone: f64,
}

impl Hourly {
    /// Hours since 1970 of the last.
    fn last(&self) -> i64 {
        let length = i64::try_from(self.amounts.len()).unwrap_or(i64::MAX);
        self.first.saturating_add(length).saturating_sub(1)
    }

    fn at(&self, hour: i64) -> f64 {
        let place = usize::try_from(hour.saturating_sub(self.first)).ok();
        let amount = place.and_then(|it| self.amounts.get(it));
        amount.copied().unwrap_or(0.0)
    }

    /// The hour of the first amount that is not zero.
    fn begun(&self) -> Option<i64> {
        let place = self.amounts.iter().position(|it| *it > 0.0)?;
        Some(self.first.saturating_add(i64::try_from(place).ok()?))
    }
}

/// Where today stands.
#[derive(Debug, Clone, Copy)]
struct Now {
    /// Days since 1970.
    day: i64,
    hour: usize,
    /// How much of the hour is over.
    gone: f64,
    /// Today up to now.
    spent: f64,
}

impl Now {
    /// What is left of an hour of a day at this time of the day.
    fn left(self, hours: &[f64; HOURS], hour: usize) -> f64 {
        let amount = hours.get(hour).copied().unwrap_or(0.0);
        if hour == self.hour {
            amount * (1.0 - self.gone)
        } else {
            amount
        }
    }
}

/// Past days that a day may go like: the place of each, and what it weighs.
#[derive(Debug, Default)]
struct Pool {
    days: Vec<(usize, f64)>,
    /// Those that a day as a whole may go like.
    whole: Vec<usize>,
    weights: Weighted,
    /// By how much their ratios are more than what is to be expected of them.
    inflated: f64,
}

/// What a history is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Days(usize),
    Hours(usize),
}

/// What there is too little of for a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooLittle {
    /// Hours, or those with spending.
    Hours,
    /// Days with spending, of which there are so many.
    ActiveDays(usize),
}

/// What courses are drawn from.
#[derive(Debug)]
pub(crate) enum Courses {
    Days(Box<DayCourses>),
    Hours(Recent),
}

impl Courses {
    /// From days where there are enough, otherwise from hours.
    pub(crate) fn of(hourly: &Hourly) -> Result<Self, TooLittle> {
        match DayCourses::of(hourly) {
            Ok(courses) => Ok(Self::Days(Box::new(courses))),
            Err(TooLittle::Hours) => {
                let recent = Recent::of(hourly).map(Self::Hours);
                recent.ok_or(TooLittle::Hours)
            }
            Err(idle) => Err(idle),
        }
    }

    pub(crate) fn source(&self) -> Source {
        match self {
            Self::Days(courses) => Source::Days(courses.days.hours.len()),
            Self::Hours(recent) => Source::Hours(recent.hours()),
        }
    }

    /// Draws one: what comes in each hour, the rest of the one that is not over first.
    pub(crate) fn draw(&self, draw: &mut Draw, hours: &mut [f64]) {
        match self {
            Self::Days(courses) => courses.draw(draw, hours),
            Self::Hours(recent) => recent.draw(draw, hours),
        }
    }

    /// Amounts that the coming hour may come to, in order, after an hour that came to `last`.
    pub(crate) fn next_hour(&self, last: f64, hourly: &Hourly, draw: &mut Draw) -> Vec<f64> {
        let found = match self {
            Self::Days(courses) => next_hour::like(courses, last, hourly),
            Self::Hours(recent) => return recent.next_hour(draw),
        };
        let gaps = Gaps::of(found.into_iter().map(|it| (0, it, 1.0)).collect());
        let mut drawn: Vec<f64> = (0..next_hour::DRAWS)
            .filter_map(|_| gaps.draw(draw).map(|(_, amount)| amount))
            .collect();
        drawn.sort_by(f64::total_cmp);
        drawn
    }
}

/// Courses from days.
#[derive(Debug)]
pub(crate) struct DayCourses {
    days: Days,
    fit: Fit,
    now: Now,
    rest: Rest,
    weekdays: Pool,
    weekends: Pool,
}

impl DayCourses {
    fn of(hourly: &Hourly) -> Result<Self, TooLittle> {
        let begun = hourly.begun().ok_or(TooLittle::Hours)?;
        let last = hourly.last();
        let (today, hour) = (last.div_euclid(24), last.rem_euclid(24));
        let day = |day: i64| -> [f64; HOURS] {
            let mut hour = day * 24;
            std::array::from_fn(|_| {
                hour += 1;
                hourly.at(hour - 1)
            })
        };
        // The first day is not whole where it began in the afternoon.
        let first = begun.div_euclid(24) + i64::from(begun.rem_euclid(24) > 12);
        let days = Days {
            hours: (first..today).map(day).collect(),
            first,
        };
        days.suffice()?;
        let now = Now {
            day: today,
            hour: usize::try_from(hour).unwrap_or(0),
            gone: hourly.gone.clamp(0.0, 1.0),
            spent: day(today).iter().sum(),
        };
        let mut courses = Self {
            fit: Fit::best(&days),
            days,
            now,
            rest: Rest::default(),
            weekdays: Pool::default(),
            weekends: Pool::default(),
        };
        courses.weekdays = courses.pool_of(Kind::Weekday);
        courses.weekends = courses.pool_of(Kind::Weekend);
        let pool = courses.pool(today);
        courses.rest = Rest::of(&courses.days, &courses.fit, now, pool);
        Ok(courses)
    }

    fn pool(&self, day: i64) -> &Pool {
        match Kind::of(day) {
            Kind::Weekday => &self.weekdays,
            Kind::Weekend => &self.weekends,
        }
    }

    fn ratio(&self, place: usize) -> Option<f64> {
        *self.fit.ratios.get(place)?
    }

    fn pool_of(&self, kind: Kind) -> Pool {
        let told: Vec<(usize, f64)> = (0..self.days.hours.len())
            .filter_map(|place| Some((place, self.ratio(place)?)))
            .collect();
        let own = told
            .iter()
            .copied()
            .filter(|(place, _)| Kind::of(self.days.number(*place)) == kind);
        let own: Vec<(usize, f64)> = own.collect();
        let told = if own.len() < OF_KIND { told } else { own };
        let recent = |place: usize| {
            let age = length(self.days.hours.len() - place);
            0.5_f64.powf(age / HALF_LIFE)
        };
        // Before a week is over nobody knows its days.
        let unsure = self.days.hours.len().saturating_sub(WEEK).min(WEEK);
        let mut whole = told.clone();
        whole.retain(|(place, _)| *place >= unsure);
        if whole.len() < OF_KIND {
            whole.clone_from(&told);
        }
        Pool {
            days: told.iter().map(|(at, _)| (*at, recent(*at))).collect(),
            inflated: inflated(&whole, recent),
            weights: Weighted::of(whole.iter().map(|(place, _)| recent(*place))),
            whole: whole.into_iter().map(|(place, _)| place).collect(),
        }
    }

    fn draw(&self, draw: &mut Draw, hours: &mut [f64]) {
        hours.fill(0.0);
        let (mut level, mut day) = (self.fit.level, self.now.day);
        let today = HOURS.saturating_sub(self.now.hour).min(hours.len());
        let (rest, mut later) = hours.split_at_mut(today);
        let amount = self.draw_rest(draw, rest);
        let expected = self.fit.expected(weekday(day));
        if expected > 0.0 {
            let ratio = (self.now.spent + amount) / expected;
            let moved = self.fit.moved(level, weekday(day), ratio, 0);
            level = moved.min(LEVEL_MOST * self.fit.level);
        }
        if later.is_empty() {
            return;
        }
        let pools = [&self.weekdays, &self.weekends].map(|pool| resampled(pool, draw));
        let mut ahead = 0;
        while !later.is_empty() {
            day += 1;
            ahead += 1;
            let (its, behind) = later.split_at_mut(HOURS.min(later.len()));
            later = behind;
            let of_kind = match Kind::of(day) {
                Kind::Weekday => &pools[0],
                Kind::Weekend => &pools[1],
            };
            let Some(&place) = of_kind.get(draw.below(of_kind.len())) else {
                continue;
            };
            let ratio = self.ratio(place).unwrap_or(0.0) / self.pool(day).inflated;
            if let Some(past) = self.days.hours.get(place) {
                let amount = level * self.fit.factor(weekday(day)) * ratio;
                spread(amount, past.iter().copied(), its);
            }
            let moved = self.fit.moved(level, weekday(day), ratio, ahead);
            level = moved.min(LEVEL_MOST * self.fit.level);
        }
    }

    /// What it comes to.
    fn draw_rest(&self, draw: &mut Draw, hours: &mut [f64]) -> f64 {
        let Some((place, multiple)) = self.rest.multiples.draw(draw) else {
            return 0.0;
        };
        let Some(past) = self.days.hours.get(place) else {
            return 0.0;
        };
        let amount = self.rest.expected * multiple;
        let left = (self.now.hour..HOURS).map(|hour| self.now.left(past, hour));
        spread(amount, left, hours);
        hours.iter().sum()
    }
}

/// Spreads an amount as a past one was; where that was nothing, it comes to nothing.
fn spread(amount: f64, like: impl Iterator<Item = f64> + Clone, over: &mut [f64]) {
    let sum: f64 = like.clone().sum();
    if sum > 0.0 {
        for (hour, past) in over.iter_mut().zip(like) {
            *hour = amount * past / sum;
        }
    }
}

/// As many days as there are, drawn from them: how they go on the average is not known better than they tell.
fn resampled(pool: &Pool, draw: &mut Draw) -> Vec<usize> {
    let drawn = (0..pool.whole.len()).filter_map(|_| pool.weights.draw(draw));
    drawn.filter_map(|it| pool.whole.get(it).copied()).collect()
}

/// By how much the mean of ratios is more than what days to come will have. What is expected was not known
/// exactly, which makes the mean of ratios to it too large, and a sudden change is no growth: growth is what
/// both the earlier and the later half of the days show, drawn to nothing as far as chance explains it.
fn inflated(told: &[(usize, f64)], recent: impl Fn(usize) -> f64) -> f64 {
    let weight: f64 = told.iter().map(|(place, _)| recent(*place)).sum();
    let squares: f64 = told.iter().map(|(place, _)| recent(*place).powi(2)).sum();
    if weight <= 0.0 || squares <= 0.0 {
        return 1.0;
    }
    let mean_of = |of: &dyn Fn(f64) -> f64| {
        let sum: f64 = told.iter().map(|(at, it)| recent(*at) * of(*it)).sum();
        sum / weight
    };
    let mean = mean_of(&|it| it);
    if mean <= 0.0 {
        return 1.0;
    }
    let variance = mean_of(&|it| (it - mean).powi(2));
    let (older, newer) = told.split_at(told.len() / 2);
    let drifts = [older, newer].map(|half| {
        let sum: f64 = half.iter().map(|(_, ratio)| ratio).sum();
        sum / length(half.len().max(1)) - 1.0
    });
    let [older, newer] = drifts;
    let drift = match mean - 1.0 {
        all if all > 0.0 => older.min(newer).clamp(0.0, all),
        all => older.max(newer).clamp(all, 0.0),
    };
    let chance = variance / (weight * weight / squares - 1.0).max(1.0);
    let square = (drift * drift).max(1e-12);
    let kept = drift * (1.0 - chance / (2.0 * square)).max(0.0);
    mean / (1.0 + kept)
}
