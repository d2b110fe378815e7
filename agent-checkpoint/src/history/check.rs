//! Finds what a provider would refuse.

use std::borrow::Borrow;
use std::collections::HashSet;

use super::{Answer, Flaw, Pairs};
use crate::{Message, Role, ToolCall};

/// A call at the end of a conversation whose result is still to come.
///
/// See [`open_calls`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenCall<'a> {
    /// Position of the message that calls.
    pub position: usize,
    /// The call.
    pub call: &'a ToolCall,
}

/// Everything for which a provider would refuse the messages, by position; nothing for a list that it
/// takes. Takes time in proportion to the number of messages and calls.
///
/// ```
/// use agent_checkpoint::history::{Flaw, check};
/// use agent_checkpoint::{Message, ToolCall};
///
/// let ask = Message::assistant("").with_tool_call(ToolCall::new("c1", "ls", "{}"));
/// assert!(check(&[&ask, &Message::tool("c1", "src")]).is_empty());
/// assert!(check(&[&ask]).is_empty(), "the result may still come");
///
/// let apart = [&ask, &Message::user("well?"), &Message::tool("c1", "src")];
/// let flaw = Flaw::ResultApart { position: 2, call: "c1".into(), called_at: 0 };
/// assert_eq!(check(&apart), [flaw]);
/// ```
pub fn check<M: Borrow<Message>>(messages: &[M]) -> Vec<Flaw> {
    let pairs = Pairs::of(messages);
    let open = Pairs::at_end(messages);
    let mut flaws = Vec::new();
    // The last message before this one that is no result.
    let mut before = None;
    for (position, (message, answer)) in messages.iter().zip(&pairs.answers).enumerate() {
        let message = message.borrow();
        let id = || message.tool_call_id.clone().unwrap_or_default();
        match *answer {
            Answer::NoResult if is_empty(message) => flaws.push(Flaw::Empty { position }),
            Answer::NoResult => {
                let is_open = open == Some(position);
                check_calls(
                    position,
                    message,
                    pairs.results.get(&position),
                    is_open,
                    &mut flaws,
                );
            }
            Answer::Of(called_at) if before != Some(called_at) => flaws.push(Flaw::ResultApart {
                position,
                call: id(),
                called_at,
            }),
            Answer::Of(_) => {}
            Answer::Again => flaws.push(Flaw::DuplicateResult {
                position,
                call: id(),
            }),
            Answer::Stray => flaws.push(Flaw::ResultWithoutCall {
                position,
                call: id(),
            }),
            Answer::WithoutId => flaws.push(Flaw::ResultWithoutId { position }),
        }
        if message.role != Role::Tool {
            before = Some(position);
        }
    }
    flaws
}

/// The calls at the end whose results are still to come: those of the newest message that calls, where
/// nothing but results stands behind it.
///
/// ```
/// use agent_checkpoint::history::open_calls;
/// use agent_checkpoint::{Message, ToolCall};
///
/// let messages = [
///     Message::assistant("")
///         .with_tool_call(ToolCall::new("c1", "ls", "{}"))
///         .with_tool_call(ToolCall::new("c2", "pwd", "{}")),
///     Message::tool("c1", "src"),
/// ];
/// let open = open_calls(&messages);
/// assert_eq!((open.len(), open[0].position, open[0].call.name.as_str()), (1, 0, "pwd"));
/// ```
pub fn open_calls<M: Borrow<Message>>(messages: &[M]) -> Vec<OpenCall<'_>> {
    let Some(position) = Pairs::at_end(messages) else {
        return Vec::new();
    };
    let end = messages.get(position..).unwrap_or_default();
    let pairs = Pairs::of(end);
    let results = pairs.results.get(&0).into_iter().flatten();
    let calls = end.first().map(|message| &message.borrow().tool_calls);
    let calls = calls.into_iter().flatten().zip(results);
    let open = calls.filter(|(_, result)| result.is_none());
    open.map(|(call, _)| OpenCall { position, call }).collect()
}

/// No text but white space, no part, and no call of a model.
fn is_empty(message: &Message) -> bool {
    message.role != Role::Tool
        && message.content.trim().is_empty()
        && message.parts.is_empty()
        && (message.role != Role::Assistant || message.tool_calls.is_empty())
}

/// Ids that a message gives to two calls, and calls that nothing answers.
fn check_calls(
    position: usize,
    message: &Message,
    results: Option<&Vec<Option<usize>>>,
    is_open: bool,
    flaws: &mut Vec<Flaw>,
) {
    let mut ids = HashSet::new();
    for (call, result) in message.tool_calls.iter().zip(results.into_iter().flatten()) {
        let id = || call.id.clone();
        if !ids.insert(call.id.as_str()) {
            flaws.push(Flaw::DuplicateCall {
                position,
                call: id(),
            });
        }
        if result.is_none() && !is_open {
            flaws.push(Flaw::CallWithoutResult {
                position,
                call: id(),
            });
        }
    }
}
