//! A session that was opened at its end: what is found, cut, repaired or handed to a fresh one is that of all of it.

use agent_checkpoint::history::{INTERRUPTED, check};
use agent_checkpoint::recover::{Failure, Hooks, Recovery};
use agent_checkpoint::{
    Builder, Checkpointer, MemoryStore, Message, Resume, SessionState, ToolCall,
};
use agent_primitives::{CheckpointKind, SessionId};

fn builder(store: &MemoryStore, last: usize) -> Builder {
    let session = SessionId::new("s").unwrap();
    Checkpointer::builder(store.clone(), session).resume(Resume::Last(last))
}

fn whole(store: &MemoryStore) -> Checkpointer {
    builder(store, 0).resume(Resume::Whole).open().unwrap()
}

/// A log of these messages that was never cut.
fn saved(messages: &[Message]) -> MemoryStore {
    let store = MemoryStore::new();
    let mut session = whole(&store);
    for message in messages {
        session.push(message.clone()).unwrap();
    }
    session.save(CheckpointKind::Auto).unwrap();
    store
}

fn call(id: &str) -> Message {
    Message::assistant("").with_tool_call(ToolCall::new(id, "build", "{}"))
}

/// A sound session whose last two messages, by themselves, are not.
fn sound() -> Vec<Message> {
    vec![
        Message::user("the task"),
        call("c1"),
        Message::tool("c1", "built"),
        Message::assistant("done"),
    ]
}

fn texts(session: &Checkpointer) -> Vec<&str> {
    let context = session.context().into_iter();
    context.map(|message| message.content.as_str()).collect()
}

fn one_each(_: &Message) -> u64 {
    1
}

#[test]
fn a_sound_session_is_not_changed_by_a_recovery_that_sees_its_end() {
    let store = saved(&sound());
    let before = whole(&store).latest();
    for last in 0..5 {
        let recovered = builder(&store, last).recover(&Recovery::default()).unwrap();
        assert!(recovered.report.is_clean(), "{}", recovered.report);
        assert_eq!(recovered.session.history().len(), last.min(4));
        drop(recovered);
        let mut session = builder(&store, last).open().unwrap();
        assert_eq!(session.repair_context().unwrap(), []);
        assert_eq!(session.skipped(), 4 - last.min(4));
        assert!(session.unsaved().is_empty());
        drop(session);
        let session = whole(&store);
        assert_eq!(session.latest(), before);
        assert_eq!(session.context(), sound().iter().collect::<Vec<_>>());
    }
}

#[test]
fn what_is_broken_before_the_end_is_repaired_and_nothing_is_lost() {
    let mut messages = sound();
    messages.insert(2, Message::user("Still there?"));
    messages[3] = Message::tool("c9", "of nobody");
    let store = saved(&messages);
    let recovered = builder(&store, 1).recover(&Recovery::default()).unwrap();
    assert_eq!(recovered.report.findings[0].failure, Failure::BrokenHistory);
    assert!(recovered.report.may_go_on(), "{}", recovered.report);
    let repaired = ["the task", "", INTERRUPTED, "Still there?", "done"];
    assert_eq!(texts(&recovered.session), repaired);
    drop(recovered);
    assert_eq!(texts(&whole(&store)), repaired);
    assert_eq!(whole(&store).history(), messages);
    assert_eq!(texts(&builder(&store, 1).open().unwrap()), repaired);
}

#[test]
fn a_repair_that_is_asked_for_leaves_as_much_in_memory_as_before() {
    let mut messages = sound();
    messages.insert(2, Message::user("Still there?"));
    let store = saved(&messages);
    let mut session = builder(&store, 1).open().unwrap();
    assert_eq!(session.repair_context().unwrap().len(), 1);
    assert_eq!(session.history(), [Message::assistant("done")]);
    assert_eq!(check(&session.context()), []);
    session.push(Message::user("On.")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    let context: Vec<Message> = session.context().into_iter().cloned().collect();
    drop(session);
    let session = whole(&store);
    assert_eq!(session.context(), context.iter().collect::<Vec<_>>());
    assert_eq!(session.history().len(), 6);
}

#[test]
fn a_context_limit_counts_what_is_not_in_memory() {
    let many: Vec<Message> = (0..20).map(|n| Message::user(n.to_string())).collect();
    let store = saved(&many);
    let hooks = Hooks::new().counter(&one_each);
    let policy = Recovery::default().context_limit(20);
    let recovered = builder(&store, 3).recover_with(&policy, &hooks).unwrap();
    assert!(recovered.report.is_clean(), "{}", recovered.report);
    drop(recovered);
    let policy = Recovery::default().context_limit(6);
    let recovered = builder(&store, 3).recover_with(&policy, &hooks).unwrap();
    assert_eq!(
        recovered.report.findings[0].failure,
        Failure::ContextTooLong
    );
    let kept = ["0", "15", "16", "17", "18", "19"];
    assert_eq!(texts(&recovered.session), kept);
    drop(recovered);
    assert_eq!(texts(&whole(&store)), kept);
}

#[test]
fn a_state_is_judged_by_all_of_its_messages() {
    let store = saved(&sound());
    let mut session = whole(&store);
    session.cut(2, &one_each).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    let has_all = |state: &SessionState| match state.conversation.len() {
        4 => Ok(()),
        count => Err(format!("{count} messages")),
    };
    let hooks = Hooks::new().accept(&has_all);
    let recovered = builder(&store, 1).recover_with(&Recovery::default(), &hooks);
    let recovered = recovered.unwrap();
    assert!(recovered.report.is_clean(), "{}", recovered.report);
    assert_eq!(recovered.session.skipped(), 3);
}

#[test]
fn a_cut_keeps_instructions_and_task_that_were_not_in_memory() {
    let mut messages = vec![Message::system("Be brief."), Message::user("the task")];
    messages.extend((0..200).map(|n| Message::assistant(n.to_string())));
    let store = saved(&messages);
    let mut session = builder(&store, 20).open().unwrap();
    session.push(Message::user("not saved")).unwrap();
    let cut = session.cut(4, &one_each).unwrap();
    assert_eq!((cut.dropped, cut.tokens_before), (199, 203));
    let kept = ["Be brief.", "the task", "199", "not saved"];
    assert_eq!(texts(&session), kept);
    assert_eq!((session.history().len(), session.skipped()), (21, 182));
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    assert_eq!(texts(&whole(&store)), kept);
    assert_eq!(texts(&builder(&store, 1).open().unwrap()), kept);
}

#[cfg(feature = "fs")]
#[test]
fn what_cannot_be_read_is_an_error_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = agent_checkpoint::FileStore::open(folder.path()).unwrap();
    let id = SessionId::new("s").unwrap();
    let mut all = Checkpointer::builder(store.clone(), id.clone())
        .open()
        .unwrap();
    for message in sound() {
        all.push(message).unwrap();
    }
    all.save(CheckpointKind::Auto).unwrap();
    drop(all);
    let end = Checkpointer::builder(store, id).resume(Resume::Last(1));
    let mut session = end.open().unwrap();
    std::fs::remove_file(folder.path().join("sessions/s/seg-000001.ckl")).unwrap();
    let error = session.cut(1, &one_each).unwrap_err();
    assert_eq!(error.needed(), None, "{error}");
    assert!(session.repair_context().is_err());
    assert_eq!((texts(&session), session.skipped()), (vec!["done"], 3));
}
