//! Putting a chain together, and repeating what it did.

use agent_primitives::{Clock, ManualClock};
use agent_resilience::{Backoff, FallbackChain, InvalidChain};

use super::stage::{Scripted, Skip, config, overloaded, provider};

#[tokio::test]
async fn one_seed_gives_one_story() {
    let story = async |seed| {
        let clock = ManualClock::default();
        let claude = Scripted::new("claude");
        claude.fails(2, &overloaded());
        let mut config = config();
        config.retry.backoff = Backoff::default();
        let chain = FallbackChain::builder()
            .provider(claude)
            .config(config)
            .seed(seed)
            .clock(clock.clone())
            .sleep(Skip(clock.clone()))
            .build()
            .expect("a valid chain");
        chain.call("hello").await.expect("an answer");
        clock.monotonic()
    };
    assert_eq!(story(7).await, story(7).await);
    assert_ne!(story(7).await, story(8).await);
}

#[test]
fn a_chain_that_cannot_work_is_not_built() {
    #[cfg(not(feature = "tokio"))]
    assert_eq!(
        FallbackChain::builder()
            .provider(Scripted::new("claude"))
            .build()
            .expect_err("nothing to wait with"),
        InvalidChain::NoSleep
    );
    let twice = FallbackChain::builder()
        .provider(Scripted::new("claude"))
        .provider(Scripted::new("claude"))
        .sleep(Skip(ManualClock::default()))
        .build()
        .expect_err("two of one name");
    assert_eq!(twice, InvalidChain::Duplicate(provider("claude")));
    let mut many = FallbackChain::builder().sleep(Skip(ManualClock::default()));
    for number in 0..33 {
        many = many.provider(Scripted::new(&format!("claude-{number}")));
    }
    assert_eq!(
        many.build()
            .expect_err("a decision names fewer")
            .to_string(),
        "33 providers; a fallback chain has at most 32: take some out, or put a chain in the place of \
         several"
    );
}
