//! A day of work with most of what can happen, told to a recorder on a clock that the test owns.

use std::num::NonZeroUsize;
use std::time::Duration;

use agent_primitives::{
    AgentId, Attempt, BreakerChange, BreakerState, CheckpointId, CheckpointKind, CheckpointSaved,
    ContextPressure, Cooldown, Event, FailureKind, Handoff, HandoffReason, ManualClock, ModelId,
    Observer, ProviderId, Restored, Retry, Scope, SessionId, Stamp, Timestamp, TokenUsage,
    ToolName,
};
use agent_telemetry::{
    Candidate, Decision, DecisionOutcome, FilesChanged, MemorySink, Metric, ModelCall, Outcome,
    Parent, Prices, Record, ServiceTier, Session, SessionStart, Severity, Sink, StopReason,
    TaskTiming, Telemetry, Unit, Violation,
};

pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) fn session_id(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

pub(crate) fn agent(name: &str) -> AgentId {
    AgentId::new(name).unwrap()
}

pub(crate) fn provider(name: &str) -> ProviderId {
    ProviderId::new(name).unwrap()
}

pub(crate) fn model(name: &str) -> ModelId {
    ModelId::new(name).unwrap()
}

pub(crate) fn tool(name: &str) -> ToolName {
    ToolName::new(name).unwrap()
}

/// A recorder that stores only when asked to, so that no test depends on time.
pub(crate) fn recorder(sink: impl Sink + 'static, clock: &ManualClock) -> Telemetry {
    Telemetry::builder(sink)
        .clock(clock.clone())
        .prices(Prices::shipped())
        .queue(NonZeroUsize::new(4_096).unwrap())
        .window(LONG)
        .start()
        .unwrap()
}

struct Teller {
    telemetry: Telemetry,
    clock: ManualClock,
}

impl Teller {
    fn pass(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    fn tell(&self, session: &Session, event: impl Into<Event>) {
        let at = agent_primitives::Clock::timestamp(&self.clock);
        session.observer().observe(Stamp::at(at), &event.into());
    }

    fn ask(&self, session: &Session, call: ModelCall, millis: u64) {
        self.pass(millis);
        let first = Duration::from_millis(millis / 4);
        let attempt = Attempt::new(call.provider.clone(), 1, Duration::from_millis(millis));
        self.tell(session, attempt);
        session.model_call(
            call.latency(Duration::from_millis(millis))
                .first_token(first),
        );
    }

    fn use_tool(&self, session: &Session, name: &str, millis: u64, works: bool) {
        let span = session.tool_call(tool(name));
        self.pass(millis);
        if works { span.ok() } else { span.failed() }
    }

    fn save(&self, session: &Session, number: u32) {
        let id = CheckpointId::new(format!("{number}-c0ffee")).unwrap();
        let saved = CheckpointSaved::new(id, CheckpointKind::Auto)
            .bytes(9_000 + u64::from(number), 3_100)
            .took(Duration::from_micros(240));
        self.tell(session, saved);
    }

    fn fix_a_bug(&self) {
        let claude = || ModelCall::new(provider("claude"), model("claude-sonnet-4-5"));
        let start = SessionStart::new(session_id("s-1"), agent("coder")).task_type("bug_fix");
        let session = self
            .telemetry
            .session(start.clone().description("login fails"));
        let decision = Decision::new("d-1", "model")
            .candidate(Candidate::new("claude-sonnet-4-5").score(0.8))
            .candidate(
                Candidate::new("house-model-7b")
                    .score(0.3)
                    .lost("its window is too small"),
            )
            .choice("claude-sonnet-4-5")
            .confidence(0.75);
        session.decision(decision);
        for turn in 0..6 {
            let usage = TokenUsage::new(1_500 + 10 * turn, 220).with_cache_read(8_000 * turn);
            let stop = if turn == 5 {
                StopReason::Stop
            } else {
                StopReason::ToolCalls
            };
            let call = claude().usage(usage).stop_reason(stop).streamed();
            self.ask(
                &session,
                call.service_tier(ServiceTier::Standard),
                1_800 + 150 * turn,
            );
            self.use_tool(&session, "read_file", 4 + turn, true);
            self.use_tool(&session, "run_tests", 2_300, turn == 5);
            self.save(&session, u32::try_from(turn).unwrap());
        }
        self.tell(&session, ContextPressure::new(148_000, 200_000));
        // The process dies: nothing of the handle is dropped.
        self.telemetry.flush(LONG).unwrap();
        std::mem::forget(session);

        self.pass(900);
        let session = self.telemetry.resume_session(start);
        let restored = Restored::new(CheckpointId::new("5-c0ffee").unwrap(), LONG / 30_000);
        self.tell(&session, restored.lost(512));
        session.violation(Violation::new("unwrap_used", Severity::Warning, "unwrap").at("a.rs", 9));
        session.violation(Violation::new("tests", Severity::Error, "2 failed").fixed());
        session.metric(Metric::new("test_pass_rate", 0.75, Unit::Ratio).unwrap());
        session.metric(Metric::new("test_pass_rate", 1.0, Unit::Ratio).unwrap());
        session.metric(Metric::count("files_changed", 4));
        session.files_changed(FilesChanged::new(4).lines(120, 31));
        session.task_timing(TaskTiming::new(Duration::from_secs(4), LONG));
        session.decision_outcome(DecisionOutcome::new("d-1", Outcome::Success).score(0.9));
        session.end(Outcome::Success);
    }

    fn meet_an_overload(&self) {
        let (claude, groq) = (provider("claude"), provider("groq"));
        let start = SessionStart::new(session_id("s-2"), agent("coder")).task_type("refactoring");
        let session = self.telemetry.session(start);
        let overloaded = FailureKind::Overloaded;
        for attempt in 1..=2 {
            let attempt = Attempt::new(claude.clone(), attempt, Duration::from_millis(300));
            self.tell(&session, attempt.failed(overloaded));
        }
        self.tell(
            &session,
            Retry::new(claude.clone(), 2, Duration::from_secs(2), overloaded),
        );
        let (closed, open) = (BreakerState::Closed, BreakerState::Open);
        self.tell(&session, BreakerChange::new(claude.clone(), closed, open));
        let minute = Duration::from_secs(60);
        self.tell(
            &session,
            Cooldown::new(claude.clone(), Scope::Provider, overloaded, minute),
        );
        let reason = HandoffReason::Overloaded;
        self.tell(
            &session,
            Handoff::automatic(claude.clone(), groq.clone(), reason),
        );
        let open_model = || ModelCall::new(groq.clone(), model("openai/gpt-oss-120b"));
        for turn in 0..3 {
            self.ask(
                &session,
                open_model().usage(TokenUsage::new(4_000, 380)),
                420 + turn,
            );
        }
        self.tell(
            &session,
            Handoff::automatic(groq, claude, HandoffReason::Recovered),
        );
        drop(session.tool_call(tool("deploy")));
        session.handoff(Handoff::manual(
            agent("coder"),
            agent("on-call"),
            HandoffReason::Manual,
        ));
        session.end(Outcome::Escalated);
    }

    fn try_a_house_model(&self) {
        let start = SessionStart::new(session_id("s-3"), agent("reviewer"))
            .task_type("bug_fix")
            .parent(Parent::new(session_id("s-2")))
            .user("000102030405060708090a0b0c0d0e0f".parse().unwrap());
        let session = self.telemetry.session(start);
        session.decision(Decision::new("d-1", "model").choice("house-model-7b"));
        let call = || ModelCall::new(provider("house"), model("house-model-7b"));
        self.ask(&session, call().usage(TokenUsage::new(900, 40)), 95);
        self.pass(30);
        session.model_call(call().attempts(3).failed(FailureKind::Timeout));
        session.end(Outcome::Failed);
        let start = SessionStart::new(session_id("s-4"), agent("reviewer"));
        std::mem::forget(self.telemetry.session(start));
    }
}

/// Everything, in the order of recording.
pub(crate) fn records() -> Vec<Record> {
    let sink = MemorySink::new();
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_795_161_600));
    let telemetry = recorder(sink.clone(), &clock);
    let teller = Teller { telemetry, clock };
    teller.fix_a_bug();
    teller.pass(60_000);
    teller.meet_an_overload();
    teller.pass(60_000);
    teller.try_a_house_model();
    teller.telemetry.flush(LONG).unwrap();
    sink.records()
}
