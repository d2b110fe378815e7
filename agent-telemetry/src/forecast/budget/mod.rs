//! When a budget runs out.

mod parse;
mod session;

use agent_primitives::{SessionId, Timestamp, Usd};
use serde::{Deserialize, Serialize};

use super::history::{SpendHistory, money};
use super::number::{length, quantiles};
use super::outlook::Outlook;
use super::{Missing, calendar};
use crate::Period;
use crate::report::sheet::dollars;
use crate::words::words;

pub use parse::InvalidBudget;
pub(super) use session::SessionCalls;

/// Most hours of a rolling window: 31 days.
const ROLLING_MOST: u32 = 31 * 24;

/// For how long a budget is.
///
/// ```
/// use agent_telemetry::BudgetPeriod;
///
/// let period: BudgetPeriod = serde_json::from_str(r#"{"rolling":{"hours":5}}"#)?;
/// assert_eq!(period, BudgetPeriod::Rolling { hours: 5 });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BudgetPeriod {
    /// A session, each for itself.
    Session,
    /// From midnight to midnight, UTC.
    Day,
    /// A month of the calendar, UTC.
    Month,
    /// So many hours up to any time.
    Rolling {
        /// How many; at least 1 and at most 744.
        hours: u32,
    },
}

/// So much money for so long.
///
/// Written as an amount and a period: `50usd/day`, `$900/month`, `20/5h`, `150/7d`, `3/session`.
///
/// ```
/// use agent_telemetry::{Budget, BudgetPeriod};
///
/// let budget: Budget = "50usd/day".parse()?;
/// assert_eq!(budget, Budget::new("50".parse()?, BudgetPeriod::Day));
/// assert_eq!(budget.to_string(), "$50.00/day");
/// assert!("50/fortnight".parse::<Budget>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Budget {
    /// How much; what is not more than nothing has run out.
    pub amount: Usd,
    /// For how long.
    pub period: BudgetPeriod,
}

impl Budget {
    /// Of an amount for a period.
    pub const fn new(amount: Usd, period: BudgetPeriod) -> Self {
        Self { amount, period }
    }

    /// How far a forecast looks.
    pub(super) fn until(&self, now: Timestamp) -> Timestamp {
        self.around(now).to()
    }

    /// When the period begins that `now` is in, and when it ends. A rolling window has none of what is in it now
    /// when it ends.
    fn around(&self, now: Timestamp) -> Period {
        match self.period {
            BudgetPeriod::Session => Period::new(now, now),
            BudgetPeriod::Day => calendar::day(now),
            BudgetPeriod::Month => calendar::month(now),
            BudgetPeriod::Rolling { hours } => {
                let length =
                    std::time::Duration::from_secs(3_600 * u64::from(hours.clamp(1, ROLLING_MOST)));
                Period::new(now - length, now + length)
            }
        }
    }
}

words! {
    /// What is to be expected of a budget.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::BudgetVerdict::MayRunOut.as_str(), "may_run_out");
    /// ```
    BudgetVerdict {
        /// Nothing is left of it.
        Exhausted = "exhausted",
        /// It runs out before its period ends, in at least 90 of 100 cases.
        RunsOut = "runs_out",
        /// It runs out before its period ends in some cases and not in others.
        MayRunOut = "may_run_out",
        /// It lasts until its period ends, in at least 90 of 100 cases.
        Lasts = "lasts",
        /// There is too little to tell it from.
        NotEnoughData = "not_enough_data",
    }
}

/// When a budget runs out, or that it does not before its period ends.
///
/// Times are `None` where that many cases do not run out before [`until`](field@Self::until): with
/// `earliest` and no `latest`, it runs out in more than 10 and less than 90 of 100 cases.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{Budget, BudgetForecast, BudgetVerdict, SpendHistory};
///
/// let now = Timestamp::from_unix_seconds(1_795_219_200);
/// let budget: Budget = "50usd/day".parse()?;
/// let forecast = BudgetForecast::of(&SpendHistory::new(), &budget, now, 7);
/// assert_eq!(forecast.verdict, BudgetVerdict::NotEnoughData);
/// assert_eq!(forecast.left, budget.amount);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BudgetForecast {
    /// Which budget.
    pub budget: Budget,
    /// Of which session, where it is for sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// When its period began.
    pub from: Timestamp,
    /// When its period ends and it is whole again; for a session and a rolling window, how far the forecast
    /// looks.
    pub until: Timestamp,
    /// What was spent of it, calls without a known price not among it.
    pub spent: Usd,
    /// What is left; never less than nothing.
    pub left: Usd,
    /// What is to be expected.
    pub verdict: BudgetVerdict,
    /// In which share of cases it runs out before `until`, from 0 to 1; `None` where it is not known.
    pub probability: Option<f64>,
    /// By when it has run out in 10 of 100 cases.
    pub earliest: Option<Timestamp>,
    /// By when it has run out in half of the cases.
    pub middle: Option<Timestamp>,
    /// By when it has run out in 90 of 100 cases.
    pub latest: Option<Timestamp>,
    /// What there is too little of, where there is.
    pub missing: Option<Missing>,
}

impl BudgetForecast {
    /// Of a day, a month or a rolling window. What is drawn depends on `seed` alone. A budget for sessions says
    /// that there is not enough data: see [`ForecastReport`](crate::ForecastReport).
    pub fn of(history: &SpendHistory, budget: &Budget, now: Timestamp, seed: u64) -> Self {
        let until = budget.until(now);
        let outlook = Outlook::of(history, money, now, until, seed);
        Self::with(history, budget, now, outlook.as_ref().map_err(|it| *it))
    }

    pub(super) fn with(
        history: &SpendHistory,
        budget: &Budget,
        now: Timestamp,
        outlook: Result<&Outlook, Missing>,
    ) -> Self {
        let around = budget.around(now);
        let mut forecast = Self::fresh(budget, around);
        forecast.spend(history.spent(around.from(), now));
        if forecast.verdict == BudgetVerdict::Exhausted {
            return forecast;
        }
        if budget.period == BudgetPeriod::Session {
            forecast.missing = Some(Missing::Calls { have: 0, needed: 1 });
            return forecast;
        }
        let seen = outlook.and_then(|it| it.reach(around.to()).map(|()| it));
        match seen {
            Ok(outlook) => forecast.tell(times(history, budget, around, now, outlook)),
            Err(missing) => forecast.missing = Some(missing),
        }
        forecast
    }

    const fn fresh(budget: &Budget, around: Period) -> Self {
        Self {
            budget: *budget,
            session: None,
            from: around.from(),
            until: around.to(),
            spent: Usd::ZERO,
            left: budget.amount,
            verdict: BudgetVerdict::NotEnoughData,
            probability: None,
            earliest: None,
            middle: None,
            latest: None,
            missing: None,
        }
    }

    fn spend(&mut self, spent: Usd) {
        self.spent = spent;
        self.left = (self.budget.amount - spent).max(Usd::ZERO);
        if self.left.is_zero() {
            self.verdict = BudgetVerdict::Exhausted;
            self.probability = Some(1.0);
        }
    }

    /// From when it runs out in each of the cases.
    fn tell(&mut self, times: Vec<Option<Timestamp>>) {
        let cases = length(times.len());
        let mut seconds: Vec<f64> = times
            .into_iter()
            .map(|at| at.map_or(f64::INFINITY, |at| at.since(self.from).as_secs_f64()))
            .collect();
        let out = length(seconds.iter().filter(|it| it.is_finite()).count());
        // Of all cases none or every one is not certain.
        let probability = (out + 0.5) / (cases + 1.0);
        seconds.sort_by(f64::total_cmp);
        let known = |it: f64| {
            let after = std::time::Duration::try_from_secs_f64(it).ok()?;
            Some((self.from + after).min(self.until))
        };
        let [earliest, middle, latest] = quantiles(&seconds).map_or([None; 3], |it| it.map(known));
        (self.earliest, self.middle, self.latest) = (earliest, middle, latest);
        self.probability = Some(probability);
        self.verdict = match probability {
            0.9.. => BudgetVerdict::RunsOut,
            0.1.. => BudgetVerdict::MayRunOut,
            _ => BudgetVerdict::Lasts,
        };
    }
}

/// When it runs out in each course.
fn times(
    history: &SpendHistory,
    budget: &Budget,
    around: Period,
    now: Timestamp,
    outlook: &Outlook,
) -> Vec<Option<Timestamp>> {
    let limit = dollars(budget.amount);
    let until = around.to();
    if !matches!(budget.period, BudgetPeriod::Rolling { .. }) {
        let left = limit - dollars(history.spent(around.from(), now));
        let courses = outlook.courses();
        return courses.map(|course| course.reaches(left, until)).collect();
    }
    // What leaves a rolling window is the same in all courses.
    let window = now.since(around.from());
    let hours = (0..=window.as_secs() / 3_600 + 1).map(|ahead| {
        let hour = calendar::hour_of(now).saturating_add(i64::try_from(ahead).unwrap_or(0));
        let at = calendar::hour_begin(hour).clamp(now, until);
        (at, dollars(history.spent(at - window, now)))
    });
    let left: Vec<(Timestamp, f64)> = hours.collect();
    let told = |at: Timestamp, more: f64| {
        let place = left.partition_point(|(known, _)| *known < at);
        more + left.get(place).map_or(0.0, |(_, spent)| *spent)
    };
    outlook
        .courses()
        .map(|course| course.passes(limit, until, told))
        .collect()
}
