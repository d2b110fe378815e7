//! Sealed segments are read as those that they replace, and the end of a log without the rest of it.

use std::fmt::Write as _;
use std::sync::OnceLock;

use agent_primitives::{CheckpointKind, SessionId};

use super::tail::{Beside, Tail};
use super::walk::Walk;
use super::{Reader, listing};
use crate::checkpointer::attach::listed;
use crate::checkpointer::load::{Reading, load};
use crate::checkpointer::points::Points;
use crate::checkpointer::resume::end_of;
use crate::format::keys::Keys;
use crate::format::segment::{Opening, Place};
use crate::log::seal::{Outcome, seal};
use crate::{Checkpointer, MemoryStore, Message, Resume, Sealing, Store, StoreId};

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn keys() -> Keys {
    Keys::default()
}

fn empty() -> MemoryStore {
    MemoryStore::with_id(StoreId::from_bytes([9; 16]))
}

/// Text that shrinks by half, another for each seed.
fn noise(seed: usize, len: usize) -> String {
    let mut state = u64::try_from(seed).unwrap();
    let mut text = String::new();
    while text.len() < len {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        write!(text, "{:016x}", state.rotate_left(17)).unwrap();
    }
    text
}

/// A session over several segments, with state that was last saved at its start and a context with a summary.
fn long() -> MemoryStore {
    let store = empty();
    let mut session = Checkpointer::builder(store.clone(), id()).open().unwrap();
    session.update(|work| work.next_steps.push("from the start".into()));
    for n in 0..80 {
        if n == 20 {
            let summary = Message::user("what was before");
            session
                .cut_with_summary(8, &|_: &Message| 1, summary)
                .unwrap();
        }
        session
            .push(Message::user(format!("{n} {}", noise(n % 3, 120_000))))
            .unwrap();
        session
            .push(Message::assistant(format!("answer {n}")))
            .unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }
    store
}

/// One such session for all tests, as it is and sealed.
fn both() -> [MemoryStore; 2] {
    static BOTH: OnceLock<[MemoryStore; 2]> = OnceLock::new();
    let make = || {
        let plain = long();
        let sealed = sealed(&plain);
        [plain, sealed]
    };
    BOTH.get_or_init(make).clone()
}

/// The same log with every segment sealed that may be.
fn sealed(store: &MemoryStore) -> MemoryStore {
    let sealed = empty();
    let segments = store.segments(&id()).unwrap();
    let (last, closed) = segments.split_last().unwrap();
    assert!(!closed.is_empty(), "there is something to seal");
    for segment in closed {
        let place = Place {
            store: store.id(),
            session: &id(),
            segment: *segment,
        };
        let bytes = store.read(&id(), *segment, usize::MAX).unwrap();
        let bytes = match seal(&place, &bytes, &[], None, &keys(), &|| false).unwrap() {
            Outcome::Sealed(sealed) => sealed,
            // It happens to hold too little that is alike.
            Outcome::NoGain => bytes,
            outcome => panic!("segment {segment}: {outcome:?}"),
        };
        let mut writer = sealed.writer(&id()).unwrap();
        writer.start(*segment, &bytes).unwrap();
    }
    let bytes = store.read(&id(), *last, usize::MAX).unwrap();
    sealed.writer(&id()).unwrap().start(*last, &bytes).unwrap();
    sealed
}

#[test]
fn a_sealed_segment_reads_as_the_one_that_it_replaced() {
    let [plain, sealed] = both();
    let (one, other) = (
        Reader::open(plain.clone(), id()).unwrap(),
        Reader::open(sealed.clone(), id()).unwrap(),
    );
    assert_eq!(one.latest().unwrap(), other.latest().unwrap());
    for count in [0, 1, 7, 100, 150, 500] {
        assert_eq!(one.tail(count).unwrap(), other.tail(count).unwrap());
        let keys = keys();
        let reading = Reading::within(u64::MAX, &keys);
        let tail = Tail::read(&sealed, &id(), count, Beside::State, reading).unwrap();
        assert_eq!(tail.skipped, 160_usize.saturating_sub(count));
    }
    assert_eq!(one.messages(3..6).unwrap(), other.messages(3..6).unwrap());
    assert_eq!(one.state().unwrap(), other.state().unwrap());

    let resumed = |store: MemoryStore| {
        let builder = Checkpointer::builder(store, id()).resume(Resume::Last(5));
        builder.open().unwrap()
    };
    let (one, other) = (resumed(plain), resumed(sealed));
    assert_eq!(one.state(), other.state());
    let step: crate::NextStep = "from the start".into();
    assert_eq!(one.state().work.next_steps, [step]);
    assert_eq!(one.context(), other.context());
    assert_eq!((one.skipped(), other.skipped()), (155, 155));
}

#[test]
fn frames_are_found_by_their_numbers_in_any_segment() {
    for store in both() {
        let (id, none) = (id(), keys());
        let mut walk = Walk::new(&store, &id, Reading::within(u64::MAX, &none)).unwrap();
        let mut directory =
            super::directory::Directory::new(&store, &id, Reading::within(u64::MAX, &none))
                .unwrap();
        let mut seen = 0;
        while let Some(frame) = walk.back().unwrap() {
            if seen % 29 == 0 || frame.header.seq < 4 {
                let last = frame.header.seq + frame.records() - 1;
                for number in [frame.header.seq, last] {
                    let found = directory.find(number).unwrap();
                    assert_eq!(found.header, frame.header);
                    assert_eq!(found.stored, frame.stored);
                }
            }
            seen += 1;
        }
        assert!(seen > 80, "{seen} frames");
        assert!(
            directory
                .find(1_000_000)
                .is_ok_and(|frame| frame.next.is_none())
        );
    }
}

#[test]
fn positions_far_from_the_end_are_found_in_every_kind_of_history() {
    let store = empty();
    let mut session = Checkpointer::builder(store.clone(), id()).open().unwrap();
    let mut back = None;
    for n in 0..2_000 {
        session.push(Message::user(format!("{n}"))).unwrap();
        if n % 3 == 0 {
            session.push(Message::assistant(format!("{n}!"))).unwrap();
        }
        if n % 50 == 0 {
            session.update(|work| work.next_steps.push(format!("{n}").into()));
        }
        let id = session.save(CheckpointKind::Auto).unwrap();
        match n {
            700 => back = Some(id),
            // Another branch stands in the log from here on.
            705 => drop(session.restore(back.as_ref().unwrap()).unwrap()),
            _ => {}
        }
    }
    let head = Reader::open(store.clone(), id())
        .unwrap()
        .newest(0)
        .unwrap();
    let head = head.head.unwrap();
    let reader = Reader::open(store, id()).unwrap();
    let history = session.history();
    for start in (0..history.len()).step_by(131) {
        let range = start..(start + 40).min(history.len());
        let found = super::read::far(&reader, &head, range.clone()).unwrap();
        assert_eq!(found, history[range]);
    }
}

#[test]
fn what_follows_a_segment_decides_how_much_of_it_counts() {
    let plain = empty();
    let mut session = Checkpointer::builder(plain.clone(), id()).open().unwrap();
    let mut ends = Vec::new();
    for n in 0..6 {
        session.push(Message::user(format!("{n}"))).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
        ends.push(plain.segment_len(&id(), 1).unwrap());
    }
    drop(session);
    // As after a takeover, or a failed sync.
    let place = Place {
        store: plain.id(),
        session: &id(),
        segment: 2,
    };
    let header = place.header(Opening {
        void_from: ends[3],
        ..Opening::default()
    });
    plain.writer(&id()).unwrap().start(2, &header).unwrap();
    let reader = Reader::open(plain.clone(), id()).unwrap();
    assert_eq!(reader.latest().unwrap().unwrap().messages, 4);
    let tail = reader.tail(2).unwrap();
    assert_eq!(tail, [Message::user("2"), Message::user("3")]);
    let builder = Checkpointer::builder(plain, id()).resume(Resume::Last(2));
    let mut session = builder.open().unwrap();
    assert_eq!(session.history(), tail);
    session.push(Message::user("other")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    assert_eq!(reader.tail(9).unwrap().len(), 5);
}

#[test]
fn a_component_in_patches_is_followed_to_its_base() {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Notes(Vec<String>);
    impl crate::Snapshot for Notes {
        const KIND: &'static str = "notes";
        const VERSION: u16 = 1;
    }
    let store = empty();
    let mut session = Checkpointer::builder(store.clone(), id()).open().unwrap();
    let mut notes = Notes(
        (0..3_000)
            .map(|n| format!("{n} {}", noise(n, 40)))
            .collect(),
    );
    for n in 0..150 {
        session.push(Message::user(format!("{n}"))).unwrap();
        if n % 5 == 0 && n < 100 {
            notes.0[n * 7] = format!("changed {n}");
            session.put(&notes).unwrap();
        }
        session.save(CheckpointKind::Auto).unwrap();
    }
    drop(session);
    let resumed = end_of(&store, &id(), 3, Reading::within(u64::MAX, &keys()))
        .unwrap()
        .expect("only the end is read");
    assert!(resumed.is_partial);
    let builder = Checkpointer::builder(store, id()).resume(Resume::Last(3));
    let mut session = builder.open().unwrap();
    assert_eq!((session.history().len(), session.skipped()), (3, 147));
    assert_eq!(session.component::<Notes>().unwrap().as_ref(), Some(&notes));
    notes.0.clear();
    session.put(&notes).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    assert!(session.report().is_clean());
}

#[test]
fn a_listing_out_of_indexes_is_the_one_that_reading_everything_gives() {
    let store = empty();
    let builder = Checkpointer::builder(store.clone(), id()).sealing(Sealing::Never);
    let mut session = builder.open().unwrap();
    let mut ids = Vec::new();
    let mut say = |session: &mut Checkpointer, from: usize| {
        for n in from..from + 40 {
            let kind = CheckpointKind::ALL[n % 3];
            session
                .push(Message::user(format!(
                    "message {n} {}",
                    "of the talk ".repeat(100 + n)
                )))
                .unwrap();
            ids.push(session.save(kind).unwrap());
        }
        session
            .label(&ids[from + 38], &format!("step {from}"))
            .unwrap();
        session.move_label(&ids[from + 37], "moves").unwrap();
        session.pin(&ids[from + 36]).unwrap();
    };
    say(&mut session, 0);
    session.seal().unwrap();
    say(&mut session, 40);
    let reader = Reader::open(store.clone(), id()).unwrap();
    let before = reader.list().unwrap();
    session.seal().unwrap();
    let from_indexes = || listing::of(&store, &id(), Reading::within(u64::MAX, &keys())).unwrap();
    assert_eq!(from_indexes(), before, "nothing but sealed segments");
    assert!(before.len() >= 10, "{}", before.len());
    say(&mut session, 80);
    let none = keys();
    let reading = Reading {
        keeps_messages: false,
        ..Reading::within(u64::MAX, &none)
    };
    let all = load(&store, &id(), reading).unwrap().replay;
    let mut all = Points::new(listed(&all), &all.tags).into_list();
    all.reverse();
    assert_eq!(from_indexes(), all, "and what is not sealed behind them");
    assert_eq!(reader.list().unwrap(), all);
    for was in &before {
        let is = all.iter().find(|checkpoint| checkpoint.id == was.id);
        if let Some(is) = is {
            assert_eq!(is.stored_bytes, was.stored_bytes, "what it took stays");
        }
    }

    // One bent byte anywhere in a sealed segment: nobody takes its index at its word.
    let mut bytes = store.read(&id(), 1, usize::MAX).unwrap();
    bytes[200] ^= 1;
    let bent = empty();
    let mut writer = bent.writer(&id()).unwrap();
    writer.start(1, &bytes).unwrap();
    for segment in store.segments(&id()).unwrap().into_iter().skip(1) {
        let bytes = store.read(&id(), segment, usize::MAX).unwrap();
        writer.start(segment, &bytes).unwrap();
    }
    assert!(listing::of(&bent, &id(), Reading::within(u64::MAX, &keys())).is_err());
}

#[test]
fn the_end_of_a_session_that_was_sealed_is_read_without_its_start() {
    let store = empty();
    let mut session = Checkpointer::builder(store.clone(), id()).open().unwrap();
    for n in 0..100 {
        session
            .push(Message::user(format!(
                "message {n} {}",
                "of the talk ".repeat(100 + n)
            )))
            .unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }
    session.seal().unwrap();
    let keys = keys();
    let reading = Reading::within(u64::MAX, &keys);
    let tail = Tail::read(&store, &id(), 5, Beside::State, reading).unwrap();
    assert!(tail.skipped > 0, "{}", tail.skipped);
    let session_id = id();
    let mut walk = Walk::new(&store, &session_id, reading).unwrap();
    assert!(walk.epoch() > 0, "the segment behind is its writer's");
    assert!(walk.back().unwrap().is_some());
}
