//! Files that version 1.1 of the format wrote are read for ever: sealed segments, long texts, values and their
//! patches, labels, a fork.

use std::path::{Path, PathBuf};

use agent_checkpoint::{
    Checkpointer, FileStore, Message, NextStep, Query, Snapshot, Store, ToolCall,
};
use agent_primitives::CheckpointKind::{self, Auto, Manual, Workflow};
use agent_primitives::SessionId;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Board {
    cards: Vec<String>,
}

impl Snapshot for Board {
    const KIND: &'static str = "board";
    const VERSION: u16 = 2;
}

fn board(changed: usize) -> Board {
    let mut cards: Vec<String> = (0..800)
        .map(|card| format!("card {card}: {}", card * 7_919 % 1_000))
        .collect();
    cards[changed] = String::from("changed");
    Board { cards }
}

fn id(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn open(store: &FileStore, name: &str) -> Checkpointer {
    Checkpointer::builder(store.clone(), id(name))
        .open()
        .unwrap()
}

fn long_text() -> String {
    let lines: Vec<String> = (0..6_000).map(|line| (line * line).to_string()).collect();
    lines.join(
        "
",
    )
}

/// What the fixture holds. It was written once, by this function.
fn write(folder: &Path) {
    let store = FileStore::open(folder).unwrap();
    let mut session = open(&store, "golden");
    session.push(Message::system("Be brief.")).unwrap();
    session.push(Message::user("Fix the build.")).unwrap();
    session.put(&board(1)).unwrap();
    let first = session.save(CheckpointKind::Manual).unwrap();
    session.label(&first, "begin").unwrap();
    for call in ["a", "b"] {
        let asks = ToolCall::new(call, "read_file", "{\"path\": \"build.log\"}");
        session
            .push(Message::assistant("").with_tool_call(asks))
            .unwrap();
        session.push(Message::tool(call, long_text())).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }
    session.put(&board(2)).unwrap();
    session.update(|work| work.next_steps.push(NextStep::new("look").with_owner("ci")));
    session.save(CheckpointKind::Workflow).unwrap();
    session.seal().unwrap();
    session
        .push(Message::assistant("The file is missing."))
        .unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    let fork = session.fork(&first, id("fork")).unwrap();
    drop(fork);
    session.before_risky("delete it").unwrap();
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copied(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

fn is_the_golden_store(folder: &Path) {
    let store = FileStore::open(folder).unwrap();
    assert_eq!(store.sessions().unwrap(), [id("fork"), id("golden")]);
    let mut session = open(&store, "golden");
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(session.history().len(), 7);
    assert_eq!(session.history()[3].content, long_text());
    assert_eq!(session.history()[5].content, long_text());
    assert_eq!(session.component::<Board>().unwrap(), Some(board(2)));
    assert_eq!(
        session.state().work.next_steps[0].owner.as_deref(),
        Some("ci")
    );
    let kinds: Vec<CheckpointKind> = session.list().iter().map(|c| c.kind).rev().collect();
    assert_eq!(kinds, [Manual, Auto, Auto, Workflow, Auto, Auto]);
    let begin = session.by_label("begin").unwrap().id.clone();
    assert_eq!(session.find(&Query::new().label("beg*")).count(), 1);
    session.restore(&begin).unwrap();
    assert_eq!(session.history().len(), 2);
    assert_eq!(session.component::<Board>().unwrap(), Some(board(1)));
    drop(session);
    let mut fork = open(&store, "fork");
    assert!(fork.report().is_clean(), "{}", fork.report());
    assert_eq!(fork.history().len(), 2);
    assert_eq!(fork.component::<Board>().unwrap(), Some(board(1)));
    fork.push(Message::user("on")).unwrap();
    fork.save(CheckpointKind::Auto).unwrap();
}

#[test]
fn a_store_of_version_1_1_reads() {
    let fixture: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1_1");
    let folder = tempfile::tempdir().unwrap();
    copied(&fixture, folder.path());
    is_the_golden_store(folder.path());
}

#[test]
fn what_is_written_today_is_the_same_session() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    if let Some(to) = std::env::var_os("WRITE_GOLDEN_1_1") {
        copied(folder.path(), Path::new(&to));
    }
    is_the_golden_store(folder.path());
}
