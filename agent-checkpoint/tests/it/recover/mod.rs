//! A row of the table of failures at a time: real damage to real files, what is found and lost, what is done, and
//! that it holds afterwards.

mod anywhere;
mod broken_history;
mod context_limit;
mod damaged_frame;
mod failed_write;
mod lease;
mod lost_commit;
mod lost_opening;
mod missing_content;
mod refused_state;
mod report;
mod schema;
mod tool_drift;
mod torn_tail;
#[cfg(feature = "encryption")]
mod wrong_key;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use agent_checkpoint::recover::{Hooks, Recovered, Recovery};
use agent_checkpoint::{
    Builder, Checkpointer, Durability, FileStore, Message, Mirrored, Reader, Store, ToolCall,
    history,
};
use agent_primitives::{CheckpointKind, ManualClock, SessionId, Timestamp};

/// A folder with a session, and one with its mirror.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn id() -> SessionId {
        SessionId::new("s").unwrap()
    }

    fn store(&self) -> FileStore {
        FileStore::open(self.folder.path().join("here")).unwrap()
    }

    fn mirror(&self) -> FileStore {
        FileStore::open_mirror(self.folder.path().join("there"), self.store().id()).unwrap()
    }

    fn builder(&self) -> Builder {
        let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_000));
        Checkpointer::builder(self.store(), Self::id()).clock(Arc::new(clock))
    }

    fn open(&self) -> Checkpointer {
        self.builder().open().unwrap()
    }

    fn open_mirrored(&self) -> Checkpointer {
        let store = Mirrored::new(self.store(), self.mirror()).unwrap();
        let builder = Checkpointer::builder(store, Self::id());
        builder.durability(Durability::Replicated).open().unwrap()
    }

    fn recover(&self, policy: &Recovery) -> Recovered {
        self.recover_with(policy, &Hooks::new())
    }

    fn recover_with(&self, policy: &Recovery, hooks: &Hooks<'_>) -> Recovered {
        let recovered = self.builder().recover_with(policy, hooks).unwrap();
        // Whatever happened, a model can be sent what there is now, and it is what is on the disk.
        assert_eq!(history::check(&recovered.session.context()), []);
        if recovered.report.checkpoint.is_some() {
            let reader = Reader::open(self.store(), Self::id()).unwrap();
            assert_eq!(&reader.state().unwrap(), recovered.session.state());
        }
        recovered
    }

    /// Opening once more finds all of `session` again, and recovering once more changes nothing.
    fn holds(&self, session: Checkpointer) {
        let state = session.state().clone();
        let context: Vec<Message> = session.context().into_iter().cloned().collect();
        let head = session.latest();
        drop(session);
        let session = self.open();
        assert_eq!(session.state(), &state);
        assert_eq!(session.context(), context.iter().collect::<Vec<_>>());
        drop(session);
        let again = self.recover(&Recovery::default());
        assert_eq!(again.session.state(), &state);
        assert_eq!(again.session.latest(), head, "{}", again.report);
    }

    fn segment(&self) -> PathBuf {
        self.folder.path().join("here/sessions/s/seg-000001.ckl")
    }

    /// Flips a bit of the segment's byte at `at`.
    fn flip(&self, at: u64) {
        let mut bytes = fs::read(self.segment()).unwrap();
        bytes[usize::try_from(at).unwrap()] ^= 0x40;
        fs::write(self.segment(), bytes).unwrap();
    }

    /// The frames of the segment.
    fn frames(&self) -> Vec<Frame> {
        let bytes = fs::read(self.segment()).unwrap();
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let mut frames = Vec::new();
        let mut at = word(12) as usize;
        while bytes[at..].starts_with(&[0x9e, b'c', b'k', b'f']) {
            let len = word(at + 20) as usize + 40;
            frames.push(Frame {
                at: at as u64,
                len: len as u64,
                kind: bytes[at + 5],
                number: u64::from(word(at + 12)),
            });
            at += len;
            if at >= bytes.len() {
                break;
            }
        }
        frames
    }

    /// The last frame of a kind.
    fn last_of(&self, kind: u8) -> Frame {
        let mut frames = self.frames().into_iter().rev();
        frames.find(|frame| frame.kind == kind).unwrap()
    }

    /// Cuts the segment to `len` bytes.
    fn cut(&self, len: u64) {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(self.segment())
            .unwrap();
        file.set_len(len).unwrap();
    }
}

const SNAPSHOT: u8 = 2;
const COMMIT: u8 = 4;

/// Where a frame lies, what it holds, and the number of its first record.
#[derive(Debug, Clone, Copy)]
struct Frame {
    at: u64,
    len: u64,
    kind: u8,
    number: u64,
}

impl Frame {
    /// A byte of its header, which is no length.
    fn header(&self) -> u64 {
        self.at + 28
    }

    /// A byte of its payload.
    fn payload(&self) -> u64 {
        self.at + 36
    }

    fn last(&self) -> u64 {
        self.at + self.len - 1
    }
}

/// Saves each of `count` messages, and gives where the log ended after each save.
fn talk(session: &mut Checkpointer, count: usize) -> Vec<u64> {
    let mut ends = Vec::new();
    for _ in 0..count {
        let number = session.history().len();
        session.push(said(number)).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
        ends.push(session.figures().unwrap().stored_bytes);
    }
    ends
}

fn said(number: usize) -> Message {
    if number.is_multiple_of(2) {
        Message::user(format!("question {number}"))
    } else {
        Message::assistant(format!("answer {number}"))
    }
}

fn call(id: &str, tool: &str) -> Message {
    Message::assistant("").with_tool_call(ToolCall::new(id, tool, "{}"))
}
