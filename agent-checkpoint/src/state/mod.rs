//! What a session amounts to at one moment.

mod agent;
pub(crate) mod fields;
mod mcp;
mod message;
mod migrations;
pub(crate) mod savable;
mod snapshot;
mod step;
mod work;
pub(crate) mod workflow;

pub use agent::AgentContext;
pub use mcp::{Drift, McpServer, McpTool};
pub use message::{Message, Role, ToolCall};
pub use migrations::{MigrationError, Migrations};
pub use snapshot::Snapshot;
pub use step::NextStep;
pub use work::{Artifact, Decision, Question, Work};
pub use workflow::{StepStatus, Workflow, WorkflowStep};

use agent_primitives::TokenUsage;
use serde::{Deserialize, Serialize};

/// The whole state of a session: the conversation, and what the agent knows beside it.
///
/// The two differ in how they are stored: the conversation only grows, the rest is replaced.
///
/// ```
/// use agent_checkpoint::{Message, SessionState};
///
/// let state = SessionState {
///     conversation: vec![Message::user("Fix the build.")],
///     ..SessionState::default()
/// };
/// let json = serde_json::to_string(&state)?;
/// assert_eq!(json, r#"{"conversation":[{"role":"user","content":"Fix the build."}]}"#);
/// assert_eq!(serde_json::from_str::<SessionState>(&json)?, state);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionState {
    /// Every message from the first on, whatever was left out of the context since.
    pub conversation: Vec<Message>,
    /// Everything but the conversation.
    #[serde(flatten)]
    pub work: Work,
}

/// What is not written because it says nothing.
fn is_zero(usage: &TokenUsage) -> bool {
    *usage == TokenUsage::ZERO
}
