//! A clock that costs little and shows milliseconds.

use agent_primitives::{Clock, Monotonic, SystemClock, Timestamp};

/// The operating system's coarse monotonic clock: a quarter of the price of a precise reading, moving
/// once a scheduler tick, which is 1 to 10 ms on Linux. Elsewhere it is the
/// [`SystemClock`].
///
/// For what is counted in seconds. Wall-clock time is precise.
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
        // Since the machine started: never negative.
        let read = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
        let seconds = u64::try_from(read.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(read.tv_nsec).unwrap_or(0);
        Monotonic::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
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
