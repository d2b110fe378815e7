//! What is saved in a month, from what was spent in the time that is told.

use std::cmp::Reverse;
use std::time::Duration;

use agent_primitives::{Timestamp, Usd};

use super::{Gain, GainBounds};

const DAY: u128 = 86_400_000_000_000;
const MONTH: u128 = 30 * DAY;

/// The time between the first and the last record.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told(Option<(Timestamp, Timestamp)>);

impl Told {
    pub(super) fn add(&mut self, at: Timestamp) {
        let (first, last) = self.0.unwrap_or((at, at));
        self.0 = Some((first.min(at), last.max(at)));
    }

    pub(super) fn time(self) -> Duration {
        self.0
            .map_or(Duration::ZERO, |(first, last)| last.since(first))
    }

    /// Nanoseconds, at least a day.
    fn nanos(self) -> u128 {
        self.time().as_nanos().max(DAY)
    }

    /// As many in a month.
    pub(super) fn monthly(self, number: u128) -> u128 {
        number.saturating_mul(MONTH) / self.nanos()
    }

    pub(super) fn cost(self, cost: Usd) -> Usd {
        let picos = self.monthly(cost.picos().unsigned_abs());
        let picos = i128::try_from(picos).unwrap_or(i128::MAX);
        Usd::from_picos(if cost.picos() < 0 { -picos } else { picos })
    }

    fn time_of(self, time: Duration) -> Duration {
        let nanos = u64::try_from(self.monthly(time.as_nanos()));
        Duration::from_nanos(nanos.unwrap_or(u64::MAX))
    }

    fn count(self, count: u64) -> u64 {
        u64::try_from(self.monthly(u128::from(count))).unwrap_or(u64::MAX)
    }

    /// Between nothing and all of what was spent; a part of it that is nothing is not told.
    pub(super) fn at_most(self, cost: Usd, time: Duration, turns: u64) -> Gain {
        let cost = (cost > Usd::ZERO).then(|| self.cost(cost));
        Gain {
            cost,
            cost_low: cost.map(|_| Usd::ZERO),
            cost_high: cost,
            time: (!time.is_zero()).then(|| self.time_of(time)),
            turns: (turns > 0).then(|| self.count(turns)),
            bounds: GainBounds::AtMost,
        }
    }
}

impl Gain {
    /// The most money first, then the most time, then the most turns.
    pub(super) fn order(&self) -> impl Ord + use<> {
        (Reverse(self.cost), Reverse(self.time), Reverse(self.turns))
    }
}

/// A part of an amount.
pub(super) fn part(amount: Usd, share: f64) -> Usd {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "an estimate, and a cast keeps to its limits"
    )]
    Usd::from_picos((amount.picos() as f64 * share) as i128)
}
