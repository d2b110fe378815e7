//! One message of a conversation.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who speaks.
///
/// ```
/// assert_eq!(serde_json::to_string(&agent_checkpoint::Role::Tool)?, "\"tool\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Standing instructions.
    System,
    /// The person, or the program, that asks.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// A call of a tool, as the model made it.
///
/// ```
/// let call = agent_checkpoint::ToolCall::new("call_1", "read_file", r#"{"path": "a.rs"}"#);
/// assert_eq!(call.arguments, r#"{"path": "a.rs"}"#);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCall {
    /// The model's id for the call. Not unique in a session: models use ids again.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as the model wrote them, usually JSON text; kept byte for byte.
    pub arguments: String,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl ToolCall {
    /// A call of `name` with `arguments`.
    pub fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        arguments: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
            extra: Map::new(),
        }
    }
}

/// The field that says that no truncation drops a message.
const PINNED: &str = "pinned";

/// One message. Fields that this version does not know are kept in `extra`.
///
/// ```
/// use agent_checkpoint::{Message, ToolCall};
///
/// let asks = Message::assistant("").with_tool_call(ToolCall::new("c1", "ls", "{}"));
/// let answer = Message::tool("c1", "Cargo.toml  src");
/// assert_eq!(answer.tool_call_id.as_deref(), Some(asks.tool_calls[0].id.as_str()));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The text; may be empty where there are tool calls or parts.
    #[serde(default)]
    pub content: String,
    /// Content that is not plain text (images, reasoning blocks), as the vendor's JSON has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Value>,
    /// Tools that the model calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The call that this message answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// Any other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Message {
    /// A message with text and nothing else.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            parts: Vec::new(),
            tool_calls: Vec::new(),
            tool_call_id: None,
            extra: Map::new(),
        }
    }

    /// Standing instructions.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new(Role::System, content)
    }

    /// A question or task.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new(Role::User, content)
    }

    /// The model's answer.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// The result of the call `tool_call_id`.
    pub fn tool(tool_call_id: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            tool_call_id: Some(tool_call_id.into()),
            ..Self::new(Role::Tool, content)
        }
    }

    /// Adds a tool call.
    #[must_use]
    pub fn with_tool_call(mut self, call: ToolCall) -> Self {
        self.tool_calls.push(call);
        self
    }

    /// Marks the message, in `extra`, as one that no [truncation](crate::truncate()) drops: a ruling of the user,
    /// a decision. The mark is saved with the message; leave it out of requests to providers that take no fields
    /// of others.
    ///
    /// ```
    /// use agent_checkpoint::{Message, truncate};
    ///
    /// let messages = [
    ///     Message::user("the task"),
    ///     Message::user("never touch the database").pinned(),
    ///     Message::assistant("one"),
    ///     Message::assistant("two"),
    /// ];
    /// assert_eq!(truncate(&messages, 3, &|_: &Message| 1)?.kept, [0..2, 3..4]);
    /// # Ok::<(), agent_checkpoint::LimitTooSmall>(())
    /// ```
    #[must_use]
    pub fn pinned(mut self) -> Self {
        self.extra.insert(PINNED.to_owned(), Value::Bool(true));
        self
    }

    /// Whether no truncation drops it.
    pub fn is_pinned(&self) -> bool {
        self.extra.get(PINNED) == Some(&Value::Bool(true))
    }

    /// Adds a part that is not plain text.
    #[must_use]
    pub fn with_part(mut self, part: Value) -> Self {
        self.parts.push(part);
        self
    }
}
