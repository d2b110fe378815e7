//! Files that version 1 wrote are read for ever. Fixtures are never changed, only added.

use std::path::Path;

use agent_checkpoint::{
    Checkpointer, FileStore, MemoryStore, Message, Store, StoreId, ToolCall, Work,
};
use agent_primitives::CheckpointKind::{Auto, Manual, PreRestore};
use agent_primitives::{AgentId, CheckpointId, SessionId, TokenUsage};

const STORE: StoreId = StoreId::from_bytes(*b"golden store 001");
const RAW: &[u8] = include_bytes!("../fixtures/v1/raw.ckl");
const PACKED: &[u8] = include_bytes!("../fixtures/v1/store/sessions/golden/seg-000001.ckl");
const FORMAT: &[u8] = include_bytes!("../fixtures/v1/store/FORMAT");

fn id() -> SessionId {
    SessionId::new("golden").unwrap()
}

/// The store of the fixtures, with or without its FORMAT file.
fn store_in(folder: &Path, format: Option<&[u8]>) -> FileStore {
    let session = folder.join("sessions/golden");
    std::fs::create_dir_all(&session).unwrap();
    std::fs::write(session.join("seg-000001.ckl"), PACKED).unwrap();
    if let Some(format) = format {
        std::fs::write(folder.join("FORMAT"), format).unwrap();
    }
    FileStore::open(folder).unwrap()
}

fn is_the_golden_session(store: impl Store + 'static) {
    let mut session = Checkpointer::builder(store, id()).open().unwrap();
    let report = session.report();
    assert!(report.is_clean(), "{report}");
    assert_eq!(
        (report.frames, report.items, report.checkpoints),
        (12, 7, 7)
    );

    let system = Message::system("Be brief.");
    let task = Message::user("Fix the build.");
    let other = Message::assistant("Another way.");
    assert_eq!(
        session.history(),
        [system.clone(), task.clone(), other.clone()]
    );
    assert_eq!(session.state().work, Work::default());

    let listed = session.list();
    let shown: Vec<_> = listed
        .iter()
        .map(|c| {
            (
                c.id.as_str(),
                c.kind,
                c.at.unix_millis() - 1_700_000_000_000,
                c.messages,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("12-da5ff1b2", Auto, 1_250, 3),
            ("11-deb26ccb", Manual, 1_000, 2),
            ("10-6b82114f", PreRestore, 1_000, 5),
            ("9-f498f211", Auto, 1_000, 5),
            ("7-1d2500e7", Manual, 750, 5),
        ]
    );
    assert!(
        listed
            .iter()
            .all(|c| c.agent == Some(AgentId::new("coder").unwrap()))
    );
    assert_eq!(
        listed[1].restored.as_ref().map(CheckpointId::as_str),
        Some("2-d5731118")
    );

    session.restore(&listed[2].id).unwrap();
    let call = ToolCall::new("call_1", "read_file", "{\"path\": \"build.log\"}");
    let answer = Message::assistant("The file is missing.");
    let history = [
        system.clone(),
        task.clone(),
        Message::assistant("").with_tool_call(call),
        Message::tool("call_1", "error: no such file\n".repeat(20)),
        answer.clone(),
    ];
    assert_eq!(session.history(), history);
    let summary = Message::assistant("Read the log: a file is missing.");
    assert_eq!(session.context(), [&system, &task, &summary, &answer]);
    assert_eq!(
        session.state().work.usage,
        TokenUsage::new(1_200, 34).with_cache_read(900)
    );
    assert_eq!(session.state().work.next_steps, ["write the file"]);

    session.restore(&listed[4].id).unwrap();
    assert_eq!(session.context().len(), 5, "this was before the cut");
}

#[test]
fn version_1_with_raw_frames_reads() {
    let store = MemoryStore::with_id(STORE);
    store.writer(&id()).unwrap().start(1, RAW).unwrap();
    is_the_golden_session(store);
}

#[test]
fn a_store_of_version_1_reads() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(folder.path(), Some(FORMAT));
    assert_eq!(store.sessions().unwrap(), [id()]);
    is_the_golden_session(store);
}

#[test]
fn a_lost_or_damaged_format_file_is_made_again_for_the_same_store() {
    let damaged = (0..FORMAT.len()).step_by(11).map(|byte| {
        let mut bent = FORMAT.to_vec();
        bent[byte] ^= 1 << (byte % 8);
        Some(bent)
    });
    for format in damaged.chain([None]) {
        let folder = tempfile::tempdir().unwrap();
        let store = store_in(folder.path(), format.as_deref());
        assert_eq!(store.id(), STORE, "{format:?}");
        let made = std::fs::read(folder.path().join("FORMAT")).unwrap();
        let said = |bytes: &[u8]| -> serde_json::Value { serde_json::from_slice(bytes).unwrap() };
        for field in ["format", "major", "store"] {
            assert_eq!(said(&made)[field], said(FORMAT)[field]);
        }
        let copies = std::fs::read_dir(folder.path().join("quarantine")).map_or(0, Iterator::count);
        assert_eq!(
            copies,
            usize::from(format.is_some()),
            "the damaged file is kept"
        );
    }
}

#[test]
fn a_store_of_a_newer_major_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::str::from_utf8(FORMAT)
        .unwrap()
        .replace("\"major\":1", "\"major\":2");
    let sum = text.split("\"sum\":\"").nth(1).unwrap()[..8].to_owned();
    let fields = format!("agent-checkpoint 2.0 {STORE}");
    let text = text.replace(&sum, &format!("{:08x}", crc32c::crc32c(fields.as_bytes())));
    std::fs::write(folder.path().join("FORMAT"), text).unwrap();
    assert!(FileStore::open(folder.path()).unwrap_err().is_newer());
}
