//! One request on its way from provider to provider.

use std::time::Duration;

use agent_primitives::{Handoff, HandoffReason, Monotonic, ProviderId};

use super::operation::Held;
use crate::deadline::Deadline;
use crate::failure::Failure;

/// One request on its way.
pub(crate) struct Journey {
    pub(crate) start: Monotonic,
    pub(crate) deadline: Deadline,
    pub(super) seed: u64,
    /// The only one to be asked.
    pub(super) pinned: Option<usize>,
    pub(super) tried: Tried,
    pub(crate) attempts: u32,
    pub(crate) handoffs: Vec<Handoff>,
    /// Who had the request last, and why it goes on.
    pub(super) from: Option<(usize, HandoffReason)>,
    pub(super) last: Option<Failure>,
    /// The refusal of the largest window so far.
    pub(super) too_long: Option<(ProviderId, Failure)>,
}

/// Links that were asked, one bit each: a chain has at most 64.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tried(u64);

impl Tried {
    pub(super) fn insert(&mut self, index: usize) {
        self.0 |= Self::bit(index);
    }

    pub(super) fn contains(self, index: usize) -> bool {
        self.0 & Self::bit(index) != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn bit(index: usize) -> u64 {
        u32::try_from(index)
            .ok()
            .and_then(|index| 1_u64.checked_shl(index))
            .unwrap_or(0)
    }
}

/// How a provider was given up, or why the whole call ends.
pub(super) enum Left {
    /// It was let rest.
    Resting {
        reason: HandoffReason,
        failure: Failure,
    },
    /// It is only not asked again for this request.
    Tried {
        reason: HandoffReason,
        failure: Option<Failure>,
    },
    /// The request does not fit there.
    TooLong(Failure),
    /// The request itself is at fault.
    ForGood(Failure),
    /// No time is left for anybody.
    OutOfTime(Option<Failure>),
}

/// What came of a request, and what is held for it.
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    pub(crate) held: Held,
    pub(crate) ended: Monotonic,
    pub(crate) journey: Journey,
}

impl<T> Answer<T> {
    pub(crate) fn latency(&self) -> Duration {
        self.ended.since(self.held.started)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.ended.since(self.journey.start)
    }
}
