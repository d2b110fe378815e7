//! What a call holds of a rate limit until its usage is known.

use std::sync::Arc;

use agent_primitives::Monotonic;

use super::config::RateLimitConfig;
use super::cost::Cost;
use super::rate::Inner;
use super::window::{Window, axis};

/// What was taken, when, and where each window's spending ended after it.
///
/// The first window's mark stands apart: with one window, the usual case, the whole value then lives in
/// registers from taking to giving back.
#[derive(Debug)]
pub(super) struct Held {
    cost: Cost,
    taken: u64,
    first: u64,
    rest: [u64; RateLimitConfig::WINDOWS_MAX - 1],
    ends: Ends,
}

/// What dropping does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    GivesBack,
    Keeps,
}

impl Held {
    /// Everything was taken at `taken`; the first window's mark.
    #[inline]
    pub(super) const fn new(cost: Cost, taken: u64, first: u64) -> Self {
        Self {
            cost,
            taken,
            first,
            rest: [0; RateLimitConfig::WINDOWS_MAX - 1],
            ends: Ends::GivesBack,
        }
    }

    pub(super) const fn cost(&self) -> Cost {
        self.cost
    }

    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) fn marks(&self) -> impl Iterator<Item = &u64> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    pub(super) fn marks_mut(&mut self) -> impl Iterator<Item = &mut u64> {
        std::iter::once(&mut self.first).chain(&mut self.rest)
    }

    /// Replaces what was taken by `actual`.
    #[inline]
    fn settle(&mut self, inner: &Inner, actual: Cost, now: u64) {
        self.ends = Ends::Keeps;
        let freed = if let Some(window) = inner.windows.only() {
            self.settle_one(window, self.first, actual, now)
        } else {
            self.settle_several(inner, actual, now)
        };
        if freed {
            inner.queue.call_first();
        }
    }

    #[inline]
    fn settle_one(&self, window: &Window, mark: u64, actual: Cost, now: u64) -> bool {
        let (held, used) = (window.units(self.cost), window.units(actual));
        if used > held {
            window.charge(used - held, now);
        }
        used < held && window.give_back(held - used, mark, self.taken, now)
    }

    /// Windows may differ: fewer input tokens than estimated, more output tokens.
    fn settle_several(&self, inner: &Inner, actual: Cost, now: u64) -> bool {
        let mut freed = false;
        for (window, mark) in inner.windows.iter().zip(self.marks()) {
            freed |= self.settle_one(window, *mark, actual, now);
        }
        freed
    }

    #[inline]
    fn end(&mut self, inner: &Inner) {
        if self.ends == Ends::GivesBack {
            self.forgive(inner);
        }
    }

    #[inline(never)]
    fn forgive(&mut self, inner: &Inner) {
        let now = axis(inner.clock.monotonic().nanos());
        self.settle(inner, Cost::ZERO, now);
    }
}

macro_rules! reservation {
    ($(#[$doc:meta])* $name:ident $(<$life:lifetime>)?, $inner:ty) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "dropping it gives everything back"]
        pub struct $name $(<$life>)? {
            inner: $inner,
            held: Held,
        }

        impl $(<$life>)? $name $(<$life>)? {
            #[inline]
            pub(super) const fn new(inner: $inner, held: Held) -> Self {
                Self { inner, held }
            }

            /// What is held.
            pub const fn cost(&self) -> Cost {
                self.held.cost
            }

            /// The request is on its way: from here on dropping keeps the estimate, since the provider
            /// counts a call that it received, also one that nobody waits for any more.
            pub const fn mark_sent(&mut self) {
                self.held.ends = Ends::Keeps;
            }

            /// Replaces the estimate by what was used. What is too much goes back, as far as time has
            /// not given it back already; what is too little is charged, also beyond the limit, and
            /// later calls wait for it. The clock is read.
            pub fn reconcile(self, actual: impl Into<Cost>) {
                let now = self.inner.clock.monotonic();
                self.reconcile_at(actual, now);
            }

            /// Replaces the estimate by what was used, at `now`.
            #[inline]
            pub fn reconcile_at(mut self, actual: impl Into<Cost>, now: Monotonic) {
                let now = axis(now.nanos());
                self.held.settle(&self.inner, actual.into(), now);
            }

            /// The call was made and nobody knows what it used: the estimate stands.
            pub fn keep(mut self) {
                self.held.ends = Ends::Keeps;
            }

            /// The request was never sent: everything goes back at `now`. Dropping does the same, and
            /// reads the clock.
            #[inline]
            pub fn cancel_at(self, now: Monotonic) {
                self.reconcile_at(Cost::ZERO, now);
            }
        }

        impl $(<$life>)? Drop for $name $(<$life>)? {
            #[inline]
            fn drop(&mut self) {
                self.held.end(&self.inner);
            }
        }
    };
}

reservation! {
    /// What a call holds of a [`RateLimit`](crate::RateLimit), until its usage is known.
    ///
    /// Dropped, it gives everything back: a call that a later stage refused, or a future that was
    /// dropped before its request left, costs nothing. A call that was cancelled in flight has cost
    /// something at the provider: whoever sees the request leave says
    /// [`mark_sent`](Self::mark_sent), and dropping then keeps the estimate. Without that word a
    /// dropped call is forgiven, and the provider's next reply, given to
    /// [`observe`](crate::RateLimit::observe), sets the count right.
    ///
    /// ```
    /// use agent_primitives::Monotonic;
    /// use agent_resilience::classify::LimitedResource::Tokens;
    /// use agent_resilience::{Cost, RateLimit, RateLimitConfig, RateWindow};
    ///
    /// let config = RateLimitConfig::default().window(RateWindow::per_minute(Tokens, 1_000));
    /// let limit = RateLimit::new(&config)?;
    /// let now = Monotonic::from_nanos(0);
    /// let left = || limit.status_at(now).next().map(|window| window.remaining);
    ///
    /// let held = limit.try_acquire_at(Cost::REQUEST.input(400), now).unwrap();
    /// assert_eq!(left(), Some(600));
    /// held.reconcile_at(Cost::REQUEST.input(150), now);
    /// assert_eq!(left(), Some(850), "250 went back");
    ///
    /// let mut held = limit.try_acquire_at(Cost::REQUEST.input(50), now).unwrap();
    /// held.mark_sent();
    /// drop(held);
    /// assert_eq!(left(), Some(800), "sent, and nobody knows what it used");
    /// # Ok::<(), agent_resilience::InvalidLimit>(())
    /// ```
    Reservation<'a>, &'a Inner
}

reservation! {
    /// A [`Reservation`] that a task of its own can hold.
    ///
    /// ```
    /// use agent_primitives::Monotonic;
    /// use agent_resilience::{Cost, OwnedReservation, RateLimit, RateLimitConfig};
    ///
    /// fn held_by_a_task<T: Send + 'static>(_: &T) {}
    ///
    /// let limit = RateLimit::new(&RateLimitConfig::default())?;
    /// let now = Monotonic::from_nanos(0);
    /// let held: OwnedReservation = limit.try_acquire_owned_at(Cost::REQUEST, now).unwrap();
    /// held_by_a_task(&held);
    /// held.reconcile_at(Cost::REQUEST, now);
    /// # Ok::<(), agent_resilience::InvalidLimit>(())
    /// ```
    OwnedReservation, Arc<Inner>
}

impl Reservation<'_> {
    /// Settles without moving: with what was used, or with the estimate.
    #[inline]
    pub(crate) fn settle_in_place(&mut self, actual: Option<Cost>, now: Monotonic) {
        match actual {
            Some(actual) => self.held.settle(self.inner, actual, axis(now.nanos())),
            None => self.held.ends = Ends::Keeps,
        }
    }
}
