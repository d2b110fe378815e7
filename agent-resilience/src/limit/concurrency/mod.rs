//! How many calls may be under way at the same time, fixed or found out.

mod config;
mod gradient;
mod permit;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent_primitives::{Clock, Monotonic, SystemClock};

pub use config::{AdaptiveConfig, ConcurrencyConfig};
use gradient::Gradient;
pub use permit::{ConcurrencyPermit, OwnedConcurrencyPermit};

use super::config::InvalidLimit;
use super::cost::Cost;
use super::error::{AcquireError, ConcurrencyFull};
use super::queue::{Try, WaitQueue};
use crate::sleep::Sleep;
#[cfg(feature = "tokio")]
use crate::sleep::TokioSleep;

/// How many calls may be under way at the same time. A handle: clones share the places.
///
/// The number stands still or follows what the provider bears, see
/// [`AdaptiveConfig`]. Taking and giving back a place is one atomic operation each; those who wait do
/// so in line, first come, first served, and nobody overtakes them.
///
/// ```
/// use std::num::NonZeroU32;
/// use agent_resilience::ConcurrencyLimit;
///
/// let limit = ConcurrencyLimit::fixed(NonZeroU32::new(2).unwrap());
/// let first = limit.try_acquire().unwrap();
/// let second = limit.try_acquire().unwrap();
/// assert!(limit.try_acquire().is_err());
/// drop(first);
/// assert!(limit.try_acquire().is_ok());
/// # drop(second);
/// ```
#[derive(Clone)]
pub struct ConcurrencyLimit {
    slots: Arc<Slots>,
}

/// The places.
pub(in crate::limit) struct Slots {
    in_use: AtomicU32,
    limit: AtomicU32,
    queue: WaitQueue,
    adaptive: Option<Mutex<Gradient>>,
    clock: Arc<dyn Clock>,
}

impl ConcurrencyLimit {
    /// Always `limit` calls, and 1024 that wait.
    pub fn fixed(limit: NonZeroU32) -> Self {
        let config = ConcurrencyConfig {
            limit,
            ..ConcurrencyConfig::default()
        };
        Self::of(&config, Arc::new(SystemClock))
    }

    /// A limit as configured, timed by the system's clock.
    ///
    /// # Errors
    /// [`InvalidLimit`] for adaptive settings that contradict each other.
    pub fn new(config: &ConcurrencyConfig) -> Result<Self, InvalidLimit> {
        Self::with_clock(config, SystemClock)
    }

    /// A limit as configured, timed by `clock`.
    ///
    /// # Errors
    /// [`InvalidLimit`] for adaptive settings that contradict each other.
    pub fn with_clock(
        config: &ConcurrencyConfig,
        clock: impl Clock + 'static,
    ) -> Result<Self, InvalidLimit> {
        if let Some(adaptive) = &config.adaptive {
            adaptive.check(config.limit)?;
        }
        Ok(Self::of(config, Arc::new(clock)))
    }

    fn of(config: &ConcurrencyConfig, clock: Arc<dyn Clock>) -> Self {
        let limit = config.limit.get();
        Self {
            slots: Arc::new(Slots {
                in_use: AtomicU32::new(0),
                limit: AtomicU32::new(limit),
                queue: WaitQueue::new(config.queue),
                adaptive: config
                    .adaptive
                    .map(|adaptive| Mutex::new(Gradient::new(adaptive, limit))),
                clock,
            }),
        }
    }

    /// Takes a place. Reads the clock where the limit adapts.
    ///
    /// # Errors
    /// [`ConcurrencyFull`] when all are taken or others wait.
    #[inline]
    pub fn try_acquire(&self) -> Result<ConcurrencyPermit<'_>, ConcurrencyFull> {
        self.slots.enter()?;
        let started = self.slots.started();
        Ok(ConcurrencyPermit::new(&self.slots, started))
    }

    /// Takes a place at `now`.
    ///
    /// # Errors
    /// [`ConcurrencyFull`] when all are taken or others wait.
    #[inline]
    pub fn try_acquire_at(&self, now: Monotonic) -> Result<ConcurrencyPermit<'_>, ConcurrencyFull> {
        self.slots.enter()?;
        Ok(ConcurrencyPermit::new(&self.slots, now.nanos()))
    }

    /// Takes a place for a task of its own.
    ///
    /// # Errors
    /// [`ConcurrencyFull`] when all are taken or others wait.
    pub fn try_acquire_owned(&self) -> Result<OwnedConcurrencyPermit, ConcurrencyFull> {
        self.slots.enter()?;
        let started = self.slots.started();
        Ok(OwnedConcurrencyPermit::new(
            Arc::clone(&self.slots),
            started,
        ))
    }

    /// Waits for a place, with tokio's timer for the deadline, a moment of the limit's own clock.
    ///
    /// # Errors
    /// [`AcquireError`] when the queue is full or the deadline passed.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the queue; no place is lost.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    /// use agent_resilience::ConcurrencyLimit;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// let limit = ConcurrencyLimit::fixed(NonZeroU32::MIN);
    /// let permit = limit.acquire(None).await.unwrap();
    /// let other = limit.clone();
    /// let waiting = tokio::spawn(async move { other.acquire_owned(None).await.is_ok() });
    /// drop(permit);
    /// assert!(waiting.await?);
    /// # Ok::<(), tokio::task::JoinError>(()) }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(feature = "tokio")]
    pub async fn acquire(
        &self,
        deadline: Option<Monotonic>,
    ) -> Result<ConcurrencyPermit<'_>, AcquireError> {
        self.acquire_with(&TokioSleep, deadline).await
    }

    /// [`acquire`](Self::acquire) for a task of its own.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    ///
    /// # Cancel safety
    /// As [`acquire`](Self::acquire).
    #[cfg(feature = "tokio")]
    pub async fn acquire_owned(
        &self,
        deadline: Option<Monotonic>,
    ) -> Result<OwnedConcurrencyPermit, AcquireError> {
        self.acquire_owned_with(&TokioSleep, deadline).await
    }

    /// Waits as `acquire` does, with a timer of the caller's choice.
    ///
    /// # Errors
    /// As `acquire`.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the queue; no place is lost.
    pub async fn acquire_with(
        &self,
        sleep: &(impl Sleep + ?Sized),
        deadline: Option<Monotonic>,
    ) -> Result<ConcurrencyPermit<'_>, AcquireError> {
        let slots = &*self.slots;
        slots
            .wait(sleep, deadline, || {
                ConcurrencyPermit::new(slots, slots.started())
            })
            .await
    }

    /// Waits as `acquire` does, for a task of its own and with a timer of the caller's choice.
    ///
    /// # Errors
    /// As `acquire`.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the queue; no place is lost.
    pub async fn acquire_owned_with(
        &self,
        sleep: &(impl Sleep + ?Sized),
        deadline: Option<Monotonic>,
    ) -> Result<OwnedConcurrencyPermit, AcquireError> {
        let slots = &self.slots;
        slots
            .wait(sleep, deadline, || {
                OwnedConcurrencyPermit::new(Arc::clone(slots), slots.started())
            })
            .await
    }

    /// How many calls may be under way.
    pub fn limit(&self) -> u32 {
        self.slots.limit.load(Ordering::Relaxed)
    }

    /// How many are. More than the limit, for a while, after the limit fell.
    pub fn in_use(&self) -> u32 {
        self.slots.in_use.load(Ordering::Relaxed)
    }

    /// How many callers wait.
    pub fn waiting(&self) -> usize {
        self.slots.queue.waiting()
    }

    /// How many callers were not allowed to wait since the start.
    pub fn turned_away(&self) -> u64 {
        self.slots.queue.turned_away()
    }

    /// The limit's own clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.slots.clock
    }
}

impl Slots {
    #[inline]
    fn enter(&self) -> Result<(), ConcurrencyFull> {
        if self.queue.waiting() == 0 && self.take() {
            return Ok(());
        }
        Err(ConcurrencyFull {
            limit: self.limit.load(Ordering::Relaxed),
        })
    }

    #[inline]
    fn take(&self) -> bool {
        // In one order with the queue's count: whoever joined it sees the place, or whoever frees the
        // place sees who joined.
        let limit = self.limit.load(Ordering::SeqCst);
        let mut in_use = self.in_use.load(Ordering::SeqCst);
        while in_use < limit {
            match self.in_use.compare_exchange_weak(
                in_use,
                in_use + 1,
                Ordering::SeqCst,
                Ordering::SeqCst,
            ) {
                Ok(_) => return true,
                Err(now) => in_use = now,
            }
        }
        false
    }

    #[inline]
    fn release(&self) {
        // Before looking who waits: whoever joins after this look sees the place.
        self.in_use.fetch_sub(1, Ordering::SeqCst);
        self.queue.call_first();
    }

    async fn wait<P>(
        &self,
        sleep: &(impl Sleep + ?Sized),
        deadline: Option<Monotonic>,
        permit: impl Fn() -> P,
    ) -> Result<P, AcquireError> {
        if self.enter().is_ok() {
            return Ok(permit());
        }
        // Nobody knows how long the calls under way will take.
        let outlook = |_: Cost, _: Monotonic| Ok(Duration::ZERO);
        let attempt = |_: Monotonic| {
            if self.take() {
                Try::Done(permit())
            } else {
                Try::Later(None)
            }
        };
        let clock = &*self.clock;
        self.queue
            .wait(Cost::ZERO, deadline, clock, sleep, outlook, attempt)
            .await
    }

    #[inline]
    fn started(&self) -> u64 {
        self.now_if_adaptive().unwrap_or_default().nanos()
    }

    #[inline]
    fn now_if_adaptive(&self) -> Option<Monotonic> {
        self.adaptive.as_ref().map(|_| self.clock.monotonic())
    }

    fn took(&self, nanos: u64) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a latency of 104 days loses a nanosecond"
        )]
        let nanos = nanos as f64;
        let in_flight = self.in_use.load(Ordering::Relaxed);
        self.learn(|gradient| gradient.took(nanos, in_flight));
    }

    fn overloaded(&self, started: u64, now: u64) {
        self.learn(|gradient| gradient.overloaded(started, now));
    }

    fn learn(&self, lesson: impl FnOnce(&mut Gradient) -> u32) {
        let Some(adaptive) = &self.adaptive else {
            return;
        };
        let mut gradient = adaptive.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = lesson(&mut gradient);
        // Under the lock, so that an older figure never replaces a newer one.
        let before = self.limit.swap(limit, Ordering::SeqCst);
        drop(gradient);
        if limit > before {
            self.queue.call_first();
        }
    }
}

impl fmt::Debug for ConcurrencyLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slots.fmt(f)
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimit")
            .field("limit", &self.limit)
            .field("in_use", &self.in_use)
            .field("waiting", &self.queue.waiting())
            .finish_non_exhaustive()
    }
}
