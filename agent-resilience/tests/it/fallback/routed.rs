//! Who is able, who is ready, and why.

use std::time::Duration;

use agent_primitives::{FailureKind, Usd};
use agent_resilience::classify::Verdict;
use agent_resilience::{
    CallOptions, Capabilities, ChainError, Considered, FallbackConfig, Needs, Profile, RouteConfig,
    RouteStrategy, Skip, TokenPrice,
};

use super::stage::{Several, config, limited};

fn able(capabilities: Capabilities) -> Profile {
    Profile::default().capabilities(capabilities)
}

fn blind_and_seeing() -> Several {
    Several::of(&[
        ("llama", able(Capabilities::default().without_vision())),
        ("claude", Profile::default()),
    ])
}

#[tokio::test]
async fn a_request_goes_to_whoever_is_able_and_the_others_go_on_as_before() {
    let several = blind_and_seeing();
    assert_eq!(several.who().await, "llama");
    let options = CallOptions::new().needs(Needs::default().vision());
    let reply = several
        .chain
        .call_with("see", &options)
        .await
        .expect("seen");
    assert_eq!(reply.value, "claude");
    assert_eq!(
        reply.handoffs[0].to_string(),
        "llama -> claude (capability, automatic)"
    );
    let reply = several.chain.call("hello").await.expect("an answer");
    assert_eq!(reply.value, "llama");
    assert!(reply.handoffs.is_empty(), "it had never left");
}

#[tokio::test]
async fn nobody_falls_back_to_a_window_that_is_too_small() {
    let several = Several::of(&[
        (
            "large",
            able(Capabilities::default().context_window(200_000)),
        ),
        ("small", able(Capabilities::default().context_window(8_192))),
    ]);
    several.providers[0].fails(1, &Verdict::new(FailureKind::QuotaExhausted));
    let options = CallOptions::new().needs(Needs::default().input(30_000));
    let error = several.chain.call_with("long", &options).await;
    assert!(matches!(error, Err(ChainError::Exhausted(_))), "{error:?}");
    assert_eq!(several.calls(), [1, 0]);
    assert_eq!(several.who().await, "small", "a short one fits");
}

#[tokio::test]
async fn explain_says_of_everybody_what_would_become_of_them() {
    let several = Several::of(&[
        ("limited", Profile::default()),
        ("blind", able(Capabilities::default().without_vision())),
        ("first", Profile::default()),
        ("second", Profile::default()),
    ]);
    several.providers[0].fails(1, &limited(60));
    several.who().await;
    let decision = several.chain.explain(&Needs::default().vision());
    assert_eq!(
        decision.table(&several.chain.providers()).to_string(),
        "limited  skipped  resting\n\
         blind    skipped  no_vision\n\
         first    chosen   -2.000\n\
         second   lost     -3.000  1.000 behind\n"
    );
    assert_eq!(several.calls()[2], 0, "nobody was asked");
}

#[tokio::test]
async fn a_reply_carries_its_decisions_and_the_chain_keeps_the_last() {
    let several = Several::with(
        &[("claude", Profile::default()), ("groq", Profile::default())],
        FallbackConfig {
            decisions: 3,
            ..config()
        },
    );
    several.providers[0].fails(1, &limited(60));
    let reply = several.chain.call("hello").await.expect("an answer");
    let chosen: Vec<_> = reply
        .decisions
        .iter()
        .map(agent_resilience::Decision::chosen)
        .collect();
    assert_eq!(chosen, [Some(0), Some(1)]);
    assert_eq!(
        reply.decisions[1].of(0),
        Some(Considered::Skipped(Skip::Tried))
    );
    for _ in 0..3 {
        several.who().await;
    }
    let kept = several.chain.decisions();
    let requests: Vec<_> = kept.iter().map(|record| record.request).collect();
    assert_eq!(
        (requests, several.chain.decisions_dropped()),
        (vec![2, 3, 4], 2)
    );
}

#[tokio::test]
async fn a_strategy_chooses_and_its_usual_way_is_no_handoff() {
    let price = |dollars: i64| {
        let usd = Usd::from_micros(dollars * 1_000_000);
        Profile::default().price(TokenPrice::per_million(usd, usd))
    };
    let several = Several::with(
        &[
            ("dear", price(15)),
            ("cheap", price(1)),
            ("as-cheap", price(1)),
        ],
        FallbackConfig {
            route: RouteConfig::new(RouteStrategy::Cheapest),
            ..config()
        },
    );
    for _ in 0..40 {
        let reply = several.chain.call("hello").await.expect("an answer");
        assert!(reply.handoffs.is_empty(), "{:?}", reply.handoffs);
    }
    let calls = several.calls();
    assert_eq!((calls[0], calls[1] + calls[2]), (0, 40));
    assert!(calls[1] >= 10 && calls[2] >= 10, "{calls:?}");
}

#[tokio::test]
async fn what_was_learned_decides() {
    let several = Several::with(
        &[("claude", Profile::default()), ("groq", Profile::default())],
        FallbackConfig {
            route: RouteConfig::new(RouteStrategy::Learned),
            ..config()
        },
    );
    // Each of its failures is passed on at once and nobody rests for it.
    let plan = Verdict::new(FailureKind::Unknown).scope(agent_primitives::Scope::Model);
    for _ in 0..200 {
        several.providers[0].mend();
        several.providers[0].fails(1, &plan);
        several.who().await;
        several.clock.advance(Duration::from_secs(31));
    }
    let calls = several.calls();
    assert!(calls[0] < 60, "claude earns nothing: {calls:?}");
}
