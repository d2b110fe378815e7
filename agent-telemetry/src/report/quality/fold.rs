//! Records into what the report says.

use super::super::folded::Folded;
use super::corrections::Corrections;
use super::outcomes::Sessions;
use super::scores::Scores;
use super::seen::Seen;
use super::violations::Violations;
use super::{QualityLeftOut, QualityReport, SCHEMA};
use crate::{Body, Period, Record, Span};

#[derive(Debug)]
pub(super) struct Fold {
    period: Period,
    seen: Seen,
    scores: Scores,
    violations: Violations,
    corrections: Corrections,
    sessions: Sessions,
}

impl Folded for Fold {
    type Report = QualityReport;

    fn add(&mut self, record: &Record) {
        if !self.period.contains(record.at) {
            return;
        }
        match &record.body {
            Body::Metric(metric) if metric.is_score() => {
                self.scores.add(record, metric, &mut self.seen);
            }
            Body::Violation(violation) => {
                let is_new = self.violations.add(record, violation, &mut self.seen);
                if is_new {
                    self.corrections
                        .add_violation(record, violation, &mut self.seen);
                }
            }
            Body::Decision(decision) => {
                self.corrections
                    .add_decision(record, decision, &mut self.seen);
            }
            Body::DecisionOutcome(outcome) => self.corrections.add_outcome(record, outcome),
            Body::SessionStart(_) | Body::SessionResume(_) | Body::SessionEnd(_) => {
                self.sessions.add(record);
            }
            _ => {}
        }
    }

    fn finish(mut self) -> QualityReport {
        let mut left_out = QualityLeftOut::default();
        let scores = self.scores.finish(&mut left_out);
        let violations = self.violations.finish(&mut left_out);
        let corrections = self.corrections.finish(&mut self.seen, &mut left_out);
        left_out.evidence = self.seen.left_out();
        let ended = self.sessions.finish(&mut left_out);
        QualityReport {
            schema: SCHEMA,
            period: self.period,
            scores,
            found: violations.found,
            fixed: violations.fixed,
            severities: violations.severities,
            rules: violations.rules,
            files: violations.files,
            agents: violations.agents,
            corrections,
            outcomes: ended.outcomes,
            days: ended.days,
            weeks: ended.weeks,
            left_out,
        }
    }
}

impl Fold {
    pub(super) fn new(period: Period) -> Self {
        Self {
            period: period.outward(Span::Minute),
            seen: Seen::default(),
            scores: Scores::default(),
            violations: Violations::default(),
            corrections: Corrections::default(),
            sessions: Sessions::default(),
        }
    }
}
