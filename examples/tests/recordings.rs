//! Which files are recorded sessions, and what is said about those that are not.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something unexpected happens"
)]

use std::io::Write;
use std::time::Duration;

use support::{InvalidRecording, Recording, Role};

fn refusal(text: &str) -> String {
    let error = Recording::parse(text).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

#[test]
fn turns_share_out_every_message() {
    let recording = Recording::sample();
    let mut all = Vec::new();
    for turn in recording.turns() {
        assert_eq!(turn.answer().role, Role::Assistant);
        assert_eq!(turn.history().len(), all.len() + turn.before().len());
        all.extend_from_slice(turn.before());
        all.push(turn.answer().clone());
    }
    all.extend_from_slice(recording.trailing());
    assert_eq!(all, recording.messages());
    assert_eq!(recording.turns().len(), 12);
    assert_eq!(
        recording.tool_names(),
        ["list_files", "read_file", "search", "replace", "run"]
    );
    assert!(recording.turn(0).is_none() && recording.turn(13).is_none());
}

#[test]
fn the_committed_session_has_the_shapes_that_matter() {
    let recording = Recording::sample();
    let turns = recording.turns();
    let calls = |count| move |turn: &support::Turn<'_>| turn.answer().tool_calls.len() == count;
    assert!(turns.iter().any(|turn| calls(2)(turn)), "calls in parallel");
    assert!(turns.iter().any(|turn| turn.answer().content.is_empty()));
    assert!(calls(0)(turns.last().unwrap()), "it ends with words");
    let later_user = |turn: &&support::Turn<'_>| {
        turn.number() > 1
            && turn
                .before()
                .iter()
                .any(|message| message.role == Role::User)
    };
    assert!(turns.iter().any(|turn| later_user(&turn)));
    assert_eq!(turns[0].execution_time(), Some(Duration::from_millis(41)));
    assert_eq!(turns[11].execution_time(), None);
}

#[test]
fn content_may_be_text_or_parts_or_null() {
    let recording = Recording::parse(
        r#"{"history": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c", "function": {"name": "f", "arguments": "{ }"}}]},
            {"role": "tool", "content": "", "tool_call_ids": ["c"]}
        ]}"#,
    )
    .unwrap();
    let [user, assistant, tool] = recording.messages() else {
        panic!("{:?}", recording.messages())
    };
    assert_eq!(user.content, "ab");
    assert_eq!(
        (
            assistant.content.as_str(),
            assistant.tool_calls[0].arguments.as_str()
        ),
        ("", "{ }")
    );
    assert_eq!(tool.tool_call_id.as_deref(), Some("c"));
    assert_eq!(recording.trailing().len(), 1);
}

#[test]
fn what_is_wrong_is_said_in_one_line_with_its_place() {
    for (text, message) in [
        (
            "",
            "not a recorded session: EOF while parsing a value at line 1 column 0",
        ),
        ("[1]", "not a recorded session: "),
        ("{}", "not a recorded session: missing field `history`"),
        (
            r#"{"history": [{"role": "robot"}]}"#,
            "unknown variant `robot`",
        ),
        (
            r#"{"history": [{"role": "assistant", "content": "hi"}]}"#,
            "history starts with an assistant message; put what it answers before it",
        ),
        (
            r#"{"history": [{"role": "user", "content": "hi"}]}"#,
            "history has no assistant message; a recording needs at least one",
        ),
        (
            r#"{"history": [{"role": "user", "content": [{"type": "image"}]}]}"#,
            "history[0]: a content part of type \"image\"; only text parts are read",
        ),
        (
            r#"{"history": [{"role": "tool", "content": "x"}]}"#,
            "history[0]: a tool message with 0 tool_call_ids; give each tool call a result of its own",
        ),
        (
            r#"{"history": [{"role": "tool", "content": "x", "tool_call_ids": ["a", "b"]}]}"#,
            "history[0]: a tool message with 2 tool_call_ids; give each tool call a result of its own",
        ),
        (
            r#"{"history": [{"role": "user", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]}]}"#,
            "history[0]: tool_calls outside an assistant message; only the model calls tools",
        ),
        (
            r#"{"history": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "[1]"}}]}]}"#,
            "history[1]: the arguments of tool call \"a\" are not a JSON object: ",
        ),
        (
            r#"{"history": [], "trajectory": [{"execution_time": -1}]}"#,
            "trajectory[0].execution_time is -1; it must be seconds, zero or more",
        ),
    ] {
        let error = refusal(text);
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let deep = format!("{{\"history\": {}", "[".repeat(100_000));
    assert!(refusal(&deep).contains("not a recorded session"));
}

#[test]
fn every_cut_of_a_file_is_refused() {
    let text = include_str!("../data/session.json").trim_end();
    for end in (0..text.len())
        .step_by(997)
        .filter(|end| text.is_char_boundary(*end))
    {
        assert!(Recording::parse(&text[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn a_file_is_named_in_its_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.traj");
    let error = Recording::load(&missing).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("{}: cannot be read: ", missing.display())),
        "{error}"
    );
    let binary = folder.path().join("binary.traj");
    std::fs::write(&binary, b"{\"history\": \"\xff\"}").unwrap();
    let error = Recording::load(&binary).unwrap_err().to_string();
    assert!(error.contains("valid UTF-8"), "{error}");
}

#[test]
fn a_huge_file_is_refused_before_it_is_read() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"{").unwrap();
    // A hole: it takes no space on the disk.
    file.as_file().set_len(Recording::MAX_BYTES + 1).unwrap();
    let error = Recording::load(file.path()).unwrap_err();
    let InvalidRecording::File { error, .. } = error else {
        panic!("{error:?}")
    };
    assert!(
        matches!(*error, InvalidRecording::TooLarge { bytes, .. } if bytes == Recording::MAX_BYTES + 1)
    );
}
