//! The conversation's types are those that the checkpoint log stores.

pub use agent_checkpoint::{Message, Role, ToolCall};
