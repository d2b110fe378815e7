//! The report per tool: how often, how well, how fast.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use agent_primitives::ToolName;
use serde::{Deserialize, Serialize};

use super::{Percentiles, SCHEMA, ToolSequencesReport, ratio};
use crate::rollup::Merge;
use crate::{Period, Rollups, Span, ToolCell};

/// What the tools of a period did: the report `tools`.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{Timestamp, ToolName};
/// use agent_telemetry::{Period, Record, Rollups, ToolCall, ToolOutcome, ToolsReport};
///
/// let at = Timestamp::from_unix_seconds(1_795_219_200);
/// let call = ToolCall::new(ToolName::new("grep")?, ToolOutcome::Ok, Duration::from_millis(3));
/// let period = Period::last_24_hours(at);
/// let report = ToolsReport::of(period, &Rollups::of([&Record::new(at, call)], period));
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
    /// Which of them are called one after another, where somebody has looked for that: it is not in the sums.
    #[serde(default)]
    pub sequences: Option<ToolSequencesReport>,
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

impl ToolsReport {
    /// The report on the sums of a period, of which this is the period that they were asked for.
    pub fn of(period: Period, sums: &Rollups) -> Self {
        let mut tools: BTreeMap<&ToolName, ToolCell> = BTreeMap::new();
        for (key, cell) in &sums.tools {
            tools.entry(&key.tool).or_default().absorb(cell);
        }
        let mut calls = 0;
        for cell in tools.values() {
            calls.absorb(&cell.calls());
        }
        let mut tools: Vec<ToolFigures> = tools
            .iter()
            .map(|(tool, cell)| ToolFigures {
                tool: (*tool).clone(),
                calls: cell.calls(),
                ok: cell.ok,
                failed: cell.failed,
                aborted: cell.aborted,
                success_rate: ratio(cell.ok, cell.calls()),
                latency: Percentiles::of(cell.latency_ns.count(), |q| cell.latency(q)),
            })
            .collect();
        // Stable: equally used ones stay in the order of names.
        tools.sort_by_key(|line| Reverse(line.calls));
        Self {
            schema: SCHEMA,
            period: period.outward(Span::Minute),
            calls,
            tools,
            sequences: None,
        }
    }

    /// One self-contained page that needs no script, no network and no style of its own.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::{ToolsReport, Period, Rollups};
    ///
    /// let report = ToolsReport::of(Period::last_24_hours(Timestamp::UNIX_EPOCH), &Rollups::default());
    /// assert!(report.to_html().starts_with("<!DOCTYPE html>"));
    /// ```
    pub fn to_html(&self) -> String {
        self.sheet().html()
    }
}
