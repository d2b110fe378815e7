//! A call that was let through, borrowed or owned.

use std::time::Duration;

use agent_primitives::Monotonic;

use super::CircuitBreaker;
use super::machine::Ticket;
use super::weights::{Cause, Vote};
use crate::classify::Classify;

/// A call that was let through. Report its result; dropped without one, it counts as cancelled and a
/// half-open breaker has its probe back.
///
/// The forms that end in `_at` take the time, read from the breaker's own clock, where one reading
/// serves several stages.
///
/// ```
/// use agent_primitives::{BreakerState, FailureKind, ProviderId};
/// use agent_resilience::classify::Verdict;
/// use agent_resilience::{BreakerConfig, CircuitBreaker};
///
/// let breaker = CircuitBreaker::new(ProviderId::new("groq")?, BreakerConfig::default());
/// breaker.admit().unwrap().record(&Err::<(), _>(Verdict::new(FailureKind::Server)));
/// assert_eq!(breaker.snapshot().in_a_row, 1);
/// drop(breaker.admit().unwrap());
/// assert_eq!(breaker.snapshot().in_a_row, 1, "a cancelled call says nothing");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug)]
#[must_use = "report the result, or the call counts as cancelled"]
pub struct Permit<'a> {
    breaker: &'a CircuitBreaker,
    ticket: Option<Ticket>,
}

/// A [`Permit`] that owns its breaker, for a call that goes on in another task.
///
/// ```
/// use agent_primitives::{BreakerState, FailureKind, ProviderId};
/// use agent_resilience::{BreakerConfig, CircuitBreaker};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let breaker = CircuitBreaker::new(ProviderId::new("groq")?, BreakerConfig::default());
/// let permit = breaker.admit_owned().unwrap();
/// tokio::spawn(async move { permit.failure(FailureKind::Overloaded) }).await.unwrap();
/// assert_eq!(breaker.snapshot().in_a_row, 1);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "report the result, or the call counts as cancelled"]
pub struct OwnedPermit {
    breaker: CircuitBreaker,
    ticket: Option<Ticket>,
}

impl<'a> Permit<'a> {
    #[inline]
    pub(super) fn new(breaker: &'a CircuitBreaker, ticket: Ticket) -> Self {
        let ticket = Some(ticket);
        Self { breaker, ticket }
    }

    #[inline]
    pub(super) fn into_ticket(mut self) -> Option<Ticket> {
        self.ticket.take()
    }
}

impl OwnedPermit {
    pub(super) fn new(breaker: CircuitBreaker, ticket: Option<Ticket>) -> Self {
        Self { breaker, ticket }
    }
}

macro_rules! reports {
    ($permit:ty) => {
        impl $permit {
            /// The call succeeded.
            #[inline]
            pub fn success(mut self) {
                if let Some(ticket) = self.ticket.take() {
                    succeed(&self.breaker, ticket, || self.breaker.now());
                }
            }

            /// The call succeeded at `now`, a reading of the breaker's clock.
            #[inline]
            pub fn success_at(mut self, now: Monotonic) {
                if let Some(ticket) = self.ticket.take() {
                    succeed(&self.breaker, ticket, || now);
                }
            }

            /// The call succeeded at `now`, and `took` says how slow the provider was, whatever the time
            /// since it was let through: for instance the time to the first token of a stream, whose
            /// reader may have paused since.
            pub fn success_after_at(mut self, took: Duration, now: Monotonic) {
                if let Some(ticket) = self.ticket.take() {
                    succeed(&self.breaker, ticket.taking(took, now), || now);
                }
            }

            /// The call failed.
            ///
            /// Only a failure that reaches as far as what the breaker
            /// [guards](crate::BreakerConfig::guards) counts against it, and as often as its kind
            /// [weighs](crate::BreakerConfig::weights). Else an answer that refuses a bad request or a
            /// bad key shows that the service works, and any other failure shows nothing.
            pub fn failure(mut self, cause: impl Into<Cause>) {
                if let Some(ticket) = self.ticket.take() {
                    fail(&self.breaker, ticket, cause.into(), || self.breaker.now());
                }
            }

            /// The call failed at `now`, a reading of the breaker's clock.
            pub fn failure_at(mut self, cause: impl Into<Cause>, now: Monotonic) {
                if let Some(ticket) = self.ticket.take() {
                    fail(&self.breaker, ticket, cause.into(), || now);
                }
            }

            /// Success or failure, as `result` has it.
            #[inline]
            pub fn record<T, E: Classify>(self, result: &Result<T, E>) {
                match result {
                    Ok(_) => self.success(),
                    Err(error) => self.failure(&error.verdict()),
                }
            }

            /// Success or failure at `now`, a reading of the breaker's clock.
            #[inline]
            pub fn record_at<T, E: Classify>(self, result: &Result<T, E>, now: Monotonic) {
                match result {
                    Ok(_) => self.success_at(now),
                    Err(error) => self.failure_at(&error.verdict(), now),
                }
            }
        }

        impl Drop for $permit {
            #[inline]
            fn drop(&mut self) {
                if let Some(ticket) = self.ticket.take() {
                    self.breaker.core.machine.give_back(ticket);
                }
            }
        }
    };
}

reports!(Permit<'_>);
reports!(OwnedPermit);

#[inline]
fn succeed(breaker: &CircuitBreaker, ticket: Ticket, now: impl FnOnce() -> Monotonic) {
    let change = breaker.core.machine.success(ticket, now);
    breaker.tell(change);
}

#[cold]
fn fail(breaker: &CircuitBreaker, ticket: Ticket, cause: Cause, now: impl FnOnce() -> Monotonic) {
    let machine = &breaker.core.machine;
    match breaker.core.vote(cause) {
        Vote::Against(failures) => breaker.tell(machine.failure(ticket, failures, now())),
        Vote::For => breaker.tell(machine.success(ticket, now)),
        Vote::Abstain => machine.give_back(ticket),
    }
}
