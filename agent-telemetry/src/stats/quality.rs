//! Violations, metrics, failures, retries and handoffs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use agent_primitives::{Attempt, FailureKind, Handoff, Retry};

use super::{FailureLine, HandoffLine, MetricLine, Quality, ViolationLine};
use crate::{Metric, ModelCall, Severity, Unit, Violation};

#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) breaker_openings: u64,
    pub(super) cooldowns: u64,
    pub(super) context_peak: Option<u64>,
    retries: u64,
    retry_delay: Duration,
    /// Found and fixed.
    violations: BTreeMap<Severity, (u64, u64)>,
    metrics: BTreeMap<(String, Unit), Vec<f64>>,
    /// Attempts and calls.
    failures: BTreeMap<FailureKind, (u64, u64)>,
    handoffs: HashMap<Handoff, u64>,
}

impl Faults {
    pub(super) fn add_call(&mut self, call: &ModelCall) {
        if let Some(kind) = call.failure {
            self.failures.entry(kind).or_default().1 += 1;
        }
    }

    pub(super) fn add_attempt(&mut self, attempt: &Attempt) {
        if let Some(kind) = attempt.failure {
            self.failures.entry(kind).or_default().0 += 1;
        }
    }

    pub(super) fn add_retry(&mut self, retry: &Retry) {
        self.retries += 1;
        self.retry_delay = self.retry_delay.saturating_add(retry.delay);
    }

    pub(super) fn add_violation(&mut self, violation: &Violation) {
        let (found, fixed) = self.violations.entry(violation.severity).or_default();
        *found += 1;
        *fixed += u64::from(violation.fixed);
    }

    pub(super) fn add_metric(&mut self, metric: &Metric) {
        self.metrics
            .entry((metric.name().to_owned(), metric.unit()))
            .or_default()
            .push(metric.value());
    }

    pub(super) fn add_handoff(&mut self, handoff: &Handoff) {
        *self.handoffs.entry(handoff.clone()).or_default() += 1;
    }

    pub(super) fn finish(self) -> Quality {
        let mut handoffs: Vec<HandoffLine> = self
            .handoffs
            .into_iter()
            .map(|(handoff, count)| HandoffLine {
                from: handoff.from,
                to: handoff.to,
                reason: handoff.reason,
                initiator: handoff.initiator,
                count,
            })
            .collect();
        handoffs.sort_by_cached_key(order);
        Quality {
            violations: self
                .violations
                .into_iter()
                .rev()
                .map(|(severity, (found, fixed))| ViolationLine {
                    severity,
                    found,
                    fixed,
                })
                .collect(),
            metrics: self
                .metrics
                .into_iter()
                .filter_map(|((name, unit), values)| summary(name, unit, values))
                .collect(),
            failures: self
                .failures
                .into_iter()
                .map(|(kind, (attempts, calls))| FailureLine {
                    kind,
                    attempts,
                    calls,
                })
                .collect(),
            retries: self.retries,
            retry_delay: self.retry_delay,
            breaker_openings: self.breaker_openings,
            cooldowns: self.cooldowns,
            context_peak_percent: self.context_peak,
            handoffs,
        }
    }
}

/// A provider and an agent of one name are told apart by the debug form, which names the kind.
fn order(line: &HandoffLine) -> impl Ord + use<> {
    (
        Reverse(line.count),
        format!("{:?}", line.from),
        format!("{:?}", line.to),
        line.reason,
        line.initiator,
    )
}

/// `None` for no values.
fn summary(name: String, unit: Unit, mut values: Vec<f64>) -> Option<MetricLine> {
    // Sums of floats depend on their order, the mean must not depend on that of the records.
    values.sort_unstable_by(f64::total_cmp);
    let (min, max) = (*values.first()?, *values.last()?);
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 values")]
    let count = values.len() as f64;
    // Each share is added, since the sum of finite values may be infinite.
    let mean = values.iter().map(|value| value / count).sum::<f64>();
    Some(MetricLine {
        name,
        unit,
        count: values.len() as u64,
        mean: mean.clamp(min, max),
        min,
        max,
    })
}
