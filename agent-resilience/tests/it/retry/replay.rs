//! The same seed, clock and outcomes give the same decisions, one by one.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use agent_primitives::{Clock, FailureKind, ManualClock};
use agent_resilience::classify::{Verdict, When};
use agent_resilience::{
    Backoff, ClearTimes, Failure, KindPolicy, Retry, RetryBudget, RetryBudgetConfig, RetryPolicy,
};

use super::stage::{SECOND, ms, policy};

/// A hash over every pause and every end of 100 000 attempts, and what each of them was about.
fn decisions(seed: u64, outcomes: u64) -> (u64, u32) {
    let clock = ManualClock::default();
    let mut policy = RetryPolicy {
        backoff: Backoff::default(),
        longest_hint: 30 * SECOND,
        total: Some(20 * SECOND),
        ..policy(5)
    };
    policy.per_kind.insert(
        FailureKind::Server,
        KindPolicy {
            backoff: Some(Backoff::fibonacci(ms(50), 3 * SECOND)),
            ..KindPolicy::default()
        },
    );
    let budget = RetryBudget::new(RetryBudgetConfig {
        percent: 90,
        ..Default::default()
    });
    let retry = Retry::blocking(policy)
        .seed(seed)
        .clock(clock.clone())
        .budget(budget.clone())
        .learning(ClearTimes::default(), "groq".parse().expect("a valid name"));

    let mut random = fastrand::Rng::with_seed(outcomes);
    let mut log = DefaultHasher::new();
    let mut attempts = 0;
    let mut kinds_of_end = std::collections::HashSet::new();
    while attempts < 100_000 {
        let result = retry.run_blocking_with(
            |pause| clock.advance(pause),
            |attempt| {
                attempts += 1;
                clock.advance(ms(random.u64(0..400)));
                let left = attempt.limit.left(clock.monotonic());
                (attempt.number, left).hash(&mut log);
                if random.u32(..3) == 0 {
                    return Ok(());
                }
                let kind = random.choice(FailureKind::ALL).expect("some");
                let verdict = Verdict::new(*kind);
                Err(Failure::new(match random.u32(..4) {
                    0 => verdict.retry_after(When::In(Duration::from_secs(random.u64(..40)))),
                    _ => verdict,
                }))
            },
        );
        // The clock holds the pauses of the run.
        clock.monotonic().hash(&mut log);
        let end = result.map_err(|error| (error.attempts, error.reason));
        end.hash(&mut log);
        if let Err((_, reason)) = end {
            kinds_of_end.insert(std::mem::discriminant(&reason));
        }
    }
    budget.refused().hash(&mut log);
    assert!(
        kinds_of_end.len() >= 6,
        "the outcomes lead to every kind of end"
    );
    (log.finish(), attempts)
}

#[test]
fn a_hundred_thousand_attempts_repeat_to_the_last_decision() {
    let first = decisions(7, 1);
    assert_eq!(first, decisions(7, 1));
    assert_ne!(first.0, decisions(8, 1).0, "the seed decides the pauses");
    assert_ne!(first.0, decisions(7, 2).0, "the outcomes decide the rest");
}
