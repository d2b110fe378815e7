//! What kinds of operations there are, and what they are called.

use std::fmt;

use agent_primitives::{CheckpointKind, FailureKind, ModelId, ProviderId, ToolName};
use serde::{Deserialize, Serialize};

/// What kind of operation it was.
///
/// ```
/// use agent_telemetry::Operated;
///
/// assert_eq!(serde_json::to_string(&Operated::TaskRun)?, r#"{"operation":"task_run"}"#);
/// assert_eq!(Operated::TaskRun.to_string(), "task_run");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operated {
    /// A call of a model.
    ModelCall {
        /// At whom.
        provider: ProviderId,
        /// Which model.
        model: ModelId,
        /// The kind of work of the session, in the list by kind of work.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task_type: Option<String>,
    },
    /// A call of a tool.
    ToolCall {
        /// Which tool.
        tool: ToolName,
    },
    /// One call to a provider within a model call.
    Attempt {
        /// Which provider.
        provider: ProviderId,
    },
    /// A checkpoint was saved.
    CheckpointSave {
        /// What it was made for.
        kind: CheckpointKind,
    },
    /// State was restored from a checkpoint.
    Restore,
    /// A task waited for somebody to begin it.
    TaskWait,
    /// A task was worked on.
    TaskRun,
    /// A request stood still until it was sent to the same provider again.
    RetryWait {
        /// Which provider.
        provider: ProviderId,
        /// What had gone wrong; [`RateLimited`](FailureKind::RateLimited) is a wait for a rate limit.
        failure: FailureKind,
    },
}

impl Operated {
    /// The word that it has in JSON.
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::ModelCall { .. } => "model_call",
            Self::ToolCall { .. } => "tool_call",
            Self::Attempt { .. } => "attempt",
            Self::CheckpointSave { .. } => "checkpoint_save",
            Self::Restore => "restore",
            Self::TaskWait => "task_wait",
            Self::TaskRun => "task_run",
            Self::RetryWait { .. } => "retry_wait",
        }
    }
}

/// What was called, or the word for it where that has no name.
impl fmt::Display for Operated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ModelCall {
                provider,
                model,
                task_type: Some(task_type),
            } => write!(f, "{provider} · {model}, {task_type}"),
            Self::ModelCall {
                provider, model, ..
            } => write!(f, "{provider} · {model}"),
            Self::ToolCall { tool } => tool.fmt(f),
            Self::Attempt { provider } => provider.fmt(f),
            Self::CheckpointSave { kind } => kind.fmt(f),
            Self::RetryWait { provider, failure } => write!(f, "{provider}, {failure}"),
            Self::Restore | Self::TaskWait | Self::TaskRun => self.operation().fmt(f),
        }
    }
}
