//! The provider's word.

use std::time::Duration;

use agent_resilience::classify::LimitedResource::{self, InputTokens, Plan, Requests, Tokens};
use agent_resilience::classify::{self, LimitSnapshot, LimitWindow, Vendor, When};
use agent_resilience::{Cost, RateWindow, WindowKind};

use super::{MIDNIGHT, SECOND, at, left, limit};

fn stated(resource: LimitedResource, limit: u64, remaining: u64) -> LimitWindow {
    let mut window = LimitWindow::new(resource);
    (window.limit, window.remaining) = (Some(limit), Some(remaining));
    window
}

fn snapshot(windows: &[LimitWindow]) -> LimitSnapshot {
    let mut snapshot = LimitSnapshot::NONE;
    assert!(windows.iter().all(|window| snapshot.push(*window)));
    snapshot
}

#[test]
fn what_remains_makes_the_count_stricter_and_never_looser() {
    let limit = limit(&[RateWindow::per_minute(Requests, 60)]);
    limit.observe(&snapshot(&[stated(Requests, 60, 20)]), at(0));
    assert_eq!(left(&limit, at(0)), [20], "others use the key");
    limit.observe(&snapshot(&[stated(Requests, 60, 55)]), at(0));
    assert_eq!(left(&limit, at(0)), [20]);
    assert_eq!(left(&limit, at(10)), [30], "and it comes back");
}

#[test]
fn calls_in_flight_are_counted_once_and_stay_counted() {
    let limit = limit(&[RateWindow::per_minute(Tokens, 60)]);
    let held = limit
        .try_acquire_at(Cost::REQUEST.input(30), at(0))
        .unwrap();
    limit.observe(&snapshot(&[stated(Tokens, 60, 50)]), at(0));
    assert_eq!(
        left(&limit, at(0)),
        [30],
        "the provider has not seen all of it yet"
    );
    limit.observe(&snapshot(&[stated(Tokens, 60, 25)]), at(0));
    assert_eq!(left(&limit, at(0)), [25], "it has, and of others 5");
    held.cancel_at(at(0));
    assert_eq!(left(&limit, at(0)), [55]);
}

#[test]
fn the_limit_is_corrected_both_ways() {
    let limit = limit(&[RateWindow::per_minute(Requests, 50)]);
    limit.try_take_at(Cost::REQUEST, at(0)).unwrap();
    limit.observe(&snapshot(&[stated(Requests, 1_000, 999)]), at(0));
    assert_eq!(left(&limit, at(0)), [999]);
    limit.observe(&snapshot(&[stated(Requests, 5, 5)]), at(0));
    assert_eq!(left(&limit, at(0)), [4]);
}

#[test]
fn a_fixed_window_ends_when_the_provider_says() {
    let limit = limit(&[RateWindow::per_minute(Requests, 60).kind(WindowKind::Fixed)]);
    let mut empty = stated(Requests, 60, 0);
    empty.reset = Some(When::In(25 * SECOND));
    limit.observe(&snapshot(&[empty]), at(10));
    let wait = limit
        .try_take_at(Cost::REQUEST, at(10))
        .unwrap_err()
        .retry_in();
    assert_eq!(
        wait,
        Some(25 * SECOND),
        "not the end of the minute, in 50 s"
    );
    assert_eq!(left(&limit, at(35)), [60]);
}

#[test]
fn a_used_up_refilling_window_lets_the_next_call_in_before_its_reset() {
    let limit = limit(&[RateWindow::per_minute(Requests, 60)]);
    let mut empty = stated(Requests, 60, 0);
    empty.reset = Some(When::In(60 * SECOND));
    limit.observe(&snapshot(&[empty]), at(0));
    let wait = limit
        .try_take_at(Cost::REQUEST, at(0))
        .unwrap_err()
        .retry_in();
    assert_eq!(wait, Some(SECOND));
}

#[test]
fn a_used_up_window_of_which_we_count_nothing_blocks_until_its_reset() {
    let limit = limit(&[RateWindow::per_minute(Requests, 50)]);
    let mut plan = LimitWindow::new(Plan);
    plan.period = Some(5 * 3_600 * SECOND);
    plan.used_permille = Some(1_002);
    plan.reset = Some(When::At(MIDNIGHT + 900 * SECOND));
    limit.observe(&snapshot(&[plan]), at(0));
    assert_eq!(limit.blocked_for(at(0)), 900 * SECOND);
    plan.used_permille = Some(999);
    plan.reset = Some(When::In(9_000 * SECOND));
    limit.observe(&snapshot(&[plan]), at(0));
    assert_eq!(limit.blocked_for(at(0)), 900 * SECOND, "something is left");
}

#[test]
fn a_plan_that_is_counted_takes_the_stated_share() {
    let period = 5 * 3_600 * SECOND;
    let limit = limit(&[RateWindow::new(Plan, 200_000, period).kind(WindowKind::Fixed)]);
    limit
        .try_take_at(Cost::REQUEST.input(1_000), at(0))
        .unwrap();
    let mut plan = LimitWindow::new(Plan);
    (plan.period, plan.used_permille) = (Some(period), Some(250));
    limit.observe(&snapshot(&[plan]), at(0));
    assert_eq!(left(&limit, at(0)), [150_000]);
}

#[test]
fn a_stated_window_goes_to_the_one_with_its_period() {
    let limit = limit(&[
        RateWindow::per_minute(Requests, 30),
        RateWindow::per_day(Requests, 14_400),
    ]);
    let mut day = stated(Requests, 14_400, 100);
    day.period = Some(86_400 * SECOND);
    limit.observe(&snapshot(&[day]), at(0));
    assert_eq!(left(&limit, at(0)), [30, 100]);
    // Without a period the limit tells them apart; where it does not, nobody is taken.
    limit.observe(&snapshot(&[stated(Requests, 30, 7)]), at(0));
    limit.observe(&snapshot(&[stated(Requests, 99, 1)]), at(0));
    assert_eq!(left(&limit, at(0)), [7, 100]);
}

#[test]
fn headers_of_a_vendor_reach_the_windows() {
    let limit = limit(&[
        RateWindow::per_minute(Requests, 50),
        RateWindow::per_minute(InputTokens, 30_000),
    ]);
    let mut headers = http::HeaderMap::new();
    let mut put = |name: &'static str, value: &'static str| {
        headers.insert(name, http::HeaderValue::from_static(value));
    };
    put("anthropic-ratelimit-requests-limit", "1000");
    put("anthropic-ratelimit-requests-remaining", "990");
    put("anthropic-ratelimit-input-tokens-limit", "30000");
    put("anthropic-ratelimit-input-tokens-remaining", "4000");
    let now = MIDNIGHT + Duration::from_secs(3);
    limit.observe(&classify::headers(Vendor::Anthropic, &headers, now), at(3));
    assert_eq!(left(&limit, at(3)), [990, 4_000]);
}
