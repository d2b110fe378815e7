//! The newest messages that a session may begin with.

use crate::history::{Answer, Pairs, repair};
use crate::truncate::Kind;
use crate::{CountTokens, Message, Role};

/// The newest messages within `limit` tokens: whole turns, no result without its call, repaired where a provider
/// would refuse them. Instructions, and the notes of a cut, stand elsewhere in the package and are left out.
pub(super) fn tail(messages: &[&Message], limit: u64, counter: &dyn CountTokens) -> Vec<Message> {
    let pairs = Pairs::of(messages);
    let caller = |at: usize| match pairs.answers.get(at) {
        Some(Answer::Of(call)) => Some(*call),
        _ => None,
    };
    // From here on no result answers a call before.
    let mut needed = messages.len();
    let mut begin = messages.len();
    let mut tokens = 0_u64;
    for (at, message) in messages.iter().enumerate().rev() {
        if !is_spoken(message) {
            continue;
        }
        tokens = tokens.saturating_add(counter.count(message));
        if tokens > limit {
            break;
        }
        if message.role == Role::Tool {
            needed = needed.min(caller(at).unwrap_or(needed));
        } else if at <= needed {
            begin = at;
        }
    }
    let rest = messages.iter().skip(begin).copied();
    let spoken: Vec<&Message> = rest.filter(|message| is_spoken(message)).collect();
    repair(&spoken).messages
}

/// Whether the message is part of the conversation itself.
pub(super) fn is_spoken(message: &Message) -> bool {
    message.role != Role::System && Kind::of(message).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ToolCall;

    fn tail_of(messages: &[Message], limit: u64) -> Vec<String> {
        let messages: Vec<_> = messages.iter().collect();
        let tail = tail(&messages, limit, &|_: &Message| 1);
        tail.into_iter().map(|message| message.content).collect()
    }

    #[test]
    fn calls_stay_with_their_results_and_strays_go() {
        let call = |text: &str, ids: &[&str]| {
            ids.iter().fold(Message::assistant(text), |message, id| {
                message.with_tool_call(ToolCall::new(*id, "t", "{}"))
            })
        };
        let messages = [
            Message::system("rules"),
            Message::user("task"),
            call("one", &["a", "b"]),
            Message::tool("a", "1"),
            Message::tool("b", "2"),
            Message::tool("x", "stray"),
            Message::assistant("done"),
            Message::user("more"),
        ];
        assert_eq!(tail_of(&messages, 0), [""; 0]);
        assert_eq!(tail_of(&messages, 2), ["done", "more"]);
        assert_eq!(tail_of(&messages, 5), ["done", "more"]);
        assert_eq!(tail_of(&messages, 6), ["one", "1", "2", "done", "more"]);
        assert_eq!(tail_of(&messages, 99)[0], "task");
        // The result came late: what stands between goes with its call.
        let late = [
            call("one", &["a"]),
            Message::user("well?"),
            Message::tool("a", "1"),
        ];
        assert_eq!(tail_of(&late, 2), [""; 0]);
        assert_eq!(tail_of(&late, 3), ["one", "1", "well?"]);
    }
}
