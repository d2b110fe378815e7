//! What happened: one envelope, one body.

mod answer;
mod call;
mod decision;
mod mark;
mod metric;
mod newest;
mod project;
mod session;
mod text;
mod user;
mod violation;
mod work;

use agent_primitives::{
    AgentId, Attempt, BreakerChange, CheckpointSaved, ContextPressure, Cooldown, Event, Handoff,
    Restored, Retry, SessionId, Stamp, Timestamp,
};
use serde::{Deserialize, Serialize};

pub use answer::Answer;
pub(crate) use answer::nanos;
pub use call::{ModelCall, ServiceTier, StopReason, ToolCall, ToolOutcome};
pub use decision::{Candidate, Decision, DecisionOutcome};
pub(crate) use mark::RECORD_BYTES;
pub use mark::{InvalidMark, Mark};
pub use metric::{InvalidMetric, Metric, MetricKind, Unit};
pub(crate) use newest::NewestMarks;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use newest::{MARKS, newest_marks};
pub use project::{InvalidProject, ProjectId};
pub use session::{Outcome, Parent, SessionEnd, SessionStart, Task};
pub use user::{InvalidUserHash, UserHash};
pub use violation::{Severity, Violation};
pub use work::{FilesChanged, TaskTiming};

/// One thing that happened: when, in whose work, and what.
///
/// As JSON it is one flat object. `record` names the body and does not change between versions;
/// `at` is nanoseconds since 1970, UTC; durations are `{"secs": …, "nanos": …}`.
///
/// Records hold names, figures and the few texts that the host writes for them (task type,
/// description, violation message and file, names and reasons in a decision). There is no field for prompts, answers or tool
/// arguments.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{Timestamp, ToolName};
/// use agent_telemetry::{Record, ToolCall, ToolOutcome};
///
/// let call = ToolCall::new(ToolName::new("grep")?, ToolOutcome::Ok, Duration::from_millis(3));
/// let record = Record::new(Timestamp::from_unix_seconds(1), call);
/// let json = serde_json::to_value(&record)?;
/// assert_eq!(json["record"], "tool_call");
/// assert_eq!(json["tool"], "grep");
/// assert_eq!(serde_json::from_value::<Record>(json)?, record);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// When it happened; for a call, when it ended.
    pub at: Timestamp,
    /// Whose work it is, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// In which session, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// By which agent, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    marks: Option<Box<[Mark]>>,
    /// What happened.
    #[serde(flatten)]
    pub body: Body,
}

impl Record {
    /// Something that belongs to no project, no session and no agent.
    pub fn new(at: Timestamp, body: impl Into<Body>) -> Self {
        Self {
            at,
            project: None,
            session: None,
            agent: None,
            marks: None,
            body: body.into(),
        }
    }

    /// Sets the project.
    #[must_use]
    pub fn of_project(mut self, project: ProjectId) -> Self {
        self.project = Some(project);
        self
    }

    /// Sets the session.
    #[must_use]
    pub fn of_session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Sets the agent.
    #[must_use]
    pub fn of_agent(mut self, agent: AgentId) -> Self {
        self.agent = Some(agent);
        self
    }

    /// What an event says, or `None` for an event that this version has no record for.
    ///
    /// ```
    /// use agent_primitives::{ContextPressure, Event, Stamp, Timestamp};
    /// use agent_telemetry::{Body, Record};
    ///
    /// let event = Event::from(ContextPressure::new(150_000, 200_000));
    /// let record = Record::of_event(Stamp::at(Timestamp::UNIX_EPOCH), &event).expect("known");
    /// assert_eq!(record.body, Body::ContextPressure(ContextPressure::new(150_000, 200_000)));
    /// ```
    pub fn of_event(stamp: Stamp<'_>, event: &Event) -> Option<Self> {
        let body = match event {
            Event::Attempt(it) => Body::Attempt(it.clone()),
            Event::Retry(it) => Body::Retry(it.clone()),
            Event::Breaker(it) => Body::Breaker(it.clone()),
            Event::Cooldown(it) => Body::Cooldown(it.clone()),
            Event::Handoff(it) => Body::Handoff(it.clone()),
            Event::ContextPressure(it) => Body::ContextPressure(*it),
            Event::Recovery(it) => Metric::of_recovery(it).into(),
            Event::CheckpointSaved(it) => Body::CheckpointSaved(it.clone()),
            Event::Restored(it) => Body::Restored(it.clone()),
            Event::Spend(it) => Body::Metric(Metric::spent(it)),
            _ => return None,
        };
        Some(Self {
            at: stamp.at,
            project: None,
            session: stamp.session.cloned(),
            agent: stamp.agent.cloned(),
            marks: None,
            body,
        })
    }
}

macro_rules! bodies {
    ($($(#[$doc:meta])* $variant:ident($payload:ty),)+) => {
        /// What happened. Closed, so that a fold can match on it; not exhaustive, so that it can grow.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "record", rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Body {
            $($(#[$doc])* $variant($payload),)+
            /// Work went on in a new process, or a new handle, under the same session id.
            SessionResume(Task),
        }

        $(impl From<$payload> for Body {
            fn from(payload: $payload) -> Self {
                Self::$variant(payload)
            }
        })+
    };
}

impl Body {
    /// Whether it is usage that no call explains.
    pub(crate) const fn is_unexplained(&self) -> bool {
        matches!(self, Self::ModelCall(call) if call.is_unexplained())
    }
}

bodies! {
    /// A session began.
    SessionStart(Task),
    /// A session ended, or a handle of it was dropped.
    SessionEnd(SessionEnd),
    /// A model was called, with all attempts that it took.
    ModelCall(ModelCall),
    /// A tool was called.
    ToolCall(ToolCall),
    /// Work changed hands.
    Handoff(Handoff),
    /// One call to one provider ended; a model call may take several.
    Attempt(Attempt),
    /// The same provider is called again.
    Retry(Retry),
    /// A circuit breaker changed its state.
    Breaker(BreakerChange),
    /// A provider is left alone for a while.
    Cooldown(Cooldown),
    /// The context window fills up.
    ContextPressure(ContextPressure),
    /// State was saved.
    CheckpointSaved(CheckpointSaved),
    /// State was restored.
    Restored(Restored),
    /// A measured value.
    Metric(Metric),
    /// A rule was broken.
    Violation(Violation),
    /// Something was chosen.
    Decision(Decision),
    /// How a choice turned out.
    DecisionOutcome(DecisionOutcome),
    /// Files were changed.
    FilesChanged(FilesChanged),
    /// A task waited and ran.
    TaskTiming(TaskTiming),
}
