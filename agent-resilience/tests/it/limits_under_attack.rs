//! Limits under attack: wake-ups, extremes, and what a provider says.

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use agent_primitives::{Clock, ManualClock, Monotonic, Timestamp};
use agent_resilience::classify::{LimitSnapshot, LimitWindow, LimitedResource};
use agent_resilience::{
    AcquireError, ConcurrencyConfig, ConcurrencyLimit, Cost, RateLimit, RateLimitConfig,
    RateWindow, Refused, Sleep, WindowKind,
};

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u64) -> Monotonic {
    Monotonic::from_nanos(0) + Duration::from_secs(seconds)
}

fn limit(window: RateWindow) -> RateLimit {
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(20_778 * 86_400));
    RateLimit::with_clock(&RateLimitConfig::default().window(window), clock).expect("valid")
}

fn stated(limit: u64, remaining: u64) -> LimitSnapshot {
    let mut window = LimitWindow::new(LimitedResource::Requests);
    (window.limit, window.remaining) = (Some(limit), Some(remaining));
    let mut snapshot = LimitSnapshot::NONE;
    snapshot.push(window);
    snapshot
}

fn left(limit: &RateLimit, now: Monotonic) -> u64 {
    limit.status_at(now).next().expect("valid").remaining
}

#[test]
fn a_provider_that_has_plenty_left_does_not_empty_a_small_burst() {
    let limit = limit(RateWindow::per_minute(LimitedResource::Requests, 60).burst(5));
    limit.observe(&stated(60, 30), at(0));
    assert_eq!(
        left(&limit, at(0)),
        5,
        "30 are left there, and 5 pass at once here"
    );
    limit.observe(&stated(60, 2), at(0));
    assert_eq!(left(&limit, at(0)), 2);
}

#[test]
fn an_absurd_figure_of_a_provider_blocks_no_longer_than_the_window() {
    let limit = limit(RateWindow::per_minute(LimitedResource::Requests, 60));
    limit.observe(&stated(u64::MAX, 0), at(0));
    let Err(Refused::Limited(limited)) = limit.try_take_at(Cost::REQUEST, at(0)) else {
        panic!("nothing is left")
    };
    assert!(limited.retry_in() <= 60 * SECOND, "{limited}");
}

#[test]
fn a_fixed_window_used_beyond_its_limit_is_whole_again_at_its_end() {
    // 7 do not divide a minute's nanoseconds.
    let limit = limit(RateWindow::per_minute(LimitedResource::Tokens, 7).kind(WindowKind::Fixed));
    let held = limit.try_acquire_at(Cost::REQUEST.input(7), at(0)).unwrap();
    held.reconcile_at(Cost::REQUEST.input(500), at(1));
    let Err(Refused::Limited(limited)) = limit.try_take_at(Cost::REQUEST.input(7), at(2)) else {
        panic!("used up")
    };
    assert_eq!(limited.retry_in(), 58 * SECOND);
    assert!(limit.try_take_at(Cost::REQUEST.input(7), at(60)).is_ok());
}

#[test]
fn a_clock_that_goes_back_neither_panics_nor_lets_more_through() {
    for kind in [WindowKind::Refill, WindowKind::Fixed] {
        let limit = limit(RateWindow::per_minute(LimitedResource::Requests, 3).kind(kind));
        let mut through = 0;
        for now in [600, 0, 599, 601, 0, 602, u64::MAX / 2_000_000_000, 603] {
            for _ in 0..10 {
                through += u32::from(limit.try_take_at(Cost::REQUEST, at(now)).is_ok());
            }
        }
        assert!(
            through <= 6,
            "{kind:?}: {through}: once at 600 s and once far ahead"
        );
    }
}

/// Time as tokio's paused timer has it.
#[derive(Clone, Copy)]
struct PausedClock(tokio::time::Instant);

impl Clock for PausedClock {
    fn monotonic(&self) -> Monotonic {
        Monotonic::from_nanos(0) + self.0.elapsed()
    }
    fn timestamp(&self) -> Timestamp {
        Timestamp::from_unix_seconds(1_000) + self.0.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn those_let_go_before_a_block_ends_are_spread_and_the_old_end_says_nothing() {
    let clock = PausedClock(tokio::time::Instant::now());
    let config = RateLimitConfig::default();
    let limit = RateLimit::with_clock(&config, clock).unwrap();
    limit.block_until(at(60));
    let through = Arc::new(Mutex::new(Vec::new()));
    let spawn = || {
        let (limit, through) = (limit.clone(), Arc::clone(&through));
        tokio::spawn(async move {
            limit.acquire(Cost::REQUEST, None).await.unwrap().keep();
            through.lock().unwrap().push(clock.0.elapsed().as_secs());
        })
    };
    let tasks: Vec<_> = (0..5).map(|_| spawn()).collect();
    tokio::time::sleep(5 * SECOND).await;
    limit.unblock();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(
        *through.lock().unwrap(),
        [5, 7, 9, 11, 13],
        "over the ramp of 10 s"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_over_is_called_so() {
    let slots = ConcurrencyLimit::with_clock(
        &ConcurrencyConfig {
            limit: NonZeroU32::MIN,
            ..Default::default()
        },
        {
            let clock = ManualClock::default();
            clock.advance(9 * SECOND);
            clock
        },
    )
    .unwrap();
    let _held = slots.try_acquire().unwrap();
    let error = slots.acquire(Some(at(3))).await.unwrap_err();
    assert_eq!(error, AcquireError::DeadlinePassed, "{error}");
}

/// A task that somebody may wake.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A timer on a clock that the test moves.
#[derive(Clone, Default)]
struct Timers {
    clock: ManualClock,
    set: Arc<Mutex<Vec<(Monotonic, Waker)>>>,
}

struct Until(Timers, Monotonic);

impl Future for Until {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.clock.monotonic() >= self.1 {
            return Poll::Ready(());
        }
        self.0
            .set
            .lock()
            .expect("valid")
            .push((self.1, cx.waker().clone()));
        Poll::Pending
    }
}

#[async_trait::async_trait]
impl Sleep for Timers {
    async fn sleep(&self, duration: Duration) {
        Until(self.clone(), self.clock.monotonic() + duration).await;
    }
}

impl Timers {
    fn advance(&self, by: Duration) {
        self.clock.advance(by);
        let now = self.clock.monotonic();
        let set = std::mem::take(&mut *self.set.lock().expect("valid"));
        for (until, waker) in set {
            if until <= now {
                waker.wake();
            } else {
                self.set.lock().expect("valid").push((until, waker));
            }
        }
    }
}

type Waiting<T> = Pin<Box<dyn Future<Output = Result<T, AcquireError>>>>;

struct Task<T> {
    flag: Arc<Flag>,
    waiting: Option<Waiting<T>>,
    deadline: Option<Monotonic>,
}

struct Crowd<T> {
    tasks: Vec<Task<T>>,
    held: Vec<T>,
    timers: Timers,
    rng: fastrand::Rng,
}

impl<T> Crowd<T> {
    /// Polls only those who were woken, in any order.
    fn run(&mut self) {
        loop {
            let mut woken: Vec<&mut Task<T>> = self
                .tasks
                .iter_mut()
                .filter(|task| task.waiting.is_some() && task.flag.0.load(Ordering::SeqCst))
                .collect();
            let chosen = self.rng.usize(0..woken.len().max(1));
            let Some(task) = woken.get_mut(chosen) else {
                return;
            };
            task.flag.0.store(false, Ordering::SeqCst);
            let waker = Waker::from(Arc::clone(&task.flag));
            let waiting = task.waiting.as_mut().expect("it waits");
            let polled = waiting.as_mut().poll(&mut Context::from_waker(&waker));
            if let Poll::Ready(result) = polled {
                task.waiting = None;
                self.held.extend(result.ok());
            }
        }
    }

    fn waiting(&self) -> impl Iterator<Item = &Task<T>> {
        self.tasks.iter().filter(|task| task.waiting.is_some())
    }

    fn storm(&mut self, mut join: impl FnMut(Option<Monotonic>, u64) -> Waiting<T>) {
        for _ in 0..60 {
            match self.rng.u32(0..10) {
                0..4 => {
                    let deadline = self
                        .rng
                        .bool()
                        .then(|| self.timers.clock.monotonic() + SECOND * self.rng.u32(0..20));
                    let flag = Arc::new(Flag::default());
                    flag.wake_by_ref();
                    let waiting = Some(join(deadline, self.rng.u64(1..6)));
                    self.tasks.push(Task {
                        flag,
                        waiting,
                        deadline,
                    });
                }
                4 if !self.tasks.is_empty() => {
                    // Gone, woken or not.
                    let chosen = self.rng.usize(0..self.tasks.len());
                    if let Some(task) = self.tasks.get_mut(chosen) {
                        task.waiting = None;
                    }
                }
                5..7 if !self.held.is_empty() => {
                    let chosen = self.rng.usize(0..self.held.len());
                    drop(self.held.swap_remove(chosen));
                }
                7 => self.timers.advance(SECOND * self.rng.u32(0..4)),
                _ => self.run(),
            }
        }
        self.run();
        let now = self.timers.clock.monotonic();
        let late = self
            .waiting()
            .filter(|task| task.deadline.is_some_and(|end| end <= now));
        assert_eq!(late.count(), 0, "nobody waits beyond the deadline");
    }
}

fn crowd<T>(seed: u64) -> Crowd<T> {
    Crowd {
        tasks: Vec::new(),
        held: Vec::new(),
        timers: Timers::default(),
        rng: fastrand::Rng::with_seed(seed),
    }
}

#[test]
fn nobody_who_waits_for_a_slot_is_forgotten_whoever_is_dropped() {
    for seed in 0..400 {
        let mut crowd = crowd(seed);
        let config = ConcurrencyConfig {
            limit: NonZeroU32::new(2).unwrap(),
            ..Default::default()
        };
        let slots = ConcurrencyLimit::with_clock(&config, crowd.timers.clock.clone()).unwrap();
        let timers = crowd.timers.clone();
        crowd.storm(|deadline, _| {
            let (slots, timers) = (slots.clone(), timers.clone());
            Box::pin(async move { slots.acquire_owned_with(&timers, deadline).await })
        });
        while !crowd.held.is_empty() {
            crowd.held.pop();
            crowd.run();
        }
        assert_eq!(
            (crowd.waiting().count(), slots.waiting(), slots.in_use()),
            (0, 0, 0),
            "seed {seed}"
        );
    }
}

#[test]
fn nobody_who_waits_for_tokens_is_forgotten_whoever_is_dropped() {
    for seed in 0..400 {
        let mut crowd = crowd(seed);
        let window = RateWindow::per_minute(LimitedResource::Tokens, 60).burst(10);
        let requests = RateWindow::per_minute(LimitedResource::Requests, 30);
        let config = RateLimitConfig::default().window(window).window(requests);
        let limit = RateLimit::with_clock(&config, crowd.timers.clock.clone()).unwrap();
        let timers = crowd.timers.clone();
        crowd.storm(|deadline, tokens| {
            let (limit, timers) = (limit.clone(), timers.clone());
            if tokens == 1 {
                limit.block_until(timers.clock.monotonic() + 2 * SECOND);
            }
            let cost = Cost::REQUEST.input(tokens);
            Box::pin(async move { limit.acquire_owned_with(&timers, cost, deadline).await })
        });
        for _ in 0..400 {
            crowd.timers.advance(SECOND);
            crowd.run();
        }
        assert_eq!(
            (crowd.waiting().count(), limit.waiting()),
            (0, 0),
            "seed {seed}"
        );
        crowd.held.clear();
        crowd.timers.advance(600 * SECOND);
        let now = crowd.timers.clock.monotonic();
        let left: Vec<u64> = limit
            .status_at(now)
            .map(|window| window.remaining)
            .collect();
        assert_eq!(left, [10, 30], "seed {seed}");
    }
}

/// A waker whose end asks the limit for something, as that of an executor does which drops a task with
/// its last waker.
struct Asking(RateLimit);

impl Wake for Asking {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Asking {
    fn drop(&mut self) {
        let _ = self.0.try_take_at(Cost::REQUEST, at(0));
    }
}

#[test]
fn a_waker_that_is_replaced_may_ask_the_limit_as_it_goes() {
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let limit = limit(RateWindow::per_minute(LimitedResource::Requests, 1));
        limit.try_take_at(Cost::REQUEST, at(0)).unwrap();
        let timers = Timers::default();
        let first = Waker::from(Arc::new(Asking(limit.clone())));
        let mut waiting = Box::pin(limit.acquire_with(&timers, Cost::REQUEST, None));
        assert!(
            waiting
                .as_mut()
                .poll(&mut Context::from_waker(&first))
                .is_pending()
        );
        timers.set.lock().unwrap().clear();
        drop(first);
        let polled = waiting
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        done.send(()).unwrap();
    });
    // Waits only where the thread above is stuck for good.
    assert!(
        finished.recv_timeout(5 * SECOND).is_ok(),
        "stuck on its own lock"
    );
}
