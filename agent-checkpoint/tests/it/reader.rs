//! What a reader sees of a session, while it is written to and when its bytes are not what they were.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use agent_checkpoint::{
    Checkpointer, Claim, Error, MemoryStore, Message, Position, Reader, Retention, Store, StoreId,
    Writer,
};
use agent_primitives::{CheckpointKind, SessionId};

const STORE: StoreId = StoreId::from_bytes([0x22; 16]);

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn open(store: &MemoryStore) -> Checkpointer {
    Checkpointer::builder(store.clone(), id()).open().unwrap()
}

fn reader(store: &MemoryStore) -> Reader {
    Reader::open(store.clone(), id()).unwrap()
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    /// Text that shrinks by half at most.
    fn noise(&mut self, len: usize) -> String {
        let mut text = String::with_capacity(len + 16);
        while text.len() < len {
            self.roll(1);
            write!(
                text,
                "{:016x}",
                self.0.rotate_left(17).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            )
            .unwrap();
        }
        text.truncate(len);
        text
    }
}

/// A session that was worked on in many ways, over several segments.
fn worked_on(
    seed: u64,
    steps: usize,
    mut look: impl FnMut(&mut Dice, &MemoryStore, &Checkpointer),
) -> MemoryStore {
    let store = MemoryStore::with_id(STORE);
    let mut dice = Dice(seed);
    let mut session = open(&store);
    for step in 0..steps {
        match dice.roll(12) {
            0 => {
                let len = dice.roll(200_000);
                session.push(Message::user(dice.noise(len))).unwrap();
            }
            1 => session.update(|work| work.next_steps.push(format!("step {step}").into())),
            2 if session.history().len() > 4 => {
                let keep = u64::try_from(2 + dice.roll(6)).unwrap();
                let _ = session.cut_with_summary(
                    keep,
                    &|_: &Message| 1,
                    Message::user(format!("summary {step}")),
                );
            }
            3 => {
                let list = session.list();
                if let Some(back) = list.get(dice.roll(list.len().max(1))) {
                    session.restore(&back.id).unwrap();
                }
            }
            4 => {
                drop(session);
                session = open(&store);
            }
            5 => {
                session.prune().unwrap();
            }
            _ => {
                for _ in 0..dice.roll(4) {
                    let len = dice.roll(3_000);
                    session.push(Message::assistant(dice.noise(len))).unwrap();
                }
            }
        }
        let kinds = [
            CheckpointKind::Auto,
            CheckpointKind::Auto,
            CheckpointKind::Auto,
            CheckpointKind::Manual,
        ];
        session.save(kinds[dice.roll(4)]).unwrap();
        look(&mut dice, &store, &session);
    }
    store
}

#[test]
fn a_reader_sees_what_the_writer_saved() {
    for seed in 0..3 {
        worked_on(seed, 30, |dice, store, session| {
            let reader = reader(store);
            let history = session.history();
            let count = dice.roll(history.len() + 3);
            let from = history.len().saturating_sub(count);
            assert_eq!(reader.tail(count).unwrap(), history[from..]);
            assert_eq!(reader.latest().unwrap(), session.latest());
            let start = dice.roll(history.len() + 1);
            let end = start + dice.roll(history.len() - start + 1);
            assert_eq!(reader.messages(start..end).unwrap(), history[start..end]);
            if dice.roll(10) == 0 {
                assert_eq!(reader.state().unwrap(), *session.state());
                let report = reader.verify().unwrap();
                assert!(report.is_clean(), "{report}");
                assert_eq!(report.head, session.latest().map(|c| c.id));
            }
        });
    }
}

#[test]
fn every_listed_checkpoint_reads_as_it_was() {
    let store = MemoryStore::with_id(STORE);
    let keep = Retention::last(100.try_into().unwrap());
    let mut session = Checkpointer::builder(store.clone(), id())
        .retention(keep)
        .open()
        .unwrap();
    let mut saved = Vec::new();
    for step in 0..20 {
        session.push(Message::user(format!("{step}"))).unwrap();
        if step % 5 == 0 {
            session.update(|work| work.next_steps.push(format!("{step}").into()));
        }
        let id = session.save(CheckpointKind::Auto).unwrap();
        saved.push((id, session.state().clone()));
    }
    let reader = reader(&store);
    assert_eq!(reader.list().unwrap(), session.list());
    for (id, state) in &saved {
        assert_eq!(reader.state_at(id).unwrap(), *state);
    }
    let unknown = agent_primitives::CheckpointId::new("7-00000000").unwrap();
    assert!(reader.state_at(&unknown).unwrap_err().is_not_found());
}

#[test]
fn a_session_that_is_not_there_has_nothing() {
    let reader = reader(&MemoryStore::new());
    assert_eq!(reader.latest().unwrap(), None);
    assert_eq!(reader.tail(5).unwrap(), []);
    assert_eq!(reader.messages(0..5).unwrap(), []);
    assert_eq!(reader.list().unwrap(), []);
    assert!(reader.verify().unwrap().is_clean());
    assert!(!reader.is_newer());
}

/// Counts the bytes that are read.
#[derive(Debug, Clone)]
struct Counting {
    inner: MemoryStore,
    read: Arc<AtomicU64>,
}

impl Counting {
    fn over(inner: &MemoryStore) -> Self {
        Self {
            inner: inner.clone(),
            read: Arc::default(),
        }
    }

    fn count(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.read
            .fetch_add(u64::try_from(bytes.len()).unwrap(), Ordering::Relaxed);
        bytes
    }

    fn taken(&self) -> u64 {
        self.read.swap(0, Ordering::Relaxed)
    }
}

impl Store for Counting {
    fn id(&self) -> StoreId {
        self.inner.id()
    }
    fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        self.inner.sessions()
    }
    fn segments(&self, session: &SessionId) -> Result<Vec<u32>, Error> {
        self.inner.segments(session)
    }
    fn read(&self, session: &SessionId, segment: u32, max: usize) -> Result<Vec<u8>, Error> {
        self.inner
            .read(session, segment, max)
            .map(|bytes| self.count(bytes))
    }
    fn segment_len(&self, session: &SessionId, segment: u32) -> Result<u64, Error> {
        self.inner.segment_len(session, segment)
    }
    fn read_range(
        &self,
        session: &SessionId,
        segment: u32,
        offset: u64,
        len: usize,
    ) -> Result<Vec<u8>, Error> {
        self.inner
            .read_range(session, segment, offset, len)
            .map(|bytes| self.count(bytes))
    }
    fn claim(&self, session: &SessionId, claim: &Claim) -> Result<Box<dyn Writer>, Error> {
        self.inner.claim(session, claim)
    }
    fn remove(&self, session: &SessionId) -> Result<(), Error> {
        self.inner.remove(session)
    }
}

/// A session of `messages` messages of 2 KB that do not shrink.
fn long(messages: usize) -> MemoryStore {
    let store = MemoryStore::with_id(STORE);
    let mut dice = Dice(3);
    let mut session = open(&store);
    for _ in 0..messages {
        let text = dice.noise(2_000);
        session.push(Message::user(text)).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }
    store
}

#[test]
fn the_tail_of_a_long_session_costs_what_it_costs_of_a_short_one() {
    let store = Counting::over(&long(4_000));
    let reader = Reader::open(store.clone(), id()).unwrap();
    let opening = store.taken();
    assert!(opening < 500_000, "{opening} bytes to open");
    assert_eq!(reader.tail(20).unwrap().len(), 20);
    let tail = store.taken();
    assert!(tail < 500_000, "{tail} bytes for 40 kB of messages");
    assert_eq!(reader.tail(500).unwrap().len(), 500);
    let tail = store.taken();
    assert!(tail < 1_500_000, "{tail} bytes for 1 MB of messages");
}

#[test]
fn what_a_writer_has_under_way_is_not_there_yet_and_no_damage() {
    let store = long(30);
    let whole = store.read(&id(), 1, usize::MAX).unwrap();
    let session = open(&store);
    let history = session.history().to_vec();
    drop(session);
    for cut in (whole.len() - 5_000..whole.len()).step_by(97) {
        let torn = MemoryStore::with_id(STORE);
        // Zeros behind it, as preallocated space has them.
        let mut bytes = whole[..cut].to_vec();
        bytes.resize(cut + 70_000, 0);
        torn.writer(&id()).unwrap().start(1, &bytes).unwrap();
        let reader = reader(&torn);
        let count = reader.latest().unwrap().unwrap().messages;
        assert!((24..30).contains(&count), "{count} messages at {cut}");
        assert_eq!(reader.tail(3).unwrap(), history[count - 3..count]);
        assert_eq!(reader.state().unwrap().conversation, history[..count]);
    }
}

#[test]
fn damage_shows_what_was_saved_or_an_error_and_never_anything_else() {
    let mut states: Vec<Vec<Message>> = vec![Vec::new()];
    let store = worked_on(11, 25, |_, _, session| {
        states.push(session.history().to_vec());
    });
    let segments = store.segments(&id()).unwrap();
    let bytes: Vec<Vec<u8>> = segments
        .iter()
        .map(|segment| store.read(&id(), *segment, usize::MAX).unwrap())
        .collect();
    let mut dice = Dice(5);
    for _ in 0..60 {
        let bent = MemoryStore::with_id(STORE);
        let which = dice.roll(bytes.len());
        for (at, whole) in bytes.iter().enumerate() {
            let mut part = whole.clone();
            if at == which {
                let from = dice.roll(part.len());
                let to = (from + 1 + dice.roll(300)).min(part.len());
                match dice.roll(4) {
                    0 => part.truncate(from),
                    1 => part[from..to].fill(0),
                    2 => part[from] ^= 1 << dice.roll(8),
                    _ => {
                        let again = part[from..to].to_vec();
                        part.splice(from..from, again);
                    }
                }
            }
            let segment = segments[at];
            bent.writer(&id()).unwrap().start(segment, &part).unwrap();
        }
        let Ok(reader) = Reader::open(bent.clone(), id()) else {
            continue;
        };
        let tail = reader.tail(4).unwrap();
        let is_saved = |state: &Vec<Message>| state.ends_with(&tail);
        assert!(states.iter().any(is_saved), "a tail that was never saved");
        let state = reader.state().unwrap().conversation;
        assert!(states.contains(&state), "a state that was never saved");
        let report = reader.verify().unwrap();
        let session = open(&bent);
        assert_eq!(*session.state(), reader.state().unwrap_or_default());
        assert_eq!(report.head, session.report().head);
        assert_eq!(report.missing, session.report().missing);
        assert_eq!(report.degraded, session.report().degraded);
        assert_eq!(report.unmended_bytes, session.report().lost_bytes);
    }
}

#[test]
fn any_bytes_at_all_are_read_without_harm() {
    let head = long(1).read(&id(), 1, usize::MAX).unwrap();
    let mut dice = Dice(77);
    for round in 0..200 {
        let store = MemoryStore::with_id(STORE);
        let mut bytes = if round % 2 == 0 {
            head[..72].to_vec()
        } else {
            Vec::new()
        };
        let len = dice.roll(3_000);
        bytes.extend((0..len).map(|_| u8::try_from(dice.roll(256)).unwrap()));
        if round % 3 == 0 {
            bytes.extend_from_slice(&head[72..]);
        }
        store.writer(&id()).unwrap().start(1, &bytes).unwrap();
        let reader = reader(&store);
        let _ = reader.tail(3).unwrap();
        let _ = reader.messages(0..2).unwrap();
        let _ = reader.verify().unwrap();
        assert!(reader.state().unwrap().conversation.len() <= 1);
    }
}

#[test]
fn a_log_that_would_fill_the_memory_is_refused_before_it_is_inflated() {
    let store = MemoryStore::with_id(STORE);
    let mut session = open(&store);
    for at in 0..20 {
        let text = char::from(b'a' + at).to_string();
        session.push(Message::user(text.repeat(100_000))).unwrap();
        session.save(CheckpointKind::Manual).unwrap();
    }
    drop(session);
    let limit = 1_000_000;
    let refused = Checkpointer::builder(store.clone(), id())
        .read_limit(limit)
        .open()
        .unwrap_err();
    assert!(refused.is_too_large(), "{refused}");
    assert!(refused.to_string().contains("1000000"), "{refused}");
    let reader = Reader::open_within(store.clone(), id(), limit).unwrap();
    assert!(reader.state().unwrap_err().is_too_large());
    assert_eq!(
        reader.tail(2).unwrap().len(),
        2,
        "the end is within the limit"
    );
    assert!(
        Checkpointer::builder(store, id())
            .read_limit(5_000_000)
            .open()
            .is_ok()
    );
}

/// Appends a frame of a kind that no version knows yet and that must be understood.
fn append_later_frame(store: &MemoryStore) {
    let end = store.segment_len(&id(), 1).unwrap();
    let number = Reader::open(store.clone(), id())
        .unwrap()
        .latest()
        .unwrap()
        .unwrap();
    let number: u64 = number
        .id
        .as_str()
        .split_once('-')
        .unwrap()
        .0
        .parse()
        .unwrap();
    let seed = {
        let sum = crc32c::crc32c(STORE.as_bytes());
        let sum = crc32c::crc32c_append(sum, &1_u32.to_le_bytes());
        crc32c::crc32c_append(sum, id().as_str().as_bytes())
    };
    let mut frame = vec![0x9e, b'c', b'k', b'f', 1, 99, 1, 0];
    frame.extend(8_u16.to_le_bytes());
    frame.extend(1_u16.to_le_bytes());
    frame.extend((number + 1).to_le_bytes());
    frame.extend(3_u32.to_le_bytes());
    frame.extend(3_u32.to_le_bytes());
    let sum = crc32c::crc32c_append(seed, &frame);
    frame.extend(sum.to_le_bytes());
    frame.extend(b"new");
    frame.extend(crc32c::crc32c_append(sum, b"new").to_le_bytes());
    frame.extend(43_u32.to_le_bytes());
    let mut writer = store.writer(&id()).unwrap();
    let at = Position {
        segment: 1,
        offset: end,
    };
    writer.resume(at).unwrap();
    writer
        .append(at, &frame, agent_checkpoint::Durability::Buffered)
        .unwrap();
}

#[test]
fn what_a_later_version_wrote_is_read_as_far_as_it_is_understood_and_not_written_to() {
    let store = long(5);
    append_later_frame(&store);
    let refused = Checkpointer::builder(store.clone(), id())
        .open()
        .unwrap_err();
    assert!(
        refused.is_newer() && refused.to_string().contains("Reader"),
        "{refused}"
    );
    let reader = reader(&store);
    assert!(reader.is_newer());
    assert_eq!(reader.tail(9).unwrap().len(), 5);
    assert_eq!(reader.state().unwrap().conversation.len(), 5);
    assert_eq!(reader.latest().unwrap().unwrap().messages, 5);
    assert_eq!(reader.list().unwrap().len(), 5);
}

#[test]
fn a_reader_follows_a_writer_through_segments() {
    let store = MemoryStore::with_id(STORE);
    let writing = store.clone();
    let mut session = open(&writing);
    session.push(Message::user("0")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    let reader = reader(&store);
    let writer = std::thread::spawn(move || {
        let mut dice = Dice(1);
        for n in 1..400 {
            let text = format!("{n} {}", dice.noise(20_000));
            session.push(Message::user(text)).unwrap();
            session.save(CheckpointKind::Auto).unwrap();
        }
    });
    let mut seen = 0;
    while seen < 400 {
        let messages = reader.tail(3).unwrap();
        let numbers: Vec<usize> = messages
            .iter()
            .map(|m| m.content.split(' ').next().unwrap().parse().unwrap())
            .collect();
        assert!(numbers.is_sorted_by(|a, b| a + 1 == *b), "{numbers:?}");
        let last = *numbers.last().unwrap();
        assert!(last + 1 >= seen, "{last} after {seen}");
        seen = last + 1;
    }
    writer.join().unwrap();
}
