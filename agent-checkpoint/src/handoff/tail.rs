//! The newest messages that a session may begin with.

use super::calls::Calls;
use crate::{CountTokens, Message, Role};

/// The newest messages within `limit` tokens: whole turns, no result without its call. Instructions stand in
/// the package by themselves and are left out.
pub(super) fn tail(messages: &[&Message], limit: u64, counter: &dyn CountTokens) -> Vec<Message> {
    let calls = Calls::of(messages);
    // From here on no result answers a call before.
    let mut needed = messages.len();
    let mut begin = messages.len();
    let mut tokens = 0_u64;
    for (at, message) in messages.iter().enumerate().rev() {
        if message.role == Role::System {
            continue;
        }
        tokens = tokens.saturating_add(counter.count(message));
        if tokens > limit {
            break;
        }
        if message.role == Role::Tool {
            // A result without a call is no part of any turn.
            needed = needed.min(calls.caller(at).unwrap_or(needed));
        } else if at <= needed {
            begin = at;
        }
    }
    let rest = messages.iter().enumerate().skip(begin);
    let whole = rest.filter(|(at, message)| match message.role {
        Role::System => false,
        Role::Tool => calls.caller(*at).is_some(),
        Role::User | Role::Assistant => true,
    });
    whole.map(|(_, message)| (*message).clone()).collect()
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
    }
}
