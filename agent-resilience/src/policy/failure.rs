//! What a policy gave up, as a failure that a fallback chain can decide from.

use agent_primitives::{FailureKind, Scope};

use super::error::{PolicyError, Refusal};
#[cfg(feature = "async-openai")]
use crate::classify::Classify;
use crate::classify::{Evidence, Verdict, When};
use crate::failure::Failure;
use crate::limit::AcquireError;
use crate::retry::{FailedTry, RetryError};

impl From<RetryError<Failure>> for Failure {
    /// What came of the last call.
    ///
    /// ```
    /// use agent_primitives::FailureKind;
    /// use agent_resilience::classify::Verdict;
    /// use agent_resilience::{Failure, Retry};
    ///
    /// async fn call(retry: &Retry) -> Result<(), Failure> {
    ///     let refused = || Failure::new(Verdict::new(FailureKind::Auth));
    ///     Ok(retry.run(|_| async { Err(refused()) }).await?)
    /// }
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// let failure = runtime.block_on(call(&Retry::default())).unwrap_err();
    /// assert_eq!(failure.kind(), FailureKind::Auth);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn from(error: RetryError<Failure>) -> Self {
        last(error.last)
    }
}

impl From<PolicyError<Failure>> for Failure {
    /// What came of the last call. Where none was made, what the stage that refused knows: the kind of
    /// failure that it protects from, and when to come back, with the [`Refusal`] as the source.
    ///
    /// ```
    /// use agent_primitives::{FailureKind, ProviderId};
    /// use agent_resilience::{BreakerConfig, CircuitBreaker, Cost, Failure, Policy};
    ///
    /// async fn call(policy: &Policy) -> Result<(), Failure> {
    ///     Ok(policy.run(Cost::REQUEST, |_| async { Ok::<_, Failure>(()) }).await?)
    /// }
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// let breaker = CircuitBreaker::new(ProviderId::new("groq").unwrap(), BreakerConfig::default());
    /// breaker.isolate();
    /// let failure = runtime.block_on(call(&Policy::default().breaker(breaker))).unwrap_err();
    /// assert_eq!(failure.kind(), FailureKind::Overloaded);
    /// let why = std::error::Error::source(&failure).unwrap().to_string();
    /// assert_eq!(why, "the circuit breaker is isolated until it is released");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn from(error: PolicyError<Failure>) -> Self {
        match error {
            PolicyError::Failed(error) => error.into(),
            PolicyError::Refused { last: Some(it), .. } => last(it),
            PolicyError::Refused { by, last: None, .. } => Self::new(verdict(&by)).with_source(by),
        }
    }
}

#[cfg(feature = "async-openai")]
impl PolicyError<Failure> {
    /// The verdict of the failure that it would become.
    pub(crate) fn as_failure(&self) -> Verdict {
        match self {
            Self::Refused { by, last: None, .. } => verdict(by),
            Self::Refused { last: Some(it), .. } => it.verdict(),
            Self::Failed(error) => error.verdict(),
        }
    }
}

fn last(failed: FailedTry<Failure>) -> Failure {
    match failed {
        FailedTry::Error(failure) => failure,
        FailedTry::Rejected(verdict) => Failure::new(*verdict),
        FailedTry::TimedOut(after) => {
            let verdict = Verdict::new(FailureKind::Timeout).evidence(Evidence::Transport);
            Failure::new(verdict).with_source(format!("no answer within {after:?}"))
        }
    }
}

/// Nobody was asked, so the scope is this request where the stage is the caller's own.
fn verdict(by: &Refusal) -> Verdict {
    let verdict = match by {
        Refusal::RateLimit(AcquireError::TooLarge(_)) => Verdict::new(FailureKind::ContextTooLong),
        Refusal::RateLimit(_) => Verdict::new(FailureKind::RateLimited),
        Refusal::Concurrency(_) => Verdict::new(FailureKind::Overloaded).scope(Scope::Request),
        Refusal::Breaker(_) => Verdict::new(FailureKind::Overloaded),
        Refusal::Budget(refused) => refused.verdict(),
        Refusal::Deadline => Verdict::new(FailureKind::Timeout).scope(Scope::Request),
    };
    match by.retry_in() {
        Some(wait) => verdict.retry_after(When::In(wait)),
        None => verdict,
    }
}
