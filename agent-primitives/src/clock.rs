//! Where time comes from: the system, or a test.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Nanoseconds since an origin that the clock chose; never goes back. Good for 584 years;
/// arithmetic saturates. Only readings of the same clock compare.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Monotonic;
///
/// let start = Monotonic::from_nanos(5);
/// let end = start + Duration::from_nanos(7);
/// assert_eq!(end.since(start), Duration::from_nanos(7));
/// assert_eq!(start.since(end), Duration::ZERO);
/// ```
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Monotonic(u64);

impl Monotonic {
    /// A reading of `nanos` nanoseconds after the clock's origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds after the clock's origin.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Time passed since `earlier`; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Monotonic {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

/// A source of time. Every decision in the crate family takes the time it needs from one of these,
/// so that a test owns it.
///
/// ```
/// use agent_primitives::{Clock, SystemClock};
///
/// let clock: &dyn Clock = &SystemClock;
/// let before = clock.monotonic();
/// assert!(clock.monotonic() >= before);
/// ```
pub trait Clock: Send + Sync {
    /// For measuring and for deadlines; not affected by changes of the wall clock.
    fn monotonic(&self) -> Monotonic;
    /// For people and for storage; may step when the wall clock is set.
    fn timestamp(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn monotonic(&self) -> Monotonic {
        (**self).monotonic()
    }
    fn timestamp(&self) -> Timestamp {
        (**self).timestamp()
    }
}

/// The operating system's clocks. Monotonic readings count from the first one in the process.
///
/// ```
/// use agent_primitives::{Clock, SystemClock, Timestamp};
///
/// assert!(SystemClock.timestamp() > Timestamp::from_unix_seconds(1_700_000_000));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn monotonic(&self) -> Monotonic {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        let passed = ORIGIN.get_or_init(Instant::now).elapsed();
        Monotonic::default() + passed
    }

    fn timestamp(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => Timestamp::UNIX_EPOCH + after,
            Err(before) => Timestamp::UNIX_EPOCH - before.duration(),
        }
    }
}

/// A clock that moves only when told to. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{Clock, ManualClock, Timestamp};
///
/// let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(100));
/// let seen_by_code = clock.clone();
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(seen_by_code.timestamp(), Timestamp::from_unix_seconds(105));
/// assert_eq!(seen_by_code.monotonic().nanos(), 5_000_000_000);
/// ```
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<Hands>);

#[derive(Debug, Default)]
struct Hands {
    monotonic: AtomicU64,
    timestamp: AtomicI64,
}

impl ManualClock {
    /// A clock whose wall time is `at` and whose monotonic time is zero.
    pub fn starting_at(at: Timestamp) -> Self {
        let clock = Self::default();
        clock.set_timestamp(at);
        clock
    }

    /// Moves both hands forward; saturates.
    pub fn advance(&self, by: Duration) {
        // One hand after the other: a reader between the two sees them apart by one step, which
        // no code may rely on, since real clocks differ as well.
        let _ = self
            .0
            .monotonic
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
                Some((Monotonic(now) + by).0)
            });
        let _ = self
            .0
            .timestamp
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
                Some((Timestamp::from_unix_nanos(now) + by).unix_nanos())
            });
    }

    /// Sets the wall clock, forward or back, and leaves the monotonic one.
    pub fn set_timestamp(&self, at: Timestamp) {
        self.0.timestamp.store(at.unix_nanos(), Ordering::Release);
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> Monotonic {
        Monotonic(self.0.monotonic.load(Ordering::Acquire))
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::from_unix_nanos(self.0.timestamp.load(Ordering::Acquire))
    }
}
