//! Choosing the next provider, taking a place there, and moving the request to it.

use std::sync::atomic::Ordering;

use agent_primitives::{Clock, Monotonic};

use super::allowance::Short;
use super::decisions::DecisionRecord;
use super::journey::{Journey, Outcome, Tried};
use super::place::{NoPlace, Place};
use super::scopes::Seen;
use super::{CallOptions, FallbackChain};
use crate::route::{Availability, Candidate, Considered, Decision, Needs, Skip, decide};

/// A place at a link for the next attempt.
pub(super) struct Chosen {
    pub(super) index: usize,
    /// It rests, and is only asked because nobody else is left: once.
    pub(super) last_resort: bool,
    /// It stands in for one that is preferred and able, and not to be had now.
    pub(super) stands_in: bool,
    /// Others could be asked in its place.
    pub(super) has_others: bool,
    pub(super) seen: Seen,
    pub(super) place: Place,
}

/// Links that had no place for one request when it asked.
#[derive(Default)]
struct Refused {
    near: Tried,
    full: Tried,
    dear: Tried,
}

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// Chooses the next provider and moves the request to it.
    pub(super) fn take(&self, journey: &mut Journey<'_>) -> Option<Chosen> {
        let now = self.shared.clock.monotonic();
        let needs = &journey.options.needs;
        let mut refused = Refused::default();
        let mut overtaken = Tried::default();
        let (index, decision, place, mut state) = loop {
            let decision = self.decide(journey, &refused, now);
            let Some(index) = decision.chosen() else {
                self.keep(journey, &decision);
                return None;
            };
            let link = self.shared.links.get(index)?;
            match self.place(link, needs, journey.options.budget.as_ref(), now) {
                Ok(place) => {
                    let state = self.lock();
                    let returning = &self.shared.config.returning;
                    // Whoever came first since the choice has the trial. Chosen once more, it is asked
                    // as the last one that is left.
                    let is_overtaken = journey.pinned(&state).is_none()
                        && !overtaken.contains(index)
                        && !state.has_credit(index, returning, now);
                    if !is_overtaken {
                        break (index, decision, place, state);
                    }
                    overtaken.insert(index);
                }
                Err(NoPlace::Slots) => refused.full.insert(index),
                Err(NoPlace::Money(why)) => {
                    refused.dear.insert(index);
                    journey.over_budget = Some(why);
                }
                Err(NoPlace::Limit(short)) => {
                    refused.near.insert(index);
                    self.predict(journey, index, short, now);
                }
            }
        };
        let last_resort =
            journey.pinned(&state) != Some(index) && state.rest_left(index, now).is_some();
        let handoff = self.move_to(&mut state, journey, index, &decision, now);
        if journey.tried.is_empty() {
            state.spend_credit(index, &self.shared.config.returning, now);
        }
        let seen = state.seen(index);
        drop(state);
        self.keep(journey, &decision);
        if let Some(handoff) = handoff {
            tracing::info!(%handoff, "handoff");
            self.tell(|| handoff.clone().into());
            journey.moved(handoff);
        }
        let became = |index| decision.of(index);
        Some(Chosen {
            index,
            last_resort,
            stands_in: (0..index).filter_map(became).any(is_passed_over),
            has_others: (0..self.shared.links.len())
                .filter_map(became)
                .any(|other| matches!(other, Considered::Lost(_))),
            seen,
            place,
        })
    }

    /// The decision for a request with these needs as everything stands now. Nothing is taken, and
    /// nobody is asked.
    ///
    /// ```
    /// # use agent_resilience::*; use agent_primitives::*;
    /// # struct P(ProviderId);
    /// # #[async_trait::async_trait]
    /// # impl Provider<str> for P {
    /// #     type Reply = ();
    /// #     fn id(&self) -> &ProviderId { &self.0 }
    /// #     async fn call(&self, _: &str) -> Result<(), Failure> { Ok(()) }
    /// # }
    /// # let provider = |name| P(ProviderId::new(name).unwrap());
    /// # let clock = std::sync::Arc::new(ManualClock::default());
    /// let blind = Profile::default().capabilities(Capabilities::default().without_vision());
    /// let chain = FallbackChain::builder()
    ///     .provider_with(provider("llama"), blind)
    ///     .provider(provider("claude"))
    ///     .build()
    ///     .unwrap();
    /// let decision = chain.explain(&Needs::default().vision());
    /// assert_eq!(
    ///     decision.table(&chain.providers()).to_string(),
    ///     "llama   skipped  no_vision\nclaude  chosen   -1.000\n"
    /// );
    /// ```
    pub fn explain(&self, needs: &Needs) -> Decision {
        let now = self.shared.clock.monotonic();
        let options = CallOptions::new().needs(*needs);
        let journey = Journey::new(&options, now, 0);
        let mut refused = Refused::default();
        for (index, link) in self.shared.links.iter().enumerate() {
            match self.no_place(link, needs, now) {
                Some(Skip::Concurrency) => refused.full.insert(index),
                Some(_) => refused.near.insert(index),
                None => {}
            }
        }
        self.decide(&journey, &refused, now)
    }

    fn decide(&self, journey: &Journey<'_>, refused: &Refused, now: Monotonic) -> Decision {
        let config = &self.shared.config;
        let state = self.lock();
        let pinned = journey.pinned(&state);
        let skip = |index: usize| {
            if pinned.is_some_and(|pinned| pinned != index) {
                Some(Skip::NotPinned)
            } else if journey.tried.contains(index) || journey.avoid.contains(index) {
                Some(Skip::Tried)
            } else if refused.near.contains(index) {
                Some(Skip::LimitNear)
            } else if refused.full.contains(index) {
                Some(Skip::Concurrency)
            } else if refused.dear.contains(index) {
                Some(Skip::Cost)
            } else {
                None
            }
        };
        let learns = config.learns();
        let candidates = |escalates: bool, last_resort: bool| {
            let (state, skip) = (&state, &skip);
            self.shared
                .links
                .iter()
                .enumerate()
                .map(move |(index, link)| {
                    let mut candidate = Candidate::new(&link.profile);
                    let too_weak = escalates && Some(link.profile.strength) <= journey.rejected;
                    candidate.availability = match skip(index) {
                        Some(skip) => Availability::Skipped(skip),
                        None if journey.is_too_long_for(&link.profile) => {
                            Availability::Skipped(Skip::ContextWindow)
                        }
                        None if too_weak => Availability::Skipped(Skip::TooWeak),
                        // A pinned provider is asked whatever its health: its breaker then says when
                        // to come back.
                        None if pinned.is_some() => Availability::Ready,
                        None => {
                            let admits = link.breaker.would_admit_at(now);
                            if last_resort {
                                state.last_resort(index, admits, now)
                            } else {
                                state.availability(index, admits, &config.returning, now)
                            }
                        }
                    };
                    candidate.in_flight = link.under_way.load(Ordering::Relaxed);
                    if learns {
                        state.learned.inform(candidate, &index, now)
                    } else {
                        candidate
                    }
                })
        };
        let needs = &journey.options.needs;
        let (route, advice) = (&config.route, journey.advice());
        let choose = |escalates, last_resort| {
            let candidates = candidates(escalates, last_resort);
            decide(candidates, needs, route, advice, journey.seed)
        };
        if journey.rejected.is_some() && config.check.escalate {
            let stronger = choose(true, false);
            if stronger.chosen().is_some() {
                return stronger;
            }
        }
        let decision = choose(false, false);
        if decision.chosen().is_some() || pinned.is_some() {
            return decision;
        }
        let last_resort = choose(false, true);
        if last_resort.chosen().is_some() {
            last_resort
        } else {
            decision
        }
    }

    /// A limit does not hold the request. Where it is nearly used up, the link is left for a while, so
    /// that requests do not go to and fro with each token that comes back.
    pub(super) fn predict(
        &self,
        journey: &mut Journey<'_>,
        index: usize,
        short: Short,
        now: Monotonic,
    ) {
        let Some(retry_in) = short.retry_in else {
            journey.note(index, Outcome::TOO_LARGE);
            return;
        };
        journey.is_short(index, retry_in);
        if short.nearly_empty {
            let hysteresis = self.shared.config.returning.hysteresis;
            self.lock().predict(index, now + retry_in.max(hysteresis));
        }
    }

    fn keep(&self, journey: &mut Journey<'_>, decision: &Decision) {
        journey.decided(decision);
        let keeps = self.shared.config.decisions > 0;
        if keeps {
            let record = DecisionRecord {
                at: self.shared.clock.timestamp(),
                request: journey.number,
                decision: *decision,
            };
            self.lock().log.push(record);
        }
    }
}

/// Whether one that is able was not to be had.
fn is_passed_over(one: Considered) -> bool {
    matches!(one, Considered::Skipped(skip) if skip != Skip::NotPinned && !skip.is_misfit())
}
