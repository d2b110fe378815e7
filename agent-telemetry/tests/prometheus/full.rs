//! A page with every family that there is, filled by a recorder.

use std::time::Duration;

use agent_primitives::{
    AgentId, Attempt, BreakerChange, BreakerState, ContextPressure, Event, FailureKind, Handoff,
    HandoffReason, ModelId, Observer as _, ProviderId, Retry, SessionId, Stamp, Timestamp,
    TokenUsage, ToolName, Usd,
};
use agent_telemetry::prometheus::{Exporter, Totals};
use agent_telemetry::{
    FilesChanged, GenAiNames, Instrument, MemorySink, Metrics, ModelCall, Operation, Outcome,
    ProjectId, Record, Session, SessionStart, Severity, TaskTiming, Telemetry, ToolCall,
    ToolOutcome, Violation,
};

use crate::hostile::NAMES;

pub(crate) const WAIT: Duration = Duration::from_secs(30);
pub(crate) const TASK: &str = "fix \"it\"\\\nüber";

pub(crate) const SESSIONS: [(&str, Outcome); 5] = [
    ("coder", Outcome::Success),
    ("coder", Outcome::Success),
    ("coder", Outcome::Failed),
    ("reviewer", Outcome::Escalated),
    ("reviewer", Outcome::Aborted),
];

fn provider() -> ProviderId {
    ProviderId::new("anthropic").unwrap()
}

/// A recorder with five sessions of two agents, each with four answered calls and a failed one, three tool calls, a handoff and two
/// violations; its totals and a registry beside it.
pub(crate) fn exporter() -> Exporter {
    let totals = Totals::new();
    let telemetry = Telemetry::builder(totals.around(MemorySink::new()))
        .start()
        .unwrap();
    for (number, (agent, outcome)) in SESSIONS.into_iter().enumerate() {
        let agent = AgentId::new(agent).unwrap();
        let id = SessionId::new(format!("s{number}")).unwrap();
        let project = (agent.as_str() == "reviewer").then(|| ProjectId::new("house").unwrap());
        let mut start = SessionStart::new(id.clone(), agent.clone()).task_type(TASK);
        start.project.clone_from(&project);
        let session = telemetry.session(start);
        work(&session);
        for (tool, ended) in [
            ("grep", ToolOutcome::Ok),
            ("bash", ToolOutcome::Failed),
            ("edit", ToolOutcome::Aborted),
        ] {
            let call = ToolCall::new(
                ToolName::new(tool).unwrap(),
                ended,
                Duration::from_millis(40),
            );
            let mut record = Record::new(Timestamp::UNIX_EPOCH, call);
            record.project.clone_from(&project);
            telemetry.record(record.of_session(id.clone()).of_agent(agent.clone()));
        }
        session.end(outcome);
    }
    let stamp = Stamp::at(Timestamp::UNIX_EPOCH);
    let attempt = Attempt::new(provider(), 1, Duration::from_secs(1));
    for event in [
        Event::from(attempt.clone()),
        Event::from(attempt.failed(FailureKind::Overloaded)),
        Event::from(Retry::new(
            provider(),
            2,
            Duration::from_secs(1),
            FailureKind::Overloaded,
        )),
        Event::from(BreakerChange::new(
            provider(),
            BreakerState::Closed,
            BreakerState::Open,
        )),
    ] {
        telemetry.observe(stamp, &event);
    }
    for used in [50_000, 150_000, 187_500] {
        let pressure = ContextPressure::new(used, 200_000);
        let record = Record::new(Timestamp::UNIX_EPOCH, pressure);
        telemetry.record(record.of_agent(AgentId::new("coder").unwrap()));
    }
    telemetry.flush(WAIT).unwrap();
    Exporter::new()
        .telemetry(telemetry)
        .totals(totals)
        .metrics(registry())
}

fn call(model: &str) -> ModelCall {
    ModelCall::new(provider(), ModelId::new(model).unwrap())
}

fn work(session: &Session) {
    for turn in 1..=4 {
        let usage = TokenUsage::new(1_000, 200)
            .with_cache_read(5_000)
            .with_cache_write_5m(300);
        let call = call("claude-sonnet-4-5")
            .usage(usage)
            .cost(Usd::from_micros(12_345));
        let call = call.latency(Duration::from_millis(900) * turn);
        session.model_call(call.first_token(Duration::from_millis(150) * turn));
    }
    session.model_call(
        call("gpt-5")
            .failed(FailureKind::Overloaded)
            .latency(Duration::from_secs(3)),
    );
    let (coder, reviewer) = (
        AgentId::new("coder").unwrap(),
        AgentId::new("reviewer").unwrap(),
    );
    session.handoff(Handoff::automatic(
        coder,
        reviewer,
        HandoffReason::RateLimited,
    ));
    session.violation(Violation::new("unwrap_used", Severity::Warning, "call to unwrap").fixed());
    session.violation(Violation::new(
        "secret",
        Severity::Critical,
        "a key in a file",
    ));
    session.files_changed(FilesChanged::new(2).lines(30, 12));
    session.task_timing(TaskTiming::new(
        Duration::from_millis(1_500),
        Duration::from_secs(60),
    ));
}

/// A registry with the instruments that this crate describes.
pub(crate) fn registry() -> Metrics {
    let metrics = Metrics::new();
    let calls = metrics.model_calls(GenAiNames::Latest).unwrap();
    calls.record(
        Operation::Chat,
        &call("gpt-5")
            .usage(TokenUsage::new(10, 20))
            .latency(Duration::from_secs(2)),
    );
    let calls = metrics.model_calls(GenAiNames::V1_41).unwrap();
    calls.record(
        Operation::Chat,
        &call("gpt-5")
            .usage(TokenUsage::new(10, 20))
            .latency(Duration::from_secs(2)),
    );
    let tools = metrics.histogram(Metrics::TOOL_DURATION).unwrap();
    tools.record((&ToolName::new("grep").unwrap(), ToolOutcome::Ok), 0.25);
    let handoffs = metrics.counter(Metrics::HANDOFFS).unwrap();
    handoffs.add(
        (
            "a",
            "b",
            HandoffReason::RateLimited,
            agent_primitives::Initiator::Automatic,
        ),
        3,
    );
    metrics
        .counter(Metrics::DROPPED)
        .unwrap()
        .add(("queue_full",), 1);
    let seen = Instrument::<(String,)>::new("hostile", "1", ["who"]).description("Names.");
    let seen = metrics.counter(seen).unwrap();
    for name in NAMES {
        seen.add((name,), 1);
    }
    // One that overflows, and one whose name is taken.
    let full = Instrument::<(String,)>::new("full", "1", ["who"]).series_limit(0);
    metrics.counter(full).unwrap().add(("anybody",), 1);
    metrics
        .counter(Instrument::<()>::new("agent_retries", "", []))
        .unwrap();
    metrics
}
