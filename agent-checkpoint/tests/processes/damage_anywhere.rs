//! Logs cut, flipped, zeroed, swapped, doubled and lengthened at every place: what lies before comes back.

use std::sync::Arc;

use agent_checkpoint::{
    Checkpointer, MemoryStore, Message, Reader, Resume, SessionState, Store, StoreId,
};
use agent_primitives::{CheckpointKind, ManualClock, SessionId, Timestamp};

/// A release build tries every place; a debug build one of so many.
const STRIDE: usize = if cfg!(debug_assertions) { 211 } else { 1 };
const LAST: usize = 3;

/// A log that is sound, and what each save of it gives.
struct Log {
    name: &'static str,
    store: StoreId,
    session: SessionId,
    bytes: Vec<u8>,
    /// Where each save ends, the number of its checkpoint, and the state.
    saves: Vec<(usize, u64, SessionState)>,
}

/// What opening gives.
struct Opened {
    state: SessionState,
    number: Option<u64>,
    is_clean: bool,
}

impl Log {
    fn store(&self, bytes: &[u8]) -> MemoryStore {
        let store = MemoryStore::with_id(self.store);
        store
            .writer(&self.session)
            .unwrap()
            .start(1, bytes)
            .unwrap();
        store
    }

    fn open(&self, store: &MemoryStore, resume: Resume) -> Checkpointer {
        let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_000));
        Checkpointer::builder(store.clone(), self.session.clone())
            .clock(Arc::new(clock))
            .resume(resume)
            .open()
            .unwrap()
    }

    fn opened(&self, bytes: &[u8]) -> (MemoryStore, Opened) {
        let store = self.store(bytes);
        let session = self.open(&store, Resume::Whole);
        let report = session.report();
        let copies: u64 = report.quarantined.iter().map(|copy| copy.len).sum();
        assert_eq!(report.lost_bytes, copies, "{}", self.name);
        let number = report.head.as_ref().map(|head| {
            let (number, _) = head.as_str().split_once('-').unwrap();
            number.parse().unwrap()
        });
        let opened = Opened {
            state: session.state().clone(),
            number,
            is_clean: report.is_clean(),
        };
        drop(session);
        (store, opened)
    }

    /// The saves of a sound log are told by where it may be cut.
    fn of(name: &'static str, store: StoreId, session: &str, bytes: &[u8]) -> Self {
        let mut log = Self {
            name,
            store,
            session: SessionId::new(session).unwrap(),
            bytes: bytes.to_vec(),
            saves: Vec::new(),
        };
        let mut last = None;
        let places = (0..bytes.len()).step_by(STRIDE.min(37));
        for len in places.chain([bytes.len()]) {
            let (_, opened) = log.opened(&bytes[..len]);
            if opened.number != last {
                assert!(opened.number > last, "{name}: cut at {len}");
                last = opened.number;
                log.saves.push((len, last.unwrap(), opened.state));
            } else if let Some((.., state)) = log.saves.last() {
                assert_eq!(opened.state, *state, "{name}: cut at {len}");
            }
        }
        log
    }

    /// Opens these bytes, which are right up to `sound`.
    fn damaged(&self, sound: usize, bytes: &[u8], what: &dyn Fn() -> String) -> bool {
        let (store, opened) = self.opened(bytes);
        let what = || format!("{}: {}", self.name, what());
        let known = |state: &SessionState| {
            *state == SessionState::default() || self.saves.iter().any(|save| save.2 == *state)
        };
        assert!(
            known(&opened.state),
            "{} gave content that was never saved",
            what()
        );
        let before = self.saves.iter().rfind(|(end, ..)| *end <= sound);
        assert!(
            opened.number >= before.map(|(_, number, _)| *number),
            "{} lost a save that lies before it",
            what()
        );
        let again = self.open(&store, Resume::Whole);
        assert_eq!(*again.state(), opened.state, "{}: opened again", what());
        drop(again);

        // Whoever reads less of it gives nothing else.
        let reader = Reader::open(store.clone(), self.session.clone()).unwrap();
        assert_eq!(
            reader.state().unwrap(),
            opened.state,
            "{}: a reader",
            what()
        );
        let last = self.open(&store, Resume::Last(LAST));
        let ends = self.saves.iter().map(|save| &save.2.conversation);
        let is_end = |all: &Vec<Message>| all[all.len().saturating_sub(LAST)..] == *last.history();
        assert!(
            last.history().is_empty() || ends.clone().any(is_end),
            "{}: the last messages",
            what()
        );
        if opened.is_clean {
            assert!(is_end(&opened.state.conversation), "{}", what());
        }
        opened.is_clean
    }
}

/// The logs that are damaged: those that version 1.0 wrote, and one that this build writes.
fn logs() -> Vec<Log> {
    let golden = StoreId::from_bytes(*b"golden store 001");
    let raw = include_bytes!("../fixtures/v1/raw.ckl");
    let packed = include_bytes!("../fixtures/v1/store/sessions/golden/seg-000001.ckl");
    let store = MemoryStore::with_id(StoreId::from_bytes([0x33; 16]));
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_000));
    let id = SessionId::new("grown").unwrap();
    let mut session = Checkpointer::builder(store.clone(), id.clone())
        .clock(Arc::new(clock))
        .open()
        .unwrap();
    for turn in 0..12 {
        session
            .push(Message::user(format!(
                "{turn}: {}",
                "words ".repeat(turn * 7)
            )))
            .unwrap();
        if turn % 3 == 1 {
            session.update(|work| work.next_steps.push(turn.to_string().into()));
        }
        if turn == 8 {
            session.cut(3, &|_: &Message| 1).unwrap();
        }
        let kind = match turn % 4 {
            3 => CheckpointKind::Manual,
            _ => CheckpointKind::Auto,
        };
        session.save(kind).unwrap();
    }
    drop(session);
    let grown = store.read(&id, 1, usize::MAX).unwrap();
    vec![
        Log::of("raw", golden, "golden", raw),
        Log::of("packed", golden, "golden", packed),
        Log::of("grown", store.id(), "grown", &grown),
    ]
}

#[test]
fn damage_anywhere_costs_no_save_before_it_and_gives_no_wrong_content() {
    let mut counts = [
        ("bit flips", 0),
        ("zeroed", 0),
        ("swapped", 0),
        ("doubled", 0),
        ("tails", 0),
    ];
    for log in logs() {
        let len = log.bytes.len();
        for bit in (0..len * 8).step_by(STRIDE) {
            let mut bytes = log.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let is_clean = log.damaged(bit / 8, &bytes, &|| format!("bit {bit}"));
            assert!(!is_clean, "{}: bit {bit} went unnoticed", log.name);
            counts[0].1 += 1;
        }
        for sector in [512, 4_096] {
            for from in (0..len).step_by(STRIDE.min(sector)) {
                let mut bytes = log.bytes.clone();
                bytes[from..(from + sector).min(len)].fill(0);
                log.damaged(from, &bytes, &|| format!("{sector} zeros at {from}"));
                counts[1].1 += 1;
            }
        }
        let sectors = len / 512;
        for (one, other) in (0..sectors).flat_map(|one| (0..one).map(move |other| (one, other))) {
            let mut bytes = log.bytes.clone();
            for at in 0..512 {
                bytes.swap(one * 512 + at, other * 512 + at);
            }
            log.damaged(other * 512, &bytes, &|| {
                format!("sectors {other} and {one} swapped")
            });
            counts[2].1 += 1;
        }
        let ends: Vec<usize> = log.saves.iter().map(|(end, ..)| *end).collect();
        let stride = if STRIDE == 1 { 1 } else { 5 };
        for (at, pair) in ends.windows(2).enumerate() {
            for place in ends[at + 1..].iter().step_by(stride) {
                let doubled = &log.bytes[pair[0]..pair[1]];
                let bytes = [&log.bytes[..*place], doubled, &log.bytes[*place..]].concat();
                log.damaged(*place, &bytes, &|| format!("{pair:?} doubled at {place}"));
                counts[3].1 += 1;
            }
        }
        for tail in 1..if STRIDE == 1 { 300 } else { 10 } {
            let behind = noise(tail);
            let bytes = [&log.bytes[..], &behind].concat();
            let is_clean = log.damaged(len, &bytes, &|| format!("{tail} bytes behind"));
            assert!(
                !is_clean,
                "{}: {tail} bytes behind went unnoticed",
                log.name
            );
            counts[4].1 += 1;
        }
        println!(
            "damage: {}: {} bytes, cut at one place in {}, {} saves",
            log.name,
            len,
            STRIDE.min(37),
            log.saves.len()
        );
    }
    println!("damage: {counts:?}");
}

/// Bytes that mean nothing, the last of which is no zero.
fn noise(len: usize) -> Vec<u8> {
    let mut seed = u64::try_from(len).unwrap();
    let mut noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        seed.to_be_bytes()[0]
    })
    .take(len)
    .collect();
    noise[len - 1] |= 1;
    noise
}
