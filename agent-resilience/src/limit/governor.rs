//! A host's `governor` limiter as the request gate of a rate limit.

use std::num::NonZeroU32;

use governor::clock::Clock;
use governor::middleware::RateLimitingMiddleware;
use governor::state::{DirectStateStore, NotKeyed};
use governor::{InsufficientCapacity, NotUntil, RateLimiter};

use super::request_gate::{GateRefusal, RequestGate};

/// Asks a `governor` limiter that the host has already, by its own clock.
///
/// A cell that `governor` gave cannot be given back: a call that was let through and then cancelled
/// has used it up. Where that matters, use a window of this crate instead.
///
/// ```
/// use std::num::NonZeroU32;
/// use std::sync::Arc;
/// use std::time::Duration;
/// use agent_resilience::{Cost, GovernorGate, RateLimit, RateLimitConfig};
/// use governor::clock::FakeRelativeClock;
/// use governor::{Quota, RateLimiter};
///
/// let clock = FakeRelativeClock::default();
/// let quota = Quota::per_second(NonZeroU32::MIN);
/// let shared = Arc::new(RateLimiter::direct_with_clock(quota, clock.clone()));
/// let limit = RateLimit::new(&RateLimitConfig::default())?
///     .request_gate(GovernorGate(Arc::clone(&shared)));
///
/// assert!(limit.try_take(Cost::REQUEST).is_ok());
/// assert!(shared.check().is_err(), "both count in one place");
/// clock.advance(Duration::from_secs(1));
/// assert!(limit.try_take(Cost::REQUEST).is_ok());
/// # Ok::<(), agent_resilience::InvalidLimit>(())
/// ```
#[derive(Debug)]
pub struct GovernorGate<S, C, MW>(
    /// The limiter, shared with whoever else asks it.
    pub std::sync::Arc<RateLimiter<NotKeyed, S, C, MW>>,
)
where
    S: DirectStateStore,
    C: Clock,
    MW: RateLimitingMiddleware<C::Instant>;

impl<S, C, MW> RequestGate for GovernorGate<S, C, MW>
where
    S: DirectStateStore + Send + Sync,
    C: Clock + Send + Sync,
    MW: RateLimitingMiddleware<C::Instant, NegativeOutcome = NotUntil<C::Instant>> + Send + Sync,
{
    fn try_pass(&self, requests: u64) -> Result<(), GateRefusal> {
        let Some(requests) = NonZeroU32::new(u32::try_from(requests).unwrap_or(u32::MAX)) else {
            return Ok(());
        };
        match self.0.check_n(requests) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(self.0.clock().now());
                Err(GateRefusal::RetryIn(wait))
            }
            Err(InsufficientCapacity(most)) => Err(GateRefusal::AtMost(most.into())),
        }
    }
}
