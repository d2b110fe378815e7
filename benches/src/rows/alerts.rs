//! Alert rules over a record. No peer follows rules in the process that records, so ours stand alone.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use agent_primitives::{AgentId, ModelId, ProviderId, Timestamp, TokenUsage, ToolName};
use agent_telemetry::alert::{Alerts, Rules};
use agent_telemetry::{Body, ModelCall, Record, ToolCall, ToolOutcome};

use super::operation::repeat;
use crate::harness::{Broken, Case, Group, Kind, Plan, version_of};

/// Between two records: 600 a minute.
const STEP: i64 = 100_000_000;
/// Records between two ticks.
const TICK: u32 = 256;

pub(super) fn plans() -> Vec<Plan> {
    vec![Plan::new("alert rules over a record", |name| {
        let all = Rules::recommended();
        let first = all.as_slice().iter().take(1).cloned().collect();
        let one = Rules::new(first).map_err(Broken::when("check a rule"))?;
        Ok(Group::new(
            name,
            vec![
                ours("10 rules, model call", &all, call()?)?,
                ours("10 rules, tool call", &all, tool()?)?,
                ours("1 rule, model call", &one, call()?)?,
            ],
        ))
    })]
}

/// Answered, within all limits; 6 000 tokens a minute.
fn call() -> Result<Body, Broken> {
    let doing = "name a model";
    let provider = ProviderId::new("anthropic").map_err(Broken::when(doing))?;
    let model = ModelId::new("claude-sonnet-4-5-20250929").map_err(Broken::when(doing))?;
    let call = ModelCall::new(provider, model).usage(TokenUsage::new(8, 2));
    Ok(call.latency(Duration::from_millis(900)).into())
}

fn tool() -> Result<Body, Broken> {
    let tool = ToolName::new("grep").map_err(Broken::when("name a tool"))?;
    Ok(ToolCall::new(tool, ToolOutcome::Ok, Duration::from_millis(3)).into())
}

/// A record after the other, none of which anybody is told of.
fn ours(name: &'static str, rules: &Rules, body: Body) -> Result<Case, Broken> {
    let coder = AgentId::new("coder").map_err(Broken::when("name an agent"))?;
    let start = Timestamp::from_unix_seconds(1_795_219_200);
    let mut record = Record::new(start, body).of_agent(coder);
    let mut alerts = Alerts::new(rules, start);
    if !alerts.observe(&record).is_empty() {
        return Err(Broken::new("follow rules", "one fires at once"));
    }
    record.at = start;
    let state = Mutex::new((alerts, record));
    Ok(Case::looped(
        Kind::Ours,
        name,
        version_of("agent-telemetry"),
        move |calls| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let (alerts, record) = &mut *state;
            repeat(calls, |number| {
                record.at = Timestamp::from_unix_nanos(record.at.unix_nanos() + STEP);
                if number % TICK == 0 {
                    alerts.tick(record.at);
                }
                alerts.observe(record).len()
            });
        },
    ))
}
