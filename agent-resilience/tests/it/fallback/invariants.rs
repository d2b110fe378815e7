//! What holds whatever the providers do: over random schedules, each from a fixed seed.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU32;
use std::time::Duration;

use agent_primitives::{FailureKind, ManualClock, ModelId, Scope, SessionId, Usd};
use agent_resilience::classify::{LimitedResource::Requests, Verdict, When};
use agent_resilience::{
    CallOptions, ChainError, ConcurrencyConfig, FallbackChain, FallbackConfig, LinkConfig, Needs,
    Profile, RateLimitConfig, RateWindow, RouteConfig, RouteStrategy, RouteWeights, SpendBudget,
    SpendBudgetConfig, SpendCap, WindowKind,
};
use fastrand::Rng;

use super::stage::{Call, Gated, Several, Waits, config, overloaded, poll, provider};

const KINDS: [FailureKind; 10] = [
    FailureKind::RateLimited,
    FailureKind::QuotaExhausted,
    FailureKind::Overloaded,
    FailureKind::Server,
    FailureKind::Timeout,
    FailureKind::Network,
    FailureKind::Auth,
    FailureKind::NotFound,
    FailureKind::StreamCut,
    FailureKind::Unknown,
];

fn some_failure(rng: &mut Rng) -> Verdict {
    let mut verdict = Verdict::new(KINDS[rng.usize(..KINDS.len())]);
    if rng.u8(..4) == 0 {
        let scopes = [Scope::Key, Scope::Model, Scope::Provider, Scope::Account];
        verdict = verdict.scope(scopes[rng.usize(..scopes.len())]);
    }
    if rng.u8(..3) == 0 {
        verdict = verdict.retry_after(When::In(Duration::from_secs(rng.u64(..100))));
    }
    verdict
}

fn some_profile(rng: &mut Rng) -> Profile {
    let mut profile = Profile::default();
    if rng.bool() {
        profile = profile.vendor(["anthropic", "openai"][rng.usize(..2)]);
    }
    if rng.bool() {
        profile = profile.key(["k1", "k2"][rng.usize(..2)]);
    }
    if rng.bool() {
        profile = profile.account(["a1", "a2"][rng.usize(..2)]);
    }
    if rng.bool() {
        let model = ["opus", "haiku"][rng.usize(..2)];
        profile = profile.model(ModelId::new(model).expect("valid"));
    }
    profile
}

fn some_config(rng: &mut Rng) -> FallbackConfig {
    let mut config = config();
    config.decisions = 1_000;
    config.returning.ramp = Duration::from_secs(rng.u64(..30));
    if rng.bool() {
        config.route = RouteConfig::new(RouteStrategy::Balanced(RouteWeights::default()));
    }
    let minute = RateWindow::per_minute(Requests, rng.u64(5..60)).kind(WindowKind::Fixed);
    let own = LinkConfig {
        rate_limit: Some(RateLimitConfig::default().window(minute)),
        ..LinkConfig::default()
    };
    config.links.insert(provider("p0"), own);
    config
}

const NAMES: [&str; 4] = ["p0", "p1", "p2", "p3"];

/// Plays a schedule of `requests` and hashes all that was decided.
fn played(seed: u64, requests: usize) -> u64 {
    let mut rng = Rng::with_seed(seed);
    let links: Vec<_> = NAMES
        .iter()
        .map(|name| (*name, some_profile(&mut rng)))
        .collect();
    let several = Several::with(&links, some_config(&mut rng));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let mut hasher = DefaultHasher::new();
    runtime.expect("a runtime").block_on(async {
        for _ in 0..requests {
            for provider in &several.providers {
                provider.mend();
                if rng.u8(..5) == 0 {
                    provider.fails(rng.usize(1..4), &some_failure(&mut rng));
                }
            }
            match several.chain.call("a").await {
                Ok(reply) => {
                    (reply.value, reply.attempts, reply.elapsed).hash(&mut hasher);
                    format!("{:?}", reply.handoffs).hash(&mut hasher);
                }
                Err(error) => error.to_string().hash(&mut hasher),
            }
            several
                .clock
                .advance(Duration::from_millis(rng.u64(..20_000)));
        }
        let kept = serde_json::to_string(&several.chain.decisions()).expect("data");
        kept.hash(&mut hasher);
        format!("{:?}", several.chain.status()).hash(&mut hasher);
    });
    hasher.finish()
}

#[test]
fn the_same_seed_clock_and_outcomes_give_the_same_decisions() {
    for seed in 0..20 {
        assert_eq!(played(seed, 100), played(seed, 100), "seed {seed}");
    }
    assert_ne!(played(1, 100), played(2, 100));
}

#[test]
fn the_last_healthy_provider_is_never_left_out() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    for seed in 0..150 {
        let mut rng = Rng::with_seed(seed);
        // Neighbours fail for themselves; what they share is what may be wrong.
        let links: Vec<_> = NAMES
            .iter()
            .map(|name| {
                (
                    *name,
                    Profile::default()
                        .vendor("v")
                        .model("m".parse().expect("valid")),
                )
            })
            .collect();
        let healthy = rng.usize(..NAMES.len());
        let several = Several::of(&links);
        runtime.block_on(async {
            for step in 0..60 {
                for (index, provider) in several.providers.iter().enumerate() {
                    provider.mend();
                    if index != healthy && rng.bool() {
                        let passing = [
                            FailureKind::Overloaded,
                            FailureKind::Server,
                            FailureKind::Timeout,
                            FailureKind::Network,
                            FailureKind::Unknown,
                        ];
                        let kind = passing[rng.usize(..passing.len())];
                        provider.fails(3, &Verdict::new(kind));
                    }
                }
                let reply = several.chain.call("a").await;
                assert!(reply.is_ok(), "seed {seed}, step {step}: {reply:?}");
                several
                    .clock
                    .advance(Duration::from_millis(rng.u64(..15_000)));
            }
        });
    }
}

#[test]
fn a_call_that_is_dropped_at_any_moment_gives_everything_back() {
    let mut dropped = 0;
    for seed in 0..300 {
        let mut rng = Rng::with_seed(seed);
        let clock = ManualClock::default();
        let providers = NAMES.map(Gated::new);
        let mut config = config();
        config.wait_for_first = true;
        config.retry.total = Some(Duration::from_secs(600));
        config.attempt_timeout = Some(Duration::from_secs(20));
        if rng.bool() {
            config.hedge = Some(agent_resilience::HedgeConfig {
                after: Duration::from_secs(2),
            });
        }
        for name in NAMES {
            let minute = RateWindow::per_minute(Requests, 1_000).kind(WindowKind::Fixed);
            let own = LinkConfig {
                rate_limit: Some(RateLimitConfig::default().window(minute)),
                concurrency: Some(ConcurrencyConfig {
                    limit: NonZeroU32::MIN.saturating_add(3),
                    ..ConcurrencyConfig::default()
                }),
            };
            config.links.insert(provider(name), own);
        }
        let mut builder = FallbackChain::builder()
            .config(config)
            .seed(seed)
            .clock(clock.clone())
            .sleep(Waits(clock.clone()));
        for provider in providers.clone() {
            builder = builder.provider(provider);
        }
        let chain: FallbackChain<str, String> = builder.build().expect("a valid chain");
        let cap = SpendCap::tokens(1_000_000);
        let budget = SpendBudget::new(&SpendBudgetConfig::default().session(cap)).expect("valid");
        let session = SessionId::new("s").expect("valid");
        let session = budget.session(&session).expect("room");
        let options = CallOptions::new()
            .needs(Needs::default().input(100))
            .budget(session.clone());

        let mut calls: Vec<Option<Call<'_>>> = (0..5)
            .map(|_| Some(Box::pin(chain.call_with("a", &options)) as Call<'_>))
            .collect();
        for _ in 0..rng.usize(1..25) {
            let place = rng.usize(..calls.len());
            if let Some(call) = &mut calls[place]
                && poll(call).is_some()
            {
                calls[place] = None;
            }
            match rng.u8(..6) {
                0 => {
                    dropped += usize::from(calls[place].take().is_some());
                }
                1 | 2 => {
                    let provider = &providers[rng.usize(..NAMES.len())];
                    if provider.under_way() > 0 {
                        let failed = rng.u8(..3) > 0;
                        provider.end(if failed { Err(overloaded()) } else { Ok(()) });
                    }
                }
                _ => clock.advance(Duration::from_millis(rng.u64(..5_000))),
            }
        }
        dropped += calls.iter().flatten().count();
        calls.clear();
        for (index, status) in chain.status().iter().enumerate() {
            assert_eq!(status.in_flight, 0, "seed {seed}");
            // Only calls that ended count against the limit.
            let begun = u64::from(providers[index].begun());
            assert!(status.limits[0].remaining + begun >= 1_000, "seed {seed}");
        }
        // Nothing is reserved any more: what left is spent, what did not is back.
        let status = format!("{:?}", session.status());
        let left = session.reserve(agent_resilience::Spend::tokens(
            1_000_000 - session.spent().tokens,
        ));
        assert!(left.is_ok(), "seed {seed}: {status}");
        // Each slot and each probe is free: everybody can be asked again.
        for (index, provider) in providers.iter().enumerate() {
            let pinned = CallOptions::new().pin(self::provider(NAMES[index]));
            clock.advance(Duration::from_secs(7_200));
            let mut four: Vec<Call<'_>> = (0..4)
                .map(|_| Box::pin(chain.call_with("b", &pinned)) as Call<'_>)
                .collect();
            assert!(poll(&mut four[0]).is_none());
            assert_eq!(provider.under_way(), 1, "seed {seed}");
            provider.end(Ok(()));
            assert!(poll(&mut four[0]).is_some(), "the probe");
            for call in &mut four[1..] {
                assert!(poll(call).is_none());
            }
            assert_eq!(provider.under_way(), 3, "seed {seed}");
        }
    }
    assert!(dropped > 500, "{dropped}");
}

#[test]
fn requests_at_the_same_time_never_spend_more_than_the_budget() {
    let cap: Usd = "1".parse().expect("an amount");
    let budget = SpendBudget::new(&SpendBudgetConfig::default().session(SpendCap::usd(cap)));
    let budget = budget.expect("valid");
    let session = budget.session(&SessionId::new("s").expect("valid"));
    let session = session.expect("room");
    let clock = ManualClock::default();
    let (chain, [claude]) = super::stage::gated_with(["claude"], config(), &clock);
    // 0.15 dollars each, as assumed.
    let options = CallOptions::new()
        .needs(Needs::default().input(10_000))
        .budget(session.clone());
    let mut calls: Vec<Call<'_>> = (0..20)
        .map(|_| Box::pin(chain.call_with("a", &options)) as Call<'_>)
        .collect();
    let mut refused = 0;
    for call in &mut calls {
        if let Some(ended) = poll(call) {
            assert!(matches!(ended, Err(ChainError::OverBudget(_))));
            refused += 1;
        }
    }
    assert_eq!((refused, claude.under_way()), (14, 6));
    drop(calls);
    assert!(session.spent().usd <= cap);
}
