//! What an attempt that ended means for its link: breaker, health, events.

use std::time::Duration;

use agent_primitives::{Attempt, Cooldown, HandoffReason, Monotonic, Scope, Usd};

use super::health::Leaving;
use super::operation::Held;
use super::scopes::Seen;
use super::{FallbackChain, Link};
use crate::budget::{OwnedSpendReservation, Spend, may_have_cost};
use crate::classify::{LimitSnapshot, Verdict};
use crate::failure::Failure;
use crate::provider::Metering;
use crate::route::{Feedback, Permille, Profile};

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// A call ended well.
    pub(crate) fn settle_success(&self, held: Held, metering: &Metering, ended: Monotonic) {
        self.settle(held, metering, Permille::ALL, ended);
    }

    /// A stream ended well, whose first token took `first_token`. Its reader may have paused since, so
    /// that the time to its end says nothing about the provider.
    pub(crate) fn settle_stream(
        &self,
        held: Held,
        metering: &Metering,
        first_token: Duration,
        ended: Monotonic,
    ) {
        self.answered(held, metering, Permille::ALL, Some(first_token), ended);
    }

    /// A call was answered, and how good that was.
    pub(super) fn settle(
        &self,
        held: Held,
        metering: &Metering,
        reward: Permille,
        ended: Monotonic,
    ) {
        self.answered(held, metering, reward, None, ended);
    }

    fn answered(
        &self,
        held: Held,
        metering: &Metering,
        reward: Permille,
        first_token: Option<Duration>,
        ended: Monotonic,
    ) {
        let Some(link) = self.shared.links.get(held.index) else {
            return;
        };
        let elapsed = ended.since(held.started);
        let waited = first_token.unwrap_or(elapsed);
        held.permit.success_after_at(waited, ended);
        if let Some(slot) = held.place.slot {
            slot.succeeded_in(waited);
        }
        if let Some(reservation) = held.place.reservation {
            reservation.reconcile(metering.usage, ended);
        }
        if let Some(spend) = held.place.spend {
            self.charge(spend, link, metering);
        }
        self.observe(link, &metering.limits, ended);
        {
            let config = &self.shared.config;
            let mut state = self.lock();
            state.succeeded(held.index, &held.seen, &config.returning, ended);
            if config.learns() {
                let feedback = Feedback::success().reward(reward);
                let feedback = match first_token {
                    Some(first) => feedback.first_token(first),
                    None => feedback.total(elapsed),
                };
                state.learned.record(held.index, feedback, ended);
            }
        }
        self.tell(|| Attempt::new(link.id.clone(), held.attempt, elapsed).into());
    }

    /// What a call cost is spent; where that is not known, its estimate.
    fn charge(&self, spend: OwnedSpendReservation, link: &Link<Req, Rep>, metering: &Metering) {
        let tokens = metering.usage.map(|usage| usage.total());
        match cost_of(&link.profile, metering) {
            None if tokens.is_none() => spend.keep(),
            cost => {
                let estimate = spend.estimate();
                let actual = Spend::new(
                    cost.unwrap_or(estimate.usd),
                    tokens.unwrap_or(estimate.tokens),
                );
                spend.settle_at(actual, self.shared.clock.timestamp());
            }
        }
    }

    /// A call failed. Whether its link rests is decided apart.
    pub(crate) fn settle_failure(&self, held: Held, verdict: &Verdict, ended: Monotonic) {
        self.failed(held, verdict, None, ended);
    }

    /// `came` says what a part of an answer took that came before the failure.
    fn failed(&self, held: Held, verdict: &Verdict, came: Option<&Metering>, ended: Monotonic) {
        let Some(link) = self.shared.links.get(held.index) else {
            return;
        };
        let (kind, attempt) = (verdict.kind, held.attempt);
        let elapsed = ended.since(held.started);
        tracing::debug!(gen_ai.provider.name = %link.id, attempt, error.type = %kind, "attempt failed");
        self.tell(|| {
            Attempt::new(link.id.clone(), attempt, elapsed)
                .failed(kind)
                .into()
        });
        held.permit.failure_at(verdict, ended);
        if let Some(slot) = held.place.slot {
            slot.failed_at(kind, ended);
        }
        if let Some(reservation) = held.place.reservation {
            // The call was made; what it used is known where a part of its answer says so.
            reservation.reconcile(came.and_then(|came| came.usage), ended);
        }
        if let Some(spend) = held.place.spend {
            match came {
                Some(metering) => self.charge(spend, link, metering),
                None if may_have_cost(kind) => spend.keep(),
                None => spend.cancel(),
            }
        }
        self.observe(link, &verdict.limits, ended);
        if self.shared.config.learns() && verdict.scope != Scope::Request {
            let feedback = Feedback::failure();
            self.lock().learned.record(held.index, feedback, ended);
        }
    }

    /// Takes over what a reply or a failure says of its limits.
    fn observe(&self, link: &Link<Req, Rep>, stated: &LimitSnapshot, now: Monotonic) {
        if let Some(allowance) = self.shared.allowances.get(link.allowance)
            && (self.shared.config.predict || allowance.is_known())
        {
            allowance.observe(stated, now, &self.shared.clock);
        }
    }

    /// A call had the whole time of its request and no answer: it counts, and the link rests as after
    /// any failure.
    pub(crate) fn settle_cut(&self, held: Held, failure: &Failure, ended: Monotonic) {
        self.cut(held, failure, None, ended);
    }

    /// A stream failed after part of its answer was delivered, so that nobody else can be asked. What
    /// came is paid for, whatever it failed of: as `came` says, or else as it was estimated.
    pub(crate) fn settle_cut_stream(
        &self,
        held: Held,
        failure: &Failure,
        came: &Metering,
        ended: Monotonic,
    ) {
        self.cut(held, failure, Some(came), ended);
    }

    fn cut(&self, held: Held, failure: &Failure, came: Option<&Metering>, ended: Monotonic) {
        let (index, seen) = (held.index, held.seen);
        self.failed(held, failure.verdict(), came, ended);
        if let Some(link) = self.shared.links.get(index)
            && failure.verdict().scope != Scope::Request
        {
            self.leave(index, link, failure.kind().into(), failure, &seen);
        }
    }

    /// Lets a link rest, and all that share what failed.
    pub(super) fn leave(
        &self,
        index: usize,
        link: &Link<Req, Rep>,
        reason: HandoffReason,
        failure: &Failure,
        seen: &Seen,
    ) {
        let verdict = failure.verdict();
        let (at, now) = (self.shared.clock.timestamp(), self.shared.clock.monotonic());
        let hint = verdict
            .retry_after
            .map_or(Duration::ZERO, |when| when.delay(at));
        let leaving = Leaving {
            reason,
            verdict,
            hint,
            seen: 0,
        };
        let rest = self
            .lock()
            .leave(index, leaving, seen, &self.shared.config, now);
        let rest = rest.max(link.breaker.retry_in().unwrap_or_default());
        tracing::info!(gen_ai.provider.name = %link.id, %reason, ?rest, "provider rests");
        self.tell(|| Cooldown::new(link.id.clone(), verdict.scope, verdict.kind, rest).into());
    }
}

/// What a call cost: as its reply says, or worked out.
pub(super) fn cost_of(profile: &Profile, metering: &Metering) -> Option<Usd> {
    let usage = metering.usage.as_ref();
    metering
        .cost
        .or_else(|| Some(profile.price.as_ref()?.cost(usage?)))
}
