//! What must hold of a session, whatever its segments hold.

use std::fmt::Debug;

use agent_checkpoint::encrypt::{Key, Keyring};
use agent_checkpoint::recover::Recovery;
use agent_checkpoint::{
    Builder, Checkpointer, Durability, MemoryStore, Message, Reader, Retention, Sealing,
    SessionState, Snapshot, Store, StoreId,
};
use agent_primitives::{CheckpointKind, ManualClock, SessionId, Timestamp};

/// Most that a log may take, in bytes.
pub const LIMIT: u64 = 4 << 20;
/// Checkpoints that are looked at one by one.
const LOOKED_AT: usize = 4;

/// A session's segments.
#[derive(Debug, Clone)]
pub struct Session {
    store: MemoryStore,
    id: SessionId,
    has_keys: bool,
}

impl Session {
    /// A store that has the segments, numbered from 1.
    ///
    /// # Panics
    /// When a store in memory does not take them.
    #[must_use]
    pub fn new(store: [u8; 16], id: SessionId, segments: &[Vec<u8>], has_keys: bool) -> Self {
        let store = MemoryStore::with_id(StoreId::from_bytes(store));
        let mut writer = store.writer(&id).expect("nobody has it");
        for (number, bytes) in (1..).zip(segments) {
            writer.start(number, bytes).expect("memory");
        }
        drop(writer);
        Self {
            store,
            id,
            has_keys,
        }
    }

    fn builder(&self) -> Builder {
        let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_000));
        let builder = Checkpointer::builder(self.store.clone(), self.id.clone())
            .clock(clock)
            .retention(Retention::all())
            .durability(Durability::Buffered)
            .sealing(Sealing::Never)
            .redaction(agent_checkpoint::redact::Redaction::off())
            .read_limit(LIMIT);
        if self.has_keys {
            builder.encryption(keyring())
        } else {
            builder
        }
    }

    /// Everything that looks at a session and changes nothing. Its state, where it has one.
    ///
    /// # Panics
    /// When two ways of looking differ.
    #[must_use]
    pub fn read(&self) -> Option<SessionState> {
        let (store, id) = (self.store.clone(), self.id.clone());
        let opened = if self.has_keys {
            Reader::open_encrypted(store, id, LIMIT, keyring())
        } else {
            Reader::open_within(store, id, LIMIT)
        };
        let reader = opened.map_err(|error| error.to_string()).ok()?;
        let mut taken = 0;
        let walked = reader.frames(|frame| {
            taken += frame.stored;
            true
        });
        assert!(walked.is_err() || taken <= reader.size().expect("a length"));
        let report = reader.verify();
        if let Ok(report) = &report {
            let _told = report.to_string();
            assert!(report.unmended_bytes <= reader.size().expect("a length"));
            assert!(report.degraded.len() <= report.checkpoints);
        }
        let _latest = reader.latest();
        if let Ok(tail) = reader.tail(3) {
            assert!(tail.len() <= 3);
        }
        let _turns = reader.tail_turns(2);
        if let Ok(first) = reader.messages(0..2) {
            assert!(first.len() <= 2);
        }
        if let Ok(list) = reader.list() {
            for checkpoint in list.iter().take(LOOKED_AT) {
                let state = reader.state_at(&checkpoint.id).ok();
                assert_eq!(state, reader.state_at(&checkpoint.id).ok());
            }
        }
        let state = reader.state();
        if let (Ok(state), Ok(report)) = (&state, &report) {
            assert!(state.conversation.len() <= report.items);
        }
        state.ok().filter(|_| !reader.is_newer())
    }

    /// Opens it, goes on with it, and opens it again.
    ///
    /// # Panics
    /// When what is acknowledged is not found again.
    pub fn write(&self, seen: Option<&SessionState>) {
        let Ok(mut session) = self.builder().open() else {
            return;
        };
        if let Some(seen) = seen {
            assert_eq!(seen, session.state(), "a reader saw something else");
        }
        let _told = session.report().to_string();
        let list = session.list();
        for checkpoint in list.iter().take(LOOKED_AT) {
            if let Ok(plan) = session.plan_restore(&checkpoint.id) {
                plan.rollback();
            }
        }
        if let Some(oldest) = list.last() {
            let _restored = session.restore(&oldest.id);
        }
        // The list of a log whose numbers are used up is full.
        session.push(Message::user("one more")).expect("a message");
        let Ok(saved) = session.save(CheckpointKind::Manual) else {
            drop(session);
            self.builder().open().expect("it opened before");
            return;
        };
        let state = session.state().clone();
        drop(session);
        let mut session = self.again(&state);
        assert_eq!(session.latest().expect("the newest").id, saved);
        if session.seal().is_ok() {
            drop(session);
            session = self.again(&state);
        }
        if session.compact().is_ok() {
            drop(session);
            self.again(&state);
        }
    }

    /// Reads its component, puts back what was read, and reads it again.
    ///
    /// # Panics
    /// When the component is not there, or is not read again as it was put.
    pub fn check_component<T: Snapshot + PartialEq + Debug>(&self) {
        let mut session = self.builder().open().expect("a log that is sound");
        let read = session.component::<T>();
        let again = session.component::<T>();
        match (&read, &again) {
            (Ok(read), Ok(again)) => assert_eq!(read, again),
            (Err(read), Err(again)) => assert_eq!(read.to_string(), again.to_string()),
            _ => panic!("read once, and not again"),
        }
        let Ok(value) = read else { return };
        let Some(value) = value else {
            // Bytes that are none of the codec: the checkpoint is not whole.
            assert!(!session.report().degraded.is_empty(), "it is there");
            return;
        };
        // What a codec does not bring back is refused, such as floats that are no numbers.
        if session.replace(&value).is_err() {
            return;
        }
        session.save(CheckpointKind::Manual).expect("saved");
        drop(session);
        let session = self.builder().open().expect("what was saved opens");
        assert_eq!(session.component::<T>().expect("read"), Some(value));
    }

    fn again(&self, state: &SessionState) -> Checkpointer {
        let session = self.builder().open().expect("what was saved opens");
        assert_eq!(session.state(), state, "what was saved is there");
        session
    }

    /// Recovers it by the default policy, saves, and opens it again.
    ///
    /// # Panics
    /// When what is acknowledged is not found again.
    pub fn recover(&self) {
        let Ok(recovered) = self.builder().recover(&Recovery::default()) else {
            return;
        };
        let _told = recovered.report.to_string();
        let mut session = recovered.session;
        session.push(Message::user("one more")).expect("a message");
        let state = session.state().clone();
        if session.save(CheckpointKind::Manual).is_ok() {
            drop(session);
            self.again(&state);
        }
    }
}

/// The key of the fixtures, for logs that are encrypted or not.
#[must_use]
pub fn keyring() -> Keyring {
    let bytes: Vec<u8> = (0..32).collect();
    let key = Key::from_bytes(bytes.try_into().expect("32 bytes"));
    Keyring::new(key).accept_plain()
}
