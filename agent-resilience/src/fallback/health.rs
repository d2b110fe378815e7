//! What the chain remembers of each provider, and whom it chooses: pure, time passed in.

use std::time::Duration;

use agent_primitives::{FailureKind, HandoffReason, Monotonic};

/// What is known of one provider.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    /// Not called before.
    pub(super) rest_until: Option<Monotonic>,
    /// Whether a probe may end the rest: not where the provider named the time itself or somebody
    /// has to mend something, since a cheap question does not meet that limit.
    pub(super) probe_ends_rest: bool,
    pub(super) next_probe: Option<Monotonic>,
    /// Times in a row that the chain turned away.
    pub(super) in_row: u32,
    pub(super) last_failure: Option<FailureKind>,
    /// Why the chain turned away the last time.
    pub(super) left_because: Option<HandoffReason>,
}

impl Health {
    /// The chain turns away for `rest`.
    pub(super) fn leave(
        &mut self,
        kind: Option<FailureKind>,
        reason: HandoffReason,
        rest: Duration,
        probe_every: Duration,
        now: Monotonic,
    ) {
        self.in_row = self.in_row.saturating_add(1);
        self.last_failure = kind.or(self.last_failure);
        self.left_because = Some(reason);
        // Two calls may fail at once; the longer rest holds.
        let until = now + rest;
        self.rest_until = Some(self.rest_until.map_or(until, |was| was.max(until)));
        self.next_probe = Some(now + probe_every);
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    pub(super) fn rests(&self, now: Monotonic) -> bool {
        self.rest_until.is_some_and(|until| until > now)
    }

    pub(super) fn rest_left(&self, now: Monotonic) -> Option<Duration> {
        self.rest_until
            .filter(|until| *until > now)
            .map(|until| until.since(now))
    }

    /// Whether it is time to ask whether it works again.
    pub(super) fn wants_probe(&self, now: Monotonic) -> bool {
        self.left_because.is_some() && self.next_probe.is_some_and(|at| at <= now)
    }

    /// Whether the provider may be called again at once.
    pub(super) fn probed(&mut self, works: bool, probe_every: Duration, now: Monotonic) -> bool {
        self.next_probe = Some(now + probe_every);
        if works && self.probe_ends_rest {
            self.rest_until = None;
            return true;
        }
        if !works {
            let until = now + probe_every;
            self.rest_until = Some(self.rest_until.map_or(until, |was| was.max(until)));
        }
        false
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

    fn resting(seconds: u64, probe_ends_rest: bool) -> Health {
        let mut health = Health {
            probe_ends_rest,
            ..Health::default()
        };
        health.leave(
            Some(FailureKind::Overloaded),
            HandoffReason::Overloaded,
            Duration::from_secs(seconds),
            EVERY,
            at(0),
        );
        health
    }

    #[test]
    fn the_first_that_neither_rests_nor_was_tried_is_chosen() {
        let healths = [resting(30, true), Health::default(), Health::default()];
        let all = |_: usize| true;
        assert_eq!(choose(&healths, None, all, at(29)), Some(1));
        assert_eq!(choose(&healths, None, all, at(30)), Some(0));
        assert_eq!(choose(&healths, None, |i| i != 1, at(0)), Some(2));
        assert_eq!(choose(&healths, None, |_| false, at(0)), None);
    }

    #[test]
    fn a_pin_holds_through_a_rest_and_never_falls_back() {
        let healths = [resting(30, true), Health::default()];
        assert_eq!(choose(&healths, Some(0), |_| true, at(0)), Some(0));
        assert_eq!(choose(&healths, Some(0), |i| i != 0, at(0)), None);
    }

    #[test]
    fn a_probe_ends_a_rest_only_where_it_meets_the_limit() {
        let mut passing = resting(3_600, true);
        assert!(!passing.wants_probe(at(59)));
        assert!(passing.wants_probe(at(60)));
        assert!(passing.probed(true, EVERY, at(60)));
        assert!(!passing.rests(at(60)));

        let mut limited = resting(3_600, false);
        assert!(!limited.probed(true, EVERY, at(60)));
        assert!(limited.rests(at(60)));
        assert_eq!(limited.rest_left(at(60)), Some(Duration::from_secs(3_540)));
    }

    #[test]
    fn a_failed_probe_lengthens_a_rest_and_a_second_failure_never_shortens_it() {
        let mut health = resting(61, true);
        assert!(!health.probed(false, EVERY, at(60)));
        assert_eq!(health.rest_until, Some(at(120)));
        health.leave(
            None,
            HandoffReason::Overloaded,
            Duration::from_secs(1),
            EVERY,
            at(60),
        );
        assert_eq!(health.rest_until, Some(at(120)));
    }

    #[test]
    fn the_reason_of_a_return_is_recovery() {
        let healths = [Health::default(), resting(30, true)];
        assert_eq!(reason(&healths, 1), HandoffReason::Overloaded);
        assert_eq!(reason(&healths, 0), HandoffReason::Recovered);
    }
}
