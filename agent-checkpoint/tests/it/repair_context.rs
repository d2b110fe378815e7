//! A context that a provider would refuse is repaired, saved and read again; the history stays as it was.

use agent_checkpoint::history::{INTERRUPTED, Remedy, check};
use agent_checkpoint::{Checkpointer, MemoryStore, Message, Resume, Role, ToolCall};
use agent_primitives::{CheckpointKind, SessionId};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn open(store: &MemoryStore) -> Checkpointer {
    Checkpointer::builder(store.clone(), id()).open().unwrap()
}

fn context(session: &Checkpointer) -> Vec<Message> {
    session.context().into_iter().cloned().collect()
}

fn call(id: &str) -> Message {
    Message::assistant("").with_tool_call(ToolCall::new(id, "t", "{}"))
}

/// Every kind of flaw: an empty message, a result apart, a call and a result alone, one id twice, a result
/// twice, and one that names no call.
fn broken() -> Vec<Message> {
    vec![
        Message::user("go"),
        call("a"),
        Message::user("still there?"),
        Message::tool("a", "late"),
        Message::assistant(""),
        call("b"),
        Message::user("on"),
        Message::tool("c", "whose?"),
        call("d").with_tool_call(ToolCall::new("d", "t", "{}")),
        Message::tool("d", "one"),
        Message::tool("d", "two"),
        Message::tool("d", "three"),
        Message::new(Role::Tool, "?"),
        Message::assistant("done"),
    ]
}

#[test]
fn every_flaw_is_repaired_in_the_context_and_stays_in_the_history() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    for message in broken() {
        session.push(message).unwrap();
    }
    session.save(CheckpointKind::Auto).unwrap();
    let told = session.repair_context().unwrap();
    let remedies: Vec<Remedy> = told.into_iter().map(|repair| repair.remedy).collect();
    let expected = [
        Remedy::Moved,
        Remedy::LeftOut,
        Remedy::Answered,
        Remedy::LeftOut,
        Remedy::Renamed("d-2".into()),
        Remedy::LeftOut,
        Remedy::LeftOut,
    ];
    assert_eq!(remedies, expected);
    let mut twice = call("d");
    twice.tool_calls.push(ToolCall::new("d-2", "t", "{}"));
    let repaired = [
        Message::user("go"),
        call("a"),
        Message::tool("a", "late"),
        Message::user("still there?"),
        call("b"),
        Message::tool("b", INTERRUPTED),
        Message::user("on"),
        twice,
        Message::tool("d", "one"),
        Message::tool("d-2", "two"),
        Message::assistant("done"),
    ];
    assert_eq!(context(&session), repaired);
    assert_eq!(session.history(), broken());
    assert_eq!(session.repair_context().unwrap(), [], "twice is once");

    let before = session.figures().unwrap().stored_bytes;
    session.save(CheckpointKind::Auto).unwrap();
    let cost = session.figures().unwrap().stored_bytes - before;
    assert!(cost < 900, "{cost} bytes");
    session.push(Message::user("and on")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);

    let mut session = open(&store);
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(context(&session)[..repaired.len()], repaired);
    assert_eq!(context(&session).last(), Some(&Message::user("and on")));
    assert_eq!(session.history().len(), broken().len() + 1);
    // What a repair put in is needed by the checkpoint, and stays when the log is compacted.
    session.seal().unwrap();
    session.compact().unwrap();
    drop(session);
    let end = Checkpointer::builder(store.clone(), id()).resume(Resume::Last(2));
    let end = end.open().unwrap();
    assert_eq!(context(&end)[..repaired.len()], repaired);
}

#[test]
fn a_context_that_is_sound_costs_nothing() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.push(Message::user("go")).unwrap();
    session.push(call("a")).unwrap();
    let saved = session.save(CheckpointKind::Auto).unwrap();
    assert_eq!(session.repair_context().unwrap(), []);
    assert_eq!(session.save(CheckpointKind::Auto).unwrap(), saved);
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        2 => "[a-z]{0,2}".prop_map(Message::user),
        2 => "[ab]".prop_map(|id| call(&id)),
        1 => Just(call("a").with_tool_call(ToolCall::new("a", "t", "{}"))),
        4 => "[abc]".prop_map(|id| Message::tool(id, "r")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, rng_seed: RngSeed::Fixed(5), ..ProptestConfig::default() })]

    #[test]
    fn repairs_cuts_saves_and_restarts_in_any_order_keep_the_context(
        steps in prop::collection::vec((message(), 0..6_u8), 1..30),
    ) {
        let store = MemoryStore::new();
        let mut session = open(&store);
        let mut history = Vec::new();
        for (message, step) in steps {
            history.push(message.clone());
            session.push(message).unwrap();
            match step {
                0 => {
                    session.repair_context().unwrap();
                    prop_assert_eq!(check(&session.context()), []);
                }
                1 => {
                    // Too little room leaves the context as it is.
                    let _ = session.cut(12, &|_: &Message| 1);
                }
                2 | 3 => {
                    session.save(CheckpointKind::Auto).unwrap();
                    let before = context(&session);
                    drop(session);
                    session = open(&store);
                    prop_assert!(session.report().is_clean());
                    prop_assert_eq!(&context(&session), &before);
                }
                _ => {}
            }
            prop_assert_eq!(session.history(), &history);
        }
    }
}
