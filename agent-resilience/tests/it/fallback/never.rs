//! Who cannot answer a request, however long it waits, is not asked for it again.

use std::num::NonZeroU32;
use std::time::Duration;

use agent_primitives::{Clock, FailureKind, ManualClock};
use agent_resilience::classify::{ContextNumbers, Verdict};
use agent_resilience::{
    CallOptions, Capabilities, ChainError, ConcurrencyConfig, Exhausted, Failure, FallbackChain,
    FallbackConfig, LinkConfig, Needs, Profile, Rejection, ReplyCheck,
};

use super::stage::{Call, Scripted, Several, Skip, config, gated_with, limited, poll, provider};

/// No reply is good enough.
struct Picky;

impl ReplyCheck<str, String> for Picky {
    fn check(&self, _: &str, _: &String, _: agent_resilience::CheckLevel) -> Result<(), Rejection> {
        Err(Rejection::new("too short"))
    }
}

fn waits() -> FallbackConfig {
    let mut config = config();
    config.wait_for_first = true;
    config.retry.total = Some(Duration::from_secs(600));
    config
}

fn exhausted(error: ChainError) -> Exhausted {
    let ChainError::Exhausted(exhausted) = error else {
        unreachable!("{error}")
    };
    exhausted
}

fn too_long(limit: Option<u64>, used: Option<u64>) -> Verdict {
    let numbers = ContextNumbers {
        limit,
        used,
        ..ContextNumbers::default()
    };
    Verdict::new(FailureKind::ContextTooLong).context(numbers)
}

fn window(tokens: u64) -> Profile {
    Profile::default().capabilities(Capabilities::default().context_window(tokens))
}

fn picky(failing: &[(usize, Verdict)]) -> (FallbackChain<str, String>, [Scripted; 2], ManualClock) {
    let clock = ManualClock::default();
    let providers = ["claude", "groq"].map(Scripted::new);
    for (index, verdict) in failing {
        providers[*index].fails(1, verdict);
    }
    let chain = FallbackChain::builder()
        .provider(providers[0].clone())
        .provider(providers[1].clone())
        .config(waits())
        .clock(clock.clone())
        .sleep(Skip(clock.clone()))
        .reply_check(Picky)
        .build()
        .expect("a valid chain");
    (chain, providers, clock)
}

#[tokio::test]
async fn those_whose_replies_are_rejected_are_not_waited_for() {
    let (chain, providers, clock) = picky(&[]);
    let error = chain.call("a").await.expect_err("nobody is good enough");
    assert_eq!(
        error.to_string(),
        "no provider can answer: claude quality, not for this request; \
         groq quality, not for this request"
    );
    assert_eq!(exhausted(error).retry_in(), None);
    assert_eq!(providers.map(|it| it.calls()), [1, 1]);
    assert_eq!(clock.monotonic().nanos(), 0, "nobody waited");
}

#[tokio::test]
async fn after_a_pause_only_those_are_asked_again_who_may_answer() {
    let (chain, providers, clock) = picky(&[(1, limited(60))]);
    let error = chain.call("a").await.expect_err("nobody is good enough");
    assert_eq!(exhausted(error).retry_in(), None);
    assert_eq!(providers.map(|it| it.calls()), [1, 2]);
    let waited = Duration::from_nanos(clock.monotonic().nanos());
    assert!((60..=62).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test]
async fn those_who_are_not_able_are_not_waited_for() {
    let blind = Profile::default().capabilities(Capabilities::default().without_vision());
    let several = Several::with(&[("llama", blind), ("small", window(10))], waits());
    let needs = Needs::default().vision().input(20);
    let options = CallOptions::new().needs(needs);
    let error = several.chain.call_with("see", &options).await;
    let error = error.expect_err("nobody is able");
    assert_eq!(
        error.to_string(),
        "no provider can answer: llama capability, not for this request; \
         small context_too_long, not for this request"
    );
    let ChainError::Exhausted(exhausted) = &error else {
        unreachable!("{error}")
    };
    assert_eq!((exhausted.retry_in(), exhausted.attempts), (None, 0));
    assert_eq!(exhausted.providers[0].retry_at, None);
    // As one stage of several, it is not to be tried again either.
    assert_eq!(Failure::from(error).kind(), FailureKind::NotFound);
}

#[tokio::test]
async fn a_refusal_by_one_is_final_for_it_alone() {
    let several = Several::of(&[("claude", Profile::default()), ("groq", Profile::default())]);
    several.providers[0].fails(1, &limited(120));
    several.providers[1].fails(1, &Verdict::new(FailureKind::InvalidRequest));
    let error = several.chain.call("a").await.expect_err("nobody left");
    let exhausted = exhausted(error);
    let retry: Vec<_> = exhausted.providers.iter().map(|it| it.retry_in).collect();
    assert_eq!(retry, [Some(Duration::from_secs(120)), None]);
    assert_eq!(
        exhausted.providers[1].failure,
        Some(FailureKind::InvalidRequest)
    );
}

#[tokio::test]
async fn whoever_stands_in_may_accept_less_than_the_next() {
    let names = ["claude", "groq", "ollama"].map(|name| (name, Profile::default()));
    let several = Several::of(&names);
    several.providers[0].fails(1, &limited(120));
    assert_eq!(several.who().await, "groq");
    several.providers[1].fails(1, &Verdict::new(FailureKind::InvalidRequest));
    assert_eq!(several.who().await, "ollama", "claude rests all the while");
    several.clock.advance(Duration::from_secs(120));
    several.providers[0].fails(1, &Verdict::new(FailureKind::InvalidRequest));
    let error = several.chain.call("a").await.expect_err("malformed");
    assert!(matches!(error, ChainError::Failed { .. }), "{error}");
}

#[tokio::test]
async fn the_first_that_is_able_stands_in_for_nobody() {
    let blind = Profile::default().capabilities(Capabilities::default().without_vision());
    let any = Profile::default;
    let several = Several::of(&[("llama", blind), ("claude", any()), ("groq", any())]);
    several.providers[1].fails(1, &Verdict::new(FailureKind::InvalidRequest));
    let options = CallOptions::new().needs(Needs::default().vision());
    let error = several.chain.call_with("see", &options).await;
    let error = error.expect_err("malformed");
    assert!(matches!(error, ChainError::Failed { .. }), "{error}");
    assert_eq!(several.calls(), [0, 1, 0]);
}

#[tokio::test]
async fn a_request_is_only_too_long_where_nobody_could_take_it_later() {
    let several = Several::of(&[("claude", Profile::default()), ("groq", Profile::default())]);
    several.providers[0].fails(1, &too_long(Some(8_000), None));
    several.providers[1].fails(1, &limited(120));
    let error = several.chain.call("a").await.expect_err("nobody now");
    let (provider, failure) = error.too_long().expect("it is for claude");
    let limit = failure.verdict().context.and_then(|numbers| numbers.limit);
    assert_eq!((provider.as_str(), limit), ("claude", Some(8_000)));
    let exhausted = exhausted(error);
    assert_eq!(exhausted.retry_in(), Some(Duration::from_secs(120)));
}

#[tokio::test]
async fn windows_that_a_refusal_shows_to_be_too_small_are_not_asked() {
    let links = [
        ("first", window(32_000)),
        ("smaller", window(32_000)),
        ("counted", window(40_000)),
        ("large", window(200_000)),
    ];
    let several = Several::of(&links);
    several.providers[0].fails(1, &too_long(None, Some(50_000)));
    assert_eq!(several.who().await, "large");
    assert_eq!(several.calls(), [1, 0, 0, 1]);

    let several = Several::of(&links);
    several.providers[0].fails(1, &too_long(None, None));
    assert_eq!(several.who().await, "counted", "its window is known");
    assert_eq!(several.calls(), [1, 0, 1, 0]);

    let several = Several::of(&links);
    several.providers[0].fails(1, &too_long(Some(39_999), None));
    assert_eq!(several.who().await, "counted", "it may hold it");
    assert_eq!(several.calls(), [1, 0, 1, 0]);
}

#[test]
fn a_long_wait_keeps_the_last_of_its_decisions() {
    let mut config = waits();
    let one = ConcurrencyConfig {
        limit: NonZeroU32::MIN,
        ..ConcurrencyConfig::default()
    };
    let own = LinkConfig {
        concurrency: Some(one),
        ..LinkConfig::default()
    };
    config.links.insert(provider("claude"), own);
    config.wait_spread = Duration::ZERO;
    let clock = ManualClock::default();
    let (chain, [claude]) = gated_with(["claude"], config, &clock);
    let mut first: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut first).is_none());
    let mut second: Call<'_> = Box::pin(chain.call("b"));
    for _ in 0..1_000 {
        assert!(poll(&mut second).is_none());
        clock.advance(Duration::from_millis(100));
    }
    claude.end(Ok(()));
    assert!(poll(&mut first).is_some());
    assert!(poll(&mut second).is_none(), "at claude");
    claude.end(Ok(()));
    let reply = poll(&mut second).expect("done").expect("an answer");
    assert_eq!((reply.decisions.len(), reply.left_out), (128, 873));
}
