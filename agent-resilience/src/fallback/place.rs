//! A place at a provider: what a call takes of its limits while it is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use agent_primitives::Monotonic;

use super::allowance::Short;
use super::{FallbackChain, Link};
use crate::limit::{OwnedConcurrencyPermit, OwnedReservation};
use crate::route::Needs;

/// What a call takes of its link's limits. Dropped, it gives them back.
pub(super) struct Place {
    pub(super) reservation: Option<OwnedReservation>,
    pub(super) slot: Option<OwnedConcurrencyPermit>,
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
}

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// Takes what one call needs of a link's limits, or of none.
    pub(super) fn place(
        &self,
        link: &Link<Req, Rep>,
        needs: &Needs,
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
        Ok(Place {
            reservation,
            slot,
            _counted: UnderWay::one(&link.under_way),
        })
    }
}
