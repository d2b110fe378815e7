//! A request that is asked at two providers is one request.

use std::time::Duration;

use agent_primitives::{Clock, FailureKind, ManualClock};
use agent_resilience::classify::Verdict;
use agent_resilience::{ChainError, FallbackChain, FallbackConfig, HedgeConfig};

use super::stage::{Call, Gated, config, gated_with, limited, overloaded, poll};

const AFTER: Duration = Duration::from_secs(3);

fn hedged() -> FallbackConfig {
    let mut config = config();
    config.hedge = Some(HedgeConfig { after: AFTER });
    config
}

fn chain() -> (FallbackChain<str, String>, [Gated; 3], ManualClock) {
    let clock = ManualClock::default();
    let (chain, providers) = gated_with(["claude", "groq", "ollama"], hedged(), &clock);
    (chain, providers, clock)
}

/// The kind of an error that says that the request has to change, and by whom and after how many calls.
fn failed(call: &mut Call<'_>) -> (String, FailureKind, u32) {
    match poll(call).expect("done") {
        Err(ChainError::Failed {
            provider,
            failure,
            attempts,
        }) => (provider.to_string(), failure.kind(), attempts),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_refusal_by_either_ends_the_request_and_drops_the_other() {
    for kind in [FailureKind::ContentPolicy, FailureKind::InvalidRequest] {
        let (chain, [claude, groq, _], clock) = chain();
        let mut call: Call<'_> = Box::pin(chain.call("a"));
        assert!(poll(&mut call).is_none());
        clock.advance(AFTER);
        assert!(poll(&mut call).is_none());
        assert_eq!((claude.under_way(), groq.under_way()), (1, 1));
        claude.end(Err(Verdict::new(kind)));
        assert_eq!(failed(&mut call), ("claude".to_owned(), kind, 2));
        drop(call);
        assert_eq!(groq.under_way(), 0, "it is not waited for");
    }
    let (chain, [claude, groq, _], clock) = chain();
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    clock.advance(AFTER);
    assert!(poll(&mut call).is_none());
    let kind = FailureKind::ContentPolicy;
    groq.end(Err(Verdict::new(kind)));
    assert_eq!(failed(&mut call), ("groq".to_owned(), kind, 2));
    drop(call);
    assert_eq!(claude.under_way(), 0);
}

#[test]
fn what_only_one_of_them_cannot_take_leaves_the_request_to_the_other() {
    let (chain, [claude, groq, _], clock) = chain();
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    clock.advance(AFTER);
    assert!(poll(&mut call).is_none());
    groq.end(Err(Verdict::new(FailureKind::InvalidRequest)));
    assert!(poll(&mut call).is_none(), "groq may accept less");
    claude.end(Ok(()));
    assert_eq!(
        poll(&mut call).expect("done").expect("an answer").value,
        "claude"
    );

    let mut call: Call<'_> = Box::pin(chain.call("b"));
    assert!(poll(&mut call).is_none());
    clock.advance(AFTER);
    assert!(poll(&mut call).is_none());
    claude.end(Err(Verdict::new(FailureKind::ContextTooLong)));
    assert!(poll(&mut call).is_none());
    groq.end(Ok(()));
    assert_eq!(
        poll(&mut call).expect("done").expect("an answer").value,
        "groq"
    );
}

#[test]
fn both_have_the_time_of_the_request_and_their_calls_are_counted_together() {
    let mut config = hedged();
    config.retry.total = Some(Duration::from_secs(10));
    let clock = ManualClock::default();
    let (chain, [claude, groq]) = gated_with(["claude", "groq"], config, &clock);
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    clock.advance(AFTER);
    assert!(poll(&mut call).is_none());
    assert_eq!((claude.under_way(), groq.under_way()), (1, 1));
    // The first one has no place to go to when it fails.
    claude.end(Err(Verdict::new(FailureKind::QuotaExhausted)));
    assert!(poll(&mut call).is_none(), "groq is waited for");
    clock.advance(Duration::from_secs(7));
    let error = poll(&mut call).expect("done").expect_err("no time left");
    assert_eq!(error.attempts(), 2);
    assert_eq!(clock.monotonic().nanos(), 10_000_000_000);
}

#[test]
fn a_reply_of_the_second_tells_the_whole_way_of_the_request() {
    let (chain, [claude, groq, ollama], clock) = chain();
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    clock.advance(Duration::from_secs(1));
    claude.end(Err(Verdict::new(FailureKind::QuotaExhausted)));
    assert!(poll(&mut call).is_none());
    assert_eq!(groq.under_way(), 1);
    clock.advance(Duration::from_secs(2));
    assert!(poll(&mut call).is_none());
    clock.advance(Duration::from_secs(4));
    ollama.end(Ok(()));
    let reply = poll(&mut call).expect("done").expect("an answer");
    assert_eq!((reply.value.as_str(), reply.attempts), ("ollama", 3));
    assert_eq!((reply.latency.as_secs(), reply.elapsed.as_secs()), (4, 7));
    let way: Vec<_> = reply.handoffs.iter().map(ToString::to_string).collect();
    assert_eq!(way, ["claude -> groq (quota_exhausted, automatic)"]);
    assert_eq!(reply.decisions.len(), 3);
    let requests: Vec<_> = chain.decisions().iter().map(|kept| kept.request).collect();
    assert_eq!(requests, [1, 1, 1], "one request");
}

#[test]
fn the_two_never_meet_and_the_second_makes_one_call() {
    let (chain, [claude, groq, ollama], clock) = chain();
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    clock.advance(AFTER);
    assert!(poll(&mut call).is_none());
    claude.end(Err(Verdict::new(FailureKind::QuotaExhausted)));
    assert!(poll(&mut call).is_none());
    let under_way = [&claude, &groq, &ollama].map(Gated::under_way);
    assert_eq!(under_way, [0, 1, 1], "the first one went past groq");
    groq.end(Err(overloaded()));
    for _ in 0..3 {
        clock.advance(Duration::from_secs(1));
        assert!(poll(&mut call).is_none());
    }
    assert_eq!((groq.begun(), ollama.begun()), (1, 1));
    ollama.end(Ok(()));
    let reply = poll(&mut call).expect("done").expect("an answer");
    assert_eq!((reply.value.as_str(), reply.attempts), ("ollama", 3));
}

#[test]
fn where_both_fail_the_first_one_waits_as_any_request_does() {
    let clock = ManualClock::default();
    let mut config = hedged();
    config.wait_for_first = true;
    config.wait_spread = Duration::ZERO;
    config.retry.total = Some(Duration::from_secs(600));
    let (chain, [claude, groq]) = gated_with(["claude", "groq"], config, &clock);
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    clock.advance(AFTER);
    assert!(poll(&mut call).is_none());
    groq.end(Err(limited(30)));
    claude.end(Err(limited(60)));
    assert!(poll(&mut call).is_none(), "it waits");
    clock.advance(Duration::from_secs(59));
    assert!(poll(&mut call).is_none());
    assert_eq!((claude.begun(), groq.begun()), (1, 1));
    clock.advance(Duration::from_secs(1));
    assert!(poll(&mut call).is_none());
    assert_eq!(
        (claude.begun(), groq.begun()),
        (2, 1),
        "groq had its one call"
    );
    claude.end(Ok(()));
    let reply = poll(&mut call).expect("done").expect("an answer");
    assert_eq!(reply.attempts, 3);
}
