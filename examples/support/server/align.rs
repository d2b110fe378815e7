//! Finds out which turn of the recording a request asks for.

use serde_json::Value;

use crate::{Message, Recording, Role, ToolCall};

/// The number of the turn whose answer comes next after `asked`; `None` when the end of the
/// request is nowhere in the recording.
///
/// A client may have cut old messages out or put a summary in their place, so the end decides: the
/// turn before which most messages in a row are the same. Where several turns are equally good,
/// the first that is at least as far into the recording as the request is long (a history with
/// messages cut out is shorter than the recording, never longer), or else the last.
pub(super) fn turn_of(recording: &Recording, asked: &[Message]) -> Option<usize> {
    let asked: Vec<&Message> = asked.iter().filter(|message| !is_blank(message)).collect();
    let mut best: Option<(usize, bool, usize)> = None;
    for turn in recording.turns() {
        let recorded = turn.history().iter().filter(|message| !is_blank(message));
        let length = recorded
            .rev()
            .zip(asked.iter().rev())
            .take_while(|(recorded, asked)| same(recorded, asked))
            .count();
        let far_enough = turn.history().len() >= asked.len();
        let better = match best {
            None => length > 0,
            Some((longest, was_far_enough, _)) => {
                length > longest || (length == longest && !was_far_enough)
            }
        };
        if better {
            best = Some((length, far_enough, turn.number()));
        }
    }
    best.map(|(_, _, number)| number)
}

/// Some formats cannot carry a message without text and calls, so clients leave it out.
fn is_blank(message: &Message) -> bool {
    message.role != Role::Tool && message.content.is_empty() && message.tool_calls.is_empty()
}

fn same(recorded: &Message, asked: &Message) -> bool {
    speaker(recorded.role) == speaker(asked.role)
        && recorded.content == asked.content
        && recorded.tool_calls.len() == asked.tool_calls.len()
        && recorded
            .tool_calls
            .iter()
            .zip(&asked.tool_calls)
            .all(|(recorded, asked)| same_call(recorded, asked))
}

/// Instructions in mid-conversation go out as the user's words where a format knows no others.
fn speaker(role: Role) -> u8 {
    match role {
        Role::Assistant => 0,
        Role::Tool => 1,
        Role::System | Role::User => 2,
    }
}

/// Clients may write the arguments anew, so their meaning is compared.
fn same_call(recorded: &ToolCall, asked: &ToolCall) -> bool {
    recorded.name == asked.name
        && (recorded.arguments == asked.arguments
            || matches!(
                (parse(&recorded.arguments), parse(&asked.arguments)),
                (Some(recorded), Some(asked)) if recorded == asked
            ))
}

fn parse(arguments: &str) -> Option<Value> {
    serde_json::from_str(arguments).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calling(text: &str, arguments: &str) -> Message {
        let mut message = Message::assistant(text);
        message.tool_calls = vec![ToolCall::new("c", "run", arguments)];
        message
    }

    /// Two turns end in the same observation, `clean`.
    fn recording() -> Recording {
        Recording::parse(
            r#"{"history": [
                {"role": "system", "content": "rules"},
                {"role": "user", "content": "task"},
                {"role": "assistant", "content": "", "tool_calls": [
                    {"id": "c", "function": {"name": "run", "arguments": "{ \"a\": 1, \"b\": 2 }"}}]},
                {"role": "tool", "content": "clean", "tool_call_ids": ["c"]},
                {"role": "assistant", "content": "edit", "tool_calls": [
                    {"id": "c", "function": {"name": "edit", "arguments": "{}"}}]},
                {"role": "tool", "content": "clean", "tool_call_ids": ["c"]},
                {"role": "assistant", "content": "done"}
            ]}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_full_history_finds_its_turn() {
        let recording = recording();
        for turn in recording.turns() {
            assert_eq!(turn_of(&recording, turn.history()), Some(turn.number()));
        }
    }

    #[test]
    fn a_summary_in_place_of_old_messages_does_not_matter() {
        let recording = recording();
        let mut cut = vec![Message::system("rules"), Message::user("summary")];
        cut.extend_from_slice(&recording.messages()[4..6]);
        assert_eq!(turn_of(&recording, &cut), Some(3));
    }

    #[test]
    fn the_longer_match_wins_over_the_same_last_message() {
        let recording = recording();
        let second = [
            calling("", "{ \"a\": 1, \"b\": 2 }"),
            Message::tool("c", "clean"),
        ];
        assert_eq!(turn_of(&recording, &second), Some(2));
        let mut edit = Message::assistant("edit");
        edit.tool_calls = vec![ToolCall::new("c", "edit", "{}")];
        assert_eq!(
            turn_of(&recording, &[edit, Message::tool("c", "clean")]),
            Some(3)
        );
    }

    #[test]
    fn a_tie_goes_to_the_first_turn_that_the_length_allows() {
        let recording = recording();
        let short = [Message::tool("c", "clean")];
        assert_eq!(turn_of(&recording, &short), Some(2));
        let long = [
            Message::user("u"),
            Message::user("u"),
            Message::user("u"),
            Message::user("u"),
            Message::tool("c", "clean"),
        ];
        assert_eq!(turn_of(&recording, &long), Some(3));
    }

    #[test]
    fn arguments_are_compared_by_meaning() {
        let recording = recording();
        let rewritten = [calling("", r#"{"b":2,"a":1}"#), Message::tool("c", "clean")];
        assert_eq!(turn_of(&recording, &rewritten), Some(2));
        let other = [calling("", r#"{"b":3,"a":1}"#), Message::tool("c", "dirty")];
        assert_eq!(turn_of(&recording, &other), None);
    }

    #[test]
    fn what_is_not_in_the_recording_has_no_turn() {
        assert_eq!(turn_of(&recording(), &[Message::user("other")]), None);
        assert_eq!(turn_of(&recording(), &[]), None);
    }
}
