//! Waiting in line.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use agent_primitives::Clock;
use agent_resilience::classify::LimitedResource::{Requests, Tokens};
use agent_resilience::{
    AcquireError, Cost, GateRefusal, LimitedBy, RateLimit, RateLimitConfig, RateWindow, Refused,
    RequestGate, Reservation, Sleep, TokioSleep,
};
use futures_util::FutureExt;
use futures_util::future::{join_all, poll_immediate};

use super::{PausedClock, SECOND, at, config, left};

fn one_a_second(clock: PausedClock) -> RateLimit {
    let window = RateWindow::per_minute(Requests, 60).burst(1);
    RateLimit::with_clock(&config(&[window]), clock).expect("valid")
}

#[tokio::test(start_paused = true)]
async fn sixty_four_wait_in_order_and_each_goes_at_its_second() {
    let clock = PausedClock::new();
    let limit = one_a_second(clock);
    let gone = Mutex::new(Vec::new());
    join_all((0..64_u32).map(|number| {
        let (limit, gone) = (&limit, &gone);
        async move {
            limit.acquire(Cost::REQUEST, None).await.unwrap().keep();
            gone.lock()
                .unwrap()
                .push((number, clock.0.elapsed().as_millis()));
        }
    }))
    .await;
    // Tokio's timer counts whole milliseconds and never ends early.
    for (place, (number, millis)) in (0_u32..).zip(gone.into_inner().unwrap()) {
        assert_eq!(number, place, "first come, first served");
        let second = u128::from(place) * 1_000;
        assert!((second..second + 70).contains(&millis), "{place}: {millis}");
    }
    assert_eq!(limit.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_large_call_is_not_starved_by_small_ones() {
    let clock = PausedClock::new();
    let window = RateWindow::per_minute(Tokens, 60);
    let limit = RateLimit::with_clock(&config(&[window]), clock).unwrap();
    limit.try_take(Cost::REQUEST.input(60)).unwrap();
    let large = limit.acquire(Cost::REQUEST.input(50), None);
    let small = async {
        tokio::time::sleep(10 * SECOND).await;
        let refused = limit.try_take(Cost::REQUEST.input(1)).unwrap_err();
        let Refused::Limited(refused) = refused else {
            panic!("{refused}")
        };
        assert_eq!(refused.by(), LimitedBy::Queue, "10 are free, and 50 wait");
        assert_eq!(refused.retry_in(), 41 * SECOND, "after the large one");
        limit
            .acquire(Cost::REQUEST.input(1), None)
            .await
            .unwrap()
            .keep();
        clock.seconds()
    };
    let (large, small) = tokio::join!(
        async { large.await.map(|held| (held.keep(), clock.seconds())) },
        small
    );
    assert!((large.unwrap().1 - 50.0).abs() < 0.01);
    assert!((small - 51.0).abs() < 0.01, "{small}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_cannot_be_met_is_refused_at_once_with_the_time_needed() {
    let clock = PausedClock::new();
    let limit = one_a_second(clock);
    limit.try_take(Cost::REQUEST).unwrap();
    let mut waiting: Vec<_> = (0..9)
        .map(|_| Box::pin(limit.acquire(Cost::REQUEST, None)))
        .collect();
    for waiter in &mut waiting {
        assert!(poll_immediate(waiter).await.is_none());
    }
    let refused = limit.acquire(Cost::REQUEST, Some(at(9))).await.unwrap_err();
    assert_eq!(
        refused,
        AcquireError::TooLate {
            retry_in: 10 * SECOND
        }
    );
    assert_eq!((limit.turned_away(), limit.waiting()), (1, 9));
    assert!(clock.seconds() < 0.001, "nobody waited");
    assert!(
        poll_immediate(Box::pin(limit.acquire(Cost::REQUEST, Some(at(10)))))
            .await
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_kept_when_the_wait_grows_longer() {
    let clock = PausedClock::new();
    let limit = one_a_second(clock);
    limit.try_take(Cost::REQUEST).unwrap();
    let first = limit.acquire(Cost::REQUEST, None);
    let second = limit.acquire(Cost::REQUEST, Some(at(5)));
    let blocking = async {
        tokio::time::sleep(SECOND / 2).await;
        limit.block_until(at(600));
    };
    let ((), first, (second, when)) = tokio::join!(
        blocking,
        async { first.await.map(|held| (held.keep(), clock.seconds())) },
        async { (second.await.map(drop), clock.seconds()) },
    );
    assert_eq!(second.unwrap_err(), AcquireError::DeadlinePassed);
    assert!((when - 5.0).abs() < 0.01, "not when its turn comes: {when}");
    assert!((first.unwrap().1 - 600.0).abs() < 0.01);
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded_and_counts_whom_it_turns_away() {
    let window = RateWindow::per_minute(Requests, 60).burst(1);
    let config = RateLimitConfig {
        queue: 2,
        ..config(&[window])
    };
    let limit = RateLimit::with_clock(&config, PausedClock::new()).unwrap();
    limit.try_take(Cost::REQUEST).unwrap();
    let mut two = [(); 2].map(|()| Box::pin(limit.acquire(Cost::REQUEST, None)));
    for waiter in &mut two {
        assert!(poll_immediate(waiter).await.is_none());
    }
    let third = limit.acquire(Cost::REQUEST, None).now_or_never();
    let refused = third.expect("said at once").unwrap_err();
    assert_eq!(refused, AcquireError::QueueFull { waiting: 2 });
    assert_eq!(limit.turned_away(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_dropped_at_any_place_takes_nothing_and_holds_up_nobody() {
    for dropped in 0..8 {
        let clock = PausedClock::new();
        let limit = one_a_second(clock);
        limit.try_take(Cost::REQUEST).unwrap();
        let mut waiting: Vec<_> = (0..8)
            .map(|number| {
                let limit = &limit;
                Box::pin(async move {
                    limit.acquire(Cost::REQUEST, None).await.unwrap().keep();
                    (number, clock.seconds().round())
                })
            })
            .collect();
        for waiter in &mut waiting {
            assert!(poll_immediate(waiter).await.is_none());
        }
        drop(waiting.remove(dropped));
        assert_eq!(limit.waiting(), 7);
        let gone = join_all(waiting).await;
        let seconds = gone.iter().map(|(_, second)| *second);
        assert!(seconds.eq((1..8).map(f64::from)), "{dropped}: {gone:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_goes_back_lets_the_first_in_line_go_before_its_timer() {
    let clock = PausedClock::new();
    let window = RateWindow::per_minute(Tokens, 60);
    let limit = RateLimit::with_clock(&config(&[window]), clock).unwrap();
    let held = limit.try_acquire(Cost::REQUEST.input(60)).unwrap();
    let waiter = async {
        limit
            .acquire(Cost::REQUEST.input(40), None)
            .await
            .unwrap()
            .keep();
        clock.seconds()
    };
    let refund = async {
        tokio::time::sleep(2 * SECOND).await;
        held.reconcile(Cost::REQUEST.input(10));
    };
    let (when, ()) = tokio::join!(waiter, refund);
    assert!((when - 2.0).abs() < 0.01, "{when}");
}

/// Counts the timers that are under way.
#[derive(Clone, Default)]
struct Timers(Arc<Mutex<(usize, usize)>>);

impl Timers {
    /// Those under way, and the most that ever were.
    fn count(&self) -> MutexGuard<'_, (usize, usize)> {
        self.0.lock().expect("nobody panics")
    }
}

struct Armed(Timers);

impl Drop for Armed {
    fn drop(&mut self) {
        self.0.count().0 -= 1;
    }
}

#[async_trait::async_trait]
impl Sleep for Timers {
    async fn sleep(&self, duration: Duration) {
        let _armed = {
            let mut timers = self.count();
            timers.0 += 1;
            timers.1 = timers.1.max(timers.0);
            Armed(self.clone())
        };
        TokioSleep.sleep(duration).await;
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_first_in_line_has_a_timer() {
    let limit = one_a_second(PausedClock::new());
    let timers = Timers::default();
    let soon = limit.clock().monotonic() + 100 * SECOND;
    let waiting = (0..64).map(|number| {
        let deadline = (number % 2 == 0).then_some(soon);
        limit.acquire_with(&timers, Cost::REQUEST, deadline)
    });
    let all = join_all(waiting.map(|waiter| waiter.map(|held| held.map(Reservation::keep)))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(*timers.count(), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_through_a_block_are_let_go_over_the_ramp() {
    let clock = PausedClock::new();
    let window = RateWindow::per_minute(Requests, 1_000);
    let limit = RateLimit::with_clock(&config(&[window]), clock).unwrap();
    limit.block_until(at(60));
    let gone = join_all((0..64).map(|_| async {
        limit.acquire(Cost::REQUEST, None).await.unwrap().keep();
        clock.seconds()
    }))
    .await;
    assert!(gone.iter().all(|when| *when >= 60.0));
    let fair_share = 64.0 / 10.0;
    for second in (60..71).map(f64::from) {
        let within = gone
            .iter()
            .filter(|when| (second..second + 1.0).contains(*when));
        let count = f64::from(u32::try_from(within.count()).unwrap());
        assert!(count <= 2.0 * fair_share, "{count} in second {second}");
    }
    assert!(gone.iter().all(|when| *when < 71.0), "and no longer");
}

#[tokio::test(start_paused = true)]
async fn too_large_is_said_before_any_waiting() {
    let limit = one_a_second(PausedClock::new());
    limit.try_take(Cost::REQUEST).unwrap();
    let two = Cost {
        requests: 2,
        ..Cost::ZERO
    };
    let refused = limit.acquire(two, None).await.unwrap_err();
    assert!(matches!(refused, AcquireError::TooLarge(_)), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn an_owned_reservation_outlives_its_handle() {
    let clock = PausedClock::new();
    let limit = one_a_second(clock);
    let other = limit.clone();
    let held = tokio::spawn(async move { other.acquire_owned(Cost::REQUEST, None).await });
    let held = held.await.unwrap().unwrap();
    assert_eq!(left(&limit, clock.monotonic()), [0]);
    drop(held);
    assert_eq!(left(&limit, clock.monotonic()), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_acquire_that_was_ready_gives_its_reservation_back() {
    let clock = PausedClock::new();
    let limit = one_a_second(clock);
    // A future that is ready and whose result nobody takes, as in a lost race of `select`.
    let ready = limit.acquire(Cost::REQUEST, None).now_or_never();
    assert!(matches!(ready, Some(Ok(_))));
    assert_eq!(left(&limit, clock.monotonic()), [0]);
    drop(ready);
    assert_eq!(left(&limit, clock.monotonic()), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_refuses_is_asked_again_only_when_it_said() {
    struct Shut(Mutex<Vec<f64>>, PausedClock);

    impl RequestGate for Shut {
        fn try_pass(&self, _requests: u64) -> Result<(), GateRefusal> {
            let now = self.1.seconds();
            self.0.lock().unwrap().push(now.round());
            if now < 20.0 {
                return Err(GateRefusal::RetryIn(7 * SECOND));
            }
            Ok(())
        }
    }

    let clock = PausedClock::new();
    let gate = Arc::new(Shut(Mutex::default(), clock));
    let window = RateWindow::per_minute(Requests, 60);
    let limit = RateLimit::with_clock(&config(&[window]), clock)
        .unwrap()
        .request_gate(Arc::clone(&gate));
    limit.acquire(Cost::REQUEST, None).await.unwrap().keep();
    // Once before it waits, once as the first in line, then at each time named.
    assert_eq!(*gate.0.lock().unwrap(), [0.0, 0.0, 7.0, 14.0, 21.0]);
    assert_eq!(left(&limit, clock.monotonic()), [59]);
}
