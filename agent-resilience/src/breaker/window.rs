//! Failures and calls over a time that really slides, in 16 atomic words.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_primitives::Monotonic;

const SLICES: usize = 16;
const COUNT_BITS: u32 = 20;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const FAILED_SHIFT: u32 = COUNT_BITS;
const EPOCH_SHIFT: u32 = 2 * COUNT_BITS;
const EPOCH_MASK: u64 = (1 << (64 - EPOCH_SHIFT)) - 1;

/// Each slice stamps its counts with the sixteenth of the window in which it was last written, so
/// that an old one is recognised when it is met and nothing has to expire it. A slice saturates at
/// about a million calls, where the rate is as good as known.
#[derive(Debug)]
pub(super) struct Window {
    slices: [AtomicU64; SLICES],
    slice_nanos: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) calls: u64,
    pub(super) failed: u64,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        let nanos = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        Self {
            slices: std::array::from_fn(|_| AtomicU64::new(0)),
            slice_nanos: (nanos / SLICES as u64).max(1),
        }
    }

    /// Counts from one, so that a word of zeros is always old. Wraps after 2²⁴ slices: a slice that
    /// nobody touched for a million windows may be taken for a fresh one, once.
    fn epoch(&self, now: Monotonic) -> u64 {
        (now.nanos() / self.slice_nanos + 1) & EPOCH_MASK
    }

    pub(super) fn record(&self, failed: bool, now: Monotonic) {
        let epoch = self.epoch(now);
        let place = usize::try_from(epoch % SLICES as u64).unwrap_or(0);
        let Some(slice) = self.slices.get(place) else {
            return;
        };
        let _ = slice.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| {
            let fresh = bits >> EPOCH_SHIFT == epoch;
            let bits = if fresh { bits } else { epoch << EPOCH_SHIFT };
            if bits & COUNT_MASK == COUNT_MASK {
                return None;
            }
            Some(bits + 1 + (u64::from(failed) << FAILED_SHIFT))
        });
    }

    pub(super) fn tally(&self, now: Monotonic) -> Tally {
        let epoch = self.epoch(now);
        self.slices.iter().fold(Tally::default(), |tally, slice| {
            let bits = slice.load(Ordering::Relaxed);
            let age = epoch.wrapping_sub(bits >> EPOCH_SHIFT) & EPOCH_MASK;
            if bits == 0 || age >= SLICES as u64 {
                return tally;
            }
            Tally {
                calls: tally.calls + (bits & COUNT_MASK),
                failed: tally.failed + (bits >> FAILED_SHIFT & COUNT_MASK),
            }
        })
    }

    pub(super) fn clear(&self) {
        for slice in &self.slices {
            slice.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::from_nanos(seconds * SECOND)
    }

    #[test]
    fn old_calls_leave_the_window_a_sixteenth_at_a_time() {
        let window = Window::new(Duration::from_secs(16));
        for second in 0..16 {
            window.record(second < 4, at(second));
        }
        assert_eq!(
            window.tally(at(15)),
            Tally {
                calls: 16,
                failed: 4
            }
        );
        assert_eq!(
            window.tally(at(17)),
            Tally {
                calls: 14,
                failed: 2
            }
        );
        assert_eq!(
            window.tally(at(30)),
            Tally {
                calls: 1,
                failed: 0
            }
        );
        assert_eq!(window.tally(at(31)), Tally::default());
        assert_eq!(window.tally(at(1_000_000)), Tally::default());
    }

    #[test]
    fn a_slice_is_cleared_when_it_is_used_again() {
        let window = Window::new(Duration::from_secs(16));
        window.record(true, at(3));
        window.record(false, at(19));
        assert_eq!(
            window.tally(at(19)),
            Tally {
                calls: 1,
                failed: 0
            }
        );
    }

    #[test]
    fn a_full_slice_saturates_without_spilling_into_its_neighbour_field() {
        let window = Window::new(Duration::from_secs(16));
        for _ in 0..(COUNT_MASK + 10) {
            window.record(true, at(0));
        }
        let full = Tally {
            calls: COUNT_MASK,
            failed: COUNT_MASK,
        };
        assert_eq!(window.tally(at(0)), full);
    }

    #[test]
    fn a_zero_or_endless_window_does_not_divide_by_zero() {
        for length in [Duration::ZERO, Duration::MAX] {
            let window = Window::new(length);
            window.record(true, at(1));
            assert_eq!(
                window.tally(at(1)),
                Tally {
                    calls: 1,
                    failed: 1
                }
            );
        }
    }
}
