//! What a stream took and how long its provider let it wait, settled at its end.

use std::num::NonZeroU32;
use std::time::Duration;

use agent_primitives::{BreakerState, FailureKind, SessionId};
use agent_resilience::{
    BreakerConfig, CallOptions, FallbackChain, FallbackConfig, Needs, Profile, RetryPolicy,
    SessionBudget, SlowCalls, SpendBudget, SpendBudgetConfig, SpendCap, StreamOptions, TokenPrice,
};
use futures_util::StreamExt;

use super::chain::{Streams, give};
use super::scripted::{Item, PausedClock, Scripted, Step, limits};

fn chain(script: Vec<Step>, breaker: BreakerConfig) -> FallbackChain<str, Scripted> {
    let dollar = "10".parse().unwrap();
    FallbackChain::builder()
        .provider_with(
            Streams::new("claude", [script]),
            Profile::default().price(TokenPrice::per_million(dollar, dollar)),
        )
        .config(FallbackConfig {
            retry: RetryPolicy {
                max_attempts: NonZeroU32::MIN,
                ..RetryPolicy::default()
            },
            breaker,
            stream: limits(),
            ..FallbackConfig::default()
        })
        .clock(PausedClock::new())
        .build()
        .unwrap()
}

fn session() -> SessionBudget {
    let config = SpendBudgetConfig::default().session(SpendCap::tokens(1_000_000));
    let budget = SpendBudget::new(&config).unwrap();
    budget.session(&SessionId::new("s").unwrap()).unwrap()
}

/// Tokens that are spent on a stream that broke off with this failure after these items.
async fn spent(items: &[Item], kind: FailureKind) -> u64 {
    let budget = session();
    let script = items.iter().cloned().map(give).chain([Step::Fail(kind)]);
    let chain = chain(script.collect(), BreakerConfig::default());
    let needs = Needs::default().input(900).output(100);
    let options = CallOptions::new().needs(needs).budget(budget.clone());
    let opened = chain.stream_with("a", &StreamOptions::from(options)).await;
    if let Ok(mut words) = opened {
        while words.next().await.is_some() {}
    }
    budget.spent().tokens
}

#[tokio::test(start_paused = true)]
async fn what_came_before_a_stream_broke_off_is_paid_for_whatever_it_failed_of() {
    let text = Item::Text("sixteen letters.");
    for kind in [
        FailureKind::Overloaded,
        FailureKind::Server,
        FailureKind::RateLimited,
        FailureKind::Network,
    ] {
        let untold = spent(std::slice::from_ref(&text), kind).await;
        assert_eq!(untold, 1_000, "the estimate, after {kind}");
        let told = spent(&[text.clone(), Item::Usage(50)], kind).await;
        assert_eq!(told, 50, "as it was told, after {kind}");
        let early = spent(&[Item::Usage(1), text.clone()], kind).await;
        assert_eq!(early, 4, "what was told, and what came since, after {kind}");
    }
    let nothing = spent(&[Item::Ping], FailureKind::Overloaded).await;
    assert_eq!(nothing, 0, "refused at the door");
}

#[tokio::test(start_paused = true)]
async fn the_pauses_of_a_reader_do_not_make_its_provider_slow() {
    let slow = SlowCalls {
        after: Duration::from_secs(5),
        ..SlowCalls::default()
    };
    let breaker = BreakerConfig {
        slow_calls: Some(slow),
        minimum_calls: NonZeroU32::MIN,
        ..BreakerConfig::default()
    };
    let calls = [
        (0, 30, BreakerState::Closed, "the reader pauses"),
        (6, 0, BreakerState::Open, "the provider does"),
    ];
    for (wait, pause, expected, who) in calls {
        let script = vec![Step::Wait(wait), give(Item::Text("a")), give(Item::End)];
        let chain = chain(script, breaker);
        let mut words = chain.stream("a").await.unwrap();
        tokio::time::advance(Duration::from_secs(pause)).await;
        while words.next().await.is_some() {}
        assert_eq!(chain.status()[0].breaker, expected, "{who}");
    }
}
