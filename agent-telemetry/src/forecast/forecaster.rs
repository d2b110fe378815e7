//! What all forecasts rest on, one record after another.

use agent_primitives::Timestamp;

use super::history::{SpendHistory, money};
use super::outlook::Outlook;
use super::{
    Budget, BudgetForecast, BudgetPeriod, BurnRate, CallTimes, ContextForecast, ContextSessions,
    CostProjection, ForecastBasis, ForecastConfig, ForecastReport, RequestSize, TimeoutRisk,
    calendar,
};
use crate::{Body, Period, Record, Rollups};

const SCHEMA: u32 = 1;
/// Budgets that are told, and sessions for each budget of sessions.
const BUDGETS: usize = 16;
const SESSIONS: usize = 16;
/// Contexts that are told.
const CONTEXTS: usize = 64;
/// Models of which is told how long requests take.
const MODELS: usize = 16;
/// Sizes of requests, as shares of those recorded that are no larger.
const SIZES: [f64; 2] = [0.5, 0.95];

/// Everything that a [`ForecastReport`] rests on, kept up to date record by record in bounded memory, so that a
/// report takes a few milliseconds at any time.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{ForecastBasis, ForecastConfig, Forecaster};
///
/// let report = Forecaster::new().report(Timestamp::UNIX_EPOCH, &ForecastConfig::default());
/// assert_eq!(report.basis, ForecastBasis::Nothing);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Forecaster {
    spending: SpendHistory,
    contexts: ContextSessions,
    times: CallTimes,
}

impl Forecaster {
    /// Of no records.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more record, behind those before it.
    pub fn add(&mut self, record: &Record) {
        self.spending.add(record);
        self.add_beside_sums(record);
    }

    /// One more record whose cost is in sums that were added.
    pub fn add_beside_sums(&mut self, record: &Record) {
        self.contexts.add(record);
        if let Body::ModelCall(call) = &record.body {
            self.times.add(call);
        }
    }

    /// The sums of a period that lies in one hour, of which no record is added with [`add`](Self::add).
    pub fn add_sums(&mut self, period: Period, sums: &Rollups) {
        self.spending.add_sums(period, sums);
    }

    #[cfg(feature = "sqlite")]
    pub(crate) const fn spending(&mut self) -> &mut SpendHistory {
        &mut self.spending
    }

    #[cfg(feature = "sqlite")]
    pub(crate) const fn contexts_mut(&mut self) -> &mut ContextSessions {
        &mut self.contexts
    }

    /// The report as at `now`.
    pub fn report(&self, now: Timestamp, config: &ForecastConfig) -> ForecastReport {
        let (seed, spending) = (config.seed, &self.spending);
        let until = calendar::month(now).to().max(furthest(config, now));
        let outlook = Outlook::of(spending, money, now, until, seed);
        let foreseen = outlook.as_ref().map_err(|it| *it);
        let mut left_out = 0;
        let known = spending.known(now);
        let mut report = ForecastReport {
            schema: SCHEMA,
            now,
            basis: foreseen.map_or(ForecastBasis::Nothing, Outlook::basis),
            days: foreseen.map_or(0, Outlook::days),
            since: known.since,
            hours: known.hours,
            active_hours: known.active,
            calls: known.sum.calls,
            unpriced_calls: known.sum.unpriced,
            burn: BurnRate::with(spending, now, foreseen, seed),
            budgets: Vec::new(),
            projection: CostProjection::with(spending, now, foreseen),
            contexts: Vec::new(),
            timeouts: Vec::new(),
            left_out: 0,
            calls_left_out: spending.left_out().saturating_add(self.times.left_out()),
        };
        for budget in bounded(&config.budgets, BUDGETS, &mut left_out) {
            if budget.period == BudgetPeriod::Session {
                let (told, more) = self.contexts.budgets(budget, now, seed, SESSIONS);
                left_out = left_out.saturating_add(more as u64);
                report.budgets.extend(told);
            } else {
                let told = BudgetForecast::with(spending, budget, now, foreseen);
                report.budgets.push(told);
            }
        }
        let more;
        (report.contexts, more) = self.contexts(now, config);
        left_out = left_out.saturating_add(more as u64);
        report.timeouts = self.timeouts(config, &mut left_out);
        report.left_out = left_out.saturating_add(self.contexts.left_out());
        report
    }

    fn contexts(&self, now: Timestamp, config: &ForecastConfig) -> (Vec<ContextForecast>, usize) {
        let window = config.window.filter(|it| *it > 0);
        let full = (window, config.full_at);
        self.contexts
            .forecasts_with(now, config.seed, full, CONTEXTS)
    }

    fn timeouts(&self, config: &ForecastConfig, left_out: &mut u64) -> Vec<TimeoutRisk> {
        let mut models: Vec<_> = self.times.models().collect();
        models
            .sort_by_key(|(provider, model)| std::cmp::Reverse(self.times.calls(provider, model)));
        let mut told = Vec::new();
        for (provider, model) in bounded(&models, MODELS, left_out) {
            for share in SIZES {
                let Some(input) = self.times.input(provider, model, share) else {
                    continue;
                };
                let mut request = RequestSize::new(input, config.timeout);
                request.max_output = config.max_output;
                let risk = self.times.risk(provider, model, &request);
                let is_told = |it: &TimeoutRisk| {
                    it.request == request && it.model == **model && it.provider == **provider
                };
                if !told.last().is_some_and(is_told) {
                    told.push(risk);
                }
            }
        }
        told
    }
}

fn bounded<'l, T>(all: &'l [T], most: usize, left_out: &mut u64) -> &'l [T] {
    *left_out = left_out.saturating_add(all.len().saturating_sub(most) as u64);
    all.get(..most).unwrap_or(all)
}

/// How far budgets look.
fn furthest(config: &ForecastConfig, now: Timestamp) -> Timestamp {
    let until = config.budgets.iter().map(|it: &Budget| it.until(now));
    until.max().unwrap_or(now)
}
