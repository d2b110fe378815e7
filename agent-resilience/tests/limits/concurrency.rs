//! Calls under way at the same time.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use agent_primitives::{FailureKind, ManualClock};
use agent_resilience::{
    AcquireError, AdaptiveConfig, ConcurrencyConfig, ConcurrencyLimit, InvalidLimit,
};
use futures_util::future::{join_all, poll_immediate};

use super::{PausedClock, SECOND, at};

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

#[tokio::test(start_paused = true)]
async fn waiters_get_their_places_in_order() {
    let limit = fixed(2);
    let running = std::sync::Mutex::new(Vec::new());
    join_all((0..64).map(|number| {
        let (limit, running) = (&limit, &running);
        async move {
            let _permit = limit.acquire(None).await.unwrap();
            running.lock().unwrap().push(number);
            tokio::time::sleep(SECOND).await;
            assert!(limit.in_use() <= 2);
        }
    }))
    .await;
    assert_eq!(running.into_inner().unwrap(), (0..64).collect::<Vec<_>>());
    assert_eq!((limit.in_use(), limit.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn nobody_overtakes_those_who_wait() {
    let limit = fixed(1);
    let held = limit.try_acquire().unwrap();
    let mut waiting = Box::pin(limit.acquire(None));
    assert!(poll_immediate(&mut waiting).await.is_none());
    drop(held);
    assert!(
        limit.try_acquire().is_err(),
        "the free place is the waiter's"
    );
    assert!(poll_immediate(&mut waiting).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_dropped_at_any_place_loses_no_place() {
    for dropped in 0..8 {
        // Once before a place is free, once after the place was offered.
        for offered in [false, true] {
            let limit = fixed(1);
            let held = limit.try_acquire().unwrap();
            let mut waiting: Vec<_> = (0..8).map(|_| Box::pin(limit.acquire(None))).collect();
            for waiter in &mut waiting {
                assert!(poll_immediate(waiter).await.is_none());
            }
            let held = (!offered).then_some(held);
            drop(waiting.remove(dropped));
            drop(held);
            for waiter in waiting {
                assert!(waiter.await.is_ok(), "{dropped} {offered}");
            }
            assert_eq!((limit.in_use(), limit.waiting()), (0, 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_deadline_is_kept_to_the_moment() {
    let clock = PausedClock::new();
    let config = ConcurrencyConfig {
        limit: NonZeroU32::MIN,
        queue: 3,
        adaptive: None,
    };
    let limit = ConcurrencyLimit::with_clock(&config, clock).unwrap();
    let _held = limit.try_acquire().unwrap();
    let ends = join_all([9, 3, 6].map(|seconds| {
        let limit = &limit;
        async move {
            (
                limit.acquire(Some(at(seconds))).await.map(drop),
                clock.seconds().round(),
            )
        }
    }));
    let full = async { limit.acquire(None).await.map(drop) };
    let (ends, full) = tokio::join!(ends, full);
    let late = |second| (Err(AcquireError::DeadlinePassed), second);
    assert_eq!(ends, [late(9.0), late(3.0), late(6.0)]);
    assert_eq!(full, Err(AcquireError::QueueFull { waiting: 3 }));
    assert_eq!(limit.turned_away(), 1);
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
        permits
            .into_iter()
            .for_each(|permit| permit.succeeded_in(took));
        limit.limit()
    });
    run.collect()
}

#[test]
fn the_limit_finds_what_the_provider_bears() {
    for start in [1, 200] {
        let config = AdaptiveConfig {
            max: 400,
            ..AdaptiveConfig::default()
        };
        let limit = adaptive(start, config);
        // The long average has to know the latency without a line first.
        simulate(&limit, 30, 400);
        let settled = simulate(&limit, 60, 40).split_off(40);
        let (least, most) = (settled.iter().min().unwrap(), settled.iter().max().unwrap());
        assert!(
            *least >= 20 && *most <= 400,
            "from {start}: {least} to {most}"
        );
    }
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
