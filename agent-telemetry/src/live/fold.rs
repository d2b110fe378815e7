//! Records in, running totals out.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use agent_primitives::{AgentId, FailureKind, Monotonic, SessionId, Timestamp};

use super::minute::Minute;
use super::totals::{LiveSums, LiveTotals};
use crate::rollup::Merge;
use crate::{
    Body, ExponentialHistogram, ModelCall, Outcome, Percentiles, ProjectId, Record, ToolOutcome,
};

/// Sessions that are known to run; those beyond are not counted.
const SESSIONS: usize = 65_536;
/// Agents of a session that are told apart.
const AGENTS: usize = 64;

type Key = (Option<ProjectId>, SessionId);

/// What is known so far.
#[derive(Debug)]
pub(super) struct Fold {
    since: Timestamp,
    records: u64,
    running: HashMap<Key, Vec<Option<AgentId>>>,
    started: u64,
    ended: u64,
    succeeded: u64,
    sums: LiveSums,
    failures: BTreeMap<FailureKind, u64>,
    retries: u64,
    handoffs: u64,
    violations: u64,
    latency_ns: ExponentialHistogram,
    minute: Minute,
}

impl Fold {
    pub(super) fn new(since: Timestamp, now: Monotonic) -> Self {
        Self {
            since,
            records: 0,
            running: HashMap::new(),
            started: 0,
            ended: 0,
            succeeded: 0,
            sums: LiveSums::default(),
            failures: BTreeMap::new(),
            retries: 0,
            handoffs: 0,
            violations: 0,
            latency_ns: ExponentialHistogram::new(),
            minute: Minute::new(now),
        }
    }

    /// Counts a record that came at `now`.
    pub(super) fn add(&mut self, record: &Record, now: Monotonic) {
        self.records += 1;
        match &record.body {
            Body::SessionStart(_) => {
                self.started += 1;
                self.runs(record);
            }
            Body::SessionResume(_) => self.runs(record),
            Body::SessionEnd(end) => self.ends(record, end.outcome),
            Body::ModelCall(call) => {
                if !call.is_unexplained() {
                    self.runs(record);
                }
                self.count_call(call, now);
            }
            Body::ToolCall(call) => {
                self.runs(record);
                let sums = LiveSums {
                    tool_calls: 1,
                    tool_failures: u64::from(call.outcome != ToolOutcome::Ok),
                    ..LiveSums::default()
                };
                self.count(&sums, now);
            }
            Body::Retry(_) => self.retries += 1,
            Body::Handoff(_) => self.handoffs += 1,
            Body::Violation(_) => self.violations += 1,
            Body::Attempt(_)
            | Body::Breaker(_)
            | Body::Cooldown(_)
            | Body::ContextPressure(_)
            | Body::CheckpointSaved(_)
            | Body::Restored(_)
            | Body::Metric(_)
            | Body::Decision(_)
            | Body::DecisionOutcome(_)
            | Body::FilesChanged(_)
            | Body::TaskTiming(_) => {}
        }
    }

    fn count_call(&mut self, call: &ModelCall, now: Monotonic) {
        let is_call = !call.is_unexplained();
        if let Some(kind) = call.failure {
            *self.failures.entry(kind).or_default() += 1;
        } else if is_call {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a bucket is far wider than what is lost"
            )]
            self.latency_ns.record(call.latency.as_nanos() as f64);
        }
        let sums = LiveSums {
            model_calls: is_call.into(),
            model_failures: u64::from(call.failure.is_some()),
            usage: call.usage,
            cost: call.cost.unwrap_or_default(),
            unpriced: u64::from(call.is_unpriced()),
            ..LiveSums::default()
        };
        self.count(&sums, now);
    }

    fn count(&mut self, sums: &LiveSums, now: Monotonic) {
        self.sums.absorb(sums);
        self.minute.add(sums, now);
    }

    fn runs(&mut self, record: &Record) {
        let Some(session) = &record.session else {
            return;
        };
        let key = (record.project.clone(), session.clone());
        if self.running.len() >= SESSIONS && !self.running.contains_key(&key) {
            return;
        }
        let agents = self.running.entry(key).or_default();
        if agents.len() < AGENTS && !agents.contains(&record.agent) {
            agents.push(record.agent.clone());
        }
    }

    fn ends(&mut self, record: &Record, outcome: Outcome) {
        if let Some(session) = &record.session {
            let key = (record.project.clone(), session.clone());
            if let Some(agents) = self.running.get_mut(&key) {
                agents.retain(|agent| *agent != record.agent);
                if !agents.is_empty() {
                    return;
                }
                self.running.remove(&key);
            }
        }
        self.ended += 1;
        self.succeeded += u64::from(outcome == Outcome::Success);
    }

    pub(super) fn totals(&self, at: Timestamp, now: Monotonic) -> LiveTotals {
        let quantile = |q| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "not negative, and saturating"
            )]
            let nanos = self.latency_ns.quantile(q)?.round() as u64;
            Some(Duration::from_nanos(nanos))
        };
        LiveTotals {
            schema: 1,
            since: self.since,
            at,
            records: self.records,
            missed: 0,
            sessions_running: self.running.len(),
            sessions_started: self.started,
            sessions_ended: self.ended,
            sessions_succeeded: self.succeeded,
            sums: self.sums,
            failures: self.failures.clone(),
            retries: self.retries,
            handoffs: self.handoffs,
            violations: self.violations,
            latency: Percentiles::of(self.latency_ns.count(), quantile),
            last_minute: self.minute.sums(now),
        }
    }
}
