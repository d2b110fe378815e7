//! Beginning and end of a session.

use std::borrow::Cow;
use std::time::Duration;

use agent_primitives::{AgentId, SessionId};
use serde::{Deserialize, Serialize};

use super::text::{NAME_BYTES, TEXT_BYTES, bounded};
use super::{ProjectId, UserHash};
use crate::words::words;

words! {
    /// How a session ended.
    ///
    /// ```
    /// use agent_telemetry::Outcome;
    ///
    /// assert_eq!(Outcome::Escalated.as_str(), "escalated");
    /// assert_eq!(Outcome::from_word("escalated"), Some(Outcome::Escalated));
    /// ```
    Outcome {
        /// The task was done.
        Success = "success",
        /// The task was given to somebody else, such as a person or a stronger agent.
        Escalated = "escalated",
        /// The task was not done.
        Failed = "failed",
        /// The work stopped without a verdict; what a dropped handle records.
        Aborted = "aborted",
    }
}

/// Who gave the work of a subagent.
///
/// ```
/// use agent_primitives::SessionId;
/// use agent_telemetry::Parent;
///
/// let parent = Parent::new(SessionId::new("s1")?);
/// assert_eq!(parent.agent, None);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Parent {
    /// In which session; may be the same one.
    pub session: SessionId,
    /// Which agent, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
}

impl Parent {
    /// Somebody in `session`.
    pub const fn new(session: SessionId) -> Self {
        Self {
            session,
            agent: None,
        }
    }

    /// Sets the agent.
    #[must_use]
    pub fn agent(mut self, agent: AgentId) -> Self {
        self.agent = Some(agent);
        self
    }
}

/// What a session is about. Both texts come from the host and are stored as [`Redaction`](crate::Redaction)
/// leaves them: leave out what must not be kept.
///
/// ```
/// use agent_telemetry::Task;
///
/// let task = Task::default();
/// assert_eq!((task.task_type, task.description), (None, None));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Task {
    /// The kind of work, such as `bug_fix`: few values, since the report groups by it.
    /// At most 128 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_type: Option<Cow<'static, str>>,
    /// The work in the host's words. At most 4 096 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Cow<'static, str>>,
    /// Who gave the work, where a subagent does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// For whom, as [`Telemetry::user`](crate::Telemetry::user) makes it of an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserHash>,
}

/// What [`Telemetry::session`](crate::Telemetry::session) needs to know.
///
/// ```
/// use agent_primitives::{AgentId, SessionId};
/// use agent_telemetry::SessionStart;
///
/// let start = SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?)
///     .task_type("bug_fix")
///     .description("login fails after midnight");
/// assert_eq!(start.task.task_type.as_deref(), Some("bug_fix"));
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionStart {
    /// Whose work it is; the recorder's own project unless set.
    pub project: Option<ProjectId>,
    /// Which session.
    pub session: SessionId,
    /// Who works.
    pub agent: AgentId,
    /// On what.
    pub task: Task,
}

impl SessionStart {
    /// `agent` works in `session`; nothing is said about the task.
    pub const fn new(session: SessionId, agent: AgentId) -> Self {
        Self {
            project: None,
            session,
            agent,
            task: Task {
                task_type: None,
                description: None,
                parent: None,
                user: None,
            },
        }
    }

    /// Sets whose work it is.
    #[must_use]
    pub fn project(mut self, project: ProjectId) -> Self {
        self.project = Some(project);
        self
    }

    /// Sets who gave the work. [`Session::subagent`](crate::Session::subagent) does it by itself.
    #[must_use]
    pub fn parent(mut self, parent: Parent) -> Self {
        self.task.parent = Some(parent);
        self
    }

    /// Sets for whom the work is done.
    #[must_use]
    pub const fn user(mut self, user: UserHash) -> Self {
        self.task.user = Some(user);
        self
    }

    /// The kind of work, such as `bug_fix`. Cut at 128 bytes; keep the number of kinds small.
    #[must_use]
    pub fn task_type(mut self, task_type: impl Into<Cow<'static, str>>) -> Self {
        self.task.task_type = Some(bounded(task_type.into(), NAME_BYTES));
        self
    }

    /// The work in the host's words, stored as the redaction leaves it and cut at 4 096 bytes. Not set unless the
    /// host sets it.
    #[must_use]
    pub fn description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.task.description = Some(bounded(description.into(), TEXT_BYTES));
        self
    }
}

/// The end of a session, or of one stretch of it.
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::{Outcome, SessionEnd};
///
/// let end = SessionEnd::new(Outcome::Success, Duration::from_secs(90));
/// assert_eq!(serde_json::to_value(&end)?["outcome"], "success");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionEnd {
    /// How it ended.
    pub outcome: Outcome,
    /// Time since the handle that ended was made, by the monotonic clock.
    pub elapsed: Duration,
}

impl SessionEnd {
    /// An end after `elapsed`.
    pub const fn new(outcome: Outcome, elapsed: Duration) -> Self {
        Self { outcome, elapsed }
    }
}
