//! A call that a policy did not bring to an end that its caller wanted.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::breaker::BreakerOpen;
use crate::budget::SpendRefused;
use crate::classify::{Classify, Verdict};
use crate::limit::AcquireError;
use crate::retry::{FailedTry, RetryError};

/// The stage that did not let a call through.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::{AcquireError, Refusal};
///
/// let refusal = Refusal::RateLimit(AcquireError::TooLate { retry_in: Duration::from_secs(9) });
/// assert_eq!(refusal.retry_in(), Some(Duration::from_secs(9)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The spend budget: one of its caps does not hold what the call may cost.
    #[error(transparent)]
    Budget(SpendRefused),
    /// The rate limit: too late, too large, or too many wait.
    #[error(transparent)]
    RateLimit(AcquireError),
    /// The concurrency limit: nobody finished in time, or too many wait.
    #[error(transparent)]
    Concurrency(AcquireError),
    /// The circuit breaker.
    #[error(transparent)]
    Breaker(BreakerOpen),
    /// No stage: the time was over before the call was made. It is nobody's failure.
    #[error("the deadline was over before the call: allow more time")]
    Deadline,
}

impl Refusal {
    /// Time until the call may be let through, where it is known.
    pub fn retry_in(&self) -> Option<Duration> {
        match self {
            Self::RateLimit(error) | Self::Concurrency(error) => error.retry_in(),
            Self::Breaker(open) => open.retry_in,
            // A budget's date is on the wall clock: see `SpendRefused::resets_at`.
            Self::Budget(_) | Self::Deadline => None,
        }
    }
}

/// A call that a [`Policy`](crate::Policy) gave up, or did not make.
///
/// ```
/// use agent_primitives::{FailureKind, ProviderId};
/// use agent_resilience::classify::Verdict;
/// use agent_resilience::{BreakerConfig, CircuitBreaker, Cost, Policy, PolicyError, Refusal};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// # runtime.block_on(async {
/// let breaker = CircuitBreaker::new(ProviderId::new("groq").unwrap(), BreakerConfig::default());
/// breaker.isolate();
/// let error = Policy::default()
///     .breaker(breaker)
///     .run(Cost::REQUEST, |_| async { Ok::<_, Verdict>(()) })
///     .await
///     .unwrap_err();
/// assert!(matches!(error, PolicyError::Refused { by: Refusal::Breaker(_), attempts: 0, .. }));
/// assert_eq!(error.verdict(), None, "nobody was asked");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError<E> {
    /// A stage did not let the next attempt through.
    Refused {
        /// Which, and when to come back.
        by: Refusal,
        /// Calls that were made before.
        attempts: u32,
        /// What came of the last of them.
        last: Option<FailedTry<E>>,
    },
    /// Calls were made, and the last one's failure was final.
    Failed(RetryError<E>),
}

impl<E> From<RetryError<E>> for PolicyError<E> {
    fn from(error: RetryError<E>) -> Self {
        Self::Failed(error)
    }
}

impl<E> PolicyError<E> {
    /// Calls that were made.
    pub const fn attempts(&self) -> u32 {
        match self {
            Self::Refused { attempts, .. } => *attempts,
            Self::Failed(error) => error.attempts,
        }
    }

    /// What came of the last call, if one was made.
    pub const fn last(&self) -> Option<&FailedTry<E>> {
        match self {
            Self::Refused { last, .. } => last.as_ref(),
            Self::Failed(error) => Some(&error.last),
        }
    }

    /// The verdict on the last call, if one was made.
    pub fn verdict(&self) -> Option<Verdict>
    where
        E: Classify,
    {
        self.last().map(Classify::verdict)
    }
}

impl<E> fmt::Display for PolicyError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused {
                by, attempts: 0, ..
            } => write!(f, "not called: {by}"),
            Self::Refused { by, attempts, .. } => {
                let plural = if *attempts == 1 { "" } else { "s" };
                write!(f, "not called again after {attempts} attempt{plural}: {by}")
            }
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for PolicyError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused {
                last: Some(FailedTry::Error(error)),
                ..
            } => Some(error),
            Self::Refused { .. } => None,
            Self::Failed(error) => error.source(),
        }
    }
}
