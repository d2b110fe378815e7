//! Live handles: a session, and a tool call within it.

mod bound;
mod model;
mod observer;
mod tool;

use std::fmt;
use std::sync::Arc;

use agent_primitives::{
    AgentId, Clock, Handoff, ModelId, Monotonic, ProviderId, SessionId, ToolName,
};

use crate::telemetry::{Context, ContextId, Target};
use crate::{
    Body, Decision, DecisionOutcome, FilesChanged, GenAiNames, Metric, ModelCall, Outcome, Parent,
    ProjectId, Record, SessionEnd, SessionStart, Task, TaskTiming, Telemetry, ToolOutcome,
    Violation, trace,
};
pub use model::{ModelCallSpan, ModelHandle};
pub use observer::SessionObserver;
pub use tool::{ToolCallSpan, ToolHandle};

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
    origin: Arc<Origin>,
    began: Monotonic,
    outcome: Outcome,
}

/// In whose name records are made.
struct Origin {
    telemetry: Telemetry,
    context: ContextId,
    project: Option<ProjectId>,
    session: SessionId,
    agent: AgentId,
    span: tracing::Span,
}

impl Origin {
    fn record(&self, body: impl Into<Body>) {
        let at = self.telemetry.clock().timestamp();
        self.telemetry
            .queue()
            .push(Some(self.context), Record::new(at, body));
    }

    /// The names that spans and events have.
    fn names(&self) -> GenAiNames {
        self.telemetry.genai_names()
    }

    /// A context of this session for calls of one kind.
    fn bind(&self, target: Target) -> ContextId {
        self.telemetry.add_context(Context {
            project: self.project.clone(),
            session: self.session.clone(),
            agent: self.agent.clone(),
            target,
        })
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.telemetry.retire_context(self.context);
    }
}

impl Session {
    pub(crate) fn begin(telemetry: &Telemetry, start: SessionStart) -> Self {
        Self::open(telemetry, start, Body::SessionStart)
    }

    pub(crate) fn resume(telemetry: &Telemetry, start: SessionStart) -> Self {
        Self::open(telemetry, start, Body::SessionResume)
    }

    fn open(telemetry: &Telemetry, start: SessionStart, body: fn(Task) -> Body) -> Self {
        let began = telemetry.clock().monotonic();
        let project = start.project.or_else(|| telemetry.project().cloned());
        let context = telemetry.add_context(Context {
            project: project.clone(),
            session: start.session.clone(),
            agent: start.agent.clone(),
            target: Target::Session,
        });
        let origin = Arc::new(Origin {
            span: trace::session_span(&start.session, &start.agent),
            telemetry: telemetry.clone(),
            context,
            project,
            session: start.session,
            agent: start.agent,
        });
        origin.record(body(start.task));
        Self {
            origin,
            began,
            outcome: Outcome::Aborted,
        }
    }

    /// Begins the work of another agent that this one gave: its session has this one as its parent,
    /// and the same project unless it names its own. The session id may be the same as well.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_primitives::{AgentId, SessionId};
    /// use agent_telemetry::{Body, MemorySink, Outcome, Parent, SessionStart, Telemetry};
    ///
    /// let sink = MemorySink::new();
    /// let telemetry = Telemetry::builder(sink.clone()).start()?;
    /// let (id, lead) = (SessionId::new("s1")?, AgentId::new("lead")?);
    /// let session = telemetry.session(SessionStart::new(id.clone(), lead.clone()));
    /// let start = SessionStart::new(SessionId::new("s2")?, AgentId::new("tester")?);
    /// session.subagent(start).end(Outcome::Success);
    ///
    /// telemetry.flush(Duration::from_secs(5))?;
    /// let Body::SessionStart(task) = &sink.records()[1].body else { panic!("no start") };
    /// assert_eq!(task.parent, Some(Parent::new(id).agent(lead)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "dropping the handle ends the session as aborted"]
    pub fn subagent(&self, mut start: SessionStart) -> Self {
        let it = &*self.origin;
        start.project = start.project.or_else(|| it.project.clone());
        start.task.parent = Some(Parent::new(it.session.clone()).agent(it.agent.clone()));
        it.span.in_scope(|| Self::begin(&it.telemetry, start))
    }

    /// Which session it is.
    pub fn id(&self) -> &SessionId {
        &self.origin.session
    }

    /// Who works in it.
    pub fn agent(&self) -> &AgentId {
        &self.origin.agent
    }

    /// Whose work it is, where known.
    pub fn project(&self) -> Option<&ProjectId> {
        self.origin.project.as_ref()
    }

    /// An observer that stamps events with this session, agent and project, for code that does not
    /// know them.
    pub fn observer(&self) -> SessionObserver {
        SessionObserver(Arc::clone(&self.origin))
    }

    /// A handle for calls of one model: the fast way to record many.
    pub fn model(&self, provider: ProviderId, model: ModelId) -> ModelHandle {
        ModelHandle::new(Arc::clone(&self.origin), provider, model)
    }

    /// A handle for calls of one tool: the fast way to record many.
    pub fn tool(&self, tool: ToolName) -> ToolHandle {
        ToolHandle::new(Arc::clone(&self.origin), tool)
    }

    /// Records a call of a model. A call without a cost gets it from the prices, where they know the
    /// provider and model at this time; otherwise it stays unpriced.
    pub fn model_call(&self, call: ModelCall) {
        if !call.is_unexplained() {
            trace::model_call(&self.origin.span, self.origin.names(), &call);
        }
        self.origin.record(call);
    }

    /// Begins a call of a tool; the span that it returns tells how it ended.
    #[must_use = "dropping the span records the call as aborted"]
    pub fn tool_call(&self, tool: ToolName) -> ToolCallSpan {
        ToolCallSpan {
            span: trace::tool_span(&self.origin.span, &tool),
            began: self.origin.telemetry.clock().monotonic(),
            origin: Arc::clone(&self.origin),
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

    /// Records a choice.
    pub fn decision(&self, decision: Decision) {
        self.origin.record(decision);
    }

    /// Records how a choice turned out, at any later time.
    pub fn decision_outcome(&self, outcome: DecisionOutcome) {
        self.origin.record(outcome);
    }

    /// Records which files and lines the work changed, since the last time it was said.
    pub fn files_changed(&self, changed: FilesChanged) {
        self.origin.record(changed);
    }

    /// Records how long a task waited and ran.
    pub fn task_timing(&self, timing: TaskTiming) {
        self.origin.record(timing);
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
