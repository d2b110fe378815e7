//! The last calls, one bit each.

use std::num::NonZeroU16;

use super::super::atomics::{AtomicU64, Ordering};
use super::super::config::BreakerWindow;
use super::recip::Reciprocal;
use super::{Ended, Tally};

const GENERATION_SHIFT: u32 = 34;
const PLACE_MASK: u64 = (1 << GENERATION_SHIFT) - 1;
/// Places are counted back to where they began before they reach the generation.
const PLACE_MAX: u64 = PLACE_MASK / 2;
const GENERATION_HALF: u64 = 1 << (64 - GENERATION_SHIFT - 1);

/// A ring of bits. A call takes the next place and then writes it, so that a count is exact when no call
/// is between the two, and else wrong by those that are.
#[derive(Debug)]
pub(in super::super) struct CallWindow {
    length: u64,
    by_length: Reciprocal,
    /// A generation, and the places taken in it. Bits beyond those places are of an older one.
    taken: AtomicU64,
    failed: Box<[AtomicU64]>,
    slow: Option<Box<[AtomicU64]>>,
}

impl CallWindow {
    pub(super) fn new(calls: NonZeroU16, slow: bool) -> Self {
        let length = u64::from(calls.get().min(BreakerWindow::CALLS_MAX));
        let ring = || {
            (0..length.div_ceil(64))
                .map(|_| AtomicU64::new(0))
                .collect()
        };
        Self {
            length,
            by_length: Reciprocal::of(length),
            taken: AtomicU64::new(0),
            failed: ring(),
            slow: slow.then(ring),
        }
    }

    pub(in super::super) fn length(&self) -> u64 {
        self.length
    }

    #[inline]
    pub(in super::super) fn record(&self, generation: u64, ended: Ended) {
        let calls = u64::from(ended.calls());
        let Some(first) = self.take(generation, calls) else {
            return;
        };
        // More than the ring has room for overwrite each other.
        for place in first..first + calls.min(self.length) {
            let place = self.place(place);
            write(&self.failed, place, ended.failures > 0);
            if let Some(slow) = &self.slow {
                write(slow, place, ended.slow);
            }
        }
    }

    /// Where in the ring a place lies.
    #[inline]
    fn place(&self, taken: u64) -> u64 {
        match self.length {
            1 => 0,
            length => taken - self.by_length.divide(taken) * length,
        }
    }

    /// The first of so many places; `None` for a generation that is over.
    #[inline]
    fn take(&self, generation: u64, calls: u64) -> Option<u64> {
        let taken = self.taken.load(Ordering::Relaxed);
        if taken >> GENERATION_SHIFT == generation && taken & PLACE_MASK < PLACE_MAX {
            let taken = self.taken.fetch_add(calls, Ordering::Relaxed);
            let current = taken >> GENERATION_SHIFT == generation;
            // Else the generation changed between the two: one more place is taken there, which holds
            // whatever was written to it last.
            return current.then_some(taken & PLACE_MASK);
        }
        self.begin(generation, calls)
    }

    #[cold]
    fn begin(&self, generation: u64, calls: u64) -> Option<u64> {
        let mut first = 0;
        let moved = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                let ahead = (taken >> GENERATION_SHIFT).wrapping_sub(generation)
                    & (2 * GENERATION_HALF - 1);
                first = match ahead {
                    0 if taken & PLACE_MASK < PLACE_MAX => taken & PLACE_MASK,
                    0 => self.length + (taken & PLACE_MASK) % self.length,
                    ahead if ahead < GENERATION_HALF => return None,
                    _ => 0,
                };
                Some(generation << GENERATION_SHIFT | (first + calls))
            });
        moved.is_ok().then_some(first)
    }

    pub(super) fn tally(&self, generation: u64) -> Tally {
        let taken = self.taken.load(Ordering::Relaxed);
        if taken >> GENERATION_SHIFT != generation {
            return Tally::default();
        }
        let calls = (taken & PLACE_MASK).min(self.length);
        Tally {
            calls,
            failed: count(&self.failed, calls),
            slow: self.slow.as_ref().map_or(0, |slow| count(slow, calls)),
        }
    }
}

/// Writes only where the bit is another one: most calls are like those before them.
#[inline]
fn write(ring: &[AtomicU64], place: u64, set: bool) {
    let index = usize::try_from(place / 64).unwrap_or(usize::MAX);
    let Some(word) = ring.get(index) else { return };
    let mask = 1 << (place % 64);
    if (word.load(Ordering::Relaxed) & mask != 0) == set {
        return;
    }
    if set {
        word.fetch_or(mask, Ordering::Relaxed);
    } else {
        word.fetch_and(!mask, Ordering::Relaxed);
    }
}

/// The bits set among the first `calls`.
fn count(ring: &[AtomicU64], calls: u64) -> u64 {
    let mut left = calls;
    ring.iter().fold(0, |count, word| {
        let mask = if left >= 64 {
            u64::MAX
        } else {
            (1 << left) - 1
        };
        left = left.saturating_sub(64);
        count + u64::from((word.load(Ordering::Relaxed) & mask).count_ones())
    })
}

#[cfg(all(test, not(agent_model)))]
mod tests {
    use super::*;

    fn window(calls: u16) -> CallWindow {
        CallWindow::new(NonZeroU16::new(calls).expect("not zero"), true)
    }

    fn ended(failures: u16, slow: bool) -> Ended {
        Ended { failures, slow }
    }

    #[test]
    fn each_call_pushes_out_the_oldest() {
        for length in [1, 2, 63, 64, 65, 100, 1024] {
            let window = window(length);
            let mut last = std::collections::VecDeque::new();
            for number in 0..3000_u32 {
                let call = ended((number % 7 == 3).into(), number % 11 == 2);
                window.record(0, call);
                last.push_back(call);
                if last.len() > length.into() {
                    last.pop_front();
                }
                let expected = Tally {
                    calls: last.len() as u64,
                    failed: last.iter().filter(|call| call.failures > 0).count() as u64,
                    slow: last.iter().filter(|call| call.slow).count() as u64,
                };
                assert_eq!(window.tally(0), expected, "{length}: {number}");
            }
        }
    }

    #[test]
    fn a_weighty_failure_takes_several_places_but_never_more_than_there_are() {
        let window = window(10);
        window.record(0, ended(3, false));
        assert_eq!((window.tally(0).calls, window.tally(0).failed), (3, 3));
        window.record(0, ended(255, false));
        assert_eq!((window.tally(0).calls, window.tally(0).failed), (10, 10));
    }

    #[test]
    fn a_new_generation_counts_from_zero_and_the_old_one_cannot_add_to_it() {
        let window = window(10);
        for _ in 0..10 {
            window.record(0, ended(1, true));
        }
        assert_eq!(window.tally(1), Tally::default());
        window.record(1, ended(0, false));
        window.record(0, ended(1, true));
        assert_eq!(
            window.tally(1),
            Tally {
                calls: 1,
                failed: 0,
                slow: 0
            }
        );
    }

    #[test]
    fn places_are_counted_back_before_they_reach_the_generation() {
        let window = window(10);
        window
            .taken
            .store(5 << GENERATION_SHIFT | PLACE_MAX, Ordering::Relaxed);
        for failures in [1, 0, 1] {
            window.record(5, ended(failures, false));
        }
        let tally = window.tally(5);
        assert_eq!((tally.calls, tally.failed), (10, 2));
        assert!(window.taken.load(Ordering::Relaxed) & PLACE_MASK < 100);
    }

    #[test]
    fn more_calls_than_the_longest_window_count_as_that_many() {
        assert_eq!(window(u16::MAX).length(), 1024);
    }
}
