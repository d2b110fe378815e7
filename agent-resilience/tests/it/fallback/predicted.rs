//! A provider is left before its limit is met, and calls under way are counted.

use std::num::NonZeroU32;
use std::time::Duration;

use agent_primitives::{Clock, HandoffReason, ManualClock, TokenUsage};
use agent_resilience::classify::{
    LimitSnapshot, LimitWindow,
    LimitedResource::{InputTokens, Requests},
    When,
};
use agent_resilience::{
    CallOptions, ChainError, ConcurrencyConfig, FallbackConfig, HedgeConfig, InvalidChain,
    LinkConfig, Metering, Needs, Profile, RateLimitConfig, RateWindow, Rest, WindowKind,
};

use super::stage::{Call, Several, config, gated_with, poll, provider};

fn limits(name: &str, rate_limit: RateLimitConfig) -> FallbackConfig {
    let mut config = config();
    let own = LinkConfig {
        rate_limit: Some(rate_limit),
        ..LinkConfig::default()
    };
    config.links.insert(provider(name), own);
    config
}

fn two() -> [(&'static str, Profile); 2] {
    [
        ("claude", Profile::default().vendor("anthropic")),
        ("groq", Profile::default().vendor("groq")),
    ]
}

fn stated(limit: u64, remaining: u64, reset: u64) -> Metering {
    let mut window = LimitWindow::new(Requests);
    window.limit = Some(limit);
    window.remaining = Some(remaining);
    window.period = Some(Duration::from_secs(60));
    window.reset = Some(When::In(Duration::from_secs(reset)));
    let mut snapshot = LimitSnapshot::NONE;
    snapshot.push(window);
    Metering::default().limits(snapshot)
}

#[tokio::test]
async fn a_configured_limit_is_never_met() {
    let minute = RateWindow::per_minute(Requests, 20).kind(WindowKind::Fixed);
    let rate = RateLimitConfig::default().window(minute);
    let several = Several::with(&two(), limits("claude", rate));
    for _ in 0..20 {
        assert_eq!(several.who().await, "claude");
    }
    let reply = several.chain.call("hello").await.expect("an answer");
    assert_eq!((reply.value.as_str(), reply.attempts), ("groq", 1));
    assert_eq!(
        reply.handoffs[0].to_string(),
        "claude -> groq (predicted, automatic)"
    );
    several.clock.advance(Duration::from_secs(59));
    assert_eq!(several.who().await, "groq");
    several.clock.advance(Duration::from_secs(1));
    let reply = several.chain.call("hello").await.expect("an answer");
    assert_eq!(reply.value, "claude", "the minute is over");
    assert_eq!(reply.handoffs[0].reason, HandoffReason::Recovered);
}

#[tokio::test]
async fn a_limit_is_learned_from_replies_and_comes_back_with_its_reset() {
    let several = Several::of(&two());
    several.providers[1].meters(&stated(100, 3, 42));
    several.chain.pin(&provider("groq")).expect("known");
    several.who().await;
    several.chain.unpin();
    several.providers[0].meters(&stated(50, 2, 42));
    for _ in 0..3 {
        assert_eq!(several.who().await, "claude", "the reply repeats 2 left");
        several.providers[0].meters(&Metering::default());
    }
    let reply = several.chain.call("hello").await.expect("an answer");
    assert_eq!(reply.value, "groq");
    assert_eq!(reply.handoffs[0].reason, HandoffReason::Predicted);
    let status = &several.chain.status()[0];
    assert!(status.limits[0].remaining == 0 && status.rests_for.is_some());
    let calls = several.calls()[0];
    several.clock.advance(Duration::from_secs(29));
    several.who().await;
    assert_eq!(several.calls()[0], calls, "hysteresis");
    several.clock.advance(Duration::from_secs(1));
    assert_eq!(
        several.who().await,
        "claude",
        "it refills: half of it is back"
    );
}

#[tokio::test]
async fn a_window_that_ends_at_once_is_left_until_its_end() {
    let several = Several::of(&two());
    several.chain.pin(&provider("groq")).expect("known");
    several.providers[1].meters(&stated(100, 1, 42));
    several.who().await;
    several.providers[1].meters(&Metering::default());
    several.who().await;
    let error = several.chain.call("hello").await.expect_err("nothing left");
    let ChainError::Exhausted(exhausted) = error else {
        unreachable!("{error}")
    };
    assert_eq!(exhausted.retry_in(), Some(Duration::from_secs(42)));
    assert_eq!(exhausted.attempts, 0, "nobody was asked");
    several.clock.advance(Duration::from_secs(42));
    assert_eq!(several.who().await, "groq");
}

#[tokio::test]
async fn windows_that_a_later_reply_names_are_counted_too() {
    let several = Several::of(&two());
    let reply = |resource, limit, remaining| {
        let mut window = LimitWindow::new(resource);
        (window.limit, window.remaining) = (Some(limit), Some(remaining));
        window.period = Some(Duration::from_secs(60));
        let mut limits = LimitSnapshot::NONE;
        limits.push(window);
        Metering::default().limits(limits)
    };
    several.providers[0].meters(&reply(Requests, 50, 49));
    several.who().await;
    several.providers[0].meters(&reply(InputTokens, 10_000, 4_000));
    several.who().await;
    several.providers[0].meters(&Metering::default());
    let left = || -> Vec<u64> {
        let status = several.chain.status();
        status[0]
            .limits
            .iter()
            .map(|window| window.remaining)
            .collect()
    };
    assert_eq!(left(), [48, 4_000]);
    let options = CallOptions::new().needs(Needs::default().input(3_000));
    assert_eq!(several.who_with(&options).await, "claude");
    assert_eq!(left(), [47, 1_000], "both are counted");
    assert_eq!(several.who_with(&options).await, "groq", "it does not fit");
    assert_eq!(left(), [47, 1_000], "what was refused took nothing");
    several.providers[0].meters(&reply(InputTokens, 10_000, 500));
    several.who().await;
    assert_eq!(left(), [46, 500], "each is told of its own");
}

#[tokio::test]
async fn what_is_set_is_not_added_to_and_what_is_learned_is_bounded() {
    let reply = |minutes: u64| {
        let mut window = LimitWindow::new(Requests);
        (window.limit, window.remaining) = (Some(50 * minutes), Some(40 * minutes));
        window.period = Some(Duration::from_secs(60 * minutes));
        let mut limits = LimitSnapshot::NONE;
        limits.push(window);
        Metering::default().limits(limits)
    };
    let minute = RateWindow::per_minute(InputTokens, 9_000);
    let set = limits("claude", RateLimitConfig::default().window(minute));
    for (config, expected) in [(set, 1), (config(), 4)] {
        let several = Several::with(&two(), config);
        for minutes in 1..=9 {
            several.providers[0].meters(&reply(minutes));
            several.who().await;
        }
        assert_eq!(several.chain.status()[0].limits.len(), expected);
    }
}

#[tokio::test]
async fn a_day_that_is_used_up_is_left_until_midnight() {
    let day = RateWindow::per_day(Requests, 10).kind(WindowKind::Fixed);
    let rate = RateLimitConfig::default().window(day);
    let several = Several::with(&two(), limits("claude", rate));
    for _ in 0..10 {
        assert_eq!(several.who().await, "claude");
    }
    assert_eq!(several.who().await, "groq");
    several.clock.advance(Duration::from_secs(86_399));
    assert_eq!(several.who().await, "groq");
    several.clock.advance(Duration::from_secs(1));
    assert_eq!(several.who().await, "claude");
}

#[tokio::test]
async fn one_request_that_is_too_large_for_what_is_left_goes_elsewhere_alone() {
    let rate = RateLimitConfig::default().window(RateWindow::per_minute(InputTokens, 10_000));
    let several = Several::with(&two(), limits("claude", rate));
    let of = |tokens| CallOptions::new().needs(Needs::default().input(tokens));
    several.providers[0].meters(&Metering::default().usage(TokenUsage::new(6_000, 10)));
    assert_eq!(several.who_with(&of(6_000)).await, "claude");
    assert_eq!(several.who_with(&of(6_000)).await, "groq", "4 000 are left");
    several.providers[0].meters(&Metering::default().usage(TokenUsage::new(1_000, 10)));
    assert_eq!(several.who_with(&of(1_000)).await, "claude");
    assert!(several.chain.status()[0].current);
}

#[tokio::test]
async fn the_estimate_is_settled_with_what_the_reply_says() {
    let rate = RateLimitConfig::default().window(RateWindow::per_minute(InputTokens, 10_000));
    let several = Several::with(&two(), limits("claude", rate));
    let options = CallOptions::new().needs(Needs::default().input(6_000));
    several.providers[0].meters(&Metering::default().usage(TokenUsage::new(500, 10)));
    for _ in 0..8 {
        assert_eq!(several.who_with(&options).await, "claude");
    }
    assert_eq!(several.chain.status()[0].limits[0].remaining, 6_000);
}

#[test]
fn what_is_under_way_counts_and_a_dropped_call_gives_back_its_place_alone() {
    let minute = RateWindow::per_minute(Requests, 30).kind(WindowKind::Fixed);
    let mut config = limits("claude", RateLimitConfig::default().window(minute));
    if let Some(own) = config.links.get_mut(&provider("claude")) {
        own.concurrency = Some(ConcurrencyConfig {
            limit: NonZeroU32::MIN.saturating_add(1),
            ..ConcurrencyConfig::default()
        });
    }
    let clock = ManualClock::default();
    let (chain, [claude, groq]) = gated_with(["claude", "groq"], config, &clock);
    let mut calls: Vec<Call<'_>> = (0..3).map(|_| Box::pin(chain.call("a")) as _).collect();
    for call in &mut calls {
        assert!(poll(call).is_none());
    }
    assert_eq!((claude.under_way(), groq.under_way()), (2, 1));
    let of_claude = |field: fn(&agent_resilience::ProviderStatus) -> u64| field(&chain.status()[0]);
    assert_eq!(of_claude(|s| u64::from(s.in_flight)), 2);
    assert_eq!(of_claude(|s| s.limits[0].remaining), 28);
    assert!(chain.status()[0].current, "one too many is no switch");
    calls.clear();
    assert_eq!(of_claude(|s| u64::from(s.in_flight)), 0);
    assert_eq!(of_claude(|s| s.limits[0].remaining), 28, "claude has them");
    let mut call: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut call).is_none());
    assert_eq!(claude.under_way(), 1);
}

#[test]
fn several_keys_of_one_account_count_against_one_limit() {
    let account = |key| Profile::default().key(key).account("team");
    let model = || "opus".parse().expect("a valid name");
    let minute = RateWindow::per_minute(Requests, 3).kind(WindowKind::Fixed);
    let config = limits("k1", RateLimitConfig::default().window(minute));
    let several = Several::with(
        &[
            ("k1", account("k1").model(model())),
            ("k2", account("k2").model(model())),
            ("groq", Profile::default()),
        ],
        config.clone(),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        for _ in 0..3 {
            assert_eq!(several.who().await, "k1");
        }
        assert_eq!(several.who().await, "groq", "k2 has the same limit");
    });

    let mut twice = config;
    let own = twice.links[&provider("k1")].clone();
    twice.links.insert(provider("k2"), own);
    let refused = Several::try_with(
        &[
            ("k1", account("k1").model(model())),
            ("k2", account("k2").model(model())),
        ],
        twice,
    );
    assert_eq!(refused.err(), Some(InvalidChain::TwoLimits(provider("k2"))));
}

#[test]
fn settings_that_cannot_hold_are_refused() {
    let zero = RateLimitConfig::default().window(RateWindow::per_minute(Requests, 0));
    let refused = |config| {
        let refused = Several::try_with(&two(), config);
        refused.err().expect("it cannot hold").to_string()
    };
    let said = refused(limits("claude", zero));
    assert!(
        said.starts_with("links.claude.rate_limit.windows[0]"),
        "{said}"
    );
    assert_eq!(
        refused(limits("grok", RateLimitConfig::default())),
        "settings for grok, which the chain does not have; add it or take them out"
    );
    let hedge = |seconds| FallbackConfig {
        hedge: Some(HedgeConfig {
            after: Duration::from_secs(seconds),
        }),
        ..FallbackConfig::default()
    };
    assert_eq!(
        refused(hedge(120)),
        "hedge.after: is 120s, and an attempt ends after 120s; make it less than attempt_timeout"
    );
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let mut times = FallbackConfig::default();
    times.retry.total = seconds(60);
    let built = Several::try_with(&two(), times.clone());
    assert!(built.is_ok(), "the default of an attempt gives way");
    times.attempt_timeout = seconds(60);
    assert_eq!(
        refused(times.clone()),
        "attempt_timeout: is 60s, and a request ends after 60s (retry.total), so that nobody else \
         could be asked; make it less than retry.total, or null for no limit"
    );
    (times.retry.total, times.attempt_timeout) = (seconds(120), seconds(120));
    times.retry.attempt_timeout = seconds(119);
    assert!(Several::try_with(&two(), times.clone()).is_ok());
    times.hedge = hedge(119).hedge;
    assert_eq!(
        refused(times.clone()),
        "hedge.after: is 119s, and an attempt ends after 119s; make it less than retry.attempt_timeout"
    );
    (times.attempt_timeout, times.retry.attempt_timeout) = (None, None);
    times.hedge = hedge(120).hedge;
    assert_eq!(
        refused(times.clone()),
        "hedge.after: is 120s, and a request ends after 120s; make it less than retry.total"
    );
    (times.hedge, times.wait_for_first, times.retry.total) = (None, true, None);
    assert_eq!(
        refused(times),
        "wait_for_first: is set, and retry.total is null, so that nothing says how long to wait; give \
         retry.total, the longest that a request may take"
    );
    let rest = |change: fn(&mut Rest)| {
        let mut config = FallbackConfig::default();
        change(&mut config.rest);
        refused(config)
    };
    assert_eq!(
        rest(|rest| rest.until_mended = Duration::ZERO),
        "rest.until_mended: is 0; give how long to leave alone who needs somebody to mend something, \
         or it is asked at once and for nothing"
    );
    assert_eq!(
        rest(|rest| rest.longest_hint = Duration::ZERO),
        "rest.longest_hint: is 0; give the longest rest that a provider may ask for, or what it asks \
         for is ignored"
    );
    let mut config = FallbackConfig::default();
    config.returning.first_percent = 0;
    assert_eq!(
        refused(config),
        "returning.first_percent: is 0; give 1 to 100"
    );
    let config = FallbackConfig {
        decisions: 100_000,
        ..FallbackConfig::default()
    };
    assert_eq!(refused(config), "decisions: is 100000; keep at most 4096");
    let unknown = serde_json::from_str::<FallbackConfig>(r#"{"hegde": null}"#);
    assert!(unknown.is_err_and(|error| error.to_string().contains("unknown field `hegde`")));
}

#[test]
fn nobody_waits_unless_that_is_wanted_and_then_for_the_first_to_come_back() {
    let minute = RateWindow::per_minute(Requests, 1).kind(WindowKind::Fixed);
    let mut config = limits("claude", RateLimitConfig::default().window(minute));
    config.wait_for_first = true;
    config.wait_spread = Duration::ZERO;
    config.retry.total = Some(Duration::from_secs(90));
    let clock = ManualClock::default();
    let (chain, [claude]) = gated_with(["claude"], config, &clock);
    let mut first: Call<'_> = Box::pin(chain.call("a"));
    assert!(poll(&mut first).is_none());
    claude.end(Ok(()));
    assert!(poll(&mut first).is_some());

    let mut second: Call<'_> = Box::pin(chain.call("b"));
    assert!(poll(&mut second).is_none(), "it waits");
    clock.advance(Duration::from_secs(59));
    assert!(poll(&mut second).is_none());
    assert_eq!(claude.begun(), 1);
    clock.advance(Duration::from_secs(1));
    assert!(poll(&mut second).is_none());
    assert_eq!(claude.begun(), 2);
    claude.end(Ok(()));
    let reply = poll(&mut second).expect("done").expect("an answer");
    assert_eq!(reply.elapsed, Duration::from_secs(60));

    let soon = CallOptions::new().deadline(agent_resilience::Deadline::after(
        clock.monotonic(),
        Duration::from_secs(30),
    ));
    let mut third: Call<'_> = Box::pin(chain.call_with("c", &soon));
    let error = poll(&mut third).expect("at once").expect_err("too late");
    assert!(matches!(error, ChainError::Exhausted(_)), "{error}");
}
