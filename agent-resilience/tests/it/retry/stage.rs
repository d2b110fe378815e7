//! Clocks and waits that a test owns.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent_primitives::{Clock, FailureKind, ManualClock, Monotonic, Timestamp};
use agent_resilience::classify::{Verdict, When};
use agent_resilience::{Backoff, Jitter, RetryPolicy, Sleep};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn at(seconds: u64) -> Monotonic {
    Monotonic::default() + Duration::from_secs(seconds)
}

pub(crate) fn overloaded() -> Verdict {
    Verdict::new(FailureKind::Overloaded)
}

pub(crate) fn hinted(seconds: u64) -> Verdict {
    Verdict::new(FailureKind::RateLimited).retry_after(When::In(Duration::from_secs(seconds)))
}

/// 100 ms doubling to 2 s without jitter.
pub(crate) fn policy(max_attempts: u32) -> RetryPolicy {
    RetryPolicy {
        max_attempts: NonZeroU32::new(max_attempts).expect("not zero"),
        backoff: Backoff::exponential(ms(100), ms(2_000)).jitter(Jitter::None),
        ..RetryPolicy::default()
    }
}

/// A wait is over at once, moves the clock and is remembered.
#[derive(Clone, Default)]
pub(crate) struct Waits {
    pub(crate) clock: ManualClock,
    waited: Arc<Mutex<Vec<Duration>>>,
}

impl Waits {
    pub(crate) fn all(&self) -> Vec<Duration> {
        self.waited
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait::async_trait]
impl Sleep for Waits {
    async fn sleep(&self, duration: Duration) {
        self.clock.advance(duration);
        let mut waited = self.waited.lock().unwrap_or_else(PoisonError::into_inner);
        waited.push(duration);
    }
}

/// The paused time of a tokio runtime: it moves to the next timer when nothing else is to be done.
#[derive(Clone)]
pub(crate) struct PausedTime {
    start: tokio::time::Instant,
    /// Timers that were armed.
    pub(crate) armed: Arc<AtomicU32>,
    /// Readings of the clock.
    pub(crate) read: Arc<AtomicU32>,
}

impl PausedTime {
    /// Within a runtime.
    pub(crate) fn new() -> Self {
        Self {
            start: tokio::time::Instant::now(),
            armed: Arc::default(),
            read: Arc::default(),
        }
    }

    pub(crate) fn passed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Clock for PausedTime {
    fn monotonic(&self) -> Monotonic {
        self.read.fetch_add(1, Ordering::Relaxed);
        Monotonic::default() + self.passed()
    }

    fn timestamp(&self) -> Timestamp {
        self.read.fetch_add(1, Ordering::Relaxed);
        Timestamp::UNIX_EPOCH + self.passed()
    }
}

#[async_trait::async_trait]
impl Sleep for PausedTime {
    async fn sleep(&self, duration: Duration) {
        self.armed.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(duration).await;
    }
}
