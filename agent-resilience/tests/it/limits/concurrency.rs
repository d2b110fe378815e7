//! Calls under way at the same time.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use agent_primitives::{FailureKind, ManualClock};
use agent_resilience::{AdaptiveConfig, ConcurrencyConfig, ConcurrencyLimit, InvalidLimit};

use super::at;

fn fixed(limit: u32) -> ConcurrencyLimit {
    ConcurrencyLimit::fixed(NonZeroU32::new(limit).expect("not zero"))
}

fn adaptive(limit: u32, adaptive: AdaptiveConfig) -> ConcurrencyLimit {
    let config = ConcurrencyConfig {
        limit: NonZeroU32::new(limit).expect("not zero"),
        adaptive: Some(adaptive),
        ..ConcurrencyConfig::default()
    };
    ConcurrencyLimit::with_clock(&config, ManualClock::default()).expect("valid")
}

#[test]
fn places_come_back_from_every_end_of_a_call() {
    let limit = fixed(2);
    limit.try_acquire().unwrap().succeeded();
    limit.try_acquire().unwrap().failed(FailureKind::Server);
    drop(limit.try_acquire_owned().unwrap());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _permit = limit.try_acquire().unwrap();
        panic!("in the middle of a call");
    }));
    assert!(panicked.is_err());
    assert_eq!(limit.in_use(), 0);
}

#[test]
fn threads_never_exceed_the_limit() {
    let limit = fixed(3);
    let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    if let Ok(_permit) = limit.try_acquire() {
                        let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert!(most.into_inner() <= 3);
    assert_eq!(limit.in_use(), 0);
}

#[test]
fn an_overload_lowers_the_limit_and_other_failures_do_not() {
    let limit = adaptive(100, AdaptiveConfig::default());
    for kind in [
        FailureKind::Server,
        FailureKind::Auth,
        FailureKind::Cancelled,
    ] {
        limit.try_acquire_at(at(1)).unwrap().failed_at(kind, at(2));
    }
    assert_eq!(limit.limit(), 100);
    limit
        .try_acquire_at(at(1))
        .unwrap()
        .failed_at(FailureKind::Overloaded, at(2));
    assert_eq!(limit.limit(), 90);
    limit
        .try_acquire_at(at(3))
        .unwrap()
        .failed_at(FailureKind::Timeout, at(4));
    assert_eq!(limit.limit(), 81);
}

/// A provider that works on `capacity` calls at once and lets the others stand in line: the latency is
/// the work's own while there is room, and grows in proportion beyond.
fn latency(in_flight: u32, capacity: u32) -> Duration {
    Duration::from_millis(100) * in_flight.max(capacity) / capacity
}

/// Keeps as many calls under way as the limit allows, round by round; the limits after each.
fn simulate(limit: &ConcurrencyLimit, rounds: u32, capacity: u32) -> Vec<u32> {
    let run = (0..rounds).map(|_| {
        let permits: Vec<_> = std::iter::from_fn(|| limit.try_acquire_at(at(0)).ok()).collect();
        let took = latency(limit.in_use(), capacity);
        for permit in permits {
            permit.succeeded_in(took);
        }
        limit.limit()
    });
    run.collect()
}

#[test]
fn the_limit_finds_what_the_provider_bears_from_both_sides() {
    let settled = [1, 200].map(|start| {
        let limit = adaptive(start, AdaptiveConfig::default());
        // The long average has to know the latency without a line first.
        simulate(&limit, 30, 400);
        simulate(&limit, 80, 40).split_off(60)
    });
    for limits in &settled {
        // 40 at work, and as many in line as the tolerance and the headroom allow: 40 * 1.5 and some.
        assert!(
            limits.iter().all(|limit| (60..=80).contains(limit)),
            "{limits:?}"
        );
    }
}

#[test]
fn a_provider_that_refuses_what_is_too_much_holds_the_limit_down() {
    let limit = adaptive(1, AdaptiveConfig::default());
    let mut most = 0;
    for round in 0..300 {
        let permits: Vec<_> =
            std::iter::from_fn(|| limit.try_acquire_at(at(2 * round)).ok()).collect();
        for (place, permit) in permits.into_iter().enumerate() {
            if place < 40 {
                permit.succeeded_in(Duration::from_millis(100));
            } else {
                permit.failed_at(FailureKind::Overloaded, at(2 * round + 1));
            }
        }
        most = most.max(limit.limit());
    }
    assert_eq!(most, 41, "one more than it bears, to find out");
    assert!((36..=41).contains(&limit.limit()), "{}", limit.limit());
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let default = AdaptiveConfig::default();
    for (wrong, setting) in [
        (AdaptiveConfig { min: 0, ..default }, "min"),
        (
            AdaptiveConfig {
                min: 300,
                ..default
            },
            "min",
        ),
        (AdaptiveConfig { max: 10, ..default }, "limit"),
        (
            AdaptiveConfig {
                tolerance: 0.5,
                ..default
            },
            "tolerance",
        ),
        (
            AdaptiveConfig {
                tolerance: f64::NAN,
                ..default
            },
            "tolerance",
        ),
        (
            AdaptiveConfig {
                smoothing: 0.0,
                ..default
            },
            "smoothing",
        ),
        (
            AdaptiveConfig {
                backoff: 1.0,
                ..default
            },
            "backoff",
        ),
        (
            AdaptiveConfig {
                long_window: 0,
                ..default
            },
            "long_window",
        ),
    ] {
        let config = ConcurrencyConfig {
            adaptive: Some(wrong),
            ..ConcurrencyConfig::default()
        };
        let refused = ConcurrencyLimit::new(&config).map(drop).unwrap_err();
        assert!(
            matches!(refused, InvalidLimit::Adaptive { what, .. } if what == setting),
            "{refused}"
        );
    }
}
