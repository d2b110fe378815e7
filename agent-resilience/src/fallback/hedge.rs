//! Asking a second provider while the first one is slow.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use super::error::ChainError;
use super::journey::{Answer, Tried};
use super::operation::Operation;
use super::{CallOptions, FallbackChain};
use crate::budget::{SessionBudget, SpendAdvice};

/// What two runs of one request know of each other.
pub(crate) struct Pair {
    /// Where the first one is.
    first: AtomicUsize,
    /// Calls of both.
    attempts: AtomicU32,
}

const NOWHERE: usize = usize::MAX;

impl Pair {
    const fn new() -> Self {
        Self {
            first: AtomicUsize::new(NOWHERE),
            attempts: AtomicU32::new(0),
        }
    }

    /// One of the two goes to a link.
    pub(super) fn is_at(&self, index: usize, is_first: bool) {
        if is_first {
            self.first.store(index, Ordering::Relaxed);
        }
    }

    /// One of the two makes a call.
    pub(super) fn calls(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    fn first(&self) -> Option<usize> {
        Some(self.first.load(Ordering::Relaxed)).filter(|index| *index != NOWHERE)
    }
}

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// Does `operation` and, where it takes longer than `after`, does it at another provider as well.
    /// The first success counts; the other one is dropped, and gives back what it holds.
    pub(super) async fn hedged<'a, O: Operation<Req, Rep>>(
        &self,
        operation: &O,
        request: &Req,
        options: &'a CallOptions,
        after: Duration,
    ) -> Result<Answer<'a, O::Output>, ChainError> {
        let pair = Pair::new();
        let mut first = pin!(self.run(operation, request, options, Some(&pair), Tried::default()));
        let mut timer = None;
        let early = std::future::poll_fn(|cx| {
            if let Poll::Ready(ended) = first.as_mut().poll(cx) {
                return Poll::Ready(Some(ended));
            }
            let timer = timer.get_or_insert_with(|| self.shared.sleep.sleep(after));
            timer.as_mut().poll(cx).map(|()| None)
        })
        .await;
        if let Some(ended) = early {
            return ended.map(|answer| answer.counting(&pair));
        }
        let may_hedge = self.lock().pinned.is_none() && options.pin.is_none();
        let advice = options.budget.as_ref().map(SessionBudget::advice);
        let busy = pair
            .first()
            .filter(|_| may_hedge && advice.is_none_or(|advice| advice == SpendAdvice::Any));
        let Some(busy) = busy else {
            return first.await.map(|answer| answer.counting(&pair));
        };
        let mut avoid = Tried::default();
        avoid.insert(busy);
        tracing::debug!(?after, "a second provider is asked");
        let mut second = pin!(self.run(operation, request, options, Some(&pair), avoid));
        let (mut first_error, mut second_failed) = (None, false);
        std::future::poll_fn(|cx| {
            if first_error.is_none()
                && let Poll::Ready(ended) = first.as_mut().poll(cx)
            {
                match ended {
                    Ok(answer) => return Poll::Ready(Ok(answer.counting(&pair))),
                    Err(error) => first_error = Some(error),
                }
            }
            if !second_failed && let Poll::Ready(ended) = second.as_mut().poll(cx) {
                match ended {
                    Ok(answer) => return Poll::Ready(Ok(answer.counting(&pair))),
                    // What the first one says is what counts.
                    Err(_) => second_failed = true,
                }
            }
            match first_error.take() {
                Some(error) if second_failed => Poll::Ready(Err(error)),
                error => {
                    first_error = error;
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl<T> Answer<'_, T> {
    /// Counts the calls of both.
    fn counting(mut self, pair: &Pair) -> Self {
        self.journey.attempts = pair.attempts.load(Ordering::Relaxed);
        self
    }
}
