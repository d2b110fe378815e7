//! Why a call was not made, or did not succeed.

use std::fmt;
use std::time::Duration;

use agent_primitives::BreakerState;

/// A call that was not let through.
///
/// ```
/// use agent_primitives::ProviderId;
/// use agent_resilience::{BreakerConfig, CircuitBreaker};
///
/// let breaker = CircuitBreaker::new(ProviderId::new("groq")?, BreakerConfig::default());
/// breaker.isolate();
/// let refused = breaker.admit().unwrap_err();
/// assert_eq!(refused.to_string(), "the circuit breaker is isolated until it is released");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerOpen {
    /// Open, half open with all probes under way, or isolated.
    pub state: BreakerState,
    /// Time until a call may be let through; `None` when only a person can tell.
    pub retry_in: Option<Duration>,
}

impl BreakerOpen {
    pub(super) const fn new(state: BreakerState, retry_in: Option<Duration>) -> Self {
        Self { state, retry_in }
    }
}

impl fmt::Display for BreakerOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, retry_in } = self;
        match retry_in {
            Some(left) => write!(f, "the circuit breaker is {state}, try again in {left:?}"),
            None => write!(f, "the circuit breaker is {state} until it is released"),
        }
    }
}

impl std::error::Error for BreakerOpen {}

/// A guarded call that did not succeed.
///
/// ```
/// use agent_resilience::CallError;
///
/// let error: CallError<std::io::Error> = CallError::Inner(std::io::Error::other("boom"));
/// assert_eq!(error.to_string(), "the call failed");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError<E> {
    /// The breaker did not let the call through.
    #[error(transparent)]
    Open(BreakerOpen),
    /// The call itself failed.
    #[error("the call failed")]
    Inner(#[source] E),
}
