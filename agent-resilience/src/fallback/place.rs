//! A place at a provider: what a call takes of its limits while it is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use agent_primitives::{Clock, Monotonic};

use super::allowance::{Reserved, Short};
use super::{FallbackChain, Link};
use crate::budget::{OwnedSpendReservation, SessionBudget, SpendRefused, TokenPrice};
use crate::limit::OwnedConcurrencyPermit;
use crate::route::{Needs, Skip};

/// What a call takes of its link's limits. Dropped, it gives its slot back; and the rest, unless the
/// call was [made](Place::sent).
pub(super) struct Place {
    pub(super) reservation: Option<Reserved>,
    pub(super) slot: Option<OwnedConcurrencyPermit>,
    pub(super) spend: Option<OwnedSpendReservation>,
    _counted: UnderWay,
}

/// Counts a call as under way.
struct UnderWay(Arc<AtomicU32>);

impl UnderWay {
    fn one(of: &Arc<AtomicU32>) -> Self {
        of.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(of))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a link has no place.
pub(super) enum NoPlace {
    Limit(Short),
    Slots,
    Money(SpendRefused),
}

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// Takes what one call needs of a link's limits, or of none.
    pub(super) fn place(
        &self,
        link: &Link<Req, Rep>,
        needs: &Needs,
        budget: Option<&SessionBudget>,
        now: Monotonic,
    ) -> Result<Place, NoPlace> {
        let allowance = self.shared.allowances.get(link.allowance);
        let reservation = match allowance {
            Some(allowance) => allowance.take(needs.cost(), now).map_err(NoPlace::Limit)?,
            None => None,
        };
        let slot = match &link.slots {
            Some(slots) => Some(slots.try_acquire_owned().map_err(|_| NoPlace::Slots)?),
            None => None,
        };
        let spend = match budget {
            Some(budget) => {
                let estimate = self.price(link);
                let estimate = estimate.spend_estimate(needs.input_tokens, needs.output_tokens);
                let at = self.shared.clock.timestamp();
                let reserved = budget.reserve_owned_at(estimate, at);
                Some(reserved.map_err(NoPlace::Money)?)
            }
            None => None,
        };
        Ok(Place {
            reservation,
            slot,
            spend,
            _counted: UnderWay::one(&link.under_way),
        })
    }

    /// Why a link has no [`place`](Self::place) for one call. Nothing is taken.
    pub(super) fn no_place(
        &self,
        link: &Link<Req, Rep>,
        needs: &Needs,
        now: Monotonic,
    ) -> Option<Skip> {
        let allowance = self.shared.allowances.get(link.allowance);
        let slots = link.slots.as_ref();
        if allowance.is_some_and(|allowance| !allowance.holds(needs.cost(), now)) {
            Some(Skip::LimitNear)
        } else if slots.is_some_and(|slots| slots.in_use() >= slots.limit()) {
            Some(Skip::Concurrency)
        } else {
            None
        }
    }

    /// What the link's tokens cost, or are taken to cost.
    pub(super) fn price(&self, link: &Link<Req, Rep>) -> TokenPrice {
        let assumed = self.shared.config.route.assumed_price;
        link.profile.price.unwrap_or(assumed)
    }
}

impl Place {
    /// The call is made: whoever is dropped from here on may have cost what was estimated, and the
    /// provider has counted it against its limits.
    pub(super) fn sent(&mut self) {
        if let Some(reservation) = &mut self.reservation {
            reservation.mark_sent();
        }
        if let Some(spend) = &mut self.spend {
            spend.mark_sent();
        }
    }
}
