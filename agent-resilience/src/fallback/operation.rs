//! What is done at a provider, the seam between a whole answer and a stream; and what is held meanwhile.

use agent_primitives::Monotonic;

use super::attempt::Calling;
use super::check::{CheckLevel, Rejection, ReplyCheck};
use super::place::Place;
use super::scopes::Seen;
use crate::breaker::OwnedPermit;
use crate::provider::{Metering, Provider};

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

    /// Looks at what came of it: why it is not good enough, and what it took all the same.
    fn check(
        &self,
        provider: &dyn Provider<Req, Reply = Rep>,
        request: &Req,
        output: &Self::Output,
        level: CheckLevel,
    ) -> Option<(Rejection, Metering)> {
        let _ = (provider, request, output, level);
        None
    }
}

/// The whole answer.
pub(super) struct Whole<'a, Req: ?Sized, Rep> {
    pub(super) check: Option<&'a dyn ReplyCheck<Req, Rep>>,
}

impl<Req: ?Sized, Rep: Send> Operation<Req, Rep> for Whole<'_, Req, Rep> {
    type Output = Rep;

    fn check(
        &self,
        provider: &dyn Provider<Req, Reply = Rep>,
        request: &Req,
        reply: &Rep,
        level: CheckLevel,
    ) -> Option<(Rejection, Metering)> {
        if level == CheckLevel::Off {
            return None;
        }
        let rejection = self.check?.check(request, reply, level).err()?;
        Some((rejection, provider.metering(reply)))
    }

    fn start<'a>(
        &'a self,
        provider: &'a dyn Provider<Req, Reply = Rep>,
        request: &'a Req,
    ) -> Calling<'a, Rep> {
        provider.call(request)
    }
}

/// What a call holds of its link until it is settled. Owned, so that a stream can keep it to its end.
/// Dropped, it gives its permit and its slot back, and nobody is blamed; what was estimated for a call
/// that was made stays counted and spent, since the provider has it.
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
