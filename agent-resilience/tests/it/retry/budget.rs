//! The retry budget: what it allows, what it refuses, and that neither time nor threads bend it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_primitives::Monotonic;
use agent_resilience::{GiveUp, Retry, RetryBudget, RetryBudgetConfig};
use proptest::prelude::*;

use super::stage::{SECOND, Waits, at, ms, overloaded, policy};

fn share_only(percent: u32) -> RetryBudget {
    RetryBudget::new(RetryBudgetConfig {
        percent,
        min_per_second: 0,
        ..RetryBudgetConfig::default()
    })
}

/// Retries that are granted until one is refused.
fn drain(budget: &RetryBudget, now: Monotonic) -> u64 {
    let mut granted = 0;
    while let Some(withdrawal) = budget.withdraw(now) {
        withdrawal.spend();
        granted += 1;
        assert!(granted < 1_000_000, "no end of it");
    }
    granted
}

/// Upstream calls for `seconds` of a demand of `rate` calls a second, each with up to four attempts,
/// of which all fail.
fn outage(budget: &RetryBudget, from: u64, seconds: u64, rate: u64) -> u64 {
    let mut upstream = 0;
    for call in 0..seconds * rate {
        let now = at(from)
            + SECOND * u32::try_from(call).expect("few") / u32::try_from(rate).expect("few");
        budget.deposit();
        upstream += 1;
        for _ in 0..3 {
            let Some(withdrawal) = budget.withdraw(now) else {
                break;
            };
            withdrawal.spend();
            upstream += 1;
        }
    }
    upstream
}

#[test]
fn an_outage_is_sent_no_more_than_a_fifth_above_the_demand() {
    for rate in [7, 50, 1_000] {
        let budget = RetryBudget::default();
        let first = outage(&budget, 0, 10, rate);
        assert!(
            first <= 10 * rate * 12 / 10 + 10,
            "{first} at {rate} a second"
        );
        let steady = outage(&budget, 10, 50, rate);
        assert!(steady <= 50 * rate * 12 / 10, "{steady} at {rate} a second");
        assert!(
            steady >= 50 * rate * 119 / 100,
            "{steady} at {rate} a second"
        );
        assert!(budget.refused() > 0);
    }
}

#[test]
fn the_minimum_is_not_added_to_the_share_in_the_moments_between_two_calls() {
    let budget = RetryBudget::default();
    drain(&budget, at(0));
    let mut granted = 0;
    for millis in 1..=60_000 {
        if millis % 20 == 0 {
            budget.deposit();
        }
        granted += drain(&budget, Monotonic::default() + ms(millis));
    }
    // Until the window holds enough calls, the minimum counts: it may be more than their share.
    assert!((590..=602).contains(&granted), "{granted} for 3 000 calls");
}

#[test]
fn rare_failures_are_all_retried() {
    let budget = RetryBudget::default();
    let mut random = fastrand::Rng::with_seed(1);
    let mut failed = 0;
    for call in 0..200_000_u64 {
        let now = Monotonic::from_nanos(call * 1_000_000);
        budget.deposit();
        let mut attempts = 1;
        while random.u32(..100) == 0 {
            match budget.withdraw(now) {
                Some(withdrawal) if attempts < 3 => withdrawal.spend(),
                _ => {
                    failed += 1;
                    break;
                }
            }
            attempts += 1;
        }
    }
    assert!(failed <= 2, "{failed} of 200 000");
    assert_eq!(budget.refused(), 0);
}

#[test]
fn where_few_calls_are_made_the_minimum_counts() {
    let budget = RetryBudget::default();
    assert_eq!(drain(&budget, at(0)), 10, "one a second for ten seconds");
    assert_eq!(drain(&budget, at(3)), 3);
    assert_eq!(
        drain(&budget, at(1_000)),
        10,
        "what was not used has lapsed"
    );
}

#[test]
fn what_is_not_used_lapses_after_the_window() {
    let budget = share_only(20);
    for _ in 0..1_000 {
        budget.deposit();
    }
    budget
        .withdraw(at(1))
        .expect("a fifth of a thousand")
        .spend();
    assert_eq!(budget.available(), 199);
    // Half of the window later half of these calls count, and no others came.
    drop(budget.withdraw(at(6)));
    assert_eq!(budget.available(), 100);
    assert_eq!(drain(&budget, at(20)), 0);
}

#[test]
fn calls_of_a_long_quiet_time_are_not_spent_at_once() {
    let budget = share_only(20);
    drop(budget.withdraw(at(0)));
    for _ in 0..3_600_000 {
        budget.deposit();
    }
    // A thousand a second for an hour: the last ten seconds count, and a fifth of them.
    assert_eq!(drain(&budget, at(3_600)), 2_000);
}

#[test]
fn clones_share_one_budget_and_refusals_are_counted() {
    let budget = share_only(50);
    let clone = budget.clone();
    (0..4).for_each(|_| clone.deposit());
    assert_eq!(drain(&budget, at(0)), 2);
    assert!(clone.withdraw(at(0)).is_none());
    assert_eq!((budget.refused(), clone.refused()), (2, 2));
}

#[test]
fn a_clock_that_stands_still_or_goes_back_gives_nothing() {
    let budget = RetryBudget::default();
    assert_eq!(drain(&budget, at(100)), 10);
    for now in [at(100), at(50), at(0), at(100)] {
        assert_eq!(drain(&budget, now), 0);
    }
    assert_eq!(drain(&budget, at(101)), 1);
}

#[test]
fn threads_never_get_more_than_there_is() {
    for _ in 0..20 {
        let budget = RetryBudget::new(RetryBudgetConfig {
            percent: 0,
            min_per_second: 10,
            window: 10 * SECOND,
        });
        let granted = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (budget, granted) = (&budget, &granted);
                scope.spawn(move || {
                    for turn in 0..200 {
                        match budget.withdraw(at(0)) {
                            // Some come back.
                            Some(withdrawal) if (turn + thread) % 3 == 0 => drop(withdrawal),
                            Some(withdrawal) => {
                                withdrawal.spend();
                                granted.fetch_add(1, Ordering::Relaxed);
                            }
                            None => {}
                        }
                    }
                });
            }
        });
        assert!(budget.refused() > 0);
        // What came back last may be left.
        assert_eq!(granted.into_inner() + drain(&budget, at(0)), 100);
    }
}

#[tokio::test]
async fn a_run_that_finds_the_budget_spent_gives_up() {
    let waits = Waits::default();
    let budget = share_only(100);
    let retry = Retry::with_sleep(policy(9), waits.clone())
        .clock(waits.clock.clone())
        .budget(budget.clone());
    // One call is one deposit, however many attempts it makes.
    let error = retry
        .run(|_| async { Err::<(), _>(overloaded()) })
        .await
        .unwrap_err();
    assert_eq!((error.attempts, error.reason), (2, GiveUp::BudgetSpent));
    assert_eq!(
        error.to_string(),
        "failed after 2 attempts: the retry budget is spent"
    );
    assert_eq!((waits.all(), budget.refused()), (vec![ms(100)], 1));
}

#[derive(Debug, Clone)]
enum Act {
    Calls(u8),
    Pass(u16),
    Spend,
    GiveBack,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        any::<u8>().prop_map(Act::Calls),
        (0_u16..4_000).prop_map(Act::Pass),
        Just(Act::Spend),
        Just(Act::Spend),
        Just(Act::GiveBack),
    ];
    prop::collection::vec(act, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_granted_that_was_not_earned(
        acts in acts(), percent in 0_u32..150, min_per_second in 0_u32..5,
    ) {
        let config = RetryBudgetConfig { percent, min_per_second, window: 10 * SECOND };
        let budget = RetryBudget::new(config);
        let (mut now, mut calls, mut granted) = (Monotonic::default(), 0_u64, 0_u64);
        for act in acts {
            match act {
                Act::Calls(more) => {
                    (0..more).for_each(|_| budget.deposit());
                    calls += u64::from(more);
                }
                Act::Pass(millis) => now = now + Duration::from_millis(u64::from(millis)),
                Act::Spend => if let Some(withdrawal) = budget.withdraw(now) {
                    withdrawal.spend();
                    granted += 1;
                },
                Act::GiveBack => drop(budget.withdraw(now)),
            }
            let by_calls = calls * u64::from(percent) / 100;
            let passed = u64::try_from(now.since(Monotonic::default()).as_millis()).expect("short");
            let by_time = (passed + 10_000) * u64::from(min_per_second) / 1_000;
            prop_assert!(granted <= by_calls + by_time, "{granted} of {by_calls} and {by_time}");
            let most = (calls * u64::from(percent) / 100).max(u64::from(min_per_second) * 10);
            prop_assert!(budget.available() <= most + 1);
        }
    }
}
