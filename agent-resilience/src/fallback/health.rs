//! What the chain remembers of whatever failures reach: a key, a model, a service. Pure, time passed in.

use std::time::Duration;

use agent_primitives::{FailureKind, HandoffReason, Monotonic};

use super::config::{FallbackConfig, Return};
use super::snapshot::Lasting;
use crate::classify::Verdict;

/// What is known of one provider.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    /// Not called before: the chain's own caution.
    own_until: Option<Monotonic>,
    /// Not called before: the provider's word, or until somebody mends something.
    named_until: Option<Monotonic>,
    /// Not called before: its limit has too little left.
    predicted_until: Option<Monotonic>,
    /// Not called before by others than the request that the provider asked to wait so long.
    held_until: Option<Monotonic>,
    /// No probe ends a rest before.
    hold_until: Option<Monotonic>,
    /// When the first call after a rest was answered.
    returned_at: Option<Monotonic>,
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
    pub(super) verdict: &'a Verdict,
    /// What the provider asked for.
    pub(super) hint: Duration,
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
        config: &FallbackConfig,
        now: Monotonic,
    ) -> Duration {
        // Calls that were under way together are one failure.
        if leaving.seen == self.generation {
            self.in_row = self.in_row.saturating_add(1);
        }
        self.generation = self.generation.wrapping_add(1);
        let mut length = config
            .rest
            .after(leaving.verdict, self.in_row, leaving.hint);
        let hysteresis = config.returning.hysteresis;
        length.own = length.own.max(hysteresis);
        self.last_failure = Some(leaving.verdict.kind);
        self.left_because = Some(leaving.reason);
        // A later failure never shortens what an earlier one asked for.
        prolong(&mut self.own_until, now, length.own);
        prolong(&mut self.named_until, now, length.named);
        prolong(&mut self.hold_until, now, hysteresis);
        self.returned_at = None;
        self.next_probe = Some(now + config.probe_every);
        length.own.max(length.named)
    }

    /// A call that began in generation `seen` succeeded. One that began before the chain last turned
    /// away shows nothing.
    pub(super) fn succeeded(&mut self, seen: u64, returning: &Return, now: Monotonic) {
        if seen != self.generation || !self.is_left() {
            return;
        }
        self.own_until = None;
        self.named_until = None;
        let returned_at = *self.returned_at.get_or_insert(now);
        if returning.share(Some(now.since(returned_at))) >= 100 {
            self.forget();
        }
    }

    /// The share of requests in percent that may go there, once it does not rest.
    pub(super) fn share(&self, returning: &Return, now: Monotonic) -> u32 {
        if self.is_left() {
            returning.share(self.returned_at.map(|at| now.since(at)))
        } else {
            100
        }
    }

    /// Its limit has too little left until then.
    pub(super) fn predict(&mut self, until: Monotonic) {
        self.predicted_until = self.predicted_until.max(Some(until));
    }

    /// The provider asked a request to wait so long, which it does: the others do as well.
    pub(super) fn hold(&mut self, now: Monotonic, pause: Duration) {
        prolong(&mut self.held_until, now, pause);
    }

    /// Time until those may come whom the provider asked to wait.
    pub(super) fn held_left(&self, now: Monotonic) -> Option<Duration> {
        let until = self.held_until.filter(|until| *until > now)?;
        Some(until.since(now))
    }

    /// Time until its limit is taken to have enough again.
    pub(super) fn predicted_left(&self, now: Monotonic) -> Option<Duration> {
        let until = self.predicted_until.filter(|until| *until > now)?;
        Some(until.since(now))
    }

    /// The ends of both rests: the chain's own, and the one that was named.
    pub(super) const fn until(&self) -> (Option<Monotonic>, Option<Monotonic>) {
        (self.own_until, self.named_until)
    }

    pub(super) const fn in_row(&self) -> u32 {
        self.in_row
    }

    /// Goes on from what another process knew.
    pub(super) fn go_on(&mut self, from: Lasting, probe_every: Duration, now: Monotonic) {
        prolong(&mut self.own_until, now, from.own_left.unwrap_or_default());
        prolong(
            &mut self.named_until,
            now,
            from.named_left.unwrap_or_default(),
        );
        self.in_row = self.in_row.max(from.in_row);
        self.last_failure = self.last_failure.or(from.failure);
        self.left_because = self.left_because.or(Some(from.reason));
        self.next_probe = self.next_probe.or(Some(now + probe_every));
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

    /// Whether a call would be for nothing, or against the provider's word. All other rests are the
    /// chain's own caution, which gives way where nobody else is left.
    pub(super) fn forbids(&self, now: Monotonic) -> bool {
        let limited = matches!(
            self.last_failure,
            Some(FailureKind::RateLimited | FailureKind::QuotaExhausted)
        );
        self.named_until.is_some_and(|until| until > now) || limited && self.rests(now)
    }

    pub(super) fn is_left(&self) -> bool {
        self.left_because.is_some()
    }

    /// Whether it is time to ask whether it works again; if so, nobody else asks for a while.
    pub(super) fn claim_probe(&mut self, probe_every: Duration, now: Monotonic) -> bool {
        let due = self.left_because.is_some() && self.next_probe.is_some_and(|at| at <= now);
        if due {
            self.next_probe = Some(now + probe_every);
        }
        due
    }

    /// Whoever claimed the probe at `at` cannot ask: another one may.
    pub(super) fn release_probe(&mut self, probe_every: Duration, at: Monotonic) {
        if self.next_probe == Some(at + probe_every) {
            self.next_probe = Some(at);
        }
    }

    /// A probe was answered, or not.
    pub(super) fn probed(&mut self, works: bool, probe_every: Duration, now: Monotonic) {
        if works {
            // A cheap question does not meet a limit that the provider named.
            self.own_until = self.own_until.min(self.hold_until);
        } else {
            prolong(&mut self.own_until, now, probe_every);
        }
    }
}

fn prolong(until: &mut Option<Monotonic>, now: Monotonic, by: Duration) {
    if !by.is_zero() {
        *until = (*until).max(Some(now + by));
    }
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
            verdict: &verdict,
            hint: Duration::from_secs(hint),
            seen,
        };
        health.leave(leaving, &FallbackConfig::default(), now);
    }

    fn resting(hint: u64) -> Health {
        let mut health = Health::default();
        leave(&mut health, hint, 0, at(0));
        health
    }

    #[test]
    fn a_probe_ends_the_chains_own_rest_and_not_what_the_provider_named() {
        let mut passing = resting(0);
        assert!(!passing.claim_probe(EVERY, at(59)));
        assert!(passing.claim_probe(EVERY, at(60)));
        assert!(!passing.claim_probe(EVERY, at(60)), "claimed");
        passing.probed(true, EVERY, at(60));
        assert!(!passing.rests(at(60)));

        let mut limited = resting(3_600);
        // A later failure without a hint leaves the hint as it is.
        leave(&mut limited, 0, 1, at(1));
        limited.probed(true, EVERY, at(60));
        assert_eq!(limited.rest_left(at(60)), Some(Duration::from_secs(3_540)));
    }

    #[test]
    fn a_limit_forbids_and_caution_does_not() {
        let cautious = resting(0);
        assert!(cautious.rests(at(29)) && !cautious.forbids(at(29)));
        let named = resting(60);
        assert!(named.forbids(at(59)) && !named.forbids(at(60)));
        let mut limited = Health::default();
        let verdict = Verdict::new(FailureKind::RateLimited);
        let leaving = Leaving {
            reason: HandoffReason::RateLimited,
            verdict: &verdict,
            hint: Duration::ZERO,
            seen: 0,
        };
        limited.leave(leaving, &FallbackConfig::default(), at(0));
        assert!(limited.forbids(at(29)) && !limited.forbids(at(30)));
    }

    #[test]
    fn a_failed_probe_lengthens_a_rest() {
        let mut health = resting(0);
        health.probed(false, EVERY, at(20));
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
        health.succeeded(0, &Return::default(), at(0));
        assert!(health.rests(at(599)));
        health.succeeded(1, &Return::default(), at(0));
        assert!(!health.rests(at(0)));
    }

    #[test]
    fn a_return_is_over_with_its_ramp_and_a_failure_meanwhile_is_one_more_in_the_row() {
        let returning = Return {
            ramp: Duration::from_secs(10),
            ..Return::default()
        };
        let mut health = resting(0);
        assert_eq!(health.share(&returning, at(30)), 10);
        health.succeeded(1, &returning, at(30));
        assert_eq!(health.share(&returning, at(35)), 55);
        assert!(health.is_left(), "on its way back");
        leave(&mut health, 0, 1, at(35));
        assert_eq!(health.rest_left(at(35)), Some(Duration::from_secs(60)));
        health.succeeded(2, &returning, at(95));
        health.succeeded(2, &returning, at(105));
        assert!(!health.is_left() && health.share(&returning, at(105)) == 100);
    }
}
