//! Waiting for a place among the calls under way.

use std::num::NonZeroU32;

use agent_resilience::{AcquireError, ConcurrencyConfig, ConcurrencyLimit};
use futures_util::future::{join_all, poll_immediate};

use super::{PausedClock, SECOND, at};

fn fixed(limit: u32) -> ConcurrencyLimit {
    ConcurrencyLimit::fixed(NonZeroU32::new(limit).expect("not zero"))
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
    let full = async {
        poll_immediate(Box::pin(limit.acquire(None)))
            .await
            .map(|held| held.map(drop))
    };
    let (ends, full) = tokio::join!(ends, full);
    let late = |second| (Err(AcquireError::DeadlinePassed), second);
    assert_eq!(ends, [late(9.0), late(3.0), late(6.0)]);
    assert_eq!(full, Some(Err(AcquireError::QueueFull { waiting: 3 })));
    assert_eq!(limit.turned_away(), 1);
}
