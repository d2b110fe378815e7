//! Rate limits: a call within the limit, one beyond it, and limits that are found by a key.

use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agent_primitives::{Clock, SystemClock};
use agent_resilience::classify::LimitedResource::{Requests, Tokens};
use agent_resilience::{CoarseClock, Cost, KeyedLimit, RateLimit, RateLimitConfig, RateWindow};
use governor::{Quota, RateLimiter};
use tower_resilience::ratelimiter::RateLimiterLayer;

use super::executor::{Ending, Executor};
use super::operation::{answer_async, repeat};
use crate::harness::{Broken, Case, Group, Kind, Plan, version_of};

/// More than any machine asks for in a second, so that nothing is denied.
const PLENTY: NonZeroU32 = NonZeroU32::MIN.saturating_add(999_999_999);
/// What a call costs where limits are weighed.
const COST: NonZeroU32 = NonZeroU32::MIN.saturating_add(3);
const AN_HOUR: Duration = Duration::from_secs(3600);
const KEYS: [&str; 4] = ["anthropic", "openai", "gemini", "mistral"];

pub(super) fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    for threads in [1, 2] {
        plans.push(Plan::new("rate limit, allowed", move |name| {
            Ok(Group::new(name, allowed()?).threads(threads))
        }));
        plans.push(Plan::new("rate limit, denied", move |name| {
            Ok(Group::new(name, denied()?).threads(threads))
        }));
        plans.push(Plan::new("rate limit by key, allowed", move |name| {
            let mut cases = keyed("governor, 4 keys", plenty());
            cases.push(ours_keyed(unlimited())?);
            Ok(Group::new(name, cases).threads(threads))
        }));
        plans.push(Plan::new("rate limit by key, denied", move |name| {
            let mut cases = keyed("governor, 4 keys", once_an_hour()?);
            cases.push(ours_keyed(hourly())?);
            Ok(Group::new(name, cases).threads(threads))
        }));
    }
    plans
}

fn allowed() -> Result<Vec<Case>, Broken> {
    Ok(vec![
        clock_and_swap(),
        ours("rate limit, coarse clock", &unlimited(), CoarseClock)?,
        ours("rate limit, precise clock", &unlimited(), SystemClock)?,
        ours_reconciled("tokens reserved and reconciled", CoarseClock)?,
        governor("governor", RateLimiter::direct(plenty())),
        governor_weighed(),
        tower_resilience(PLENTY, Duration::from_secs(1), Ending::Answered)?,
    ])
}

fn denied() -> Result<Vec<Case>, Broken> {
    let limiter = RateLimiter::direct(once_an_hour()?);
    let first = limiter.check();
    let denied = first.is_ok() && limiter.check().is_err();
    used_up("governor", denied)?;
    Ok(vec![
        ours("rate limit, coarse clock", &hourly(), CoarseClock)?,
        ours("rate limit, precise clock", &hourly(), SystemClock)?,
        governor("governor", limiter),
        tower_resilience(NonZeroU32::MIN, AN_HOUR, Ending::TurnedAway)?,
    ])
}

/// A quota that nobody uses up.
pub(super) fn plenty() -> Quota {
    Quota::per_second(PLENTY)
}

fn once_an_hour() -> Result<Quota, Broken> {
    Quota::with_period(AN_HOUR).ok_or_else(|| Broken::new("make a quota", "the period is zero"))
}

/// The least that a limit shared by threads takes: the time read, one word swapped.
fn clock_and_swap() -> Case {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let free_at = AtomicU64::new(0);
    Case::looped(
        Kind::Floor,
        "one clock read and one swap",
        "",
        move |calls| {
            let origin = ORIGIN.get_or_init(Instant::now);
            repeat(calls, |_| {
                let now = u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
                free_at
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |at| {
                        let next = at.max(now) + 1;
                        (next < now + 1_000_000_000).then_some(next)
                    })
                    .is_ok()
            });
        },
    )
}

/// Many more requests and tokens than any machine asks for.
pub(super) fn unlimited() -> RateLimitConfig {
    let window = RateWindow::new(Requests, 1_000_000_000, Duration::from_secs(1));
    RateLimitConfig::default().window(window)
}

/// One request an hour.
fn hourly() -> RateLimitConfig {
    RateLimitConfig::default().window(RateWindow::new(Requests, 1, AN_HOUR))
}

fn limit(config: &RateLimitConfig, clock: impl Clock + 'static) -> Result<RateLimit, Broken> {
    let limit = RateLimit::with_clock(config, clock).map_err(Broken::when("configure a limit"))?;
    // Whether the next one is denied is the configuration's affair.
    let _ = limit.try_take(Cost::REQUEST);
    Ok(limit)
}

fn ours(name: &str, config: &RateLimitConfig, clock: impl Clock + 'static) -> Result<Case, Broken> {
    let limit = limit(config, clock)?;
    let version = version_of("agent-resilience");
    Ok(Case::looped(Kind::Ours, name, version, move |calls| {
        repeat(calls, |_| limit.try_take(Cost::REQUEST).is_ok());
    }))
}

/// Weighed, with what was estimated too high given back: what governor does not do.
fn ours_reconciled(name: &str, clock: impl Clock + 'static) -> Result<Case, Broken> {
    let tokens = RateWindow::new(Tokens, 1_000_000_000, Duration::from_secs(1));
    let limit = limit(&RateLimitConfig::default().window(tokens), clock)?;
    let version = version_of("agent-resilience");
    let (estimate, real) = (Cost::REQUEST.input(2).output(2), Cost::REQUEST.input(2));
    Ok(Case::looped(Kind::Ours, name, version, move |calls| {
        repeat(calls, |_| {
            let now = limit.clock().monotonic();
            limit
                .try_acquire_at(estimate, now)
                .map(|held| held.reconcile_at(real, now))
                .is_ok()
        });
    }))
}

/// A key is looked up once, and its handle is kept.
fn ours_keyed(config: RateLimitConfig) -> Result<Case, Broken> {
    let capacity = std::num::NonZeroUsize::MIN.saturating_add(1_000);
    let limits: KeyedLimit<String> = KeyedLimit::with_clock(config, capacity, CoarseClock)
        .map_err(Broken::when("configure a keyed limit"))?;
    let handles = KEYS
        .iter()
        .map(|key| {
            let limit = limits.handle(*key)?;
            let _ = limit.try_take(Cost::REQUEST);
            Ok(limit)
        })
        .collect::<Result<Vec<_>, agent_resilience::KeyedLimitFull>>()
        .map_err(Broken::when("look up a key"))?;
    let version = version_of("agent-resilience");
    Ok(Case::looped(
        Kind::Ours,
        "handles, 4 keys",
        version,
        move |calls| {
            let mut handles = handles.iter().cycle();
            repeat(calls, |_| {
                handles
                    .next()
                    .map(|limit| std::hint::black_box(limit).try_take(Cost::REQUEST).is_ok())
            });
        },
    ))
}

fn governor(name: &str, limiter: governor::DefaultDirectRateLimiter) -> Case {
    Case::looped(Kind::Peer, name, version_of("governor"), move |calls| {
        repeat(calls, |_| limiter.check().is_ok());
    })
}

fn governor_weighed() -> Case {
    let limiter = RateLimiter::direct(plenty());
    let version = version_of("governor");
    Case::looped(Kind::Peer, "governor, 4 cells", version, move |calls| {
        repeat(calls, |_| matches!(limiter.check_n(COST), Ok(Ok(()))));
    })
}

/// The keys are there before the first timing.
fn keyed(name: &str, quota: Quota) -> Vec<Case> {
    let limiter = RateLimiter::dashmap(quota);
    for key in &KEYS {
        // Whether it is denied is the quota's affair.
        let _ = limiter.check_key(key);
    }
    let version = version_of("governor");
    vec![Case::looped(Kind::Peer, name, version, move |calls| {
        let mut keys = KEYS.iter().cycle();
        repeat(calls, |_| {
            keys.next()
                .map(|key| limiter.check_key(std::hint::black_box(key)).is_ok())
        });
    })]
}

/// A layer, so the call that it lets through is part of its figure.
fn tower_resilience(limit: NonZeroU32, period: Duration, ending: Ending) -> Result<Case, Broken> {
    let doing = "configure tower-resilience";
    let layer = RateLimiterLayer::builder()
        .limit_for_period(usize::try_from(limit.get()).map_err(Broken::when(doing))?)
        .refresh_period(period)
        .timeout_duration(Duration::ZERO)
        .build()
        .map_err(Broken::when(doing))?;
    let service = tower::Layer::layer(&layer, tower::service_fn(answer_async));
    let package = "tower-resilience-ratelimiter";
    let executor = Executor::spinning()?;
    executor.service("tower-resilience, with the call", package, ending, service)
}

fn used_up(peer: &str, denied: bool) -> Result<(), Broken> {
    if denied {
        Ok(())
    } else {
        Err(Broken::new(
            format!("use up the limit of {peer}"),
            "it still lets calls through",
        ))
    }
}
