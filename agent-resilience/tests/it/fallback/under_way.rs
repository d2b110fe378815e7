//! Several requests at the same time, each ended when the test says so.

use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{BreakerState, FailureKind, ManualClock};
use agent_resilience::classify::Verdict;
use agent_resilience::{FallbackChain, Sleep};

use super::stage::{Call, Gated, config, gated, limited, overloaded, poll, provider};

#[test]
fn a_success_that_began_before_a_limit_does_not_end_it() {
    let (chain, [claude, groq, _], clock) = gated();
    let (mut first, mut second): (Call<'_>, Call<'_>) =
        (Box::pin(chain.call("a")), Box::pin(chain.call("b")));
    assert!(poll(&mut first).is_none() && poll(&mut second).is_none());
    let slow = claude
        .waiting
        .lock()
        .expect("no panic")
        .pop_front()
        .expect("the first call");
    claude.end(Err(limited(600)));
    assert!(poll(&mut second).is_none());
    groq.end(Ok(()));
    assert!(poll(&mut second).is_some());

    slow.send(Ok(())).expect("it listens");
    let reply = poll(&mut first).expect("done").expect("an answer");
    assert_eq!(reply.provider.as_str(), "claude");
    clock.advance(Duration::from_secs(599));
    let rest = chain.status()[0].rests_for;
    assert_eq!(
        rest,
        Some(Duration::from_secs(1)),
        "the hint of 600 s holds"
    );
}

#[test]
fn a_pause_ends_without_a_call_when_the_provider_was_sent_to_rest_meanwhile() {
    // The sleep of the first call lets the second one meet its limit.
    struct Meanwhile(tokio::sync::Notify);
    #[async_trait::async_trait]
    impl Sleep for Meanwhile {
        async fn sleep(&self, _: Duration) {
            self.0.notified().await;
        }
    }
    let providers = ["claude", "groq"].map(Gated::new);
    let sleep = Arc::new(Meanwhile(tokio::sync::Notify::new()));
    let chain = FallbackChain::builder()
        .provider(providers[0].clone())
        .provider(providers[1].clone())
        .config(config())
        .clock(ManualClock::default())
        .sleep(Arc::clone(&sleep))
        .build()
        .expect("a valid chain");
    let (mut first, mut second): (Call<'_>, Call<'_>) =
        (Box::pin(chain.call("a")), Box::pin(chain.call("b")));
    assert!(poll(&mut first).is_none() && poll(&mut second).is_none());
    providers[0].end(Err(overloaded()));
    assert!(poll(&mut first).is_none(), "it pauses");
    providers[0].end(Err(limited(600)));
    assert!(poll(&mut second).is_none());

    sleep.0.notify_waiters();
    assert!(poll(&mut first).is_none());
    assert!(
        providers[0].waiting.lock().expect("no panic").is_empty(),
        "claude is left alone"
    );
    assert_eq!(providers[1].waiting.lock().expect("no panic").len(), 2);
}

#[test]
fn each_request_tells_its_own_way() {
    let (chain, [claude, groq, ollama], clock) = gated();
    let mut first: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut first).is_none());
    claude.end(Err(Verdict::new(FailureKind::Unknown)));
    assert!(poll(&mut first).is_none(), "at groq now");

    clock.advance(Duration::from_secs(30));
    let mut second: Call<'_> = Box::pin(chain.call("b"));
    assert!(poll(&mut second).is_none());
    claude.end(Ok(()));
    let reply = poll(&mut second).expect("done").expect("an answer");
    assert_eq!(
        reply.handoffs[0].to_string(),
        "groq -> claude (recovered, automatic)"
    );

    // Claude works again, but was tried for this request.
    groq.end(Err(Verdict::new(FailureKind::Unknown)));
    assert!(poll(&mut first).is_none());
    ollama.end(Ok(()));
    let reply = poll(&mut first).expect("done").expect("an answer");
    let way: Vec<String> = reply.handoffs.iter().map(ToString::to_string).collect();
    assert_eq!(
        way,
        [
            "claude -> groq (failed, automatic)",
            "groq -> ollama (failed, automatic)"
        ]
    );
}

#[test]
fn a_request_under_way_does_not_take_the_reason_of_an_unpin() {
    let (chain, [claude, groq, ollama], _) = gated();
    let too_long = || Verdict::new(FailureKind::ContextTooLong);
    let mut first: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut first).is_none());
    claude.end(Err(too_long()));
    assert!(poll(&mut first).is_none(), "at groq now");

    chain.pin(&provider("groq")).expect("known");
    chain.unpin();
    groq.end(Err(too_long()));
    assert!(poll(&mut first).is_none(), "at ollama now");
    ollama.end(Ok(()));
    assert!(poll(&mut first).is_some());

    let mut next: Call<'_> = Box::pin(chain.call("b"));
    assert!(poll(&mut next).is_none());
    claude.end(Ok(()));
    let reply = poll(&mut next).expect("done").expect("an answer");
    assert_eq!(
        reply.handoffs[0].to_string(),
        "ollama -> claude (manual, manual)"
    );
}

#[test]
fn requests_that_fail_together_are_one_failure_and_each_tells_its_handoff() {
    let (chain, [claude, groq, _], _) = gated();
    let mut calls: Vec<Call<'_>> = (0..10)
        .map(|_| Box::pin(chain.call("a")) as Call<'_>)
        .collect();
    for call in &mut calls {
        assert!(poll(call).is_none());
    }
    for call in &mut calls {
        claude.end(Err(Verdict::new(FailureKind::Unknown)));
        assert!(poll(call).is_none());
    }
    assert_eq!(
        chain.status()[0].rests_for,
        Some(Duration::from_secs(40)),
        "breaker and all"
    );
    for call in &mut calls {
        groq.end(Ok(()));
        let reply = poll(call).expect("done").expect("an answer");
        assert_eq!(reply.handoffs.len(), 1);
    }
}

/// Five failures in a row open claude's breaker; then its rest passes, and a request at a time is let through.
fn open_breaker(
    chain: &FallbackChain<str, String>,
    claude: &Gated,
    groq: &Gated,
    clock: &ManualClock,
) {
    for _ in 0..2 {
        let mut call: Call<'_> = Box::pin(chain.call("a"));
        while groq.waiting.lock().expect("no panic").is_empty() {
            assert!(poll(&mut call).is_none());
            if !claude.waiting.lock().expect("no panic").is_empty() {
                claude.end(Err(overloaded()));
            }
        }
        groq.end(Ok(()));
        poll(&mut call).expect("done").expect("an answer");
        clock.advance(Duration::from_secs(60));
    }
    clock.advance(Duration::from_secs(600));
}

#[test]
fn a_dropped_call_blames_nobody_and_gives_its_probe_back() {
    let (chain, [claude, groq, _], clock) = gated();
    open_breaker(&chain, &claude, &groq, &clock);
    for _ in 0..5 {
        let mut dropped: Call<'_> = Box::pin(chain.call("a"));
        assert!(poll(&mut dropped).is_none());
        assert_eq!(
            claude.waiting.lock().expect("no panic").len(),
            1,
            "the probe"
        );
        drop(dropped);
        claude.waiting.lock().expect("no panic").clear();
    }
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    claude.end(Ok(()));
    assert_eq!(
        poll(&mut call)
            .expect("done")
            .expect("an answer")
            .provider
            .as_str(),
        "claude"
    );
    assert_eq!(chain.status()[0].breaker, BreakerState::Closed);
}

#[test]
fn requests_beside_a_trial_go_elsewhere_and_the_work_does_not_move_for_them() {
    let (chain, [claude, groq, _], clock) = gated();
    open_breaker(&chain, &claude, &groq, &clock);

    let mut trial: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut trial).is_none());
    for _ in 0..3 {
        let mut beside: Call<'_> = Box::pin(chain.call("b"));
        assert!(poll(&mut beside).is_none());
        groq.end(Ok(()));
        let reply = poll(&mut beside).expect("done").expect("an answer");
        assert_eq!(reply.provider.as_str(), "groq");
        assert_eq!(reply.handoffs, [], "it did not come from claude");
    }
    claude.end(Ok(()));
    let reply = poll(&mut trial).expect("done").expect("an answer");
    let way: Vec<String> = reply.handoffs.iter().map(ToString::to_string).collect();
    assert_eq!(way, ["groq -> claude (recovered, automatic)"]);
    let status = chain.status();
    assert!(status[0].current, "and there it stays");
}
