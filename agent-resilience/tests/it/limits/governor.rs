//! A host's own governor limiter, on its own fake clock.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use agent_resilience::classify::LimitedResource::Tokens;
use agent_resilience::{Cost, GovernorGate, LimitedBy, RateWindow, Refused};
use governor::clock::FakeRelativeClock;
use governor::{Quota, RateLimiter};

use super::{SECOND, at, left, limit};

#[test]
fn it_decides_last_and_a_refusal_leaves_the_windows_as_they_were() {
    let clock = FakeRelativeClock::default();
    let quota = Quota::per_second(NonZeroU32::new(2).unwrap());
    let shared = Arc::new(RateLimiter::direct_with_clock(quota, clock.clone()));
    let limit =
        limit(&[RateWindow::per_minute(Tokens, 100)]).request_gate(GovernorGate(shared.clone()));
    let cost = Cost::REQUEST.input(10);

    limit.try_take_at(cost, at(0)).unwrap();
    shared.check().unwrap();
    let Err(Refused::Limited(limited)) = limit.try_acquire_at(cost, at(0)) else {
        panic!()
    };
    assert_eq!(
        (limited.retry_in(), limited.by()),
        (SECOND / 2, LimitedBy::Gate)
    );
    assert_eq!(left(&limit, at(0)), [90]);

    clock.advance(Duration::from_millis(500));
    assert!(limit.try_acquire_at(cost, at(0)).is_ok());
    assert!(
        limit.try_acquire_at(Cost::ZERO, at(0)).is_ok(),
        "no request, no question"
    );
}

#[test]
fn more_than_its_burst_is_never_a_wait() {
    let quota = Quota::per_second(NonZeroU32::new(2).unwrap());
    let shared = RateLimiter::direct_with_clock(quota, FakeRelativeClock::default());
    let limit = limit(&[]).request_gate(GovernorGate(Arc::new(shared)));
    for requests in [3, u64::MAX] {
        let refused = limit
            .try_take_at(
                Cost {
                    requests,
                    ..Cost::ZERO
                },
                at(0),
            )
            .unwrap_err();
        let Refused::TooLarge(too_large) = refused else {
            panic!("{refused}")
        };
        assert_eq!((too_large.asked, too_large.allowance), (requests, 2));
    }
}
