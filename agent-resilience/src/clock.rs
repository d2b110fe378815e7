//! A clock that costs little and shows milliseconds.

#[cfg(target_os = "linux")]
use std::sync::OnceLock;

use agent_primitives::{Clock, Monotonic, SystemClock, Timestamp};

/// The operating system's coarse monotonic clock: a quarter of the price of a precise reading, moving
/// once a scheduler tick, which is 1 to 10 ms on Linux. Elsewhere it is the
/// [`SystemClock`].
///
/// For what is counted in seconds. Wall-clock time is precise. Readings compare with those of
/// [`SystemClock`], a tick apart at the most, so that tools with either can be used together.
///
/// ```
/// use agent_primitives::Clock;
/// use agent_resilience::CoarseClock;
///
/// let before = CoarseClock.monotonic();
/// assert!(CoarseClock.monotonic() >= before);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CoarseClock;

impl Clock for CoarseClock {
    #[cfg(target_os = "linux")]
    #[inline]
    fn monotonic(&self) -> Monotonic {
        static SHIFT: OnceLock<u64> = OnceLock::new();
        let shift = SHIFT.get_or_init(|| SystemClock.monotonic().nanos().wrapping_sub(raw()));
        Monotonic::from_nanos(raw().wrapping_add(*shift))
    }

    #[cfg(not(target_os = "linux"))]
    #[inline]
    fn monotonic(&self) -> Monotonic {
        SystemClock.monotonic()
    }

    fn timestamp(&self) -> Timestamp {
        SystemClock.timestamp()
    }
}

/// Nanoseconds since the machine started; never negative.
#[cfg(target_os = "linux")]
#[inline]
fn raw() -> u64 {
    let read = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    let seconds = u64::try_from(read.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(read.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn both_clocks_count_from_the_same_moment() {
        let (before, coarse, after) = (
            SystemClock.monotonic(),
            CoarseClock.monotonic(),
            SystemClock.monotonic(),
        );
        // No tick is longer than 10 ms; the rest is for a machine that is busy elsewhere.
        assert!(before.since(coarse) < Duration::from_secs(1));
        assert!(coarse.since(after) < Duration::from_secs(1));
    }
}
