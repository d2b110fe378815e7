//! The report per tool: how often, how well, how fast.

use agent_primitives::ToolName;
use serde::{Deserialize, Serialize};

use super::{Percentiles, Period};

/// What the tools of a period did: the report `tools`.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{Timestamp, ToolName};
/// use agent_telemetry::{Period, Record, ToolCall, ToolOutcome, ToolsReport};
///
/// let at = Timestamp::from_unix_seconds(1_795_219_200);
/// let call = ToolCall::new(ToolName::new("grep")?, ToolOutcome::Ok, Duration::from_millis(3));
/// let report = ToolsReport::of(Period::last_24_hours(at), [Record::new(at, call)]);
/// assert_eq!(report.tools[0].success_rate, Some(1.0));
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolsReport {
    /// Version of this structure: 1. Fields may be added within a version, never changed.
    pub schema: u32,
    /// Which time it is about.
    pub period: Period,
    /// All calls, whichever way they ended.
    pub calls: u64,
    /// One line for each tool, the most used first.
    pub tools: Vec<ToolFigures>,
}

/// One tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolFigures {
    /// Which tool.
    pub tool: ToolName,
    /// Calls, whichever way they ended.
    pub calls: u64,
    /// Calls that did their work.
    pub ok: u64,
    /// Calls that reported an error.
    pub failed: u64,
    /// Calls that nobody saw the end of.
    pub aborted: u64,
    /// The share of all calls that did their work, from 0 to 1.
    pub success_rate: Option<f64>,
    /// Times of the calls that did their work; `None` where there was none.
    pub latency: Option<Percentiles>,
}
