//! Letting those who waited through a block go one after the other.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A ramp that begins when a block ends. Only the first in line and whoever blocks look at it.
#[derive(Debug)]
pub(super) struct Pace {
    ramp: u64,
    now: Mutex<Ramp>,
}

/// The ramp under way: `size` callers, of whom `gone` went, evenly spread from `from` on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Ramp {
    from: u64,
    size: u64,
    gone: u64,
}

impl Ramp {
    /// Whoever waits then is to be spread.
    const fn from(from: u64) -> Self {
        Self {
            from,
            size: u64::MAX,
            gone: 0,
        }
    }

    /// When the next may go, if the ramp is not over.
    fn next(self, ramp: u64) -> Option<u64> {
        if self.gone >= self.size {
            return None;
        }
        let share = u128::from(ramp) * u128::from(self.gone) / u128::from(self.size);
        Some(
            self.from
                .saturating_add(u64::try_from(share).unwrap_or(ramp)),
        )
    }
}

impl Pace {
    pub(super) fn new(ramp: Duration) -> Self {
        Self {
            ramp: u64::try_from(ramp.as_nanos()).unwrap_or(u64::MAX),
            now: Mutex::default(),
        }
    }

    fn now(&self) -> MutexGuard<'_, Ramp> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block lasts until `until`; who waits then goes over the ramp that begins there.
    pub(super) fn blocked_until(&self, until: u64) {
        let mut ramp = self.now();
        // Of two who block at the same moment, the one that comes second here may ask for less.
        if until > ramp.from {
            *ramp = Ramp::from(until);
        }
    }

    /// A block ended at `now` and not when it was to; the ramp begins here.
    pub(super) fn unblocked(&self, now: u64) {
        *self.now() = Ramp::from(now);
    }

    /// Nanoseconds that the first of `waiting` callers has to wait at `now`; 0 when it may go.
    pub(super) fn hold(&self, waiting: usize, now: u64) -> u64 {
        let mut ramp = self.now();
        if ramp.size == u64::MAX && now >= ramp.from {
            // Those who wait when the block ends are the ones to spread.
            ramp.size = u64::try_from(waiting).unwrap_or(u64::MAX - 1);
        }
        match ramp.next(self.ramp) {
            Some(next) if next > now && ramp.gone > 0 => next - now,
            _ => 0,
        }
    }

    /// The first in line went.
    pub(super) fn went(&self) {
        let mut ramp = self.now();
        if ramp.size != u64::MAX {
            ramp.gone = ramp.gone.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_waited_go_evenly_spread_and_later_ones_at_once() {
        let pace = Pace::new(Duration::from_nanos(100));
        assert_eq!(pace.hold(4, 0), 0, "no block, no ramp");
        pace.blocked_until(1_000);
        let gone: Vec<u64> = [1_000, 1_025, 1_050, 1_075]
            .into_iter()
            .map(|at| {
                let early = pace.hold(4, at - 1);
                let hold = pace.hold(4, at);
                pace.went();
                early.max(hold * 1_000)
            })
            .collect();
        assert_eq!(gone, [0, 1, 1, 1], "each at its moment and not before");
        assert_eq!(pace.hold(9, 1_076), 0, "the ramp is over");
    }

    #[test]
    fn a_shorter_block_that_comes_late_leaves_the_ramp_where_the_longer_one_ends() {
        let pace = Pace::new(Duration::from_nanos(100));
        pace.blocked_until(2_000);
        pace.blocked_until(1_000);
        assert_eq!(pace.hold(2, 2_000), 0);
        pace.went();
        assert_eq!(pace.hold(1, 2_000), 50);
    }

    #[test]
    fn a_second_block_begins_a_new_ramp() {
        let pace = Pace::new(Duration::from_nanos(100));
        pace.blocked_until(1_000);
        assert_eq!(pace.hold(2, 1_000), 0);
        pace.went();
        pace.blocked_until(5_000);
        assert_eq!(pace.hold(10, 5_000), 0);
        pace.went();
        assert_eq!(pace.hold(9, 5_000), 10);
    }
}
