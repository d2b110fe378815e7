//! A retry budget and learned times under hostile traffic, clocks and settings.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use agent_primitives::{FailureKind, ManualClock, Monotonic, ProviderId, Timestamp};
use agent_resilience::classify::{Verdict, When};
use agent_resilience::{
    Backoff, ClearTimes, ClearTimesConfig, FailedAttempt, HintRule, Learned, NextStep, Retry,
    RetryBudget, RetryBudgetConfig, RetryPolicy,
};

const MICROS: u64 = 1_000;
const MILLIS: u64 = 1_000_000;

fn at(nanos: u64) -> Monotonic {
    Monotonic::from_nanos(nanos)
}

/// Calls that all fail, `every` nanoseconds apart: how many of them are called again.
fn retries(config: RetryBudgetConfig, calls: u64, every: u64) -> u64 {
    let budget = RetryBudget::new(config);
    let mut granted = 0;
    for call in 1..=calls {
        budget.deposit();
        if let Some(retry) = budget.withdraw(at(call * every)) {
            retry.spend();
            granted += 1;
        }
    }
    granted
}

#[test]
fn the_share_is_granted_however_often_calls_fail() {
    let config = RetryBudgetConfig {
        percent: 20,
        min_per_second: 0,
        ..RetryBudgetConfig::default()
    };
    for every in [20 * MILLIS, MILLIS, 300 * MICROS, 7 * MICROS] {
        let granted = retries(config, 20_000, every);
        assert!((3_990..=4_000).contains(&granted), "{every}: {granted}");
    }
}

#[test]
fn the_minimum_is_granted_however_often_calls_fail() {
    let config = RetryBudgetConfig {
        percent: 0,
        min_per_second: 5,
        window: Duration::from_secs(10),
    };
    // 10 s of failures after the minimum of one window, which is there from the start.
    for every in [10 * MILLIS, 1_900 * MICROS, 500 * MICROS, 100 * MICROS] {
        let granted = retries(config, 10_000 * MILLIS / every, every);
        assert!((98..=100).contains(&granted), "{every}: {granted}");
    }
}

#[test]
fn a_retry_given_back_to_a_budget_that_never_lapses_does_not_empty_it() {
    let budget = RetryBudget::new(RetryBudgetConfig {
        min_per_second: u32::MAX,
        window: Duration::MAX,
        ..RetryBudgetConfig::default()
    });
    let cancelled = [0, 0].map(|now| budget.withdraw(at(now)).expect("full"));
    // Filled up again while both are still out.
    let made = budget.withdraw(at(1_000 * MILLIS)).expect("full");
    made.spend();
    drop(cancelled);
    assert!(budget.available() > 1_000_000, "{}", budget.available());
}

#[test]
fn hostile_budgets_neither_panic_nor_grant_without_bound() {
    for (percent, min_per_second) in [(0, 0), (u32::MAX, 0), (0, u32::MAX), (u32::MAX, u32::MAX)] {
        for window in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            let config = RetryBudgetConfig {
                percent,
                min_per_second,
                window,
            };
            for (calls, every) in [(30_000, 0), (30_000, 1), (100, u64::MAX / 100)] {
                let granted = retries(config, calls, every);
                assert!(granted <= calls);
                if (percent, min_per_second) == (0, 0) {
                    assert_eq!(granted, 0);
                }
            }
        }
    }
}

#[test]
fn a_clock_that_goes_back_creates_no_retries() {
    let budget = RetryBudget::new(RetryBudgetConfig {
        percent: 0,
        min_per_second: 1,
        window: Duration::from_secs(10),
    });
    let later = at(1_000_000 * MILLIS);
    while let Some(retry) = budget.withdraw(later) {
        retry.spend();
    }
    for swing in 0..1_000_u64 {
        let now = if swing % 2 == 0 { at(0) } else { later };
        assert!(budget.withdraw(now).is_none(), "{swing}");
    }
}

#[test]
fn no_hint_is_undercut_by_what_was_learned_or_by_any_schedule() {
    for hint in [0, 1, 999, 1_000, 3_600_000] {
        let hint = Duration::from_millis(hint);
        let verdict = Verdict::new(FailureKind::RateLimited).retry_after(When::In(hint));
        for backoff in [
            Backoff::constant(Duration::ZERO),
            Backoff::constant(Duration::MAX),
            Backoff::exponential(Duration::ZERO, Duration::ZERO),
            Backoff::exponential(Duration::MAX, Duration::MAX),
        ] {
            let policy = RetryPolicy {
                backoff,
                longest_hint: Duration::MAX,
                ..RetryPolicy::default()
            };
            for learned in [None, Some(Learned::new(Duration::ZERO))] {
                for left in [Duration::ZERO, hint, hint * 2, Duration::MAX] {
                    let failed = FailedAttempt::new(&verdict, 1, Timestamp::UNIX_EPOCH)
                        .learned(learned)
                        .left(left);
                    match policy.decide(&failed, &mut backoff.delays(3)) {
                        NextStep::Again(pause) => assert!(pause >= hint && pause < left),
                        NextStep::GiveUp(_) => {}
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    }
}

#[test]
fn a_hint_in_the_past_or_at_the_end_of_time_is_no_panic() {
    let now = Timestamp::from_unix_seconds(1_000);
    let policy = RetryPolicy {
        longest_hint: Duration::MAX,
        ..RetryPolicy::default()
    };
    for when in [
        When::At(Timestamp::UNIX_EPOCH),
        When::At(Timestamp::from_unix_nanos(i64::MIN)),
        When::At(Timestamp::MAX),
        When::In(Duration::MAX),
    ] {
        let verdict = Verdict::new(FailureKind::Overloaded).retry_after(when);
        let failed = FailedAttempt::new(&verdict, 1, now);
        let step = policy.decide(&failed, &mut policy.backoff.delays(1));
        match when {
            When::At(at) if at < now => {
                assert!(
                    matches!(step, NextStep::Again(pause) if pause.as_secs() < 1),
                    "{step:?}"
                );
            }
            // However far ahead, it counts as a year.
            _ => assert!(
                matches!(step, NextStep::Again(pause) if pause > Duration::from_secs(31_536_000)),
                "{step:?}"
            ),
        }
    }
}

#[test]
fn learned_times_survive_clocks_that_stand_still_or_go_back_and_hostile_settings() {
    let groq = ProviderId::new("groq").expect("valid");
    for json in [
        r#"{"half_life": {"secs": 0, "nanos": 0}, "max_keys": 1, "hints": "may_undercut"}"#,
        r#"{"half_life": {"secs": 18446744073709551615, "nanos": 999999999}}"#,
    ] {
        let config: ClearTimesConfig = serde_json::from_str(json).expect("accepted");
        let times = ClearTimes::new(config);
        for now in [u64::MAX, 0, 5, 5, u64::MAX, 1] {
            times.failed(&groq, FailureKind::Overloaded, at(now));
            times.succeeded(&groq, at(now));
            times.succeeded(&groq, at(0));
            if let Some(learned) = times.expected(&groq, FailureKind::Overloaded, at(0)) {
                assert!(learned.wait <= Duration::from_secs(300), "{learned:?}");
            }
        }
        assert_eq!(times.evicted(), 0);
    }
    assert!(serde_json::from_str::<ClearTimesConfig>(r#"{"max_keys": 0}"#).is_err());
    assert!(serde_json::from_str::<ClearTimesConfig>(r#"{"hint": "keep"}"#).is_err());
    assert_eq!(ClearTimesConfig::default().hints, HintRule::Keep);
}

#[test]
fn a_wait_that_panics_gives_its_retry_back_and_an_operation_that_does_keeps_it_spent() {
    let budget = RetryBudget::default();
    let retry = Retry::blocking(RetryPolicy::default())
        .clock(ManualClock::default())
        .budget(budget.clone());
    let full = budget.available();
    let busy = || Err::<(), _>(Verdict::new(FailureKind::Overloaded));
    let waits = || retry.run_blocking_with(|_| panic!("a wait's bug"), |_| busy());
    assert!(catch_unwind(AssertUnwindSafe(waits)).is_err());
    assert_eq!(budget.available(), full);

    let operates = || {
        retry.run_blocking_with(
            |_| {},
            |attempt| match attempt.number {
                1 => busy(),
                _ => panic!("an operation's bug"),
            },
        )
    };
    assert!(catch_unwind(AssertUnwindSafe(operates)).is_err());
    assert_eq!(budget.available(), full - 1);
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_gives_the_retry_back() {
    let budget = RetryBudget::default();
    let retry = Retry::default().budget(budget.clone());
    let full = budget.available();
    let told = tokio::spawn(async move {
        retry
            .run(|_| async { Err::<(), _>(Verdict::new(FailureKind::Overloaded)) })
            .notify(|_| panic!("a listener's bug"))
            .await
    });
    assert!(told.await.expect_err("panicked").is_panic());
    assert_eq!(budget.available(), full);
}
