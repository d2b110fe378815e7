//! Sums of the last minute, in lots of a second.

use std::time::Duration;

use agent_primitives::Monotonic;

use super::totals::{LastMinute, LiveSums};
use crate::rollup::Merge;

/// Lots, and seconds that they cover.
const LOTS: usize = 60;

/// A lot for each second of the last minute, the one under way included.
#[derive(Debug)]
pub(super) struct Minute {
    began: Monotonic,
    /// The second of each lot, and its sums. Those of a second that is over are written over by the one that has its
    /// place a minute later.
    lots: [(u64, LiveSums); LOTS],
}

impl Minute {
    pub(super) fn new(now: Monotonic) -> Self {
        Self {
            began: now,
            lots: [(0, LiveSums::default()); LOTS],
        }
    }

    pub(super) fn add(&mut self, sums: &LiveSums, now: Monotonic) {
        let second = self.second(now);
        let place = usize::try_from(second).unwrap_or(usize::MAX) % LOTS;
        if let Some((of, lot)) = self.lots.get_mut(place) {
            if *of != second {
                (*of, *lot) = (second, LiveSums::default());
            }
            lot.absorb(sums);
        }
    }

    pub(super) fn sums(&self, now: Monotonic) -> LastMinute {
        let second = self.second(now);
        let mut sums = LiveSums::default();
        for (of, lot) in &self.lots {
            if *of <= second && second - of < LOTS as u64 {
                sums.absorb(lot);
            }
        }
        // The second under way has not passed whole, so the lots cover between 59 and 60 of them.
        let passed = now.since(self.began);
        let under_way = Duration::from_nanos(passed.subsec_nanos().into());
        let covered = Duration::from_secs(LOTS as u64 - 1) + under_way;
        LastMinute::new(passed.min(covered), sums)
    }

    /// Counted from the beginning.
    fn second(&self, now: Monotonic) -> u64 {
        now.since(self.began).as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Monotonic {
        Monotonic::from_nanos(7_000_000_123) + Duration::from_millis(millis)
    }

    fn call() -> LiveSums {
        LiveSums {
            model_calls: 1,
            ..LiveSums::default()
        }
    }

    #[test]
    fn a_lot_counts_for_a_minute_and_not_longer() {
        let mut minute = Minute::new(at(0));
        minute.add(&call(), at(500));
        minute.add(&call(), at(30_000));
        assert_eq!(minute.sums(at(59_999)).sums.model_calls, 2);
        assert_eq!(minute.sums(at(60_000)).sums.model_calls, 1);
        assert_eq!(minute.sums(at(90_000)).sums.model_calls, 0);
        // The place of the first, one minute on.
        minute.add(&call(), at(60_100));
        assert_eq!(minute.sums(at(60_100)).sums.model_calls, 2);
        assert_eq!(minute.sums(at(500_000_000)).sums.model_calls, 0);
    }

    #[test]
    fn it_covers_no_more_time_than_has_passed_and_no_less_than_59_seconds_later() {
        let minute = Minute::new(at(0));
        let over = |millis| minute.sums(at(millis)).over.as_millis();
        assert_eq!(
            [0, 1_500, 59_900, 60_250, 3_600_999].map(over),
            [0, 1_500, 59_900, 59_250, 59_999]
        );
    }

    #[test]
    fn a_clock_that_goes_back_counts_in_the_first_second() {
        let mut minute = Minute::new(at(5_000));
        minute.add(&call(), at(0));
        assert_eq!(minute.sums(at(5_000)).sums.model_calls, 1);
    }
}
