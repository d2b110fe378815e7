//! Limits, on clocks that the test moves.

mod concurrency;
#[cfg(feature = "tokio")]
mod concurrency_queue;
mod conservation;
#[cfg(feature = "tokio")]
mod gate;
#[cfg(feature = "governor")]
mod governor;
mod keyed;
mod observe;
#[cfg(feature = "tokio")]
mod paused_clock;
#[cfg(feature = "tokio")]
mod queue;
mod rate;

use std::time::Duration;

use agent_primitives::{Monotonic, Timestamp};
use agent_resilience::{RateLimit, RateLimitConfig, RateWindow};

#[cfg(feature = "tokio")]
use paused_clock::PausedClock;

const SECOND: Duration = Duration::from_secs(1);

/// A moment so many seconds after the start.
fn at(seconds: u64) -> Monotonic {
    Monotonic::from_nanos(0) + SECOND * u32::try_from(seconds).expect("a few")
}

/// Midnight of a day in 2026.
const MIDNIGHT: Timestamp = Timestamp::from_unix_seconds(20_778 * 86_400);

fn config(windows: &[RateWindow]) -> RateLimitConfig {
    RateLimitConfig {
        windows: windows.to_vec(),
        ..RateLimitConfig::default()
    }
}

fn limit(windows: &[RateWindow]) -> RateLimit {
    let clock = agent_primitives::ManualClock::starting_at(MIDNIGHT);
    RateLimit::with_clock(&config(windows), clock).expect("a valid configuration")
}

/// What each window has left.
fn left(limit: &RateLimit, now: Monotonic) -> Vec<u64> {
    limit
        .status_at(now)
        .map(|window| window.remaining)
        .collect()
}
