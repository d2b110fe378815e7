//! A place among the calls under way.

use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{FailureKind, Monotonic};

use super::Slots;

macro_rules! permit {
    ($(#[$doc:meta])* $name:ident $(<$life:lifetime>)?, $slots:ty) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "dropping it gives the place back"]
        pub struct $name $(<$life>)? {
            slots: $slots,
            started: u64,
        }

        impl $(<$life>)? $name $(<$life>)? {
            #[inline]
            pub(super) const fn new(slots: $slots, started: u64) -> Self {
                Self { slots, started }
            }

            /// The call succeeded: an adaptive limit learns how long it took. Reads the clock where the
            /// limit adapts.
            pub fn succeeded(self) {
                if let Some(now) = self.slots.now_if_adaptive() {
                    self.succeeded_at(now);
                }
            }

            /// The call succeeded at `now`.
            pub fn succeeded_at(self, now: Monotonic) {
                let took = now.nanos().saturating_sub(self.started);
                self.slots.took(took);
            }

            /// The call succeeded, and `latency` shows how busy the provider is: for instance the time to
            /// the first token, where whole answers differ in length too much to compare.
            pub fn succeeded_in(self, latency: Duration) {
                self.slots
                    .took(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
            }

            /// The call failed. An overload or a timeout lowers an adaptive limit; no other failure says
            /// anything about how many calls the provider bears. Reads the clock where the limit adapts.
            pub fn failed(self, kind: FailureKind) {
                if let Some(now) = self.slots.now_if_adaptive() {
                    self.failed_at(kind, now);
                }
            }

            /// The call failed at `now`.
            pub fn failed_at(self, kind: FailureKind, now: Monotonic) {
                if matches!(kind, FailureKind::Overloaded | FailureKind::Timeout) {
                    self.slots.overloaded(self.started, now.nanos());
                }
            }
        }

        impl $(<$life>)? Drop for $name $(<$life>)? {
            #[inline]
            fn drop(&mut self) {
                self.slots.release();
            }
        }
    };
}

permit! {
    /// A place among the calls under way. Dropped in any way, by cancelling or by a panic too, it gives
    /// the place back; only a reported result teaches an adaptive limit.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    /// use agent_resilience::ConcurrencyLimit;
    ///
    /// let limit = ConcurrencyLimit::fixed(NonZeroU32::MIN);
    /// let permit = limit.try_acquire().unwrap();
    /// assert_eq!(limit.in_use(), 1);
    /// permit.succeeded();
    /// assert_eq!(limit.in_use(), 0);
    /// ```
    ConcurrencyPermit<'a>, &'a Slots
}

permit! {
    /// A [`ConcurrencyPermit`] that a task of its own can hold.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    /// use agent_resilience::ConcurrencyLimit;
    ///
    /// let limit = ConcurrencyLimit::fixed(NonZeroU32::MIN);
    /// let permit = limit.try_acquire_owned().unwrap();
    /// std::thread::spawn(move || drop(permit)).join().unwrap();
    /// assert_eq!(limit.in_use(), 0);
    /// ```
    OwnedConcurrencyPermit, Arc<Slots>
}
