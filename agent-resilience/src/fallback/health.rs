//! What the chain remembers of each provider, and whom it chooses: pure, time passed in.

use std::time::Duration;

use agent_primitives::{FailureKind, HandoffReason, Monotonic};

use super::config::{Length, Rest};
use crate::classify::Verdict;

/// What is known of one provider.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    /// Not called before: the chain's own caution.
    own_until: Option<Monotonic>,
    /// Not called before: the provider's word, or until somebody mends something.
    named_until: Option<Monotonic>,
    next_probe: Option<Monotonic>,
    /// Times in a row that the chain turned away.
    in_row: u32,
    /// Grows each time that the chain turns away, so that the result of a call from before can be
    /// told from one that came after.
    generation: u64,
    pub(super) last_failure: Option<FailureKind>,
    /// Why the chain turned away the last time.
    pub(super) left_because: Option<HandoffReason>,
}

/// Why and for how long the chain turns away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaving<'a> {
    pub(super) reason: HandoffReason,
    pub(super) verdict: Option<&'a Verdict>,
    /// What the provider asked for.
    pub(super) hint: Duration,
    /// What the breaker asks for.
    pub(super) breaker: Duration,
    /// The generation in which the failed call began.
    pub(super) seen: u64,
}

impl Health {
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// The chain turns away; returns for how long.
    pub(super) fn leave(
        &mut self,
        leaving: Leaving<'_>,
        rest: &Rest,
        probe_every: Duration,
        now: Monotonic,
    ) -> Duration {
        // Calls that were under way together are one failure.
        if leaving.seen == self.generation {
            self.in_row = self.in_row.saturating_add(1);
        }
        self.generation = self.generation.wrapping_add(1);
        let mut length = match leaving.verdict {
            Some(verdict) => rest.after(verdict, self.in_row, leaving.hint),
            None => Length {
                own: rest.first,
                named: Duration::ZERO,
            },
        };
        length.own = length.own.max(leaving.breaker);
        self.last_failure = leaving.verdict.map(|v| v.kind).or(self.last_failure);
        self.left_because = Some(leaving.reason);
        // A later failure never shortens what an earlier one asked for.
        prolong(&mut self.own_until, now, length.own);
        prolong(&mut self.named_until, now, length.named);
        self.next_probe = Some(now + probe_every);
        length.own.max(length.named)
    }

    /// A call that began in generation `seen` succeeded. One that began before the chain last turned
    /// away shows nothing.
    pub(super) fn succeeded(&mut self, seen: u64) {
        if seen == self.generation {
            self.forget();
        }
    }

    pub(super) fn forget(&mut self) {
        *self = Self {
            generation: self.generation,
            ..Self::default()
        };
    }

    pub(super) fn rests(&self, now: Monotonic) -> bool {
        self.rest_left(now).is_some()
    }

    pub(super) fn rest_left(&self, now: Monotonic) -> Option<Duration> {
        self.own_until
            .max(self.named_until)
            .filter(|until| *until > now)
            .map(|until| until.since(now))
    }

    /// Whether it is time to ask whether it works again; if so, nobody else asks for a while.
    pub(super) fn claim_probe(&mut self, probe_every: Duration, now: Monotonic) -> bool {
        let due = self.left_because.is_some() && self.next_probe.is_some_and(|at| at <= now);
        if due {
            self.next_probe = Some(now + probe_every);
        }
        due
    }

    /// Whether the provider may be called again at once.
    pub(super) fn probed(&mut self, works: bool, probe_every: Duration, now: Monotonic) -> bool {
        if works {
            // A cheap question does not meet a limit that the provider named.
            self.own_until = None;
        } else {
            prolong(&mut self.own_until, now, probe_every);
        }
        works && !self.rests(now)
    }
}

fn prolong(until: &mut Option<Monotonic>, now: Monotonic, by: Duration) {
    if !by.is_zero() {
        *until = (*until).max(Some(now + by));
    }
}

/// The provider for the next attempt: the pinned one, or the first that is open to this request and
/// does not rest. `open` says of each whether it was not tried yet and its breaker would let a call
/// through.
pub(super) fn choose(
    healths: &[Health],
    pinned: Option<usize>,
    open: impl Fn(usize) -> bool,
    now: Monotonic,
) -> Option<usize> {
    let is_open = |index: &usize| open(*index);
    if let Some(index) = pinned {
        // Whoever pins decides; a rest is the chain's own opinion.
        return Some(index).filter(is_open);
    }
    healths
        .iter()
        .enumerate()
        .filter(|(_, health)| !health.rests(now))
        .map(|(index, _)| index)
        .find(is_open)
}

/// Why the work moves away from a provider. Where nothing is wrong with it, a preferred one is back.
pub(super) fn reason(healths: &[Health], from: usize) -> HandoffReason {
    healths
        .get(from)
        .and_then(|health| health.left_because)
        .unwrap_or(HandoffReason::Recovered)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Monotonic {
        Monotonic::default() + Duration::from_secs(seconds)
    }

    fn leave(health: &mut Health, hint: u64, seen: u64, now: Monotonic) {
        let verdict = Verdict::new(FailureKind::Overloaded);
        let leaving = Leaving {
            reason: HandoffReason::Overloaded,
            verdict: Some(&verdict),
            hint: Duration::from_secs(hint),
            breaker: Duration::ZERO,
            seen,
        };
        health.leave(leaving, &Rest::default(), EVERY, now);
    }

    fn resting(hint: u64) -> Health {
        let mut health = Health::default();
        leave(&mut health, hint, 0, at(0));
        health
    }

    #[test]
    fn the_first_that_neither_rests_nor_was_tried_is_chosen() {
        let healths = [resting(0), Health::default(), Health::default()];
        let all = |_: usize| true;
        assert_eq!(choose(&healths, None, all, at(29)), Some(1));
        assert_eq!(choose(&healths, None, all, at(30)), Some(0));
        assert_eq!(choose(&healths, None, |i| i != 1, at(0)), Some(2));
        assert_eq!(choose(&healths, None, |_| false, at(0)), None);
    }

    #[test]
    fn a_pin_holds_through_a_rest_and_never_falls_back() {
        let healths = [resting(0), Health::default()];
        assert_eq!(choose(&healths, Some(0), |_| true, at(0)), Some(0));
        assert_eq!(choose(&healths, Some(0), |i| i != 0, at(0)), None);
    }

    #[test]
    fn a_probe_ends_the_chains_own_rest_and_not_what_the_provider_named() {
        let mut passing = resting(0);
        assert!(!passing.claim_probe(EVERY, at(59)));
        assert!(passing.claim_probe(EVERY, at(60)));
        assert!(!passing.claim_probe(EVERY, at(60)), "claimed");
        assert!(passing.probed(true, EVERY, at(60)));
        assert!(!passing.rests(at(60)));

        let mut limited = resting(3_600);
        // A later failure without a hint leaves the hint as it is.
        leave(&mut limited, 0, 1, at(1));
        assert!(!limited.probed(true, EVERY, at(60)));
        assert_eq!(limited.rest_left(at(60)), Some(Duration::from_secs(3_540)));
    }

    #[test]
    fn a_failed_probe_lengthens_a_rest() {
        let mut health = resting(0);
        assert!(!health.probed(false, EVERY, at(20)));
        assert_eq!(health.rest_left(at(20)), Some(EVERY));
    }

    #[test]
    fn failures_of_calls_that_were_under_way_together_count_once() {
        let mut health = Health::default();
        for _ in 0..10 {
            leave(&mut health, 0, 0, at(0));
        }
        assert_eq!(health.rest_left(at(0)), Some(Duration::from_secs(30)));
        let seen = health.generation();
        leave(&mut health, 0, seen, at(31));
        assert_eq!(health.rest_left(at(31)), Some(Duration::from_secs(60)));
    }

    #[test]
    fn a_success_from_before_the_rest_shows_nothing() {
        let mut health = resting(600);
        health.succeeded(0);
        assert!(health.rests(at(599)));
        health.succeeded(1);
        assert!(!health.rests(at(0)));
    }

    #[test]
    fn the_reason_of_a_return_is_recovery() {
        let healths = [Health::default(), resting(0)];
        assert_eq!(reason(&healths, 1), HandoffReason::Overloaded);
        assert_eq!(reason(&healths, 0), HandoffReason::Recovered);
    }
}
