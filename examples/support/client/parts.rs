//! An answer that comes in parts, put together.

use std::collections::BTreeMap;

use agent_primitives::TokenUsage;
use agent_resilience::classify::LimitSnapshot;

use super::chat::{ChatReply, Finish};
use super::spoiled::Spoiled;
use crate::{Message, ToolCall};

/// What has come so far. Tool calls are kept by the vendor's index, which may have gaps.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) text: String,
    pub(super) calls: BTreeMap<usize, CallParts>,
    pub(super) usage: TokenUsage,
    pub(super) finish: Option<Finish>,
    /// Whether the vendor has said that nothing more comes.
    pub(super) complete: bool,
}

#[derive(Debug, Default)]
pub(super) struct CallParts {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

impl Parts {
    /// Whether any of the answer has come.
    pub(super) fn has_begun(&self) -> bool {
        !self.text.is_empty() || !self.calls.is_empty() || self.finish.is_some()
    }

    /// The answer, if it is complete.
    pub(super) fn reply(self) -> Result<ChatReply, Spoiled> {
        let (true, Some(finish)) = (self.complete, self.finish) else {
            return Err(Spoiled::Unfinished);
        };
        let mut message = Message::assistant(self.text);
        message.tool_calls = self
            .calls
            .into_values()
            .map(|call| {
                // A call without arguments may come without a single piece of them.
                let arguments = if call.arguments.is_empty() {
                    "{}".to_owned()
                } else {
                    call.arguments
                };
                ToolCall::new(call.id, call.name, arguments)
            })
            .collect();
        Ok(ChatReply {
            message,
            usage: self.usage,
            finish,
            limits: LimitSnapshot::NONE,
        })
    }
}
