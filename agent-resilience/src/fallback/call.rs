//! The way of one request through the chain.

use std::sync::atomic::Ordering;
use std::time::Duration;

use agent_primitives::{Clock, FailureKind, HandoffReason};

use super::attempt;
use super::check::CheckLevel;
use super::error::{ChainError, Exhausted, OutOfTime, Outlook, OverBudget};
use super::hedge::Pair;
use super::journey::{Answer, Gone, Journey, Left};
use super::operation::{Operation, Whole};
use super::outlook::SHORTEST_WAIT;
use super::settle::cost_of;
use super::status::UnknownProvider;
use super::{CallOptions, FallbackChain, Link, Reply};
use crate::deadline::Deadline;
use crate::route::{Considered, Permille, Skip};

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
        let check = self.shared.check.as_deref();
        let whole = Whole { check };
        let answer = match &self.shared.config.hedge {
            // Two runs are large, and most chains have none.
            Some(hedge) => Box::pin(self.hedged(&whole, request, options, hedge.after)).await?,
            None => self.travel(&whole, request, options).await?,
        };
        let (latency, elapsed) = (answer.latency(), answer.elapsed());
        let Answer {
            value,
            held,
            ended,
            journey,
        } = answer;
        let Some(link) = self.shared.links.get(held.index) else {
            let providers = self.outlooks(&journey);
            return Err(nobody(journey, providers));
        };
        let metering = link.provider.metering(&value);
        let cost = cost_of(&link.profile, &metering);
        self.settle_success(held, &metering, ended);
        Ok(Reply {
            value,
            provider: link.id.clone(),
            attempts: journey.attempts,
            latency,
            elapsed,
            handoffs: journey.handoffs,
            decisions: journey.decisions,
            left_out: journey.left_out,
            usage: metering.usage,
            cost,
        })
    }

    /// Does `operation` at one provider after the other, until one does it. What it holds there is
    /// settled by the caller.
    pub(crate) async fn travel<'a, O: Operation<Req, Rep>>(
        &self,
        operation: &O,
        request: &Req,
        options: &'a CallOptions,
    ) -> Result<Answer<'a, O::Output>, ChainError> {
        let journey = self.depart(options).map_err(ChainError::UnknownProvider)?;
        self.run(operation, request, journey, None).await
    }

    /// [`travel`](Self::travel) for a request that may run twice: `pair` is told of it, and what the
    /// other run has is left to that.
    pub(super) async fn run<'a, O: Operation<Req, Rep>>(
        &self,
        operation: &O,
        request: &Req,
        mut journey: Journey<'a>,
        pair: Option<&Pair>,
    ) -> Result<Answer<'a, O::Output>, ChainError> {
        loop {
            while let Some(chosen) = self.take_apart(&mut journey, pair) {
                let index = chosen.index;
                let Some(link) = self.shared.links.get(index) else {
                    break;
                };
                if let Some(pair) = pair {
                    pair.is_at(index, &journey);
                }
                let stands_in = chosen.stands_in;
                let asked = self.ask(operation, chosen, link, request, &mut journey, pair);
                let gone = match asked.await {
                    Ok((value, held, ended)) => {
                        let level = self.check_level(index);
                        let checked = operation.check(&*link.provider, request, &value, level);
                        if let Some((rejection, metering)) = checked {
                            self.settle(held, &metering, Permille::NONE, ended);
                            journey.rejected = journey.rejected.max(Some(link.profile.strength));
                            let gone = Gone::Tried {
                                reason: HandoffReason::Quality,
                                failure: Some(rejection.into()),
                            };
                            journey.goes_on(index, &link.id, gone);
                            continue;
                        }
                        return Ok(Answer {
                            value,
                            held,
                            ended,
                            journey,
                        });
                    }
                    Err(Left::Gone(gone)) => {
                        if let Gone::TooLong(failure) = &gone {
                            journey.outgrows(failure, &link.profile);
                        }
                        gone
                    }
                    // Whoever takes over may accept less than the one before: the next may accept
                    // more.
                    Err(Left::ForGood(failure))
                        if (stands_in || !journey.tried.is_empty())
                            && failure.kind() == FailureKind::InvalidRequest =>
                    {
                        let reason = HandoffReason::Capability;
                        let failure = Some(failure);
                        Gone::Tried { reason, failure }
                    }
                    Err(Left::ForGood(failure)) => {
                        return Err(ChainError::Failed {
                            provider: link.id.clone(),
                            failure,
                            attempts: journey.attempts,
                        });
                    }
                    Err(Left::OutOfTime(failure)) => {
                        journey.last = failure.or(journey.last);
                        return Err(self.out_of_time(journey));
                    }
                };
                journey.goes_on(index, &link.id, gone);
            }
            if let Some(pause) = self.held_for(&journey) {
                journey.holds = journey.holds.saturating_add(1);
                tracing::debug!(?pause, "waiting as a provider asked another request to");
                self.shared.sleep.sleep(pause).await;
                continue;
            }
            let providers = self.outlooks(&journey);
            let first = providers
                .iter()
                .enumerate()
                .filter(|(index, _)| !journey.avoid.contains(*index))
                .filter_map(|(_, outlook)| outlook.retry_in)
                .min();
            let Some(pause) = first.and_then(|first| self.worth_waiting(&journey, first)) else {
                return Err(nobody(journey, providers));
            };
            tracing::debug!(?pause, "waiting for the first provider to come back");
            self.shared.sleep.sleep(pause).await;
            journey.begins_anew();
        }
    }

    /// How closely a reply of this link is looked at.
    pub(super) fn check_level(&self, index: usize) -> CheckLevel {
        let config = &self.shared.config.check;
        let strength = |link: &Link<Req, Rep>| link.profile.strength;
        let before = self.shared.links.iter().take(index).map(strength).max();
        let own = self.shared.links.get(index).map(strength);
        if own.is_some_and(|own| own > 0) && before > own {
            config.level.max(config.after_weaker)
        } else {
            config.level
        }
    }

    /// How long to wait for the first to come back, where that is wanted and ends in time.
    fn worth_waiting(&self, journey: &Journey<'_>, first: Duration) -> Option<Duration> {
        let config = &self.shared.config;
        if !config.wait_for_first || journey.deadline == Deadline::NEVER {
            return None;
        }
        let left = journey.deadline.left(self.shared.clock.monotonic());
        let wait = first.max(SHORTEST_WAIT);
        let spare = left.checked_sub(wait).filter(|left| !left.is_zero())?;
        Some(wait + self.spread(journey, spare))
    }

    /// How long to wait for one that asked another request for a short pause, as that request does
    /// itself: where nobody else is left, and as often as one provider is asked.
    fn held_for(&self, journey: &Journey<'_>) -> Option<Duration> {
        let now = self.shared.clock.monotonic();
        if journey.holds >= self.shared.config.retry.max_attempts.get() {
            return None;
        }
        let state = self.lock();
        let decision = journey.decisions.last()?;
        let held = (0..self.shared.links.len())
            .filter(|index| decision.of(*index) == Some(Considered::Skipped(Skip::LimitNear)))
            .filter_map(|index| state.held_left(index, now))
            .min()?;
        let spare = journey.deadline.left(now).checked_sub(held)?;
        (!spare.is_zero()).then(|| held + self.spread(journey, spare))
    }

    /// Those who wait for the same moment do not come together, and keep half of their `spare` time.
    fn spread(&self, journey: &Journey<'_>, spare: Duration) -> Duration {
        let config = &self.shared.config;
        let spread = config.returning.ramp.max(config.wait_spread);
        let part = fastrand::Rng::with_seed(journey.seed).f64();
        spread.min(spare / 2).mul_f64(part)
    }

    fn out_of_time(&self, journey: Journey<'_>) -> ChainError {
        ChainError::OutOfTime(OutOfTime {
            last: journey.last,
            attempts: journey.attempts,
            elapsed: self.shared.clock.monotonic().since(journey.start),
        })
    }

    pub(super) fn depart<'a>(
        &self,
        options: &'a CallOptions,
    ) -> Result<Journey<'a>, UnknownProvider> {
        let start = self.shared.clock.monotonic();
        let calls = self.shared.calls.fetch_add(1, Ordering::Relaxed);
        let number = calls.wrapping_add(1);
        let seed = self.shared.seed ^ number.rotate_left(32);
        let mut journey = Journey::new(options, start, seed);
        journey.number = number;
        if let Some(provider) = &options.pin {
            let Some(index) = self.position(provider) else {
                return Err(self.unknown(provider));
            };
            journey.pin = Some(index);
        }
        let total = self.shared.config.retry.total;
        journey.deadline = attempt::deadline(start, total, options.deadline);
        Ok(journey)
    }
}

/// Why nobody answered. It is the request's fault only where nobody could answer it later either.
fn nobody(journey: Journey<'_>, providers: Vec<Outlook>) -> ChainError {
    let attempts = journey.attempts;
    let may_pass = providers.iter().any(|outlook| outlook.retry_in.is_some());
    match (journey.too_long, journey.over_budget) {
        (Some((provider, failure)), _) if !may_pass => ChainError::Failed {
            provider,
            failure,
            attempts,
        },
        (_, Some(refused)) if !may_pass => ChainError::OverBudget(OverBudget {
            refused,
            last: journey.last,
            attempts,
        }),
        (too_long, over_budget) => ChainError::Exhausted(Exhausted {
            providers,
            last: journey.last,
            attempts,
            too_long: too_long.map(Box::new),
            over_budget: over_budget.map(Box::new),
        }),
    }
}
