//! Files that version 1.2 of the format wrote are read for ever: encrypted segments, sealed and not, and a fork.

use std::path::Path;

use agent_checkpoint::{Checkpointer, FileStore, Reader};
use agent_primitives::SessionId;

/// The id of the key with the 32 bytes 0, 1, 2, … 31, as every version derives it.
const KEY_ID: &str = "ca163102d9880532";

fn id(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
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

fn fixture() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1_2");
    copied(&from, folder.path());
    folder
}

#[test]
fn without_the_key_a_store_of_version_1_2_is_refused_in_any_build() {
    let folder = fixture();
    let store = FileStore::open(folder.path()).unwrap();
    for name in ["golden", "fork"] {
        let error = Checkpointer::builder(store.clone(), id(name))
            .open()
            .unwrap_err();
        assert!(error.is_wrong_key() && !error.is_newer(), "{error}");
        assert_eq!(error.wanted_key(), Some(KEY_ID));
        let error = Reader::open(store.clone(), id(name)).unwrap_err();
        assert!(error.is_wrong_key(), "{error}");
    }
}

#[cfg(feature = "encryption")]
mod with_the_key {
    use super::*;
    use agent_checkpoint::encrypt::{Key, Keyring};
    use agent_checkpoint::{Message, Sealing, Snapshot, ToolCall};
    use agent_primitives::CheckpointKind::{Auto, Manual, Workflow};
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

    fn long_text() -> String {
        let lines: Vec<String> = (0..6_000).map(|line| (line * line).to_string()).collect();
        lines.join("\n")
    }

    fn open(store: &FileStore, name: &str) -> Checkpointer {
        let key = Key::from_bytes(std::array::from_fn(|n| u8::try_from(n).unwrap()));
        assert_eq!(key.id().to_string(), KEY_ID);
        Checkpointer::builder(store.clone(), id(name))
            .encryption(Keyring::new(key))
            .sealing(Sealing::Never)
            .open()
            .unwrap()
    }

    /// What the fixture holds. It was written once, by this function.
    fn write(folder: &Path) {
        let store = FileStore::open(folder).unwrap();
        let mut session = open(&store, "golden");
        session.push(Message::system("Be brief.")).unwrap();
        session.push(Message::user("Fix the build.")).unwrap();
        session.put(&board(1)).unwrap();
        let first = session.save(Manual).unwrap();
        session.label(&first, "begin").unwrap();
        for call in ["a", "b"] {
            let asks = ToolCall::new(call, "read_file", "{\"path\": \"build.log\"}");
            let asks = Message::assistant("").with_tool_call(asks);
            session.push(asks).unwrap();
            session.push(Message::tool(call, long_text())).unwrap();
            session.save(Auto).unwrap();
        }
        session.put(&board(2)).unwrap();
        session.save(Workflow).unwrap();
        session.seal().unwrap();
        let said = Message::assistant("The file is missing.");
        session.push(said).unwrap();
        session.save(Auto).unwrap();
        drop(session.fork(&first, id("fork")).unwrap());
    }

    fn is_the_golden_store(folder: &Path) {
        let store = FileStore::open(folder).unwrap();
        let mut session = open(&store, "golden");
        assert!(session.report().is_clean(), "{}", session.report());
        assert_eq!(session.history().len(), 7);
        assert_eq!(session.history()[3].content, long_text());
        assert_eq!(session.history()[5].content, long_text());
        assert_eq!(session.history()[6].content, "The file is missing.");
        assert_eq!(session.component::<Board>().unwrap(), Some(board(2)));
        let begin = session.by_label("begin").unwrap().id.clone();
        session.restore(&begin).unwrap();
        assert_eq!(session.component::<Board>().unwrap(), Some(board(1)));
        drop(session);
        let mut fork = open(&store, "fork");
        assert!(fork.report().is_clean(), "{}", fork.report());
        assert_eq!(fork.history().len(), 2);
        assert_eq!(fork.component::<Board>().unwrap(), Some(board(1)));
        fork.push(Message::user("on")).unwrap();
        fork.save(Auto).unwrap();
    }

    #[test]
    fn a_store_of_version_1_2_reads() {
        is_the_golden_store(fixture().path());
    }

    #[test]
    fn what_is_written_today_is_the_same_session() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        if let Some(to) = std::env::var_os("WRITE_GOLDEN_1_2") {
            copied(folder.path(), Path::new(&to));
        }
        is_the_golden_store(folder.path());
    }
}
