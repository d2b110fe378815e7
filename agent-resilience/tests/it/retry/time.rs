//! Timeouts, deadlines and cancelling, on tokio's paused time.

use std::future::{pending, ready};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use agent_primitives::{Clock, FailureKind, Monotonic};
use agent_resilience::classify::{Classify, Evidence, Verdict};
use agent_resilience::{
    Backoff, ClearTimes, Deadline, FailedTry, GiveUp, Retry, RetryBudget, RetryBudgetConfig,
    TimeLimit,
};

use super::stage::{PausedTime, SECOND, at, hinted, ms, overloaded, policy};

fn retry(attempts: u32, time: &PausedTime) -> Retry {
    Retry::with_sleep(policy(attempts), time.clone()).clock(time.clone())
}

fn count(counter: &AtomicU32) -> u32 {
    counter.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn success_at_once_reads_no_clock_and_arms_no_timer() {
    let time = PausedTime::new();
    let retry = retry(3, &time)
        .attempt_timeout(SECOND)
        .total(60 * SECOND)
        .budget(RetryBudget::default())
        .learning(ClearTimes::default(), "groq".parse().expect("a valid name"));
    for _ in 0..100 {
        retry
            .run(|_| ready(Ok::<_, Verdict>(())))
            .within(SECOND)
            .await
            .unwrap();
    }
    assert_eq!((count(&time.read), count(&time.armed)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_is_cut_and_made_again() {
    let time = PausedTime::new();
    let retry = retry(3, &time).attempt_timeout(10 * SECOND);
    let answer = retry
        .run(|attempt| async move {
            if attempt.number < 3 {
                pending::<()>().await;
            }
            Ok::<_, Verdict>(attempt.number)
        })
        .await;
    assert_eq!(answer.unwrap(), 3);
    assert_eq!(time.passed(), ms(10_000 + 100 + 10_000 + 200));
}

#[tokio::test(start_paused = true)]
async fn a_cut_attempt_has_failed_with_a_timeout() {
    let time = PausedTime::new();
    let mut told = Vec::new();
    let error = retry(2, &time)
        .attempt_timeout(3 * SECOND)
        .run(|_| pending::<Result<(), Verdict>>())
        .notify(|pause| told.push((pause.verdict.kind, pause.verdict.evidence)))
        .await
        .unwrap_err();
    assert_eq!(told, [(FailureKind::Timeout, Evidence::Transport)]);
    assert_eq!((error.attempts, error.reason), (2, GiveUp::AttemptsUsedUp));
    assert_eq!(error.last, FailedTry::TimedOut(3 * SECOND));
    assert_eq!(error.verdict().kind, FailureKind::Timeout);
    let text = "failed after 2 attempts: all attempts used up; no answer within 3s";
    assert_eq!(error.to_string(), text);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_ends_in_time_is_not_cut() {
    let time = PausedTime::new();
    let retry = retry(1, &time).attempt_timeout(10 * SECOND);
    let slow = || async {
        tokio::time::sleep(ms(9_999)).await;
        Ok::<_, Verdict>(())
    };
    retry.run(|_| slow()).await.unwrap();
    assert_eq!(time.passed(), ms(9_999));
    assert_eq!(count(&time.armed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_hangs_is_cut_at_its_deadline() {
    let time = PausedTime::new();
    let error = retry(3, &time)
        .total(30 * SECOND)
        .run(|_| pending::<Result<(), Verdict>>())
        .await
        .unwrap_err();
    assert_eq!(time.passed(), 30 * SECOND);
    assert_eq!((error.attempts, error.reason), (1, GiveUp::DeadlinePassed));
    assert_eq!(error.last, FailedTry::TimedOut(30 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_has_what_the_deadline_leaves() {
    let time = PausedTime::new();
    let error = retry(9, &time)
        .attempt_timeout(20 * SECOND)
        .total(30 * SECOND)
        .run(|_| pending::<Result<(), Verdict>>())
        .await
        .unwrap_err();
    assert_eq!(time.passed(), 30 * SECOND);
    assert_eq!((error.attempts, error.reason), (2, GiveUp::DeadlinePassed));
    assert_eq!(
        error.last,
        FailedTry::TimedOut(ms(9_900)),
        "after 20 s and a pause of 100 ms"
    );
}

#[tokio::test(start_paused = true)]
async fn a_hint_past_the_deadline_is_neither_slept_through_nor_undercut() {
    let time = PausedTime::new();
    let calls = AtomicU32::new(0);
    let error = retry(9, &time)
        .total(4 * SECOND)
        .run(|_| {
            calls.fetch_add(1, Ordering::Relaxed);
            ready(Err::<(), _>(hinted(4)))
        })
        .await
        .unwrap_err();
    assert_eq!(error.reason, GiveUp::HintPastDeadline(4 * SECOND));
    assert_eq!((count(&calls), time.passed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_would_outlast_the_deadline_is_not_begun() {
    let time = PausedTime::new();
    let error = retry(9, &time)
        .total(ms(650))
        .run(|_| ready(Err::<(), _>(overloaded())))
        .await
        .unwrap_err();
    // 100 and 200 are over, 400 would end at 700.
    assert_eq!(time.passed(), ms(300));
    assert_eq!(
        (error.attempts, error.reason),
        (3, GiveUp::PausePastDeadline(ms(400)))
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_without_a_total_arms_nothing_while_it_waits() {
    let time = PausedTime::new();
    let mut policy = policy(3);
    policy.total = None;
    let retry = Retry::with_sleep(policy, time.clone()).clock(time.clone());
    let slow = || async {
        tokio::time::sleep(3_600 * SECOND).await;
        Ok::<_, Verdict>(())
    };
    retry.run(|_| slow()).await.unwrap();
    assert_eq!((count(&time.read), count(&time.armed)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_caller_s_deadline_counts_when_it_is_sooner() {
    let time = PausedTime::new();
    let retry = retry(9, &time).total(30 * SECOND);
    for (deadline, ends) in [(at(10), 10), (at(60), 40)] {
        let hang = retry.run(|_| pending::<Result<(), Verdict>>());
        let error = hang.within(Deadline::at(deadline)).await.unwrap_err();
        assert_eq!(error.reason, GiveUp::DeadlinePassed);
        assert_eq!(time.passed(), ends * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_inside_another_ends_with_the_shorter_limit() {
    let time = PausedTime::new();
    let outer = retry(2, &time).total(10 * SECOND);
    for (inner_total, ends) in [(4, 4), (60, 10)] {
        let inner = retry(9, &time).total(inner_total * SECOND);
        let start = time.monotonic();
        let mut ended = Vec::new();
        let _ = outer
            .run(|attempt| {
                let (inner, ended, time) = (&inner, &mut ended, &time);
                let run = inner
                    .run(|_| pending::<Result<(), Verdict>>())
                    .within(attempt.limit);
                ended.push(attempt.number);
                async move {
                    let error = run.await.unwrap_err();
                    assert_eq!(error.reason, GiveUp::DeadlinePassed);
                    assert!(time.monotonic().since(start) <= ends * SECOND);
                    Err::<(), _>(Verdict::new(FailureKind::InvalidRequest))
                }
            })
            .await;
        assert_eq!(time.monotonic().since(start), ends * SECOND);
        assert_eq!(ended, [1]);
    }
}

#[tokio::test(start_paused = true)]
async fn later_attempts_are_told_the_deadline() {
    let time = PausedTime::new();
    let mut limits = Vec::new();
    let _ = retry(3, &time)
        .total(10 * SECOND)
        .run(|attempt| {
            limits.push(attempt.limit);
            ready(Err::<(), _>(overloaded()))
        })
        .await;
    let deadline = TimeLimit::until(Deadline::at(at(10)));
    assert_eq!(limits, [TimeLimit::within(10 * SECOND), deadline, deadline]);
    assert_eq!(deadline.left(Monotonic::default() + ms(300)), ms(9_700));
}

#[tokio::test(start_paused = true)]
async fn time_starts_when_somebody_first_waits() {
    let time = PausedTime::new();
    let retry = retry(1, &time).total(10 * SECOND);
    let run = retry.run(|_| pending::<Result<(), Verdict>>());
    tokio::time::sleep(7 * SECOND).await;
    let _ = run.await;
    assert_eq!(time.passed(), 17 * SECOND);
}

/// A budget that holds exactly two retries.
fn two() -> RetryBudget {
    let config = RetryBudgetConfig {
        percent: 0,
        min_per_second: 1,
        window: 2 * SECOND,
    };
    RetryBudget::new(config)
}

#[tokio::test(start_paused = true)]
async fn a_run_dropped_during_its_pause_gives_its_retry_back() {
    let time = PausedTime::new();
    let budget = two();
    let retry = retry(9, &time)
        .backoff(Backoff::constant(ms(50)))
        .budget(budget.clone());
    let calls = AtomicU32::new(0);
    for _ in 0..20 {
        let run = retry.run(|_| {
            calls.fetch_add(1, Ordering::Relaxed);
            ready(Err::<(), _>(overloaded()))
        });
        // Dropped in the first pause.
        assert!(tokio::time::timeout(ms(10), run).await.is_err());
        assert_eq!(budget.available(), 2);
    }
    assert_eq!((count(&calls), budget.refused()), (20, 0));
}

#[tokio::test(start_paused = true)]
async fn a_run_dropped_during_a_retry_has_spent_it() {
    let time = PausedTime::new();
    let budget = two();
    let retry = retry(9, &time).budget(budget.clone());
    let run = retry.run(|attempt| async move {
        if attempt.number == 2 {
            pending::<()>().await;
        }
        Err::<(), _>(overloaded())
    });
    assert!(tokio::time::timeout(ms(150), run).await.is_err());
    assert_eq!(budget.available(), 1);

    // Dropped during the first call, which is no retry.
    let run = retry.run(|_| pending::<Result<(), Verdict>>());
    assert!(tokio::time::timeout(ms(150), run).await.is_err());
    assert_eq!((budget.available(), budget.refused()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_is_dropped_before_the_pause_that_follows_it() {
    struct Held<'a>(&'a AtomicU32);
    impl Drop for Held<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let time = PausedTime::new();
    let held = AtomicU32::new(0);
    let _ = retry(3, &time)
        .attempt_timeout(SECOND)
        .run(|_| {
            assert_eq!(held.fetch_add(1, Ordering::Relaxed), 0, "one at a time");
            let held = Held(&held);
            async move {
                let _held = held;
                pending::<Result<(), Verdict>>().await
            }
        })
        .notify(|_| assert_eq!(count(&held), 0, "before the pause"))
        .await;
    assert_eq!(count(&held), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_took_too_long_is_not_followed_by_a_call() {
    /// Every wait takes ten times as long as it should.
    struct Late(PausedTime);
    #[async_trait::async_trait]
    impl agent_resilience::Sleep for Late {
        async fn sleep(&self, duration: Duration) {
            self.0.sleep(10 * duration).await;
        }
    }
    let time = PausedTime::new();
    let budget = two();
    let calls = AtomicU32::new(0);
    let error = Retry::with_sleep(policy(9), Late(time.clone()))
        .clock(time.clone())
        .total(ms(900))
        .budget(budget.clone())
        .run(|_| {
            calls.fetch_add(1, Ordering::Relaxed);
            ready(Err::<(), _>(overloaded()))
        })
        .await
        .unwrap_err();
    assert_eq!((count(&calls), error.attempts), (1, 1));
    assert_eq!(error.reason, GiveUp::DeadlinePassed);
    assert_eq!(error.last, FailedTry::Error(overloaded()));
    assert_eq!(budget.available(), 2, "the retry was not made");
}
