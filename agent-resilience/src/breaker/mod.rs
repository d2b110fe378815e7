//! A circuit breaker: when a provider fails again and again, stop asking for a while.
//!
//! The state is one atomic word with a generation in it: a result that arrives after the breaker
//! changed its state is ignored, a permit that is dropped without a result is given back, and a
//! half-open breaker admits exactly as many probes as configured.

mod atomics;
mod config;
mod machine;
#[cfg(all(test, agent_model))]
mod model;
mod permit;
mod refusal;
mod snapshot;
mod weights;
mod window;
mod word;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{
    BreakerChange, BreakerState, Clock, Monotonic, Observer, ProviderId, Stamp, SystemClock,
    Timestamp,
};

use crate::classify::Classify;
use crate::clock::CoarseClock;
use machine::{Change, Machine, Refusal};
use weights::{Vote, vote};

pub use config::{BreakerConfig, BreakerWindow, InvalidPercent, Percent, SlowCalls};
pub use permit::{OwnedPermit, Permit};
pub use refusal::{BreakerOpen, CallError};
pub use snapshot::BreakerSnapshot;
pub use weights::{Cause, FailureWeights};

/// Stops calls to a provider that keeps failing. Clones share their state.
///
/// Wrap a call with [`call`](Self::call), or ask with [`admit`](Self::admit) and report to the
/// [`Permit`] what came of it.
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
    core: Arc<Core>,
    observer: Option<Arc<dyn Observer>>,
}

/// What the handles of one breaker share.
struct Core {
    machine: Machine,
    name: ProviderId,
    time: Time,
}

impl Core {
    fn vote(&self, cause: Cause) -> Vote {
        let config = self.machine.config();
        vote(&config.weights, config.guards, cause)
    }
}

/// Where time comes from. The usual clocks are asked without a detour.
enum Time {
    Coarse,
    Precise,
    Given(Arc<dyn Clock>),
}

impl Time {
    #[inline]
    fn now(&self) -> Monotonic {
        match self {
            Self::Coarse => CoarseClock.monotonic(),
            Self::Precise => SystemClock.monotonic(),
            Self::Given(clock) => clock.monotonic(),
        }
    }

    fn timestamp(&self) -> Timestamp {
        match self {
            Self::Coarse | Self::Precise => SystemClock.timestamp(),
            Self::Given(clock) => clock.timestamp(),
        }
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("name", &self.core.name)
            .field("state", &self.state())
            .field("config", self.config())
            .finish_non_exhaustive()
    }
}

impl CircuitBreaker {
    /// A closed breaker for `name`, with nobody listening. Its clock is the [`CoarseClock`] where that
    /// [suits](BreakerConfig::suits_coarse_clock) its configuration, else the [`SystemClock`].
    pub fn new(name: ProviderId, config: BreakerConfig) -> Self {
        let time = if config.suits_coarse_clock() {
            Time::Coarse
        } else {
            Time::Precise
        };
        Self::on(name, config, time, None)
    }

    fn on(
        name: ProviderId,
        config: BreakerConfig,
        time: Time,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        Self {
            core: Arc::new(Core {
                machine: Machine::new(config, time.now()),
                name,
                time,
            }),
            observer,
        }
    }

    /// The same breaker on `clock`, from its beginning: readings of two clocks do not compare. Handles
    /// cloned before are of another breaker.
    #[must_use]
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        self.on_clock(Arc::new(clock))
    }

    /// [`clock`](Self::clock) for a clock that is shared already.
    pub(crate) fn on_clock(self, clock: Arc<dyn Clock>) -> Self {
        let name = self.core.name.clone();
        Self::on(name, *self.config(), Time::Given(clock), self.observer)
    }

    /// Tells `observer` of each change of state. Only this handle and its later clones do.
    #[must_use]
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        self.told(Arc::new(observer))
    }

    /// [`observer`](Self::observer) for an observer that is shared already.
    pub(crate) fn told(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Whose breaker.
    pub fn name(&self) -> &ProviderId {
        &self.core.name
    }

    /// Its settings.
    pub fn config(&self) -> &BreakerConfig {
        self.core.machine.config()
    }

    /// The time on the breaker's clock, for the forms of its methods that end in `_at`.
    #[inline]
    pub fn now(&self) -> Monotonic {
        self.core.time.now()
    }

    /// Lets a call through, or says when to come back. Reads the clock only where the breaker is not
    /// closed, or looks for slow calls.
    ///
    /// # Errors
    /// [`BreakerOpen`] while the provider is to be left alone.
    #[inline]
    pub fn admit(&self) -> Result<Permit<'_>, BreakerOpen> {
        match self.core.machine.admit_closed(|| self.now()) {
            Some(ticket) => Ok(Permit::new(self, ticket)),
            None => self.admit_elsewise(),
        }
    }

    // Out of line, so that the way through a closed breaker is short where it is inlined.
    #[inline(never)]
    fn admit_elsewise(&self) -> Result<Permit<'_>, BreakerOpen> {
        self.admit_at(self.now())
    }

    /// Lets a call through at `now`, a reading of the breaker's clock, or says when to come back.
    ///
    /// # Errors
    /// [`BreakerOpen`] while the provider is to be left alone.
    ///
    /// ```
    /// use agent_primitives::{Clock, ManualClock, ProviderId};
    /// use agent_resilience::{BreakerConfig, CircuitBreaker};
    ///
    /// let clock = ManualClock::default();
    /// let breaker = CircuitBreaker::new(ProviderId::new("groq")?, BreakerConfig::default())
    ///     .clock(clock.clone());
    /// let permit = breaker.admit_at(clock.monotonic()).unwrap();
    /// permit.success_at(clock.monotonic());
    /// assert_eq!(breaker.snapshot().calls, 1);
    /// # Ok::<(), agent_primitives::InvalidId>(())
    /// ```
    #[inline]
    pub fn admit_at(&self, now: Monotonic) -> Result<Permit<'_>, BreakerOpen> {
        match self.core.machine.admit(now) {
            Ok((ticket, change)) => {
                // An observer that panics drops the permit on the way.
                let permit = Permit::new(self, ticket);
                self.tell(change);
                Ok(permit)
            }
            Err(Refusal { state, left }) => {
                Err(BreakerOpen::new(state, left.map(Duration::from_nanos)))
            }
        }
    }

    /// Lets a call through that goes on in another task, or says when to come back.
    ///
    /// # Errors
    /// [`BreakerOpen`] while the provider is to be left alone.
    pub fn admit_owned(&self) -> Result<OwnedPermit, BreakerOpen> {
        let permit = self.admit()?;
        Ok(OwnedPermit::new(self.clone(), permit.into_ticket()))
    }

    /// [`admit_owned`](Self::admit_owned) at `now`, a reading of the breaker's clock.
    ///
    /// # Errors
    /// [`BreakerOpen`] while the provider is to be left alone.
    pub fn admit_owned_at(&self, now: Monotonic) -> Result<OwnedPermit, BreakerOpen> {
        let permit = self.admit_at(now)?;
        Ok(OwnedPermit::new(self.clone(), permit.into_ticket()))
    }

    /// Runs `operation` if the breaker lets it through, and learns from its result.
    ///
    /// # Errors
    /// [`CallError::Open`] without calling, or [`CallError::Inner`] with the operation's own error.
    ///
    /// # Cancel safety
    /// Dropping the future gives the permit back; the call counts neither way. So does a panic in the
    /// operation.
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
    #[inline]
    pub async fn call<T, E, F, Fut>(&self, operation: F) -> Result<T, CallError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: Classify,
    {
        let permit = self.admit().map_err(CallError::Open)?;
        let result = operation().await;
        permit.record(&result);
        result.map_err(CallError::Inner)
    }

    /// The state that a call would meet now.
    pub fn state(&self) -> BreakerState {
        self.core.machine.state(self.now()).state
    }

    /// Time until a call may be let through: while open, and while half open with all probes under
    /// way. `None` when one would be let through now, or when only a person can tell.
    pub fn retry_in(&self) -> Option<Duration> {
        let left = self.core.machine.state(self.now()).left;
        left.map(Duration::from_nanos)
    }

    /// Whether a call would be let through now. Another caller may take the permit first.
    pub fn would_admit(&self) -> bool {
        self.would_admit_at(self.now())
    }

    /// Whether a call would be let through at `now`, a reading of the breaker's clock.
    pub fn would_admit_at(&self, now: Monotonic) -> bool {
        self.core.machine.would_admit(now)
    }

    /// What a person wants to see.
    pub fn snapshot(&self) -> BreakerSnapshot {
        let glance = self.core.machine.glance(self.now());
        BreakerSnapshot::new(self.core.name.clone(), self.core.time.timestamp(), glance)
    }

    /// Lets an open breaker hand out its probes at once, for instance because a health check passed.
    /// Any other breaker stays as it is.
    pub fn half_open(&self) {
        self.tell(self.core.machine.half_open(self.now()));
    }

    /// Opens the breaker by hand for [`open_for`](BreakerConfig::open_for), for instance because a
    /// status page says that the provider is down. Begins that time anew where it is open already.
    pub fn open(&self) {
        self.force(BreakerState::Open);
    }

    /// Rejects every call until [`close`](Self::close) or [`open`](Self::open).
    pub fn isolate(&self) {
        self.force(BreakerState::Isolated);
    }

    /// Closes the breaker and forgets what it counted.
    pub fn close(&self) {
        self.force(BreakerState::Closed);
    }

    fn force(&self, state: BreakerState) {
        self.tell(self.core.machine.force(state, self.now()));
    }

    #[inline]
    fn tell(&self, change: Option<Change>) {
        if let Some(change) = change {
            self.tell_of(change);
        }
    }

    #[cold]
    fn tell_of(&self, (from, to): Change) {
        let name = &self.core.name;
        tracing::info!(gen_ai.provider.name = %name, %from, %to, "circuit breaker");
        if let Some(observer) = &self.observer {
            let event = BreakerChange::new(name.clone(), from, to).into();
            observer.observe(Stamp::at(self.core.time.timestamp()), &event);
        }
    }
}

#[cfg(all(test, not(agent_model)))]
mod tests {
    use super::*;

    #[test]
    fn on_two_cores_a_breaker_takes_half_a_kilobyte() {
        // With the two counts of an `Arc`.
        let shared = size_of::<Core>() + 2 * size_of::<usize>();
        let shards = 2 * size_of::<window::Shard>();
        assert!(shared + shards <= 512, "{shared} + {shards}");
    }
}
