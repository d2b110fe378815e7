//! The way of one request through the chain.

use std::time::Duration;

use agent_primitives::{
    Attempt, Cooldown, FailureKind, Handoff, HandoffReason, Monotonic, ProviderId, Retry, Scope,
};

use super::error::{ChainError, Exhausted};
use super::health::{self, Leaving};
use super::{FallbackChain, Link, Reply};
use crate::breaker::CircuitBreaker;
use crate::failure::Failure;
use crate::retry::NextStep;

/// One request on its way.
struct Journey {
    start: Monotonic,
    seed: u64,
    tried: Vec<bool>,
    attempts: u32,
    handoffs: Vec<Handoff>,
    /// Who had the request last, and why it goes on.
    from: Option<(usize, HandoffReason)>,
    last: Option<Failure>,
    /// The refusal of the largest window so far.
    too_long: Option<(ProviderId, Failure)>,
}

/// How a provider was given up, or why the whole call ends.
enum Left {
    /// It rests; `breaker` is the least time that its breaker asks for.
    Resting {
        reason: HandoffReason,
        failure: Failure,
        breaker: Duration,
        seen: u64,
    },
    /// It is only not asked again for this request.
    Tried {
        reason: HandoffReason,
        failure: Option<Failure>,
    },
    /// The request does not fit there.
    TooLong(Failure),
    /// The request itself is at fault.
    ForGood(Failure),
}

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// Asks until somebody answers.
    ///
    /// # Errors
    /// [`ChainError::Failed`] when the request itself has to change, [`ChainError::Exhausted`] when
    /// nobody can answer now.
    ///
    /// # Cancel safety
    /// Dropping the future drops the running call or ends the pause; breaker permits are given back
    /// and no provider is blamed.
    pub async fn call(&self, request: &Req) -> Result<Reply<Rep>, ChainError> {
        let mut journey = self.depart();
        while let Some(index) = self.take(&mut journey) {
            let Some(link) = self.shared.links.get(index) else {
                break;
            };
            let left = match self.ask(index, link, request, &mut journey).await {
                Ok((value, latency)) => {
                    return Ok(Reply {
                        value,
                        latency,
                        provider: link.id.clone(),
                        attempts: journey.attempts,
                        elapsed: self.shared.clock.monotonic().since(journey.start),
                        handoffs: journey.handoffs,
                    });
                }
                Err(left) => left,
            };
            if let Some(tried) = journey.tried.get_mut(index) {
                *tried = true;
            }
            let reason = match left {
                Left::ForGood(failure) => {
                    return Err(ChainError::Failed {
                        provider: link.id.clone(),
                        failure,
                        attempts: journey.attempts,
                    });
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
                Left::Resting {
                    reason,
                    failure,
                    breaker,
                    seen,
                } => {
                    self.leave(index, link, reason, &failure, breaker, seen);
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
            None => ChainError::Exhausted(Exhausted {
                providers: self.outlooks(),
                last: journey.last,
                attempts: journey.attempts,
            }),
        })
    }

    fn depart(&self) -> Journey {
        let mut state = self.lock();
        state.calls = state.calls.wrapping_add(1);
        Journey {
            start: self.shared.clock.monotonic(),
            seed: self.shared.seed ^ state.calls.rotate_left(32),
            tried: vec![false; self.shared.links.len()],
            attempts: 0,
            handoffs: Vec::new(),
            from: None,
            last: None,
            too_long: None,
        }
    }

    /// Chooses the next provider and moves the request to it.
    fn take(&self, journey: &mut Journey) -> Option<usize> {
        let now = self.shared.clock.monotonic();
        let (chosen, handoff) = {
            let mut state = self.lock();
            let pinned = state.pinned;
            let open = |index: usize| {
                // A pinned provider is asked even so: its breaker then says when to come back.
                let admits = |link: &Link<Req, Rep>| link.breaker.would_admit();
                journey.tried.get(index) == Some(&false)
                    && (pinned == Some(index) || self.shared.links.get(index).is_some_and(admits))
            };
            let chosen = health::choose(&state.healths, pinned, open, now)?;
            let current = state.current.replace(chosen);
            // Within a request the way is its own; at its start it comes from wherever the requests
            // before it went.
            let from = journey.from.take().or_else(|| {
                let unpinned = std::mem::take(&mut state.unpinned);
                let from = current?;
                let reason = if unpinned || pinned == Some(chosen) {
                    HandoffReason::Manual
                } else {
                    health::reason(&state.healths, from)
                };
                Some((from, reason))
            });
            let name = |index: usize| Some(self.shared.links.get(index)?.id.clone());
            let handoff = from
                .filter(|(from, _)| *from != chosen)
                .and_then(|(from, reason)| {
                    let (giver, taker) = (name(from)?, name(chosen)?);
                    Some(match reason {
                        HandoffReason::Manual => Handoff::manual(giver, taker, reason),
                        reason => Handoff::automatic(giver, taker, reason),
                    })
                });
            (chosen, handoff)
        };
        if let Some(handoff) = handoff {
            tracing::info!(%handoff, "handoff");
            self.tell(&handoff.clone().into());
            journey.handoffs.push(handoff);
        }
        Some(chosen)
    }

    /// Calls one provider as often as its policy allows.
    async fn ask(
        &self,
        index: usize,
        link: &Link<Req, Rep>,
        request: &Req,
        journey: &mut Journey,
    ) -> Result<(Rep, Duration), Left> {
        let policy = &self.shared.config.retry;
        let mut delays = policy.backoff.delays(journey.seed);
        let breaker = self.breaker_of(link);
        let mut last: Option<Failure> = None;
        let mut attempt: u32 = 1;
        loop {
            let seen = match self.may_ask(index, attempt) {
                Ok(seen) => seen,
                Err(reason) => {
                    return Err(Left::Tried {
                        reason,
                        failure: last,
                    });
                }
            };
            let Ok(permit) = breaker.admit() else {
                let reason = HandoffReason::BreakerOpen;
                return Err(match last {
                    Some(failure) => rest_for_breaker(&breaker, failure, seen),
                    // Another request has the probe; it will tell.
                    None => Left::Tried {
                        reason,
                        failure: None,
                    },
                });
            };
            journey.attempts = journey.attempts.saturating_add(1);
            let start = self.shared.clock.monotonic();
            let result = link.provider.call(request).await;
            let elapsed = self.shared.clock.monotonic().since(start);
            let record = Attempt::new(link.id.clone(), attempt, elapsed);
            let failure = match result {
                Ok(value) => {
                    permit.success();
                    self.succeeded(index, seen);
                    self.tell(&record.into());
                    return Ok((value, elapsed));
                }
                Err(failure) => failure,
            };
            let kind = failure.kind();
            tracing::debug!(gen_ai.provider.name = %link.id, attempt, error.type = %kind, "attempt failed");
            self.tell(&record.failed(kind).into());
            permit.failure(failure.verdict());

            let now = self.shared.clock.timestamp();
            match policy.next_step(failure.verdict(), attempt, now, &mut delays) {
                // A pause that the breaker outlasts would be for nothing.
                NextStep::Again(pause) if breaker.retry_in().is_some_and(|left| left > pause) => {
                    return Err(rest_for_breaker(&breaker, failure, seen));
                }
                NextStep::Again(pause) => {
                    attempt = attempt.saturating_add(1);
                    self.tell(&Retry::new(link.id.clone(), attempt, pause, kind).into());
                    self.shared.sleep.sleep(pause).await;
                    last = Some(failure);
                }
                NextStep::GiveUp(why) => {
                    tracing::debug!(gen_ai.provider.name = %link.id, %why, "provider given up");
                    return Err(give_up(failure, seen));
                }
                NextStep::Stop => {
                    return Err(match kind {
                        FailureKind::ContextTooLong | FailureKind::PayloadTooLarge => {
                            Left::TooLong(failure)
                        }
                        _ => Left::ForGood(failure),
                    });
                }
            }
        }
    }

    /// The generation in which a call begins; or why it must not, because the provider was sent to
    /// rest during a pause of this request.
    fn may_ask(&self, index: usize, attempt: u32) -> Result<u64, HandoffReason> {
        let now = self.shared.clock.monotonic();
        let state = self.lock();
        let Some(health) = state.healths.get(index) else {
            return Err(HandoffReason::Other);
        };
        if attempt > 1 && state.pinned != Some(index) && health.rests(now) {
            return Err(health.left_because.unwrap_or(HandoffReason::Other));
        }
        Ok(health.generation())
    }

    fn succeeded(&self, index: usize, seen: u64) {
        if let Some(health) = self.lock().healths.get_mut(index) {
            health.succeeded(seen);
        }
    }

    /// Lets a provider rest.
    fn leave(
        &self,
        index: usize,
        link: &Link<Req, Rep>,
        reason: HandoffReason,
        failure: &Failure,
        breaker: Duration,
        seen: u64,
    ) {
        let config = &self.shared.config;
        let verdict = failure.verdict();
        let (at, now) = (self.shared.clock.timestamp(), self.shared.clock.monotonic());
        let leaving = Leaving {
            reason,
            verdict: Some(verdict),
            hint: verdict
                .retry_after
                .map_or(Duration::ZERO, |when| when.delay(at)),
            breaker,
            seen,
        };
        let rest = match self.lock().healths.get_mut(index) {
            Some(health) => health.leave(leaving, &config.rest, config.probe_every, now),
            None => return,
        };
        tracing::info!(gen_ai.provider.name = %link.id, %reason, ?rest, "provider rests");
        self.tell(&Cooldown::new(link.id.clone(), verdict.scope, verdict.kind, rest).into());
    }
}

/// A provider that is given up rests, unless only this request is not allowed there.
fn give_up(failure: Failure, seen: u64) -> Left {
    let reason = failure.kind().into();
    if failure.verdict().scope == Scope::Request {
        return Left::Tried {
            reason,
            failure: Some(failure),
        };
    }
    Left::Resting {
        reason,
        failure,
        breaker: Duration::ZERO,
        seen,
    }
}

/// A provider whose breaker opened rests until it lets a call through.
fn rest_for_breaker(breaker: &CircuitBreaker, failure: Failure, seen: u64) -> Left {
    Left::Resting {
        reason: HandoffReason::BreakerOpen,
        failure,
        breaker: breaker.retry_in().unwrap_or_default(),
        seen,
    }
}
