//! Live handles: a session, and a tool call within it.

use std::fmt;

use agent_primitives::{AgentId, Handoff, Monotonic, Scoped, SessionId, Timestamp, ToolName};

use crate::{
    Body, Metric, ModelCall, Outcome, Record, SessionEnd, SessionStart, Telemetry, ToolCall,
    ToolOutcome, Violation, trace,
};

/// A session under way. Dropping it without [`end`](Self::end) records [`Outcome::Aborted`].
///
/// `Send` and `Sync`: share it by reference or in an `Arc` among the threads that work on it.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, TokenUsage};
/// use agent_telemetry::{MemorySink, ModelCall, Outcome, SessionStart, Stats, Telemetry};
///
/// let sink = MemorySink::new();
/// let telemetry = Telemetry::builder(sink.clone()).start()?;
/// let session = telemetry.session(
///     SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?).task_type("bug_fix"),
/// );
/// session.model_call(
///     ModelCall::new(ProviderId::new("claude")?, ModelId::new("claude-haiku-4-5")?)
///         .usage(TokenUsage::new(1_000, 100)),
/// );
/// session.end(Outcome::Escalated);
///
/// telemetry.flush(Duration::from_secs(5))?;
/// let stats = Stats::of(sink.records());
/// assert_eq!(stats.outcomes.escalated, 1);
/// assert_eq!(stats.cost.total.to_string(), "$0.0015");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping the handle ends the session as aborted"]
pub struct Session {
    origin: Origin,
    began: Monotonic,
    outcome: Outcome,
}

/// In whose name records are made. Clones share their parts.
#[derive(Clone)]
struct Origin {
    telemetry: Telemetry,
    session: SessionId,
    agent: AgentId,
    span: tracing::Span,
}

impl Origin {
    fn record(&self, body: impl Into<Body>) {
        self.record_at(self.telemetry.clock().timestamp(), body);
    }

    fn record_at(&self, at: Timestamp, body: impl Into<Body>) {
        let record = Record::new(at, body)
            .of_session(self.session.clone())
            .of_agent(self.agent.clone());
        self.telemetry.record(record);
    }
}

impl Session {
    pub(crate) fn begin(telemetry: Telemetry, start: SessionStart) -> Self {
        Self::open(
            telemetry,
            start.session,
            start.agent,
            Body::SessionStart(start.task),
        )
    }

    pub(crate) fn resume(telemetry: Telemetry, start: SessionStart) -> Self {
        Self::open(
            telemetry,
            start.session,
            start.agent,
            Body::SessionResume(start.task),
        )
    }

    fn open(telemetry: Telemetry, session: SessionId, agent: AgentId, body: Body) -> Self {
        let began = telemetry.clock().monotonic();
        let origin = Origin {
            span: trace::session_span(&session, &agent),
            telemetry,
            session,
            agent,
        };
        origin.record(body);
        Self {
            origin,
            began,
            outcome: Outcome::Aborted,
        }
    }

    /// Which session it is.
    pub const fn id(&self) -> &SessionId {
        &self.origin.session
    }

    /// Who works in it.
    pub const fn agent(&self) -> &AgentId {
        &self.origin.agent
    }

    /// An observer that stamps events with this session and agent, for code that does not know them.
    pub fn observer(&self) -> Scoped<Telemetry> {
        Scoped::new(self.origin.telemetry.clone(), self.origin.session.clone())
            .agent(self.origin.agent.clone())
    }

    /// Records a call of a model. A call without a cost gets it from the prices, where they know the
    /// provider and model at this time; otherwise it stays unpriced.
    pub fn model_call(&self, mut call: ModelCall) {
        let telemetry = &self.origin.telemetry;
        let at = telemetry.clock().timestamp();
        if call.cost.is_none() {
            call.cost = telemetry
                .prices()
                .cost(&call.provider, &call.model, &call.usage, at);
        }
        trace::model_call(&self.origin.span, &call);
        self.origin.record_at(at, call);
    }

    /// Begins a call of a tool; the span that it returns tells how it ended.
    #[must_use = "dropping the span records the call as aborted"]
    pub fn tool_call(&self, tool: ToolName) -> ToolCallSpan {
        ToolCallSpan {
            span: trace::tool_span(&self.origin.span, &tool),
            began: self.origin.telemetry.clock().monotonic(),
            origin: self.origin.clone(),
            tool,
            outcome: ToolOutcome::Aborted,
        }
    }

    /// Records a broken rule.
    pub fn violation(&self, violation: Violation) {
        self.origin.record(violation);
    }

    /// Records a measurement.
    pub fn metric(&self, metric: Metric) {
        self.origin.record(metric);
    }

    /// Records that work changed hands. Do not record handoffs that also arrive as events.
    pub fn handoff(&self, handoff: Handoff) {
        trace::handoff(&self.origin.span, &handoff);
        self.origin.record(handoff);
    }

    /// Ends the session.
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let now = self.origin.telemetry.clock().monotonic();
        trace::session_end(&self.origin.span, self.outcome);
        self.origin
            .record(SessionEnd::new(self.outcome, now.since(self.began)));
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("session", &self.origin.session)
            .field("agent", &self.origin.agent)
            .finish_non_exhaustive()
    }
}

/// A tool call under way. Dropping it without [`ok`](Self::ok) or [`failed`](Self::failed) records
/// [`ToolOutcome::Aborted`]. May outlive its session and move to another thread.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{AgentId, SessionId, Timestamp, ToolName};
/// use agent_telemetry::{MemorySink, SessionStart, Stats, Telemetry};
///
/// let sink = MemorySink::new();
/// let telemetry = Telemetry::builder(sink.clone()).start()?;
/// let session = telemetry.session(SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?));
/// let grep = ToolName::new("grep")?;
/// session.tool_call(grep.clone()).ok();
/// session.tool_call(grep.clone()).failed();
/// drop(session.tool_call(grep));
///
/// telemetry.flush(Duration::from_secs(5))?;
/// let tools = Stats::of(sink.records()).performance.tools;
/// assert_eq!((tools[0].calls, tools[0].ok, tools[0].failed, tools[0].aborted), (3, 1, 1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping the span records the call as aborted"]
pub struct ToolCallSpan {
    origin: Origin,
    span: tracing::Span,
    tool: ToolName,
    began: Monotonic,
    outcome: ToolOutcome,
}

impl ToolCallSpan {
    /// The tool did its work.
    pub fn ok(mut self) {
        self.outcome = ToolOutcome::Ok;
    }

    /// The tool reported an error.
    pub fn failed(mut self) {
        self.outcome = ToolOutcome::Failed;
    }
}

impl Drop for ToolCallSpan {
    fn drop(&mut self) {
        let elapsed = self.origin.telemetry.clock().monotonic().since(self.began);
        trace::tool_end(&self.span, self.outcome);
        self.origin
            .record(ToolCall::new(self.tool.clone(), self.outcome, elapsed));
    }
}

impl fmt::Debug for ToolCallSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCallSpan")
            .field("tool", &self.tool)
            .finish_non_exhaustive()
    }
}
