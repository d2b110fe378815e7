//! Encrypted sessions: what they give back, and that nothing can be read without the key.

use std::path::Path;

use agent_checkpoint::encrypt::{Key, Keyring};
use agent_checkpoint::{
    Builder, Checkpointer, FileStore, Message, NextStep, Sealing, Snapshot, Store, ToolCall,
};
use agent_primitives::{AgentId, CheckpointKind, SessionId};
use serde::{Deserialize, Serialize};

/// Stands in every text, name and label that the sessions hold.
const PLAIN: &str = "plaintext-marker";

fn id(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn ring(byte: u8) -> Keyring {
    Keyring::new(Key::from_bytes([byte; 32]))
}

fn builder(store: impl Store + 'static, name: &str) -> Builder {
    Checkpointer::builder(store, id(name)).sealing(Sealing::Never)
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Board {
    cards: Vec<String>,
}

impl Snapshot for Board {
    const KIND: &'static str = "plaintext-marker-board";
    const VERSION: u16 = 1;
}

fn board(changed: usize) -> Board {
    let mut cards: Vec<String> = (0..900).map(|n| format!("{PLAIN} {}", n * 7_919)).collect();
    cards[changed] = PLAIN.repeat(2);
    Board { cards }
}

/// Saves of every kind: messages, a long text twice, components and patches of them, labels, pins, a cut, a restore, pruning, an
/// agent's name, a reason.
fn play(session: &mut Checkpointer) {
    let say = |session: &mut Checkpointer, n: usize| {
        let call = ToolCall::new(
            format!("{PLAIN}-{n}"),
            PLAIN,
            format!("{{\"{PLAIN}\":{n}}}"),
        );
        session.push(Message::user(format!("{PLAIN} {n}"))).unwrap();
        session
            .push(Message::assistant("").with_tool_call(call))
            .unwrap();
        let said = format!("{PLAIN} result {n}\n").repeat(n + 1);
        session
            .push(Message::tool(format!("{PLAIN}-{n}"), said))
            .unwrap();
        session.save(CheckpointKind::Auto).unwrap()
    };
    let first = say(session, 0);
    session.label(&first, PLAIN).unwrap();
    session.pin(&first).unwrap();
    session.put(&board(1)).unwrap();
    session.update(|work| work.next_steps.push(NextStep::new(PLAIN)));
    session.save(CheckpointKind::Manual).unwrap();
    session.put(&board(2)).unwrap();
    for n in 1..6 {
        session
            .push(Message::user(format!("{PLAIN} image ").repeat(3_000)))
            .unwrap();
        say(session, n);
    }
    session.before_risky(PLAIN).unwrap();
    session
        .cut_with_summary(
            8,
            &|_: &Message| 1,
            Message::user(format!("{PLAIN} summary")),
        )
        .unwrap();
    let last = session.save(CheckpointKind::Auto).unwrap();
    session.restore(&first).unwrap();
    say(session, 9);
    session.restore(&last).unwrap();
    session.prune().unwrap();
}

/// Every byte of every file beneath the folder.
fn bytes_beneath(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                found.push((path.display().to_string(), bytes));
            }
        }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

fn assert_secret(folder: &Path) -> usize {
    let files = bytes_beneath(folder);
    for (path, bytes) in &files {
        // Compressed text would still show pieces; JSON its names.
        for text in [
            &PLAIN[..9],
            "role",
            "content",
            "covers",
            "through",
            "tool_call",
        ] {
            assert!(!holds(bytes, text), "{path} holds {text}");
        }
    }
    files.iter().map(|(_, bytes)| bytes.len()).sum()
}

fn told(session: &Checkpointer) -> (Vec<Message>, Vec<Message>, Option<Board>, usize) {
    (
        session.history().to_vec(),
        session.context().into_iter().cloned().collect(),
        session.component::<Board>().unwrap(),
        session.list().len(),
    )
}

#[test]
fn nothing_of_a_session_can_be_read_in_any_file_and_all_of_it_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let open = || {
        builder(store.clone(), "s")
            .encryption(ring(1))
            .agent(AgentId::new(PLAIN).unwrap())
            .open()
            .unwrap()
    };
    let mut session = open();
    play(&mut session);
    let was = told(&session);
    assert!(assert_secret(folder.path()) > 4_000);
    let again = |was: &(Vec<Message>, Vec<Message>, Option<Board>, usize)| {
        let session = open();
        assert!(session.report().is_clean(), "{}", session.report());
        assert_eq!(told(&session), *was);
    };
    drop(session);
    again(&was);
    let mut session = open();
    assert!(session.seal().unwrap().segments > 0);
    assert_secret(folder.path());
    let fork = session.latest().unwrap().id;
    let forked = session.fork(&fork, id("f")).unwrap();
    assert_eq!(forked.history(), session.history());
    drop(forked);
    drop(session);
    again(&was);
    let mut session = open();
    session.compact().unwrap();
    assert_secret(folder.path());
    drop(session);
    again(&was);
    let forked = builder(store, "f").encryption(ring(1)).open().unwrap();
    assert_eq!(forked.history(), was.0);
}

#[test]
fn the_same_session_plain_does_show_what_the_scan_looks_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let mut session = builder(store, "s").open().unwrap();
    play(&mut session);
    drop(session);
    let files = bytes_beneath(folder.path());
    assert!(files.iter().any(|(_, bytes)| holds(bytes, &PLAIN[..9])));
}

#[test]
fn what_is_set_aside_of_a_damaged_session_is_as_secret() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let open = || {
        let builder = builder(store.clone(), "s").encryption(ring(1));
        builder.open().unwrap()
    };
    let mut session = open();
    play(&mut session);
    drop(session);
    let path = folder.path().join("sessions/s/seg-000001.ckl");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let len = bytes.len() - 7;
    bytes.truncate(len);
    std::fs::write(&path, bytes).unwrap();
    let session = open();
    assert_eq!(
        session.report().quarantined.len(),
        2,
        "{}",
        session.report()
    );
    drop(session);
    assert_secret(folder.path());
    assert!(
        open()
            .history()
            .iter()
            .all(|said| said.content.is_empty() || said.content.contains(PLAIN))
    );
}
