//! Waiting one's turn at a rate limit.

use std::sync::Arc;
use std::time::Duration;

use agent_primitives::Monotonic;

use super::cost::Cost;
use super::error::{AcquireError, Refused};
use super::queue::Try;
use super::rate::RateLimit;
use super::reservation::{Held, OwnedReservation, Reservation};
use super::window::axis;
use crate::sleep::Sleep;
#[cfg(feature = "tokio")]
use crate::sleep::TokioSleep;

impl RateLimit {
    /// Waits until `cost` can be reserved, with tokio's timer. First come, first served: a small call
    /// does not overtake a large one. `deadline` is a moment of the limit's own clock.
    ///
    /// # Errors
    /// [`AcquireError`]: at once when the queue is full, when the turn would come after the deadline,
    /// or when the cost is more than a window ever holds; later when the deadline passed all the same,
    /// since the provider asked for a longer pause or earlier calls used more than they reserved.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the queue and takes nothing.
    ///
    /// The future has to be polled to make progress: one that is kept and not polled holds up those
    /// behind it once it is first.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_resilience::classify::LimitedResource::Requests;
    /// use agent_resilience::{AcquireError, Cost, RateLimit, RateLimitConfig, RateWindow};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// let hourly = RateWindow::new(Requests, 1, Duration::from_secs(3_600));
    /// let limit = RateLimit::new(&RateLimitConfig::default().window(hourly))?;
    /// limit.acquire(Cost::REQUEST, None).await.unwrap().keep();
    ///
    /// let soon = limit.clock().monotonic() + Duration::from_secs(5);
    /// let refused = limit.acquire(Cost::REQUEST, Some(soon)).await.unwrap_err();
    /// assert!(matches!(refused, AcquireError::TooLate { .. }), "said at once: {refused}");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "tokio")]
    pub async fn acquire(
        &self,
        cost: Cost,
        deadline: Option<Monotonic>,
    ) -> Result<Reservation<'_>, AcquireError> {
        self.acquire_with(&TokioSleep, cost, deadline).await
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
        cost: Cost,
        deadline: Option<Monotonic>,
    ) -> Result<OwnedReservation, AcquireError> {
        self.acquire_owned_with(&TokioSleep, cost, deadline).await
    }

    /// Waits as `acquire` does, with a timer of the caller's choice.
    ///
    /// # Errors
    /// As `acquire`.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the queue and takes nothing.
    pub async fn acquire_with(
        &self,
        sleep: &(impl Sleep + ?Sized),
        cost: Cost,
        deadline: Option<Monotonic>,
    ) -> Result<Reservation<'_>, AcquireError> {
        self.wait(sleep, cost, deadline, |held| {
            Reservation::new(&self.inner, held)
        })
        .await
    }

    /// Waits as `acquire` does, for a task of its own and with a timer of the caller's choice.
    ///
    /// # Errors
    /// As `acquire`.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the queue and takes nothing.
    pub async fn acquire_owned_with(
        &self,
        sleep: &(impl Sleep + ?Sized),
        cost: Cost,
        deadline: Option<Monotonic>,
    ) -> Result<OwnedReservation, AcquireError> {
        self.wait(sleep, cost, deadline, |held| {
            OwnedReservation::new(Arc::clone(&self.inner), held)
        })
        .await
    }

    async fn wait<R>(
        &self,
        sleep: &(impl Sleep + ?Sized),
        cost: Cost,
        deadline: Option<Monotonic>,
        reservation: impl Fn(Held) -> R,
    ) -> Result<R, AcquireError> {
        let queue = &self.inner.queue;
        match self.take_unqueued(cost, axis(self.now().nanos())) {
            Ok(held) => return Ok(reservation(held)),
            Err(Refused::TooLarge(too_large)) => return Err(AcquireError::TooLarge(too_large)),
            Err(Refused::Limited(_)) => {}
        }
        let outlook = |ahead: Cost, now: Monotonic| {
            let wait = self.inner.outlook(ahead, cost, axis(now.nanos()));
            wait.map(Duration::from_nanos)
                .map_err(AcquireError::TooLarge)
        };
        let attempt = |now: Monotonic| {
            let now = axis(now.nanos());
            let pause = self.inner.pace.hold(queue.waiting(), now);
            if pause > 0 {
                return Try::Later(Some(Duration::from_nanos(pause)));
            }
            match self.take(cost, now) {
                Ok(held) => {
                    self.inner.pace.went();
                    Try::Done(reservation(held))
                }
                Err(Refused::Limited(limited)) => Try::Later(Some(limited.retry_in())),
                Err(Refused::TooLarge(too_large)) => Try::Never(AcquireError::TooLarge(too_large)),
            }
        };
        queue
            .wait(cost, deadline, &*self.inner.clock, sleep, outlook, attempt)
            .await
    }
}
