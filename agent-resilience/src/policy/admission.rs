//! What an attempt holds while it is under way, and how it comes by it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use agent_primitives::{Attempt, Event, FailureKind, Monotonic, Retry, Scope, Stamp, TokenUsage};

use super::error::Refusal;
use super::money;
use super::{Observed, Stages};
use crate::breaker::{BreakerOpen, Permit};
use crate::classify::Verdict;
use crate::deadline::{Deadline, TimeLimit};
use crate::limit::{ConcurrencyPermit, Cost, Reservation};

/// A place in each stage; dropped, it gives all of them back.
///
/// The last taken is the first given back.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    permit: Option<Permit<'a>>,
    slot: Option<ConcurrencyPermit<'a>>,
    reservation: Option<Reservation<'a>>,
    money: Option<money::Held<'a>>,
}

/// The stages that made the attempt wait.
pub(super) type Admitting<'a> =
    Pin<Box<dyn Future<Output = Result<Admission<'a>, Refusal>> + Send + 'a>>;

impl Admission<'_> {
    pub(super) const NONE: Self = Self {
        permit: None,
        slot: None,
        reservation: None,
        money: None,
    };

    #[inline]
    pub(super) fn succeeded(&mut self, usage: Option<TokenUsage>, ended: Monotonic) {
        if let Some(permit) = self.permit.take() {
            permit.success_at(ended);
        }
        if let Some(slot) = self.slot.take() {
            slot.succeeded_at(ended);
        }
        if let Some(reservation) = &mut self.reservation {
            // A usage tells of tokens; how many requests there were is known.
            let requests = reservation.cost().requests;
            let actual = usage.map(|usage| Cost {
                requests,
                ..Cost::from(usage)
            });
            reservation.settle_in_place(actual, ended);
        }
        if let Some(money) = self.money.take() {
            money.succeeded(usage);
        }
    }

    /// The call begins.
    #[inline]
    pub(super) const fn sent(&mut self) {
        if let Some(money) = &mut self.money {
            money.sent();
        }
    }

    /// An attempt that begins holds nothing yet.
    #[inline]
    pub(super) fn clear(&mut self) {
        *self = Self::NONE;
    }

    #[cold]
    pub(super) fn failed(&mut self, verdict: &Verdict, ended: Monotonic) {
        if let Some(permit) = self.permit.take() {
            permit.failure_at(verdict, ended);
        }
        if let Some(slot) = self.slot.take() {
            slot.failed_at(verdict.kind, ended);
        }
        if let Some(reservation) = &mut self.reservation {
            // The call was made; what it used is not known.
            reservation.settle_in_place(None, ended);
        }
        if let Some(money) = self.money.take() {
            money.failed(verdict.kind);
        }
        self.clear();
    }
}

impl Stages {
    /// One reading for all that an attempt begins with; none where no stage needs the time.
    #[inline]
    pub(super) fn now(&self) -> Monotonic {
        self.clock.monotonic()
    }

    /// When an attempt ended. One that never had to wait ended when it began.
    #[inline]
    pub(super) fn ended(&self, started: Monotonic, waited: bool) -> Monotonic {
        if waited { self.now() } else { started }
    }

    /// Tells of an attempt that ended.
    #[inline]
    pub(super) fn tell_attempt(
        &self,
        number: u32,
        started: Monotonic,
        ended: Monotonic,
        failure: Option<FailureKind>,
    ) {
        if let Some(observed) = &self.observed {
            let mut attempt = Attempt::new(observed.provider.clone(), number, ended.since(started));
            attempt.failure = failure;
            self.tell(observed, &attempt.into());
        }
    }

    /// Tells that attempt `number` will follow after `delay`.
    #[cold]
    pub(super) fn tell_retry(&self, number: u32, delay: Duration, failure: FailureKind) {
        if let Some(observed) = &self.observed {
            let retry = Retry::new(observed.provider.clone(), number, delay, failure);
            self.tell(observed, &retry.into());
        }
    }

    #[cold]
    fn tell(&self, observed: &Observed, event: &Event) {
        let stamp = Stamp::at(self.clock.timestamp());
        observed.observer.observe(stamp, event);
    }

    /// The deadline ended an attempt. Where an attempt has a time limit of its own this says that the
    /// caller had little time, and nothing about the provider.
    #[cold]
    pub(super) fn cut(&self, admission: &mut Admission<'_>, verdict: &Verdict, ended: Monotonic) {
        if self.retry.policy().attempt_timeout.is_some() {
            admission.permit = None;
            admission.slot = None;
        }
        admission.failed(verdict, ended);
    }

    /// What a failure says about the provider's limits holds for every other call, too.
    #[cold]
    pub(super) fn heed(&self, verdict: &Verdict, now: Monotonic) {
        let Some(rate) = &self.rate else { return };
        rate.observe(&verdict.limits, now);
        if blocks(verdict)
            && let Some(when) = verdict.retry_after
        {
            rate.block_until(now + when.delay(self.clock.timestamp()));
        }
    }

    /// What is slept of the pause after a failure. One in which the provider wants to be left alone is
    /// waited for in the rate limit's queue, whose ramp lets go one after the other those who were told
    /// the same moment; what was added to it comes before.
    #[cold]
    pub(super) fn slept(&self, verdict: &Verdict, pause: Duration) -> Duration {
        let hint = match verdict.retry_after {
            Some(when) if self.rate.is_some() && blocks(verdict) => {
                when.delay(self.clock.timestamp())
            }
            _ => return pause,
        };
        match pause.checked_sub(hint) {
            Some(added) if added <= hint / 4 => added,
            // The schedule asks for more than the provider, or experience for less.
            _ => pause,
        }
    }

    /// A place in each stage without waiting, or the queue to wait in. What is taken is written into
    /// `admission`, which holds nothing before, and is not moved from there.
    ///
    /// A stage that refuses here has given back what those before it gave.
    #[inline]
    pub(super) fn admit<'a>(
        &'a self,
        cost: Cost,
        now: Monotonic,
        limit: TimeLimit,
        admission: &mut Admission<'a>,
    ) -> Result<(), Admitting<'a>> {
        if limit.left(now).is_zero() {
            return Err(turned_away(admission, Refusal::Deadline));
        }
        if let Some(money) = &self.money {
            match money.hold(cost) {
                Ok(held) => admission.money = Some(held),
                Err(refused) => return Err(turned_away(admission, Refusal::Budget(refused))),
            }
        }
        if let Some(rate) = &self.rate {
            match rate.try_acquire_at(cost, now) {
                Ok(reservation) => admission.reservation = Some(reservation),
                Err(_) => return Err(self.queue(cost, now, limit, admission)),
            }
        }
        if let Some(concurrency) = &self.concurrency {
            match concurrency.try_acquire_at(now) {
                Ok(slot) => admission.slot = Some(slot),
                Err(_) => return Err(self.queue_for_slot(admission, now, limit)),
            }
        }
        if let Some(breaker) = &self.breaker {
            match breaker.admit_at(now) {
                Ok(permit) => admission.permit = Some(permit),
                Err(open) => return Err(turned_away(admission, Refusal::Breaker(open))),
            }
        }
        Ok(())
    }

    /// Nobody queues for what an open breaker will not let happen.
    fn shut(&self, now: Monotonic) -> Option<BreakerOpen> {
        let breaker = self.breaker.as_ref()?;
        if breaker.would_admit_at(now) {
            return None;
        }
        breaker.admit_at(now).err()
    }

    #[cold]
    fn queue<'a>(
        &'a self,
        cost: Cost,
        now: Monotonic,
        limit: TimeLimit,
        admission: &mut Admission<'a>,
    ) -> Admitting<'a> {
        if let Some(open) = self.shut(now) {
            return turned_away(admission, Refusal::Breaker(open));
        }
        let money = admission.money.take();
        Box::pin(async move {
            let mut reservation = None;
            if let Some(rate) = &self.rate {
                let deadline = self.deadline(limit);
                let wait = rate.acquire_with(self.retry.timer(), cost, deadline);
                reservation = Some(wait.await.map_err(Refusal::RateLimit)?);
            }
            self.wait_for_slot(money, reservation, limit).await
        })
    }

    #[cold]
    fn queue_for_slot<'a>(
        &'a self,
        admission: &mut Admission<'a>,
        now: Monotonic,
        limit: TimeLimit,
    ) -> Admitting<'a> {
        if let Some(open) = self.shut(now) {
            return turned_away(admission, Refusal::Breaker(open));
        }
        let (money, reservation) = (admission.money.take(), admission.reservation.take());
        Box::pin(self.wait_for_slot(money, reservation, limit))
    }

    async fn wait_for_slot<'a>(
        &'a self,
        money: Option<money::Held<'a>>,
        reservation: Option<Reservation<'a>>,
        limit: TimeLimit,
    ) -> Result<Admission<'a>, Refusal> {
        let mut admission = Admission {
            reservation,
            money,
            ..Admission::NONE
        };
        if let Some(concurrency) = &self.concurrency {
            let deadline = self.deadline(limit);
            let wait = concurrency.acquire_with(self.retry.timer(), deadline);
            admission.slot = Some(wait.await.map_err(Refusal::Concurrency)?);
        }
        let now = self.now();
        if limit.left(now).is_zero() {
            return Err(Refusal::Deadline);
        }
        if let Some(breaker) = &self.breaker {
            admission.permit = Some(breaker.admit_at(now).map_err(Refusal::Breaker)?);
        }
        Ok(admission)
    }

    /// `limit` is a deadline by now.
    fn deadline(&self, limit: TimeLimit) -> Option<Monotonic> {
        let deadline = limit.starting(self.now());
        (deadline != Deadline::NEVER).then(|| deadline.moment())
    }
}

/// Whether the moment that the provider names holds for every other call, too.
fn blocks(verdict: &Verdict) -> bool {
    verdict.kind == FailureKind::RateLimited && verdict.scope != Scope::Request
}

/// Nobody waits for a breaker, or after the deadline.
#[cold]
fn turned_away<'a>(admission: &mut Admission<'a>, by: Refusal) -> Admitting<'a> {
    admission.clear();
    Box::pin(std::future::ready(Err(by)))
}
