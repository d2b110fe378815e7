//! Reports that answer questions about sessions: who does better, who gave work to whom, what it cost.

mod chance;
mod compare;
mod cost;
mod errors;
mod handoffs;
mod handoffs_kept;
mod performance;
mod quality;
mod sequences;
mod suggestions;

use std::time::Duration;

use agent_primitives::{Timestamp, Usd};
use agent_telemetry::{Body, ModelCall, Outcome, Period, Record, SessionEnd, Task};

use crate::story::{agent, model, provider, session_id};

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_seconds(second)
}

/// The first day of 1970.
fn day() -> Period {
    Period::new(at(0), at(86_400))
}

/// Something that an agent does in a session.
fn record(session: &str, who: &str, second: i64, body: impl Into<Body>) -> Record {
    Record::new(at(second), body)
        .of_session(session_id(session))
        .of_agent(agent(who))
}

fn task(task_type: &'static str) -> Body {
    let mut task = Task::default();
    task.task_type = Some(task_type.into());
    Body::SessionStart(task)
}

fn end(outcome: Outcome, seconds: u64) -> Body {
    SessionEnd::new(outcome, Duration::from_secs(seconds)).into()
}

/// Of so many micro-dollars.
fn call(of: &str, name: &str, micros: i64) -> ModelCall {
    ModelCall::new(provider(of), model(name)).cost(Usd::from_micros(micros))
}

/// A session of one agent: begun, one call, ended.
fn session(
    id: &str,
    who: &str,
    task_type: &'static str,
    outcome: Outcome,
    micros: i64,
) -> [Record; 3] {
    [
        record(id, who, 100, task(task_type)),
        record(id, who, 110, call("house", "small", micros)),
        record(id, who, 120, end(outcome, 20)),
    ]
}

/// Columns of the widest line, where every character is as wide as any other.
pub(crate) fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap()
}
