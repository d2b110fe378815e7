//! A run that met a failure: what has to be remembered, and the decision with all that it needs.

use std::time::Duration;

use agent_primitives::Monotonic;

use super::budget::Withdrawal;
use super::error::{FailedTry, RetryError};
use super::step::{FailedAttempt, GiveUp, NextStep};
use super::{Pause, Retry};
use crate::backoff::Schedule;
use crate::classify::Classify;
use crate::deadline::TimeLimit;

/// What a run needs once an attempt has failed.
pub(super) struct Course<'a, E> {
    schedule: Box<dyn Schedule>,
    /// The retry that the pause leads to; given back when the run is dropped before it.
    withdrawn: Option<Withdrawal<'a>>,
    /// The failure that the pause follows.
    last: Option<FailedTry<E>>,
}

impl<S> Retry<S> {
    /// An attempt was made and succeeded; it was begun at `began`, where that is known.
    #[inline]
    pub(super) fn succeeded(&self, began: Option<Monotonic>) {
        if let Some(learning) = &self.learning
            && learning.times.is_waiting()
        {
            let began = began.unwrap_or_else(|| self.clock.monotonic());
            learning.times.succeeded(&learning.provider, began);
        }
    }

    /// A run begins.
    #[inline]
    pub(super) fn begin(&self) {
        if let Some(budget) = &self.budget {
            budget.deposit();
        }
    }

    /// Attempt `number` failed: the pause before the next one, or the end.
    ///
    /// `limit` becomes a deadline if it is none yet.
    #[cold]
    pub(super) fn failed<'a, E: Classify>(
        &'a self,
        course: &mut Option<Box<Course<'a, E>>>,
        failed: FailedTry<E>,
        number: u32,
        limit: &mut TimeLimit,
        notify: impl FnOnce(&Pause<'_>),
    ) -> Result<Duration, RetryError<E>> {
        let verdict = failed.verdict();
        let now = self.clock.monotonic();
        *limit = TimeLimit::until(limit.starting(now));
        let learned = self.learning.as_ref().and_then(|learning| {
            learning.times.failed(&learning.provider, verdict.kind, now);
            learning
                .times
                .expected(&learning.provider, verdict.kind, now)
        });
        let attempt = FailedAttempt::new(&verdict, number, self.clock.timestamp())
            .left(limit.left(now))
            .learned(learned);
        let course = course.get_or_insert_with(|| {
            Box::new(Course {
                schedule: self.pauses(),
                withdrawn: None,
                last: None,
            })
        });
        let mut step = self.policy.decide(&attempt, &mut course.schedule);
        if let (NextStep::Again(_), Some(budget)) = (step, &self.budget) {
            course.withdrawn = budget.withdraw(now);
            if course.withdrawn.is_none() {
                step = NextStep::GiveUp(GiveUp::BudgetSpent);
            }
        }
        let reason = match step {
            NextStep::Again(delay) => {
                tracing::debug!(attempt = number, error.type = %verdict.kind, ?delay, "retry");
                notify(&Pause {
                    attempt: number,
                    verdict: &verdict,
                    delay,
                });
                course.last = Some(failed);
                return Ok(delay);
            }
            NextStep::GiveUp(reason) => reason,
            NextStep::Stop => GiveUp::NotRetryable,
        };
        tracing::debug!(attempt = number, error.type = %verdict.kind, %reason, "given up");
        Err(RetryError {
            attempts: number,
            reason,
            last: failed,
        })
    }

    /// The pause after attempt `number` is over: the next one may begin, unless the clock has run past
    /// the deadline meanwhile.
    pub(super) fn resumed<E>(
        &self,
        course: &mut Option<Box<Course<'_, E>>>,
        number: u32,
        limit: TimeLimit,
    ) -> Result<(), RetryError<E>> {
        let Some(course) = course else { return Ok(()) };
        let last = course.last.take();
        if !limit.is_none()
            && limit.left(self.clock.monotonic()).is_zero()
            && let Some(last) = last
        {
            course.withdrawn = None;
            return Err(RetryError {
                attempts: number,
                reason: GiveUp::DeadlinePassed,
                last,
            });
        }
        if let Some(withdrawn) = course.withdrawn.take() {
            withdrawn.spend();
        }
        Ok(())
    }
}
