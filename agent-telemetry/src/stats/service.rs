//! How providers answered, attempt by attempt, and how long checkpoints took.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use agent_primitives::{
    Attempt, BreakerChange, BreakerState, CheckpointKind, CheckpointSaved, Cooldown, ProviderId,
    Retry,
};
use serde::{Deserialize, Serialize};

use super::Latency;
use super::calls::latency;

/// What events say about one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProviderLine {
    /// Which provider.
    pub provider: ProviderId,
    /// Calls to it.
    pub attempts: u64,
    /// Calls to it that failed.
    pub failed: u64,
    /// Times of the successful ones; `None` where there was none.
    pub latency: Option<Latency>,
    /// Times that it was called again for the same request.
    pub retries: u64,
    /// Time spent waiting before those calls.
    pub retry_delay: Duration,
    /// Times that its circuit breaker opened.
    pub breaker_openings: u64,
    /// Times that it, or a part of it, was left alone for a while.
    pub cooldowns: u64,
    /// How long in all, as said when each began; they may lie upon each other.
    pub cooldown_time: Duration,
}

/// Checkpoints of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckpointLine {
    /// What they were made for.
    pub kind: CheckpointKind,
    /// How many.
    pub saved: u64,
    /// Bytes of new state in them, before compression.
    pub logical_bytes: u64,
    /// Bytes written for them.
    pub stored_bytes: u64,
    /// How long a save took.
    pub latency: Option<Latency>,
}

#[derive(Debug, Default)]
pub(super) struct Service {
    providers: HashMap<ProviderId, OneProvider>,
    checkpoints: BTreeMap<CheckpointKind, OneKind>,
}

#[derive(Debug, Default)]
struct OneProvider {
    failed: u64,
    latencies: Vec<Duration>,
    retries: u64,
    retry_delay: Duration,
    breaker_openings: u64,
    cooldowns: u64,
    cooldown_time: Duration,
}

#[derive(Debug, Default)]
struct OneKind {
    logical_bytes: u64,
    stored_bytes: u64,
    latencies: Vec<Duration>,
}

impl Service {
    fn of(&mut self, provider: &ProviderId) -> &mut OneProvider {
        self.providers.entry(provider.clone()).or_default()
    }

    pub(super) fn add_attempt(&mut self, attempt: &Attempt) {
        let provider = self.of(&attempt.provider);
        if attempt.failure.is_some() {
            provider.failed += 1;
        } else {
            provider.latencies.push(attempt.elapsed);
        }
    }

    pub(super) fn add_retry(&mut self, retry: &Retry) {
        let provider = self.of(&retry.provider);
        provider.retries += 1;
        provider.retry_delay = provider.retry_delay.saturating_add(retry.delay);
    }

    pub(super) fn add_breaker(&mut self, change: &BreakerChange) {
        self.of(&change.provider).breaker_openings += u64::from(change.to == BreakerState::Open);
    }

    pub(super) fn add_cooldown(&mut self, cooldown: &Cooldown) {
        let provider = self.of(&cooldown.provider);
        provider.cooldowns += 1;
        provider.cooldown_time = provider.cooldown_time.saturating_add(cooldown.duration);
    }

    pub(super) fn add_checkpoint(&mut self, saved: &CheckpointSaved) {
        let kind = self.checkpoints.entry(saved.kind).or_default();
        kind.logical_bytes = kind.logical_bytes.saturating_add(saved.logical_bytes);
        kind.stored_bytes = kind.stored_bytes.saturating_add(saved.stored_bytes);
        kind.latencies.push(saved.elapsed);
    }

    pub(super) fn finish(self) -> (Vec<ProviderLine>, Vec<CheckpointLine>) {
        let mut providers: Vec<ProviderLine> = self
            .providers
            .into_iter()
            .map(|(provider, it)| ProviderLine {
                provider,
                attempts: it.failed + it.latencies.len() as u64,
                failed: it.failed,
                latency: latency(it.latencies),
                retries: it.retries,
                retry_delay: it.retry_delay,
                breaker_openings: it.breaker_openings,
                cooldowns: it.cooldowns,
                cooldown_time: it.cooldown_time,
            })
            .collect();
        providers.sort_by(|a, b| {
            (Reverse(a.attempts), &a.provider).cmp(&(Reverse(b.attempts), &b.provider))
        });
        let checkpoints = self
            .checkpoints
            .into_iter()
            .map(|(kind, it)| CheckpointLine {
                kind,
                saved: it.latencies.len() as u64,
                logical_bytes: it.logical_bytes,
                stored_bytes: it.stored_bytes,
                latency: latency(it.latencies),
            })
            .collect();
        (providers, checkpoints)
    }
}
