//! Records as the steps of a run: when, how deep, what.

use std::fmt::{self, Write as _};
use std::time::Duration;

use agent_primitives::{SessionId, Timestamp, Usd};
use agent_telemetry::{Body, Outcome, Record};
use serde::Serialize;

use crate::figures::{moment, money, time};
use crate::source::Sessions;
use crate::told::{Told, told};

const WIDTH: usize = 100;
const INDENT: &str = "  ";

/// A run, in the order in which it was recorded.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) steps: Vec<Step>,
    began: Option<Timestamp>,
    lasted: Duration,
    model_calls: u64,
    failed: u64,
    tool_calls: u64,
    handoffs: u64,
    cost: Usd,
    unpriced: u64,
    outcome: Option<Outcome>,
    /// Calls to providers that were answered, and are no steps of their own.
    left_out: u64,
}

/// One thing that happened.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    /// Since the beginning of the run.
    after_ns: u64,
    /// How many sessions stand above the one that it happened in.
    depth: usize,
    /// A word for what it is.
    mark: &'static str,
    text: String,
    details: Vec<String>,
    record: Record,
}

impl Trace {
    pub(crate) fn of(records: Vec<Record>, sessions: &Sessions, all: bool) -> Self {
        let mut trace = Self::default();
        for record in records {
            let began = *trace.began.get_or_insert(record.at);
            // A clock that was set back counts as standing still.
            let after = record.at.since(began);
            trace.lasted = trace.lasted.max(after);
            let depth = record.session.as_ref().map_or(0, |it| sessions.depth(it));
            trace.count(&record, depth);
            let is_answered = matches!(&record.body, Body::Attempt(it) if it.failure.is_none());
            if is_answered && !all {
                trace.left_out += 1;
                continue;
            }
            let Told {
                mark,
                text,
                details,
            } = told(&record);
            trace.steps.push(Step {
                after_ns: u64::try_from(after.as_nanos()).unwrap_or(u64::MAX),
                depth,
                mark,
                text,
                details,
                record,
            });
        }
        trace
    }

    fn count(&mut self, record: &Record, depth: usize) {
        match &record.body {
            Body::ModelCall(call) => {
                self.model_calls += 1;
                self.failed += u64::from(call.failure.is_some());
                self.unpriced += u64::from(call.is_unpriced());
                self.cost += call.cost.unwrap_or_default();
            }
            Body::ToolCall(_) => self.tool_calls += 1,
            Body::Handoff(_) => self.handoffs += 1,
            Body::SessionEnd(end) if depth == 0 => self.outcome = Some(end.outcome),
            _ => {}
        }
    }

    pub(crate) fn head(&self, session: &SessionId) -> String {
        let steps = self.steps.len();
        let lasted = time(self.lasted);
        let mut text = format!("Session {session}: {steps} steps in {lasted}");
        if let Some(began) = self.began {
            let _ = write!(text, ", begun at {began}");
        }
        let line = "─".repeat(WIDTH);
        format!("{}\n{line}", fitted(&text))
    }

    pub(crate) fn tail(&self) -> String {
        let mut text = "─".repeat(WIDTH);
        let _ = write!(
            text,
            "\n{} model calls, {} failed; {} tool calls; {} handoffs; {}",
            self.model_calls,
            self.failed,
            self.tool_calls,
            self.handoffs,
            money(self.cost),
        );
        if self.unpriced > 0 {
            let _ = write!(text, " and {} calls of unknown cost", self.unpriced);
        }
        let ended = self.outcome.map(|it| format!("; ended: {it}"));
        text += ended.as_deref().unwrap_or("; has not ended");
        if self.left_out > 0 {
            let answered = self.left_out;
            let _ = write!(
                text,
                "\n{answered} answered calls to providers are not shown; add --all"
            );
        }
        text
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indent = INDENT.repeat(self.depth);
        let after = moment(Duration::from_nanos(self.after_ns));
        let (mark, text) = (self.mark, &self.text);
        let line = format!("{after:>11}  {indent}{mark:<9} {text}");
        writeln!(f, "{}", fitted(&line))?;
        for detail in &self.details {
            let line = format!("{:>11}  {indent}{:<9}   {detail}", "", "");
            writeln!(f, "{}", fitted(&line))?;
        }
        Ok(())
    }
}

/// A line that fits, without what a terminal would obey: names and texts come from the records.
fn fitted(line: &str) -> String {
    let plain = line
        .chars()
        .map(|it| if it.is_control() { '?' } else { it });
    if line.chars().count() <= WIDTH {
        return plain.collect();
    }
    plain.take(WIDTH - 1).chain(['…']).collect()
}
