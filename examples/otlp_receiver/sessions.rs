//! The sessions that were heard of, record by record.

use std::collections::BTreeMap;

use agent_primitives::{ContextPressure, Event, Stamp, TokenUsage, Usd};
use agent_telemetry::{Body, Record, ToolOutcome};

/// Sessions that are followed; of more, those that come first in the alphabet.
const MOST: usize = 512;
/// From which share of a context on it is told of, in percent.
const FULL: u64 = 70;

/// What was heard of one.
#[derive(Debug, Default)]
pub(crate) struct One {
    pub(crate) model: String,
    pub(crate) calls: u64,
    pub(crate) failed: u64,
    pub(crate) tools: u64,
    pub(crate) tools_failed: u64,
    pub(crate) usage: TokenUsage,
    pub(crate) cost: Usd,
    /// What is expected to be in use a turn from now.
    pub(crate) context: Option<ContextPressure>,
    pub(crate) alerts: Vec<String>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Sessions {
    pub(crate) known: BTreeMap<String, One>,
    budget: Usd,
}

impl Sessions {
    pub(crate) const fn new(budget: Usd) -> Self {
        Self {
            known: BTreeMap::new(),
            budget,
        }
    }

    fn one(&mut self, session: &str) -> Option<&mut One> {
        if self.known.len() >= MOST && !self.known.contains_key(session) {
            return None;
        }
        Some(self.known.entry(session.to_owned()).or_default())
    }

    pub(crate) fn add(&mut self, record: &Record) {
        let budget = self.budget;
        let Some(session) = &record.session else {
            return;
        };
        let Some(one) = self.one(session.as_str()) else {
            return;
        };
        match &record.body {
            Body::ModelCall(call) => {
                if !call.is_unexplained() {
                    one.calls += 1;
                    one.failed += u64::from(call.failure.is_some());
                }
                one.model = call.model.to_string();
                one.usage += call.usage;
                let before = one.cost;
                one.cost += call.cost.unwrap_or_default();
                if before < budget && one.cost >= budget {
                    one.alerts.push(format!("costs {budget} and more"));
                }
            }
            Body::ToolCall(call) => {
                one.tools += 1;
                one.tools_failed += u64::from(call.outcome == ToolOutcome::Failed);
            }
            _ => {}
        }
    }

    pub(crate) fn hear(&mut self, stamp: Stamp<'_>, event: &Event) {
        let (Some(session), Event::ContextPressure(pressure)) = (stamp.session, event) else {
            return;
        };
        let Some(one) = self.one(session.as_str()) else {
            return;
        };
        let before = one.context.map_or(0, ContextPressure::percent);
        one.context = Some(*pressure);
        if before < FULL && pressure.percent() >= FULL {
            one.alerts.push(format!(
                "context {} % full with the next turn",
                pressure.percent()
            ));
        }
    }
}
