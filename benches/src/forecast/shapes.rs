//! Simulated spending: sessions that begin by chance, last for a while and cost unevenly much, minute by minute.

use fastrand::Rng;

use super::{lognormal, normal};

/// Minutes of a day.
pub(super) const DAY: usize = 1_440;

/// How spending goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Around the clock, on all days alike.
    Steady,
    /// On weekdays from eight to six, with a break at noon.
    Office,
    /// As in the office, and two percent more from day to day.
    Growing,
    /// From seven to nine, much on Mondays and little on Sundays.
    Weekly,
    /// As in the office; one day it is two to four times as much, or as little.
    Sudden,
}

impl Shape {
    pub(super) const ALL: [Self; 5] = [
        Self::Steady,
        Self::Office,
        Self::Growing,
        Self::Weekly,
        Self::Sudden,
    ];

    /// As it stands in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Office => "office hours",
            Self::Growing => "growing",
            Self::Weekly => "weekly",
            Self::Sudden => "sudden change",
        }
    }

    /// Dollars of each minute. The first day is a day since 1970; everything changes on `change` at the latest.
    pub(super) fn minutes(self, rng: &mut Rng, days: usize, first: i64, change: usize) -> Vec<f64> {
        let mut minutes = vec![0.0; days * DAY];
        let base = 0.5 + rng.f64();
        let factor = 2.0 + 2.0 * rng.f64();
        let factor = if rng.bool() { factor } else { 1.0 / factor };
        let mut level = base;
        for day in 0..days {
            let weekday =
                usize::try_from((first + i64::try_from(day).unwrap_or(0) + 3).rem_euclid(7))
                    .unwrap_or(0);
            if self == Self::Growing {
                level *= 1.02;
            }
            if self == Self::Sudden && day == change {
                level *= factor;
            }
            let today = level * lognormal(rng, 0.25) * self.of_weekday(weekday);
            for hour in 0..24 {
                for _ in 0..poisson(rng, today * self.of_hour(weekday, hour)) {
                    let from = day * DAY + hour * 60 + rng.usize(..60);
                    session(rng, &mut minutes, from);
                }
            }
        }
        minutes
    }

    fn of_weekday(self, weekday: usize) -> f64 {
        match self {
            Self::Weekly => [1.5, 1.2, 1.0, 0.9, 0.6, 0.3, 0.2]
                .get(weekday)
                .copied()
                .unwrap_or(1.0),
            _ => 1.0,
        }
    }

    /// Sessions that begin in an hour.
    const fn of_hour(self, weekday: usize, hour: usize) -> f64 {
        match (self, hour) {
            (Self::Steady, _) => 2.0,
            (Self::Weekly, 7..21) => 3.0,
            (Self::Weekly, _) => 0.6,
            _ if weekday >= 5 => 0.04,
            (_, 12) => 1.2,
            (_, 8..18) => 3.0,
            (_, 18..22) => 0.4,
            _ => 0.05,
        }
    }
}

/// Half an hour or so, and half a dollar or so, in calls.
fn session(rng: &mut Rng, minutes: &mut [f64], from: usize) {
    let length = 8.0 + 25.0 * lognormal(rng, 0.8);
    let cost = 0.4 * lognormal(rng, 0.9);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some minutes"
    )]
    let length = (length as usize).clamp(2, 600);
    let calls = length / 2;
    #[expect(clippy::cast_precision_loss, reason = "some calls")]
    let each = cost / calls as f64;
    for _ in 0..calls {
        if let Some(minute) = minutes.get_mut(from + rng.usize(..length)) {
            *minute += each;
        }
    }
}

/// By Knuth.
fn poisson(rng: &mut Rng, mean: f64) -> usize {
    if mean > 30.0 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some sessions"
        )]
        return mean.sqrt().mul_add(normal(rng), mean).max(0.0) as usize;
    }
    let (limit, mut product, mut number) = ((-mean).exp(), rng.f64(), 0);
    while product > limit {
        product *= rng.f64();
        number += 1;
    }
    number
}
