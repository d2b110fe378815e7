//! Records in, figures out.

use std::collections::BTreeSet;

use std::time::Duration;

use agent_primitives::{AgentId, BreakerState, Timestamp};

use super::calls::{Calls, latency};
use super::decisions::Choices;
use super::quality::Faults;
use super::service::Service;
use super::sessions::Sessions;
use super::work::Labour;
use super::{Cost, Overview, Performance, Stats};
use crate::{Body, Record};

/// What is known so far. Only sums, extremes, sets and samples, so that the order of records has no
/// influence, but for the marks of one session and the outcomes of one decision: those are told in the
/// order of recording.
#[derive(Debug, Default)]
pub(super) struct Fold {
    records: u64,
    period: Option<(Timestamp, Timestamp)>,
    agents: BTreeSet<AgentId>,
    sessions: Sessions,
    calls: Calls,
    faults: Faults,
    service: Service,
    labour: Labour,
    choices: Choices,
    restores: u64,
    restore_lost_bytes: u64,
    checkpoints: u64,
    checkpoint_logical_bytes: u64,
    checkpoint_stored_bytes: u64,
    restore_times: Vec<Duration>,
}

impl Fold {
    pub(super) fn add(&mut self, record: &Record) {
        self.records += 1;
        let (first, last) = self.period.unwrap_or((record.at, record.at));
        self.period = Some((first.min(record.at), last.max(record.at)));
        if let Some(agent) = &record.agent
            && !self.agents.contains(agent)
        {
            self.agents.insert(agent.clone());
        }
        self.sessions.add(record);
        self.labour.add(record);
        match &record.body {
            Body::ModelCall(call) => {
                self.calls.add_model(call);
                self.faults.add_call(call);
            }
            Body::ToolCall(call) => self.calls.add_tool(call),
            Body::Attempt(attempt) => {
                self.faults.add_attempt(attempt);
                self.service.add_attempt(attempt);
            }
            Body::Retry(retry) => {
                self.faults.add_retry(retry);
                self.service.add_retry(retry);
            }
            Body::Breaker(change) => {
                self.service.add_breaker(change);
                self.faults.breaker_openings += u64::from(change.to == BreakerState::Open);
            }
            Body::Cooldown(cooldown) => {
                self.faults.cooldowns += 1;
                self.service.add_cooldown(cooldown);
            }
            Body::ContextPressure(pressure) => {
                self.faults.context_peak = self.faults.context_peak.max(Some(pressure.percent()));
            }
            Body::Handoff(handoff) => self.faults.add_handoff(handoff),
            Body::Violation(violation) => self.faults.add_violation(violation),
            Body::Metric(metric) => self.faults.add_metric(metric),
            Body::CheckpointSaved(saved) => {
                self.service.add_checkpoint(saved);
                self.checkpoints += 1;
                self.checkpoint_logical_bytes = self
                    .checkpoint_logical_bytes
                    .saturating_add(saved.logical_bytes);
                self.checkpoint_stored_bytes = self
                    .checkpoint_stored_bytes
                    .saturating_add(saved.stored_bytes);
            }
            Body::Restored(restored) => {
                self.restore_times.push(restored.elapsed);
                self.restores += 1;
                self.restore_lost_bytes =
                    self.restore_lost_bytes.saturating_add(restored.lost_bytes);
            }
            Body::Decision(decision) => self.choices.add(record, decision),
            Body::DecisionOutcome(outcome) => self.choices.add_outcome(record, outcome),
            Body::SessionStart(_)
            | Body::SessionResume(_)
            | Body::SessionEnd(_)
            | Body::FilesChanged(_)
            | Body::TaskTiming(_) => {}
        }
    }

    pub(super) fn finish(self) -> Stats {
        let sessions = self.sessions.finish();
        let calls = self.calls.finish();
        let (providers, checkpoints) = self.service.finish();
        Stats {
            schema: 1,
            overview: Overview {
                records: self.records,
                period: self.period,
                sessions: sessions.count,
                agents: self.agents.into_iter().collect(),
                model_calls: calls.model_calls,
                attempts: calls.attempts,
                tool_calls: calls.tool_calls,
                usage: calls.usage,
                crashes: sessions.crashes,
                restores: self.restores,
                restore_lost_bytes: self.restore_lost_bytes,
                checkpoints: self.checkpoints,
                checkpoint_logical_bytes: self.checkpoint_logical_bytes,
                checkpoint_stored_bytes: self.checkpoint_stored_bytes,
            },
            outcomes: sessions.outcomes,
            quality: self.faults.finish(),
            performance: Performance {
                models: calls.models,
                tools: calls.tools,
                providers,
                checkpoints,
                restore: latency(self.restore_times),
            },
            cost: Cost {
                total: calls.cost,
                priced_calls: calls.priced_calls,
                unpriced_calls: calls.unpriced_calls,
                per_session: sessions.cost.div_round(sessions.count),
                by_task_type: sessions.by_task_type,
                by_model: calls.model_costs,
                by_service_tier: calls.tier_costs,
            },
            work: self.labour.finish(&sessions.by_project),
            decisions: self.choices.finish(),
        }
    }
}
