//! Asking one provider as often as its policy allows.

use std::time::Duration;

use agent_primitives::{Attempt, FailureKind, HandoffReason, Monotonic, Retry, Scope};

use super::attempt::{Ended, in_time, sooner};
use super::hedge::Pair;
use super::journey::{Gone, Journey, Left};
use super::operation::{Held, Operation};
use super::place::{NoPlace, Place};
use super::scopes::Seen;
use super::select::Chosen;
use super::{FallbackChain, Link};

use crate::classify::{Evidence, Verdict};
use crate::failure::Failure;
use crate::retry::{FailedAttempt, NextStep};

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// Calls one provider as often as its policy allows.
    pub(super) async fn ask<O: Operation<Req, Rep>>(
        &self,
        operation: &O,
        chosen: Chosen,
        link: &Link<Req, Rep>,
        request: &Req,
        journey: &mut Journey<'_>,
        pair: Option<&Pair>,
    ) -> Result<(O::Output, Held, Monotonic), Left> {
        let Chosen {
            index,
            last_resort,
            stands_in: _,
            has_others,
            seen,
            place,
        } = chosen;
        let config = &self.shared.config;
        let (policy, clock) = (&config.retry, &*self.shared.clock);
        let longest = sooner(config.attempt_timeout, policy.attempt_timeout);
        let mut delays = policy.backoff.delays(journey.seed);
        let breaker = self.breaker_of(link);
        let mut last: Option<Failure> = None;
        let mut attempt: u32 = 1;
        let mut taken = Some((seen, place));
        loop {
            let started = clock.monotonic();
            if journey.deadline.is_over(started) {
                return Err(Left::OutOfTime(last));
            }
            let again = match taken.take() {
                Some(taken) => Ok(taken),
                None => self.place_again(index, link, journey, started),
            };
            let (seen, place) = match again {
                Ok(taken) => taken,
                Err(reason) => return Err(Left::tried(reason, last)),
            };
            let Ok(permit) = breaker.admit_owned_at(started) else {
                let reason = HandoffReason::BreakerOpen;
                return Err(match last {
                    Some(failure) => self.rest(index, link, reason, failure, &seen),
                    // Another request has the probe; it will tell.
                    None => Left::tried(reason, None),
                });
            };
            let mut held = Held {
                index,
                permit,
                place,
                seen,
                started,
                attempt,
            };
            journey.attempts = journey.attempts.saturating_add(1);
            pair.into_iter().for_each(Pair::calls);
            held.place.sent();
            let allowed = share(longest, journey.deadline.left(started), has_others);
            let call = operation.start(&*link.provider, request);
            let sleep = &*self.shared.sleep;
            let ended = in_time(call, allowed, journey.deadline, clock, sleep).await;
            let now = clock.monotonic();
            let failure = match ended {
                Ended::Itself(Ok(value)) => return Ok((value, held, now)),
                Ended::Itself(Err(failure)) => failure,
                Ended::TooSlow(after) if had_its_time(after, longest) => timed_out(after),
                Ended::TooSlow(after) => {
                    let failure = timed_out(after);
                    self.cut_short(held, link, now);
                    return Err(Left::tried(failure.kind().into(), Some(failure)));
                }
                Ended::OutOfTime(after) => {
                    let blamed = had_its_time(after, longest);
                    return Err(self.ends_silent(held, link, timed_out(after), blamed, now));
                }
            };
            let kind = failure.kind();
            self.settle_failure(held, failure.verdict(), now);

            let failed = FailedAttempt::new(failure.verdict(), attempt, clock.timestamp())
                .left(journey.deadline.left(now));
            match policy.decide(&failed, &mut delays) {
                // A pause that the breaker outlasts would be for nothing.
                NextStep::Again(pause) if breaker.retry_in().is_some_and(|left| left > pause) => {
                    let reason = HandoffReason::BreakerOpen;
                    return Err(self.rest(index, link, reason, failure, &seen));
                }
                NextStep::Again(pause) if !last_resort && self.is_retried(kind) => {
                    attempt = attempt.saturating_add(1);
                    self.hold(index, failure.verdict(), now);
                    self.tell(|| Retry::new(link.id.clone(), attempt, pause, kind).into());
                    self.shared.sleep.sleep(pause).await;
                    last = Some(failure);
                }
                NextStep::Again(_) => return Err(self.give_up(index, link, failure, &seen)),
                NextStep::GiveUp(why) => {
                    tracing::debug!(gen_ai.provider.name = %link.id, %why, "provider given up");
                    return Err(self.give_up(index, link, failure, &seen));
                }
                NextStep::Stop => return Err(self.stop(failure)),
            }
        }
    }

    /// Keeps the others away for as long as the provider asked this request to wait.
    fn hold(&self, index: usize, verdict: &Verdict, now: Monotonic) {
        if verdict.scope != Scope::Request
            && let Some(hint) = verdict.retry_after
        {
            let hint = hint.delay(self.shared.clock.timestamp());
            self.lock().hold(index, verdict, hint, now);
        }
    }

    /// The time of the request is over while a provider is silent.
    fn ends_silent(
        &self,
        held: Held,
        link: &Link<Req, Rep>,
        failure: Failure,
        blamed: bool,
        now: Monotonic,
    ) -> Left {
        if blamed {
            self.settle_cut(held, &failure, now);
        } else {
            self.cut_short(held, link, now);
        }
        Left::OutOfTime(Some(failure))
    }

    /// A call had too little time to show anything about its provider: it is told, and dropped as one
    /// that its caller gave up.
    fn cut_short(&self, held: Held, link: &Link<Req, Rep>, now: Monotonic) {
        self.tell(|| {
            Attempt::new(link.id.clone(), held.attempt, now.since(held.started))
                .failed(FailureKind::Timeout)
                .into()
        });
        drop(held);
    }

    /// Who was silent for the whole time of an attempt is not given another one, unless the settings
    /// name timeouts: a hang would be waited for as often as there are attempts.
    fn is_retried(&self, kind: FailureKind) -> bool {
        kind != FailureKind::Timeout || self.shared.config.retry.per_kind.contains_key(&kind)
    }

    /// A place for another attempt at the same provider; or why there is none: it was sent to rest
    /// during a pause of this request, or its limits hold no more.
    fn place_again(
        &self,
        index: usize,
        link: &Link<Req, Rep>,
        journey: &mut Journey<'_>,
        now: Monotonic,
    ) -> Result<(Seen, Place), HandoffReason> {
        let seen = {
            let state = self.lock();
            let pinned = journey.pinned(&state) == Some(index);
            if !pinned && state.rest_left(index, now).is_some() {
                let reason = state.reason(index, now);
                return Err(reason.unwrap_or(HandoffReason::Other));
            }
            state.seen(index)
        };
        let options = journey.options;
        match self.place(link, &options.needs, options.budget.as_ref(), now) {
            Ok(place) => Ok((seen, place)),
            Err(NoPlace::Slots) => Err(HandoffReason::Predicted),
            Err(NoPlace::Limit(short)) => {
                self.predict(journey, index, short, now);
                Err(HandoffReason::Predicted)
            }
            Err(NoPlace::Money(refused)) => {
                journey.over_budget = Some(refused);
                Err(HandoffReason::Cost)
            }
        }
    }

    /// A request that has to change before anybody can answer it.
    fn stop(&self, failure: Failure) -> Left {
        match failure.kind() {
            FailureKind::ContextTooLong | FailureKind::PayloadTooLarge => {
                Left::Gone(Gone::TooLong(failure))
            }
            FailureKind::ContentPolicy if self.shared.config.route_around_content_policy => {
                Left::tried(failure.kind().into(), Some(failure))
            }
            _ => Left::ForGood(failure),
        }
    }

    /// A provider that is given up rests, unless only this request is not allowed there.
    fn give_up(&self, index: usize, link: &Link<Req, Rep>, failure: Failure, seen: &Seen) -> Left {
        let reason = failure.kind().into();
        if failure.verdict().scope == Scope::Request {
            return Left::tried(reason, Some(failure));
        }
        self.rest(index, link, reason, failure, seen)
    }

    fn rest(
        &self,
        index: usize,
        link: &Link<Req, Rep>,
        reason: HandoffReason,
        failure: Failure,
        seen: &Seen,
    ) -> Left {
        self.leave(index, link, reason, &failure, seen);
        Left::tried(reason, Some(failure))
    }
}

/// The longest that one attempt may take: half of what is left where others could answer as well.
fn share(longest: Option<Duration>, left: Duration, has_others: bool) -> Option<Duration> {
    let share = longest.filter(|_| has_others).map(|_| left / 2);
    sooner(longest, share)
}

/// Whether a provider that did not answer by then is to blame, and not the caller who had little time:
/// after a quarter of what an attempt may take.
fn had_its_time(after: Duration, longest: Option<Duration>) -> bool {
    longest.is_none_or(|longest| after >= longest / 4)
}

fn timed_out(after: Duration) -> Failure {
    let verdict = Verdict::new(FailureKind::Timeout).evidence(Evidence::Transport);
    Failure::new(verdict).with_source(format!("no answer within {after:?}"))
}
