//! Model and tool calls: how many, how fast, how dear.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use agent_primitives::{ModelId, ProviderId, TokenUsage, ToolName, Usd};

use super::{Latency, ModelCost, ModelLine, StopLine, TierCost, ToolLine};
use crate::{ModelCall, ServiceTier, StopReason, ToolCall, ToolOutcome};

#[derive(Debug, Default)]
pub(super) struct Calls {
    models: HashMap<(ProviderId, ModelId), OneModel>,
    tools: HashMap<ToolName, OneTool>,
    tiers: HashMap<Option<ServiceTier>, TierCost>,
}

#[derive(Debug, Default)]
struct OneModel {
    calls: u64,
    failed: u64,
    attempts: u64,
    priced: u64,
    unpriced: u64,
    usage: TokenUsage,
    cost: Usd,
    latencies: Vec<Duration>,
    first_tokens: Vec<Duration>,
    streamed: u64,
    /// `None` comes last, behind all that is told.
    stops: BTreeMap<(bool, Option<StopReason>), u64>,
}

#[derive(Debug, Default)]
struct OneTool {
    ok: u64,
    failed: u64,
    aborted: u64,
    latencies: Vec<Duration>,
}

#[derive(Debug, Default)]
pub(super) struct CallFigures {
    pub(super) model_calls: u64,
    pub(super) attempts: u64,
    pub(super) tool_calls: u64,
    pub(super) usage: TokenUsage,
    pub(super) cost: Usd,
    pub(super) priced_calls: u64,
    pub(super) unpriced_calls: u64,
    pub(super) models: Vec<ModelLine>,
    pub(super) model_costs: Vec<ModelCost>,
    pub(super) tier_costs: Vec<TierCost>,
    pub(super) tools: Vec<ToolLine>,
}

impl Calls {
    pub(super) fn add_model(&mut self, call: &ModelCall) {
        let model = self
            .models
            .entry((call.provider.clone(), call.model.clone()))
            .or_default();
        model.unpriced += u64::from(call.is_unpriced());
        model.usage += call.usage;
        model.cost += call.cost.unwrap_or(Usd::ZERO);
        let tier = self.tiers.entry(call.service_tier);
        let tier = tier.or_insert_with_key(|tier| TierCost {
            tier: *tier,
            calls: 0,
            unpriced_calls: 0,
            usage: TokenUsage::ZERO,
            cost: Usd::ZERO,
        });
        tier.unpriced_calls += u64::from(call.is_unpriced());
        tier.usage += call.usage;
        tier.cost += call.cost.unwrap_or(Usd::ZERO);
        if call.is_unexplained() {
            return;
        }
        tier.calls += 1;
        model.calls += 1;
        model.attempts += u64::from(call.attempts);
        model.priced += u64::from(call.cost.is_some());
        model.streamed += u64::from(call.streamed);
        let stop = (call.stop_reason.is_none(), call.stop_reason);
        *model.stops.entry(stop).or_default() += 1;
        if call.failure.is_some() {
            model.failed += 1;
        } else {
            model.latencies.push(call.latency);
            model.first_tokens.extend(call.first_token);
        }
    }

    pub(super) fn add_tool(&mut self, call: &ToolCall) {
        let tool = self.tools.entry(call.tool.clone()).or_default();
        match call.outcome {
            ToolOutcome::Ok => {
                tool.ok += 1;
                tool.latencies.push(call.elapsed);
            }
            ToolOutcome::Failed => tool.failed += 1,
            ToolOutcome::Aborted => tool.aborted += 1,
        }
    }

    pub(super) fn finish(self) -> CallFigures {
        let mut figures = CallFigures::default();
        for ((provider, model), it) in self.models {
            figures.model_calls += it.calls;
            figures.attempts += it.attempts;
            figures.usage += it.usage;
            figures.cost += it.cost;
            figures.priced_calls += it.priced;
            figures.unpriced_calls += it.unpriced;
            figures.model_costs.push(ModelCost {
                provider: provider.clone(),
                model: model.clone(),
                calls: it.calls,
                unpriced_calls: it.unpriced,
                usage: it.usage,
                cost: it.cost,
            });
            if it.calls == 0 {
                continue;
            }
            figures.models.push(ModelLine {
                provider,
                model,
                calls: it.calls,
                failed: it.failed,
                latency: latency(it.latencies),
                first_token: latency(it.first_tokens),
                streamed: it.streamed,
                stop_reasons: it
                    .stops
                    .into_iter()
                    .map(|((_, reason), calls)| StopLine { reason, calls })
                    .collect(),
            });
        }
        for (tool, it) in self.tools {
            let calls = it.ok + it.failed + it.aborted;
            figures.tool_calls += calls;
            figures.tools.push(ToolLine {
                tool,
                calls,
                ok: it.ok,
                failed: it.failed,
                aborted: it.aborted,
                latency: latency(it.latencies),
            });
        }
        figures.tier_costs = self.tiers.into_values().collect();
        figures
            .tier_costs
            .sort_by_key(|line| (Reverse(line.cost), line.tier));
        figures.models.sort_by(|a, b| {
            (Reverse(a.calls), &a.provider, &a.model).cmp(&(
                Reverse(b.calls),
                &b.provider,
                &b.model,
            ))
        });
        figures.model_costs.sort_by(|a, b| {
            (Reverse(a.cost), &a.provider, &a.model).cmp(&(Reverse(b.cost), &b.provider, &b.model))
        });
        figures
            .tools
            .sort_by(|a, b| (Reverse(a.calls), &a.tool).cmp(&(Reverse(b.calls), &b.tool)));
        figures
    }
}

/// Nearest-rank percentiles.
pub(super) fn latency(mut samples: Vec<Duration>) -> Option<Latency> {
    samples.sort_unstable();
    let rank = |percent: usize| {
        let rank = (samples.len() * percent).div_ceil(100);
        samples.get(rank.checked_sub(1)?).copied()
    };
    Some(Latency {
        p50: rank(50)?,
        p95: rank(95)?,
        max: rank(100)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_of_the_nearest_rank() {
        let millis = |range: std::ops::RangeInclusive<u64>| {
            latency(range.rev().map(Duration::from_millis).collect())
                .map(|it| [it.p50, it.p95, it.max].map(|time| time.as_millis()))
        };
        assert_eq!(millis(1..=100), Some([50, 95, 100]));
        assert_eq!(millis(1..=20), Some([10, 19, 20]));
        assert_eq!(millis(7..=7), Some([7, 7, 7]));
        assert_eq!(latency(Vec::new()), None);
    }
}
