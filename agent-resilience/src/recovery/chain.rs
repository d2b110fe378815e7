//! What a chain could not answer, as a failure that a recovery decides from.

use agent_primitives::{FailureKind, Scope};

use crate::classify::{Verdict, When};
use crate::failure::Failure;
use crate::fallback::ChainError;

impl From<ChainError> for Failure {
    /// The failure of the request itself where that is what it is; else what the last or the preferred
    /// provider said, with the time until the first of them is tried again and the chain's error as the
    /// source. What the budget holds back is a quota that is used up until the cap begins anew, so that a
    /// recovery asks for a cheaper model; time that is over is a timeout. Both are of the request alone: no
    /// provider is at fault.
    ///
    /// ```
    /// use agent_primitives::{FailureKind, ProviderId};
    /// use agent_resilience::classify::Verdict;
    /// use agent_resilience::{ChainError, Failure};
    ///
    /// let error = ChainError::Failed {
    ///     provider: ProviderId::new("claude")?,
    ///     failure: Failure::new(Verdict::new(FailureKind::ContextTooLong)),
    ///     attempts: 1,
    /// };
    /// assert_eq!(Failure::from(error).kind(), FailureKind::ContextTooLong);
    /// # Ok::<(), agent_primitives::InvalidId>(())
    /// ```
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::Failed { failure, .. } => failure.of_chain(),
            error => Self::new(verdict(&error)).with_source(error),
        }
    }
}

/// Nothing of it is a provider's fault, so that whoever is asked next with another request is not passed over.
fn of_this_request(error: &ChainError) -> Verdict {
    let kind = match error {
        ChainError::OverBudget(over) => return over.refused.verdict(),
        ChainError::OutOfTime(_) => FailureKind::Timeout,
        _ => FailureKind::NotFound,
    };
    Verdict::new(kind).scope(Scope::Request)
}

fn verdict(error: &ChainError) -> Verdict {
    let ChainError::Exhausted(exhausted) = error else {
        return of_this_request(error);
    };
    let preferred = exhausted.providers.iter().find_map(|it| it.failure);
    let verdict = match &exhausted.last {
        Some(last) => last.verdict().clone(),
        None if exhausted.retry_in().is_none() => Verdict::new(FailureKind::NotFound),
        None => Verdict::new(preferred.unwrap_or(FailureKind::Overloaded)),
    };
    match exhausted.retry_in() {
        Some(time) => verdict.retry_after(When::In(time)),
        None => verdict,
    }
}
