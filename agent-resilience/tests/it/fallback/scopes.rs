//! A failure cools what it reaches, and nothing beside it.

use std::time::Duration;

use agent_primitives::{FailureKind, ModelId, Scope};
use agent_resilience::Profile;
use agent_resilience::classify::Verdict;

use super::stage::{Several, limited, overloaded, provider};

fn profile(key: &str, model: &str) -> Profile {
    let model = ModelId::new(model).expect("a valid name");
    Profile::default().vendor("anthropic").key(key).model(model)
}

#[tokio::test]
async fn a_bad_key_cools_the_links_of_that_key_alone() {
    let several = Several::of(&[
        ("k1-opus", profile("k1", "opus")),
        ("k1-haiku", profile("k1", "haiku")),
        ("k2-opus", profile("k2", "opus")),
    ]);
    several.providers[0].fails(1, &Verdict::new(FailureKind::Auth));
    assert_eq!(several.who().await, "k2-opus");
    assert_eq!(several.resting(), [0, 1]);
    assert_eq!(several.calls(), [1, 0, 1], "its sister was not asked");
    let reason = several.chain.status()[1].failure;
    assert_eq!(reason, Some(FailureKind::Auth), "and says why it rests");
}

#[tokio::test]
async fn a_limit_of_a_model_cools_that_model_of_that_key_alone() {
    let several = Several::of(&[
        ("k1-opus", profile("k1", "opus")),
        ("k1-haiku", profile("k1", "haiku")),
        ("k2-opus", profile("k2", "opus")),
    ]);
    several.providers[0].fails(1, &limited(60));
    assert_eq!(several.who().await, "k1-haiku");
    assert_eq!(several.resting(), [0]);
    several.clock.advance(Duration::from_secs(60));
    assert_eq!(several.who().await, "k1-opus");
}

#[tokio::test]
async fn an_overloaded_model_is_overloaded_for_every_key() {
    let several = Several::of(&[
        ("k1-opus", profile("k1", "opus")),
        ("k2-opus", profile("k2", "opus")),
        ("k1-haiku", profile("k1", "haiku")),
    ]);
    several.providers[0].fails(3, &overloaded());
    assert_eq!(several.who().await, "k1-haiku");
    assert_eq!(several.calls(), [3, 0, 1]);
}

#[tokio::test]
async fn a_service_that_is_down_is_left_with_all_its_keys_and_its_other_region_is_asked() {
    let several = Several::of(&[
        ("us-1", profile("k1", "opus").region("us")),
        ("us-2", profile("k2", "haiku").region("us")),
        ("eu", profile("k1", "opus").region("eu")),
    ]);
    several.providers[0].fails(3, &Verdict::new(FailureKind::Server));
    assert_eq!(several.who().await, "eu");
    assert_eq!(several.calls(), [3, 0, 1]);
}

#[tokio::test]
async fn one_account_fails_together_and_is_skipped_together() {
    let team = |key, model| profile(key, model).account("team");
    let several = Several::of(&[
        ("opus", team("k1", "opus")),
        ("haiku", team("k2", "haiku")),
        ("groq", Profile::default().vendor("groq")),
    ]);
    several.providers[0].fails(1, &Verdict::new(FailureKind::QuotaExhausted));
    assert_eq!(several.who().await, "groq");
    assert_eq!(several.calls(), [1, 0, 1], "the same money would be asked");
    several.clock.advance(Duration::from_secs(3_600));
    assert_eq!(several.who().await, "opus", "back together");
}

#[tokio::test]
async fn a_limit_of_the_account_without_a_hint_holds_for_all_its_links() {
    let team = |key, model| profile(key, model).account("team");
    let several = Several::of(&[("opus", team("k1", "opus")), ("haiku", team("k2", "haiku"))]);
    let limit = Verdict::new(FailureKind::RateLimited).scope(Scope::Account);
    several.providers[0].fails(3, &limit);
    several
        .chain
        .call("hello")
        .await
        .expect_err("nobody else has quota");
    assert_eq!(several.calls(), [3, 0]);
}

#[tokio::test]
async fn the_last_that_a_neighbours_failure_sent_to_rest_is_asked_all_the_same() {
    let several = Several::of(&[("k1", profile("k1", "opus")), ("k2", profile("k2", "opus"))]);
    several.providers[0].fails(3, &Verdict::new(FailureKind::Server));
    assert_eq!(several.who().await, "k2");
    assert_eq!(several.calls(), [3, 1]);
}

#[tokio::test]
async fn a_last_resort_is_asked_once() {
    let several = Several::of(&[("only", Profile::default())]);
    several.providers[0].fails(4, &overloaded());
    several.chain.call("hello").await.expect_err("it fails");
    assert_eq!(several.calls(), [3]);
    several
        .chain
        .call("hello")
        .await
        .expect_err("it still fails");
    assert_eq!(several.calls(), [4], "no pauses for whoever rests");
    assert_eq!(several.who().await, "only");
}

#[tokio::test]
async fn a_success_of_one_shows_what_it_shares() {
    let several = Several::of(&[("k1", profile("k1", "opus")), ("k2", profile("k2", "opus"))]);
    several.providers[0].fails(3, &overloaded());
    assert_eq!(several.who().await, "k2", "as the last resort");
    assert!(several.resting().is_empty(), "the model works again");
    assert_eq!(several.who().await, "k1");
}

#[tokio::test]
async fn a_reset_ends_what_is_shared() {
    let team = |key| profile(key, "opus").account("team");
    let several = Several::of(&[("k1", team("k1")), ("k2", team("k2"))]);
    several.providers[0].fails(1, &Verdict::new(FailureKind::QuotaExhausted));
    several.chain.call("hello").await.expect_err("no money");
    several.chain.reset(&provider("k2")).expect("known");
    assert!(several.resting().is_empty());
}

#[tokio::test]
async fn one_probe_is_made_for_all_that_share_what_rests() {
    let several = Several::of(&[
        ("k1", profile("k1", "opus")),
        ("k2", profile("k2", "opus")),
        ("groq", Profile::default()),
    ]);
    several.providers[0].fails(3, &overloaded());
    assert_eq!(several.who().await, "groq");
    several.clock.advance(Duration::from_secs(60));
    assert_eq!(several.chain.probe_due().await.len(), 1);
    assert!(several.resting().is_empty());
}
