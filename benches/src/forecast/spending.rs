//! Forecasts of money, from some days of a history on a day of the month by chance.

use std::time::{Duration, Instant};

use agent_primitives::{InvalidId, ModelId, ProviderId, Timestamp, Usd};
use agent_telemetry::{
    Budget, BudgetForecast, BudgetPeriod, BudgetVerdict, BurnRate, CostBand, CostProjection,
    ForecastConfig, Forecaster, ModelCall, Record, SpendHistory,
};
use fastrand::Rng;
use serde::Serialize;

use super::Score;
use super::shapes::{DAY, Shape};

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The money of the next hour; the linear projection is the last one again.
    NextHour,
    /// The money of the day.
    Today,
    /// The money of the month.
    Month,
    /// When a budget of a day runs out.
    DayBudget,
    /// When a budget of a month runs out.
    MonthBudget,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::NextHour,
        Self::Today,
        Self::Month,
        Self::DayBudget,
        Self::MonthBudget,
    ];
}

/// A history of some days, and what came after it.
struct Case {
    /// Dollars of each minute since the first day began.
    minutes: Vec<f64>,
    /// Seconds since 1970 of the first day.
    began: i64,
    /// Minutes since then.
    now: usize,
}

impl Case {
    fn at(&self, minute: usize) -> Timestamp {
        let minute = i64::try_from(minute).unwrap_or(i64::MAX);
        Timestamp::from_unix_seconds(self.began + 60 * minute)
    }

    /// The first minute of a time; zero where it is before the history.
    fn minute(&self, at: Timestamp) -> usize {
        usize::try_from((at.unix_seconds() - self.began) / 60).unwrap_or(0)
    }

    fn sum(&self, from: usize, to: usize) -> f64 {
        self.minutes.get(from..to).map_or(0.0, |it| it.iter().sum())
    }

    /// The minute by which so much is spent from `from` on, `to` where it is not before.
    fn spent_by(&self, from: usize, to: usize, dollars: f64) -> usize {
        let mut sum = self.sum(from, self.now);
        for minute in self.now..to {
            sum += self.minutes.get(minute).copied().unwrap_or(0.0);
            if sum >= dollars {
                return minute;
            }
        }
        to
    }

    fn history(&self, call: &ModelCall) -> SpendHistory {
        let mut history = SpendHistory::new();
        for (minute, dollars) in self.minutes.iter().take(self.now).enumerate() {
            if *dollars > 0.0 {
                let record = Record::new(self.at(minute), call.clone().cost(usd(*dollars)));
                history.add(&record);
            }
        }
        history
    }
}

#[expect(clippy::cast_possible_truncation, reason = "some dollars")]
fn usd(dollars: f64) -> Usd {
    Usd::from_picos((dollars * 1e12) as i128)
}

#[expect(clippy::cast_precision_loss, reason = "some dollars")]
fn dollars(amount: Usd) -> f64 {
    amount.picos() as f64 / 1e12
}

#[expect(clippy::cast_precision_loss, reason = "some minutes")]
const fn real(minutes: usize) -> f64 {
    minutes as f64
}

/// The scores of each shape, in the order of [`Kind::ALL`], over so many cases with so many days of history.
///
/// # Errors
/// None but from names that are none.
pub fn spending(
    rng: &mut Rng,
    days: usize,
    cases: u32,
) -> Result<Vec<(Shape, [Score; 5])>, InvalidId> {
    let call = ModelCall::new(
        ProviderId::new("claude")?,
        ModelId::new("claude-haiku-4-5")?,
    );
    let scores = Shape::ALL.map(|shape| {
        let mut scores = [Score::default(); 5];
        for number in 0..cases {
            let case = case(rng, shape, days);
            tell(rng, &case, &call, u64::from(number), &mut scores);
        }
        (shape, scores)
    });
    Ok(scores.into())
}

fn case(rng: &mut Rng, shape: Shape, days: usize) -> Case {
    // Some time of 2026.
    let first = 20_454 + rng.i64(0..365);
    // From three days to three weeks ago.
    let ago = 3 + rng.usize(..days.clamp(4, 22) - 3);
    Case {
        minutes: shape.minutes(rng, days + 33, first, days.saturating_sub(ago)),
        began: first * 86_400,
        now: days * DAY + rng.usize(..DAY),
    }
}

fn tell(rng: &mut Rng, case: &Case, call: &ModelCall, seed: u64, scores: &mut [Score; 5]) {
    let (history, now) = (case.history(call), case.at(case.now));
    let [hour, today, month, of_day, of_month] = scores;
    if let Some(told) = BurnRate::of(&history, now, seed).next_hour {
        let (before, after) = (case.now - 60, case.now + 60);
        let last = case.sum(before, case.now);
        add(hour, &told, 0.0, last, case.sum(case.now, after));
    }
    let projection = CostProjection::of(&history, now, seed);
    for (score, told) in [(today, &projection.today), (month, &projection.month)] {
        if let Some(total) = told.total {
            let [from, to] = [told.period.from(), told.period.to()].map(|at| case.minute(at));
            let rate = case.sum(from, case.now) / real((case.now - from).max(1));
            let spent = case.sum(from, case.now);
            add(
                score,
                &total,
                spent,
                rate * real(to - from),
                case.sum(from, to),
            );
        }
    }
    let week = DAY * 7.min(case.now / DAY).max(1);
    let a_day = case.sum(case.now - week, case.now) / real(week / DAY);
    for (score, period, days) in [
        (of_day, BudgetPeriod::Day, 0.2 + rng.f64()),
        (
            of_month,
            BudgetPeriod::Month,
            30.0 * (0.3 + 0.9 * rng.f64()),
        ),
    ] {
        let budget = Budget::new(usd(a_day * days), period);
        let told = BudgetForecast::of(&history, &budget, now, seed);
        if told.probability.is_none() || told.verdict == BudgetVerdict::Exhausted {
            continue;
        }
        let [from, to] = [told.from, told.until].map(|at| case.minute(at));
        let end = case.spent_by(from, to, a_day * days);
        let rate = case.sum(from, case.now) / real((case.now - from).max(1));
        let left = a_day * days - case.sum(from, case.now);
        let linear = if rate > 0.0 {
            (real(case.now) + left / rate).min(real(to))
        } else {
            real(to)
        };
        // As parts of the period, so that days and months count alike.
        let length = told.until.since(told.from).as_secs_f64() / 60.0;
        let middle = told.middle.map_or(to, |at| case.minute(at));
        let parts = [real(middle), linear, real(end)].map(|it| it / length);
        score.point(parts[0], parts[1], parts[2]);
        // Whether it holds what comes can be said where both bounds are before the end.
        if let (Some(earliest), Some(latest)) = (told.earliest, told.latest) {
            let [low, high] =
                [earliest, latest + Duration::from_secs(59)].map(|it| case.minute(it));
            let end = if end == to { f64::INFINITY } else { real(end) };
            score.interval(real(low), end, real(high));
        }
    }
}

/// Where nothing more comes in more than a tenth of the cases, nothing can be less than the lower bound, so that
/// whether the interval holds what it is to cannot be counted.
fn add(score: &mut Score, told: &CostBand, spent: f64, linear: f64, came: f64) {
    let [low, middle, high] = [told.low, told.middle, told.high].map(dollars);
    if low > spent + 1e-6 {
        // Sums of minutes are not exact.
        score.interval(low - 1e-9, came, high + 1e-9);
    }
    score.point(middle, linear, came);
}

/// How long a report takes over a month of hours, in milliseconds: the middle of 51.
///
/// # Errors
/// None but from names that are none.
pub fn report_ms(rng: &mut Rng) -> Result<f64, InvalidId> {
    let call = ModelCall::new(
        ProviderId::new("claude")?,
        ModelId::new("claude-haiku-4-5")?,
    );
    let case = case(rng, Shape::Office, 30);
    let mut forecaster = Forecaster::new();
    for (minute, dollars) in case.minutes.iter().take(case.now).enumerate() {
        if *dollars > 0.0 {
            let call = call.clone().cost(usd(*dollars));
            forecaster.add(&Record::new(case.at(minute), call));
        }
    }
    let config = ForecastConfig::default()
        .budget(Budget::new(usd(50.0), BudgetPeriod::Day))
        .budget(Budget::new(usd(1_000.0), BudgetPeriod::Month));
    let now = case.at(case.now);
    let mut times: Vec<f64> = (0..51)
        .map(|_| {
            let began = Instant::now();
            std::hint::black_box(forecaster.report(now, &config));
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    Ok(times.get(25).copied().unwrap_or(0.0))
}
