//! A session of which only the end is in memory goes on as one that is there whole.

use std::sync::Arc;

use agent_checkpoint::{Checkpointer, MemoryStore, Message, Resume, Retention, Store, StoreId};
use agent_primitives::{CheckpointKind, Clock, ManualClock, SessionId, Timestamp};

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn open(store: &MemoryStore, resume: Resume) -> Checkpointer {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::starting_at(Timestamp::from_unix_seconds(9)));
    Checkpointer::builder(store.clone(), id())
        .clock(clock)
        .retention(Retention::last(30.try_into().unwrap()))
        .resume(resume)
        .open()
        .unwrap()
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
}

fn texts(messages: &[&Message]) -> Vec<String> {
    messages.iter().map(|m| m.content.clone()).collect()
}

/// One step of work, the same on every session that is given.
fn step(dice: &mut Dice, step: usize, may_cut: bool, sessions: &mut [&mut Checkpointer]) {
    let (what, more) = (dice.roll(8), dice.roll(5));
    for session in sessions {
        match what {
            0 => session.update(|work| work.next_steps.push(format!("step {step}").into())),
            1 if may_cut => {
                let keep = u64::try_from(6 + more).unwrap();
                let summary = Message::user(format!("summary {step}"));
                session
                    .cut_with_summary(keep, &|_: &Message| 1, summary)
                    .unwrap();
            }
            _ => {
                for n in 0..=more {
                    let text = format!("{step}.{n} {}", "word ".repeat(more * 20));
                    session.push(Message::user(text)).unwrap();
                }
            }
        }
        let kind = if more == 4 {
            CheckpointKind::Manual
        } else {
            CheckpointKind::Auto
        };
        session.save(kind).unwrap();
    }
}

fn twins(seed: u64, may_cut: bool, begins_cut: bool) {
    let stores = [MemoryStore::new(), MemoryStore::new()];
    let mut dice = Dice(seed);
    let mut whole = open(&stores[0], Resume::Whole);
    let mut part = open(&stores[1], Resume::Whole);
    for n in 0..30 {
        for session in [&mut whole, &mut part] {
            session.push(Message::user(format!("first {n}"))).unwrap();
        }
    }
    if begins_cut {
        for session in [&mut whole, &mut part] {
            session.cut(20, &|_: &Message| 1).unwrap();
        }
    }
    for session in [&mut whole, &mut part] {
        session.save(CheckpointKind::Auto).unwrap();
    }
    for n in 0..60 {
        step(&mut dice, n, may_cut, &mut [&mut whole, &mut part]);
        let memory = part.history().len();
        assert_eq!(part.skipped() + memory, whole.history().len());
        assert_eq!(part.history(), &whole.history()[part.skipped()..]);
        assert_eq!(part.state().work, whole.state().work);
        if whole.context().len() < whole.history().len() || part.skipped() == 0 {
            assert_eq!(texts(&part.context()), texts(&whole.context()));
        }
        match dice.roll(5) {
            0 => {
                drop(part);
                let last = dice.roll(12);
                part = open(&stores[1], Resume::Last(last));
                assert_eq!(part.history().len(), last.min(whole.history().len()));
                assert!(part.report().is_clean(), "{}", part.report());
            }
            1 if n % 3 == 0 => {
                part.push(Message::user("not saved")).unwrap();
                whole.push(Message::user("not saved")).unwrap();
                part.reopen().unwrap();
                whole.reopen().unwrap();
                assert_eq!(part.unsaved().len(), 1);
            }
            2 if n % 7 == 0 => {
                part.prune().unwrap();
                whole.prune().unwrap();
                assert_eq!(part.list().len(), whole.list().len());
            }
            _ => {}
        }
    }
    drop((whole, part));
    let (whole, part) = (
        open(&stores[0], Resume::Whole),
        open(&stores[1], Resume::Whole),
    );
    assert_eq!(part.state(), whole.state());
    assert_eq!(texts(&part.context()), texts(&whole.context()));
    let shown = |session: &Checkpointer| -> Vec<(CheckpointKind, usize)> {
        session
            .list()
            .iter()
            .map(|c| (c.kind, c.messages))
            .collect()
    };
    assert_eq!(shown(&part), shown(&whole));
    assert!(part.report().is_clean(), "{}", part.report());
}

#[test]
fn what_is_saved_from_the_end_of_a_session_is_the_whole_session() {
    for seed in 0..12 {
        twins(seed, false, false);
    }
}

#[test]
fn a_context_comes_back_though_the_history_does_not() {
    for seed in 100..112 {
        twins(seed, true, true);
        twins(seed, true, false);
    }
}

#[test]
fn nothing_is_dropped_that_a_session_does_not_know_of() {
    let store = MemoryStore::new();
    let mut session = open(&store, Resume::Whole);
    session.push(Message::user("one")).unwrap();
    let first = session.save(CheckpointKind::Auto).unwrap();
    session.push(Message::user("two")).unwrap();
    let backup = session.restore(&first).unwrap();
    for n in 0..100 {
        session.push(Message::user(format!("{n}"))).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }
    drop(session);

    let mut session = open(&store, Resume::Last(3));
    let knows = |session: &Checkpointer| session.list().iter().any(|c| c.id == backup);
    assert!(!knows(&session), "its frame was not read");
    for n in 0..100 {
        session.push(Message::user(format!("more {n}"))).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }
    session.restore(&backup).unwrap();
    assert_eq!(session.history().len(), 2);
    assert_eq!(session.skipped(), 0);
    drop(session);
    assert!(knows(&open(&store, Resume::Whole)));
}

#[test]
fn a_log_with_damage_is_mended_and_only_its_end_stays_in_memory() {
    let store = MemoryStore::with_id(StoreId::from_bytes([5; 16]));
    let mut session = open(&store, Resume::Whole);
    for n in 0..20 {
        session.push(Message::user(format!("{n}"))).unwrap();
        session.save(CheckpointKind::Manual).unwrap();
    }
    drop(session);
    let mut bytes = store.read(&id(), 1, usize::MAX).unwrap();
    bytes.extend_from_slice(b"torn");
    let torn = MemoryStore::with_id(StoreId::from_bytes([5; 16]));
    torn.writer(&id()).unwrap().start(1, &bytes).unwrap();
    let mut session = open(&torn, Resume::Last(2));
    assert_eq!(session.report().lost_bytes, 4);
    assert_eq!((session.history().len(), session.skipped()), (2, 18));
    session.push(Message::user("20")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    let session = open(&torn, Resume::Whole);
    assert_eq!(session.history().len(), 21);
    assert!(session.report().is_clean(), "{}", session.report());
}

#[test]
fn long_texts_from_before_the_end_come_back_and_more_can_be_saved() {
    let long = |n: usize| format!("{n} {}", "0123456789abcdef".repeat(4_000));
    let store = MemoryStore::new();
    let mut session = open(&store, Resume::Whole);
    for n in 0..100 {
        let text = if n % 30 == 9 {
            long(n % 2)
        } else {
            n.to_string()
        };
        session.push(Message::user(text)).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }
    let mut history = session.history().to_vec();
    drop(session);
    let mut session = open(&store, Resume::Last(2));
    assert_eq!(session.history(), &history[98..]);
    for n in 0..4 {
        let message = Message::user(long(n));
        history.push(message.clone());
        session.push(message).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }
    drop(session);
    for last in [1, 3, 60] {
        let session = open(&store, Resume::Last(last));
        assert_eq!(session.history(), &history[104 - last..]);
    }
    assert_eq!(open(&store, Resume::Whole).history(), history);
}
