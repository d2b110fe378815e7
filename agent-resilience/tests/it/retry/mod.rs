//! Retrying on a clock that the test moves.

#[cfg(feature = "backoff")]
mod backoff;
mod budget;
mod decision;
mod learning;
mod replay;
mod stage;
mod time;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use agent_primitives::{FailureKind, ManualClock, Timestamp};
use agent_resilience::classify::{Classify, Verdict, When};
use agent_resilience::{FailedTry, Failure, GiveUp, Jitter, NextStep, Retry};

use stage::{Waits, hinted, ms, overloaded, policy};

#[tokio::test]
async fn pauses_grow_and_the_last_error_comes_back_untouched() {
    let waits = Waits::default();
    let error = Retry::with_sleep(policy(4), waits.clone())
        .run(|attempt| async move {
            Err::<(), _>(
                overloaded()
                    .retry_after(When::In(Duration::from_millis(u64::from(attempt.number)))),
            )
        })
        .await
        .unwrap_err();
    assert_eq!(waits.all(), [ms(100), ms(200), ms(400)]);
    assert_eq!((error.attempts, error.reason), (4, GiveUp::AttemptsUsedUp));
    let last = error.last.into_error().expect("the operation's own");
    assert_eq!(last.retry_after, Some(When::In(ms(4))));
}

#[tokio::test]
async fn a_hint_is_never_undercut() {
    let waits = Waits::default();
    let retry = Retry::with_sleep(policy(2), waits.clone());
    let _ = retry.run(|_| async { Err::<(), _>(hinted(5)) }).await;
    let five_and_a_little = Duration::from_millis(5_100);
    assert_eq!(waits.all(), [five_and_a_little]);
}

#[tokio::test]
async fn a_hint_with_a_date_is_measured_from_the_clock() {
    let waits = Waits::default();
    let now = Timestamp::from_unix_seconds(1_000);
    let retry = Retry::with_sleep(policy(2), waits.clone()).clock(ManualClock::starting_at(now));
    let until = When::At(Timestamp::from_unix_seconds(1_003));
    let _ = retry
        .run(|_| async { Err::<(), _>(overloaded().retry_after(until)) })
        .await;
    assert_eq!(waits.all(), [Duration::from_millis(3_100)]);
}

#[tokio::test]
async fn a_hint_longer_than_is_waited_for_ends_it_at_once() {
    let waits = Waits::default();
    let hint = Duration::from_secs(13_262);
    let error = Retry::with_sleep(policy(9), waits.clone())
        .run(|_| async { Err::<(), _>(overloaded().retry_after(When::In(hint))) })
        .await
        .unwrap_err();
    assert_eq!(
        (error.attempts, error.reason),
        (1, GiveUp::HintTooLong(hint))
    );
    assert!(waits.all().is_empty());
}

#[tokio::test]
async fn success_needs_no_pause_and_no_second_call() {
    let waits = Waits::default();
    let answer = Retry::with_sleep(policy(3), waits.clone())
        .run(|attempt| async move { Ok::<_, Verdict>(attempt.number) })
        .await;
    assert_eq!(answer.unwrap(), 1);
    assert!(waits.all().is_empty());
}

#[test]
fn what_cannot_succeed_is_never_sent_again() {
    let retryable = [
        FailureKind::RateLimited,
        FailureKind::Overloaded,
        FailureKind::Server,
        FailureKind::Timeout,
        FailureKind::Network,
        FailureKind::StreamCut,
    ];
    let in_the_request = [
        FailureKind::ContextTooLong,
        FailureKind::PayloadTooLarge,
        FailureKind::OutputLimit,
        FailureKind::InvalidRequest,
        FailureKind::ContentPolicy,
        FailureKind::Cancelled,
    ];
    for kind in FailureKind::ALL {
        let policy = policy(3);
        let mut delays = policy.backoff.delays(0);
        let step = policy.next_step(&Verdict::new(*kind), 1, Timestamp::UNIX_EPOCH, &mut delays);
        if retryable.contains(kind) {
            assert_eq!(step, NextStep::Again(Duration::from_millis(100)), "{kind}");
        } else if in_the_request.contains(kind) {
            assert_eq!(step, NextStep::Stop, "{kind}");
        } else {
            assert_eq!(step, NextStep::GiveUp(GiveUp::NotRetryable), "{kind}");
        }
    }
}

#[tokio::test]
async fn runs_and_clones_pause_differently() {
    let waits = Waits::default();
    let mut policy = policy(3);
    policy.backoff = policy.backoff.jitter(Jitter::Full);
    let retry = Retry::with_sleep(policy, waits.clone()).seed(7);
    for retry in [retry.clone(), retry.clone(), retry] {
        let _ = retry.run(|_| async { Err::<(), _>(overloaded()) }).await;
    }
    let waits = waits.all();
    let mut firsts = vec![waits[0], waits[2], waits[4]];
    firsts.sort();
    firsts.dedup();
    assert_eq!(firsts.len(), 3, "{waits:?}");
}

#[tokio::test]
async fn one_seed_gives_one_sequence_of_pauses() {
    let pauses = async |seed| {
        let waits = Waits::default();
        let mut policy = policy(6);
        policy.backoff = policy.backoff.jitter(Jitter::Full);
        let retry = Retry::with_sleep(policy, waits.clone()).seed(seed);
        let _ = retry.run(|_| async { Err::<(), _>(overloaded()) }).await;
        waits.all()
    };
    assert_eq!(pauses(7).await, pauses(7).await);
    assert_ne!(pauses(7).await, pauses(8).await);
}

#[tokio::test]
async fn a_rejected_value_is_asked_for_again_and_the_last_one_fails_the_run() {
    let waits = Waits::default();
    let retry = Retry::with_sleep(policy(3), waits.clone());
    let empty = |answer: &&str| answer.is_empty().then(overloaded);
    let answers = ["", "", "done"];
    let answer = retry
        .run(|attempt| async move { Ok::<_, Verdict>(answers[attempt.number as usize - 1]) })
        .reject(empty)
        .await;
    assert_eq!(answer.unwrap(), "done");
    assert_eq!(waits.all(), [ms(100), ms(200)]);

    let error = retry
        .run(|_| async { Ok::<_, Verdict>("") })
        .reject(empty)
        .await
        .unwrap_err();
    assert_eq!((error.attempts, error.reason), (3, GiveUp::AttemptsUsedUp));
    assert_eq!(error.last, FailedTry::Rejected(Box::new(overloaded())));
    assert_eq!(
        error.to_string(),
        "failed after 3 attempts: all attempts used up; the answer was rejected as overloaded"
    );

    // A value that would be as wrong again is not asked for again.
    let refused = |_: &&str| Some(Verdict::new(FailureKind::ContentPolicy));
    let error = retry
        .run(|_| async { Ok::<_, Verdict>("") })
        .reject(refused)
        .await
        .unwrap_err();
    assert_eq!((error.attempts, error.reason), (1, GiveUp::NotRetryable));
}

#[tokio::test]
async fn every_pause_is_told_before_it_begins() {
    let waits = Waits::default();
    let retry = Retry::with_sleep(policy(3), waits.clone());
    let mut told = Vec::new();
    let error = retry
        .run(|_| async { Err::<(), _>(hinted(1)) })
        .notify(|pause| {
            assert_eq!(waits.all().len(), told.len(), "the pause has not begun");
            told.push((pause.attempt, pause.verdict.kind, pause.delay));
        })
        .await
        .unwrap_err();
    assert_eq!(error.verdict(), hinted(1));
    let limited = FailureKind::RateLimited;
    assert_eq!(told, [(1, limited, ms(1_100)), (2, limited, ms(1_200))]);
    assert_eq!(waits.all(), [ms(1_100), ms(1_200)]);
}

#[tokio::test]
async fn an_operation_is_not_called_before_the_run_is_awaited() {
    let calls = AtomicU32::new(0);
    let retry = Retry::with_sleep(policy(3), Waits::default());
    let run = retry.run(|_| async {
        calls.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Verdict>(())
    });
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    run.await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_run_can_move_to_another_thread() {
    let mut policy = policy(3);
    // These waits are over at once, a limit's too.
    policy.total = None;
    let retry = Retry::with_sleep(policy, Waits::default());
    let task = tokio::spawn(async move {
        let run = retry.run(|attempt| async move {
            tokio::task::yield_now().await;
            if attempt.number < 3 {
                Err(overloaded())
            } else {
                Ok(attempt.number)
            }
        });
        run.reject(|_| None).notify(|_| ()).await
    });
    assert_eq!(task.await.unwrap().unwrap(), 3);
}

#[test]
fn a_blocking_run_goes_by_the_same_policy() {
    let clock = ManualClock::default();
    let mut waited = Vec::new();
    let retry = Retry::blocking(policy(3)).clock(clock.clone());
    let answer = retry.run_blocking_with(
        |pause| waited.push(pause),
        |attempt| match attempt.number {
            1 => Err(Failure::new(overloaded())),
            2 => Err(Failure::new(hinted(1))),
            number => Ok(number),
        },
    );
    assert_eq!((answer.unwrap(), waited), (3, vec![ms(100), ms(1_200)]));

    // What a call that blocks takes counts, the first one's time too.
    let error = Retry::blocking(policy(9))
        .total(ms(1_000))
        .clock(clock.clone())
        .run_blocking_with(
            |pause| clock.advance(pause),
            |_| {
                clock.advance(ms(450));
                Err::<(), _>(Failure::new(overloaded()))
            },
        )
        .unwrap_err();
    assert_eq!(error.attempts, 2);
    assert_eq!(error.reason, GiveUp::DeadlinePassed, "450 + 100 + 450");
}

#[test]
fn a_blocking_run_needs_no_pause_to_succeed() {
    let retry = Retry::blocking(policy(3));
    let answer = retry.run_blocking(|attempt| Ok::<_, Failure>(attempt.number));
    assert_eq!(answer.unwrap(), 1);
    let error = retry
        .run_blocking(|_| Err::<(), _>(Failure::new(Verdict::new(FailureKind::QuotaExhausted))))
        .unwrap_err();
    assert_eq!((error.attempts, error.reason), (1, GiveUp::NotRetryable));
}
