//! What several channels say of one request to a model, or of one call of a tool.

use std::time::Duration;

use agent_primitives::{TokenUsage, Usd};

use super::super::seen::{CallSeen, ToolSeen};
use super::key;
use super::once::Thing;
use crate::{ModelCall, ToolCall};

/// Channels that tell the same tokens need not agree on when a call ended: a transcript has the times of its lines.
const SAME_TOKENS: u32 = 5;

fn is_one_model(one: &CallSeen, other: &CallSeen) -> bool {
    one.model == other.model || key::model(one.model.as_str()) == key::model(other.model.as_str())
}

/// In which order usages of one call are believed: streaming frames repeat with growing figures, and some channels do
/// not tell apart what the others do.
fn rank(usage: &TokenUsage) -> [u64; 4] {
    let cached = usage.cache_read().saturating_add(usage.cache_write());
    [
        usage.total(),
        cached,
        usage.cache_write_1h(),
        usage.reasoning(),
    ]
}

impl Thing for CallSeen {
    fn fits(&self, other: &Self) -> bool {
        let input = match (&self.usage, &other.usage) {
            (Some(one), Some(other)) => {
                let (one, other) = (one.input_total(), other.input_total());
                // The first frame of a stream may tell nothing yet.
                one == other || one == 0 || other == 0
            }
            _ => true,
        };
        input && is_one_model(self, other)
    }

    fn alike(&self, other: &Self, window: Duration) -> Option<Duration> {
        if !is_one_model(self, other) {
            return None;
        }
        match (&self.usage, &other.usage) {
            (Some(one), Some(other)) => {
                let same =
                    one.input_total() == other.input_total() && one.output() == other.output();
                let tells = one.total() > 0;
                same.then(|| window.saturating_mul(if tells { SAME_TOKENS } else { 1 }))
            }
            _ => Some(window),
        }
    }

    fn merge(&mut self, other: Self) {
        match (&self.usage, &other.usage) {
            (None, Some(_)) => {
                self.usage = other.usage;
                self.cost = other.cost.or(self.cost);
            }
            (Some(one), Some(told)) if rank(told) > rank(one) => {
                let more = told.total() > one.total();
                self.usage = other.usage;
                self.cost = match (self.cost, other.cost) {
                    (Some(one), Some(other)) if !more => Some(one.max(other)),
                    (one, other) => other.or(one),
                };
            }
            (Some(one), Some(told)) if told.total() < one.total() => {
                self.cost = self.cost.or(other.cost);
            }
            _ => self.cost = self.cost.max(other.cost),
        }
        self.latency = self.latency.max(other.latency);
        self.first_token = self.first_token.or(other.first_token);
        self.attempts = self.attempts.max(other.attempts);
        self.failure = self.failure.or(other.failure);
        self.stop_reason = self.stop_reason.or(other.stop_reason);
        self.service_tier = self.service_tier.or(other.service_tier);
        self.streamed |= other.streamed;
    }
}

/// The record of a call with what is to be recorded of its usage and cost.
pub(super) fn record(call: &CallSeen, usage: TokenUsage, cost: Option<Usd>) -> ModelCall {
    let mut record = ModelCall::new(call.provider.clone(), call.model.clone())
        .usage(usage)
        .latency(call.latency.unwrap_or_default())
        // None at all is what usage without a call has.
        .attempts(call.attempts.max(1));
    record.cost = cost;
    record.first_token = call.first_token;
    record.failure = call.failure;
    record.service_tier = call.service_tier;
    record.stop_reason = call.stop_reason;
    record.streamed = call.streamed;
    record
}

impl Thing for ToolSeen {
    fn fits(&self, other: &Self) -> bool {
        self.tool == other.tool
    }

    fn alike(&self, other: &Self, window: Duration) -> Option<Duration> {
        (self.tool == other.tool).then_some(window)
    }

    fn merge(&mut self, other: Self) {
        // Declared from good to bad.
        self.outcome = self.outcome.max(other.outcome);
        self.elapsed = self.elapsed.max(other.elapsed);
    }
}

pub(super) fn record_tool(tool: &ToolSeen) -> ToolCall {
    let elapsed = tool.elapsed.unwrap_or_default();
    ToolCall::new(tool.tool.clone(), tool.outcome, elapsed)
}
