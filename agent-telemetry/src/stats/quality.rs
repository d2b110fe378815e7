//! Violations, metrics, failures, retries and handoffs.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use agent_primitives::{Attempt, FailureKind, Handoff, Retry};

use super::{
    FailureLine, HandoffLine, MetricLine, Quality, ViolationFileLine, ViolationKindLine,
    ViolationLine,
};
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
    /// With the worst severity.
    violation_kinds: HashMap<Cow<'static, str>, (Severity, u64, u64)>,
    violation_files: HashMap<Option<Cow<'static, str>>, (u64, u64)>,
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
        let kind = self.violation_kinds.entry(violation.kind.clone());
        let (worst, found, fixed) = kind.or_insert((violation.severity, 0, 0));
        *worst = violation.severity.max(*worst);
        *found += 1;
        *fixed += u64::from(violation.fixed);
        let file = self.violation_files.entry(violation.file.clone());
        let (found, fixed) = file.or_default();
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
        let mut kinds: Vec<ViolationKindLine> = self
            .violation_kinds
            .into_iter()
            .map(|(kind, (severity, found, fixed))| ViolationKindLine {
                kind: kind.into_owned(),
                severity,
                found,
                fixed,
            })
            .collect();
        kinds.sort_by(|a, b| (Reverse(a.found), &a.kind).cmp(&(Reverse(b.found), &b.kind)));
        let mut files: Vec<ViolationFileLine> = self
            .violation_files
            .into_iter()
            .map(|(file, (found, fixed))| ViolationFileLine {
                file: file.map(Cow::into_owned),
                found,
                fixed,
            })
            .collect();
        files.sort_by(|a, b| (Reverse(a.found), &a.file).cmp(&(Reverse(b.found), &b.file)));
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
            violation_kinds: kinds,
            violation_files: files,
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
fn summary(name: String, unit: Unit, values: Vec<f64>) -> Option<MetricLine> {
    let min = values.iter().copied().min_by(f64::total_cmp)?;
    let max = values.iter().copied().max_by(f64::total_cmp)?;
    Some(MetricLine {
        name,
        unit,
        count: values.len() as u64,
        mean: mean(values)?,
        min,
        max,
    })
}

/// The arithmetic mean, between the lowest and the highest value; `None` for no values.
pub(super) fn mean(mut values: Vec<f64>) -> Option<f64> {
    // Sums of floats depend on their order, the mean must not depend on that of the records.
    values.sort_unstable_by(f64::total_cmp);
    let (min, max) = (*values.first()?, *values.last()?);
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 values")]
    let count = values.len() as f64;
    // Each share is added, since the sum of finite values may be infinite.
    let mean = values.iter().map(|value| value / count).sum::<f64>();
    Some(mean.clamp(min, max))
}
