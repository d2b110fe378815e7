//! Asking a second provider while the first one is slow.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use agent_primitives::{FailureKind, Handoff};

use super::error::{ChainError, Exhausted, OutOfTime, OverBudget};
use super::journey::{Answer, Journey, Left, Tried};
use super::operation::Operation;
use super::select::Chosen;
use super::{CallOptions, FallbackChain};
use crate::budget::SpendAdvice;
use crate::route::{Decision, Permille};

/// What two runs of one request know of each other.
#[derive(Default)]
pub(crate) struct Pair {
    /// The links that the first one had or has.
    first: AtomicU64,
    /// The link of the second one.
    second: AtomicU64,
    /// Calls of both.
    attempts: AtomicU32,
    /// The way of the first one.
    way: Mutex<Way>,
}

/// How a request came to where it is.
#[derive(Default)]
struct Way {
    handoffs: Vec<Handoff>,
    decisions: Vec<Decision>,
}

impl Pair {
    /// The first one goes to a link.
    pub(super) fn is_at(&self, index: usize, journey: &Journey<'_>) {
        let mut had = self.had();
        had.insert(index);
        self.first.store(had.bits(), Ordering::Relaxed);
        let mut way = self.way();
        way.handoffs.clone_from(&journey.handoffs);
        way.decisions.clone_from(&journey.decisions);
    }

    /// One of the two makes a call.
    pub(super) fn calls(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    /// What the second one has or had.
    fn taken(&self) -> Tried {
        Tried::from_bits(self.second.load(Ordering::Relaxed))
    }

    fn had(&self) -> Tried {
        Tried::from_bits(self.first.load(Ordering::Relaxed))
    }

    fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// Does `operation` and, where it takes longer than `after`, does it at another provider as well,
    /// once. The first success counts, or the first word that the request itself has to change; the
    /// other call is dropped, and gives back its place.
    pub(super) async fn hedged<'a, O: Operation<Req, Rep>>(
        &self,
        operation: &O,
        request: &Req,
        options: &'a CallOptions,
        after: Duration,
    ) -> Result<Answer<'a, O::Output>, ChainError> {
        let pair = Pair::default();
        let journey = self.depart(options).map_err(ChainError::UnknownProvider)?;
        let mut beside = Journey::new(options, journey.start, journey.seed.rotate_left(17));
        (beside.number, beside.deadline) = (journey.number, journey.deadline);
        beside.beside = true;
        let mut first = pin!(self.run(operation, request, journey, Some(&pair)));
        let mut timer = None;
        let early = std::future::poll_fn(|cx| {
            if let Poll::Ready(ended) = first.as_mut().poll(cx) {
                return Poll::Ready(Some(ended));
            }
            let timer = timer.get_or_insert_with(|| self.shared.sleep.sleep(after));
            timer.as_mut().poll(cx).map(|()| None)
        })
        .await;
        if let Some(mut ended) = early {
            pair.count(&mut ended);
            return ended;
        }
        let may_hedge = self.lock().pinned.is_none() && options.pin.is_none();
        let pays = beside.advice() == SpendAdvice::Any;
        if !may_hedge || !pays || pair.had().is_empty() {
            let mut ended = first.await;
            pair.count(&mut ended);
            return ended;
        }
        beside.avoid = pair.had();
        tracing::debug!(?after, "a second provider is asked");
        let mut second = pin!(self.run_beside(operation, request, beside, &pair));
        let (mut first_error, mut second_ended) = (None, false);
        let mut ended = std::future::poll_fn(|cx| {
            if first_error.is_none()
                && let Poll::Ready(ended) = first.as_mut().poll(cx)
            {
                match ended {
                    Err(error) if !is_final(&error) => first_error = Some(error),
                    ended => return Poll::Ready(ended),
                }
            }
            if !second_ended && let Poll::Ready(ended) = second.as_mut().poll(cx) {
                match ended {
                    Some(ended) => return Poll::Ready(ended),
                    // What the first one says is what counts.
                    None => second_ended = true,
                }
            }
            match first_error.take() {
                Some(error) if second_ended => Poll::Ready(Err(error)),
                error => {
                    first_error = error;
                    Poll::Pending
                }
            }
        })
        .await;
        pair.count(&mut ended);
        ended
    }

    /// Takes a place where the other run is not, and has not been.
    pub(super) fn take_apart(
        &self,
        journey: &mut Journey<'_>,
        pair: Option<&Pair>,
    ) -> Option<Chosen> {
        journey.avoid = pair.map(Pair::taken).unwrap_or_default();
        self.take(journey)
    }

    /// One call at one link that the first run has not had. `None` where that changes nothing for it.
    async fn run_beside<'a, O: Operation<Req, Rep>>(
        &self,
        operation: &O,
        request: &Req,
        mut journey: Journey<'a>,
        pair: &Pair,
    ) -> Option<Result<Answer<'a, O::Output>, ChainError>> {
        let mut chosen = self.take(&mut journey)?;
        let index = chosen.index;
        let link = self.shared.links.get(index)?;
        let mut taken = Tried::default();
        taken.insert(index);
        pair.second.store(taken.bits(), Ordering::Relaxed);
        // Once: the first one goes on by itself.
        chosen.last_resort = true;
        let asked = self.ask(operation, chosen, link, request, &mut journey, Some(pair));
        match asked.await {
            Ok((value, held, ended)) => {
                let level = self.check_level(index);
                let checked = operation.check(&*link.provider, request, &value, level);
                if let Some((_, metering)) = checked {
                    self.settle(held, &metering, Permille::NONE, ended);
                    return None;
                }
                let way = std::mem::take(&mut *pair.way());
                journey.handoffs.splice(..0, way.handoffs);
                journey.decisions.splice(..0, way.decisions);
                Some(Ok(Answer {
                    value,
                    held,
                    ended,
                    journey,
                }))
            }
            Err(Left::ForGood(failure)) => {
                let error = ChainError::Failed {
                    provider: link.id.clone(),
                    failure,
                    attempts: journey.attempts,
                };
                // It may accept less than the one that was asked first.
                let accepts_less = error
                    .failure()
                    .is_some_and(|failure| failure.kind() == FailureKind::InvalidRequest);
                (!accepts_less).then_some(Err(error))
            }
            Err(_) => None,
        }
    }
}

/// Nobody is to be asked after this: a refusal is an answer, and what cannot be read here has to change.
/// What is too long here may have room there.
fn is_final(error: &ChainError) -> bool {
    let ChainError::Failed { failure, .. } = error else {
        return false;
    };
    !matches!(
        failure.kind(),
        FailureKind::ContextTooLong | FailureKind::PayloadTooLarge
    )
}

impl Pair {
    /// Counts the calls of both.
    fn count<T>(&self, ended: &mut Result<Answer<'_, T>, ChainError>) {
        match ended {
            Ok(answer) => answer.journey.attempts = self.attempts(),
            Err(
                ChainError::Failed { attempts, .. }
                | ChainError::Exhausted(Exhausted { attempts, .. })
                | ChainError::OutOfTime(OutOfTime { attempts, .. })
                | ChainError::OverBudget(OverBudget { attempts, .. }),
            ) => *attempts = self.attempts(),
            Err(_) => {}
        }
    }
}
