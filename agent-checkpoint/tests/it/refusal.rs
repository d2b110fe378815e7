//! What would not read back is refused before it is written, and costs nothing that was saved.

use agent_checkpoint::{Checkpointer, Decision, MemoryStore, Message, Snapshot, ToolCall};
use agent_primitives::{AgentId, CheckpointKind, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

fn open(store: &MemoryStore) -> Checkpointer {
    Checkpointer::builder(store.clone(), SessionId::new("s").unwrap())
        .open()
        .unwrap()
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |value, _| json!([value]))
}

fn save(session: &mut Checkpointer) {
    session.save(CheckpointKind::Auto).unwrap();
}

/// Everything in memory is in the log.
fn comes_back(session: Checkpointer, store: &MemoryStore) {
    let state = session.state().clone();
    drop(session);
    let session = open(store);
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(*session.state(), state);
}

#[test]
fn messages_that_no_reader_takes_are_not_added() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.push(Message::user("one")).unwrap();
    let extra = |name: &str, value: Value| {
        let mut message = Message::user("x");
        message.extra.insert(name.into(), value);
        message
    };
    let call_extra = |name: &str, value: Value| {
        let mut call = ToolCall::new("c", "t", "{}");
        call.extra.insert(name.into(), value);
        Message::assistant("").with_tool_call(call)
    };
    for (wrong, name) in [
        (Message::user("x").with_part(nested(101)), "part"),
        (extra("cache", nested(101)), "cache"),
        (extra("content", json!("y")), "content"),
        (extra("tool_call_id", json!("y")), "tool_call_id"),
        (call_extra("arguments", json!("y")), "arguments"),
        (call_extra("deep", nested(500)), "deep"),
    ] {
        let refused = session.push(wrong).unwrap_err();
        assert!(
            refused.is_unsavable() && refused.to_string().contains(name),
            "{refused}"
        );
    }
    for good in [
        Message::user("x").with_part(nested(100)),
        extra("cache", nested(100)),
        call_extra("deep", nested(100)),
    ] {
        session.push(good).unwrap();
        save(&mut session);
    }
    assert_eq!(session.history().len(), 4);
    comes_back(session, &store);
}

#[test]
fn ids_count_against_the_limit_of_a_message() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let long = || "x".repeat(64 << 20);
    for wrong in [
        Message::tool(long(), "r"),
        Message::assistant("").with_tool_call(ToolCall::new(long(), "t", "{}")),
    ] {
        let refused = session.push(wrong).unwrap_err();
        assert!(refused.is_too_large(), "{refused}");
    }
    session.push(Message::user("next")).unwrap();
    save(&mut session);
    comes_back(session, &store);
}

#[test]
fn a_summary_that_no_save_could_write_is_not_taken() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    for text in ["task", "one", "two", "three"] {
        session.push(Message::user(text)).unwrap();
    }
    let summary = Message::assistant("so far").with_part(nested(101));
    let refused = session
        .cut_with_summary(3, &|_: &Message| 1, summary)
        .unwrap_err();
    assert_eq!(
        (refused.needed(), session.context().len()),
        (Some(u64::MAX), 4)
    );
    save(&mut session);
    comes_back(session, &store);
}

#[test]
fn state_that_no_reader_takes_is_refused_until_it_is_mended() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.push(Message::user("one")).unwrap();
    save(&mut session);
    let refused = |session: &mut Checkpointer, name: &str| {
        session.push(Message::user("next")).unwrap();
        let before = session.figures().unwrap().stored_bytes;
        let error = session.save(CheckpointKind::Auto).unwrap_err();
        assert!(
            error.is_unsavable() && error.to_string().contains(name),
            "{error}"
        );
        assert_eq!(session.figures().unwrap().stored_bytes, before);
        session.update(|work| *work = agent_checkpoint::Work::default());
        save(session);
    };
    session.update(|work| work.extra.insert("next_steps".into(), json!({"a": 1})));
    refused(&mut session, "next_steps");
    session.update(|work| work.extra.insert("plan".into(), nested(101)));
    refused(&mut session, "plan");
    let mut decision = Decision::new(Timestamp::UNIX_EPOCH, "what", "why");
    decision.extra.insert("why".into(), json!("else"));
    session.update(|work| work.decisions.push(decision));
    refused(&mut session, "why");
    let coder = AgentId::new("coder").unwrap();
    session.update(|work| work.agents.insert(coder, nested(101).into()));
    refused(&mut session, "coder");
    session.update(|work| work.extra.insert("plan".into(), nested(100)));
    save(&mut session);
    comes_back(session, &store);
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Tree(Value);

impl Snapshot for Tree {
    const KIND: &'static str = "tree";
    const VERSION: u16 = 1;
}

#[test]
fn a_component_that_is_nested_too_deep_is_not_put() {
    let mut session = open(&MemoryStore::new());
    session.put(&Tree(nested(100))).unwrap();
    let refused = session.put(&Tree(nested(101))).unwrap_err();
    assert!(refused.is_unsavable(), "{refused}");
    assert_eq!(
        session.component::<Tree>().unwrap().map(|tree| tree.0),
        Some(nested(100))
    );
}
