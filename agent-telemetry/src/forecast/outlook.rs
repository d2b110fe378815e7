//! Courses of spending from now on, and what they come to by a time.

use agent_primitives::Timestamp;

use super::calendar::{hour_begin, hour_of};
use super::course::{ACTIVE, Courses, Draw, Hourly, Source, TooLittle};
use super::history::{SpendHistory, Spent};
use super::{ForecastBasis, Missing};

/// How many courses.
const COURSES: u64 = 400;
/// Most hours ahead: two months.
const AHEAD: i64 = 62 * 24;
/// Hours ahead that hours alone, without days, say something about; more where more of them are known.
const FROM_HOURS: usize = 24;
/// Hours, and whole days, that are needed.
const HOURS_NEEDED: u64 = 6;
const DAYS_NEEDED: u64 = 4;

/// What may come.
#[derive(Debug)]
pub(super) struct Outlook {
    now: Timestamp,
    pub(super) hourly: Hourly,
    courses: Courses,
    /// What each course comes to up to the end of each hour, one course behind the other.
    sums: Vec<f64>,
    steps: usize,
    seed: u64,
}

impl Outlook {
    /// Up to a time at least, as far as one can see.
    ///
    /// # Errors
    /// What there is too little of.
    pub(super) fn of(
        history: &SpendHistory,
        of: impl Fn(&Spent) -> f64,
        now: Timestamp,
        until: Timestamp,
        seed: u64,
    ) -> Result<Self, Missing> {
        let hourly = history.hourly(now, of);
        if hourly.amounts.iter().all(|it| *it <= 0.0) {
            return Err(Missing::Spending);
        }
        let courses = Courses::of(&hourly).map_err(|little| match little {
            TooLittle::Hours => Missing::Hours {
                have: history.known(now).hours.min(HOURS_NEEDED - 1),
                needed: HOURS_NEEDED,
            },
            TooLittle::ActiveDays(have) => Missing::ActiveDays {
                have: have as u64,
                needed: ACTIVE as u64,
            },
        })?;
        let ahead = hour_of(until)
            .saturating_sub(hour_of(now))
            .clamp(0, AHEAD)
            .saturating_add(1);
        let mut outlook = Self {
            now,
            hourly,
            courses,
            sums: Vec::new(),
            steps: usize::try_from(ahead).unwrap_or(1),
            seed,
        };
        outlook.draw();
        Ok(outlook)
    }

    fn draw(&mut self) {
        let mut hours = vec![0.0; self.steps];
        for number in 0..COURSES {
            // Each has a seed of its own, so that looking further ahead changes nothing of what is nearer.
            let mut draw = Draw::new(self.seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
            self.courses.draw(&mut draw, &mut hours);
            let mut sum = 0.0;
            self.sums.extend(hours.iter().map(|amount| {
                sum = (sum + amount.max(0.0)).min(1e24);
                sum
            }));
        }
    }

    pub(super) fn basis(&self) -> ForecastBasis {
        match self.courses.source() {
            Source::Days(_) => ForecastBasis::Days,
            Source::Hours(_) => ForecastBasis::Hours,
        }
    }

    /// Whole days that it rests on.
    pub(super) fn days(&self) -> u64 {
        match self.courses.source() {
            Source::Days(days) => days as u64,
            Source::Hours(hours) => hours as u64 / 24,
        }
    }

    /// The error is what there is too little of for looking as far as a time.
    pub(super) fn reach(&self, until: Timestamp) -> Result<(), Missing> {
        match self.courses.source() {
            Source::Days(_) => Ok(()),
            Source::Hours(known) => {
                let ahead = until.since(self.now).as_secs() / 3_600;
                if ahead <= known.max(FROM_HOURS) as u64 {
                    return Ok(());
                }
                if known as u64 / 24 >= DAYS_NEEDED {
                    return Err(Missing::ActiveDays {
                        have: self.active_days().min(ACTIVE - 1) as u64,
                        needed: ACTIVE as u64,
                    });
                }
                Err(Missing::Days {
                    have: (known as u64 / 24).min(DAYS_NEEDED - 1),
                    needed: DAYS_NEEDED,
                })
            }
        }
    }

    fn active_days(&self) -> usize {
        let days = self.hourly.amounts.chunks(24);
        days.filter(|day| day.iter().any(|it| *it > 0.0)).count()
    }

    /// Each course by itself.
    pub(super) fn courses(&self) -> impl Iterator<Item = Course<'_>> {
        let now = self.now;
        self.sums
            .chunks(self.steps)
            .map(move |sums| Course { now, sums })
    }

    /// What the courses add up to a time, in order.
    pub(super) fn by(&self, at: Timestamp) -> Vec<f64> {
        self.between(self.now, at)
    }

    /// What they add from one time up to another, in order.
    pub(super) fn between(&self, from: Timestamp, to: Timestamp) -> Vec<f64> {
        let added = self
            .courses()
            .map(|course| (course.by(to) - course.by(from)).max(0.0));
        let mut added: Vec<f64> = added.collect();
        added.sort_by(f64::total_cmp);
        added
    }

    /// What the coming hour may come to, in order, after an hour that came to `last`.
    pub(super) fn next_hour(&self, last: f64) -> Vec<f64> {
        let mut draw = Draw::new(self.seed);
        self.courses.next_hour(last, &self.hourly, &mut draw)
    }
}

/// One course.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course<'o> {
    now: Timestamp,
    sums: &'o [f64],
}

impl Course<'_> {
    /// Where a step begins.
    fn begin(self, step: usize) -> Timestamp {
        if step == 0 {
            return self.now;
        }
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        hour_begin(hour_of(self.now).saturating_add(step))
    }

    /// What it comes to at the beginning of a step.
    fn before(self, step: usize) -> f64 {
        let sum = step.checked_sub(1).and_then(|it| self.sums.get(it));
        sum.copied().unwrap_or(0.0)
    }

    fn step_of(self, at: Timestamp) -> usize {
        let ahead = hour_of(at).saturating_sub(hour_of(self.now)).max(0);
        let last = self.sums.len().saturating_sub(1);
        usize::try_from(ahead).unwrap_or(usize::MAX).min(last)
    }

    /// What it adds from now up to a time; within an hour evenly.
    pub(super) fn by(self, at: Timestamp) -> f64 {
        let step = self.step_of(at);
        let (from, to) = (self.begin(step), self.begin(step + 1));
        let (low, high) = (self.before(step), self.before(step + 1));
        let length = to.since(from).as_secs_f64();
        if length <= 0.0 {
            return high;
        }
        let share = (at.since(from).as_secs_f64() / length).min(1.0);
        share.mul_add(high - low, low)
    }

    /// When it comes to so much: the first time up to `until`.
    pub(super) fn reaches(self, amount: f64, until: Timestamp) -> Option<Timestamp> {
        let step = self.sums.partition_point(|sum| *sum < amount);
        let high = *self.sums.get(step)?;
        let (from, to, low) = (self.begin(step), self.begin(step + 1), self.before(step));
        let at = between(from, to, (amount - low) / (high - low));
        (at < until).then_some(at)
    }

    /// When something passes `limit` that is told at the beginning and the end of each hour: the first time up to
    /// `until`.
    pub(super) fn passes(
        self,
        limit: f64,
        until: Timestamp,
        told: impl Fn(Timestamp, f64) -> f64,
    ) -> Option<Timestamp> {
        let mut low = told(self.now, 0.0);
        for (step, sum) in self.sums.iter().enumerate() {
            let (from, to) = (self.begin(step), self.begin(step + 1).min(until));
            if from >= until {
                return None;
            }
            let sum = if to == until { self.by(until) } else { *sum };
            let high = told(to, sum);
            if high >= limit {
                return Some(between(from, to, (limit - low) / (high - low)));
            }
            low = high;
        }
        None
    }
}

/// At a share of the way; at its beginning where that is none.
fn between(from: Timestamp, to: Timestamp, share: f64) -> Timestamp {
    let share = if share.is_finite() { share } else { 0.0 };
    from + to.since(from).mul_f64(share.clamp(0.0, 1.0))
}
