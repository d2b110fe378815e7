//! What is asked and what comes back, apart from any vendor's format.

use agent_primitives::TokenUsage;
use agent_resilience::classify::LimitSnapshot;
use serde_json::Value;

use crate::Message;

/// One request: the whole conversation so far.
///
/// ```
/// use support::{ChatRequest, Message};
///
/// let request = ChatRequest::new("claude-sonnet-4-5", vec![Message::user("2 + 2?")]).plain();
/// assert!(!request.stream);
/// assert_eq!(request.max_tokens, 4_096);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChatRequest {
    /// Which model; [`HttpProvider::model`](crate::HttpProvider::model) goes before it, since the
    /// same request may go to several vendors.
    pub model: String,
    /// The conversation; the answer follows its last message.
    pub messages: Vec<Message>,
    /// The longest answer in tokens; 4 096 unless set.
    pub max_tokens: u64,
    /// Whether the answer comes in pieces, so that a stall shows early; it does unless
    /// [`plain`](Self::plain) is called. The reply is the same.
    pub stream: bool,
    /// What the model may call.
    pub tools: Vec<ToolSpec>,
}

impl ChatRequest {
    /// Asks `model` to continue `messages`.
    pub fn new(model: impl Into<String>, messages: Vec<Message>) -> Self {
        Self {
            model: model.into(),
            messages,
            max_tokens: 4_096,
            stream: true,
            tools: Vec::new(),
        }
    }

    /// Sets the longest answer in tokens.
    #[must_use]
    pub const fn max_tokens(mut self, tokens: u64) -> Self {
        self.max_tokens = tokens;
        self
    }

    /// Asks for the answer in one piece.
    #[must_use]
    pub const fn plain(mut self) -> Self {
        self.stream = false;
        self
    }

    /// Sets what the model may call. Anthropic wants the tools of the whole conversation here, or
    /// refuses it.
    #[must_use]
    pub fn tools(mut self, tools: Vec<ToolSpec>) -> Self {
        self.tools = tools;
        self
    }
}

/// A tool that the model may call.
///
/// ```
/// let tool = support::ToolSpec::new("run", "Runs a shell command.");
/// assert_eq!(tool.parameters["type"], "object");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ToolSpec {
    /// What the model calls it by.
    pub name: String,
    /// What it does, for the model to read.
    pub description: String,
    /// The JSON schema of its arguments; any object unless set.
    pub parameters: Value,
}

impl ToolSpec {
    /// A tool that takes any object.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            parameters: serde_json::json!({"type": "object", "properties": {}}),
        }
    }

    /// Sets the JSON schema of the arguments.
    #[must_use]
    pub fn parameters(mut self, schema: Value) -> Self {
        self.parameters = schema;
        self
    }
}

/// A complete answer.
///
/// ```
/// use agent_resilience::Provider;
/// use support::{ChatRequest, Dialect, Finish, HttpProvider, Recording, ScriptedProvider};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let recording = Recording::parse(
///     r#"{"history": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]}"#,
/// )?;
/// let server = ScriptedProvider::builder(recording.clone()).start().await?;
/// let groq = HttpProvider::new("groq".parse()?, Dialect::Groq, &server.url())?;
/// let question = recording.messages()[..1].to_vec();
/// let reply = groq.call(&ChatRequest::new("llama", question)).await?;
/// assert_eq!((reply.message.content.as_str(), reply.finish), ("4", Finish::Stop));
/// assert_eq!(reply.usage.total(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ChatReply {
    /// The assistant's message.
    pub message: Message,
    /// What it took; zero where the provider says nothing.
    pub usage: TokenUsage,
    /// Why the model stopped.
    pub finish: Finish,
    /// What the provider says is left of its rate limits; unknown where it says nothing.
    pub limits: LimitSnapshot,
}

/// Why the model stopped. An answer that was cut at a limit or by a filter is a failure, not one
/// of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finish {
    /// It had said everything.
    Stop,
    /// It wants tools to be called.
    ToolCalls,
    /// For a reason that only this vendor knows.
    Other,
}
