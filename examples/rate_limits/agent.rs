//! An agent: sends its calls, and comes back when it is refused.

use std::sync::Arc;
use std::time::Duration;

use agent_resilience::classify::{self, Remedy, Vendor};
use agent_resilience::{Backoff, Cost, RateLimit};

use crate::provider::{SimulatedProvider, Tally};

/// How an agent keeps to the provider's limits.
#[derive(Clone)]
pub(crate) enum Manner {
    /// It finds out by being refused.
    BackingOff,
    /// It asks first; all agents share the limit.
    Limited(RateLimit),
}

/// Makes `calls` calls, one after the other.
pub(crate) async fn work(
    provider: Arc<SimulatedProvider>,
    manner: Manner,
    number: u64,
    calls: u32,
) -> Tally {
    let mut random = fastrand::Rng::with_seed(number);
    let mut tally = Tally::default();
    for _ in 0..calls {
        let tokens = random.u64(400..2_200);
        tally.refused += match &manner {
            Manner::BackingOff => back_off(&provider, tokens, &mut random).await,
            Manner::Limited(limit) => ask_first(limit, &provider, tokens, &mut random).await,
        };
        tally.answered += 1;
    }
    tally
}

/// Sends until it is answered; how often it was refused.
async fn back_off(provider: &SimulatedProvider, tokens: u64, random: &mut fastrand::Rng) -> u32 {
    let mut refused = 0;
    let mut pauses = Backoff::exponential(Duration::from_secs(1), Duration::from_secs(16))
        .delays(random.u64(..));
    while provider.send(tokens, random).await.status != 200 {
        refused += 1;
        tokio::time::sleep(pauses.next().unwrap_or_default()).await;
    }
    refused
}

/// Reserves an estimate, sends, and tells the limit what the reply says.
async fn ask_first(
    limit: &RateLimit,
    provider: &SimulatedProvider,
    tokens: u64,
    random: &mut fastrand::Rng,
) -> u32 {
    let mut refused = 0;
    loop {
        // Nobody knows the tokens exactly before the provider has counted them.
        let estimate = tokens * 13 / 10;
        let held = limit.acquire(Cost::REQUEST.input(estimate), None).await;
        let Ok(held) = held else { return refused };
        let reply = provider.send(tokens, random).await;

        let (now, wall) = (limit.clock().monotonic(), limit.clock().timestamp());
        limit.observe(
            &classify::headers(Vendor::Anthropic, &reply.headers, wall),
            now,
        );
        if reply.status == 200 {
            held.reconcile_at(Cost::REQUEST.input(tokens), now);
            return refused;
        }
        // Refused calls do not count with this provider: dropping the reservation gives it back.
        drop(held);
        refused += 1;
        let verdict = classify::http(Vendor::Anthropic, reply.status, &reply.headers, reply.body);
        if let Remedy::Wait(when) = verdict.remedy() {
            limit.block_until(now + when.delay(wall));
        }
    }
}

/// Somebody else with the same key, who asks nobody.
pub(crate) async fn stranger(provider: Arc<SimulatedProvider>) {
    let mut random = fastrand::Rng::with_seed(99);
    loop {
        tokio::time::sleep(Duration::from_secs(random.u64(4..12))).await;
        let _ = provider.send(900, &mut random).await;
    }
}
