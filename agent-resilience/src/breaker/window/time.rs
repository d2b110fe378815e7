//! The calls of a time that slides, in fifteen atomic words a shard.

use std::time::Duration;

use agent_primitives::Monotonic;

use super::super::atomics::{AtomicU64, Ordering};
use super::recip::Reciprocal;
use super::shard::{SLICES, Shards};
use super::{Ended, Tally};

const SPAN: u64 = SLICES as u64;
const COUNT_BITS: u32 = 20;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const FAILED_SHIFT: u32 = COUNT_BITS;
const EPOCH_SHIFT: u32 = 2 * COUNT_BITS;
const EPOCH_MASK: u64 = (1 << (64 - EPOCH_SHIFT)) - 1;
/// A slice this far ahead of a call was begun by others while the call was being counted: some seventy
/// windows. One further ahead is older than epochs reach, and no call may be kept from counting by it.
const LATE_MAX: u64 = 1 << 10;
/// Far enough below the top of a count that no addition that is under way when it is reached can spill
/// into the next field: each thread adds 255 at most.
const COUNT_MAX: u64 = COUNT_MASK - (1 << 12);

/// Each slice stamps its counts with the epoch in which it was last written: the fifteenth of the window,
/// counted on by more than a window with each generation. So an old slice is recognised when it is met,
/// and nothing has to expire it. A slice takes about a million calls, after which the rate in it is as good
/// as known and no more are counted.
#[derive(Debug)]
pub(in super::super) struct TimeWindow {
    slice: Reciprocal,
    /// Slow calls, in the place of the calls.
    slow: Option<Box<Shards>>,
}

impl TimeWindow {
    pub(super) fn new(length: Duration, slow: bool) -> Self {
        let nanos = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        Self {
            slice: Reciprocal::of(nanos / SPAN),
            slow: slow.then(|| Box::new(Shards::new())),
        }
    }

    /// The slice of `now`, and its epoch. Wraps after 2²⁴ slices: one that nobody touched for a million
    /// windows may be taken for a fresh one, once.
    #[inline]
    fn place(&self, generation: u64, now: Monotonic) -> (usize, u64) {
        // From 1, so that a word of zeros is an old one.
        let slice = self.slice.divide(now.nanos()) + 1;
        let epoch = slice.wrapping_add(generation.wrapping_mul(SPAN + 1)) & EPOCH_MASK;
        let place = (slice % SPAN) as usize;
        (place, epoch)
    }

    #[inline]
    pub(in super::super) fn record(
        &self,
        shards: &Shards,
        generation: u64,
        ended: Ended,
        now: Monotonic,
    ) {
        let (place, epoch) = self.place(generation, now);
        let count = |shards: &Shards, calls: u16, failed: u16| {
            if let Some(slice) = shards.own().and_then(|shard| shard.slices.get(place)) {
                add(
                    slice,
                    epoch,
                    u64::from(calls) | u64::from(failed) << FAILED_SHIFT,
                );
            }
        };
        count(shards, ended.calls(), ended.failures);
        if let Some(slow) = self.slow.as_deref().filter(|_| ended.slow) {
            count(slow, ended.calls(), 0);
        }
    }

    pub(super) fn tally(&self, shards: &Shards, generation: u64, now: Monotonic) -> Tally {
        let (_, epoch) = self.place(generation, now);
        let (calls, failed) = sum(shards, epoch);
        let slow = self.slow.as_deref().map_or(0, |slow| sum(slow, epoch).0);
        Tally {
            calls,
            failed,
            slow,
        }
    }
}

#[inline]
fn add(slice: &AtomicU64, epoch: u64, counts: u64) {
    let bits = slice.load(Ordering::Relaxed);
    if bits >> EPOCH_SHIFT == epoch && bits & COUNT_MASK < COUNT_MAX {
        // Between the two the slice may have been begun anew, a window later: then one call counts
        // there. Adding is nearly twice as fast as a loop that rules it out.
        slice.fetch_add(counts, Ordering::Relaxed);
    } else {
        begin(slice, epoch, counts);
    }
}

/// The first call of a slice, or one that finds it full or ahead.
#[cold]
fn begin(slice: &AtomicU64, epoch: u64, counts: u64) {
    let _ = slice.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| {
        let ahead = (bits >> EPOCH_SHIFT).wrapping_sub(epoch) & EPOCH_MASK;
        if ahead == 0 {
            (bits & COUNT_MASK < COUNT_MAX).then_some(bits + counts)
        } else if bits != 0 && ahead < LATE_MAX {
            // The call took so long to be counted that its time is over.
            None
        } else {
            Some(epoch << EPOCH_SHIFT | counts)
        }
    });
}

/// Calls and failed ones.
fn sum(shards: &Shards, epoch: u64) -> (u64, u64) {
    let slices = shards.all().iter().flat_map(|shard| &shard.slices);
    slices.fold((0, 0), |(calls, failed), slice| {
        let bits = slice.load(Ordering::Relaxed);
        let age = epoch.wrapping_sub(bits >> EPOCH_SHIFT) & EPOCH_MASK;
        if bits == 0 || age >= SPAN {
            return (calls, failed);
        }
        (
            calls + (bits & COUNT_MASK),
            failed + (bits >> FAILED_SHIFT & COUNT_MASK),
        )
    })
}

#[cfg(all(test, not(agent_model)))]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const SUCCESS: Ended = Ended {
        failures: 0,
        slow: false,
    };
    const FAILURE: Ended = Ended {
        failures: 1,
        slow: false,
    };

    fn at(seconds: u64) -> Monotonic {
        Monotonic::from_nanos(seconds * SECOND)
    }

    struct Counted(TimeWindow, Shards);

    impl Counted {
        fn over(length: Duration) -> Self {
            Self(TimeWindow::new(length, true), Shards::new())
        }
        fn record(&self, generation: u64, ended: Ended, second: u64) {
            self.0.record(&self.1, generation, ended, at(second));
        }
        fn tally(&self, generation: u64, second: u64) -> (u64, u64, u64) {
            let tally = self.0.tally(&self.1, generation, at(second));
            (tally.calls, tally.failed, tally.slow)
        }
    }

    #[test]
    fn old_calls_leave_the_window_a_fifteenth_at_a_time() {
        let window = Counted::over(Duration::from_secs(15));
        for second in 0..15 {
            let ended = if second < 4 { FAILURE } else { SUCCESS };
            window.record(0, ended, second);
        }
        assert_eq!(window.tally(0, 14), (15, 4, 0));
        assert_eq!(window.tally(0, 16), (13, 2, 0));
        assert_eq!(window.tally(0, 28), (1, 0, 0));
        assert_eq!(window.tally(0, 29), (0, 0, 0));
        assert_eq!(window.tally(0, 1_000_000), (0, 0, 0));
    }

    #[test]
    fn a_slice_is_begun_anew_when_it_is_used_again() {
        let window = Counted::over(Duration::from_secs(15));
        window.record(0, FAILURE, 3);
        window.record(0, SUCCESS, 18);
        assert_eq!(window.tally(0, 18), (1, 0, 0));
    }

    #[test]
    fn a_new_generation_counts_from_zero_and_the_old_one_cannot_add_to_it() {
        let window = Counted::over(Duration::from_secs(15));
        window.record(0, FAILURE, 3);
        assert_eq!(window.tally(1, 3), (0, 0, 0));
        window.record(1, SUCCESS, 3);
        window.record(0, FAILURE, 3);
        assert_eq!(window.tally(1, 3), (1, 0, 0));
    }

    #[test]
    fn a_weighty_failure_counts_as_several_calls() {
        let window = Counted::over(Duration::from_secs(15));
        let heavy = Ended {
            failures: 3,
            slow: true,
        };
        window.record(0, heavy, 1);
        window.record(0, SUCCESS, 1);
        assert_eq!(window.tally(0, 1), (4, 3, 3));
    }

    #[test]
    fn a_full_slice_takes_no_more_and_does_not_spill_into_its_neighbour_field() {
        let window = Counted::over(Duration::from_secs(15));
        for _ in 0..=COUNT_MASK {
            window.record(0, FAILURE, 0);
        }
        assert_eq!(window.tally(0, 0), (COUNT_MAX, COUNT_MAX, 0));
    }

    #[test]
    fn a_zero_or_endless_window_does_not_divide_by_zero() {
        for length in [Duration::ZERO, Duration::MAX] {
            let window = Counted::over(length);
            window.record(0, FAILURE, 1);
            assert_eq!(window.tally(0, 1), (1, 1, 0));
        }
    }
}
