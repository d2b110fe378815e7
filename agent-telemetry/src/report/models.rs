//! The report per model: how often, how well, how fast, how dear.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use agent_primitives::{FailureKind, ModelId, ProviderId, TokenUsage, Usd};
use serde::{Deserialize, Serialize};

use super::{Percentiles, SCHEMA};
use crate::rollup::Merge;
use crate::{ModelCell, Period, Rollups, Span};

/// What the models of a period did: the report `models`.
///
/// ```
/// use agent_primitives::{ModelId, ProviderId, Timestamp};
/// use agent_telemetry::{ModelCall, ModelsReport, Period, Record, Rollups};
///
/// let at = Timestamp::from_unix_seconds(1_795_219_200);
/// let call = ModelCall::new(ProviderId::new("house")?, ModelId::new("small")?);
/// let period = Period::last_24_hours(at);
/// let report = ModelsReport::of(period, &Rollups::of([&Record::new(at, call)], period));
/// assert_eq!((report.calls, report.unpriced_calls), (1, 1));
/// assert_eq!(report.models[0].cost_share, None, "of nothing there are no shares");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelsReport {
    /// Version of this structure: 1. Fields may be added within a version, never changed.
    pub schema: u32,
    /// Which time it is about.
    pub period: Period,
    /// All calls, failed ones included.
    pub calls: u64,
    /// Calls whose cost is not known and missing from the sum.
    pub unpriced_calls: u64,
    /// The sum over all priced calls, exact.
    pub cost: Usd,
    /// One line for each model at each provider, the dearest first.
    pub models: Vec<ModelFigures>,
}

/// One model at one provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelFigures {
    /// Who answered.
    pub provider: ProviderId,
    /// With which model.
    pub model: ModelId,
    /// Calls, failed ones included.
    pub calls: u64,
    /// Calls that failed, by what went wrong, the most frequent first.
    pub failures: Vec<CallFailures>,
    /// Tokens.
    pub usage: TokenUsage,
    /// The sum over priced calls, exact.
    pub cost: Usd,
    /// Calls whose cost is not known and missing from the sum.
    pub unpriced_calls: u64,
    /// Its part of the sum over all models, from 0 to 1; `None` where that is nothing, and where no cost
    /// of this one is known.
    pub cost_share: Option<f64>,
    /// Times of the successful calls; `None` where there was none.
    pub latency: Option<Percentiles>,
    /// Times to the first token, of those calls where it is known.
    pub first_token: Option<Percentiles>,
}

impl ModelsReport {
    /// The report on the sums of a period, of which this is the period that they were asked for.
    pub fn of(period: Period, sums: &Rollups) -> Self {
        let mut models: BTreeMap<(&ProviderId, &ModelId), ModelCell> = BTreeMap::new();
        for (key, cell) in &sums.models {
            let of = (&key.provider, &key.model);
            models.entry(of).or_default().absorb(cell);
        }
        let mut total = (0, 0, Usd::ZERO);
        for cell in models.values() {
            total.0.absorb(&cell.calls);
            total.1.absorb(&cell.unpriced);
            total.2.absorb(&cell.cost);
        }
        let (calls, unpriced_calls, cost) = total;
        let mut models: Vec<ModelFigures> = models
            .iter()
            .map(|((provider, model), cell)| {
                ModelFigures::of((*provider).clone(), (*model).clone(), cell, cost)
            })
            .collect();
        // Stable: where the rest is equal, in the order of names.
        models.sort_by_key(|line| (Reverse(line.cost), Reverse(line.calls)));
        Self {
            schema: SCHEMA,
            period: period.outward(Span::Minute),
            calls,
            unpriced_calls,
            cost,
            models,
        }
    }

    /// One self-contained page that needs no script, no network and no style of its own.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::{ModelsReport, Period, Rollups};
    ///
    /// let report = ModelsReport::of(Period::last_24_hours(Timestamp::UNIX_EPOCH), &Rollups::default());
    /// assert!(report.to_html().starts_with("<!DOCTYPE html>"));
    /// ```
    pub fn to_html(&self) -> String {
        self.sheet().html()
    }
}

/// The part of a positive whole.
fn cost_share(part: Usd, whole: Usd) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
    let [part, whole] = [part, whole].map(|cost| cost.picos() as f64);
    (whole > 0.0).then(|| part / whole)
}

impl ModelFigures {
    fn of(provider: ProviderId, model: ModelId, cell: &ModelCell, total: Usd) -> Self {
        let failures = cell.failures.iter();
        let mut failures: Vec<CallFailures> = failures
            .map(|(&kind, &calls)| CallFailures { kind, calls })
            .collect();
        failures.sort_by_key(|line| Reverse(line.calls));
        Self {
            provider,
            model,
            calls: cell.calls,
            failures,
            usage: cell.usage,
            cost: cell.cost,
            unpriced_calls: cell.unpriced,
            cost_share: cost_share(cell.cost, total)
                .filter(|_| !cell.cost.is_zero() || cell.unpriced == 0),
            latency: Percentiles::of(cell.latency_ns.count(), |q| cell.latency(q)),
            first_token: Percentiles::of(cell.first_token_ns.count(), |q| cell.first_token(q)),
        }
    }

    /// Calls that failed, whatever went wrong.
    pub fn failed(&self) -> u64 {
        self.failures
            .iter()
            .fold(0, |sum, line| sum.saturating_add(line.calls))
    }
}

/// Calls that failed in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallFailures {
    /// What went wrong.
    pub kind: FailureKind,
    /// How often.
    pub calls: u64,
}
