//! A run on a thread that may block.

use std::time::Duration;

use super::course::Course;
use super::error::{FailedTry, RetryError};
use super::{Retry, Try};
use crate::classify::Classify;
use crate::deadline::TimeLimit;

impl<S> Retry<S> {
    /// Calls `operation` until it succeeds, and blocks the thread during the pauses.
    ///
    /// A call that blocks cannot be cut: [`RetryPolicy::attempt_timeout`](crate::RetryPolicy) does not
    /// apply, and a total is looked at after each attempt. Hand the attempt's
    /// [`limit`](Try::limit) on to a client that can keep to it.
    ///
    /// ```
    /// use agent_primitives::FailureKind;
    /// use agent_resilience::classify::Verdict;
    /// use agent_resilience::{GiveUp, Retry, RetryPolicy};
    ///
    /// let retry = Retry::blocking(RetryPolicy::default());
    /// let error = retry
    ///     .run_blocking(|_| Err::<(), _>(Verdict::new(FailureKind::Auth)))
    ///     .unwrap_err();
    /// assert_eq!((error.attempts, error.reason), (1, GiveUp::NotRetryable));
    /// ```
    ///
    /// # Errors
    /// [`RetryError`] with what came of the last call and the reason for giving up.
    pub fn run_blocking<T, E, F>(&self, operation: F) -> Result<T, RetryError<E>>
    where
        F: FnMut(Try) -> Result<T, E>,
        E: Classify,
    {
        self.run_blocking_with(std::thread::sleep, operation)
    }

    /// [`run_blocking`](Self::run_blocking) with another way of waiting.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_primitives::{FailureKind, ManualClock};
    /// use agent_resilience::classify::Verdict;
    /// use agent_resilience::{Backoff, Retry, RetryPolicy};
    ///
    /// let clock = ManualClock::default();
    /// let retry = Retry::blocking(RetryPolicy::default()).clock(clock.clone());
    /// let answer = retry.run_blocking_with(
    ///     |pause| clock.advance(pause),
    ///     |attempt| match attempt.number {
    ///         1 => Err(Verdict::new(FailureKind::Overloaded)),
    ///         number => Ok(number),
    ///     },
    /// );
    /// assert_eq!(answer.unwrap(), 2);
    /// ```
    ///
    /// # Errors
    /// [`RetryError`] with what came of the last call and the reason for giving up.
    pub fn run_blocking_with<T, E, F>(
        &self,
        mut wait: impl FnMut(Duration),
        mut operation: F,
    ) -> Result<T, RetryError<E>>
    where
        F: FnMut(Try) -> Result<T, E>,
        E: Classify,
    {
        self.begin();
        let mut limit = self.limit;
        if !limit.is_none() {
            // Nobody says when the call begins to wait, so all of it counts.
            limit = TimeLimit::until(limit.starting(self.clock.monotonic()));
        }
        let mut course = Course::new(limit);
        loop {
            let began = self.learning.is_some().then(|| self.clock.monotonic());
            let error = match operation(course.attempt()) {
                Ok(value) => {
                    self.succeeded(began);
                    return Ok(value);
                }
                Err(error) => error,
            };
            let verdict = error.verdict();
            wait(course.failed(self, FailedTry::Error(error), &verdict)?);
            course.resumed(self)?;
            course.called();
        }
    }
}
