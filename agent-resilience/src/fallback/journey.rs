//! One request on its way from provider to provider.

use std::time::Duration;

use agent_primitives::{FailureKind, Handoff, HandoffReason, Monotonic, ProviderId, Scope};

use super::CallOptions;
use super::operation::Held;
use super::state::State;
use crate::budget::{SessionBudget, SpendAdvice, SpendRefused};
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::route::{Decision, Profile};

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
    /// Handoffs and decisions that are no longer kept.
    pub(super) left_out: u32,
    /// Who had the request last, and why it goes on.
    pub(super) from: Option<(usize, HandoffReason)>,
    pub(super) last: Option<Failure>,
    /// The refusal of the largest window so far.
    pub(super) too_long: Option<(ProviderId, Failure)>,
    /// Times that it waited for a provider that asked another request to wait.
    pub(super) holds: u32,
    /// Windows of fewer tokens are too small for it, as those said who refused it.
    pub(super) least_window: u64,
    /// What became of the links that it was at, one of each.
    pub(super) outcomes: Vec<(usize, Outcome)>,
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
            left_out: 0,
            from: None,
            last: None,
            too_long: None,
            holds: 0,
            least_window: 0,
            outcomes: Vec::new(),
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
        let outcome = Outcome::of(&left);
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
        self.note(from, outcome);
    }

    /// Takes over what a refusal says of the window that the request needs: more than the one that
    /// refused it, as it says itself or as its profile does, and all that it counted.
    pub(super) fn outgrows(&mut self, failure: &Failure, profile: &Profile) {
        if failure.kind() != FailureKind::ContextTooLong {
            return;
        }
        let numbers = failure.verdict().context.unwrap_or_default();
        let limit = numbers.limit.or(profile.capabilities.context_window);
        let more = limit.map_or(0, |limit| limit.saturating_add(1));
        let least = more.max(numbers.used.unwrap_or(0));
        self.least_window = self.least_window.max(least);
    }

    /// Whether the link's window is known to be too small for it.
    pub(super) fn is_too_long_for(&self, profile: &Profile) -> bool {
        let window = profile.capabilities.context_window;
        window.is_some_and(|window| window < self.least_window)
    }

    pub(super) fn decided(&mut self, decision: &Decision) {
        if self.decisions.is_empty() {
            // Most requests have one.
            self.decisions.reserve_exact(1);
        }
        let is_full = push_last(&mut self.decisions, *decision);
        self.left_out = self.left_out.saturating_add(is_full.into());
    }

    pub(super) fn moved(&mut self, handoff: Handoff) {
        let is_full = push_last(&mut self.handoffs, handoff);
        self.left_out = self.left_out.saturating_add(is_full.into());
    }

    /// What became of a link, in place of what was known.
    pub(super) fn note(&mut self, index: usize, outcome: Outcome) {
        match self.outcomes.iter_mut().find(|(of, _)| *of == index) {
            Some((_, known)) => *known = outcome,
            None => self.outcomes.push((index, outcome)),
        }
    }

    pub(super) fn outcome(&self, index: usize) -> Option<Outcome> {
        let noted = self.outcomes.iter().find(|(of, _)| *of == index);
        noted.map(|(_, outcome)| *outcome)
    }

    /// A link's limits do not hold the request before `retry_in`.
    pub(super) fn is_short(&mut self, index: usize, retry_in: Duration) {
        self.short.retain(|(of, _)| *of != index);
        self.short.push((index, retry_in));
    }

    /// After a pause everybody may be asked again but those that cannot answer this request.
    pub(super) fn begins_anew(&mut self) {
        self.short.clear();
        self.outcomes.retain(|(_, outcome)| outcome.is_final);
        self.tried = Tried::default();
        for (index, _) in &self.outcomes {
            self.tried.insert(*index);
        }
    }
}

/// Handoffs, and decisions, that are kept of one request: several for each link, so that only one that
/// waits long loses any.
pub(super) const KEPT: usize = 128;

/// Adds to the last ones; whether the first of them had to go.
fn push_last<T>(kept: &mut Vec<T>, new: T) -> bool {
    let is_full = kept.len() >= KEPT;
    if is_full {
        kept.remove(0);
    }
    kept.push(new);
    is_full
}

/// What became of one link for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) reason: HandoffReason,
    pub(super) failure: Option<FailureKind>,
    /// It cannot answer this request, however long one waits.
    pub(super) is_final: bool,
}

impl Outcome {
    fn of(gone: &Gone) -> Self {
        let (reason, failure) = match gone {
            Gone::TooLong(failure) => (failure.kind().into(), Some(failure)),
            Gone::Tried { reason, failure } => (*reason, failure.as_ref()),
        };
        let of_request = failure.is_some_and(|failure| failure.verdict().scope == Scope::Request);
        Self {
            reason,
            failure: failure.map(Failure::kind),
            is_final: of_request
                || matches!(gone, Gone::TooLong(_))
                || reason == HandoffReason::Cost,
        }
    }

    /// Its limits are smaller than this request.
    pub(super) const TOO_LARGE: Self = Self {
        reason: HandoffReason::Predicted,
        failure: None,
        is_final: true,
    };
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
