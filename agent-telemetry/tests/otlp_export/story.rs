//! Records of every kind, with every field set somewhere.

use std::time::Duration;

use agent_primitives::{
    AgentId, Attempt, BreakerChange, BreakerState, CheckpointId, CheckpointKind, CheckpointSaved,
    ContextPressure, Cooldown, FailureKind, Handoff, HandoffReason, ModelId, ProviderId, Restored,
    Retry, Scope, SessionId, Timestamp, TokenUsage, ToolName, Usd,
};
use agent_telemetry::{
    Body, Candidate, Decision, DecisionOutcome, FilesChanged, Metric, ModelCall, Outcome, Parent,
    ProjectId, Record, ServiceTier, SessionEnd, Severity, StopReason, Task, TaskTiming, ToolCall,
    ToolOutcome, Unit, Violation,
};

pub(crate) const START: i64 = 1_800_000_000;

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(START * 1_000 + millis)
}

/// Texts that go out only where the host asks for them.
pub(crate) const CANARIES: [&str; 4] = [
    "description-canary",
    "message-canary",
    "file-canary",
    "reason-canary",
];

pub(crate) fn session() -> SessionId {
    SessionId::new("s-1").unwrap()
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A record of the session's first agent.
pub(crate) fn by_coder(millis: i64, body: impl Into<Body>) -> Record {
    by("coder", millis, body)
}

pub(crate) fn by(agent: &str, millis: i64, body: impl Into<Body>) -> Record {
    Record::new(at(millis), body)
        .of_project(ProjectId::new("acme/shop").unwrap())
        .of_session(session())
        .of_agent(AgentId::new(agent).unwrap())
}

pub(crate) fn call() -> ModelCall {
    let (provider, model) = (
        ProviderId::new("anthropic"),
        ModelId::new("claude-sonnet-4-5"),
    );
    ModelCall::new(provider.unwrap(), model.unwrap())
}

/// The story: a session with a subagent, and something that belongs to nobody.
pub(crate) fn story() -> Vec<Record> {
    let mut task = Task::default();
    task.task_type = Some("bug_fix".into());
    task.description = Some("description-canary".into());
    task.user = Some("00112233445566778899aabbccddeeff".parse().unwrap());
    let mut subtask = Task::default();
    let parent = Parent::new(session()).agent(AgentId::new("coder").unwrap());
    subtask.parent = Some(parent.clone());
    let mut elsewhere = Task::default();
    elsewhere.parent = Some(parent);
    let mut records = vec![
        by_coder(0, Body::SessionStart(task.clone())),
        by("tester", 100, Body::SessionStart(subtask)),
        Record::new(at(150), Body::SessionStart(elsewhere))
            .of_project(ProjectId::new("acme/shop").unwrap())
            .of_session(SessionId::new("s-2").unwrap())
            .of_agent(AgentId::new("reviewer").unwrap()),
    ];
    records.extend(calls());
    records.extend(moments());
    records.extend([
        by("tester", 5_000, SessionEnd::new(Outcome::Failed, ms(4_900))),
        by_coder(6_000, SessionEnd::new(Outcome::Success, ms(6_000))),
        by_coder(7_000, Body::SessionResume(task)),
        by_coder(
            7_500,
            ToolCall::new(ToolName::new("grep").unwrap(), ToolOutcome::Ok, ms(2)),
        ),
        by_coder(8_000, SessionEnd::new(Outcome::Escalated, ms(1_000))),
        Record::new(at(8_100), SessionEnd::new(Outcome::Aborted, ms(7_950)))
            .of_project(ProjectId::new("acme/shop").unwrap())
            .of_session(SessionId::new("s-2").unwrap())
            .of_agent(AgentId::new("reviewer").unwrap()),
        // Nobody's.
        Record::new(at(8_200), call().latency(ms(10))),
    ]);
    records
}

/// What took time.
fn calls() -> Vec<Record> {
    let usage = TokenUsage::new(1_200, 300)
        .with_cache_read(10_000)
        .with_cache_write_5m(400)
        .with_cache_write_1h(50)
        .with_reasoning(120)
        .unwrap();
    let full = call()
        .usage(usage)
        .cost(Usd::from_picos(12_345_678_901))
        .latency(ms(1_500))
        .first_token(ms(250))
        .attempts(2)
        .service_tier(ServiceTier::Priority)
        .stop_reason(StopReason::ToolCalls)
        .streamed();
    let grep = ToolName::new("grep").unwrap();
    let (coder, tester) = (
        AgentId::new("coder").unwrap(),
        AgentId::new("tester").unwrap(),
    );
    let decision = Decision::new("d-1", "provider")
        .candidate(Candidate::new("anthropic").score(0.9))
        .candidate(Candidate::new("groq").score(0.4).lost("reason-canary"))
        .choice("anthropic")
        .confidence(0.8);
    vec![
        by_coder(2_000, full),
        by(
            "tester",
            2_100,
            call().latency(ms(20)).failed(FailureKind::Overloaded),
        ),
        by_coder(
            2_200,
            call().cost(Usd::from_picos(i128::MAX)).latency(ms(100_000)),
        ),
        by_coder(2_300, ToolCall::new(grep.clone(), ToolOutcome::Ok, ms(30))),
        by(
            "tester",
            2_400,
            ToolCall::new(grep.clone(), ToolOutcome::Failed, ms(8)),
        ),
        by(
            "tester",
            2_500,
            ToolCall::new(grep.clone(), ToolOutcome::Aborted, ms(0)),
        ),
        // Twice the same, and yet two.
        by(
            "tester",
            2_500,
            ToolCall::new(grep, ToolOutcome::Aborted, ms(0)),
        ),
        by_coder(
            2_600,
            Handoff::automatic(coder, tester, HandoffReason::Delegated),
        ),
        by_coder(2_700, decision),
    ]
}

/// What happened at a moment.
fn moments() -> Vec<Record> {
    let provider = || ProviderId::new("anthropic").unwrap();
    let checkpoint = || CheckpointId::new("c-1").unwrap();
    let saved = CheckpointSaved::new(checkpoint(), CheckpointKind::Auto)
        .bytes(900, 300)
        .took(ms(4));
    let violation = Violation::new("unwrap_used", Severity::Error, "message-canary");
    vec![
        by_coder(
            3_000,
            Attempt::new(provider(), 1, ms(700)).failed(FailureKind::Overloaded),
        ),
        by_coder(3_100, Attempt::new(provider(), 2, ms(800))),
        by_coder(
            3_200,
            Retry::new(provider(), 2, ms(250), FailureKind::RateLimited),
        ),
        by_coder(
            3_300,
            BreakerChange::new(provider(), BreakerState::Closed, BreakerState::Open),
        ),
        by_coder(
            3_400,
            BreakerChange::new(provider(), BreakerState::HalfOpen, BreakerState::Closed),
        ),
        by_coder(
            3_500,
            Cooldown::new(
                provider(),
                Scope::Model,
                FailureKind::RateLimited,
                ms(30_000),
            ),
        ),
        by_coder(3_600, ContextPressure::new(150_000, 200_000)),
        by_coder(3_700, saved),
        by_coder(3_800, Restored::new(checkpoint(), ms(9)).lost(17)),
        by_coder(
            3_900,
            Metric::new("test_pass_rate", 0.75, Unit::Ratio).unwrap(),
        ),
        by_coder(4_000, Metric::count("files_open", 3)),
        by_coder(4_100, violation.at("file-canary", 41).fixed()),
        by_coder(
            4_200,
            DecisionOutcome::new("d-1", Outcome::Success).score(0.95),
        ),
        by_coder(4_300, FilesChanged::new(3).lines(120, 45)),
        by_coder(4_400, TaskTiming::new(ms(4_000), ms(90_000))),
    ]
}
