//! What changes in a chain, and who may have a request: pure, time passed in.

use std::time::Duration;

use agent_primitives::{FailureKind, HandoffReason, Monotonic};

use super::config::{FallbackConfig, Return};
use super::decisions::DecisionLog;
use super::health::{Health, Leaving};
use super::scopes::{Places, Seen};
use crate::classify::Verdict;
use crate::route::{Availability, LearnedStats, Skip};

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
    pub(super) log: DecisionLog,
    /// Figures of the links' calls, by place.
    pub(super) learned: LearnedStats<usize>,
}

/// What is remembered of one link alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) places: Places,
    /// Why the chain turned away from it, unless it answered since.
    pub(super) left_because: Option<HandoffReason>,
    /// How it failed the last time, unless it answered since.
    pub(super) failure: Option<FailureKind>,
    /// Requests that it may have while it comes back, in hundredths.
    credit: u32,
}

/// One request's whole share of the credit of a link that comes back.
const REQUEST: u32 = 100;

impl State {
    pub(super) fn new(places: Vec<Places>, entries: usize, config: &FallbackConfig) -> Self {
        let standing = |places| Standing {
            places,
            left_because: None,
            failure: None,
            credit: REQUEST,
        };
        Self {
            healths: vec![Health::default(); entries],
            links: places.into_iter().map(standing).collect(),
            current: None,
            pinned: None,
            unpinned: false,
            log: DecisionLog::new(config.decisions.min(FallbackConfig::DECISIONS_MAX)),
            learned: LearnedStats::new(config.route.learned),
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

    /// Whether a link may have a request, as far as its health goes and its breaker `admits`.
    pub(super) fn availability(
        &self,
        index: usize,
        admits: bool,
        returning: &Return,
        now: Monotonic,
    ) -> Availability {
        if !admits {
            return Availability::Skipped(Skip::BreakerOpen);
        }
        if self.rest_left(index, now).is_some() {
            return Availability::Skipped(Skip::Resting);
        }
        if self.predicted_left(index, now).is_some() || self.held_left(index, now).is_some() {
            return Availability::Skipped(Skip::LimitNear);
        }
        if !self.has_credit(index, returning, now) {
            return Availability::Skipped(Skip::Ramp);
        }
        Availability::Ready
    }

    /// The same where nobody else is left: the chain's own caution gives way.
    pub(super) fn last_resort(&self, index: usize, admits: bool, now: Monotonic) -> Availability {
        if !admits {
            return Availability::Skipped(Skip::BreakerOpen);
        }
        if self.entries(index).any(|health| health.forbids(now)) {
            return Availability::Skipped(Skip::Resting);
        }
        if self.held_left(index, now).is_some() {
            return Availability::Skipped(Skip::LimitNear);
        }
        Availability::Ready
    }

    /// Whether the link's rest is over, and no answer has shown yet that it works.
    pub(super) fn comes_back(&self, index: usize, now: Monotonic) -> bool {
        self.rest_left(index, now).is_none() && self.entries(index).any(Health::is_left)
    }

    /// Time until those may come whom the provider asked, by one of them, to wait a little.
    pub(super) fn held_left(&self, index: usize, now: Monotonic) -> Option<Duration> {
        self.entries(index)
            .filter_map(|health| health.held_left(now))
            .max()
    }

    /// A failure of the link asks for a pause that its request waits out: so do all who share what
    /// failed.
    pub(super) fn hold(
        &mut self,
        index: usize,
        verdict: &Verdict,
        pause: Duration,
        now: Monotonic,
    ) {
        let place = self
            .links
            .get(index)
            .map(|link| link.places.struck_by(verdict));
        if let Some(health) = place.and_then(|place| self.healths.get_mut(place)) {
            health.hold(now, pause);
        }
    }

    /// Time until the link's limit is taken to have enough again.
    pub(super) fn predicted_left(&self, index: usize, now: Monotonic) -> Option<Duration> {
        self.entries(index)
            .filter_map(|health| health.predicted_left(now))
            .max()
    }

    /// The link's limit has too little left until then.
    pub(super) fn predict(&mut self, index: usize, until: Monotonic) {
        let place = self.links.get(index).map(|link| link.places.allowance());
        if let Some(health) = place.and_then(|place| self.healths.get_mut(place)) {
            health.predict(until);
        }
    }

    /// The share of requests in percent that the link may have, once it does not rest.
    pub(super) fn share(&self, index: usize, returning: &Return, now: Monotonic) -> u32 {
        self.entries(index)
            .map(|health| health.share(returning, now))
            .min()
            .unwrap_or(100)
    }

    /// Whether a link that comes back may have a request now; any other may.
    pub(super) fn has_credit(&self, index: usize, returning: &Return, now: Monotonic) -> bool {
        let is_due = || self.links.get(index).is_some_and(|l| l.credit >= REQUEST);
        self.share(index, returning, now) >= 100 || is_due()
    }

    /// A request began: those that come back earn their share of it, and the one that has it pays.
    pub(super) fn spend_credit(&mut self, chosen: usize, returning: &Return, now: Monotonic) {
        if self.healths.iter().all(|health| !health.is_left()) {
            return;
        }
        for index in 0..self.links.len() {
            let share = self.share(index, returning, now);
            let rests = self.rest_left(index, now).is_some();
            let Some(link) = self.links.get_mut(index) else {
                continue;
            };
            if share >= 100 || rests {
                link.credit = REQUEST;
                continue;
            }
            if index == chosen {
                link.credit = link.credit.saturating_sub(REQUEST);
            }
            link.credit = link.credit.saturating_add(share).min(2 * REQUEST);
        }
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
            Some(health) => health.leave(leaving, config, now),
            None => Duration::ZERO,
        }
    }

    /// A call of a link that began at `seen` succeeded. One that began before the chain last turned
    /// away shows nothing.
    pub(super) fn succeeded(
        &mut self,
        index: usize,
        seen: &Seen,
        returning: &Return,
        now: Monotonic,
    ) {
        let Some(link) = self.links.get_mut(index) else {
            return;
        };
        if link.places.seen(&self.healths) == *seen {
            link.left_because = None;
            link.failure = None;
        }
        link.places
            .succeeded(&mut self.healths, seen, returning, now);
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

    /// Gives back what was claimed at `at` for a link that cannot be asked, to those that share it.
    pub(super) fn release_probe(&mut self, index: usize, every: Duration, at: Monotonic) {
        if let Some(link) = self.links.get(index) {
            link.places.each(&mut self.healths, |health| {
                health.release_probe(every, at);
            });
        }
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
    use crate::route::Profile;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::default() + Duration::from_secs(seconds)
    }

    fn state(links: usize) -> State {
        let profile = Profile::default();
        let (places, entries) = Places::of_all(&vec![&profile; links]);
        State::new(places, entries, &FallbackConfig::default())
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

    const RETURN: Return = Return {
        hysteresis: Duration::from_secs(30),
        ramp: Duration::from_secs(10),
        first_percent: 10,
    };

    #[test]
    fn who_rests_is_skipped_until_its_rest_is_over() {
        let mut state = state(2);
        leave(&mut state, 0, FailureKind::Overloaded);
        let of = |index, admits, seconds| state.availability(index, admits, &RETURN, at(seconds));
        assert_eq!(of(0, true, 29), Availability::Skipped(Skip::Resting));
        assert_eq!(of(0, true, 30), Availability::Ready);
        assert_eq!(of(1, true, 0), Availability::Ready);
        assert_eq!(of(1, false, 0), Availability::Skipped(Skip::BreakerOpen));
    }

    #[test]
    fn as_a_last_resort_caution_gives_way_and_a_limit_does_not() {
        let mut state = state(2);
        leave(&mut state, 0, FailureKind::RateLimited);
        leave(&mut state, 1, FailureKind::Server);
        let of = |index| state.last_resort(index, true, at(0));
        assert_eq!(of(0), Availability::Skipped(Skip::Resting));
        assert_eq!(of(1), Availability::Ready);
    }

    #[test]
    fn a_limit_that_is_near_is_skipped_until_it_has_enough_again() {
        let mut state = state(1);
        state.predict(0, at(20));
        let of = |seconds| state.availability(0, true, &RETURN, at(seconds));
        assert_eq!(of(19), Availability::Skipped(Skip::LimitNear));
        assert_eq!(of(20), Availability::Ready);
    }

    #[test]
    fn whoever_comes_back_has_one_request_in_ten_and_then_more() {
        let mut state = state(2);
        leave(&mut state, 0, FailureKind::Overloaded);
        let mut had = |seconds: u64, requests: usize| {
            (0..requests)
                .filter(|_| {
                    let ready = state.availability(0, true, &RETURN, at(seconds));
                    let chosen = usize::from(ready != Availability::Ready);
                    state.spend_credit(chosen, &RETURN, at(seconds));
                    if chosen == 0 {
                        let seen = state.seen(0);
                        state.succeeded(0, &seen, &RETURN, at(seconds));
                    }
                    chosen == 0
                })
                .count()
        };
        assert_eq!(had(30, 1), 1, "the trial");
        assert_eq!(had(30, 100), 10);
        assert_eq!(had(35, 100), 54, "as many, less what is not used yet");
        assert_eq!(had(40, 100), 100);
    }

    #[test]
    fn a_link_that_rests_with_others_says_why() {
        let profile = Profile::default().account("team");
        let (places, entries) = Places::of_all(&[&profile, &profile]);
        let mut state = State::new(places, entries, &FallbackConfig::default());
        leave(&mut state, 0, FailureKind::QuotaExhausted);
        assert_eq!(state.reason(1, at(0)), Some(HandoffReason::QuotaExhausted));
        assert_eq!(state.failure(1, at(0)), Some(FailureKind::QuotaExhausted));
        assert_eq!(state.reason(1, at(3_600)), None);
        state.forget(1);
        assert_eq!(state.rest_left(0, at(0)), None, "mended for both");
    }
}
