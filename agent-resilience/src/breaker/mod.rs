//! A circuit breaker: when a provider fails again and again, stop asking for a while.
//!
//! The state is one atomic word with a generation in it: a result that arrives after the breaker
//! changed its state is ignored, a permit that is dropped without a result is given back, and a
//! half-open breaker admits exactly as many probes as configured.

mod config;
mod machine;
mod window;
mod word;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{
    BreakerChange, BreakerState, Clock, FailureKind, Observer, ProviderId, Stamp, SystemClock,
};

use crate::classify::Classify;
use machine::{Change, Machine, Ticket};

pub use config::{BreakerConfig, FailureRate};

/// Stops calls to a provider that keeps failing. Clones share their state.
///
/// ```
/// use std::num::NonZeroU16;
/// use std::time::Duration;
/// use agent_primitives::{BreakerState, FailureKind, ManualClock, ProviderId};
/// use agent_resilience::{BreakerConfig, CircuitBreaker};
///
/// let clock = ManualClock::default();
/// let config = BreakerConfig {
///     consecutive_failures: NonZeroU16::new(2),
///     open_for: Duration::from_secs(10),
///     ..BreakerConfig::default()
/// };
/// let breaker =
///     CircuitBreaker::new(ProviderId::new("claude")?, config).clock(clock.clone());
/// for _ in 0..2 {
///     breaker.admit().unwrap().failure(FailureKind::Overloaded);
/// }
/// let refused = breaker.admit().unwrap_err();
/// assert_eq!(refused.retry_in, Some(Duration::from_secs(10)));
///
/// clock.advance(Duration::from_secs(10));
/// breaker.admit().unwrap().success();
/// assert_eq!(breaker.state(), BreakerState::Closed);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Clone)]
pub struct CircuitBreaker {
    machine: Arc<Machine>,
    name: ProviderId,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("name", &self.name)
            .field("state", &self.state())
            .field("config", self.machine.config())
            .finish_non_exhaustive()
    }
}

/// A call that was not let through.
///
/// ```
/// use agent_primitives::{BreakerState, ProviderId};
/// use agent_resilience::{BreakerConfig, CircuitBreaker};
///
/// let breaker = CircuitBreaker::new(ProviderId::new("groq")?, BreakerConfig::default());
/// breaker.isolate();
/// let refused = breaker.admit().unwrap_err();
/// assert_eq!(refused.to_string(), "the circuit breaker of groq is isolated until it is released");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerOpen {
    /// Whose breaker.
    pub name: ProviderId,
    /// Open, half open with all probes under way, or isolated.
    pub state: BreakerState,
    /// Time until a call may be let through; `None` when only a person can tell.
    pub retry_in: Option<Duration>,
}

impl fmt::Display for BreakerOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, state, .. } = self;
        match self.retry_in {
            Some(left) => write!(
                f,
                "the circuit breaker of {name} is {state}, try again in {left:?}"
            ),
            None => write!(
                f,
                "the circuit breaker of {name} is {state} until it is released"
            ),
        }
    }
}

impl std::error::Error for BreakerOpen {}

impl CircuitBreaker {
    /// A closed breaker for `name`, on the system's clock, with nobody listening.
    pub fn new(name: ProviderId, config: BreakerConfig) -> Self {
        Self {
            machine: Arc::new(Machine::new(config)),
            name,
            clock: Arc::new(SystemClock),
            observer: Arc::new(()),
        }
    }

    /// Takes time from `clock`.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Tells `observer` of each change of state. Only this handle and its later clones do.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// The same breaker, told and timed by shared parts.
    pub(crate) fn shared(mut self, clock: &Arc<dyn Clock>, observer: &Arc<dyn Observer>) -> Self {
        self.clock = Arc::clone(clock);
        self.observer = Arc::clone(observer);
        self
    }

    /// Lets a call through, or says when to come back. Reads the clock only where the breaker is not
    /// closed.
    ///
    /// # Errors
    /// [`BreakerOpen`] while the provider is to be left alone.
    pub fn admit(&self) -> Result<Permit<'_>, BreakerOpen> {
        if let Some(ticket) = self.machine.admit_closed() {
            return Ok(Permit {
                breaker: self,
                ticket: Some(ticket),
            });
        }
        self.admit_at(self.clock.monotonic())
    }

    /// admit at
    pub fn admit_at(&self, now: agent_primitives::Monotonic) -> Result<Permit<'_>, BreakerOpen> {
        match self.machine.admit(now) {
            Ok((ticket, change)) => {
                self.tell(change);
                Ok(Permit {
                    breaker: self,
                    ticket: Some(ticket),
                })
            }
            Err(refusal) => Err(BreakerOpen {
                name: self.name.clone(),
                state: refusal.state,
                retry_in: refusal.retry_in,
            }),
        }
    }

    /// Runs `operation` if the breaker lets it through, and learns from its result.
    ///
    /// # Errors
    /// [`CallError::Open`] without calling, or [`CallError::Inner`] with the operation's own error.
    ///
    /// # Cancel safety
    /// Dropping the future gives the permit back; the call counts neither way.
    ///
    /// ```
    /// use agent_primitives::{FailureKind, ProviderId};
    /// use agent_resilience::classify::Verdict;
    /// use agent_resilience::{BreakerConfig, CallError, CircuitBreaker};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let breaker = CircuitBreaker::new(ProviderId::new("groq")?, BreakerConfig::default());
    /// let failed = breaker
    ///     .call(|| async { Err::<(), _>(Verdict::new(FailureKind::Server)) })
    ///     .await;
    /// assert!(matches!(failed, Err(CallError::Inner(_))));
    /// # Ok::<(), agent_primitives::InvalidId>(())
    /// # }).unwrap();
    /// ```
    pub async fn call<T, E, F, Fut>(&self, operation: F) -> Result<T, CallError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: Classify,
    {
        let permit = self.admit().map_err(CallError::Open)?;
        match operation().await {
            Ok(value) => {
                permit.success();
                Ok(value)
            }
            Err(error) => {
                permit.failure(error.verdict().kind);
                Err(CallError::Inner(error))
            }
        }
    }

    /// The state that a call would meet now.
    pub fn state(&self) -> BreakerState {
        self.machine.state(self.clock.monotonic()).0
    }

    /// Time until a call may be let through: while open, and while half open with all probes under
    /// way. `None` when one would be let through now, or when only a person can tell.
    pub fn retry_in(&self) -> Option<Duration> {
        self.machine.state(self.clock.monotonic()).1
    }

    /// Whether a call would be let through now. Another caller may take the permit first.
    pub fn would_admit(&self) -> bool {
        self.machine.would_admit(self.clock.monotonic())
    }

    /// Lets an open breaker hand out its probes at once, for instance because a health check passed.
    /// Any other breaker stays as it is.
    pub fn half_open(&self) {
        self.tell(self.machine.half_open(self.clock.monotonic()));
    }

    /// Rejects every call until [`close`](Self::close).
    pub fn isolate(&self) {
        self.tell(
            self.machine
                .force(BreakerState::Isolated, self.clock.monotonic()),
        );
    }

    /// Closes the breaker and forgets what it counted.
    pub fn close(&self) {
        self.tell(
            self.machine
                .force(BreakerState::Closed, self.clock.monotonic()),
        );
    }

    fn tell(&self, change: Option<Change>) {
        let Some((from, to)) = change else { return };
        tracing::info!(gen_ai.provider.name = %self.name, %from, %to, "circuit breaker");
        let event = BreakerChange::new(self.name.clone(), from, to).into();
        self.observer
            .observe(Stamp::at(self.clock.timestamp()), &event);
    }
}

/// A call that was let through. Report its result; dropped without one, it counts as cancelled.
///
/// ```
/// use agent_primitives::{BreakerState, ProviderId};
/// use agent_resilience::{BreakerConfig, CircuitBreaker};
///
/// let breaker = CircuitBreaker::new(ProviderId::new("groq")?, BreakerConfig::default());
/// drop(breaker.admit().unwrap());
/// assert_eq!(breaker.state(), BreakerState::Closed);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug)]
#[must_use = "report the result, or the call counts as cancelled"]
pub struct Permit<'a> {
    breaker: &'a CircuitBreaker,
    ticket: Option<Ticket>,
}

impl Permit<'_> {
    /// success
    pub fn success_at(mut self, now: agent_primitives::Monotonic) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker
                .tell(self.breaker.machine.success(ticket, || now));
        }
    }

    /// failure
    pub fn failure_at(self, verdict: &crate::classify::Verdict, _now: agent_primitives::Monotonic) {
        self.failure(verdict.kind);
    }

    /// The call succeeded.
    pub fn success(mut self) {
        if let Some(ticket) = self.ticket.take() {
            let now = || self.breaker.clock.monotonic();
            self.breaker.tell(self.breaker.machine.success(ticket, now));
        }
    }

    /// The call failed. Only failures of the service count against it: overload, errors inside,
    /// timeouts, broken connections and streams, and failures that nobody can place. An answer that
    /// refuses a bad request or a bad key shows that the service works; a cancelled call shows
    /// nothing.
    pub fn failure(mut self, kind: FailureKind) {
        let Some(ticket) = self.ticket.take() else {
            return;
        };
        let now = || self.breaker.clock.monotonic();
        let machine = &self.breaker.machine;
        let change = match vote(kind) {
            Vote::Against => machine.failure(ticket, now()),
            Vote::For => machine.success(ticket, now),
            Vote::None => {
                machine.give_back(ticket);
                None
            }
        };
        self.breaker.tell(change);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.machine.give_back(ticket);
        }
    }
}

enum Vote {
    Against,
    For,
    None,
}

fn vote(kind: FailureKind) -> Vote {
    match kind {
        FailureKind::Overloaded
        | FailureKind::Server
        | FailureKind::Timeout
        | FailureKind::Network
        | FailureKind::StreamCut
        | FailureKind::Unknown => Vote::Against,
        // A limit says nothing about the service's health; a cooldown answers it.
        FailureKind::Cancelled | FailureKind::RateLimited | FailureKind::QuotaExhausted => {
            Vote::None
        }
        _ => Vote::For,
    }
}

/// A guarded call that did not succeed.
///
/// ```
/// use agent_resilience::CallError;
///
/// let error: CallError<std::io::Error> = CallError::Inner(std::io::Error::other("boom"));
/// assert_eq!(error.to_string(), "the call failed");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError<E> {
    /// The breaker did not let the call through.
    #[error(transparent)]
    Open(BreakerOpen),
    /// The call itself failed.
    #[error("the call failed")]
    Inner(#[source] E),
}
