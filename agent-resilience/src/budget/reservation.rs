//! What a call holds of a budget until its cost is known.

use std::sync::Arc;

use agent_primitives::Timestamp;

use super::amount::{Spend, Units};
use super::session::Handle;

/// What was taken, and what dropping does with it.
#[derive(Debug)]
struct Held {
    units: Units,
    ends: Ends,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    GivesBack,
    Spends,
    Over,
}

impl Held {
    #[inline]
    fn settle(&mut self, handle: &Handle, actual: Units, now: Timestamp) {
        self.ends = Ends::Over;
        handle.settle(self.units, actual, now);
    }

    #[inline]
    fn end(&mut self, handle: &Handle) {
        match self.ends {
            Ends::Over => {}
            Ends::GivesBack => handle.accounts().give_back(self.units),
            Ends::Spends => self.settle(handle, self.units, handle.budget.now()),
        }
    }
}

macro_rules! reservation {
    ($(#[$doc:meta])* $name:ident $(<$life:lifetime>)?, $handle:ty) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "dropping it gives everything back"]
        pub struct $name $(<$life>)? {
            handle: $handle,
            held: Held,
        }

        impl $(<$life>)? $name $(<$life>)? {
            #[inline]
            pub(super) const fn new(handle: $handle, units: Units) -> Self {
                let ends = Ends::GivesBack;
                Self { handle, held: Held { units, ends } }
            }

            /// What is held.
            pub fn estimate(&self) -> Spend {
                self.held.units.spend()
            }

            /// The request is on its way: from here on dropping spends the estimate, since the
            /// provider bills a call that it received, also one that nobody waits for any more.
            pub const fn mark_sent(&mut self) {
                self.held.ends = Ends::Spends;
            }

            /// Spends `actual` and gives back the rest. Where the call cost more than was held, all of
            /// it is spent, also beyond the caps, and the overrun is
            /// [counted](crate::SpendStatus::overruns). The clock is read.
            pub fn settle(self, actual: Spend) {
                let now = self.handle.budget.now();
                self.settle_at(actual, now);
            }

            /// [`settle`](Self::settle) at `now`: in the day that this is in, if it is later than the
            /// budget's present one.
            #[inline]
            pub fn settle_at(mut self, actual: Spend, now: Timestamp) {
                self.held.settle(&self.handle, actual.into(), now);
            }

            /// The call was made and nobody knows its cost: the estimate is spent.
            pub fn keep(mut self) {
                self.mark_sent();
            }

            /// The request was never sent: everything goes back, as when it is dropped unsent.
            pub fn cancel(mut self) {
                self.held.ends = Ends::GivesBack;
            }
        }

        impl $(<$life>)? Drop for $name $(<$life>)? {
            #[inline]
            fn drop(&mut self) {
                self.held.end(&self.handle);
            }
        }
    };
}

reservation! {
    /// What a call holds of a [`SpendBudget`](crate::SpendBudget), until its cost is known.
    ///
    /// Dropped, it gives everything back: a call that a later stage refused, or a future that was
    /// dropped before its request left, costs nothing. Whoever sees the request leave says
    /// [`mark_sent`](Self::mark_sent), and dropping then spends the estimate.
    ///
    /// ```
    /// use agent_primitives::{SessionId, TokenUsage};
    /// use agent_resilience::{Spend, SpendBudget, SpendBudgetConfig, SpendCap, TokenPrice};
    ///
    /// let config = SpendBudgetConfig::default().session(SpendCap::usd("1".parse()?));
    /// let budget = SpendBudget::new(&config)?;
    /// let session = budget.session(&SessionId::new("s1")?)?;
    /// let price = TokenPrice::per_million("3".parse()?, "15".parse()?);
    ///
    /// let held = session.reserve(price.spend_estimate(10_000, 4_000))?;
    /// held.settle(price.spend(&TokenUsage::new(10_000, 500)));
    /// assert_eq!(session.spent(), Spend::usd("0.0375".parse()?));
    ///
    /// let mut held = session.reserve(Spend::usd("0.10".parse()?))?;
    /// held.mark_sent();
    /// drop(held);
    /// assert_eq!(session.spent(), Spend::usd("0.1375".parse()?), "sent, and nobody knows its cost");
    /// drop(session.reserve(Spend::usd("0.10".parse()?))?);
    /// assert_eq!(session.spent(), Spend::usd("0.1375".parse()?), "never sent");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    SpendReservation<'a>, &'a Handle
}

reservation! {
    /// A [`SpendReservation`] that a task of its own can hold.
    ///
    /// ```
    /// use agent_primitives::SessionId;
    /// use agent_resilience::{OwnedSpendReservation, Spend, SpendBudget, SpendBudgetConfig};
    ///
    /// fn held_by_a_task<T: Send + 'static>(_: &T) {}
    ///
    /// let budget = SpendBudget::new(&SpendBudgetConfig::default())?;
    /// let session = budget.session(&SessionId::new("s1")?)?;
    /// let held: OwnedSpendReservation = session.reserve_owned(Spend::tokens(800))?;
    /// held_by_a_task(&held);
    /// held.settle(Spend::tokens(640));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    OwnedSpendReservation, Arc<Handle>
}
