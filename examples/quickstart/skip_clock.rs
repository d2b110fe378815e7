//! A clock that skips waits: time runs as in life, but a pause is over at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_primitives::{Clock, Monotonic, SystemClock, Timestamp};
use agent_resilience::{Sleep, TokioSleep};
use async_trait::async_trait;

/// The system's clock plus all time that was skipped. Clones show the same time.
#[derive(Debug, Clone)]
pub(crate) struct SkipClock {
    skipped_ms: Arc<AtomicU64>,
    pace: Pace,
}

/// How a pause passes. On the clock it always has its full length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// At once.
    Skipped,
    /// Shortly, so that a person can follow.
    Shortened,
    /// As in life.
    Real,
}

/// A pause is shortened to this.
const SHORT: Duration = Duration::from_millis(120);

impl SkipClock {
    /// A clock on which `skipped` has been skipped already.
    pub(crate) fn new(skipped: Duration, pace: Pace) -> Self {
        let millis = u64::try_from(skipped.as_millis()).unwrap_or(u64::MAX);
        Self {
            skipped_ms: Arc::new(AtomicU64::new(millis)),
            pace,
        }
    }

    /// Lets the time pass that something recorded took. Where time is real, it takes none: what is
    /// played is over at once, and no provider may be asked sooner because of it.
    pub(crate) async fn play(&self, duration: Duration) {
        if self.pace != Pace::Real {
            self.sleep(duration).await;
        }
    }

    /// Time skipped so far.
    pub(crate) fn skipped(&self) -> Duration {
        Duration::from_millis(self.skipped_ms.load(Ordering::Relaxed))
    }
}

impl Clock for SkipClock {
    fn monotonic(&self) -> Monotonic {
        SystemClock.monotonic() + self.skipped()
    }

    fn timestamp(&self) -> Timestamp {
        SystemClock.timestamp() + self.skipped()
    }
}

#[async_trait]
impl Sleep for SkipClock {
    async fn sleep(&self, duration: Duration) {
        let real = match self.pace {
            Pace::Skipped => Duration::ZERO,
            Pace::Shortened => duration.min(SHORT),
            Pace::Real => duration,
        };
        if !real.is_zero() {
            TokioSleep.sleep(real).await;
        }
        let skipped = u64::try_from(duration.saturating_sub(real).as_millis()).unwrap_or(u64::MAX);
        self.skipped_ms.fetch_add(skipped, Ordering::Relaxed);
    }
}
