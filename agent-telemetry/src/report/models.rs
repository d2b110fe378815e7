//! The report per model: how often, how well, how fast, how dear.

use agent_primitives::{FailureKind, ModelId, ProviderId, TokenUsage, Usd};
use serde::{Deserialize, Serialize};

use super::{Percentiles, Period};

/// What the models of a period did: the report `models`.
///
/// ```
/// use agent_primitives::{ModelId, ProviderId, Timestamp};
/// use agent_telemetry::{ModelCall, ModelsReport, Period, Record};
///
/// let at = Timestamp::from_unix_seconds(1_795_219_200);
/// let call = ModelCall::new(ProviderId::new("house")?, ModelId::new("small")?);
/// let report = ModelsReport::of(Period::last_24_hours(at), [Record::new(at, call)]);
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
    /// Its part of the cost of all models, from 0 to 1; `None` where they cost nothing together.
    pub cost_share: Option<f64>,
    /// Times of the successful calls; `None` where there was none.
    pub latency: Option<Percentiles>,
    /// Times to the first token, of those calls where it is known.
    pub first_token: Option<Percentiles>,
}

impl ModelFigures {
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
