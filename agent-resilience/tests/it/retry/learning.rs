//! Learned clear times: single samples, and providers simulated over many bursts.

use std::time::Duration;

use agent_primitives::{FailureKind, Monotonic, ProviderId, Timestamp};
use agent_resilience::classify::Verdict;
use agent_resilience::{
    Backoff, ClearTimes, ClearTimesConfig, FailedAttempt, HintRule, NextStep, Retry, RetryPolicy,
};
use proptest::prelude::*;

use super::stage::{SECOND, Waits, at, hinted, overloaded, policy};

const LIMITED: FailureKind = FailureKind::RateLimited;

fn groq() -> ProviderId {
    "groq".parse().expect("a valid name")
}

fn wait(times: &ClearTimes, now: Monotonic) -> Option<Duration> {
    times
        .expected(&groq(), LIMITED, now)
        .map(|learned| learned.wait)
}

fn burst(times: &ClearTimes, failures: &[u64], success: u64) {
    for second in failures {
        times.failed(&groq(), LIMITED, at(*second));
    }
    times.succeeded(&groq(), at(success));
}

#[test]
fn the_first_sample_is_the_middle_between_the_last_failure_and_the_success() {
    let times = ClearTimes::default();
    burst(&times, &[100, 110, 130], 150);
    assert_eq!(wait(&times, at(200)), Some(40 * SECOND));
    let learned = times.all();
    assert_eq!(
        (learned[0].time, learned[0].samples, learned[0].at),
        (40 * SECOND, 1, at(150))
    );
}

#[test]
fn a_call_from_before_the_last_failure_ends_no_burst() {
    let times = ClearTimes::default();
    times.failed(&groq(), LIMITED, at(10));
    // A long answer whose request was sent before.
    times.succeeded(&groq(), at(9));
    assert!(times.is_waiting() && times.all().is_empty());
    times.succeeded(&groq(), at(30));
    assert!(!times.is_waiting());
    assert_eq!(wait(&times, at(30)), Some(10 * SECOND));
}

#[test]
fn providers_and_kinds_are_learned_apart() {
    let times = ClearTimes::default();
    let claude: ProviderId = "claude".parse().expect("a valid name");
    times.failed(&groq(), LIMITED, at(0));
    times.failed(&groq(), FailureKind::Overloaded, at(4));
    times.failed(&claude, LIMITED, at(0));
    times.succeeded(&groq(), at(20));
    let expected = |provider: &ProviderId, kind| {
        times
            .expected(provider, kind, at(20))
            .map(|it| it.wait.as_secs())
    };
    assert_eq!(expected(&groq(), LIMITED), Some(10));
    assert_eq!(expected(&groq(), FailureKind::Overloaded), Some(8));
    assert_eq!(expected(&claude, LIMITED), None);
    assert!(times.is_waiting(), "for claude");
}

#[test]
fn failures_far_apart_are_not_one_burst() {
    let times = ClearTimes::default();
    burst(&times, &[0, 1_000], 1_010);
    assert_eq!(wait(&times, at(1_010)), Some(5 * SECOND));
    let times = ClearTimes::default();
    burst(&times, &[0], 1_000);
    assert_eq!(
        wait(&times, at(1_000)),
        None,
        "nobody asked for a quarter of an hour"
    );
    assert!(!times.is_waiting(), "what is stale is not waited for");
}

#[test]
fn what_was_learned_is_forgotten_after_four_half_lives() {
    let times = ClearTimes::default();
    burst(&times, &[0], 40);
    assert_eq!(wait(&times, at(40 + 4 * 1_800 - 1)), Some(20 * SECOND));
    assert_eq!(wait(&times, at(40 + 4 * 1_800)), None);
}

#[test]
fn memory_is_bounded_and_what_makes_room_is_counted() {
    let times = ClearTimes::new(ClearTimesConfig {
        max_keys: 2.try_into().expect("not zero"),
        ..ClearTimesConfig::default()
    });
    let kinds = [LIMITED, FailureKind::Overloaded, FailureKind::Server];
    for (second, kind) in (0..).zip(kinds) {
        times.failed(&groq(), kind, at(second));
    }
    times.succeeded(&groq(), at(10));
    assert_eq!(times.evicted(), 1);
    let kept: Vec<_> = times.all().into_iter().map(|it| it.kind).collect();
    assert_eq!(kept.len(), 2);
    assert!(
        !kept.contains(&LIMITED),
        "the one that was longest without a failure"
    );
}

#[test]
fn clones_share_what_they_learn() {
    let times = ClearTimes::default();
    burst(&times.clone(), &[0], 20);
    assert_eq!(wait(&times, at(20)), Some(10 * SECOND));
    assert!(format!("{times:?}").contains("groq"));
}

/// A provider whose failures clear after a time of its own, and one caller that keeps at it.
struct Simulated {
    times: ClearTimes,
    policy: RetryPolicy,
    now: Monotonic,
    seed: u64,
}

struct Seen {
    attempts: u32,
    waited: Duration,
    shortest_first: Duration,
}

impl Simulated {
    fn new(hints: HintRule) -> Self {
        let mut policy = policy(100);
        policy.backoff = Backoff::default();
        policy.longest_hint = 120 * SECOND;
        Self {
            times: ClearTimes::new(ClearTimesConfig {
                hints,
                ..ClearTimesConfig::default()
            }),
            policy,
            now: Monotonic::default(),
            seed: 0,
        }
    }

    fn estimate(&self) -> u64 {
        let known = self.times.all();
        known.first().expect("one kind").time.as_secs()
    }

    /// One burst: until the provider answers again, `clears` after the first failure.
    fn burst(&mut self, verdict: &Verdict, clears: Duration) -> Seen {
        self.now = self.now + 60 * SECOND;
        self.seed += 1;
        let open = self.now + clears;
        let start = self.now;
        let mut delays = self.policy.backoff.delays(self.seed);
        let mut attempts = 1;
        let mut first = None;
        while self.now < open {
            self.times.failed(&groq(), verdict.kind, self.now);
            let learned = self.times.expected(&groq(), verdict.kind, self.now);
            let failed =
                FailedAttempt::new(verdict, attempts, Timestamp::UNIX_EPOCH).learned(learned);
            let NextStep::Again(pause) = self.policy.decide(&failed, &mut delays) else {
                panic!("attempts enough");
            };
            first.get_or_insert(pause);
            self.now = self.now + pause;
            attempts += 1;
        }
        self.times.succeeded(&groq(), self.now);
        Seen {
            attempts,
            waited: self.now.since(start),
            shortest_first: first.unwrap_or_default(),
        }
    }

    fn bursts(&mut self, count: u32, verdict: &Verdict, clears: Duration) -> Seen {
        let mut all = Seen {
            attempts: 0,
            waited: Duration::ZERO,
            shortest_first: Duration::MAX,
        };
        for _ in 0..count {
            let seen = self.burst(verdict, clears);
            all.attempts += seen.attempts;
            all.waited += seen.waited;
            all.shortest_first = all.shortest_first.min(seen.shortest_first);
        }
        all
    }
}

#[test]
fn a_provider_that_says_nothing_is_learned() {
    let mut simulated = Simulated::new(HintRule::Keep);
    let naive = simulated.burst(&overloaded(), 40 * SECOND);
    simulated.bursts(20, &overloaded(), 40 * SECOND);
    assert!(
        (32..=44).contains(&simulated.estimate()),
        "{} s",
        simulated.estimate()
    );
    let after = simulated.bursts(20, &overloaded(), 40 * SECOND);
    assert!(naive.attempts >= 8, "{}", naive.attempts);
    assert!(after.attempts <= 20 * 4, "{} in 20 bursts", after.attempts);
    assert!(
        after.waited <= 20 * 48 * SECOND,
        "{:?} in 20 bursts",
        after.waited
    );
}

#[test]
fn a_hint_of_nothing_does_not_hide_what_was_learned() {
    let mut simulated = Simulated::new(HintRule::Keep);
    simulated.bursts(20, &hinted(0), 55 * SECOND);
    let after = simulated.bursts(20, &hinted(0), 55 * SECOND);
    assert!(after.attempts <= 20 * 4, "{} in 20 bursts", after.attempts);
}

#[test]
fn a_hint_of_too_much_is_kept_unless_experience_may_undercut_it() {
    let mut keeping = Simulated::new(HintRule::Keep);
    let seen = keeping.bursts(40, &hinted(58), 20 * SECOND);
    assert!(seen.shortest_first >= 58 * SECOND);
    assert_eq!(seen.attempts, 80, "the hint always suffices");

    let mut undercutting = Simulated::new(HintRule::MayUndercut);
    let first = undercutting.bursts(3, &hinted(58), 20 * SECOND);
    assert!(
        first.shortest_first >= 58 * SECOND,
        "not before three samples"
    );
    undercutting.bursts(20, &hinted(58), 20 * SECOND);
    let after = undercutting.bursts(20, &hinted(58), 20 * SECOND);
    assert!(
        after.waited <= 20 * 26 * SECOND,
        "{:?} in 20 bursts",
        after.waited
    );
    assert!(after.attempts <= 20 * 4, "{} in 20 bursts", after.attempts);
}

#[test]
fn a_change_is_followed_within_some_ten_bursts() {
    let mut simulated = Simulated::new(HintRule::Keep);
    simulated.bursts(20, &overloaded(), 20 * SECOND);
    assert!(
        (14..=24).contains(&simulated.estimate()),
        "{} s",
        simulated.estimate()
    );
    simulated.bursts(10, &overloaded(), 60 * SECOND);
    assert!(
        (45..=70).contains(&simulated.estimate()),
        "{} s",
        simulated.estimate()
    );
    simulated.bursts(14, &overloaded(), 20 * SECOND);
    assert!(
        (14..=30).contains(&simulated.estimate()),
        "{} s",
        simulated.estimate()
    );
}

#[tokio::test]
async fn a_run_learns_and_waits_for_as_long_as_it_learned() {
    let waits = Waits::default();
    let times = ClearTimes::default();
    let retry = Retry::with_sleep(policy(9), waits.clone())
        .clock(waits.clock.clone())
        .longest_hint(60 * SECOND)
        .total(600 * SECOND)
        .learning(times.clone(), groq());
    times.failed(&groq(), FailureKind::Overloaded, Monotonic::default());
    waits.clock.advance(20 * SECOND);
    // A success at once reads the clock only because a failure is to clear.
    retry.run(|_| async { Ok::<_, Verdict>(()) }).await.unwrap();
    assert_eq!(times.all()[0].time, 10 * SECOND);

    let twice = async |number| match number {
        1 | 2 => Err(overloaded()),
        _ => Ok(()),
    };
    retry.run(|attempt| twice(attempt.number)).await.unwrap();
    let waited = waits.all();
    // Ten seconds and what the backoff adds, then only the backoff, since it should have cleared.
    assert_eq!(
        waited,
        [Duration::from_millis(10_100), Duration::from_millis(200)]
    );
    assert_eq!(times.all()[0].samples, 2);
    assert!(!times.is_waiting());

    // Failures of runs that are given up count, too.
    let _ = retry
        .run(|_| async { Err::<(), _>(Verdict::new(FailureKind::Auth)) })
        .await;
    assert!(times.is_waiting());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_estimate_lies_within_what_was_seen(
        bursts in prop::collection::vec((1_u64..250_000, 0_u64..250_000, 1_u64..9_000_000), 1..30),
    ) {
        let times = ClearTimes::default();
        let mut now = Monotonic::default();
        let (mut least, mut most) = (Duration::MAX, Duration::ZERO);
        for (fails, clears, quiet) in bursts {
            let start = now + Duration::from_millis(quiet);
            let last = start + Duration::from_millis(fails);
            times.failed(&groq(), LIMITED, start);
            times.failed(&groq(), LIMITED, last);
            now = last + Duration::from_millis(clears);
            times.succeeded(&groq(), now);
            least = least.min(last.since(start));
            most = most.max(now.since(start));
            let time = times.all()[0].time;
            // A nanosecond for each rounding.
            prop_assert!(time + Duration::from_nanos(64) >= least && time <= most, "{time:?}");
            let left = wait(&times, now).expect("fresh");
            prop_assert!(left <= time);
        }
    }
}
