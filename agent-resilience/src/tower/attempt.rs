//! One attempt at a request: its service becomes ready, then it is called.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use agent_primitives::FailureKind;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::Reading;
use crate::classify::{Classify, Verdict};
use crate::policy::PolicyError;
use crate::retry::{FailedTry, RetryError};

/// What a service gave that will not do, with the verdict on it.
pub(super) struct Unwanted<Res, E> {
    verdict: Verdict,
    came: Came<Res, E>,
}

enum Came<Res, E> {
    Answer(Res),
    Error(E),
    /// There was no copy of the request left to send.
    Nothing,
}

impl<Res, E> Classify for Box<Unwanted<Res, E>> {
    fn verdict(&self) -> Verdict {
        self.verdict.clone()
    }
}

/// Makes the attempts of one call.
pub(super) struct Attempts<'a, S, Req, Res, E> {
    reading: &'a Reading<Req, Res, E>,
    /// The service that was found ready, until it has been called.
    service: S,
    is_ready: bool,
    /// What is copied for each attempt, or sent itself where there can be only one.
    request: Option<Req>,
    /// The copy for the first attempt.
    first: Option<Req>,
}

impl<'a, S, Req, Res, E> Attempts<'a, S, Req, Res, E>
where
    S: Service<Req, Response = Res, Error = E> + Clone,
{
    pub(super) fn new(reading: &'a Reading<Req, Res, E>, ready: S, request: Req) -> Self {
        let first = (reading.replay)(&request);
        Self {
            reading,
            service: ready,
            is_ready: true,
            request: Some(request),
            first,
        }
    }

    /// There is no copy of the request.
    pub(super) fn is_only_one(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn next(&mut self) -> Attempt<'a, S, Req, Res, E> {
        let is_first = std::mem::take(&mut self.is_ready);
        let request = if is_first {
            self.first.take().or_else(|| self.request.take())
        } else {
            self.request
                .as_ref()
                .and_then(|request| (self.reading.replay)(request))
        };
        let state = match request {
            None => State::Empty,
            Some(request) if is_first => State::Calling {
                call: self.service.call(request),
            },
            request => State::Waiting {
                // Only a service that was waited for may be called, and the one here has been called.
                service: self.service.clone(),
                request,
            },
        };
        Attempt {
            reading: self.reading,
            state,
        }
    }
}

pin_project! {
    pub(super) struct Attempt<'a, S, Req, Res, E>
    where
        S: Service<Req>,
    {
        reading: &'a Reading<Req, Res, E>,
        #[pin]
        state: State<S, Req, S::Future>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, Fut> {
        Waiting { service: S, request: Option<Req> },
        Calling { #[pin] call: Fut },
        Empty,
    }
}

impl<S, Req, Res, E> Future for Attempt<'_, S, Req, Res, E>
where
    S: Service<Req, Response = Res, Error = E>,
{
    type Output = Result<Res, Box<Unwanted<Res, E>>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let call = match this.state.as_mut().project() {
                StateProj::Calling { call } => {
                    let came = ready!(call.poll(cx));
                    return Poll::Ready(this.reading.sort(came));
                }
                StateProj::Waiting { service, request } => {
                    if let Err(error) = ready!(service.poll_ready(cx)) {
                        return Poll::Ready(this.reading.sort(Err(error)));
                    }
                    request.take().map(|request| service.call(request))
                }
                StateProj::Empty => None,
            };
            let Some(call) = call else {
                return Poll::Ready(Err(Box::new(Unwanted {
                    verdict: Verdict::new(FailureKind::InvalidRequest),
                    came: Came::Nothing,
                })));
            };
            this.state.set(State::Calling { call });
        }
    }
}

impl<Req, Res, E> Reading<Req, Res, E> {
    fn sort(&self, came: Result<Res, E>) -> Result<Res, Box<Unwanted<Res, E>>> {
        let (verdict, came) = match came {
            Ok(answer) => match self.verdict_on(&answer) {
                None => return Ok(answer),
                Some(verdict) => (self.with_limits(verdict, &answer), Came::Answer(answer)),
            },
            Err(error) => ((self.error)(&error), Came::Error(error)),
        };
        Err(Box::new(Unwanted { verdict, came }))
    }

    /// What a failed answer says of the limits reaches the policy with its verdict.
    fn with_limits(&self, mut verdict: Verdict, answer: &Res) -> Verdict {
        if verdict.limits.is_unknown()
            && let Some(limits) = &self.limits
        {
            verdict.limits = limits(answer, self.policy.timestamp());
        }
        verdict
    }
}

/// The end of a call that was given up: the last answer where there was one, else why.
#[cold]
pub(super) fn given_up<Res, E>(
    error: PolicyError<Box<Unwanted<Res, E>>>,
) -> Result<Res, PolicyError<E>> {
    Err(match error {
        PolicyError::Refused { by, attempts, last } => PolicyError::Refused {
            by,
            attempts,
            last: match last.map(failed) {
                None => None,
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(failed)) => Some(failed),
            },
        },
        PolicyError::Failed(RetryError {
            attempts,
            reason,
            last,
        }) => PolicyError::Failed(RetryError {
            attempts,
            reason,
            last: match failed(last) {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            },
        }),
    })
}

fn failed<Res, E>(last: FailedTry<Box<Unwanted<Res, E>>>) -> Result<Res, FailedTry<E>> {
    Err(match last {
        FailedTry::Error(unwanted) => match unwanted.came {
            Came::Answer(answer) => return Ok(answer),
            Came::Error(error) => FailedTry::Error(error),
            Came::Nothing => FailedTry::Rejected(Box::new(unwanted.verdict)),
        },
        FailedTry::TimedOut(after) => FailedTry::TimedOut(after),
        FailedTry::Rejected(verdict) => FailedTry::Rejected(verdict),
    })
}
