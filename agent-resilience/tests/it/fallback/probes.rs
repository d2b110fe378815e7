//! Cheap questions that end a rest.

use std::sync::PoisonError;
use std::time::Duration;

use agent_primitives::{FailureKind, ManualClock, ProviderId};
use agent_resilience::classify::Verdict;
use agent_resilience::{Failure, FallbackChain, Profile, Provider};

use super::stage::{
    Call, Scripted, Skip, config, gated, limited, overloaded, poll, setup, setup_with,
};

#[tokio::test]
async fn a_probe_that_passes_ends_the_rest_of_a_passing_failure() {
    let mut config = config();
    config.rest.first = Duration::from_secs(600);
    let setup = setup_with(config);
    setup.claude.fails(3, &overloaded());
    assert_eq!(setup.who().await, "groq");
    assert!(setup.chain.probe_due().await.is_empty(), "not due yet");
    setup.clock.advance(Duration::from_secs(60));
    let outcomes = setup.chain.probe_due().await;
    assert_eq!(outcomes.len(), 1);
    assert!(outcomes[0].1.is_ok());
    assert_eq!(setup.who().await, "claude");
    assert!(setup.chain.probe_due().await.is_empty(), "nobody rests");
}

#[tokio::test]
async fn a_probe_that_fails_keeps_it_resting() {
    let setup = setup();
    setup.claude.fails(3, &overloaded());
    assert_eq!(setup.who().await, "groq");
    setup
        .claude
        .probes
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push_back(overloaded());
    setup.clock.advance(Duration::from_secs(60));
    assert!(setup.chain.probe_due().await[0].1.is_err());
    setup.clock.advance(Duration::from_secs(59));
    assert_eq!(setup.who().await, "groq");
}

#[tokio::test]
async fn a_probe_that_passes_does_not_shorten_a_limit() {
    let setup = setup();
    setup.claude.fails(1, &limited(600));
    assert_eq!(setup.who().await, "groq");
    setup.clock.advance(Duration::from_secs(60));
    assert!(setup.chain.probe_due().await[0].1.is_ok());
    assert_eq!(setup.who().await, "groq");
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn background_probes_bring_the_primary_back_and_end_with_their_task() {
    let claude = Scripted::new("claude");
    let mut config = config();
    config.rest.first = Duration::from_secs(600);
    let clock = ManualClock::default();
    let chain = FallbackChain::builder()
        .provider(claude.clone())
        .provider(Scripted::new("groq"))
        .config(config)
        .clock(clock.clone())
        .build()
        .expect("a valid chain");
    claude.fails(3, &overloaded());
    assert_eq!(chain.call("hello").await.expect("an answer").value, "groq");
    let probes = chain.spawn_probes();
    clock.advance(Duration::from_secs(61));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(
        chain.call("hello").await.expect("an answer").value,
        "claude"
    );
    assert!(!probes.is_finished());
}

#[tokio::test]
async fn without_a_probe_a_rest_lasts_its_time() {
    let (chain, [claude, groq, _], clock) = gated();
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    claude.end(Err(Verdict::new(FailureKind::Unknown)));
    assert!(poll(&mut call).is_none());
    groq.end(Ok(()));
    assert!(poll(&mut call).is_some());
    clock.advance(Duration::from_secs(29));
    assert!(chain.probe_due().await.is_empty());
    assert_eq!(chain.status()[0].rests_for, Some(Duration::from_secs(1)));
}

/// One that has no probe.
struct Mute(Scripted);

#[async_trait::async_trait]
impl Provider<str> for Mute {
    type Reply = String;
    fn id(&self) -> &ProviderId {
        &self.0.id
    }
    async fn call(&self, request: &str) -> Result<String, Failure> {
        self.0.call(request).await
    }
}

#[tokio::test]
async fn whoever_has_no_probe_leaves_it_to_those_that_share_what_rests() {
    let clock = ManualClock::default();
    let (mute, asked) = (Scripted::new("mute"), Scripted::new("asked"));
    mute.fails(1, &Verdict::new(FailureKind::QuotaExhausted));
    let team = Profile::default().account("team");
    let chain = FallbackChain::builder()
        .provider_with(Mute(mute), team.clone())
        .provider_with(asked, team)
        .config(config())
        .clock(clock.clone())
        .sleep(Skip(clock.clone()))
        .build()
        .expect("a valid chain");
    assert!(chain.call("hello").await.is_err(), "they share the account");
    clock.advance(Duration::from_secs(60));
    let who = async || -> Vec<String> {
        let outcomes = chain.probe_due().await;
        outcomes.iter().map(|(id, _)| id.to_string()).collect()
    };
    assert_eq!(who().await, ["asked"]);
    assert!(who().await.is_empty(), "not due again");
}
