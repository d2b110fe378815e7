//! Windows that slide: rates are exact however long everything went well before.

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use agent_primitives::{BreakerState, FailureKind, ManualClock, ProviderId, Scope};
use agent_resilience::{
    BreakerConfig, BreakerWindow, CircuitBreaker, FailureWeights, Percent, SlowCalls,
};

const A_MILLION: u64 = 1_000_000;

fn config(percent: u8, window: BreakerWindow) -> BreakerConfig {
    BreakerConfig {
        consecutive_failures: None,
        failure_rate: Percent::new(percent),
        window,
        ..BreakerConfig::default()
    }
}

fn last(calls: u16) -> BreakerWindow {
    BreakerWindow::Calls(NonZeroU16::new(calls).expect("not zero"))
}

fn seconds(seconds: u64) -> BreakerWindow {
    BreakerWindow::Time(Duration::from_secs(seconds))
}

fn breaker(config: BreakerConfig) -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::default();
    let name = ProviderId::new("claude").expect("a valid name");
    let breaker = CircuitBreaker::new(name, config).clock(clock.clone());
    (breaker, clock)
}

fn succeed(breaker: &CircuitBreaker, times: u64) {
    for _ in 0..times {
        breaker.admit().expect("admitted").success();
    }
}

fn failures_to_open(breaker: &CircuitBreaker) -> u64 {
    let mut failures = 0;
    while let Ok(permit) = breaker.admit() {
        permit.failure(FailureKind::Server);
        failures += 1;
        assert!(failures <= 2 * A_MILLION, "it never opens");
    }
    failures
}

#[test]
fn a_window_of_calls_opens_after_exactly_its_share_whatever_came_before() {
    for (length, percent) in [(100, 50), (100, 1), (64, 75), (1000, 33), (20, 100)] {
        let (breaker, _) = breaker(config(percent, last(length)));
        succeed(&breaker, A_MILLION);
        // The window is full of successes: so many of its places have to change.
        let expected = (u64::from(length) * u64::from(percent)).div_ceil(100);
        assert_eq!(
            failures_to_open(&breaker),
            expected,
            "{percent} % of {length}"
        );
    }
}

#[test]
fn a_window_over_time_opens_after_exactly_its_share_of_what_is_left_in_it() {
    // One call each 100 ms: 14 whole slices of 4 s and the one that is filling, one call in it.
    let (breaker, clock) = breaker(config(50, seconds(60)));
    for _ in 0..A_MILLION {
        succeed(&breaker, 1);
        clock.advance(Duration::from_millis(100));
    }
    // 100 000 s are a whole number of slices, so the present one is empty and 14 with 40 calls each are
    // still looked at: as many failures again make half.
    assert_eq!(breaker.snapshot().calls, 14 * 40);
    assert_eq!(failures_to_open(&breaker), 14 * 40);
}

#[test]
fn a_window_over_time_opens_after_exactly_its_share_of_a_million_at_once() {
    let (breaker, _) = breaker(config(1, seconds(60)));
    succeed(&breaker, A_MILLION);
    // f / (1 000 000 + f) ≥ 1 / 100.
    assert_eq!(failures_to_open(&breaker), A_MILLION.div_ceil(99));
}

#[test]
fn a_window_over_time_forgets_a_million_successes_after_its_length() {
    let (breaker, clock) = breaker(config(50, seconds(60)));
    succeed(&breaker, A_MILLION);
    clock.advance(Duration::from_secs(60));
    assert_eq!(failures_to_open(&breaker), 20, "the minimum of calls");
}

#[test]
fn counts_of_several_threads_add_up() {
    for window in [last(1000), seconds(60)] {
        let (breaker, _) = breaker(config(50, window));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..200 {
                        let permit = breaker.admit().expect("closed");
                        if number % 4 == 3 {
                            permit.failure(FailureKind::Server);
                        } else {
                            permit.success();
                        }
                    }
                });
            }
        });
        let shown = breaker.snapshot();
        assert_eq!((shown.calls, shown.failed), (800, 200), "{window:?}");
    }
}

#[test]
fn a_minimum_longer_than_the_window_is_a_full_window() {
    let (breaker, _) = breaker(BreakerConfig {
        minimum_calls: NonZeroU32::new(1_000_000).expect("not zero"),
        ..config(50, last(10))
    });
    assert_eq!(failures_to_open(&breaker), 10);
}

#[test]
fn closing_again_begins_an_empty_window() {
    for window in [last(100), seconds(60)] {
        let (breaker, clock) = breaker(config(50, window));
        assert_eq!(failures_to_open(&breaker), 20);
        assert_eq!(breaker.snapshot().failed, 20, "what opened it is shown");
        clock.advance(Duration::from_secs(30));
        succeed(&breaker, 1);
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(breaker.snapshot().calls, 0);
        assert_eq!(failures_to_open(&breaker), 20);
    }
}

fn slow(percent: u8, window: BreakerWindow) -> BreakerConfig {
    BreakerConfig {
        failure_rate: None,
        slow_calls: Percent::new(percent).map(|percent| SlowCalls {
            after: Duration::from_secs(5),
            percent,
        }),
        minimum_calls: NonZeroU32::new(4).expect("not zero"),
        ..config(1, window)
    }
}

#[test]
fn calls_that_succeed_too_late_open_it_at_their_share() {
    for window in [last(100), seconds(60)] {
        let (breaker, clock) = breaker(slow(50, window));
        let take = |seconds| {
            let permit = breaker.admit().expect("closed");
            clock.advance(Duration::from_secs(seconds));
            permit.success();
        };
        take(1);
        take(1);
        take(5);
        assert_eq!(breaker.state(), BreakerState::Closed);
        take(5);
        assert_eq!(breaker.state(), BreakerState::Open, "{window:?}");
        let shown = breaker.snapshot();
        assert_eq!((shown.calls, shown.failed, shown.slow), (4, 0, 2));
        assert_eq!(shown.slow_rate, Some(0.5));
    }
}

#[test]
fn a_slow_probe_opens_again() {
    let (breaker, clock) = breaker(slow(50, last(10)));
    breaker.open();
    clock.advance(Duration::from_secs(30));
    let probe = breaker.admit().expect("a probe");
    clock.advance(Duration::from_secs(5));
    probe.success();
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn a_heavy_failure_counts_as_several_in_a_row_and_in_the_window() {
    let weights = FailureWeights::default()
        .with(FailureKind::Timeout, 2)
        .with(FailureKind::RateLimited, 1);
    let (in_row, _) = breaker(BreakerConfig {
        weights,
        ..BreakerConfig::default()
    });
    for kind in [FailureKind::Timeout, FailureKind::RateLimited] {
        in_row.admit().expect("closed").failure(kind);
    }
    assert_eq!(in_row.snapshot().in_a_row, 3);
    in_row
        .admit()
        .expect("closed")
        .failure(FailureKind::Timeout);
    assert_eq!(in_row.state(), BreakerState::Open);

    let (rate, _) = breaker(BreakerConfig {
        weights,
        ..config(50, last(100))
    });
    succeed(&rate, 15);
    for _ in 0..7 {
        rate.admit().expect("closed").failure(FailureKind::Timeout);
    }
    let shown = rate.snapshot();
    assert_eq!(
        (shown.state, shown.calls, shown.failed),
        (BreakerState::Closed, 29, 14)
    );
    rate.admit().expect("closed").failure(FailureKind::Timeout);
    assert_eq!(rate.state(), BreakerState::Open, "16 of 31");
}

#[test]
fn a_bad_key_or_request_does_not_open_a_provider_for_everyone() {
    let (breaker, _) = breaker(BreakerConfig {
        weights: FailureWeights::default().with(FailureKind::Auth, 1),
        ..BreakerConfig::default()
    });
    for _ in 0..1000 {
        breaker.admit().expect("closed").failure(FailureKind::Auth);
        let narrow = (FailureKind::Server, Scope::Request);
        breaker.admit().expect("closed").failure(narrow);
    }
    let shown = breaker.snapshot();
    assert_eq!((shown.failed, shown.in_a_row), (0, 0));
    assert_eq!(
        shown.calls, 1000,
        "a refused key shows that the service answers"
    );
}

#[test]
fn a_breaker_of_one_key_opens_for_that_key() {
    let (breaker, _) = breaker(BreakerConfig {
        weights: FailureWeights::default().with(FailureKind::Auth, 5),
        guards: Scope::Key,
        ..BreakerConfig::default()
    });
    breaker.admit().expect("closed").failure(FailureKind::Auth);
    assert_eq!(breaker.state(), BreakerState::Open);
}
