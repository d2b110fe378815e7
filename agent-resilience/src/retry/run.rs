//! The future of a run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::course::Course;
use super::error::{FailedTry, RetryError};
use super::{Pause, Retry, Try};
use crate::classify::{Classify, Verdict};
use crate::deadline::TimeLimit;

pin_project! {
    /// The future of [`Retry::run`]. It can be told more before it is awaited.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_primitives::FailureKind;
    /// use agent_resilience::{Backoff, Retry};
    /// use agent_resilience::classify::Verdict;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread()
    /// #     .enable_time().start_paused(true).build()?;
    /// # runtime.block_on(async {
    /// let mut pauses = 0;
    /// let answer = Retry::new(Backoff::constant(Duration::from_secs(1)))
    ///     .run(|attempt| async move {
    ///         Ok::<_, Verdict>(if attempt.number == 1 { "" } else { "an answer" })
    ///     })
    ///     .reject(|answer| answer.is_empty().then(|| Verdict::new(FailureKind::Server)))
    ///     .notify(|_| pauses += 1)
    ///     .within(Duration::from_secs(60))
    ///     .await
    ///     .unwrap();
    /// assert_eq!((answer, pauses), ("an answer", 1));
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use = "a run does nothing until it is awaited"]
    pub struct Run<'a, E, F, Fut, J, N> {
        retry: &'a Retry,
        operation: F,
        judge: J,
        notify: N,
        limit: TimeLimit,
        // One word while all goes well: what is moved and dropped with each call is small.
        course: Option<Box<Course<'a, E>>>,
        #[pin]
        state: State<Fut>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<Fut> {
        // The next poll makes a call.
        Due,
        Calling { #[pin] call: Fut },
        Pausing,
        Over,
    }
}

impl<E, F, Fut, J, N> fmt::Debug for Run<'_, E, F, Fut, J, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("retry", self.retry)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<'a, E, F, Fut, J, N> Run<'a, E, F, Fut, J, N> {
    #[inline]
    pub(super) fn new(retry: &'a Retry, operation: F, judge: J, notify: N) -> Self {
        Self {
            retry,
            operation,
            judge,
            notify,
            limit: retry.limit,
            course: None,
            state: State::Due,
        }
    }

    /// Ends by the caller's limit, too: a [`Duration`](std::time::Duration), a [`Deadline`](crate::Deadline), or the
    /// [`limit`](Try::limit) of an attempt around this run. The sooner counts.
    pub fn within(mut self, limit: impl Into<TimeLimit>) -> Self {
        self.limit = self.limit.and(limit.into());
        self
    }

    /// Counts a value as failed when `judge` has a verdict on it, for instance an empty answer. When it
    /// is given up, the error has the verdict of the last one, and the value is gone.
    pub fn reject<T, K>(self, judge: K) -> Run<'a, E, F, Fut, K, N>
    where
        Fut: Future<Output = Result<T, E>>,
        K: FnMut(&T) -> Option<Verdict>,
    {
        Run {
            retry: self.retry,
            operation: self.operation,
            judge,
            notify: self.notify,
            limit: self.limit,
            course: self.course,
            state: self.state,
        }
    }

    /// Calls `notify` before each pause.
    pub fn notify<M>(self, notify: M) -> Run<'a, E, F, Fut, J, M>
    where
        M: FnMut(&Pause<'_>),
    {
        Run {
            retry: self.retry,
            operation: self.operation,
            judge: self.judge,
            notify,
            limit: self.limit,
            course: self.course,
            state: self.state,
        }
    }
}

impl<T, E, F, Fut, J, N> Future for Run<'_, E, F, Fut, J, N>
where
    F: FnMut(Try) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: Classify,
    J: FnMut(&T) -> Option<Verdict>,
    N: FnMut(&Pause<'_>),
{
    type Output = Result<T, RetryError<E>>;

    // No function that is not inlined here is given a pointer into the run itself: so long as the run
    // is not moved to the heap, a call that succeeds at once then leaves nothing of it in memory.
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let retry = *this.retry;
        loop {
            let came = match this.state.as_mut().project() {
                StateProj::Calling { call } => match call.poll(cx) {
                    Poll::Ready(Ok(value)) => match (this.judge)(&value) {
                        None => {
                            let began = this.course.as_ref().and_then(|course| course.began);
                            retry.succeeded(began);
                            return Poll::Ready(Ok(value));
                        }
                        Some(verdict) => Poll::Ready(FailedTry::rejected(verdict)),
                    },
                    Poll::Ready(Err(error)) => Poll::Ready(FailedTry::Error(error)),
                    Poll::Pending => Poll::Pending,
                },
                StateProj::Due => {
                    let attempt = if let Some(course) = this.course {
                        course.called();
                        course.attempt()
                    } else {
                        retry.begin();
                        Try {
                            number: 1,
                            limit: *this.limit,
                        }
                    };
                    let call = (this.operation)(attempt);
                    this.state.set(State::Calling { call });
                    continue;
                }
                StateProj::Pausing => {
                    if let Some(course) = this.course {
                        ready!(course.poll_pause(cx));
                        this.state.set(State::Over);
                        course.resumed(retry)?;
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
                Poll::Pending => ready!(course.poll_overdue(retry, cx)),
            };
            // The call is gone before its failure is decided upon.
            this.state.set(State::Over);
            let failed = failed?;
            let verdict = failed.verdict();
            let delay = course.failed(retry, failed, &verdict)?;
            (this.notify)(&Pause {
                attempt: course.number,
                verdict: &verdict,
                delay,
            });
            course.pause(retry, delay);
            this.state.set(State::Pausing);
        }
    }
}
