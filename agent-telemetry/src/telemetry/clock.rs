//! The time of records: the system's clocks, read as cheaply as the system allows.

#[cfg(not(target_os = "linux"))]
use agent_primitives::{Clock, Monotonic, SystemClock, Timestamp};
#[cfg(target_os = "linux")]
use agent_primitives::{Clock, Monotonic, Timestamp};
#[cfg(target_os = "linux")]
use rustix::time::{ClockId, clock_gettime};

/// What a recorder reads unless it is given a clock: the system's, as
/// [`SystemClock`](agent_primitives::SystemClock) does. On Linux they do not go through
/// `SystemTime::duration_since`, which takes half as long again as the reading, and monotonic readings count from
/// the start of the machine, so they are compared with each other alone.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HostClock;

/// Time stamps of the operating system's coarse wall clock, for a sixth of the price of a precise one.
///
/// They move once a scheduler tick, which is 1 to 10 ms on Linux, and are never ahead of the precise
/// ones; elsewhere they are precise. Durations that handles and spans measure stay precise, and records
/// keep their order, which is not that of their time stamps. For hosts that record far more than calls
/// of models and tools, whose own duration is longer than a tick. Its monotonic readings have an origin of their own:
/// compare them with those of no other clock.
///
/// ```
/// use agent_telemetry::{CoarseTimestamps, MemorySink, Telemetry};
///
/// let telemetry = Telemetry::builder(MemorySink::new()).clock(CoarseTimestamps).start()?;
/// assert!(telemetry.health().running);
/// # Ok::<(), agent_telemetry::StartError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CoarseTimestamps;

#[cfg(target_os = "linux")]
impl Clock for HostClock {
    fn monotonic(&self) -> Monotonic {
        // Never negative: it counts from the start of the machine.
        Monotonic::from_nanos(u64::try_from(nanos(ClockId::Monotonic)).unwrap_or(0))
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::from_unix_nanos(nanos(ClockId::Realtime))
    }
}

#[cfg(target_os = "linux")]
impl Clock for CoarseTimestamps {
    fn monotonic(&self) -> Monotonic {
        HostClock.monotonic()
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::from_unix_nanos(nanos(ClockId::RealtimeCoarse))
    }
}

/// The nanoseconds are counted up from the second, before 1970 as well.
#[cfg(target_os = "linux")]
fn nanos(clock: ClockId) -> i64 {
    let read = clock_gettime(clock);
    read.tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(read.tv_nsec)
}

#[cfg(not(target_os = "linux"))]
impl Clock for HostClock {
    fn monotonic(&self) -> Monotonic {
        SystemClock.monotonic()
    }

    fn timestamp(&self) -> Timestamp {
        SystemClock.timestamp()
    }
}

#[cfg(not(target_os = "linux"))]
impl Clock for CoarseTimestamps {
    fn monotonic(&self) -> Monotonic {
        SystemClock.monotonic()
    }

    fn timestamp(&self) -> Timestamp {
        SystemClock.timestamp()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use agent_primitives::SystemClock;

    use super::*;

    /// A tick is 10 ms at most; a second leaves room for a machine that is busy or sets its clock.
    const CLOSE: Duration = Duration::from_secs(1);

    #[test]
    fn time_stamps_are_those_of_the_system_clock() {
        for read in [|| HostClock.timestamp(), || CoarseTimestamps.timestamp()] {
            let (before, ours, after) = (SystemClock.timestamp(), read(), SystemClock.timestamp());
            assert!(before.since(ours) < CLOSE, "{before} {ours}");
            assert!(ours.since(after) < CLOSE, "{ours} {after}");
        }
    }

    #[test]
    fn durations_are_precise_with_coarse_time_stamps_too() {
        let began = CoarseTimestamps.monotonic();
        // More readings than a tick has room for with a clock that stands still within it.
        let mut distinct = 0;
        let mut last = began;
        for _ in 0..100 {
            let now = CoarseTimestamps.monotonic();
            distinct += u32::from(now > last);
            last = now;
        }
        assert!(distinct > 50, "{distinct}");
    }
}
