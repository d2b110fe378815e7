//! Moving the requests from one provider to another, and the reason that is given.

use agent_primitives::{Handoff, HandoffReason, Monotonic};

use super::FallbackChain;
use super::journey::Journey;
use super::state::State;
use crate::route::{Considered, Decision, RouteStrategy, Skip};

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// Moves the requests, or this one alone, to another link; says so where they were elsewhere.
    pub(super) fn move_to(
        &self,
        state: &mut State,
        journey: &mut Journey<'_>,
        index: usize,
        decision: &Decision,
        now: Monotonic,
    ) -> Option<Handoff> {
        // A request with a pin of its own does not move the others.
        let is_alone = journey.is_alone();
        // Within a request the way is its own; at its start it comes from wherever the requests before
        // it went.
        let (from, reason) = if let Some(from) = journey.from.take() {
            if !is_alone {
                state.current = Some(index);
            }
            from
        } else {
            if is_alone {
                return None;
            }
            let Some(from) = state.current else {
                state.current = Some(index);
                return None;
            };
            let unpinned = std::mem::take(&mut state.unpinned);
            let of_from = decision.of(from);
            let reason = if unpinned || state.pinned == Some(index) {
                state.current = Some(index);
                Some(HandoffReason::Manual)
            } else {
                let why = self.why_not(state, from, of_from, now);
                if awaits_trial(state, from, of_from, now) {
                    None
                } else if is_detour(state, from, of_from, now) {
                    why
                } else if matches!(of_from, Some(Considered::Skipped(_)))
                    || state.share(index, &self.shared.config.returning, now) >= 100
                {
                    state.current = Some(index);
                    why
                } else {
                    // A trial of one that comes back.
                    None
                }
            };
            (from, reason?)
        };
        if from == index {
            return None;
        }
        let name = |index: usize| Some(self.shared.links.get(index)?.id.clone());
        let (giver, taker) = (name(from)?, name(index)?);
        Some(match reason {
            HandoffReason::Manual => Handoff::manual(giver, taker, reason),
            reason => Handoff::automatic(giver, taker, reason),
        })
    }

    /// Why the requests leave the link where they went so far; `None` where that is no handoff, but
    /// the strategy's usual way.
    fn why_not(
        &self,
        state: &State,
        from: usize,
        of_from: Option<Considered>,
        now: Monotonic,
    ) -> Option<HandoffReason> {
        let failed = || state.reason(from, now);
        match of_from {
            Some(Considered::Skipped(skip)) => Some(match skip {
                Skip::LimitNear | Skip::Concurrency => HandoffReason::Predicted,
                Skip::ContextWindow => HandoffReason::ContextTooLong,
                Skip::Cost => HandoffReason::Cost,
                Skip::BreakerOpen => failed().unwrap_or(HandoffReason::BreakerOpen),
                skip if skip.is_misfit() => HandoffReason::Capability,
                _ => failed().unwrap_or(HandoffReason::Other),
            }),
            // Where nothing is wrong with it, a preferred one is back.
            _ if self.shared.config.route.strategy == RouteStrategy::Preference => {
                Some(failed().unwrap_or(HandoffReason::Recovered))
            }
            _ => failed(),
        }
    }
}

/// Whether another request is trying out the usual link, which has rested: this one goes elsewhere meanwhile,
/// and the work moves only if the trial fails.
fn awaits_trial(state: &State, from: usize, of_from: Option<Considered>, now: Monotonic) -> bool {
    matches!(of_from, Some(Considered::Skipped(Skip::BreakerOpen))) && state.comes_back(from, now)
}

/// Whether it is this request alone that cannot have the usual link, while others go there on.
fn is_detour(state: &State, from: usize, of_from: Option<Considered>, now: Monotonic) -> bool {
    match of_from {
        Some(Considered::Skipped(Skip::LimitNear)) => state.predicted_left(from, now).is_none(),
        Some(Considered::Skipped(skip)) => skip.is_misfit() || skip == Skip::Concurrency,
        _ => false,
    }
}
