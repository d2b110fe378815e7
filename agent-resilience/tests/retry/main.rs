//! Retrying on a clock that the test moves.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_primitives::{FailureKind, ManualClock, Timestamp};
use agent_resilience::classify::{Verdict, When};
use agent_resilience::{Backoff, GiveUp, Jitter, NextStep, Retry, RetryPolicy, Sleep};

#[derive(Clone, Default)]
struct Waits(Arc<Mutex<Vec<Duration>>>);

#[async_trait::async_trait]
impl Sleep for Waits {
    async fn sleep(&self, duration: Duration) {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(duration);
    }
}

fn policy(max_attempts: u32) -> RetryPolicy {
    RetryPolicy {
        max_attempts: NonZeroU32::new(max_attempts).expect("not zero"),
        backoff: Backoff::exponential(Duration::from_millis(100), Duration::from_secs(2))
            .jitter(Jitter::None),
        longest_hint: Duration::from_secs(5),
        ..RetryPolicy::default()
    }
}

fn overloaded() -> Verdict {
    Verdict::new(FailureKind::Overloaded)
}

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
    let ms = Duration::from_millis;
    assert_eq!(*waits.0.lock().unwrap(), [ms(100), ms(200), ms(400)]);
    assert_eq!((error.attempts, error.reason), (4, GiveUp::AttemptsUsedUp));
    let last = error.last.into_error().expect("the operation's own");
    assert_eq!(last.retry_after, Some(When::In(ms(4))));
}

#[tokio::test]
async fn a_hint_is_never_undercut() {
    let waits = Waits::default();
    let retry = Retry::with_sleep(policy(2), waits.clone());
    let hinted = || overloaded().retry_after(When::In(Duration::from_secs(5)));
    let _ = retry.run(|_| async { Err::<(), _>(hinted()) }).await;
    let five_and_a_little = Duration::from_millis(5_100);
    assert_eq!(*waits.0.lock().unwrap(), [five_and_a_little]);
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
    assert_eq!(*waits.0.lock().unwrap(), [Duration::from_millis(3_100)]);
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
    assert!(waits.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn success_needs_no_pause_and_no_second_call() {
    let waits = Waits::default();
    let answer = Retry::with_sleep(policy(3), waits.clone())
        .run(|attempt| async move { Ok::<_, Verdict>(attempt.number) })
        .await;
    assert_eq!(answer.unwrap(), 1);
    assert!(waits.0.lock().unwrap().is_empty());
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
    let waits = waits.0.lock().unwrap();
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
        waits.0.lock().unwrap().clone()
    };
    assert_eq!(pauses(7).await, pauses(7).await);
    assert_ne!(pauses(7).await, pauses(8).await);
}
