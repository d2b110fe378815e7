//! The report `forecast`: all of them on one moment.

use std::time::Duration;

use agent_primitives::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Budget, BudgetForecast, BurnRate, ContextForecast, CostProjection, Forecaster, TimeoutRisk,
};
use crate::Record;
use crate::words::words;

words! {
    /// What forecasts of money rest on.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::ForecastBasis::Days.as_str(), "days");
    /// ```
    ForecastBasis {
        /// On whole days: at least four of them.
        Days = "days",
        /// On hours: at least six since the first spending, three of them with some.
        Hours = "hours",
        /// On nothing: there is too little.
        Nothing = "nothing",
    }
}

/// What to forecast.
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::ForecastConfig;
///
/// let config = ForecastConfig::default().budget("50usd/day".parse()?).window(200_000);
/// assert_eq!((config.budgets.len(), config.timeout), (1, Duration::from_secs(60)));
/// # Ok::<(), agent_telemetry::InvalidBudget>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[must_use]
pub struct ForecastConfig {
    /// Budgets; none unless set. At most the first 16 are told.
    pub budgets: Vec<Budget>,
    /// Tokens that fit into a context where no record says so; not known unless set.
    pub window: Option<u64>,
    /// The share of a window from which on it counts as full; unless set, where a session was compacted before,
    /// and 1 where it was not.
    pub full_at: Option<f64>,
    /// After which time a request is given up; 60 s unless set.
    pub timeout: Duration,
    /// Most tokens that a model may write; no limit unless set.
    pub max_output: Option<u64>,
    /// What is drawn depends on it alone; 7 unless set.
    pub seed: u64,
}

impl Default for ForecastConfig {
    fn default() -> Self {
        Self {
            budgets: Vec::new(),
            window: None,
            full_at: None,
            timeout: Duration::from_secs(60),
            max_output: None,
            seed: 7,
        }
    }
}

impl ForecastConfig {
    /// One more budget.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budgets.push(budget);
        self
    }

    /// Sets how many tokens fit into a context.
    pub const fn window(mut self, tokens: u64) -> Self {
        self.window = Some(tokens);
        self
    }

    /// Sets the share of a window from which on it counts as full, from 0 to 1.
    pub const fn full_at(mut self, share: f64) -> Self {
        self.full_at = Some(share);
        self
    }

    /// Sets after which time a request is given up.
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Sets the most tokens that a model may write.
    pub const fn max_output(mut self, tokens: u64) -> Self {
        self.max_output = Some(tokens);
        self
    }

    /// Sets what is drawn.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

/// The report `forecast`: how fast money goes, when budgets run out, what today and the month come to, how many
/// turns contexts have left, and which requests may take too long.
///
/// Every interval is to hold what comes in 80 of 100 cases, those of money from ten whole days on. Days are those of UTC. Where there is too little to
/// tell something from, the report says what is missing.
///
/// ```
/// use agent_primitives::{ModelId, ProviderId, Timestamp, Usd};
/// use agent_telemetry::{BudgetVerdict, ForecastConfig, ForecastReport, ModelCall, Record};
///
/// // A dollar an hour for twelve days, up to noon of 20 November 2026.
/// let now = Timestamp::from_unix_seconds(1_795_176_000);
/// let call = ModelCall::new(ProviderId::new("claude")?, ModelId::new("claude-haiku-4-5")?)
///     .cost(Usd::from_micros(1_000_000));
/// let records: Vec<_> = (0..12 * 24)
///     .map(|hour| now - std::time::Duration::from_secs(3_600 * hour + 60))
///     .map(|at| Record::new(at, call.clone()))
///     .collect();
/// let config = ForecastConfig::default().budget("16/day".parse()?).budget("30/day".parse()?);
/// let report = ForecastReport::of(now, &config, &records);
/// let verdicts: Vec<_> = report.budgets.iter().map(|it| it.verdict).collect();
/// assert_eq!(verdicts, [BudgetVerdict::RunsOut, BudgetVerdict::Lasts]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ForecastReport {
    /// Version of this structure: 1. Fields may be added within a version, never changed.
    pub schema: u32,
    /// As at this time.
    pub now: Timestamp,
    /// What forecasts of money rest on.
    pub basis: ForecastBasis,
    /// Whole days that they rest on: with fewer than ten, intervals hold what comes in fewer than 80 of 100 cases.
    #[serde(default)]
    pub days: u64,
    /// The hour of the first call that they rest on, at most nine weeks ago.
    pub since: Option<Timestamp>,
    /// Hours since then, the one that is not over among them.
    pub hours: u64,
    /// Those of them with a call.
    pub active_hours: u64,
    /// Model calls since then.
    pub calls: u64,
    /// Calls whose cost is not known: no forecast of money has it.
    pub unpriced_calls: u64,
    /// How fast money and tokens go.
    pub burn: BurnRate,
    /// When budgets run out, in the order in which they are set. One for sessions is told for each session that
    /// has not ended, the dearest 16 first.
    pub budgets: Vec<BudgetForecast>,
    /// What today and the month come to.
    pub projection: CostProjection,
    /// How many turns sessions have left that have not ended, the fewest first; at most 64.
    pub contexts: Vec<ContextForecast>,
    /// How likely requests take too long: for the 16 models with the most calls, a request as large as half of
    /// those that were recorded at most, and one as large as 95 of 100.
    pub timeouts: Vec<TimeoutRisk>,
    /// Budgets, sessions and models beyond the bounds.
    pub left_out: u64,
    /// Calls before what is kept, in sums of more than an hour, or of models beyond those whose times are kept.
    #[serde(default)]
    pub calls_left_out: u64,
}

impl ForecastReport {
    /// From records, in their order; those behind `now` say nothing.
    pub fn of<'a>(
        now: Timestamp,
        config: &ForecastConfig,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Self {
        let mut forecaster = Forecaster::new();
        for record in records {
            if record.at <= now {
                forecaster.add(record);
            }
        }
        forecaster.report(now, config)
    }

    /// As [`of`](Self::of), of records that are read from somewhere: ends with the first error.
    ///
    /// # Errors
    /// The first error of the reading.
    pub fn try_of<E>(
        now: Timestamp,
        config: &ForecastConfig,
        records: impl IntoIterator<Item = Result<Record, E>>,
    ) -> Result<Self, E> {
        let mut forecaster = Forecaster::new();
        for record in records {
            let record = record?;
            if record.at <= now {
                forecaster.add(&record);
            }
        }
        Ok(forecaster.report(now, config))
    }

    /// Whether there is nothing to tell anything from.
    pub fn is_empty(&self) -> bool {
        self.since.is_none() && self.contexts.is_empty()
    }

    /// One self-contained page that needs no script, no network and no style of its own.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::{ForecastConfig, ForecastReport};
    ///
    /// let report = ForecastReport::of(Timestamp::UNIX_EPOCH, &ForecastConfig::default(), []);
    /// assert!(report.to_html().starts_with("<!DOCTYPE html>"));
    /// ```
    pub fn to_html(&self) -> String {
        self.sheet().html()
    }
}
