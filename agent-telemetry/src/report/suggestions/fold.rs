//! Records into suggestions.

use super::super::compare::ModelsByTaskType;
use super::super::errors::Fold as Recoveries;
use super::super::folded::Folded;
use super::super::seen::Seen;
use super::super::sequences::Fold as Sequences;
use super::cache::Inputs;
use super::errors::Errors;
use super::gain::Told;
use super::requests::Requests;
use super::{SCHEMA, SuggestConfig, SuggestionsLeftOut, SuggestionsReport, cheaper, turns};
use crate::{Body, Period, Record, Span};

/// Suggestions that are told.
const SHOWN: usize = 64;

#[derive(Debug)]
pub(super) struct Fold {
    period: Period,
    config: SuggestConfig,
    told: Told,
    seen: Seen,
    models: ModelsByTaskType,
    requests: Requests,
    sequences: Sequences,
    errors: Errors,
    recoveries: Recoveries,
    inputs: Inputs,
}

impl Folded for Fold {
    type Report = SuggestionsReport;

    fn add(&mut self, record: &Record) {
        self.models.add(record);
        if !self.period.contains(record.at) {
            return;
        }
        self.told.add(record.at);
        self.sequences.add(record);
        self.errors.add(record, &mut self.seen);
        self.recoveries.add(record);
        if let Body::ModelCall(call) = &record.body
            && !call.is_unexplained()
        {
            self.requests
                .add(record, call, &self.config, &mut self.seen);
            self.inputs.add(record, call, &mut self.seen);
        }
    }

    fn finish(self) -> SuggestionsReport {
        let (config, told) = (&self.config, self.told);
        let sequences = self.sequences.finish();
        let mut left_out = SuggestionsLeftOut {
            sequences: sequences.left_out,
            models: self.requests.left_out.max(self.inputs.left_out),
            followed: self.inputs.not_followed,
            evidence: self.seen.left_out(),
            ..SuggestionsLeftOut::default()
        };
        let mut found = Vec::new();
        let (models, compared) = cheaper::suggest(self.models, config, told, &mut found);
        left_out.compared = compared;
        let requests = self.requests.suggest(config, told, &mut found);
        let [repeats, pairs] = turns::suggest(sequences, config, told, &mut found);
        let recoveries = self.recoveries.finish();
        let errors = self.errors.suggest(config, told, &recoveries, &mut found);
        let inputs = self.inputs.suggest(config, told, &mut found);
        // Stable: where the rest is equal, in the order of the kinds.
        found.sort_by_key(|it| it.gain.order());
        left_out.suggestions = found.len().saturating_sub(SHOWN) as u64;
        found.truncate(SHOWN);
        SuggestionsReport {
            schema: SCHEMA,
            period: self.period,
            config: self.config,
            told: told.time(),
            suggestions: found,
            looked: vec![models, requests, repeats, pairs, errors, inputs],
            left_out,
        }
    }
}

impl Fold {
    pub(super) fn new(period: Period, config: &SuggestConfig) -> Self {
        Self {
            period: period.outward(Span::Minute),
            config: *config,
            told: Told::default(),
            seen: Seen::default(),
            models: ModelsByTaskType::new(period, config.rate_margin()),
            requests: Requests::default(),
            sequences: Sequences::new(period),
            errors: Errors::default(),
            recoveries: Recoveries::new(period),
            inputs: Inputs::default(),
        }
    }
}
