//! The way of one request through the chain.

use agent_primitives::{FailureKind, Handoff, HandoffReason};

use super::attempt;
use super::error::{ChainError, Exhausted, OutOfTime};
use super::journey::{Answer, Journey, Left, Tried};
use super::operation::{Operation, Whole};
use super::state::Choice;
use super::{CallOptions, FallbackChain, Reply};
use crate::failure::Failure;

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// Asks until somebody answers.
    ///
    /// # Errors
    /// [`ChainError::Failed`] when the request itself has to change, [`ChainError::Exhausted`] when
    /// nobody can answer now, [`ChainError::OutOfTime`] when the time for the request was over first.
    ///
    /// # Cancel safety
    /// Dropping the future drops the running call or ends the pause; breaker permits are given back
    /// and no provider is blamed.
    pub async fn call(&self, request: &Req) -> Result<Reply<Rep>, ChainError> {
        self.call_with(request, &CallOptions::default()).await
    }

    /// [`call`](Self::call) for a request that asks for more: abilities, a deadline, one provider.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// As [`call`](Self::call).
    pub async fn call_with(
        &self,
        request: &Req,
        options: &CallOptions,
    ) -> Result<Reply<Rep>, ChainError> {
        let answer = self.travel(&Whole, request, options).await?;
        let (latency, elapsed) = (answer.latency(), answer.elapsed());
        let Answer {
            value,
            held,
            ended,
            journey,
        } = answer;
        let Some(link) = self.shared.links.get(held.index) else {
            return Err(self.exhausted(journey));
        };
        let metering = link.provider.metering(&value);
        self.settle_success(held, &metering, ended);
        Ok(Reply {
            value,
            provider: link.id.clone(),
            attempts: journey.attempts,
            latency,
            elapsed,
            handoffs: journey.handoffs,
            usage: metering.usage,
            cost: metering.cost,
        })
    }

    /// Does `operation` at one provider after the other, until one does it. What it holds there is
    /// settled by the caller.
    pub(crate) async fn travel<O: Operation<Req, Rep>>(
        &self,
        operation: &O,
        request: &Req,
        options: &CallOptions,
    ) -> Result<Answer<O::Output>, ChainError> {
        let mut journey = self.depart(options)?;
        while let Some(choice) = self.take(&mut journey) {
            let index = choice.index;
            let Some(link) = self.shared.links.get(index) else {
                break;
            };
            let asked = self.ask(operation, choice, link, request, &mut journey);
            let left = match asked.await {
                Ok((value, held, ended)) => {
                    return Ok(Answer {
                        value,
                        held,
                        ended,
                        journey,
                    });
                }
                Err(left) => left,
            };
            let is_first = journey.tried.is_empty();
            journey.tried.insert(index);
            let reason = match left {
                // Whoever takes over may accept less than the one before: the next may accept more.
                Left::ForGood(failure)
                    if !is_first && failure.kind() == FailureKind::InvalidRequest =>
                {
                    journey.last = Some(failure);
                    HandoffReason::Capability
                }
                Left::ForGood(failure) => {
                    return Err(ChainError::Failed {
                        provider: link.id.clone(),
                        failure,
                        attempts: journey.attempts,
                    });
                }
                Left::OutOfTime(failure) => {
                    journey.last = failure.or(journey.last);
                    return Err(self.out_of_time(journey));
                }
                Left::TooLong(failure) => {
                    let reason = failure.kind().into();
                    let limit = |failure: &Failure| failure.verdict().context?.limit;
                    let known = journey.too_long.as_ref().map(|(_, known)| limit(known));
                    if known.is_none_or(|known| limit(&failure) > known) {
                        journey.too_long = Some((link.id.clone(), failure));
                    }
                    reason
                }
                Left::Tried { reason, failure } => {
                    journey.last = failure.or(journey.last);
                    reason
                }
                Left::Resting { reason, failure } => {
                    journey.last = Some(failure);
                    reason
                }
            };
            journey.from = Some((index, reason));
        }
        Err(match journey.too_long {
            Some((provider, failure)) => ChainError::Failed {
                provider,
                failure,
                attempts: journey.attempts,
            },
            None => self.exhausted(journey),
        })
    }

    fn exhausted(&self, journey: Journey) -> ChainError {
        ChainError::Exhausted(Exhausted {
            providers: self.outlooks(journey.pinned),
            last: journey.last,
            attempts: journey.attempts,
        })
    }

    fn out_of_time(&self, journey: Journey) -> ChainError {
        ChainError::OutOfTime(OutOfTime {
            last: journey.last,
            attempts: journey.attempts,
            elapsed: self.shared.clock.monotonic().since(journey.start),
        })
    }

    fn depart(&self, options: &CallOptions) -> Result<Journey, ChainError> {
        let own_pin = match &options.pin {
            Some(provider) => match self.position(provider) {
                Some(index) => Some(index),
                None => return Err(ChainError::UnknownProvider(self.unknown(provider))),
            },
            None => None,
        };
        let start = self.shared.clock.monotonic();
        let total = self.shared.config.retry.total;
        let mut state = self.lock();
        state.calls = state.calls.wrapping_add(1);
        Ok(Journey {
            start,
            deadline: attempt::deadline(start, total, options.deadline),
            seed: self.shared.seed ^ state.calls.rotate_left(32),
            pinned: own_pin,
            tried: Tried::default(),
            attempts: 0,
            handoffs: Vec::new(),
            from: None,
            last: None,
            too_long: None,
        })
    }

    /// Chooses the next provider and moves the request to it.
    fn take(&self, journey: &mut Journey) -> Option<Choice> {
        let now = self.shared.clock.monotonic();
        let (chosen, handoff) = {
            let mut state = self.lock();
            let pinned = journey.pinned.or(state.pinned);
            let open = |index: usize| {
                // A pinned provider is asked even so: its breaker then says when to come back.
                !journey.tried.contains(index)
                    && (pinned == Some(index)
                        || self
                            .shared
                            .links
                            .get(index)
                            .is_some_and(|link| link.breaker.would_admit_at(now)))
            };
            let chosen = state.choose(pinned, open, now)?;
            // A request with a pin of its own does not move the others.
            let current = if journey.pinned.is_none() {
                state.current.replace(chosen.index)
            } else {
                None
            };
            // Within a request the way is its own; at its start it comes from wherever the requests
            // before it went.
            let from = journey.from.take().or_else(|| {
                let unpinned = journey.pinned.is_none() && std::mem::take(&mut state.unpinned);
                let from = current?;
                let reason = if unpinned || pinned == Some(chosen.index) {
                    HandoffReason::Manual
                } else {
                    // Where nothing is wrong with it, a preferred one is back.
                    let reason = state.reason(from, now);
                    reason.unwrap_or(HandoffReason::Recovered)
                };
                Some((from, reason))
            });
            let name = |index: usize| Some(self.shared.links.get(index)?.id.clone());
            let handoff =
                from.filter(|(from, _)| *from != chosen.index)
                    .and_then(|(from, reason)| {
                        let (giver, taker) = (name(from)?, name(chosen.index)?);
                        Some(match reason {
                            HandoffReason::Manual => Handoff::manual(giver, taker, reason),
                            reason => Handoff::automatic(giver, taker, reason),
                        })
                    });
            (chosen, handoff)
        };
        if let Some(handoff) = handoff {
            tracing::info!(%handoff, "handoff");
            self.tell(|| handoff.clone().into());
            journey.handoffs.push(handoff);
        }
        Some(chosen)
    }
}
