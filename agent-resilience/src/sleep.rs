//! How the crate waits: the runtime's timer, or a test's.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

/// Waits. Tests and simulations implement it with a clock that they move themselves.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::ManualClock;
/// use agent_resilience::Sleep;
///
/// /// Time passes at once.
/// struct Skip(ManualClock);
///
/// #[async_trait::async_trait]
/// impl Sleep for Skip {
///     async fn sleep(&self, duration: Duration) {
///         self.0.advance(duration);
///     }
/// }
///
/// # use agent_primitives::Clock;
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// let clock = ManualClock::default();
/// runtime.block_on(Skip(clock.clone()).sleep(Duration::from_secs(9)));
/// assert_eq!(clock.monotonic().nanos(), 9_000_000_000);
/// # Ok::<(), std::io::Error>(())
/// ```
#[async_trait]
pub trait Sleep: Send + Sync {
    /// Completes after `duration`. Dropping the future ends the wait.
    async fn sleep(&self, duration: Duration);
}

#[async_trait]
impl<S: Sleep + ?Sized> Sleep for Arc<S> {
    async fn sleep(&self, duration: Duration) {
        (**self).sleep(duration).await;
    }
}

/// Waits with tokio's timer; the future must run on a tokio runtime whose time driver is enabled.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::{Sleep, TokioSleep};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread()
/// #     .enable_time().start_paused(true).build()?;
/// # runtime.block_on(async {
/// let start = tokio::time::Instant::now();
/// TokioSleep.sleep(Duration::from_millis(5)).await;
/// assert!(start.elapsed() >= Duration::from_millis(5));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[cfg(feature = "tokio")]
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioSleep;

#[cfg(feature = "tokio")]
#[async_trait]
impl Sleep for TokioSleep {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
