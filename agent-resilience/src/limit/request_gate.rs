//! A host's own request limiter, plugged into a rate limit.

use std::time::Duration;

/// Why requests do not pass.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::GateRefusal;
///
/// assert_ne!(GateRefusal::RetryIn(Duration::from_secs(1)), GateRefusal::AtMost(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateRefusal {
    /// They may pass after this time.
    RetryIn(Duration),
    /// No more than this ever pass at once.
    AtMost(u64),
}

/// Counts requests in its own way. What it let through cannot be given back.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Monotonic;
/// use agent_resilience::{Cost, GateRefusal, LimitedBy, RateLimit, RateLimitConfig, Refused, RequestGate};
///
/// struct Closed;
///
/// impl RequestGate for Closed {
///     fn try_pass(&self, _requests: u64) -> Result<(), GateRefusal> {
///         Err(GateRefusal::RetryIn(Duration::from_secs(2)))
///     }
/// }
///
/// let limit = RateLimit::new(&RateLimitConfig::default())?.request_gate(Closed);
/// let refused = limit.try_take_at(Cost::REQUEST, Monotonic::from_nanos(0));
/// let Err(Refused::Limited(limited)) = refused else { panic!() };
/// assert_eq!((limited.retry_in(), limited.by()), (Duration::from_secs(2), LimitedBy::Gate));
/// # Ok::<(), agent_resilience::InvalidLimit>(())
/// ```
pub trait RequestGate: Send + Sync {
    /// Lets `requests` through, at least 1, all of them or none.
    ///
    /// # Errors
    /// [`GateRefusal`] with the time until they may pass, or the most that ever do.
    fn try_pass(&self, requests: u64) -> Result<(), GateRefusal>;
}

impl<G: RequestGate + ?Sized> RequestGate for std::sync::Arc<G> {
    fn try_pass(&self, requests: u64) -> Result<(), GateRefusal> {
        (**self).try_pass(requests)
    }
}
