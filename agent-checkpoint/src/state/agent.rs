//! What one agent of a session keeps for itself.

use agent_primitives::TokenUsage;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::is_zero;

/// What one agent of a session keeps for itself: its task, its model, its memory.
///
/// ```
/// use agent_checkpoint::AgentContext;
///
/// let reviewer = AgentContext::new(serde_json::json!({"files_read": 3}))
///     .with_task("review the patch")
///     .with_model("small");
/// assert_eq!(reviewer.memory["files_read"], 3);
/// assert_eq!(reviewer.task.as_deref(), Some("review the patch"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AgentContext {
    /// What it was asked to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The model that it talks to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Anything else that it must know after a restart, as any JSON.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub memory: Value,
    /// Tokens that it used.
    #[serde(skip_serializing_if = "is_zero")]
    pub usage: TokenUsage,
    /// Any other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl AgentContext {
    /// A context with this memory.
    pub fn new(memory: impl Into<Value>) -> Self {
        Self {
            memory: memory.into(),
            ..Self::default()
        }
    }

    /// Sets the task.
    #[must_use]
    pub fn with_task(mut self, task: impl Into<String>) -> Self {
        self.task = Some(task.into());
        self
    }

    /// Sets the model.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }
}

impl From<Value> for AgentContext {
    fn from(memory: Value) -> Self {
        Self::new(memory)
    }
}
