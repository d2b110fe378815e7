//! What a policy makes of each fault is the same whichever library sends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agent_primitives::{BreakerState, FailureKind};
use agent_resilience::classify::Classify;
use agent_resilience::{FailedTry, Failure, GiveUp, PolicyError, Refusal};
use support::{Fault, Rule};

use crate::stand::{ANSWER, LIBRARIES, SECOND, Stand, failed};

#[tokio::test]
async fn a_hint_is_waited_for_and_the_same_request_sent_again() {
    for library in LIBRARIES {
        let hint = Some(4 * SECOND);
        let stand = Stand::new([Rule::new(Fault::RateLimited { retry_after: hint })]).await;
        assert_eq!(stand.ask(library).await.unwrap(), ANSWER, "{library:?}");
        let pauses = stand.pauses();
        let waited: Duration = pauses.iter().sum();
        assert!(
            waited >= 4 * SECOND && waited < 6 * SECOND,
            "{library:?}: {pauses:?}"
        );
        let tally = stand.server.tally();
        assert_eq!((tally.chats, stand.slots.in_use()), (2, 0), "{library:?}");
    }
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_asked_for_once_though_its_status_is_that_of_a_rate_limit() {
    for library in LIBRARIES {
        let stand = Stand::new([Rule::new(Fault::InsufficientQuota).always()]).await;
        let error = stand.ask(library).await.unwrap_err();
        let failure = Failure::from(error);
        assert_eq!(failure.kind(), FailureKind::QuotaExhausted, "{library:?}");
        let reply = failure.reply().unwrap();
        assert_eq!(reply.status(), 429);
        assert!(String::from_utf8_lossy(reply.body()).contains("insufficient_quota"));
        assert!(
            reply.headers().contains_key("x-request-id"),
            "{:?}",
            reply.headers()
        );
        assert_eq!((stand.server.tally().chats, stand.pauses()), (1, vec![]));
    }
}

#[tokio::test]
async fn the_breaker_opens_and_nobody_is_asked_any_more() {
    for library in LIBRARIES {
        let stand = Stand::new([Rule::new(Fault::Overloaded).always()]).await;
        let (attempts, verdict) = failed(stand.ask(library).await);
        assert_eq!(
            (attempts, verdict.kind),
            (2, FailureKind::Overloaded),
            "{library:?}"
        );
        let error = stand.ask(library).await.unwrap_err();
        assert!(
            matches!(
                error,
                PolicyError::Refused {
                    by: Refusal::Breaker(_),
                    attempts: 0,
                    ..
                }
            ),
            "{library:?}: {error:?}"
        );
        assert_eq!(stand.server.tally().chats, 2, "{library:?}");
        // After its rest a probe is let through, and finds it as it was.
        stand.clock.advance(Duration::from_secs(600));
        assert_eq!(failed(stand.ask(library).await).0, 1, "{library:?}");
        assert_eq!(
            stand.breaker.snapshot().state,
            BreakerState::Open,
            "{library:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_is_made_again() {
    for library in LIBRARIES {
        let stand = Stand::new([Rule::new(Fault::Reset)]).await;
        assert_eq!(stand.ask(library).await.unwrap(), ANSWER, "{library:?}");
        assert_eq!(stand.pauses(), [SECOND], "{library:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_gives_everything_back() {
    for library in LIBRARIES {
        let stand = Stand::new([Rule::new(Fault::Silence).always()]).await;
        let heard = stand.server.until(|exchange| exchange.request == 1);
        tokio::select! {
            came = stand.ask(library) => panic!("{library:?}: {came:?}"),
            _ = heard => {}
        }
        let now = agent_primitives::Clock::monotonic(&stand.clock);
        let left = stand.rate.status_at(now).next().unwrap().remaining;
        assert_eq!((stand.slots.in_use(), left), (0, 50), "{library:?}");
        let seen = stand.breaker.snapshot();
        assert_eq!((seen.in_a_row, seen.failed), (0, 0), "{library:?}");
    }
}

#[tokio::test]
async fn the_deadline_ends_a_call_that_is_never_answered() {
    for library in LIBRARIES {
        let mut stand = Stand::new([Rule::new(Fault::Silence).always()]).await;
        stand.policy = stand.policy.total(60 * SECOND);
        let run_out = stand.timer.run_out.clone();
        let heard = async {
            stand.server.until(|exchange| exchange.request == 1).await;
            run_out.notify_one();
        };
        let (came, ()) = tokio::join!(stand.ask(library), heard);
        let PolicyError::Failed(error) = came.unwrap_err() else {
            panic!("{library:?}: no stage refuses");
        };
        assert_eq!(
            (error.attempts, error.reason),
            (1, GiveUp::DeadlinePassed),
            "{library:?}"
        );
        assert!(matches!(error.last, FailedTry::TimedOut(after) if after == 60 * SECOND));
        assert_eq!(error.verdict().kind, FailureKind::Timeout);
    }
}

#[tokio::test]
async fn a_stream_is_handed_on_while_it_is_still_being_sent() {
    for library in LIBRARIES {
        let stand = Stand::new([Rule::new(Fault::Hold { after_chunks: 2 })]).await;
        let is_released = AtomicBool::new(false);
        let answer = stand.ask_for_stream(library, || {
            assert_eq!(stand.slots.in_use(), 0, "the call is over for the policy");
            stand.server.release();
            is_released.store(true, Ordering::Relaxed);
        });
        assert_eq!(answer.await, ANSWER, "{library:?}");
        assert!(is_released.load(Ordering::Relaxed));
        assert_eq!(stand.server.tally().chats, 1, "{library:?}");
    }
}
