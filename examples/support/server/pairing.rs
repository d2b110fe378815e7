//! Whether every tool call of a conversation is followed by its result, as vendors demand.

use crate::{Message, Role};

/// What is wrong with a conversation's tool calls.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unpaired {
    /// The assistant message at `index` calls these, and the messages after it do not answer them.
    Call { index: usize, ids: Vec<String> },
    /// The tool message at `index` answers no call of the assistant message before it.
    Result { index: usize, id: String },
}

/// Ids may repeat in a conversation, as they do in real recordings, so a call is looked for only
/// in the assistant message right before its results.
pub(super) fn check(messages: &[Message]) -> Result<(), Unpaired> {
    let mut caller = 0;
    let mut open: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if message.role == Role::Tool {
            let id = message.tool_call_id.as_deref().unwrap_or_default();
            let Some(at) = open.iter().position(|open| *open == id) else {
                return Err(Unpaired::Result {
                    index,
                    id: id.to_owned(),
                });
            };
            open.remove(at);
        } else {
            closed(caller, &open)?;
            caller = index;
            open = message
                .tool_calls
                .iter()
                .map(|call| call.id.as_str())
                .collect();
        }
    }
    closed(caller, &open)
}

fn closed(index: usize, open: &[&str]) -> Result<(), Unpaired> {
    if open.is_empty() {
        return Ok(());
    }
    Err(Unpaired::Call {
        index,
        ids: open.iter().map(ToString::to_string).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ToolCall;

    fn calling(ids: &[&str]) -> Message {
        let mut message = Message::assistant("");
        message.tool_calls = ids
            .iter()
            .map(|id| ToolCall::new(*id, "run", "{}"))
            .collect();
        message
    }

    #[test]
    fn results_may_come_in_any_order_and_ids_may_repeat() {
        let messages = [
            calling(&["a", "b"]),
            Message::tool("b", ""),
            Message::tool("a", ""),
            calling(&["a"]),
            Message::tool("a", ""),
            Message::user("go on"),
        ];
        assert_eq!(check(&messages), Ok(()));
    }

    #[test]
    fn a_call_without_its_result_is_named() {
        let lost = |messages: &[Message]| {
            assert_eq!(
                check(messages),
                Err(Unpaired::Call {
                    index: 1,
                    ids: vec!["b".to_owned()]
                })
            );
        };
        let start = [
            Message::user("go"),
            calling(&["a", "b"]),
            Message::tool("a", ""),
        ];
        lost(&start);
        lost(&[&start[..], &[Message::user("next")]].concat());
    }

    #[test]
    fn a_result_without_its_call_is_named() {
        let orphan = [Message::user("summary"), Message::tool("a", "")];
        assert_eq!(
            check(&orphan),
            Err(Unpaired::Result {
                index: 1,
                id: "a".to_owned()
            })
        );
    }
}
