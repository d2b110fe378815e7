//! What is done at a provider, the seam between a whole answer and a stream; and what is held meanwhile.

use agent_primitives::Monotonic;

use super::attempt::Calling;
use super::place::Place;
use super::scopes::Seen;
use crate::breaker::OwnedPermit;
use crate::provider::Provider;

/// What the chain does at each provider until one does it.
pub(crate) trait Operation<Req: ?Sized, Rep>: Sync {
    /// What comes of it.
    type Output: Send;

    /// Begins it at one provider. The attempt's time limit holds until this ends; whatever its output
    /// does later is settled through [`Held`].
    fn start<'a>(
        &'a self,
        provider: &'a dyn Provider<Req, Reply = Rep>,
        request: &'a Req,
    ) -> Calling<'a, Self::Output>;
}

/// The whole answer.
pub(super) struct Whole;

impl<Req: ?Sized, Rep: Send> Operation<Req, Rep> for Whole {
    type Output = Rep;

    fn start<'a>(
        &'a self,
        provider: &'a dyn Provider<Req, Reply = Rep>,
        request: &'a Req,
    ) -> Calling<'a, Rep> {
        provider.call(request)
    }
}

/// What a call holds of its link until it is settled. Owned, so that a stream can keep it to its end.
/// Dropped, it gives everything back, and nobody is blamed.
#[must_use = "settle it, or the call counts as cancelled"]
pub(crate) struct Held {
    /// The link's place in the order of preference.
    pub(crate) index: usize,
    pub(super) permit: OwnedPermit,
    pub(super) place: Place,
    /// The link's health as the call began.
    pub(super) seen: Seen,
    /// When the call began.
    pub(crate) started: Monotonic,
    /// Number of the attempt at this link.
    pub(super) attempt: u32,
}
