//! The future of a call under a policy.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use agent_primitives::{Monotonic, TokenUsage};
use pin_project_lite::pin_project;

use super::Stages;
use super::admission::{Admission, Admitting};
use super::error::{PolicyError, Refusal};
use crate::classify::{Classify, Verdict};
use crate::deadline::TimeLimit;
use crate::limit::Cost;
use crate::retry::{Course, FailedTry, Pause, Try};

pin_project! {
    /// The future of [`Policy::run`](crate::Policy::run). It can be told more before it is awaited.
    ///
    /// ```
    /// use agent_primitives::TokenUsage;
    /// use agent_resilience::classify::Verdict;
    /// use agent_resilience::{Cost, Policy};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// let answer = Policy::default()
    ///     .run(Cost::REQUEST, |_| async { Ok::<_, Verdict>("an answer") })
    ///     .settle(|_| Some(TokenUsage::new(900, 100)))
    ///     .within(std::time::Duration::from_secs(60))
    ///     .await
    ///     .unwrap();
    /// assert_eq!(answer, "an answer");
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use = "a call is not made until it is awaited"]
    pub struct PolicyRun<'a, E, F, Fut, J, U, N> {
        stages: &'a Stages,
        operation: F,
        judge: J,
        usage: U,
        notify: N,
        cost: Cost,
        limit: TimeLimit,
        once: bool,
        // One word while all goes well: what is moved and dropped with each call is small.
        course: Option<Box<Course<'a, E>>>,
        started: Monotonic,
        // Dropped in this order: the call is gone before its slot is free.
        #[pin]
        state: State<'a, Fut>,
        admission: Admission<'a>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<'a, Fut> {
        // The next poll asks to be let in.
        Due,
        Admitting { queue: Admitting<'a> },
        Calling { #[pin] call: Fut },
        Pausing,
        Over,
    }
}

impl<E, F, Fut, J, U, N> fmt::Debug for PolicyRun<'_, E, F, Fut, J, U, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyRun")
            .field("cost", &self.cost)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<'a, E, F, Fut, J, U, N> PolicyRun<'a, E, F, Fut, J, U, N> {
    #[inline]
    pub(super) fn new(
        stages: &'a Stages,
        cost: Cost,
        operation: F,
        judge: J,
        usage: U,
        notify: N,
    ) -> Self {
        Self {
            stages,
            operation,
            judge,
            usage,
            notify,
            cost,
            limit: stages.retry.policy().limit(),
            once: false,
            course: None,
            started: Monotonic::from_nanos(0),
            admission: Admission::NONE,
            state: State::Due,
        }
    }

    /// Ends by the caller's limit, too: a [`Duration`](std::time::Duration), a
    /// [`Deadline`](crate::Deadline), or the [`limit`](Try::limit) of an attempt around this call. The
    /// sooner counts.
    pub fn within(mut self, limit: impl Into<TimeLimit>) -> Self {
        self.limit = self.limit.and(limit.into());
        self
    }

    /// Makes one attempt at most, since what is sent cannot be sent a second time. A failure that would
    /// have been followed by another attempt ends with [`GiveUp::NotReplayable`](crate::GiveUp::NotReplayable).
    ///
    /// ```
    /// use agent_primitives::FailureKind;
    /// use agent_resilience::classify::Verdict;
    /// use agent_resilience::{Cost, Policy};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// let policy = Policy::default();
    /// let overloaded = || async { Err::<(), _>(Verdict::new(FailureKind::Overloaded)) };
    /// let error = policy.run(Cost::REQUEST, |_| overloaded()).once().await.unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "failed after 1 attempt: the request cannot be sent a second time; send one that can be copied"
    /// );
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Counts a value as failed when `judge` has a verdict on it, for instance an empty answer.
    pub fn reject<T, K>(self, judge: K) -> PolicyRun<'a, E, F, Fut, K, U, N>
    where
        Fut: Future<Output = Result<T, E>>,
        K: FnMut(&T) -> Option<Verdict>,
    {
        PolicyRun::with(self, |_, usage, notify| (judge, usage, notify))
    }

    /// Learns from the value what the call really took, so that the token limits count that instead
    /// of the estimate.
    pub fn settle<T, K>(self, usage: K) -> PolicyRun<'a, E, F, Fut, J, K, N>
    where
        Fut: Future<Output = Result<T, E>>,
        K: FnMut(&T) -> Option<TokenUsage>,
    {
        PolicyRun::with(self, |judge, _, notify| (judge, usage, notify))
    }

    /// Calls `notify` before each pause.
    pub fn notify<M>(self, notify: M) -> PolicyRun<'a, E, F, Fut, J, U, M>
    where
        M: FnMut(&Pause<'_>),
    {
        PolicyRun::with(self, |judge, usage, _| (judge, usage, notify))
    }

    fn with<J0, U0, N0>(
        before: PolicyRun<'a, E, F, Fut, J0, U0, N0>,
        change: impl FnOnce(J0, U0, N0) -> (J, U, N),
    ) -> Self {
        let (judge, usage, notify) = change(before.judge, before.usage, before.notify);
        Self {
            stages: before.stages,
            operation: before.operation,
            judge,
            usage,
            notify,
            cost: before.cost,
            limit: before.limit,
            once: before.once,
            course: before.course,
            started: before.started,
            admission: before.admission,
            state: before.state,
        }
    }
}

impl<T, E, F, Fut, J, U, N> Future for PolicyRun<'_, E, F, Fut, J, U, N>
where
    F: FnMut(Try) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: Classify,
    J: FnMut(&T) -> Option<Verdict>,
    U: FnMut(&T) -> Option<TokenUsage>,
    N: FnMut(&Pause<'_>),
{
    type Output = Result<T, PolicyError<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let stages = *this.stages;
        loop {
            let came = match this.state.as_mut().project() {
                StateProj::Calling { call } => match call.poll(cx) {
                    Poll::Ready(Ok(value)) => match (this.judge)(&value) {
                        None => {
                            let waited = this.course.as_ref().is_some_and(|course| course.waited);
                            stages.retry.succeeded(Some(*this.started));
                            let usage = (this.usage)(&value);
                            let ended = stages.ended(*this.started, waited);
                            this.admission.succeeded(usage, ended);
                            let number = this.course.as_ref().map_or(1, |course| course.number);
                            stages.tell_attempt(number, *this.started, ended, None);
                            return Poll::Ready(Ok(value));
                        }
                        Some(verdict) => Poll::Ready(FailedTry::rejected(verdict)),
                    },
                    Poll::Ready(Err(error)) => Poll::Ready(FailedTry::Error(error)),
                    Poll::Pending => Poll::Pending,
                },
                StateProj::Due => {
                    *this.started = stages.now();
                    let limit = if let Some(course) = this.course {
                        course.limit
                    } else {
                        *this.limit = TimeLimit::until(this.limit.starting(*this.started));
                        *this.limit
                    };
                    match stages.admit(*this.cost, *this.started, limit, this.admission) {
                        Ok(()) => {
                            this.admission.sent();
                            let attempt = attempt(stages, this.course.as_deref_mut(), limit);
                            let call = (this.operation)(attempt);
                            this.state.set(State::Calling { call });
                        }
                        Err(queue) => this.state.set(State::Admitting { queue }),
                    }
                    continue;
                }
                StateProj::Admitting { queue } => match ready!(queue.as_mut().poll(cx)) {
                    Ok(admission) => {
                        *this.started = stages.now();
                        *this.admission = admission;
                        this.admission.sent();
                        let attempt = attempt(stages, this.course.as_deref_mut(), *this.limit);
                        let call = (this.operation)(attempt);
                        this.state.set(State::Calling { call });
                        continue;
                    }
                    Err(by) => {
                        this.state.set(State::Over);
                        return Poll::Ready(Err(refused(by, this.course.as_deref_mut())));
                    }
                },
                StateProj::Pausing => {
                    if let Some(course) = this.course {
                        ready!(course.poll_pause(cx));
                        this.state.set(State::Over);
                        course.resumed(&stages.retry)?;
                    }
                    this.state.set(State::Due);
                    continue;
                }
                StateProj::Over => return Poll::Pending,
            };
            let limit = *this.limit;
            let course = this.course.get_or_insert_with(|| Course::boxed(limit));
            let failed = match came {
                Poll::Ready(failed) => Ok(failed),
                Poll::Pending => ready!(course.poll_overdue(&stages.retry, cx)),
            };
            let ended = stages.ended(*this.started, course.waited);
            // The call is gone before its failure is decided upon.
            this.state.set(State::Over);
            let failed = match failed {
                Ok(failed) => failed,
                Err(error) => {
                    let verdict = error.verdict();
                    stages.cut(this.admission, &verdict, ended);
                    let kind = Some(verdict.kind);
                    stages.tell_attempt(error.attempts, *this.started, ended, kind);
                    return Poll::Ready(Err(PolicyError::Failed(error)));
                }
            };
            let verdict = failed.verdict();
            this.admission.failed(&verdict, ended);
            stages.heed(&verdict, ended);
            let kind = verdict.kind;
            stages.tell_attempt(course.number, *this.started, ended, Some(kind));
            course.once = *this.once;
            let delay = course.failed(&stages.retry, failed, &verdict)?;
            (this.notify)(&Pause {
                attempt: course.number,
                verdict: &verdict,
                delay,
            });
            stages.tell_retry(course.number.saturating_add(1), delay, kind);
            course.pause(&stages.retry, stages.slept(&verdict, delay));
            this.state.set(State::Pausing);
        }
    }
}

/// The attempt that is made now. Only here it counts: one that was refused has used nothing up.
#[inline]
fn attempt<E>(stages: &Stages, course: Option<&mut Course<'_, E>>, limit: TimeLimit) -> Try {
    let number = if let Some(course) = course {
        course.called();
        course.number
    } else {
        stages.retry.begin();
        1
    };
    Try { number, limit }
}

#[cold]
fn refused<E>(by: Refusal, course: Option<&mut Course<'_, E>>) -> PolicyError<E> {
    let (attempts, last) = match course {
        Some(course) => (course.number - 1, course.take_last()),
        None => (0, None),
    };
    PolicyError::Refused { by, attempts, last }
}
