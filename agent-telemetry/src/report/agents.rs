//! The report per agent: what each did, how it ended, what it cost.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use agent_primitives::{AgentId, TokenUsage, Usd};
use serde::{Deserialize, Serialize};

use super::{SCHEMA, ratio};
use crate::rollup::Merge;
use crate::{AgentCell, MetricCell, MetricLine, Period, Rollups, Span, Unit};

/// What each agent did in a period: the report `stats`.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{AgentsReport, Period, Rollups};
///
/// let period = Period::last_24_hours(Timestamp::from_unix_seconds(1_795_219_200));
/// let report = AgentsReport::of(period, &Rollups::default());
/// assert!(report.agents.is_empty());
/// assert!(report.to_string().contains("no sessions in this period"));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AgentsReport {
    /// Version of this structure: 1. Fields may be added within a version, never changed.
    pub schema: u32,
    /// Which time it is about.
    pub period: Period,
    /// One line for each agent that left a record, the dearest first; one without a name for what
    /// belongs to none.
    pub agents: Vec<AgentLine>,
}

/// What one agent did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AgentLine {
    /// Which agent; `None` for records that name none.
    pub agent: Option<AgentId>,
    /// Its sessions.
    pub sessions: SessionCounts,
    /// The share of its ended sessions that ended in success, from 0 to 1; `None` where none ended.
    pub success_rate: Option<f64>,
    /// Model calls, failed ones included.
    pub model_calls: u64,
    /// Model calls that failed.
    pub failed_model_calls: u64,
    /// Tool calls, whichever way they ended.
    pub tool_calls: u64,
    /// Tokens of its model calls.
    pub usage: TokenUsage,
    /// The sum over its priced calls, exact.
    pub cost: Usd,
    /// Calls whose cost is not known and missing from the sum.
    pub unpriced_calls: u64,
    /// The whole cost, that of unsuccessful sessions included, for each success; `None` without one.
    pub cost_per_success: Option<Usd>,
    /// Broken rules.
    pub violations: ViolationCounts,
    /// Measurements by name and unit.
    pub metrics: Vec<MetricLine>,
    /// Times that work changed hands, as recorded under its name.
    pub handoffs: u64,
    /// Time that it worked, taken at the ends of its sessions.
    #[serde(default)]
    pub at_work: Duration,
    /// Times that a provider was called again.
    #[serde(default)]
    pub retries: u64,
    /// Files changed; one that is changed twice counts twice.
    #[serde(default)]
    pub files: u64,
    /// Lines that are new.
    #[serde(default)]
    pub lines_added: u64,
    /// Lines that are gone.
    #[serde(default)]
    pub lines_removed: u64,
    /// Tasks that were timed.
    #[serde(default)]
    pub tasks: u64,
    /// From being asked for to the beginning, the mean over those tasks; `None` without one.
    #[serde(default)]
    pub queued: Option<Duration>,
    /// From the beginning to the end, the mean over those tasks; `None` without one.
    #[serde(default)]
    pub ran: Option<Duration>,
}

/// Broken rules by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ViolationCounts {
    /// The worst.
    pub critical: u64,
    /// Errors.
    pub error: u64,
    /// Warnings.
    pub warning: u64,
    /// Remarks.
    pub info: u64,
    /// Those of any severity that were mended.
    pub fixed: u64,
}

impl ViolationCounts {
    /// All of them.
    pub const fn found(&self) -> u64 {
        self.critical
            .saturating_add(self.error)
            .saturating_add(self.warning)
            .saturating_add(self.info)
    }
}

/// What happened to the sessions of one agent. A session counts where it begins and where it ends: one that
/// is longer than the period, or still runs, has only the one or the other in it, and one that went on
/// after its end has ended twice. Where several agents work in one session, the first began it and each
/// ends it for itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionCounts {
    /// Began with it: the first to work in a session.
    pub started: u64,
    /// Went on in a new process or handle.
    pub resumed: u64,
    /// Ended in success.
    pub success: u64,
    /// Ended by being given to somebody else.
    pub escalated: u64,
    /// Ended without the task being done.
    pub failed: u64,
    /// Ended without a verdict.
    pub aborted: u64,
}

impl AgentsReport {
    /// The report on the sums of a period, of which this is the period that they were asked for.
    pub fn of(period: Period, sums: &Rollups) -> Self {
        let mut agents: BTreeMap<Option<&AgentId>, AgentCell> = BTreeMap::new();
        for (key, cell) in &sums.agents {
            agents.entry(key.agent.as_ref()).or_default().absorb(cell);
        }
        let mut metrics: BTreeMap<(Option<&AgentId>, &str, Unit), MetricCell> = BTreeMap::new();
        for (key, cell) in &sums.metrics {
            let of = (key.agent.as_ref(), &*key.metric, key.unit);
            metrics.entry(of).or_default().absorb(cell);
        }
        let mut lines: BTreeMap<_, _> = agents
            .iter()
            .map(|(agent, cell)| (*agent, AgentLine::of(agent.cloned(), cell)))
            .collect();
        for ((agent, name, unit), cell) in &metrics {
            let nothing = || AgentLine::of(agent.cloned(), &AgentCell::default());
            let of_agent = lines.entry(*agent).or_insert_with(nothing);
            of_agent.metrics.extend(metric_line(name, *unit, cell));
        }
        let mut agents: Vec<AgentLine> = lines.into_values().collect();
        // Stable: where the rest is equal, in the order of names.
        agents.sort_by_key(|line| (Reverse(line.cost), Reverse(line.model_calls)));
        Self {
            schema: SCHEMA,
            period: period.outward(Span::Minute),
            agents,
        }
    }

    /// One self-contained page that needs no script, no network and no style of its own.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::{AgentsReport, Period, Rollups};
    ///
    /// let report = AgentsReport::of(Period::last_24_hours(Timestamp::UNIX_EPOCH), &Rollups::default());
    /// assert!(report.to_html().starts_with("<!DOCTYPE html>"));
    /// ```
    pub fn to_html(&self) -> String {
        self.sheet().html()
    }
}

impl AgentLine {
    fn of(agent: Option<AgentId>, cell: &AgentCell) -> Self {
        Self {
            agent,
            sessions: SessionCounts {
                started: cell.sessions,
                resumed: cell.resumptions,
                success: cell.success,
                escalated: cell.escalated,
                failed: cell.failed,
                aborted: cell.aborted,
            },
            success_rate: ratio(cell.success, cell.ends()),
            model_calls: cell.model_calls,
            failed_model_calls: cell.failed_calls,
            tool_calls: cell.tool_calls(),
            usage: cell.usage,
            cost: cell.cost,
            unpriced_calls: cell.unpriced_calls,
            cost_per_success: cell.cost.div_round(cell.success),
            violations: ViolationCounts {
                critical: cell.violations_critical,
                error: cell.violations_error,
                warning: cell.violations_warning,
                info: cell.violations_info,
                fixed: cell.violations_fixed,
            },
            metrics: Vec::new(),
            handoffs: cell.handoffs,
            at_work: Duration::from_nanos(cell.elapsed_ns),
            retries: cell.retries,
            files: cell.files,
            lines_added: cell.lines_added,
            lines_removed: cell.lines_removed,
            tasks: cell.tasks,
            queued: cell
                .queued_ns
                .checked_div(cell.tasks)
                .map(Duration::from_nanos),
            ran: cell
                .ran_ns
                .checked_div(cell.tasks)
                .map(Duration::from_nanos),
        }
    }
}

/// `None` for no values.
fn metric_line(name: &str, unit: Unit, cell: &MetricCell) -> Option<MetricLine> {
    let (min, max) = cell.range?;
    Some(MetricLine {
        name: name.to_owned(),
        unit,
        count: cell.count,
        mean: cell.mean()?.clamp(min, max),
        min,
        max,
    })
}

impl SessionCounts {
    /// All that ended, however.
    pub const fn ended(&self) -> u64 {
        self.success
            .saturating_add(self.escalated)
            .saturating_add(self.failed)
            .saturating_add(self.aborted)
    }

    /// Whether none began, went on or ended.
    pub const fn is_none(&self) -> bool {
        self.started == 0 && self.resumed == 0 && self.ended() == 0
    }
}
