//! One request on its way from provider to provider.

use std::time::Duration;

use agent_primitives::{Handoff, HandoffReason, Monotonic, ProviderId};

use super::CallOptions;
use super::operation::Held;
use super::state::State;
use crate::budget::{SessionBudget, SpendAdvice, SpendRefused};
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::route::Decision;

/// One request on its way.
pub(crate) struct Journey<'a> {
    pub(crate) options: &'a CallOptions,
    /// The chain's first request is 1.
    pub(super) number: u64,
    pub(crate) start: Monotonic,
    pub(crate) deadline: Deadline,
    /// Decides all that is drawn for it.
    pub(super) seed: u64,
    /// Its own pin: the only one to be asked, whatever the others do.
    pub(super) pin: Option<usize>,
    pub(super) tried: Tried,
    pub(crate) attempts: u32,
    pub(crate) handoffs: Vec<Handoff>,
    pub(crate) decisions: Vec<Decision>,
    /// Who had the request last, and why it goes on.
    pub(super) from: Option<(usize, HandoffReason)>,
    pub(super) last: Option<Failure>,
    /// The refusal of the largest window so far.
    pub(super) too_long: Option<(ProviderId, Failure)>,
    /// Whose limits did not hold it, and when they would.
    pub(super) short: Vec<(usize, Duration)>,
    /// Somebody could have answered for more money than is left.
    pub(super) over_budget: Option<SpendRefused>,
    /// Not to be asked: another one that runs for the same request has them.
    pub(super) avoid: Tried,
    /// It runs beside another one for the same request.
    pub(super) beside: bool,
    /// Replies of this strength were not good enough.
    pub(super) rejected: Option<u8>,
}

impl<'a> Journey<'a> {
    pub(super) fn new(options: &'a CallOptions, start: Monotonic, seed: u64) -> Self {
        Self {
            options,
            number: 0,
            start,
            deadline: Deadline::NEVER,
            seed,
            pin: None,
            tried: Tried::default(),
            attempts: 0,
            handoffs: Vec::new(),
            decisions: Vec::new(),
            from: None,
            last: None,
            too_long: None,
            short: Vec::new(),
            over_budget: None,
            avoid: Tried::default(),
            beside: false,
            rejected: None,
        }
    }

    /// The only one to be asked.
    pub(super) fn pinned(&self, state: &State) -> Option<usize> {
        self.pin.or(state.pinned)
    }

    /// What the budget asks for.
    pub(super) fn advice(&self) -> SpendAdvice {
        let budget = self.options.budget.as_ref();
        budget.map_or(SpendAdvice::Any, SessionBudget::advice)
    }

    /// It does not move the others: it has a pin of its own, or runs beside the request itself.
    pub(super) fn is_alone(&self) -> bool {
        self.pin.is_some() || self.beside
    }

    /// Another one failed for the request, or could not take it.
    pub(super) fn goes_on(&mut self, from: usize, provider: &ProviderId, left: Gone) {
        let reason = match left {
            Gone::TooLong(failure) => {
                let reason = failure.kind().into();
                let limit = |failure: &Failure| failure.verdict().context?.limit;
                let known = self.too_long.as_ref().map(|(_, known)| limit(known));
                if known.is_none_or(|known| limit(&failure) > known) {
                    self.too_long = Some((provider.clone(), failure));
                }
                reason
            }
            Gone::Tried { reason, failure } => {
                self.last = failure.or(self.last.take());
                reason
            }
        };
        self.tried.insert(from);
        self.from = Some((from, reason));
    }
}

/// Links that were asked, one bit each: a chain has fewer.
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

    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
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
    /// The next one may be asked.
    Gone(Gone),
    /// The request itself is at fault.
    ForGood(Failure),
    /// No time is left for anybody.
    OutOfTime(Option<Failure>),
}

/// How a provider was given up.
pub(super) enum Gone {
    /// It failed, or was not called at all.
    Tried {
        reason: HandoffReason,
        failure: Option<Failure>,
    },
    /// The request does not fit there.
    TooLong(Failure),
}

impl Left {
    pub(super) fn tried(reason: HandoffReason, failure: Option<Failure>) -> Self {
        Self::Gone(Gone::Tried { reason, failure })
    }
}

/// What came of a request, and what is held for it.
pub(crate) struct Answer<'a, T> {
    pub(crate) value: T,
    pub(crate) held: Held,
    pub(crate) ended: Monotonic,
    pub(crate) journey: Journey<'a>,
}

impl<T> Answer<'_, T> {
    pub(crate) fn latency(&self) -> Duration {
        self.ended.since(self.held.started)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.ended.since(self.journey.start)
    }
}
