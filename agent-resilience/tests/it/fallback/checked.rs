//! Replies that are not good enough, and providers that are slow.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_primitives::{Clock, FailureKind, HandoffReason, ManualClock};
use agent_resilience::classify::Verdict;
use agent_resilience::{
    CheckLevel, ConcurrencyConfig, FallbackChain, FallbackConfig, HedgeConfig, LinkConfig, Profile,
    Rejection, ReplyCheck,
};

use super::stage::{Call, Scripted, Skip, config, gated_with, poll, provider};

/// Rejects replies of these providers, and notes how closely it looked.
#[derive(Clone, Default)]
struct Strict {
    rejects: Vec<&'static str>,
    looked: Arc<Mutex<Vec<(String, CheckLevel)>>>,
}

impl ReplyCheck<str, String> for Strict {
    fn check(&self, _: &str, reply: &String, level: CheckLevel) -> Result<(), Rejection> {
        self.looked
            .lock()
            .expect("no panic")
            .push((reply.clone(), level));
        if self.rejects.contains(&reply.as_str()) {
            return Err(Rejection::new("too short"));
        }
        Ok(())
    }
}

fn chain(
    strict: &Strict,
    strengths: &[(&str, u8)],
    config: FallbackConfig,
) -> (FallbackChain<str, String>, Vec<Scripted>) {
    let clock = ManualClock::default();
    let mut builder = FallbackChain::builder()
        .config(config)
        .clock(clock.clone())
        .sleep(Skip(clock))
        .reply_check(strict.clone());
    let mut providers = Vec::new();
    for (name, strength) in strengths {
        let provider = Scripted::new(name);
        providers.push(provider.clone());
        builder = builder.provider_with(provider, Profile::default().strength(*strength));
    }
    (builder.build().expect("a valid chain"), providers)
}

#[tokio::test]
async fn a_rejected_reply_moves_on_to_a_stronger_one_and_nobody_rests() {
    let strict = Strict {
        rejects: vec!["small"],
        ..Strict::default()
    };
    let links = [("small", 3), ("tiny", 1), ("large", 9)];
    let (chain, providers) = chain(&strict, &links, config());
    let reply = chain.call("hello").await.expect("an answer");
    assert_eq!((reply.value.as_str(), reply.attempts), ("large", 2));
    assert_eq!(reply.handoffs[0].reason, HandoffReason::Quality);
    assert_eq!(providers[1].calls(), 0, "it is weaker still");
    assert!(
        chain
            .status()
            .iter()
            .all(|status| status.rests_for.is_none())
    );
}

#[tokio::test]
async fn without_a_stronger_one_the_next_is_asked_and_the_last_rejection_is_told() {
    let strict = Strict {
        rejects: vec!["large", "small"],
        ..Strict::default()
    };
    let (chain, _) = chain(&strict, &[("large", 9), ("small", 3)], config());
    let error = chain
        .call("hello")
        .await
        .expect_err("nobody is good enough");
    assert_eq!(error.attempts(), 2);
    let rejected = std::error::Error::source(&error).and_then(|failure| failure.source());
    assert_eq!(
        rejected.map(ToString::to_string).as_deref(),
        Some("reply rejected: too short")
    );
}

#[tokio::test]
async fn a_weaker_model_that_took_over_is_looked_at_more_closely() {
    let strict = Strict::default();
    let (chain, providers) = chain(&strict, &[("large", 9), ("small", 3)], config());
    chain.call("hello").await.expect("an answer");
    providers[0].fails(1, &Verdict::new(FailureKind::QuotaExhausted));
    chain.call("hello").await.expect("an answer");
    assert_eq!(
        *strict.looked.lock().expect("no panic"),
        [
            ("large".to_owned(), CheckLevel::Basic),
            ("small".to_owned(), CheckLevel::Enhanced)
        ]
    );
}

#[tokio::test]
async fn with_checks_off_nobody_looks() {
    let strict = Strict {
        rejects: vec!["large"],
        ..Strict::default()
    };
    let mut config = config();
    config.check.level = CheckLevel::Off;
    let (chain, _) = chain(&strict, &[("large", 9), ("small", 3)], config);
    assert_eq!(chain.call("hello").await.expect("an answer").value, "large");
}

fn hedged() -> FallbackConfig {
    let mut config = config();
    config.hedge = Some(HedgeConfig {
        after: Duration::from_secs(3),
    });
    for name in ["claude", "groq"] {
        let own = LinkConfig {
            concurrency: Some(ConcurrencyConfig {
                limit: NonZeroU32::MIN,
                ..ConcurrencyConfig::default()
            }),
            ..LinkConfig::default()
        };
        config.links.insert(provider(name), own);
    }
    config
}

#[test]
fn a_second_provider_is_asked_after_a_while_and_the_first_answer_counts() {
    let clock = ManualClock::default();
    let (chain, [claude, groq]) = gated_with(["claude", "groq"], hedged(), &clock);
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    clock.advance(Duration::from_millis(2_999));
    assert!(poll(&mut call).is_none());
    assert_eq!(groq.begun(), 0);
    clock.advance(Duration::from_millis(1));
    assert!(poll(&mut call).is_none());
    assert_eq!((claude.under_way(), groq.under_way()), (1, 1));
    clock.advance(Duration::from_secs(1));
    groq.end(Ok(()));
    let reply = poll(&mut call).expect("done").expect("an answer");
    assert_eq!((reply.value.as_str(), reply.attempts), ("groq", 2));
    assert_eq!(reply.latency, Duration::from_secs(1));
    assert!(reply.handoffs.is_empty(), "nobody handed over");
    drop(call);
    assert_eq!(claude.under_way(), 0, "the other one was dropped");
    let status = chain.status();
    assert!(status[0].current && status.iter().all(|s| s.in_flight == 0));
    let mut next: Call<'_> = Box::pin(chain.call("b"));
    assert!(poll(&mut next).is_none());
    assert_eq!(claude.under_way(), 1, "its only place is free again");
}

#[test]
fn the_first_may_still_answer_first_and_a_second_that_fails_changes_nothing() {
    let clock = ManualClock::default();
    let (chain, [claude, groq]) = gated_with(["claude", "groq"], hedged(), &clock);
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    clock.advance(Duration::from_secs(3));
    assert!(poll(&mut call).is_none());
    groq.end(Err(Verdict::new(FailureKind::QuotaExhausted)));
    assert!(poll(&mut call).is_none());
    claude.end(Ok(()));
    let reply = poll(&mut call).expect("done").expect("an answer");
    assert_eq!(reply.value, "claude");
}

#[test]
fn an_answer_before_the_time_asks_nobody_else() {
    let clock = ManualClock::default();
    let (chain, [claude, groq]) = gated_with(["claude", "groq"], hedged(), &clock);
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    clock.advance(Duration::from_secs(2));
    claude.end(Ok(()));
    let reply = poll(&mut call).expect("done").expect("an answer");
    assert_eq!((reply.attempts, reply.elapsed), (1, Duration::from_secs(2)));
    assert_eq!(
        (groq.begun(), clock.monotonic().nanos()),
        (0, 2_000_000_000)
    );
}
