//! What a policy tells its stages, and what its limits cover.

use std::future::pending;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_primitives::{
    BreakerState, Clock, Event, FailureKind, Monotonic, ProviderId, Scope, Stamp, Timestamp,
};
use agent_resilience::classify::{LimitSnapshot, LimitWindow, LimitedResource, Verdict, When};
use agent_resilience::{
    AdaptiveConfig, Backoff, BreakerConfig, CircuitBreaker, ClearTimes, ConcurrencyConfig,
    ConcurrencyLimit, Cost, Policy, RateLimit, RateLimitConfig, RateWindow, Retry, RetryPolicy,
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

/// One attempt.
fn once() -> Policy {
    let policy = RetryPolicy {
        max_attempts: NonZeroU32::MIN,
        ..RetryPolicy::default()
    };
    Policy::new(Retry::default().with_policy(policy))
}

fn tokens(clock: PausedClock) -> RateLimit {
    let window = RateWindow::per_minute(LimitedResource::Tokens, 1_000);
    RateLimit::with_clock(&RateLimitConfig::default().window(window), clock).expect("valid")
}

fn slots(limit: u32, adaptive: Option<AdaptiveConfig>, clock: PausedClock) -> ConcurrencyLimit {
    let config = ConcurrencyConfig {
        limit: NonZeroU32::new(limit).expect("valid"),
        adaptive,
        ..ConcurrencyConfig::default()
    };
    ConcurrencyLimit::with_clock(&config, clock).expect("valid")
}

fn remaining(rate: &RateLimit) -> u64 {
    let now = rate.clock().monotonic();
    rate.status_at(now).next().expect("valid").remaining
}

fn overloaded() -> Verdict {
    Verdict::new(FailureKind::Overloaded)
}

#[tokio::test(start_paused = true)]
async fn what_a_failure_says_about_limits_is_taken_over() {
    let clock = PausedClock::new();
    let rate = tokens(clock);
    let mut window = LimitWindow::new(LimitedResource::Tokens);
    (window.limit, window.remaining) = (Some(1_000), Some(5));
    let mut verdict = overloaded();
    verdict.limits = LimitSnapshot::NONE;
    verdict.limits.push(window);
    let policy = once().clock(clock).rate_limit(rate.clone());
    let run = policy.run(Cost::REQUEST, |_| async { Err::<(), _>(verdict.clone()) });
    run.await.unwrap_err();
    assert_eq!(remaining(&rate), 5);
}

#[tokio::test(start_paused = true)]
async fn a_hint_for_one_request_does_not_hold_back_the_others() {
    let clock = PausedClock::new();
    let rate = tokens(clock);
    let policy = once().clock(clock).rate_limit(rate.clone());
    for (scope, blocked) in [(Scope::Request, 0), (Scope::Model, 30)] {
        let verdict = Verdict::new(FailureKind::RateLimited)
            .scope(scope)
            .retry_after(When::In(30 * SECOND));
        let run = policy.run(Cost::REQUEST, |_| async { Err::<(), _>(verdict.clone()) });
        run.await.unwrap_err();
        assert_eq!(rate.blocked_for(clock.monotonic()), blocked * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_limit_hears_of_success_and_of_overload() {
    let clock = PausedClock::new();
    let adaptive = AdaptiveConfig {
        smoothing: 1.0,
        ..AdaptiveConfig::default()
    };
    let slots = slots(1, Some(adaptive), clock);
    let policy = once().clock(clock).concurrency(slots.clone());
    let run = policy.run(Cost::REQUEST, |_| async { Ok::<_, Verdict>(()) });
    run.await.unwrap();
    assert_eq!(slots.limit(), 5, "by the headroom of 4");
    let run = policy.run(Cost::REQUEST, |_| async { Err::<(), _>(overloaded()) });
    run.await.unwrap_err();
    assert_eq!(slots.limit(), 4, "nine tenths");
}

#[tokio::test(start_paused = true)]
async fn the_time_of_an_attempt_begins_after_the_queue() {
    let clock = PausedClock::new();
    let slots = slots(1, None, clock);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let policy = once().clock(clock).concurrency(slots.clone()).observer(
        groq(),
        move |_: Stamp<'_>, event: &Event| {
            if let Event::Attempt(attempt) = event {
                sink.lock().unwrap().push(attempt.elapsed);
            }
        },
    );
    let held = slots.try_acquire_owned().unwrap();
    tokio::spawn(async move {
        tokio::time::sleep(5 * SECOND).await;
        drop(held);
    });
    let run = policy.run(Cost::REQUEST, |_| async {
        tokio::time::sleep(2 * SECOND).await;
        Ok::<_, Verdict>(())
    });
    run.await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [2 * SECOND]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_deadline_cuts_has_been_made_and_has_failed() {
    let clock = PausedClock::new();
    let rate = tokens(clock);
    let config = BreakerConfig {
        consecutive_failures: NonZeroU16::new(1),
        ..BreakerConfig::default()
    };
    let breaker = CircuitBreaker::new(groq(), config).clock(clock);
    let policy = Policy::default()
        .clock(clock)
        .rate_limit(rate.clone())
        .breaker(breaker.clone())
        .total(5 * SECOND);
    let run = policy
        .run(Cost::REQUEST.input(600), |_| {
            pending::<Result<(), Verdict>>()
        })
        .within(60 * SECOND);
    let error = run.await.unwrap_err();
    assert_eq!(error.attempts(), 1);
    assert_eq!(clock.0.elapsed(), 5 * SECOND, "the sooner of both limits");
    assert_eq!(breaker.state(), BreakerState::Open);
    assert_eq!(remaining(&rate), 483, "600 less what 5 s give back");
}

#[tokio::test(start_paused = true)]
async fn what_is_learned_is_how_long_a_failure_took_to_clear() {
    let clock = PausedClock::new();
    let times = ClearTimes::default();
    let retry = Retry::new(Backoff::constant(SECOND)).learning(times.clone(), groq());
    let policy = Policy::new(retry).clock(clock);
    policy
        .run(Cost::REQUEST, |attempt| async move {
            if attempt.number == 1 {
                return Err(overloaded());
            }
            Ok(())
        })
        .await
        .unwrap();
    assert!(!times.is_waiting(), "the success was told");
}

/// Notes how many slots are in use when it is dropped.
struct Goodbye<'a>(&'a ConcurrencyLimit, &'a AtomicU32);

impl Drop for Goodbye<'_> {
    fn drop(&mut self) {
        self.1.store(self.0.in_use(), Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cut_is_gone_before_its_slot_is_free() {
    let clock = PausedClock::new();
    let slots = slots(1, None, clock);
    let at_the_end = AtomicU32::new(99);
    let policy = once()
        .clock(clock)
        .concurrency(slots.clone())
        .attempt_timeout(SECOND);
    let run = policy.run(Cost::REQUEST, |_| {
        let call = Goodbye(&slots, &at_the_end);
        async move {
            let _call = call;
            pending::<Result<(), Verdict>>().await
        }
    });
    run.await.unwrap_err();
    assert_eq!((at_the_end.load(Ordering::Relaxed), slots.in_use()), (1, 0));
}
