//! Money against a budget of a session, a day or a month.

use std::time::Duration;

use agent_primitives::{Timestamp, Usd};
use serde::{Deserialize, Serialize};

use super::BudgetPeriod;
use super::limit::{Reading, float, level};

/// After which time without a record a session has no budget any more.
const FORGOTTEN: Duration = Duration::from_secs(86_400);
const DAY_NANOS: i64 = 86_400_000_000_000;
const MILLION: i128 = 1_000_000;

#[derive(Debug, Clone)]
pub(super) struct Budget {
    period: BudgetPeriod,
    amount: Usd,
    share: f64,
    /// The share of the amount.
    fire: Usd,
}

/// What was spent in one period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spent {
    /// The first moment of the period.
    from: Timestamp,
    /// The first moment behind it.
    until: Timestamp,
    sum: Usd,
}

impl Budget {
    pub(super) fn new(period: BudgetPeriod, amount: Usd, share: f64) -> Self {
        // Shares are exact to a millionth.
        #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
        let millionths = (share * 1e6).round() as i128;
        let picos = amount.picos().saturating_mul(millionths) / MILLION;
        Self {
            period,
            amount,
            share,
            fire: Usd::from_picos(picos),
        }
    }

    pub(super) fn fresh(&self, now: Timestamp) -> Spent {
        let (from, until) = bounds(self.period, now);
        Spent {
            from,
            until,
            sum: Usd::ZERO,
        }
    }

    pub(super) fn read(&self, spent: &mut Spent, now: Timestamp) -> Reading {
        self.turn(spent, now);
        let is_over = spent.sum >= self.fire;
        let share = float(spent.sum.picos()) / float(self.amount.picos());
        Reading {
            level: level(is_over, is_over),
            value: Some(share),
            limit: self.share,
        }
    }

    /// Whether `at` lies in the period, and the cost counts.
    pub(super) fn add(&self, spent: &mut Spent, cost: Usd, at: Timestamp) -> bool {
        self.turn(spent, at);
        if at < spent.from {
            return false;
        }
        spent.sum += cost;
        if self.period == BudgetPeriod::Session {
            spent.until = spent.until.max(at + FORGOTTEN);
        }
        true
    }

    /// The clock was set back to `now`: a period that is later than it begins anew.
    pub(super) fn rewind(&self, spent: &mut Spent, now: Timestamp) {
        let fresh = self.fresh(now);
        if spent.from > now {
            *spent = fresh;
        } else {
            spent.until = spent.until.min(fresh.until);
        }
    }

    fn turn(&self, spent: &mut Spent, now: Timestamp) {
        if now >= spent.until {
            *spent = self.fresh(now);
        }
    }
}

impl Spent {
    pub(super) fn due(&self) -> Option<Timestamp> {
        (!self.sum.is_zero()).then_some(self.until)
    }
}

/// The first moment of the period that `now` is in, and the first behind it.
fn bounds(period: BudgetPeriod, now: Timestamp) -> (Timestamp, Timestamp) {
    let days = now.unix_nanos().div_euclid(DAY_NANOS);
    let moment = |days: i64| Timestamp::from_unix_nanos(days.saturating_mul(DAY_NANOS));
    match period {
        BudgetPeriod::Session => (Timestamp::from_unix_nanos(i64::MIN), now + FORGOTTEN),
        BudgetPeriod::Day => (moment(days), day_end(now)),
        BudgetPeriod::Month => {
            let (first, behind) = month(days);
            (moment(first), moment(behind))
        }
    }
}

/// The first moment of the day after that of `now`, UTC.
pub(super) const fn day_end(now: Timestamp) -> Timestamp {
    let days = now.unix_nanos().div_euclid(DAY_NANOS);
    Timestamp::from_unix_nanos(days.saturating_add(1).saturating_mul(DAY_NANOS))
}

/// The first day of the month that a day is in and that of the next one, in days since 1970.
const fn month(days: i64) -> (i64, i64) {
    // After Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": the year begins in March, and the months
    // from there begin at (153 m + 2) / 5.
    let of_era = (days + 719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let number = (5 * of_year + 2) / 153;
    let begins = (153 * number + 2) / 5;
    let length = match number {
        // From March: the odd ones of the first half, and all until January but those of 30 days.
        1 | 3 | 6 | 8 => 30,
        11 => {
            let next = year + 1;
            let is_leap = next % 4 == 0 && (next % 100 != 0 || next % 400 == 0);
            28 + is_leap as i64
        }
        _ => 31,
    };
    let first = days - (of_year - begins);
    (first, first + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_where_the_calendar_says_for_four_centuries() {
        let mut first = (0, 31);
        for days in 0..146_097 {
            if days == first.1 {
                first = month(days);
                let text = Timestamp::from_unix_seconds(days * 86_400).to_string();
                // Timestamps end in 2262.
                assert!(days > 106_000 || text.get(8..10) == Some("01"), "{text}");
                assert_eq!(first.0, days);
            }
            assert_eq!(month(days), first, "{days}");
        }
    }

    #[test]
    fn budget_of_a_day_begins_anew_at_midnight() {
        let budget = Budget::new(BudgetPeriod::Day, Usd::from_micros(10_000_000), 0.8);
        let noon = Timestamp::from_unix_seconds(43_200);
        let mut spent = budget.fresh(noon);
        assert!(budget.add(&mut spent, Usd::from_micros(7_999_999), noon));
        assert_eq!(
            budget.read(&mut spent, noon).level,
            super::super::machine::Level::Clear
        );
        assert!(budget.add(&mut spent, Usd::from_micros(1), noon));
        assert_eq!(
            budget.read(&mut spent, noon).level,
            super::super::machine::Level::Over
        );
        let midnight = spent.due().unwrap();
        assert_eq!(midnight, Timestamp::from_unix_seconds(86_400));
        assert_eq!(
            budget.read(&mut spent, midnight).level,
            super::super::machine::Level::Clear
        );
        assert!(
            !budget.add(&mut spent, Usd::from_micros(1), noon),
            "of the day before"
        );
    }
}
