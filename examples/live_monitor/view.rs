//! What the picture needs beside the totals: each session, and the last events.

use std::collections::{BTreeMap, VecDeque};

use agent_primitives::{Timestamp, Usd};
use agent_telemetry::{Body, LiveItem, Record, ToolOutcome};

use crate::figures;

/// Events that are shown.
const EVENTS: usize = 8;
/// Sessions that are followed, newest first out: a picture has room for few.
const SESSIONS: usize = 1_000;

/// Follows a subscription.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) sessions: BTreeMap<String, SessionLine>,
    pub(crate) events: VecDeque<EventLine>,
}

/// A session that runs.
#[derive(Debug, Default)]
pub(crate) struct SessionLine {
    pub(crate) agent: String,
    pub(crate) model: String,
    pub(crate) calls: u64,
    pub(crate) tokens: u64,
    /// Of the calls whose price is known, where there are any.
    pub(crate) cost: Option<Usd>,
    /// How full its context is, where that was told.
    pub(crate) context: Option<u64>,
}

/// Something that happened.
#[derive(Debug)]
pub(crate) struct EventLine {
    pub(crate) at: Timestamp,
    pub(crate) who: String,
    pub(crate) what: String,
}

impl View {
    pub(crate) fn add(&mut self, item: &LiveItem) {
        match item {
            LiveItem::Record(record) => self.add_record(record),
            LiveItem::Missed(records) => {
                let at = self.events.back().map_or(Timestamp::UNIX_EPOCH, |it| it.at);
                self.tell(at, "monitor", format!("missed {records} records"));
            }
            // Asked for when they are shown.
            _ => {}
        }
    }

    fn add_record(&mut self, record: &Record) {
        self.follow(record);
        let what = match &record.body {
            Body::SessionStart(task) => {
                let kind = task.task_type.as_deref().unwrap_or("work");
                format!("begins: {kind}")
            }
            Body::SessionResume(_) => "goes on".to_owned(),
            Body::SessionEnd(end) => format!("ends: {}", end.outcome),
            Body::ModelCall(call) => match call.failure {
                Some(kind) => format!("{} failed: {kind}", call.provider),
                None => format!(
                    "{} answered {} tokens in {}",
                    call.model,
                    figures::count(call.usage.output()),
                    figures::time(call.latency)
                ),
            },
            Body::ToolCall(call) if call.outcome != ToolOutcome::Ok => {
                format!("{}: {}", call.tool, call.outcome)
            }
            Body::Handoff(handoff) => handoff.to_string(),
            Body::Retry(retry) => {
                let delay = figures::time(retry.delay);
                format!("{} asked again in {delay}", retry.provider)
            }
            Body::Breaker(change) => {
                format!("circuit breaker of {}: {}", change.provider, change.to)
            }
            Body::Violation(violation) => format!("{}: {}", violation.kind, violation.message),
            _ => return,
        };
        let who = record.session.as_ref().map_or("-", |it| it.as_str());
        self.tell(record.at, who, what);
    }

    fn tell(&mut self, at: Timestamp, who: &str, what: String) {
        let who = who.to_owned();
        self.events.push_back(EventLine { at, who, what });
        if self.events.len() > EVENTS {
            self.events.pop_front();
        }
    }

    fn follow(&mut self, record: &Record) {
        let Some(id) = &record.session else {
            return;
        };
        if matches!(record.body, Body::SessionEnd(_)) {
            self.sessions.remove(id.as_str());
            return;
        }
        if self.sessions.len() >= SESSIONS && !self.sessions.contains_key(id.as_str()) {
            return;
        }
        let line = self.sessions.entry(id.to_string()).or_default();
        if let Some(agent) = &record.agent {
            line.agent = agent.to_string();
        }
        match &record.body {
            Body::ModelCall(call) => {
                line.model = call.model.to_string();
                line.calls += 1;
                line.tokens = line.tokens.saturating_add(call.usage.total());
                if let Some(cost) = call.cost {
                    *line.cost.get_or_insert_default() += cost;
                }
            }
            Body::ContextPressure(pressure) => line.context = Some(pressure.percent()),
            _ => {}
        }
    }
}
