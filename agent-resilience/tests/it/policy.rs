//! All stages around one call: their order, what they give back, and what each is told.

use std::future::{Future, pending};
use std::num::{NonZeroU16, NonZeroU32};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use agent_primitives::{
    Attempt, BreakerState, Clock, Event, FailureKind, ManualClock, Monotonic, ProviderId,
    Retry as Pausing, Stamp, Timestamp, TokenUsage,
};
use agent_resilience::classify::{Classify, LimitedResource, Verdict, When};
use agent_resilience::{
    AcquireError, Backoff, BreakerConfig, CircuitBreaker, ConcurrencyLimit, Cost, FailedTry,
    GiveUp, Policy, PolicyError, RateLimit, RateLimitConfig, RateWindow, Refusal, Retry,
    RetryBudget, RetryBudgetConfig, RetryPolicy,
};

const SECOND: Duration = Duration::from_secs(1);

/// One policy with every stage, on one clock, and handles to look into the stages with.
struct Stand {
    policy: Policy,
    clock: ManualClock,
    rate: RateLimit,
    concurrency: ConcurrencyLimit,
    breaker: CircuitBreaker,
    budget: RetryBudget,
}

impl Stand {
    /// 1000 tokens a minute, 2 calls at a time, a breaker that opens at the 2nd failure in a row.
    fn new() -> Self {
        let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_000));
        let tokens = RateWindow::per_minute(LimitedResource::Tokens, 1_000);
        let config = RateLimitConfig::default().window(tokens);
        let rate = RateLimit::with_clock(&config, clock.clone()).unwrap();
        let concurrency = ConcurrencyLimit::fixed(NonZeroU32::new(2).unwrap());
        let breaker = CircuitBreaker::new(
            ProviderId::new("groq").unwrap(),
            BreakerConfig {
                consecutive_failures: NonZeroU16::new(2),
                failure_rate: None,
                ..BreakerConfig::default()
            },
        )
        .clock(clock.clone());
        let budget = RetryBudget::new(RetryBudgetConfig {
            percent: 0,
            min_per_second: 1,
            ..RetryBudgetConfig::default()
        });
        let retry = Retry::new(Backoff::constant(SECOND)).seed(7);
        let policy = Policy::new(retry)
            .clock(clock.clone())
            .rate_limit(rate.clone())
            .concurrency(concurrency.clone())
            .breaker(breaker.clone())
            .retry_budget(budget.clone());
        Self {
            policy,
            clock,
            rate,
            concurrency,
            breaker,
            budget,
        }
    }

    fn tokens_left(&self) -> u64 {
        let now = self.clock.monotonic();
        self.rate.status_at(now).next().unwrap().remaining
    }

    /// Tokens, slots under way, retries in the budget.
    fn holdings(&self) -> (u64, u32, u64) {
        (
            self.tokens_left(),
            self.concurrency.in_use(),
            self.budget.available(),
        )
    }
}

fn overloaded() -> Verdict {
    Verdict::new(FailureKind::Overloaded)
}

/// Time as tokio simulates it.
#[derive(Clone, Copy)]
struct Paused(tokio::time::Instant);

impl Clock for Paused {
    fn monotonic(&self) -> Monotonic {
        Monotonic::default() + self.0.elapsed()
    }
    fn timestamp(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + self.0.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn callers_who_are_told_the_same_moment_come_back_one_after_the_other() {
    let clock = Paused(tokio::time::Instant::now());
    let rate = RateLimit::with_clock(&RateLimitConfig::default(), clock).unwrap();
    let patient = RetryPolicy {
        longest_hint: SECOND * 90,
        ..RetryPolicy::default()
    };
    let retry = Retry::default().with_policy(patient).seed(7);
    let policy = Policy::new(retry).clock(clock).rate_limit(rate);
    let told = Verdict::new(FailureKind::RateLimited).retry_after(When::In(SECOND * 60));
    let calls = (0..50).map(|_| {
        policy.run(Cost::REQUEST, |attempt| {
            let told = told.clone();
            async move {
                // All are under way before the first of them is told.
                tokio::time::sleep(Duration::from_millis(10)).await;
                match attempt.number {
                    1 => Err(told),
                    _ => Ok(clock.0.elapsed()),
                }
            }
        })
    });
    let back = futures_util::future::join_all(calls).await;
    let after = |came: Duration| came.checked_sub(SECOND * 60).expect("not before");
    let seconds: Vec<u64> = back
        .into_iter()
        .map(|came| after(came.unwrap()).as_secs())
        .collect();
    for second in 0..10 {
        let came = seconds.iter().filter(|at| **at == second).count();
        assert_eq!(came, 5, "second {second} of a ramp of 10");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_passes_every_stage_and_is_settled_with_its_usage() {
    let stand = Stand::new();
    let held = stand
        .policy
        .run(Cost::REQUEST.input(500).output(300), |attempt| {
            let during = (stand.tokens_left(), stand.concurrency.in_use());
            async move { Ok::<_, Verdict>((attempt.number, during)) }
        })
        .settle(|_| Some(TokenUsage::new(450, 20)))
        .await
        .unwrap();
    assert_eq!(held, (1, (200, 1)), "reserved while it ran");
    assert_eq!(stand.holdings().0, 530, "what was not used came back");
    assert_eq!(stand.concurrency.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_usage_the_estimate_stands() {
    let stand = Stand::new();
    let run = stand
        .policy
        .run(Cost::REQUEST.input(500), |_| async { Ok::<_, Verdict>(()) });
    run.await.unwrap();
    assert_eq!(stand.tokens_left(), 500);
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_admitted_and_counted_anew() {
    let stand = Stand::new();
    let seen = stand
        .policy
        .run(Cost::REQUEST.input(100), |attempt| {
            let left = stand.tokens_left();
            async move {
                if attempt.number == 1 {
                    return Err(overloaded());
                }
                Ok((attempt.number, left))
            }
        })
        .await
        .unwrap();
    assert_eq!(seen, (2, 800), "the failed attempt counts as well");
    assert_eq!(stand.breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_gives_tokens_and_slot_back_and_is_not_waited_for() {
    let stand = Stand::new();
    stand.breaker.isolate();
    let before = stand.holdings();
    let error = stand
        .policy
        .run(Cost::REQUEST.input(500), |_| async { Ok::<_, Verdict>(()) })
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        PolicyError::Refused {
            by: Refusal::Breaker(_),
            attempts: 0,
            last: None
        }
    ));
    assert_eq!(stand.holdings(), before);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_opens_between_attempts_ends_the_run_with_the_last_failure() {
    let stand = Stand::new();
    let policy = stand
        .policy
        .clone()
        .retry(Retry::new(Backoff::constant(SECOND)).max_attempts(NonZeroU32::new(5).unwrap()));
    let error = policy
        .run(Cost::REQUEST, |_| async { Err::<(), _>(overloaded()) })
        .await
        .unwrap_err();
    assert_eq!(error.attempts(), 2);
    assert_eq!(error.verdict().unwrap().kind, FailureKind::Overloaded);
    assert_eq!(
        error.to_string(),
        "not called again after 2 attempts: the circuit breaker is open, try again in 30s"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_request_alone_leaves_the_breaker_closed_and_is_not_repeated() {
    let stand = Stand::new();
    for _ in 0..5 {
        let error = stand
            .policy
            .run(Cost::REQUEST, |_| async {
                Err::<(), _>(Verdict::new(FailureKind::ContextTooLong))
            })
            .await
            .unwrap_err();
        let PolicyError::Failed(error) = error else {
            panic!("{error}")
        };
        assert_eq!((error.attempts, error.reason), (1, GiveUp::NotRetryable));
    }
    assert_eq!(stand.breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_one_call_meets_holds_back_the_others() {
    let stand = Stand::new();
    let limited = Verdict::new(FailureKind::RateLimited).retry_after(When::In(30 * SECOND));
    let run = stand
        .policy
        .run(Cost::REQUEST, |_| async { Err::<(), _>(limited.clone()) });
    let error = run.await.unwrap_err();
    let PolicyError::Failed(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.reason, GiveUp::HintTooLong(30 * SECOND));

    let error = stand
        .policy
        .run(Cost::REQUEST, |_| async { Ok::<_, Verdict>(()) })
        .within(5 * SECOND)
        .await
        .unwrap_err();
    let PolicyError::Refused {
        by: by @ Refusal::RateLimit(AcquireError::TooLate { .. }),
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(by.retry_in(), Some(30 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_cost_that_never_fits_is_refused_at_once() {
    let stand = Stand::new();
    let error = stand
        .policy
        .run(Cost::REQUEST.input(5_000), |_| async {
            Ok::<_, Verdict>(())
        })
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        PolicyError::Refused {
            by: Refusal::RateLimit(AcquireError::TooLarge(_)),
            ..
        }
    ));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_dropped_and_counts_against_the_breaker() {
    let stand = Stand::new();
    let policy = stand.policy.clone().attempt_timeout(3 * SECOND);
    let calls = AtomicU64::new(0);
    let error = policy
        .run(Cost::REQUEST, |_| {
            calls.fetch_add(1, Ordering::Relaxed);
            pending::<Result<(), Verdict>>()
        })
        .await
        .unwrap_err();
    assert_eq!(error.last(), Some(&FailedTry::TimedOut(3 * SECOND)));
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(
        stand.breaker.state(),
        BreakerState::Open,
        "two timeouts in a row"
    );
    assert_eq!(stand.concurrency.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_for_all_of_the_time_counts_against_the_breaker() {
    let stand = Stand::new();
    let policy = stand.policy.clone().attempt_timeout(3 * SECOND);
    for _ in 0..2 {
        let run = policy.run(Cost::REQUEST, |_| pending::<Result<(), Verdict>>());
        let error = run.within(3 * SECOND).once().await.unwrap_err();
        assert_eq!(error.last(), Some(&FailedTry::TimedOut(3 * SECOND)));
    }
    assert_eq!(stand.breaker.state(), BreakerState::Open);
    assert_eq!(stand.concurrency.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_rejected_is_a_failure_for_every_stage() {
    let stand = Stand::new();
    let error = stand
        .policy
        .run(Cost::REQUEST, |_| async { Ok::<_, Verdict>("") })
        .reject(|answer| {
            answer
                .is_empty()
                .then(|| Verdict::new(FailureKind::StreamCut))
        })
        .await
        .unwrap_err();
    assert_eq!(error.verdict().unwrap().kind, FailureKind::StreamCut);
    assert_eq!(stand.breaker.state(), BreakerState::Open);
}

/// Polls `run` once, looks, and drops it.
fn poll_then_drop(run: impl Future, look: impl FnOnce()) {
    let mut run = pin!(run);
    let mut context = Context::from_waker(Waker::noop());
    assert!(run.as_mut().poll(&mut context).is_pending());
    look();
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_under_way_gives_everything_back() {
    let stand = Stand::new();
    let before = stand.holdings();
    let run = stand.policy.run(Cost::REQUEST.input(400), |_| {
        pending::<Result<(), Verdict>>()
    });
    poll_then_drop(run, || assert_eq!(stand.holdings(), (600, 1, before.2)));
    assert_eq!(stand.holdings(), before);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_in_the_token_queue_gives_everything_back() {
    let stand = Stand::new();
    let held = stand
        .rate
        .try_acquire_at(Cost::REQUEST.input(900), stand.clock.monotonic())
        .unwrap();
    let before = stand.holdings();
    let run = stand
        .policy
        .run(Cost::REQUEST.input(200), |_| async { Ok::<_, Verdict>(()) });
    poll_then_drop(run, || assert_eq!(stand.rate.waiting(), 1));
    assert_eq!((stand.holdings(), stand.rate.waiting()), (before, 0));
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_in_the_slot_queue_gives_its_tokens_back() {
    let stand = Stand::new();
    let slots: Vec<_> = (0..2)
        .map(|_| stand.concurrency.try_acquire().unwrap())
        .collect();
    let before = stand.holdings();
    let run = stand
        .policy
        .run(Cost::REQUEST.input(200), |_| async { Ok::<_, Verdict>(()) });
    poll_then_drop(run, || {
        assert_eq!(stand.tokens_left(), 800, "it keeps its place in the order");
        assert_eq!(stand.concurrency.waiting(), 1);
    });
    assert_eq!((stand.holdings(), stand.concurrency.waiting()), (before, 0));
    drop(slots);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_during_its_pause_gives_the_retry_back() {
    let stand = Stand::new();
    let before = stand.budget.available();
    let run = stand
        .policy
        .run(Cost::REQUEST, |_| async { Err::<(), _>(overloaded()) });
    poll_then_drop(run, || {
        assert_eq!(stand.budget.available(), before - 1);
        assert_eq!(stand.concurrency.in_use(), 0, "nobody pauses in a slot");
    });
    assert_eq!(stand.budget.available(), before);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_probe_leaves_the_breaker_free_for_another() {
    let stand = Stand::new();
    for _ in 0..2 {
        stand
            .breaker
            .admit()
            .unwrap()
            .failure_at(&overloaded(), stand.clock.monotonic());
    }
    stand.clock.advance(30 * SECOND);
    let run = stand
        .policy
        .run(Cost::REQUEST, |_| pending::<Result<(), Verdict>>());
    poll_then_drop(run, || assert!(!stand.breaker.would_admit()));
    assert!(stand.breaker.would_admit());
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_operation_gives_everything_back() {
    let stand = Stand::new();
    let before = stand.holdings();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let run = stand.policy.run(Cost::REQUEST.input(100), |_| async {
            assert_ne!(stand.tokens_left(), 900, "the operation is broken");
            Ok::<_, Verdict>(())
        });
        let _ = pin!(run)
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
    }));
    assert!(caught.is_err());
    assert_eq!(stand.holdings(), before);
}

/// Counts how often somebody asks for the time.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicU64>);

impl Clock for Counted {
    fn monotonic(&self) -> Monotonic {
        self.0.fetch_add(1, Ordering::Relaxed);
        Monotonic::from_nanos(0)
    }
    fn timestamp(&self) -> Timestamp {
        self.0.fetch_add(1, Ordering::Relaxed);
        Timestamp::UNIX_EPOCH
    }
}

#[tokio::test(start_paused = true)]
async fn a_ready_call_under_all_stages_reads_the_clock_once() {
    let clock = Counted::default();
    let tokens = RateWindow::per_minute(LimitedResource::Tokens, 1_000);
    let config = RateLimitConfig::default().window(tokens);
    let breaker = CircuitBreaker::new(ProviderId::new("groq").unwrap(), BreakerConfig::default());
    let policy = Policy::default()
        .clock(clock.clone())
        .rate_limit(RateLimit::with_clock(&config, clock.clone()).unwrap())
        .concurrency(ConcurrencyLimit::fixed(NonZeroU32::MIN))
        .breaker(breaker.clock(clock.clone()))
        .retry_budget(RetryBudget::default())
        .attempt_timeout(SECOND);
    let before = clock.0.load(Ordering::Relaxed);
    let run = policy
        .run(Cost::REQUEST.input(9), |_| async { Ok::<_, Verdict>(()) })
        .settle(|()| Some(TokenUsage::new(5, 1)));
    run.await.unwrap();
    assert_eq!(clock.0.load(Ordering::Relaxed) - before, 1);
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_left_in_the_order_of_arrival() {
    let stand = Stand::new();
    let order = std::sync::Mutex::new(Vec::new());
    let one = |name: &'static str| {
        let (policy, order) = (&stand.policy, &order);
        async move {
            policy
                .run(Cost::REQUEST, |_| async move {
                    order.lock().unwrap().push(name);
                    tokio::time::sleep(SECOND).await;
                    Ok::<_, Verdict>(())
                })
                .await
        }
    };
    let (a, b, c, d) = tokio::join!(one("a"), one("b"), one("c"), one("d"));
    for result in [a, b, c, d] {
        result.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), ["a", "b", "c", "d"]);
    assert_eq!(stand.concurrency.in_use(), 0);
}

#[test]
fn a_policy_and_its_runs_can_be_sent_to_other_threads() {
    fn sent<T: Send>(_: &T) {}
    let stand = Stand::new();
    sent(&stand.policy);
    sent(
        &stand
            .policy
            .run(Cost::REQUEST, |_| async { Ok::<_, Verdict>(()) }),
    );
    assert_eq!(overloaded().verdict().kind, FailureKind::Overloaded);
}

#[tokio::test(start_paused = true)]
async fn an_observer_hears_of_every_attempt_and_of_the_retry_between_them() {
    let stand = Stand::new();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let policy = stand.policy.clone().observer(
        ProviderId::new("groq").unwrap(),
        move |_: Stamp<'_>, event: &Event| sink.lock().unwrap().push(event.clone()),
    );
    policy
        .run(Cost::REQUEST, |attempt| async move {
            if attempt.number == 1 {
                return Err(overloaded());
            }
            Ok(())
        })
        .await
        .unwrap();
    let groq = ProviderId::new("groq").unwrap();
    let failed = Attempt::new(groq.clone(), 1, Duration::ZERO).failed(FailureKind::Overloaded);
    let pause = Pausing::new(groq.clone(), 2, SECOND, FailureKind::Overloaded);
    let answered = Attempt::new(groq, 2, Duration::ZERO);
    assert_eq!(
        *seen.lock().unwrap(),
        [failed.into(), pause.into(), Event::from(answered)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_with_little_time_says_nothing_against_the_provider() {
    let stand = Stand::new();
    let policy = stand.policy.clone().attempt_timeout(60 * SECOND);
    for _ in 0..3 {
        let run = policy.run(Cost::REQUEST, |_| pending::<Result<(), Verdict>>());
        let error = run.within(SECOND).await.unwrap_err();
        assert_eq!(error.last(), Some(&FailedTry::TimedOut(SECOND)));
    }
    assert_eq!(stand.breaker.state(), BreakerState::Closed);
    assert_eq!(stand.concurrency.in_use(), 0);
}
