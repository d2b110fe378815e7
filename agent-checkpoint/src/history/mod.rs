//! Whether a list of messages is one that a provider takes, and what to do where it is not.
//!
//! Providers refuse a request whose tool calls and results do not match, and go on refusing it with every
//! message that follows: such a session is stuck until its messages are put right. The rules are
//! those of the strictest provider, so that what passes here passes everywhere:
//!
//! - Every call is answered right behind the message that makes it. Anthropic: "Each `tool_use` block must
//!   have a corresponding `tool_result` block in the next message." OpenAI: "An assistant message with
//!   `tool_calls` must be followed by tool messages responding to each `tool_call_id`."
//! - Every result answers a call. Anthropic: "Each `tool_result` block must have a corresponding `tool_use`
//!   block in the previous message." OpenAI: "messages with role `tool` must be a response to a preceeding
//!   message with `tool_calls`."
//! - No call of a message has the id of another one in it. Anthropic: "`tool_use` ids must be unique."
//! - No message is empty, but for results. Anthropic: "text content blocks must contain non-whitespace
//!   text", and "all messages must have non-empty content except for the optional final assistant message".
//!
//! (The sentences are those of the errors with which the two refuse a request.)
//!
//! A result belongs to the nearest call before it that has its id and no result yet, since models use ids
//! again. Calls in the newest message that calls, with nothing but results behind it, are *open*:
//! [`open_calls`] lists them, and they are no flaw. Only [`Message::tool_calls`](crate::Message::tool_calls) of the
//! model's messages and [`tool_call_id`](crate::Message::tool_call_id) of results count; `parts` are not
//! looked into.
//!
//! ```
//! use agent_checkpoint::history::{Flaw, Remedy, check, repair};
//! use agent_checkpoint::{Message, ToolCall};
//!
//! let messages = [
//!     Message::user("Fix the build."),
//!     Message::assistant("").with_tool_call(ToolCall::new("c1", "build", "{}")),
//!     Message::user("Are you still there?"),
//! ];
//! let flaws = check(&messages);
//! assert_eq!(flaws, [Flaw::CallWithoutResult { position: 1, call: "c1".into() }]);
//!
//! let repaired = repair(&messages);
//! assert!(check(&repaired.messages).is_empty());
//! assert_eq!(repaired.messages[2].tool_call_id.as_deref(), Some("c1"));
//! assert_eq!(repaired.repairs[0].remedy, Remedy::Answered);
//! ```

mod check;
mod flaw;
mod pairs;
pub(crate) mod repair;

pub use check::{OpenCall, check, open_calls};
pub use flaw::Flaw;
pub use repair::{INTERRUPTED, Remedy, Repair, Repaired, repair};

pub(crate) use pairs::{Answer, Pairs};
