//! How long a provider is left alone, and the return to it.

use std::num::NonZeroU16;
use std::sync::PoisonError;
use std::time::Duration;

use agent_primitives::{BreakerState, FailureKind, HandoffReason, Scope, Timestamp};
use agent_resilience::classify::Verdict;

use super::stage::{config, limited, overloaded, provider, setup, setup_with};

#[tokio::test]
async fn a_short_hint_is_waited_for() {
    let setup = setup();
    setup.claude.fails(1, &limited(4));
    assert_eq!(setup.who().await, "claude");
    assert_eq!(setup.passed(), Duration::from_secs(5), "and a little more");
    assert!(setup.handoffs().is_empty());
}

#[tokio::test]
async fn a_long_hint_means_switch_and_is_kept_to() {
    let setup = setup();
    setup.claude.fails(1, &limited(120));
    assert_eq!(setup.who().await, "groq");
    assert_eq!(setup.passed(), Duration::ZERO, "nobody waits");
    setup.clock.advance(Duration::from_secs(119));
    assert_eq!(setup.who().await, "groq");
    setup.clock.advance(Duration::from_secs(1));
    assert_eq!(setup.who().await, "claude");
    assert_eq!(
        setup.handoffs(),
        [
            "claude -> groq (rate_limited, automatic)",
            "groq -> claude (recovered, automatic)"
        ]
    );
    assert_eq!(setup.claude.calls(), 2);
}

#[tokio::test]
async fn a_passing_failure_is_retried_then_left() {
    let setup = setup();
    setup.claude.fails(3, &overloaded());
    let reply = setup.chain.call("hello").await.expect("an answer");
    assert_eq!((reply.value.as_str(), reply.attempts), ("groq", 4));
    assert_eq!(reply.elapsed, Duration::from_secs(2), "the pauses");
    assert_eq!(reply.latency, Duration::ZERO, "the call that was answered");
    assert_eq!(reply.handoffs.len(), 1);
    assert_eq!(reply.handoffs[0].reason, HandoffReason::Overloaded);
    assert_eq!(
        setup.passed(),
        Duration::from_secs(2),
        "two pauses between three attempts"
    );
}

#[tokio::test]
async fn an_open_breaker_is_not_called_and_names_itself_as_the_reason() {
    let mut config = config();
    config.breaker.consecutive_failures = NonZeroU16::new(2);
    let setup = setup_with(config);
    setup.claude.fails(2, &Verdict::new(FailureKind::Server));
    assert_eq!(setup.who().await, "groq");
    assert_eq!(setup.claude.calls(), 2, "the third attempt was not made");
    assert_eq!(
        setup.handoffs(),
        ["claude -> groq (breaker_open, automatic)"]
    );
    assert_eq!(setup.chain.status()[0].breaker, BreakerState::Open);
    setup.clock.advance(Duration::from_secs(39));
    assert_eq!(setup.who().await, "groq");
    setup.clock.advance(Duration::from_secs(1));
    assert_eq!(setup.who().await, "claude");
    assert_eq!(setup.chain.status()[0].breaker, BreakerState::Closed);
}

#[tokio::test]
async fn a_rest_doubles_while_failures_follow_each_other() {
    let setup = setup();
    for rest in [30, 60, 120] {
        setup.claude.fails(1, &Verdict::new(FailureKind::Unknown));
        assert_eq!(setup.who().await, "groq");
        setup.clock.advance(Duration::from_secs(rest - 1));
        assert_eq!(setup.who().await, "groq");
        setup.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(setup.who().await, "claude");
    setup.claude.fails(1, &Verdict::new(FailureKind::Unknown));
    assert_eq!(setup.who().await, "groq");
    setup.clock.advance(Duration::from_secs(30));
    assert_eq!(
        setup.who().await,
        "claude",
        "success starts the count again"
    );
}

#[tokio::test]
async fn a_flapping_provider_causes_one_switch_a_rest() {
    let setup = setup();
    // Fails for 4 s, works for 4 s: asked every second for two minutes.
    for second in 0..120_u64 {
        if second % 8 < 4 {
            setup.claude.fails(1, &Verdict::new(FailureKind::Unknown));
        } else {
            setup
                .claude
                .failures
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
        }
        setup.who().await;
        setup.clock.advance(Duration::from_secs(1));
    }
    let away = setup
        .handoffs()
        .iter()
        .filter(|h| h.starts_with("claude"))
        .count();
    assert!(away <= 4, "{:?}", setup.handoffs());
}

#[tokio::test]
async fn a_reset_brings_a_mended_provider_back_at_once() {
    let setup = setup();
    setup.claude.fails(1, &Verdict::new(FailureKind::Auth));
    assert_eq!(setup.who().await, "groq");
    assert_eq!(
        setup.chain.status()[0].rests_for,
        Some(Duration::from_secs(3_600))
    );
    setup.chain.reset(&provider("claude")).expect("known");
    assert_eq!(setup.who().await, "claude");
}

#[tokio::test]
async fn what_only_this_request_may_not_do_sends_nobody_to_rest() {
    let setup = setup();
    let plan = Verdict::new(FailureKind::Permission).scope(Scope::Request);
    setup.claude.fails(1, &plan);
    assert_eq!(setup.who().await, "groq");
    assert_eq!(setup.who().await, "claude");
}

#[tokio::test]
async fn rests_outlive_the_process_with_their_reasons_and_no_longer_than_a_hint_may_be() {
    let before = setup();
    before.claude.fails(1, &limited(400));
    assert_eq!(before.who().await, "groq");
    let kept = serde_json::to_string(&before.chain.snapshot()).expect("data");

    let after = setup();
    after.clock.advance(Duration::from_secs(100));
    let snapshot = serde_json::from_str(&kept).expect("data");
    assert_eq!(after.chain.restore(&snapshot), 0);
    let status = &after.chain.status()[0];
    assert_eq!(status.rests_for, Some(Duration::from_secs(300)));
    assert_eq!(status.failure, Some(FailureKind::RateLimited));
    assert_eq!(after.who().await, "groq");
    assert_eq!(after.claude.calls(), 0, "it is not asked once to find out");
    after.clock.advance(Duration::from_secs(300));
    assert_eq!(after.who().await, "claude");
    assert_eq!(after.chain.status()[0].failure, None);

    let far = kept.replace("\"claude\"", "\"grok\"");
    let unknown = serde_json::from_str(&far).expect("data");
    assert_eq!(setup().chain.restore(&unknown), 1);

    let far = setup();
    let mut forged: serde_json::Value = serde_json::from_str(&kept).expect("data");
    let end = serde_json::to_value(Timestamp::MAX).expect("data");
    forged["rests"][0]["named_until"] = end;
    far.chain
        .restore(&serde_json::from_value(forged).expect("data"));
    let rest = far.chain.status()[0].rests_for;
    assert_eq!(rest, Some(Duration::from_secs(86_400)));
}
