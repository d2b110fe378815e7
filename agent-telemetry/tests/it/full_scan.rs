//! The three reports made the slow way, straight from records, sharing no code with the crate.

#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "test code: a missing line fails the test, and counts are small"
)]

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use agent_primitives::{AgentId, FailureKind, ModelId, ProviderId, TokenUsage, ToolName, Usd};
use agent_telemetry::{
    AgentLine, AgentsReport, Body, ModelFigures, ModelsReport, Outcome, Percentiles, Period,
    Record, Severity, ToolFigures, ToolOutcome, ToolsReport, Unit,
};

#[derive(Debug, Default)]
struct Agent {
    /// Started, resumed, success, escalated, failed, aborted.
    sessions: [u64; 6],
    /// Model calls, failed ones, unpriced ones, tool calls, handoffs.
    calls: [u64; 5],
    /// Critical, error, warning, info, fixed.
    violations: [u64; 5],
    usage: TokenUsage,
    cost: Usd,
    metrics: BTreeMap<(String, Unit), Vec<f64>>,
    /// Retries, files, lines added and removed, tasks; nanoseconds in sessions, queued, at work.
    work: [u128; 8],
}

#[derive(Debug, Default)]
struct Model {
    calls: u64,
    unpriced: u64,
    usage: TokenUsage,
    cost: Usd,
    failures: BTreeMap<FailureKind, u64>,
    times: Vec<Duration>,
    first_tokens: Vec<Duration>,
}

#[derive(Debug, Default)]
struct Tool {
    /// Ok, failed, aborted.
    calls: [u64; 3],
    times: Vec<Duration>,
}

/// What all records of a period say.
#[derive(Debug, Default)]
pub(crate) struct FullScan {
    agents: BTreeMap<Option<AgentId>, Agent>,
    models: BTreeMap<(ProviderId, ModelId), Model>,
    tools: BTreeMap<ToolName, Tool>,
}

impl FullScan {
    /// Of all records, from the first on, those in a period from full minute to full minute.
    pub(crate) fn of(records: &[Record], period: Period) -> Self {
        let mut scan = Self::default();
        let mut begun = HashSet::new();
        for record in records {
            let is_mark = matches!(record.body, Body::SessionStart(_) | Body::SessionResume(_));
            let session = record.session.as_ref();
            let begins = is_mark
                && session.is_some_and(|it| begun.insert((record.project.clone(), it.clone())));
            if period.from() <= record.at && record.at < period.to() {
                scan.add(record, begins);
            }
        }
        scan
    }

    fn add(&mut self, record: &Record, begins: bool) {
        let agent = self.agents.entry(record.agent.clone()).or_default();
        agent.sessions[0] += u64::from(begins);
        match &record.body {
            Body::SessionResume(_) => agent.sessions[1] += 1,
            Body::SessionEnd(end) => {
                agent.work[5] += end.elapsed.as_nanos();
                agent.sessions[match end.outcome {
                    Outcome::Success => 2,
                    Outcome::Escalated => 3,
                    Outcome::Failed => 4,
                    _ => 5,
                }] += 1;
            }
            Body::ModelCall(call) => {
                let unpriced = u64::from(call.is_unpriced());
                let is_call = call.attempts > 0 || call.failure.is_some();
                agent.calls[0] += u64::from(is_call);
                agent.calls[1] += u64::from(call.failure.is_some());
                agent.calls[2] += unpriced;
                agent.usage += call.usage;
                agent.cost += call.cost.unwrap_or(Usd::ZERO);
                let key = (call.provider.clone(), call.model.clone());
                let model = self.models.entry(key).or_default();
                model.calls += u64::from(is_call);
                model.unpriced += unpriced;
                model.usage += call.usage;
                model.cost += call.cost.unwrap_or(Usd::ZERO);
                if let Some(kind) = call.failure {
                    *model.failures.entry(kind).or_default() += 1;
                } else if is_call {
                    model.times.push(call.latency);
                    model.first_tokens.extend(call.first_token);
                }
            }
            Body::ToolCall(call) => {
                agent.calls[3] += 1;
                let tool = self.tools.entry(call.tool.clone()).or_default();
                match call.outcome {
                    ToolOutcome::Ok => {
                        tool.calls[0] += 1;
                        tool.times.push(call.elapsed);
                    }
                    ToolOutcome::Failed => tool.calls[1] += 1,
                    _ => tool.calls[2] += 1,
                }
            }
            Body::Handoff(_) => agent.calls[4] += 1,
            Body::Retry(_) => agent.work[0] += 1,
            Body::FilesChanged(it) => {
                let parts = [it.files, it.lines_added, it.lines_removed];
                for (sum, part) in agent.work[1..4].iter_mut().zip(parts) {
                    *sum += u128::from(part);
                }
            }
            Body::TaskTiming(it) => {
                agent.work[4] += 1;
                agent.work[6] += it.queued.as_nanos();
                agent.work[7] += it.ran.as_nanos();
            }
            Body::Violation(violation) => {
                agent.violations[match violation.severity {
                    Severity::Critical => 0,
                    Severity::Error => 1,
                    Severity::Warning => 2,
                    _ => 3,
                }] += 1;
                agent.violations[4] += u64::from(violation.fixed);
            }
            Body::Metric(metric) => {
                let key = (metric.name().to_owned(), metric.unit());
                agent.metrics.entry(key).or_default().push(metric.value());
            }
            _ => {}
        }
    }

    /// Counts and money are to be equal, means to the last digits.
    pub(crate) fn check_agents(&self, report: &AgentsReport) {
        let names: Vec<_> = report.agents.iter().map(|line| &line.agent).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, self.agents.keys().collect::<Vec<_>>());
        assert!(
            report
                .agents
                .is_sorted_by_key(|line| std::cmp::Reverse(line.cost))
        );
        for line in &report.agents {
            self.agents[&line.agent].check(line);
        }
    }

    /// Counts and money are to be equal, percentiles within 1 %.
    pub(crate) fn check_models(&self, report: &ModelsReport) {
        assert_eq!(report.models.len(), self.models.len());
        let total: Usd = self.models.values().map(|it| it.cost).sum();
        assert_eq!(report.cost, total);
        assert_eq!(
            report.calls,
            self.models.values().map(|it| it.calls).sum::<u64>()
        );
        let unpriced = self.models.values().map(|it| it.unpriced).sum::<u64>();
        assert_eq!(report.unpriced_calls, unpriced);
        for line in &report.models {
            self.models[&(line.provider.clone(), line.model.clone())].check(line, total);
        }
    }

    /// Counts are to be equal, percentiles within 1 %.
    pub(crate) fn check_tools(&self, report: &ToolsReport) {
        assert_eq!(report.tools.len(), self.tools.len());
        let calls = self
            .tools
            .values()
            .map(|it| it.calls.iter().sum::<u64>())
            .sum::<u64>();
        assert_eq!(report.calls, calls);
        for line in &report.tools {
            self.tools[&line.tool].check(line);
        }
    }
}

impl Agent {
    fn check(&self, line: &AgentLine) {
        let it = &line.sessions;
        let sessions = [
            it.started,
            it.resumed,
            it.success,
            it.escalated,
            it.failed,
            it.aborted,
        ];
        assert_eq!(sessions, self.sessions);
        assert_eq!(
            line.success_rate,
            share(self.sessions[2], self.sessions[2..].iter().sum())
        );
        let calls = [
            line.model_calls,
            line.failed_model_calls,
            line.unpriced_calls,
            line.tool_calls,
            line.handoffs,
        ];
        assert_eq!(calls, self.calls);
        let it = &line.violations;
        let violations = [it.critical, it.error, it.warning, it.info, it.fixed];
        assert_eq!(violations, self.violations);
        assert_eq!((line.usage, line.cost), (self.usage, self.cost));
        assert_eq!(line.cost_per_success, self.cost.div_round(self.sessions[2]));
        // Sums stay at the most that a database holds.
        let bounded = |sum: u128| i64::try_from(sum).unwrap_or(i64::MAX).unsigned_abs();
        let mean = |sum: u128| {
            let nanos = bounded(sum).checked_div(bounded(self.work[4]))?;
            Some(Duration::from_nanos(nanos))
        };
        let counts = [
            line.retries,
            line.files,
            line.lines_added,
            line.lines_removed,
            line.tasks,
        ];
        assert_eq!(counts, [0, 1, 2, 3, 4].map(|at| bounded(self.work[at])));
        let times = (line.queued, line.ran, line.at_work);
        let at_work = Duration::from_nanos(bounded(self.work[5]));
        assert_eq!(times, (mean(self.work[6]), mean(self.work[7]), at_work));
        let of = |line: &agent_telemetry::MetricLine| (line.name.clone(), line.unit);
        let keys: Vec<_> = line.metrics.iter().map(of).collect();
        assert_eq!(keys, self.metrics.keys().cloned().collect::<Vec<_>>());
        for metric in &line.metrics {
            let values = &self.metrics[&of(metric)];
            assert_eq!(metric.count, values.len() as u64);
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            assert!((metric.mean - mean).abs() <= 1e-6, "{} {mean}", metric.mean);
            let bounds = values
                .iter()
                .fold((f64::MAX, f64::MIN), |(min, max), value| {
                    (value.min(min), value.max(max))
                });
            assert_eq!((metric.min, metric.max), bounds);
        }
    }
}

impl Model {
    fn check(&self, line: &ModelFigures, total: Usd) {
        assert_eq!(
            (line.calls, line.unpriced_calls),
            (self.calls, self.unpriced)
        );
        assert_eq!((line.usage, line.cost), (self.usage, self.cost));
        let failures: BTreeMap<_, _> = line.failures.iter().map(|it| (it.kind, it.calls)).collect();
        assert_eq!(failures, self.failures);
        assert_eq!(line.failed(), self.failures.values().sum::<u64>());
        let is_known = !self.cost.is_zero() || self.unpriced == 0;
        assert_eq!(line.cost_share.is_some(), is_known && total > Usd::ZERO);
        check_times(line.latency, &self.times);
        check_times(line.first_token, &self.first_tokens);
    }
}

impl Tool {
    fn check(&self, line: &ToolFigures) {
        assert_eq!([line.ok, line.failed, line.aborted], self.calls);
        assert_eq!(line.calls, self.calls.iter().sum::<u64>());
        assert_eq!(line.success_rate, share(self.calls[0], line.calls));
        check_times(line.latency, &self.times);
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn check_times(found: Option<Percentiles>, times: &[Duration]) {
    let Some(found) = found else {
        return assert!(times.is_empty(), "{times:?}");
    };
    assert_eq!(found.count, times.len() as u64);
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    for (percent, found) in [(50, found.p50), (95, found.p95), (99, found.p99)] {
        let exact = sorted[(sorted.len() * percent).div_ceil(100) - 1];
        let off = found.abs_diff(exact).as_secs_f64();
        assert!(
            off <= exact.as_secs_f64() * 0.01,
            "{percent}: {found:?} for {exact:?}"
        );
    }
}
