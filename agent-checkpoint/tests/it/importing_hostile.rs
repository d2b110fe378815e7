//! Session files that are damaged where it hurts, of later writers, or made to take long. Those would take minutes
//! if the work grew faster than the file.

use std::fmt::Write as _;

use agent_checkpoint::import::{self, BranchKind, ImportError, Imported, Limits, Reason};
use agent_checkpoint::{Checkpointer, MemoryStore, Message, SessionState, Work, export};
use agent_primitives::{CheckpointKind, SessionId};

const MANY: usize = 30_000;

fn id() -> SessionId {
    SessionId::new("s1").unwrap()
}

fn any(text: &str) -> Imported {
    import::any(text.as_bytes(), &Limits::default()).unwrap()
}

fn said(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|it| it.content.as_str()).collect()
}

/// Ten messages, of which the model is sent the first and the last two.
fn exported() -> String {
    let mut state = SessionState::default();
    state.work.next_steps.push("go on".into());
    for n in 0..10 {
        state
            .conversation
            .push(Message::user(format!("number {n}")));
    }
    let mut file = Vec::new();
    export::write(&mut file, &id(), &state, Some(&[0..1, 8..10])).unwrap();
    String::from_utf8(file).unwrap()
}

#[test]
fn an_unreadable_line_takes_no_other_message_out_of_the_context() {
    let whole = exported();
    let deep = format!(
        r#"{{"message":{{"role":"user","content":"","x":{}{}}}}}"#,
        "[".repeat(120),
        "]".repeat(120)
    );
    let long = format!(
        r#"{{"message":{{"role":"user","content":"{}"}}}}"#,
        "x".repeat(4_000)
    );
    let limits: Limits = serde_json::from_str(r#"{"line_bytes": 3000}"#).unwrap();
    for broken in [r#"{"message":{"role":"us"#, &deep, &long] {
        let text = whole.replace(
            r#"{"message":{"role":"user","content":"number 3"}}"#,
            broken,
        );
        let imported = import::any(text.as_bytes(), &limits).unwrap();
        assert_eq!(imported.left_out.losses(), 1, "{:?}", imported.left_out);
        assert_eq!(imported.context, Some(vec![0..1, 7..9]));
        assert_eq!(
            said(&imported.repaired().messages),
            ["number 0", "number 8", "number 9"]
        );
        let builder = Checkpointer::builder(MemoryStore::new(), id());
        let session = imported.open_in(builder).unwrap();
        let context: Vec<Message> = session.context().into_iter().cloned().collect();
        assert_eq!(said(&context), ["number 0", "number 8", "number 9"]);
    }
    // The work is no message.
    let text = whole.replace(r#"{"work":"#, r#"{"work":["#);
    assert_eq!(any(&text).context, Some(vec![0..1, 8..10]));
}

#[test]
fn what_a_later_writer_of_the_same_version_adds_is_passed_over() {
    let whole = exported();
    let later = whole
        .replace(r#"{"message":"#, r#"{"at":"2026-11-22","message":"#)
        .replace(
            r#"{"end":{"#,
            "{\"branch\":{\"of\":3}}\n{\"end\":{\"bytes\":7,",
        );
    let (before, after) = (any(&whole), any(&later));
    assert_eq!((after.state, after.context), (before.state, before.context));
    assert_eq!(after.left_out.count(Reason::Unknown), 1);
}

#[test]
fn an_import_goes_into_no_session_that_has_anything_saved() {
    let store = MemoryStore::new();
    let builder = || Checkpointer::builder(store.clone(), id());
    let mut session = builder().open().unwrap();
    session.update(|work: &mut Work| work.next_steps.push("mine".into()));
    session.save(CheckpointKind::Manual).unwrap();
    drop(session);
    let error = any(&exported()).open_in(builder()).unwrap_err();
    assert!(error.is_taken(), "{error}");
    assert_eq!(builder().open().unwrap().state().work.next_steps.len(), 1);
}

#[test]
fn a_first_prompt_that_was_edited_begins_another_branch() {
    let line = |uuid: &str, parent: &str, role: &str, text: &str| {
        format!(
            r#"{{"type":"{role}","uuid":"{uuid}","parentUuid":{parent},"sessionId":"s","message":{{"id":"m{uuid}","role":"{role}","content":"{text}"}}}}"#
        )
    };
    let text = [
        line("u1", "null", "user", "first"),
        line("a1", r#""u1""#, "assistant", "to the first"),
        line("u2", "null", "user", "edited"),
        line("a2", r#""u2""#, "assistant", "to the edited"),
    ]
    .join("\n");
    let imported = any(&text);
    assert_eq!(
        said(&imported.state.conversation),
        ["edited", "to the edited"]
    );
    assert_eq!(imported.branches.len(), 1);
    assert_eq!(imported.branches[0].kind, BranchKind::Abandoned);
    assert_eq!(
        said(&imported.branches[0].messages),
        ["first", "to the first"]
    );
    assert!(imported.about().unwrap().get("broken_links").is_none());
}

#[test]
fn lines_that_tell_nothing_of_whose_file_it_is_are_held_within_the_limit() {
    let limits: Limits = serde_json::from_str(r#"{"kept_bytes": 100000}"#).unwrap();
    let text = format!("\"{}\"\n", "x".repeat(40_000)).repeat(10);
    let error = import::any(text.as_bytes(), &limits).unwrap_err();
    assert!(matches!(error, ImportError::TooLarge { .. }), "{error}");
}

/// A rollout with so many messages, and what follows them.
fn rollout(messages: usize, then: &str) -> String {
    let mut text = String::from("{\"type\":\"session_meta\",\"payload\":{\"id\":\"7f\"}}\n");
    for n in 0..messages {
        let _ = writeln!(
            text,
            r#"{{"type":"response_item","payload":{{"type":"message","role":"user","content":[{{"type":"input_text","text":"{n}"}}]}}}}"#
        );
    }
    text.push_str(then);
    text
}

#[test]
fn many_compactions_are_read_as_fast_as_they_are_long() {
    for compacted in [
        r#"{"type":"compacted","payload":{}}"#,
        r#"{"type":"compacted","payload":{"replacement_history":[]}}"#,
    ] {
        let imported = any(&rollout(MANY, &format!("{compacted}\n").repeat(MANY)));
        assert_eq!(imported.state.conversation.len(), MANY);
    }
    let last = r#"{"type":"compacted","payload":{"replacement_history":[{"type":"message","role":"user","content":[{"type":"input_text","text":"7"}]}]}}"#;
    let none = "{\"type\":\"compacted\",\"payload\":{\"replacement_history\":[]}}\n";
    let imported = any(&rollout(20, &format!("{none}{last}\n")));
    let sent: Vec<_> = imported.context.into_iter().flatten().flatten().collect();
    assert_eq!(sent, [7]);
}

#[test]
fn many_turns_taken_back_are_read_as_fast_as_they_are_long() {
    let back = |turns: usize| {
        format!(
            r#"{{"type":"event_msg","payload":{{"type":"thread_rolled_back","num_turns":{turns}}}}}"#
        )
    };
    let too_many = format!("{}\n", back(MANY * 2)).repeat(MANY);
    assert_eq!(
        any(&rollout(MANY, &too_many)).state.conversation.len(),
        MANY
    );
    let message = r#"{"type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"again"}]}}"#;
    let pairs = format!("{message}\n{}\n", back(1)).repeat(MANY);
    let imported = any(&rollout(2, &pairs));
    assert_eq!(said(&imported.state.conversation), ["0", "1"]);
    assert_eq!(imported.branches.len(), MANY);
    // Of what was taken back nothing is taken back again.
    let twice = format!("{}\n{}\n", back(1), back(1));
    let imported = any(&rollout(4, &twice));
    assert_eq!(said(&imported.state.conversation), ["0", "1", "2"]);
}

#[test]
fn a_reply_of_many_parts_is_read_as_fast_as_it_is_long() {
    let mut text = String::new();
    for n in 0..MANY {
        let _ = writeln!(
            text,
            r#"{{"type":"assistant","uuid":"a{n}","parentUuid":null,"sessionId":"s","message":{{"id":"m1","role":"assistant","content":[{{"type":"thinking","thinking":"{n}","signature":"x"}}]}}}}"#
        );
    }
    let imported = any(&text);
    assert_eq!(imported.state.conversation.len(), 1);
    assert_eq!(imported.state.conversation[0].parts.len(), MANY);
}
