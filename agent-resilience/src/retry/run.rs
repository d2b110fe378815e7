//! The future of a run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use agent_primitives::Monotonic;
use pin_project_lite::pin_project;

use super::course::Course;
use super::error::{FailedTry, RetryError};
use super::step::GiveUp;
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
        number: u32,
        limit: TimeLimit,
        // When the present attempt first had to wait.
        began: Option<Monotonic>,
        timer: Option<Timer<'a>>,
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

struct Timer<'a> {
    wait: Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
    length: Duration,
    /// Its end is that of the whole run, not of one attempt.
    is_total: bool,
}

impl<E, F, Fut, J, N> fmt::Debug for Run<'_, E, F, Fut, J, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("retry", self.retry)
            .field("number", &self.number)
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
            number: 1,
            limit: retry.policy.limit(),
            began: None,
            timer: None,
            course: None,
            state: State::Due,
        }
    }

    /// Ends by the caller's limit, too: a [`Duration`], a [`Deadline`](crate::Deadline), or the
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
            number: self.number,
            limit: self.limit,
            began: self.began,
            timer: self.timer,
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
            number: self.number,
            limit: self.limit,
            began: self.began,
            timer: self.timer,
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

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let retry = *this.retry;
        loop {
            let failed = match this.state.as_mut().project() {
                StateProj::Due => {
                    if *this.number == 1 {
                        retry.begin();
                    }
                    let call = (this.operation)(Try {
                        number: *this.number,
                        limit: *this.limit,
                    });
                    this.state.set(State::Calling { call });
                    continue;
                }
                StateProj::Calling { call } => match call.poll(cx) {
                    Poll::Ready(Ok(value)) => match (this.judge)(&value) {
                        None => {
                            retry.succeeded(*this.began);
                            return Poll::Ready(Ok(value));
                        }
                        Some(verdict) => FailedTry::Rejected(Box::new(verdict)),
                    },
                    Poll::Ready(Err(error)) => FailedTry::Error(error),
                    Poll::Pending => {
                        if this.began.is_none() {
                            *this.timer = retry.arm(this.limit, this.began);
                        }
                        let Some(timer) = this.timer.as_mut() else {
                            return Poll::Pending;
                        };
                        ready!(timer.wait.as_mut().poll(cx));
                        let failed = FailedTry::TimedOut(timer.length);
                        if timer.is_total {
                            this.state.set(State::Over);
                            return Poll::Ready(Err(RetryError {
                                attempts: *this.number,
                                reason: GiveUp::DeadlinePassed,
                                last: failed,
                            }));
                        }
                        failed
                    }
                },
                StateProj::Pausing => {
                    if let Some(timer) = this.timer.as_mut() {
                        ready!(timer.wait.as_mut().poll(cx));
                    }
                    *this.timer = None;
                    if let Err(error) = retry.resumed(this.course, *this.number, *this.limit) {
                        this.state.set(State::Over);
                        return Poll::Ready(Err(error));
                    }
                    *this.number = this.number.saturating_add(1);
                    this.state.set(State::Due);
                    continue;
                }
                StateProj::Over => return Poll::Pending,
            };
            // The call is gone before its failure is decided upon, and so is its timer.
            this.state.set(State::Over);
            *this.timer = None;
            *this.began = None;
            let next = retry.failed(
                this.course,
                failed,
                *this.number,
                this.limit,
                &mut *this.notify,
            );
            match next {
                Ok(pause) => {
                    *this.timer = Some(Timer {
                        wait: retry.sleep.sleep(pause),
                        length: pause,
                        is_total: false,
                    });
                    this.state.set(State::Pausing);
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Retry {
    /// An attempt has to wait for the first time: until here no time has passed that counts.
    #[cold]
    fn arm(&self, limit: &mut TimeLimit, began: &mut Option<Monotonic>) -> Option<Timer<'_>> {
        let own = self.policy.attempt_timeout;
        if limit.is_none() && own.is_none() && self.learning.is_none() {
            return None;
        }
        let now = self.clock.monotonic();
        *began = Some(now);
        *limit = TimeLimit::until(limit.starting(now));
        let left = limit.left(now);
        let (length, is_total) = match own {
            Some(own) if own < left => (own, false),
            _ => (left, true),
        };
        (length < Duration::MAX).then(|| Timer {
            wait: self.sleep.sleep(length),
            length,
            is_total,
        })
    }
}
