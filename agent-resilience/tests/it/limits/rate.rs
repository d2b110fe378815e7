//! Several windows at once: all or none, and what goes back.

use std::time::Duration;

use agent_primitives::{Clock, ManualClock, TokenUsage};
use agent_resilience::classify::LimitedResource::{
    Concurrency, InputTokens, OutputTokens, Plan, Requests, Tokens,
};
use agent_resilience::{
    Cost, GateRefusal, InvalidLimit, LimitedBy, RateLimit, RateLimitConfig, RateWindow, Refused,
    RequestGate, TooLarge, WindowKind,
};

use super::{SECOND, at, config, left, limit};

fn limited(refused: Refused) -> (Duration, LimitedBy) {
    match refused {
        Refused::Limited(limited) => (limited.retry_in(), limited.by()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refused_call_leaves_every_window_as_it_was() {
    let limit = limit(&[
        RateWindow::per_minute(Requests, 50),
        RateWindow::per_minute(InputTokens, 1_000),
        RateWindow::per_day(Requests, 14_400),
    ]);
    limit.try_take_at(Cost::REQUEST.input(900), at(0)).unwrap();
    assert_eq!(left(&limit, at(0)), [49, 100, 14_399]);
    assert!(limit.try_take_at(Cost::REQUEST.input(101), at(0)).is_err());
    assert!(
        limit
            .try_acquire_at(Cost::REQUEST.input(2_000), at(0))
            .is_err()
    );
    assert_eq!(left(&limit, at(0)), [49, 100, 14_399]);
}

#[test]
fn the_window_that_needs_the_longest_is_named() {
    let limit = limit(&[
        RateWindow::per_minute(Requests, 60).burst(1),
        RateWindow::per_minute(InputTokens, 60),
        RateWindow::per_day(Requests, 86_400),
    ]);
    limit.try_take_at(Cost::REQUEST.input(60), at(0)).unwrap();
    let refused = limit
        .try_take_at(Cost::REQUEST.input(30), at(0))
        .unwrap_err();
    let minute = LimitedBy::Window {
        resource: InputTokens,
        period: 60 * SECOND,
    };
    assert_eq!(limited(refused), (30 * SECOND, minute));
    assert!(limit.try_take_at(Cost::REQUEST.input(30), at(30)).is_ok());
}

#[test]
fn a_cost_beyond_the_whole_allowance_is_never_a_wait() {
    let limit = limit(&[
        RateWindow::per_minute(Requests, 50),
        RateWindow::per_minute(Tokens, 30_000).burst(10_000),
    ]);
    for refused in [
        limit.try_take_at(Cost::REQUEST.input(9_000).output(1_001), at(0)),
        limit
            .try_acquire_at(Cost::REQUEST.input(10_001), at(0))
            .map(drop),
    ] {
        let Err(Refused::TooLarge(TooLarge {
            resource,
            asked,
            allowance,
            ..
        })) = refused
        else {
            panic!("{refused:?}")
        };
        assert_eq!((resource, asked, allowance), (Tokens, 10_001, 10_000));
        assert_eq!(refused.unwrap_err().retry_in(), None);
    }
    assert_eq!(left(&limit, at(0)), [50, 10_000]);
}

#[test]
fn reconciling_refunds_one_window_and_charges_another() {
    let limit = limit(&[
        RateWindow::per_minute(InputTokens, 1_000),
        RateWindow::per_minute(OutputTokens, 1_000),
        RateWindow::per_minute(Tokens, 5_000),
    ]);
    let held = limit
        .try_acquire_at(Cost::REQUEST.input(800).output(100), at(0))
        .unwrap();
    assert_eq!(left(&limit, at(0)), [200, 900, 4_100]);
    let usage = TokenUsage::new(300, 400).with_cache_read(200);
    held.reconcile_at(usage, at(0));
    assert_eq!(left(&limit, at(0)), [500, 600, 4_100]);
}

#[test]
fn use_beyond_the_limit_is_a_debt_that_later_calls_wait_for() {
    let limit = limit(&[RateWindow::per_minute(Tokens, 60)]);
    let held = limit
        .try_acquire_at(Cost::REQUEST.output(10), at(0))
        .unwrap();
    held.reconcile_at(Cost::REQUEST.output(100), at(0));
    assert_eq!(left(&limit, at(0)), [0]);
    let refused = limit
        .try_take_at(Cost::REQUEST.output(1), at(0))
        .unwrap_err();
    assert_eq!(limited(refused).0, 41 * SECOND);
    assert_eq!(left(&limit, at(50)), [10]);
}

#[test]
fn a_reservation_ends_in_four_ways() {
    let clock = ManualClock::default();
    let minute = RateWindow::per_minute(Tokens, 100);
    let limit = RateLimit::with_clock(&config(&[minute]), clock.clone()).unwrap();
    let cost = Cost::REQUEST.input(10);
    let now = clock.monotonic();

    drop(limit.try_acquire(cost).unwrap());
    assert_eq!(left(&limit, now), [100], "never sent");
    limit
        .try_acquire_owned_at(cost, now)
        .unwrap()
        .cancel_at(now);
    assert_eq!(left(&limit, now), [100], "cancelled by word");
    limit.try_acquire(cost).unwrap().keep();
    assert_eq!(left(&limit, now), [90], "usage unknown");
    let mut sent = limit.try_acquire(cost).unwrap();
    sent.mark_sent();
    drop(sent);
    assert_eq!(left(&limit, now), [80], "cancelled in flight");
    let mut sent = limit.try_acquire(cost).unwrap();
    sent.mark_sent();
    sent.reconcile(Cost::REQUEST.input(3));
    assert_eq!(left(&limit, now), [77], "the usage is known after all");
}

#[test]
fn a_panic_gives_everything_back() {
    let limit = limit(&[RateWindow::per_minute(Tokens, 100)]);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _held = limit
            .try_acquire_at(Cost::REQUEST.input(70), at(0))
            .unwrap();
        panic!("in the middle of a call");
    }));
    assert!(result.is_err());
    assert_eq!(left(&limit, at(0)), [100]);
}

#[test]
fn a_day_that_is_fixed_ends_at_midnight() {
    // The clock starts at midnight.
    let limit = limit(&[RateWindow::per_day(Requests, 2).kind(WindowKind::Fixed)]);
    let evening = at(20 * 3_600);
    limit.try_take_at(Cost::REQUEST, evening).unwrap();
    limit.try_take_at(Cost::REQUEST, evening).unwrap();
    let refused = limit.try_take_at(Cost::REQUEST, evening).unwrap_err();
    assert_eq!(limited(refused).0, 4 * 3_600 * SECOND);
    assert_eq!(left(&limit, at(24 * 3_600)), [2]);
}

#[test]
fn a_block_holds_everything_back_until_it_ends_or_is_lifted() {
    let limit = limit(&[]);
    limit.block_until(at(60));
    limit.block_until(at(30));
    assert_eq!(limit.blocked_for(at(10)), 50 * SECOND);
    let refused = limit.try_acquire_at(Cost::REQUEST, at(10)).unwrap_err();
    assert_eq!(limited(refused), (50 * SECOND, LimitedBy::Block));
    assert!(limit.try_take_at(Cost::REQUEST, at(60)).is_ok());
    limit.unblock();
    assert!(limit.try_take_at(Cost::REQUEST, at(10)).is_ok());
}

#[test]
fn clones_share_the_windows() {
    let limit = limit(&[RateWindow::per_minute(Requests, 1)]);
    limit.clone().try_take_at(Cost::REQUEST, at(0)).unwrap();
    assert!(limit.try_take_at(Cost::REQUEST, at(0)).is_err());
}

#[test]
fn a_clock_of_four_milliseconds_lets_through_no_more_than_it_counts() {
    // 1 000 a second, at most 4 at once: a coarse clock gives them in clumps of four.
    let window = RateWindow::new(Requests, 1_000, SECOND).burst(4);
    let limit = limit(&[window]);
    let mut passed = 0;
    for micros in (0..1_000_000).step_by(50) {
        let coarse = Duration::from_micros(micros / 4_000 * 4_000);
        passed += u32::from(limit.try_take_at(Cost::REQUEST, at(0) + coarse).is_ok());
    }
    assert_eq!(passed, 1_000);
}

#[test]
fn settings_that_cannot_hold_are_refused() {
    let refused = |window| RateLimit::new(&config(&[window])).map(drop).unwrap_err();
    let nothing = |resource| InvalidLimit::Nothing {
        resource,
        period: 60 * SECOND,
    };
    assert_eq!(
        refused(RateWindow::per_minute(Requests, 0)),
        nothing(Requests)
    );
    assert_eq!(
        refused(RateWindow::per_minute(Plan, 1).burst(0)),
        nothing(Plan)
    );
    assert_eq!(
        refused(RateWindow::per_minute(Concurrency, 1)),
        InvalidLimit::Concurrency
    );
    for period in [Duration::ZERO, Duration::MAX] {
        let expected = InvalidLimit::Period {
            resource: Tokens,
            period,
        };
        assert_eq!(refused(RateWindow::new(Tokens, 1, period)), expected);
    }
    let period = Duration::from_nanos(10);
    let expected = InvalidLimit::TooFine {
        resource: Tokens,
        period,
    };
    assert_eq!(refused(RateWindow::new(Tokens, 11, period)), expected);
    let seven = [RateWindow::per_minute(Requests, 1); 7];
    assert_eq!(
        RateLimit::new(&config(&seven)).map(drop).unwrap_err(),
        InvalidLimit::TooMany(7)
    );
    assert!(
        serde_json::from_str::<RateLimitConfig>(r#"{"window": []}"#).is_err(),
        "a typing error"
    );
}

#[test]
fn a_call_that_needs_nothing_of_a_window_is_not_held_back_by_its_debt() {
    for windows in [
        vec![RateWindow::per_minute(Tokens, 60)],
        vec![
            RateWindow::per_minute(Tokens, 60),
            RateWindow::per_minute(Requests, 60),
        ],
    ] {
        let limit = limit(&windows);
        let held = limit.try_acquire_at(Cost::REQUEST.input(1), at(0)).unwrap();
        held.reconcile_at(Cost::REQUEST.input(500), at(0));
        assert!(limit.try_take_at(Cost::REQUEST, at(0)).is_ok());
        assert!(limit.try_take_at(Cost::REQUEST.input(1), at(0)).is_err());
    }
}

#[test]
fn a_gate_that_refuses_leaves_the_windows_as_they_were() {
    struct AtMost(u64);

    impl RequestGate for AtMost {
        fn try_pass(&self, requests: u64) -> Result<(), GateRefusal> {
            if requests > self.0 {
                return Err(GateRefusal::AtMost(self.0));
            }
            Ok(())
        }
    }

    let limit = limit(&[
        RateWindow::per_minute(Requests, 50),
        RateWindow::per_minute(Tokens, 60),
    ]);
    let gated = limit.clone().request_gate(AtMost(1));
    let two = Cost {
        requests: 2,
        ..Cost::ZERO
    }
    .input(5);
    let refused = gated.try_take_at(two, at(0)).unwrap_err();
    assert!(
        matches!(refused, Refused::TooLarge(TooLarge { allowance: 1, .. })),
        "{refused}"
    );
    assert_eq!(left(&limit, at(0)), [50, 60]);
    assert!(
        limit.try_take_at(two, at(0)).is_ok(),
        "the other handle has no gate"
    );
}
