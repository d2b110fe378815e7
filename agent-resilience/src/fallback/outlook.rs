//! How everybody stands to whom a request could go: whether they may answer it, and when.

use std::time::Duration;

use agent_primitives::{Clock, HandoffReason};

use super::FallbackChain;
use super::error::Outlook;
use super::journey::{Journey, Outcome};
use super::status::ProviderStatus;
use crate::route::{Considered, Skip};

/// Where nobody can say when, for instance because another request has the probe of a breaker.
pub(super) const SHORTEST_WAIT: Duration = Duration::from_millis(100);

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// How everybody stands to whom the request could go, once nobody was chosen for it.
    pub(super) fn outlooks(&self, journey: &Journey<'_>) -> Vec<Outlook> {
        let at = self.shared.clock.timestamp();
        let status = self.status();
        // With a pin, nobody else would be asked.
        let pinned = journey
            .pin
            .or_else(|| status.iter().position(|status| status.pinned));
        let decision = journey.decisions.last();
        status
            .into_iter()
            .enumerate()
            .filter(|(index, _)| pinned.is_none_or(|pinned| pinned == *index))
            .map(|(index, status)| {
                let skip = match decision.and_then(|decision| decision.of(index)) {
                    Some(Considered::Skipped(skip)) => Some(skip),
                    _ => None,
                };
                let short = journey.short.iter().find(|(of, _)| *of == index);
                let short = short.map(|(_, retry_in)| *retry_in);
                let outcome = journey.outcome(index);
                let retry_in = retry_in(&status, skip, short, outcome);
                let reason = outcome.map(|outcome| outcome.reason).or(status.reason);
                Outlook {
                    provider: status.provider,
                    failure: outcome
                        .and_then(|outcome| outcome.failure)
                        .or(status.failure),
                    reason: reason.or_else(|| skip.and_then(reason_of)),
                    retry_in,
                    retry_at: retry_in.map(|retry_in| at + retry_in),
                }
            })
            .collect()
    }
}

/// When a link may answer the request; `None` where it never will.
fn retry_in(
    status: &ProviderStatus,
    skip: Option<Skip>,
    short: Option<Duration>,
    outcome: Option<Outcome>,
) -> Option<Duration> {
    let never = outcome.is_some_and(|outcome| outcome.is_final)
        || skip.is_some_and(|skip| skip.is_misfit() || skip == Skip::Cost);
    if never {
        return None;
    }
    let known = status.rests_for.max(short);
    let is_busy = matches!(
        skip,
        Some(Skip::Tried | Skip::Concurrency | Skip::BreakerOpen)
    );
    Some(known.unwrap_or(if is_busy {
        SHORTEST_WAIT
    } else {
        Duration::ZERO
    }))
}

/// The word for a link that was not asked.
fn reason_of(skip: Skip) -> Option<HandoffReason> {
    match skip {
        Skip::LimitNear | Skip::Concurrency => Some(HandoffReason::Predicted),
        Skip::BreakerOpen => Some(HandoffReason::BreakerOpen),
        Skip::Cost => Some(HandoffReason::Cost),
        Skip::ContextWindow => Some(HandoffReason::ContextTooLong),
        skip if skip.is_misfit() => Some(HandoffReason::Capability),
        _ => None,
    }
}
