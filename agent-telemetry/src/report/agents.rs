//! The report per agent: what each did, how it ended, what it cost.

use agent_primitives::{AgentId, TokenUsage, Usd};
use serde::{Deserialize, Serialize};

use super::Period;
use crate::{MetricLine, ViolationLine};

/// What each agent did in a period: the report `stats`.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{AgentsReport, Period, Record};
///
/// let period = Period::last_24_hours(Timestamp::from_unix_seconds(1_795_219_200));
/// let report = AgentsReport::of(period, Vec::<Record>::new());
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
    /// Broken rules by severity, worst first.
    pub violations: Vec<ViolationLine>,
    /// Measurements by name and unit.
    pub metrics: Vec<MetricLine>,
    /// Changes of hands that were recorded in its sessions.
    pub handoffs: u64,
}

/// What happened to the sessions of one agent. Each is counted when it begins and when it ends, so one that
/// is longer than the period, or still runs, has only the one or the other in it. A session that went on
/// after its end has ended twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionCounts {
    /// Began.
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
