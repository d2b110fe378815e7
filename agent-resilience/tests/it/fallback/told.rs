//! What the chain says: errors, events, the way of each request.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent_primitives::{Event, FailureKind, HandoffReason, Stamp};
use agent_resilience::classify::{ContextNumbers, Verdict};
use agent_resilience::{ChainError, Failure};

use super::stage::{limited, overloaded, setup};

#[tokio::test]
async fn a_failure_of_the_request_ends_the_call_and_blames_nobody() {
    for kind in [FailureKind::ContentPolicy, FailureKind::InvalidRequest] {
        let setup = setup();
        setup.claude.fails(1, &Verdict::new(kind));
        let error = setup
            .chain
            .call("hello")
            .await
            .expect_err("the request is at fault");
        assert_eq!(error.failure().map(Failure::kind), Some(kind));
        assert_eq!(setup.groq.calls(), 0);
        assert_eq!(setup.who().await, "claude");
    }
}

#[tokio::test]
async fn exhaustion_names_each_provider_and_when_to_try_again() {
    let setup = setup();
    setup.claude.fails(1, &limited(120));
    setup
        .groq
        .fails(1, &Verdict::new(FailureKind::QuotaExhausted));
    let error = setup.chain.call("hello").await.expect_err("nobody left");
    assert_eq!(
        error.to_string(),
        "no provider can answer: \
         claude rate_limited, again in 120s (1970-01-01T00:02:00.000Z); \
         groq quota_exhausted, again in 3600s (1970-01-01T01:00:00.000Z)"
    );
    let ChainError::Exhausted(exhausted) = error else {
        unreachable!("shown above")
    };
    assert_eq!(exhausted.retry_in(), Some(Duration::from_secs(120)));
    assert_eq!(
        exhausted.last.map(|f| f.kind()),
        Some(FailureKind::QuotaExhausted)
    );

    let error = setup.chain.call("hello").await.expect_err("both rest");
    assert!(error.to_string().contains("again in 120s"), "{error}");
    assert_eq!(
        (setup.claude.calls(), setup.groq.calls()),
        (1, 1),
        "nobody was asked"
    );
}

#[tokio::test]
async fn events_tell_the_story_in_order() {
    let setup = setup();
    setup.claude.fails(1, &overloaded());
    setup.claude.fails(1, &limited(90));
    setup.who().await;
    let events = setup.events.lock().unwrap_or_else(PoisonError::into_inner);
    let story: Vec<String> = events
        .iter()
        .map(|event| match event {
            Event::Attempt(a) => format!("{} {:?}", a.provider, a.failure.map(FailureKind::as_str)),
            Event::Retry(r) => format!("{} again, {} in {:?}", r.provider, r.attempt, r.delay),
            Event::Cooldown(c) => format!("{} rests {:?}", c.provider, c.duration),
            Event::Handoff(h) => h.to_string(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(
        story,
        [
            "claude Some(\"overloaded\")",
            "claude again, 2 in 1s",
            "claude Some(\"rate_limited\")",
            "claude rests 90s",
            "claude -> groq (rate_limited, automatic)",
            "groq None",
        ]
    );
}

#[tokio::test]
async fn a_request_that_is_too_long_is_offered_to_larger_windows_and_nobody_rests() {
    let too_long = |limit| {
        Verdict::new(FailureKind::ContextTooLong).context(ContextNumbers {
            limit: Some(limit),
            ..ContextNumbers::default()
        })
    };
    let setup = setup();
    setup.claude.fails(1, &too_long(8_000));
    let reply = setup.chain.call("hello").await.expect("an answer");
    assert_eq!(
        (reply.value.as_str(), reply.handoffs[0].reason),
        ("groq", HandoffReason::ContextTooLong)
    );
    assert_eq!(setup.chain.status()[0].rests_for, None);

    setup.claude.fails(1, &too_long(8_000));
    setup.groq.fails(1, &too_long(6_000));
    let error = setup
        .chain
        .call("hello")
        .await
        .expect_err("too long for both");
    let ChainError::Failed {
        provider,
        failure,
        attempts,
    } = error
    else {
        unreachable!("the request is at fault")
    };
    assert_eq!(attempts, 2);
    assert_eq!(provider.as_str(), "claude", "the largest window is named");
    assert_eq!(failure.verdict().context.and_then(|c| c.limit), Some(8_000));
}

#[tokio::test]
async fn a_session_hears_of_its_own_calls_through_its_own_handle() {
    let setup = setup();
    let heard = Arc::new(Mutex::new(0));
    let sink = Arc::clone(&heard);
    let scoped = setup.chain.observed_by(move |_: Stamp<'_>, _: &Event| {
        *sink.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    });
    scoped.call("hello").await.expect("an answer");
    assert_eq!(*heard.lock().unwrap_or_else(PoisonError::into_inner), 1);
    assert!(
        setup
            .events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    );
}
