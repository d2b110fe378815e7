//! A run that met a failure or had to wait: what has to be remembered, and the decisions.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use agent_primitives::Monotonic;

use super::budget::Withdrawal;
use super::error::{FailedTry, RetryError};
use super::step::{FailedAttempt, GiveUp, NextStep};
use super::{Retry, Try};
use crate::backoff::Schedule;
use crate::classify::{Classify, Verdict};
use crate::deadline::TimeLimit;

/// What a run needs once it has to wait or an attempt has failed; until then there is none.
pub(crate) struct Course<'a, E> {
    /// Number of the present attempt.
    pub(crate) number: u32,
    /// Once known, the deadline.
    pub(crate) limit: TimeLimit,
    /// When the present attempt first had to wait, where something depends on it.
    pub(crate) began: Option<Monotonic>,
    /// The present attempt had to wait.
    pub(crate) waited: bool,
    /// There can be no second attempt.
    pub(crate) once: bool,
    timer: Option<Timer<'a>>,
    schedule: Option<Box<dyn Schedule>>,
    /// The retry that the pause leads to; given back when it is not made after all.
    withdrawn: Option<Withdrawal<'a>>,
    /// The failure that the pause follows.
    last: Option<FailedTry<E>>,
}

struct Timer<'a> {
    wait: Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
    length: Duration,
    /// Its end is that of the whole run, not of one attempt.
    is_total: bool,
}

impl<E> Course<'_, E> {
    #[cold]
    #[inline(never)]
    pub(crate) fn boxed(limit: TimeLimit) -> Box<Self> {
        Box::new(Self::new(limit))
    }

    pub(crate) fn new(limit: TimeLimit) -> Self {
        Self {
            number: 1,
            limit,
            began: None,
            waited: false,
            once: false,
            timer: None,
            schedule: None,
            withdrawn: None,
            last: None,
        }
    }

    /// The failure that the pause followed, for when no other attempt comes after it.
    pub(crate) fn take_last(&mut self) -> Option<FailedTry<E>> {
        self.withdrawn = None;
        self.last.take()
    }

    /// The attempt is being made, and the retry that it is with it.
    pub(crate) fn called(&mut self) {
        if let Some(withdrawn) = self.withdrawn.take() {
            withdrawn.spend();
        }
    }
}

impl<'a, E: Classify> Course<'a, E> {
    /// The attempt that comes next.
    pub(crate) const fn attempt(&self) -> Try {
        Try {
            number: self.number,
            limit: self.limit,
        }
    }

    /// The present attempt failed with `verdict`: the pause before the next one, or the end.
    #[cold]
    #[inline(never)]
    pub(crate) fn failed<S>(
        &mut self,
        retry: &'a Retry<S>,
        failed: FailedTry<E>,
        verdict: &Verdict,
    ) -> Result<Duration, RetryError<E>> {
        self.timer = None;
        self.began = None;
        self.waited = false;
        let number = self.number;
        let now = retry.clock.monotonic();
        self.limit = TimeLimit::until(self.limit.starting(now));
        let learned = retry.learning.as_ref().and_then(|learning| {
            let (times, provider) = (&learning.times, &learning.provider);
            times.failed(provider, verdict.kind, now);
            times.expected(provider, verdict.kind, now)
        });
        let attempt = FailedAttempt::new(verdict, number, retry.clock.timestamp())
            .left(self.limit.left(now))
            .learned(learned);
        let schedule = self.schedule.get_or_insert_with(|| retry.pauses());
        let mut step = retry.policy.decide(&attempt, schedule);
        if let (NextStep::Again(_), true) = (step, self.once) {
            step = NextStep::GiveUp(GiveUp::NotReplayable);
        }
        if let (NextStep::Again(_), Some(budget)) = (step, &retry.budget) {
            self.withdrawn = budget.withdraw(now);
            if self.withdrawn.is_none() {
                step = NextStep::GiveUp(GiveUp::BudgetSpent);
            }
        }
        let reason = match step {
            NextStep::Again(delay) => {
                tracing::debug!(attempt = number, error.type = %verdict.kind, ?delay, "retry");
                self.last = Some(failed);
                return Ok(delay);
            }
            NextStep::GiveUp(reason) => reason,
            NextStep::Stop => GiveUp::NotRetryable,
        };
        tracing::debug!(attempt = number, error.type = %verdict.kind, %reason, "given up");
        Err(self.given_up(reason, failed))
    }

    /// The pause is over: the next attempt may begin, unless the clock has run past the deadline
    /// meanwhile.
    #[inline(never)]
    pub(crate) fn resumed<S>(&mut self, retry: &Retry<S>) -> Result<(), RetryError<E>> {
        self.timer = None;
        if !self.limit.is_none()
            && self.limit.left(retry.clock.monotonic()).is_zero()
            && let Some(last) = self.take_last()
        {
            return Err(self.given_up(GiveUp::DeadlinePassed, last));
        }
        self.number = self.number.saturating_add(1);
        Ok(())
    }

    fn given_up(&self, reason: GiveUp, last: FailedTry<E>) -> RetryError<E> {
        RetryError {
            attempts: self.number,
            reason,
            last,
        }
    }

    /// Begins the pause.
    #[inline(never)]
    pub(crate) fn pause(&mut self, retry: &'a Retry, length: Duration) {
        self.timer = Some(Timer {
            wait: retry.sleep.sleep(length),
            length,
            is_total: false,
        });
    }

    /// Waits for the end of the pause.
    #[inline(never)]
    pub(crate) fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.timer {
            Some(timer) => timer.wait.as_mut().poll(cx),
            None => Poll::Ready(()),
        }
    }

    /// The present attempt has to wait. Ready when it has waited for too long: with what it failed
    /// with, or with the end of the run.
    #[inline(never)]
    pub(crate) fn poll_overdue(
        &mut self,
        retry: &'a Retry,
        cx: &mut Context<'_>,
    ) -> Poll<Result<FailedTry<E>, RetryError<E>>> {
        self.waited = true;
        if self.began.is_none() {
            self.arm(retry);
        }
        let Some(timer) = &mut self.timer else {
            return Poll::Pending;
        };
        ready!(timer.wait.as_mut().poll(cx));
        let failed = FailedTry::TimedOut(timer.length);
        Poll::Ready(if timer.is_total {
            Err(self.given_up(GiveUp::DeadlinePassed, failed))
        } else {
            Ok(failed)
        })
    }

    /// The attempt has to wait for the first time: until here no time has passed that counts.
    fn arm(&mut self, retry: &'a Retry) {
        let own = retry.policy.attempt_timeout;
        if self.limit.is_none() && own.is_none() && retry.learning.is_none() {
            return;
        }
        let now = retry.clock.monotonic();
        self.began = Some(now);
        self.limit = TimeLimit::until(self.limit.starting(now));
        let left = self.limit.left(now);
        let (length, is_total) = match own {
            // A provider that took all the time that an attempt has is too slow, also where nothing is left.
            Some(own) if own <= left => (own, false),
            _ => (left, true),
        };
        if length < Duration::MAX {
            self.timer = Some(Timer {
                wait: retry.sleep.sleep(length),
                length,
                is_total,
            });
        }
    }
}

impl<S> Retry<S> {
    /// A run begins.
    #[inline]
    pub(crate) fn begin(&self) {
        if let Some(budget) = &self.budget {
            budget.deposit();
        }
    }

    /// An attempt succeeded; it was begun at `began`, where that is known.
    #[inline]
    pub(crate) fn succeeded(&self, began: Option<Monotonic>) {
        if let Some(learning) = &self.learning
            && learning.times.is_waiting()
        {
            let began = began.unwrap_or_else(|| self.clock.monotonic());
            learning.times.succeeded(&learning.provider, began);
        }
    }
}
