//! Several windows of requests and tokens that hold at once, in one object.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_primitives::{Clock, Monotonic, SystemClock};
use serde::{Deserialize, Serialize};

use super::config::{InvalidLimit, RateLimitConfig, WindowKind};
use super::cost::Cost;
use super::error::{By, Limited, Refused, TooLarge};
use super::pace::Pace;
use super::queue::WaitQueue;
use super::request_gate::{GateRefusal, RequestGate};
use super::reservation::{Held, OwnedReservation, Reservation};
use super::window::{Window, axis};
use super::windows::Windows;
use crate::classify::LimitedResource;

/// How much may be asked of one provider, model or key: several windows of requests and tokens, all of
/// which hold at once. A call takes its cost from all of them or from none, and what it did not use
/// goes back. A handle: clones share the windows.
///
/// Three ways to ask. [`try_take_at`](Self::try_take_at) spends and forgets, the fastest;
/// [`try_acquire_at`](Self::try_acquire_at) reserves an estimate that the reply corrects;
/// [`acquire`](Self::acquire) waits its turn. None overtakes a caller who waits.
///
/// Each window is a few atomic words, so that a check takes no lock, and no call ever waits for another
/// one's arithmetic. Time is passed in or read from the limit's own clock, which counts a call by the
/// reading it is given: a clock that stands still for 4 ms and then jumps lets through what 4 ms give
/// back in one go, and nothing beyond the burst and the rate counted by that clock. Against another
/// clock that is at most the burst and 4 ms of the rate more.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{ManualClock, TokenUsage};
/// use agent_resilience::classify::LimitedResource::{InputTokens, Requests};
/// use agent_resilience::{Cost, RateLimit, RateLimitConfig, RateWindow};
///
/// let clock = ManualClock::default();
/// let config = RateLimitConfig::default()
///     .window(RateWindow::per_minute(Requests, 50))
///     .window(RateWindow::per_minute(InputTokens, 30_000));
/// let limit = RateLimit::with_clock(&config, clock.clone())?;
///
/// let first = limit.try_acquire(Cost::REQUEST.input(20_000)).unwrap();
/// let refused = limit.try_acquire(Cost::REQUEST.input(15_000)).unwrap_err();
/// assert_eq!(refused.retry_in(), Some(Duration::from_secs(10)), "5 000 tokens at 500 a second");
///
/// first.reconcile(TokenUsage::new(12_000, 300));
/// assert!(limit.try_acquire(Cost::REQUEST.input(15_000)).is_ok());
/// # Ok::<(), agent_resilience::InvalidLimit>(())
/// ```
#[derive(Clone)]
pub struct RateLimit {
    pub(super) inner: Arc<Inner>,
    gate: Option<Arc<dyn RequestGate>>,
}

pub(super) struct Inner {
    pub(super) windows: Windows,
    /// Nothing passes before this moment of the axis.
    pub(super) blocked_until: AtomicU64,
    pub(super) queue: WaitQueue,
    pub(super) pace: Pace,
    pub(super) clock: Arc<dyn Clock>,
}

/// What one window holds, for display.
///
/// ```
/// use agent_primitives::Monotonic;
/// use agent_resilience::classify::LimitedResource::Requests;
/// use agent_resilience::{Cost, RateLimit, RateLimitConfig, RateWindow};
///
/// let config = RateLimitConfig::default().window(RateWindow::per_minute(Requests, 50));
/// let limit = RateLimit::new(&config)?;
/// let now = Monotonic::from_nanos(0);
/// limit.try_take_at(Cost::REQUEST, now).unwrap();
/// let status = limit.status_at(now).next().unwrap();
/// assert_eq!((status.limit, status.remaining), (50, 49));
/// # Ok::<(), agent_resilience::InvalidLimit>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WindowStatus {
    /// What is counted.
    pub resource: LimitedResource,
    /// The time over which it is counted.
    pub period: Duration,
    /// How it comes back.
    pub kind: WindowKind,
    /// How much is allowed in the period, as configured or as the provider last said.
    pub limit: u64,
    /// How much could be taken at once now.
    pub remaining: u64,
}

impl RateLimit {
    /// A limit with its whole allowance, timed by the system's clock.
    ///
    /// # Errors
    /// [`InvalidLimit`] for windows that cannot be counted.
    pub fn new(config: &RateLimitConfig) -> Result<Self, InvalidLimit> {
        Self::with_clock(config, SystemClock)
    }

    /// A limit with its whole allowance, timed by `clock`. The wall clock is read once, for where
    /// fixed windows begin.
    ///
    /// # Errors
    /// [`InvalidLimit`] for windows that cannot be counted.
    pub fn with_clock(
        config: &RateLimitConfig,
        clock: impl Clock + 'static,
    ) -> Result<Self, InvalidLimit> {
        config.check()?;
        let wall = i128::from(clock.timestamp().unix_nanos());
        let wall_ahead = wall - i128::from(axis(clock.monotonic().nanos()));
        Ok(Self {
            inner: Arc::new(Inner {
                windows: Windows::new(&config.windows, wall_ahead),
                blocked_until: AtomicU64::new(0),
                queue: WaitQueue::new(config.queue),
                pace: Pace::new(config.ramp),
                clock: Arc::new(clock),
            }),
            gate: None,
        })
    }

    /// Asks `gate` for each request as well, after the windows. Only this handle and its later clones
    /// do.
    #[must_use]
    pub fn request_gate(mut self, gate: impl RequestGate + 'static) -> Self {
        self.gate = Some(Arc::new(gate));
        self
    }

    /// Spends `cost` at `now`, from all windows or from none. Nothing can be given back.
    ///
    /// # Errors
    /// [`Refused::Limited`] with the time to wait; [`Refused::TooLarge`] when waiting does not help.
    #[inline]
    pub fn try_take_at(&self, cost: Cost, now: Monotonic) -> Result<(), Refused> {
        let now = axis(now.nanos());
        self.behind_others(cost, now)?;
        if let Some(window) = self.only_window() {
            self.inner.check_block(now)?;
            let units = window.units(cost);
            return match window.take(units, now) {
                Ok(_) => Ok(()),
                Err(short) => Err(window.refusal(units, short)),
            };
        }
        self.take_unqueued(cost, now).map(|_| ())
    }

    /// Spends `cost` now, from all windows or from none. Nothing can be given back.
    ///
    /// # Errors
    /// As [`try_take_at`](Self::try_take_at).
    pub fn try_take(&self, cost: Cost) -> Result<(), Refused> {
        self.try_take_at(cost, self.now())
    }

    /// Reserves `cost` at `now` in all windows or in none.
    ///
    /// # Errors
    /// [`Refused::Limited`] with the time to wait; [`Refused::TooLarge`] when waiting does not help.
    #[inline]
    pub fn try_acquire_at(&self, cost: Cost, now: Monotonic) -> Result<Reservation<'_>, Refused> {
        let now = axis(now.nanos());
        let held = self.take_unqueued(cost, now)?;
        Ok(Reservation::new(&self.inner, held))
    }

    /// Reserves `cost` now, in all windows or in none.
    ///
    /// # Errors
    /// As [`try_acquire_at`](Self::try_acquire_at).
    pub fn try_acquire(&self, cost: Cost) -> Result<Reservation<'_>, Refused> {
        self.try_acquire_at(cost, self.now())
    }

    /// Reserves `cost` at `now`, for a task of its own.
    ///
    /// # Errors
    /// As [`try_acquire_at`](Self::try_acquire_at).
    pub fn try_acquire_owned_at(
        &self,
        cost: Cost,
        now: Monotonic,
    ) -> Result<OwnedReservation, Refused> {
        let now = axis(now.nanos());
        let held = self.take_unqueued(cost, now)?;
        Ok(OwnedReservation::new(Arc::clone(&self.inner), held))
    }

    /// Lets nothing through before `until`: what a provider asks for with `retry-after`. A later moment
    /// replaces a sooner one, never the other way round.
    ///
    /// Callers who [wait](Self::acquire) through it are let go one after the other over the configured
    /// ramp, not together.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_primitives::Monotonic;
    /// use agent_resilience::{Cost, LimitedBy, RateLimit, RateLimitConfig, Refused};
    ///
    /// let limit = RateLimit::new(&RateLimitConfig::default())?;
    /// let now = Monotonic::from_nanos(0);
    /// limit.block_until(now + Duration::from_secs(60));
    /// limit.block_until(now + Duration::from_secs(5));
    /// let Err(Refused::Limited(limited)) = limit.try_take_at(Cost::REQUEST, now) else { panic!() };
    /// assert_eq!((limited.retry_in(), limited.by()), (Duration::from_secs(60), LimitedBy::Block));
    /// # Ok::<(), agent_resilience::InvalidLimit>(())
    /// ```
    pub fn block_until(&self, until: Monotonic) {
        self.inner.block_until(axis(until.nanos()));
    }

    /// Ends a block before its time, for instance because a probe was answered. Those who waited through
    /// it go over the ramp from now on. Reads the clock where there was a block.
    pub fn unblock(&self) {
        let until = self.inner.blocked_until.swap(0, Ordering::SeqCst);
        if until > 0 {
            let now = axis(self.now().nanos());
            if until > now {
                self.inner.pace.unblocked(now);
            }
        }
        self.inner.queue.call_first();
    }

    /// Time left of a block at `now`; zero when there is none.
    pub fn blocked_for(&self, now: Monotonic) -> Duration {
        let until = self.inner.blocked_until.load(Ordering::Acquire);
        Duration::from_nanos(until.saturating_sub(axis(now.nanos())))
    }

    /// The windows as they are at `now`, in the configured order.
    pub fn status_at(&self, now: Monotonic) -> impl Iterator<Item = WindowStatus> + '_ {
        let now = axis(now.nanos());
        self.inner.windows.iter().map(move |window| WindowStatus {
            resource: window.resource(),
            period: window.period(),
            kind: window.kind(),
            limit: window.limit(),
            remaining: window.remaining(now),
        })
    }

    /// How many callers wait.
    pub fn waiting(&self) -> usize {
        self.inner.queue.waiting()
    }

    /// How many callers were not allowed to wait since the start: the queue was full, or their turn
    /// would have come after their deadline.
    pub fn turned_away(&self) -> u64 {
        self.inner.queue.turned_away()
    }

    /// The limit's own clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub(super) fn now(&self) -> Monotonic {
        self.inner.clock.monotonic()
    }

    /// Nobody else holds a handle or a reservation of its own, and a new limit would say the same.
    pub(super) fn is_like_new(&self, now: Monotonic) -> bool {
        Arc::strong_count(&self.inner) == 1
            && self.blocked_for(now).is_zero()
            && self
                .inner
                .windows
                .iter()
                .all(|window| window.is_like_new(axis(now.nanos())))
    }

    /// Whoever does not wait goes behind those who do.
    #[inline]
    fn behind_others(&self, cost: Cost, now: u64) -> Result<(), Refused> {
        if self.inner.queue.waiting() == 0 {
            return Ok(());
        }
        self.refuse_behind_others(cost, now)
    }

    #[cold]
    #[inline(never)]
    fn refuse_behind_others(&self, cost: Cost, now: u64) -> Result<(), Refused> {
        let ahead = self.inner.queue.asked();
        let wait = match self.inner.outlook(ahead, cost, now) {
            Ok(wait) => wait.max(1),
            Err(too_large) => return Err(Refused::TooLarge(too_large)),
        };
        Err(Refused::Limited(Limited::other(By::Queue, wait)))
    }

    /// The window, if it alone decides.
    #[inline]
    fn only_window(&self) -> Option<&Window> {
        self.inner.windows.only().filter(|_| self.gate.is_none())
    }

    /// Takes for a caller who does not wait.
    #[inline]
    pub(super) fn take_unqueued(&self, cost: Cost, now: u64) -> Result<Held, Refused> {
        self.behind_others(cost, now)?;
        self.inner.check_block(now)?;
        if let Some(window) = self.only_window() {
            let units = window.units(cost);
            return match window.take(units, now) {
                Ok(mark) => Ok(Held::new(cost, now, mark)),
                Err(short) => Err(window.refusal(units, short)),
            };
        }
        let mut held = Held::new(cost, now, 0);
        match self.take_several_unqueued(&mut held) {
            Ok(()) => Ok(held),
            Err(refused) => Err(refused),
        }
    }

    #[inline(never)]
    fn take_several_unqueued(&self, held: &mut Held) -> Result<(), Refused> {
        let taken = self.take_several(held);
        if taken.is_err() {
            // Whoever began to wait meanwhile may have seen what was rolled back here as taken.
            self.inner.queue.call_first();
        }
        taken
    }

    /// Takes from all windows or from none, whoever waits.
    pub(super) fn take(&self, cost: Cost, now: u64) -> Result<Held, Refused> {
        self.inner.check_block(now)?;
        let mut held = Held::new(cost, now, 0);
        self.take_several(&mut held)?;
        Ok(held)
    }

    fn take_several(&self, held: &mut Held) -> Result<(), Refused> {
        let windows = &self.inner.windows;
        windows.take(held)?;
        let requests = held.cost().requests;
        if let Some(gate) = &self.gate
            && requests > 0
            && let Err(refusal) = gate.try_pass(requests)
        {
            windows.roll_back(held, RateLimitConfig::WINDOWS_MAX);
            return Err(gate_refusal(requests, refusal));
        }
        Ok(())
    }
}

#[cold]
fn gate_refusal(requests: u64, refusal: GateRefusal) -> Refused {
    match refusal {
        GateRefusal::RetryIn(wait) => {
            let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX).max(1);
            Refused::Limited(Limited::other(By::Gate, nanos))
        }
        GateRefusal::AtMost(allowance) => Refused::TooLarge(TooLarge {
            resource: LimitedResource::Requests,
            asked: requests,
            allowance,
            period_nanos: 0,
        }),
    }
}

impl Inner {
    #[inline]
    fn check_block(&self, now: u64) -> Result<(), Refused> {
        let until = self.blocked_until.load(Ordering::Acquire);
        if until <= now {
            return Ok(());
        }
        Err(Refused::Limited(Limited::other(By::Block, until - now)))
    }

    pub(super) fn block_until(&self, until: u64) {
        let before = self.blocked_until.fetch_max(until, Ordering::SeqCst);
        if before < until {
            self.pace.blocked_until(until);
        }
    }

    /// Nanoseconds until `cost` could be let through after `ahead`.
    pub(super) fn outlook(&self, ahead: Cost, cost: Cost, now: u64) -> Result<u64, TooLarge> {
        let blocked = self.blocked_until.load(Ordering::Acquire);
        let wait = self.windows.outlook(ahead, cost, now)?;
        Ok(wait.max(blocked.saturating_sub(now)))
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("windows", &self.inner.windows)
            .field("waiting", &self.waiting())
            .field("gated", &self.gate.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("windows", &self.windows)
            .finish_non_exhaustive()
    }
}
