//! A policy under attack: what it must not lose, count twice or hold on to.

use std::future::{Future, pending};
use std::num::{NonZeroU16, NonZeroU32};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use agent_primitives::{
    BreakerState, Clock, Event, FailureKind, ManualClock, Monotonic, ProviderId, Stamp, Timestamp,
    TokenUsage,
};
use agent_resilience::classify::{LimitedResource, Verdict};
use agent_resilience::{
    Backoff, BreakerConfig, CircuitBreaker, ConcurrencyConfig, ConcurrencyLimit, Cost, Deadline,
    Policy, PolicyError, RateLimit, RateLimitConfig, RateWindow, Refusal, Retry, RetryBudget,
    RetryBudgetConfig, RetryPolicy,
};

const SECOND: Duration = Duration::from_secs(1);

/// Time as tokio's paused timer has it.
#[derive(Debug, Clone, Copy)]
struct PausedClock(tokio::time::Instant);

impl PausedClock {
    fn new() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Clock for PausedClock {
    fn monotonic(&self) -> Monotonic {
        Monotonic::from_nanos(0) + self.0.elapsed()
    }
    fn timestamp(&self) -> Timestamp {
        Timestamp::from_unix_seconds(1_000) + self.0.elapsed()
    }
}

fn groq() -> ProviderId {
    ProviderId::new("groq").expect("valid")
}

/// Opens at the second failure in a row.
fn breaker(clock: impl Clock + 'static) -> CircuitBreaker {
    let config = BreakerConfig {
        consecutive_failures: NonZeroU16::new(2),
        failure_rate: None,
        ..BreakerConfig::default()
    };
    CircuitBreaker::new(groq(), config).clock(clock)
}

fn rate(window: RateWindow, clock: impl Clock + 'static) -> RateLimit {
    RateLimit::with_clock(&RateLimitConfig::default().window(window), clock).expect("valid")
}

fn remaining(rate: &RateLimit) -> u64 {
    let now = rate.clock().monotonic();
    rate.status_at(now).next().expect("valid").remaining
}

/// One call at a time.
fn one_slot(clock: impl Clock + 'static) -> ConcurrencyLimit {
    let config = ConcurrencyConfig {
        limit: NonZeroU32::MIN,
        ..ConcurrencyConfig::default()
    };
    ConcurrencyLimit::with_clock(&config, clock).expect("valid")
}

fn overloaded() -> Verdict {
    Verdict::new(FailureKind::Overloaded)
}

fn poll_once<F: Future>(run: std::pin::Pin<&mut F>) -> bool {
    run.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_timed_where_nothing_limits_it() {
    let clock = PausedClock::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let unlimited = RetryPolicy {
        total: None,
        ..RetryPolicy::default()
    };
    let policy = Policy::new(Retry::default().with_policy(unlimited))
        .clock(clock)
        .observer(groq(), move |_: Stamp<'_>, event: &Event| {
            if let Event::Attempt(attempt) = event {
                sink.lock().unwrap().push(attempt.elapsed);
            }
        });
    policy
        .run(Cost::REQUEST, |_| async {
            tokio::time::sleep(5 * SECOND).await;
            Ok::<_, Verdict>(())
        })
        .await
        .unwrap();
    assert_eq!(*seen.lock().unwrap(), [5 * SECOND]);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_rests_from_the_end_of_an_attempt_that_nothing_limits() {
    let clock = PausedClock::new();
    let breaker = breaker(clock);
    let unlimited = RetryPolicy {
        total: None,
        max_attempts: NonZeroU32::MIN,
        ..RetryPolicy::default()
    };
    let policy = Policy::new(Retry::default().with_policy(unlimited))
        .clock(clock)
        .breaker(breaker.clone());
    for _ in 0..2 {
        let run = policy.run(Cost::REQUEST, |_| async {
            tokio::time::sleep(20 * SECOND).await;
            Err::<(), _>(overloaded())
        });
        run.await.unwrap_err();
    }
    assert_eq!(breaker.retry_in(), Some(30 * SECOND));
}

fn lean_budget() -> RetryBudget {
    RetryBudget::new(RetryBudgetConfig {
        percent: 0,
        min_per_second: 1,
        ..RetryBudgetConfig::default()
    })
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_dropped_in_a_queue_goes_back_into_the_budget() {
    let clock = PausedClock::new();
    let slots = one_slot(clock);
    let budget = lean_budget();
    let policy = Policy::new(Retry::new(Backoff::constant(SECOND)))
        .clock(clock)
        .concurrency(slots.clone())
        .retry_budget(budget.clone());
    let before = budget.available();
    {
        let mut run = pin!(policy.run(Cost::REQUEST, |_| async { Err::<(), _>(overloaded()) }));
        assert!(!poll_once(run.as_mut()), "pausing");
        let held = slots.try_acquire().unwrap();
        tokio::time::sleep(2 * SECOND).await;
        assert!(!poll_once(run.as_mut()));
        assert_eq!(slots.waiting(), 1);
        assert_eq!(budget.available(), before - 1);
        drop(held);
    }
    assert_eq!(budget.available(), before, "the retry was never made");
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_a_stage_refuses_goes_back_into_the_budget() {
    let clock = PausedClock::new();
    let breaker = breaker(clock);
    let budget = lean_budget();
    let policy = Policy::new(Retry::new(Backoff::constant(SECOND)))
        .clock(clock)
        .breaker(breaker.clone())
        .retry_budget(budget.clone());
    let before = budget.available();
    let run = policy.run(Cost::REQUEST, |_| {
        breaker.isolate();
        async { Err::<(), _>(overloaded()) }
    });
    let error = run.await.unwrap_err();
    assert!(matches!(error, PolicyError::Refused { attempts: 1, .. }));
    assert_eq!(budget.available(), before);
}

#[tokio::test(start_paused = true)]
async fn calls_that_were_never_made_earn_no_retries() {
    let clock = PausedClock::new();
    let breaker = breaker(clock);
    let budget = RetryBudget::new(RetryBudgetConfig {
        percent: 100,
        min_per_second: 0,
        ..RetryBudgetConfig::default()
    });
    let policy = Policy::default()
        .clock(clock)
        .breaker(breaker.clone())
        .retry_budget(budget.clone());
    breaker.isolate();
    for _ in 0..50 {
        let run = policy.run(Cost::REQUEST, |_| async { Ok::<_, Verdict>(()) });
        run.await.unwrap_err();
    }
    assert!(budget.withdraw(clock.monotonic()).is_none());
    breaker.close();
    let run = policy.run(Cost::REQUEST, |_| async { Ok::<_, Verdict>(()) });
    run.await.unwrap();
    assert!(budget.withdraw(clock.monotonic()).is_some());
}

#[tokio::test(start_paused = true)]
async fn settling_tokens_leaves_the_requests_as_they_were_reserved() {
    let clock = ManualClock::default();
    let requests = rate(
        RateWindow::per_minute(LimitedResource::Requests, 10),
        clock.clone(),
    );
    let policy = Policy::default().clock(clock).rate_limit(requests.clone());
    let three = Cost {
        requests: 3,
        ..Cost::ZERO
    };
    policy
        .run(three, |_| async { Ok::<_, Verdict>(()) })
        .settle(|()| Some(TokenUsage::new(5, 1)))
        .await
        .unwrap();
    assert_eq!(remaining(&requests), 7);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_deadline_is_over_is_not_made_and_is_nobodys_failure() {
    let clock = PausedClock::new();
    let breaker = breaker(clock);
    let tokens = rate(RateWindow::per_minute(LimitedResource::Tokens, 100), clock);
    let policy = Policy::default()
        .clock(clock)
        .rate_limit(tokens.clone())
        .breaker(breaker.clone());
    let calls = AtomicU32::new(0);
    for _ in 0..3 {
        let error = policy
            .run(Cost::REQUEST.input(10), |_| {
                calls.fetch_add(1, Ordering::Relaxed);
                pending::<Result<(), Verdict>>()
            })
            .within(Deadline::at(clock.monotonic()))
            .await
            .unwrap_err();
        assert!(
            matches!(error, PolicyError::Refused { attempts: 0, .. }),
            "{error}"
        );
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert_eq!(remaining(&tokens), 100);
}

#[tokio::test(start_paused = true)]
async fn a_call_let_in_at_its_deadline_is_not_made() {
    let clock = PausedClock::new();
    let slots = one_slot(clock);
    let all = slots.try_acquire().unwrap();
    let policy = Policy::default().clock(clock).concurrency(slots.clone());
    let calls = AtomicU32::new(0);
    let mut run = pin!(
        policy
            .run(Cost::REQUEST, |_| {
                calls.fetch_add(1, Ordering::Relaxed);
                async { Ok::<_, Verdict>(()) }
            })
            .within(SECOND)
    );
    assert!(!poll_once(run.as_mut()));
    tokio::time::sleep(SECOND).await;
    drop(all);
    assert!(run.await.is_err());
    assert_eq!((calls.load(Ordering::Relaxed), slots.in_use()), (0, 0));
}

/// Notes how many slots are in use when it is dropped.
struct Goodbye<'a>(&'a ConcurrencyLimit, &'a AtomicU32);

impl Drop for Goodbye<'_> {
    fn drop(&mut self) {
        self.1.store(self.0.in_use(), Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_gone_before_its_slot_is_free() {
    let slots = ConcurrencyLimit::fixed(NonZeroU32::MIN);
    let at_the_end = AtomicU32::new(99);
    let policy = Policy::default().concurrency(slots.clone());
    {
        let mut run = pin!(policy.run(Cost::REQUEST, |_| {
            let call = Goodbye(&slots, &at_the_end);
            async move {
                let _call = call;
                pending::<Result<(), Verdict>>().await
            }
        }));
        assert!(!poll_once(run.as_mut()));
    }
    assert_eq!(at_the_end.load(Ordering::Relaxed), 1);
    assert_eq!(slots.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_queues_in_front_of_an_open_breaker() {
    let clock = PausedClock::new();
    let breaker = breaker(clock);
    breaker.isolate();
    let tokens = rate(RateWindow::per_minute(LimitedResource::Tokens, 100), clock);
    let slots = one_slot(clock);
    let policy = Policy::default()
        .clock(clock)
        .rate_limit(tokens.clone())
        .concurrency(slots.clone())
        .breaker(breaker);
    let run = || policy.run(Cost::REQUEST.input(10), |_| async { Ok::<_, Verdict>(()) });
    let slot = slots.try_acquire().unwrap();
    for blocked in [false, true] {
        if blocked {
            tokens.block_until(clock.monotonic() + 60 * SECOND);
        }
        let error = run().await.unwrap_err();
        assert!(
            matches!(
                error,
                PolicyError::Refused {
                    by: Refusal::Breaker(_),
                    ..
                }
            ),
            "{error}"
        );
        assert_eq!(clock.0.elapsed(), Duration::ZERO, "nobody waited");
        assert_eq!(remaining(&tokens), 100);
    }
    drop(slot);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_opens_while_a_call_queues_refuses_it_and_keeps_nothing() {
    let clock = PausedClock::new();
    let breaker = breaker(clock);
    let tokens = rate(RateWindow::per_minute(LimitedResource::Tokens, 100), clock);
    let slots = one_slot(clock);
    let policy = Policy::default()
        .clock(clock)
        .rate_limit(tokens.clone())
        .concurrency(slots.clone())
        .breaker(breaker.clone());
    let slot = slots.try_acquire().unwrap();
    let mut run = pin!(policy.run(Cost::REQUEST.input(10), |_| async { Ok::<_, Verdict>(()) }));
    assert!(!poll_once(run.as_mut()));
    assert_eq!((remaining(&tokens), slots.waiting()), (90, 1));
    breaker.isolate();
    drop(slot);
    let error = run.await.unwrap_err();
    assert!(matches!(
        error,
        PolicyError::Refused {
            by: Refusal::Breaker(_),
            ..
        }
    ));
    assert_eq!((remaining(&tokens), slots.in_use()), (100, 0));
}

#[tokio::test]
async fn a_fleet_spawns_runs_that_borrow_their_requests() {
    struct Client;
    impl Client {
        async fn send(&self, request: &str) -> Result<String, Verdict> {
            tokio::task::yield_now().await;
            Ok(request.to_uppercase())
        }
    }
    let policy = Arc::new(
        Policy::default()
            .concurrency(ConcurrencyLimit::fixed(NonZeroU32::new(2).unwrap()))
            .breaker(CircuitBreaker::new(groq(), BreakerConfig::default())),
    );
    let client = Arc::new(Client);
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let (policy, client) = (Arc::clone(&policy), Arc::clone(&client));
            tokio::spawn(async move {
                let request = format!("hello {number}");
                let mut pauses = 0;
                policy
                    .run(Cost::REQUEST, |_| client.send(&request))
                    .settle(|answer| Some(TokenUsage::new(1, answer.len() as u64)))
                    .reject(|answer: &String| answer.is_empty().then(overloaded))
                    .notify(|_| pauses += 1)
                    .within(60 * SECOND)
                    .await
            })
        })
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap().unwrap(), format!("HELLO {number}"));
    }
}
