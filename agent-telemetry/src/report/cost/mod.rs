//! What work cost: by agent, model, kind of work, project and day.

mod lines;

use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, Timestamp, TokenUsage, Usd};
use serde::{Deserialize, Serialize};

use super::SCHEMA;
use crate::rollup::Merge;
use crate::{Period, ProjectId, Rollups, Span};

/// The report `cost`: what work cost, by agent, model, kind of work, project and day, and what a success
/// cost.
///
/// Costs are those of the priced calls and exact. Calls without a known price are counted beside them. Days
/// are those of UTC; the first and the last may be parts of one. A cost counts on the day of its call, a
/// success on the day on which the session ended, so that what a success cost on one day says little where
/// sessions go on over midnight.
///
/// ```
/// use agent_primitives::{AgentId, ModelId, ProviderId, Timestamp, Usd};
/// use agent_telemetry::{CostReport, ModelCall, Period, Record, Rollups};
///
/// let at = Timestamp::from_unix_seconds;
/// let call = ModelCall::new(ProviderId::new("claude")?, ModelId::new("claude-haiku-4-5")?)
///     .cost(Usd::from_micros(1_500));
/// let record = |second| Record::new(at(second), call.clone()).of_agent(AgentId::new("coder").unwrap());
/// let records = [record(10), record(86_400), record(86_500)];
///
/// let period = Period::new(at(0), at(2 * 86_400));
/// let days = period.days().map(|day| (day, Rollups::of(&records, day)));
/// let report = CostReport::of(period, days);
/// assert_eq!(report.cost, Usd::from_micros(4_500));
/// assert_eq!(report.days.iter().map(|day| day.calls).collect::<Vec<_>>(), [1, 2]);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CostReport {
    /// Version of this structure: 1. Fields may be added within a version, never changed.
    pub schema: u32,
    /// Which time it is about.
    pub period: Period,
    /// The sum over all priced calls, exact.
    pub cost: Usd,
    /// Model calls, failed ones included.
    pub calls: u64,
    /// Calls whose cost is not known and missing from the sum.
    pub unpriced_calls: u64,
    /// Sessions that ended in success, for each agent that ended one.
    pub success: u64,
    /// The whole cost, that of unsuccessful sessions included, for each success; `None` without one.
    pub cost_per_success: Option<Usd>,
    /// Tokens.
    pub usage: TokenUsage,
    /// By agent, the dearest first; at most 256.
    pub agents: Vec<SpendLine<Option<AgentId>>>,
    /// By kind of work, the dearest first; at most 256. What was spent before a session named its kind is
    /// under `None`.
    pub task_types: Vec<SpendLine<Option<String>>>,
    /// By project, the dearest first; at most 256.
    pub projects: Vec<SpendLine<Option<ProjectId>>>,
    /// By model, the dearest first; at most 256.
    pub models: Vec<ModelSpend>,
    /// The days of the period, in order; at most 400, the last ones.
    pub days: Vec<DaySpend>,
    /// The dearest sessions, where somebody has looked for them: they are not in the sums.
    #[serde(default)]
    pub sessions: Vec<SessionSpend>,
    /// Lines beyond the bounds, over all of the lists.
    pub left_out: u64,
}

/// What some part of the work cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SpendLine<K> {
    /// Which part; `None` for what belongs to none.
    pub of: K,
    /// The sum over its priced calls, exact.
    pub cost: Usd,
    /// Its part of the whole cost, from 0 to 1; `None` where that is nothing.
    pub cost_share: Option<f64>,
    /// Model calls, failed ones included.
    pub calls: u64,
    /// Calls whose cost is not known and missing from the sum.
    pub unpriced_calls: u64,
    /// Sessions that ended, whichever way.
    pub ended: u64,
    /// Sessions that ended in success.
    pub success: u64,
    /// The cost for each of them; `None` without one.
    pub cost_per_success: Option<Usd>,
}

/// What a model cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelSpend {
    /// Who answered.
    pub provider: ProviderId,
    /// With which model.
    pub model: ModelId,
    /// The sum over priced calls, exact.
    pub cost: Usd,
    /// Its part of the whole cost, from 0 to 1; `None` where that is nothing.
    pub cost_share: Option<f64>,
    /// Calls, failed ones included.
    pub calls: u64,
    /// Calls whose cost is not known and missing from the sum.
    pub unpriced_calls: u64,
    /// Tokens.
    pub usage: TokenUsage,
}

/// What one day cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DaySpend {
    /// Its beginning, or that of the period.
    pub from: Timestamp,
    /// The sum over its priced calls, exact.
    pub cost: Usd,
    /// Model calls, failed ones included.
    pub calls: u64,
    /// Calls whose cost is not known and missing from the sum.
    pub unpriced_calls: u64,
    /// Sessions that ended, whichever way.
    pub ended: u64,
    /// Sessions that ended in success.
    pub success: u64,
    /// By model, those of [`models`](field@CostReport::models) in their order and at most the first 8.
    pub models: Vec<Usd>,
}

/// What one session cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionSpend {
    /// In which project.
    pub project: Option<ProjectId>,
    /// Which session.
    pub session: SessionId,
    /// The sum over its priced calls in the period, exact.
    pub cost: Usd,
    /// Model calls in the period, failed ones included.
    pub calls: u64,
    /// Calls whose cost is not known and missing from the sum.
    pub unpriced_calls: u64,
}

/// Lines of a list.
const LINES: usize = 256;
const DAYS: usize = 400;
/// Models whose cost is told by day.
const DAILY: usize = 8;

impl CostReport {
    /// The report on the sums of a period, one after another for each of its days or other parts.
    pub fn of(period: Period, days: impl IntoIterator<Item = (Period, Rollups)>) -> Self {
        let mut all = Rollups::default();
        let mut by_day: Vec<(Period, Rollups)> = Vec::new();
        for (day, sums) in days {
            all.absorb(&sums);
            by_day.push((day, sums));
        }
        let total = lines::total(&all);
        let mut left_out = 0;
        let models = lines::models(&all, total.cost);
        let days_left_out = by_day.len().saturating_sub(DAYS);
        left_out += days_left_out as u64;
        let shown = by_day.iter().skip(days_left_out);
        let days = shown
            .map(|(day, sums)| lines::day(*day, sums, models.iter().take(DAILY)))
            .collect();
        let mut report = Self {
            schema: SCHEMA,
            period: period.outward(Span::Minute),
            cost: total.cost,
            calls: total.calls,
            unpriced_calls: total.unpriced,
            success: total.success,
            cost_per_success: total.cost.div_round(total.success),
            usage: total.usage,
            agents: lines::by(&all, total.cost, |key| key.agent.clone()),
            task_types: lines::by(&all, total.cost, |key| {
                key.task_type.as_deref().map(str::to_owned)
            }),
            projects: lines::by(&all, total.cost, |key| key.project.clone()),
            models,
            days,
            sessions: Vec::new(),
            left_out: 0,
        };
        left_out += bound(&mut report.agents);
        left_out += bound(&mut report.task_types);
        left_out += bound(&mut report.projects);
        left_out += bound(&mut report.models);
        report.left_out = left_out;
        report
    }

    /// Whether there was no model call in the period, and no usage without calls.
    pub const fn is_empty(&self) -> bool {
        self.calls == 0 && self.unpriced_calls == 0 && self.cost.is_zero()
    }

    /// One self-contained page that needs no script, no network and no style of its own.
    ///
    /// ```
    /// use agent_telemetry::{CostReport, Period};
    ///
    /// assert!(CostReport::of(Period::default(), []).to_html().starts_with("<!DOCTYPE html>"));
    /// ```
    pub fn to_html(&self) -> String {
        self.sheet().html()
    }
}

fn bound<T>(lines: &mut Vec<T>) -> u64 {
    let beyond = lines.len().saturating_sub(LINES) as u64;
    lines.truncate(LINES);
    beyond
}
