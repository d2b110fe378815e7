//! What changes in a chain, and whom it chooses: pure, time passed in.

use std::time::Duration;

use agent_primitives::{FailureKind, HandoffReason, Monotonic};

use super::config::FallbackConfig;
use super::health::{Health, Leaving};
use super::scopes::{Places, Seen};

/// Everything that changes, behind one lock.
#[derive(Debug)]
pub(super) struct State {
    /// By scope; links point into it.
    pub(super) healths: Vec<Health>,
    pub(super) links: Vec<Standing>,
    /// Who was chosen last.
    pub(super) current: Option<usize>,
    pub(super) pinned: Option<usize>,
    /// Somebody took the pin away since the last choice.
    pub(super) unpinned: bool,
    /// Requests so far: gives each its own pauses.
    pub(super) calls: u64,
}

/// What is remembered of one link alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) places: Places,
    /// Why the chain turned away from it, unless it answered since.
    pub(super) left_because: Option<HandoffReason>,
    /// How it failed the last time, unless it answered since.
    pub(super) failure: Option<FailureKind>,
}

/// A link for the next attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) index: usize,
    /// It rests, and is only asked because nobody else is left: once.
    pub(super) last_resort: bool,
}

impl State {
    pub(super) fn new(places: Vec<Places>, entries: usize) -> Self {
        let standing = |places| Standing {
            places,
            left_because: None,
            failure: None,
        };
        Self {
            healths: vec![Health::default(); entries],
            links: places.into_iter().map(standing).collect(),
            current: None,
            pinned: None,
            unpinned: false,
            calls: 0,
        }
    }

    fn entries(&self, index: usize) -> impl Iterator<Item = &Health> {
        let standing = self.links.get(index);
        standing
            .into_iter()
            .flat_map(|link| link.places.entries(&self.healths))
    }

    /// Time until the chain itself lets requests go there again.
    pub(super) fn rest_left(&self, index: usize, now: Monotonic) -> Option<Duration> {
        self.entries(index)
            .filter_map(|health| health.rest_left(now))
            .max()
    }

    fn forbids(&self, index: usize, now: Monotonic) -> bool {
        self.entries(index).any(|health| health.forbids(now))
    }

    /// What the link rests for, or why the chain turned away from it.
    pub(super) fn reason(&self, index: usize, now: Monotonic) -> Option<HandoffReason> {
        let own = self.links.get(index)?.left_because;
        own.or_else(|| self.longest_rest(index, now)?.left_because)
    }

    /// How the link, or whatever it shares with others, failed.
    pub(super) fn failure(&self, index: usize, now: Monotonic) -> Option<FailureKind> {
        let own = self.links.get(index)?.failure;
        own.or_else(|| self.longest_rest(index, now)?.last_failure)
    }

    fn longest_rest(&self, index: usize, now: Monotonic) -> Option<&Health> {
        self.entries(index)
            .filter(|health| health.rests(now))
            .max_by_key(|health| health.rest_left(now))
    }

    /// The link for the next attempt: the pinned one, or the first that is open to this request and
    /// does not rest; where all rest, the first that does so by the chain's own caution. `open` says of
    /// each whether it was not tried yet and its breaker would let a call through.
    pub(super) fn choose(
        &self,
        pinned: Option<usize>,
        open: impl Fn(usize) -> bool,
        now: Monotonic,
    ) -> Option<Choice> {
        if let Some(index) = pinned {
            // Whoever pins decides; a rest is the chain's own opinion.
            return open(index).then_some(Choice {
                index,
                last_resort: false,
            });
        }
        let mut cautious = None;
        for index in (0..self.links.len()).filter(|index| open(*index)) {
            if self.rest_left(index, now).is_none() {
                let last_resort = false;
                return Some(Choice { index, last_resort });
            }
            if cautious.is_none() && !self.forbids(index, now) {
                let last_resort = true;
                cautious = Some(Choice { index, last_resort });
            }
        }
        cautious
    }

    /// Turns away from a link and all that share what failed; returns for how long. `leaving` is given
    /// the generation that `seen` has.
    pub(super) fn leave(
        &mut self,
        index: usize,
        leaving: Leaving<'_>,
        seen: &Seen,
        config: &FallbackConfig,
        now: Monotonic,
    ) -> Duration {
        let Some(link) = self.links.get_mut(index) else {
            return Duration::ZERO;
        };
        link.left_because = Some(leaving.reason);
        link.failure = Some(leaving.verdict.kind);
        let leaving = Leaving {
            seen: Places::seen_at(leaving.verdict, seen),
            ..leaving
        };
        match self.healths.get_mut(link.places.struck_by(leaving.verdict)) {
            Some(health) => health.leave(leaving, &config.rest, config.probe_every, now),
            None => Duration::ZERO,
        }
    }

    /// A call of a link that began at `seen` succeeded. One that began before the chain last turned
    /// away shows nothing.
    pub(super) fn succeeded(&mut self, index: usize, seen: &Seen) {
        let Some(link) = self.links.get_mut(index) else {
            return;
        };
        if link.places.seen(&self.healths) == *seen {
            link.left_because = None;
            link.failure = None;
        }
        link.places.succeeded(&mut self.healths, seen);
    }

    /// The generations in which a call begins.
    pub(super) fn seen(&self, index: usize) -> Seen {
        let link = self.links.get(index);
        link.map_or(Seen::default(), |link| link.places.seen(&self.healths))
    }

    /// Whether it is time to ask a link whether it works again; if so, nobody else asks for a while,
    /// also not those that share what it rests for.
    pub(super) fn claim_probe(&mut self, index: usize, every: Duration, now: Monotonic) -> bool {
        let mut due = false;
        if let Some(link) = self.links.get(index) {
            link.places.each(&mut self.healths, |health| {
                due |= health.claim_probe(every, now);
            });
        }
        due
    }

    /// How a probe went. Whether the link may be called again at once.
    pub(super) fn probed(
        &mut self,
        index: usize,
        works: bool,
        every: Duration,
        now: Monotonic,
    ) -> bool {
        if let Some(link) = self.links.get(index) {
            link.places.each(&mut self.healths, |health| {
                if health.is_left() {
                    health.probed(works, every, now);
                }
            });
        }
        works && self.rest_left(index, now).is_none()
    }

    /// Forgets all that was held against a link.
    pub(super) fn forget(&mut self, index: usize) {
        if let Some(link) = self.links.get_mut(index) {
            link.left_because = None;
            link.failure = None;
            link.places.each(&mut self.healths, Health::forget);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Verdict;
    use crate::route::Profile;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::default() + Duration::from_secs(seconds)
    }

    fn state(links: usize) -> State {
        let profile = Profile::default();
        let (places, entries) = Places::of_all(&vec![&profile; links]);
        State::new(places, entries)
    }

    fn leave(state: &mut State, index: usize, kind: FailureKind) {
        let verdict = Verdict::new(kind);
        let leaving = Leaving {
            reason: kind.into(),
            verdict: &verdict,
            hint: Duration::ZERO,
            seen: 0,
        };
        let seen = state.seen(index);
        state.leave(index, leaving, &seen, &FallbackConfig::default(), at(0));
    }

    fn chosen(choice: Option<Choice>) -> Option<(usize, bool)> {
        choice.map(|choice| (choice.index, choice.last_resort))
    }

    #[test]
    fn the_first_that_neither_rests_nor_was_tried_is_chosen() {
        let mut state = state(3);
        leave(&mut state, 0, FailureKind::Overloaded);
        let all = |_: usize| true;
        assert_eq!(chosen(state.choose(None, all, at(29))), Some((1, false)));
        assert_eq!(chosen(state.choose(None, all, at(30))), Some((0, false)));
        assert_eq!(
            chosen(state.choose(None, |i| i != 1, at(0))),
            Some((2, false))
        );
        assert_eq!(chosen(state.choose(None, |_| false, at(0))), None);
    }

    #[test]
    fn where_all_rest_the_chains_own_caution_gives_way_and_a_limit_does_not() {
        let mut state = state(2);
        leave(&mut state, 0, FailureKind::RateLimited);
        leave(&mut state, 1, FailureKind::Server);
        let all = |_: usize| true;
        assert_eq!(chosen(state.choose(None, all, at(0))), Some((1, true)));
        assert_eq!(chosen(state.choose(None, |i| i == 0, at(0))), None);
    }

    #[test]
    fn a_pin_holds_through_a_rest_and_never_falls_back() {
        let mut state = state(2);
        leave(&mut state, 0, FailureKind::Overloaded);
        assert_eq!(
            chosen(state.choose(Some(0), |_| true, at(0))),
            Some((0, false))
        );
        assert_eq!(chosen(state.choose(Some(0), |i| i != 0, at(0))), None);
    }

    #[test]
    fn a_link_that_rests_with_others_says_why() {
        let profile = Profile::default().account("team");
        let (places, entries) = Places::of_all(&[&profile, &profile]);
        let mut state = State::new(places, entries);
        leave(&mut state, 0, FailureKind::QuotaExhausted);
        assert_eq!(state.reason(1, at(0)), Some(HandoffReason::QuotaExhausted));
        assert_eq!(state.failure(1, at(0)), Some(FailureKind::QuotaExhausted));
        assert_eq!(state.reason(1, at(3_600)), None);
        state.forget(1);
        assert_eq!(state.rest_left(0, at(0)), None, "mended for both");
    }
}
