//! Damage at any place costs the message that it hits, and never another.

use agent_checkpoint::recover::{Recovered, Recovery};
use agent_checkpoint::{
    Checkpointer, Decision, MemoryStore, Message, SessionState, Snapshot, Store, StoreId, Work,
    history,
};
use agent_primitives::{CheckpointKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Site, call, said};

const STORE: StoreId = StoreId::from_bytes([0x11; 16]);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Board {
    cards: Vec<String>,
}

impl Snapshot for Board {
    const KIND: &'static str = "board";
    const VERSION: u16 = 1;
}

/// What a session was when it was saved last.
struct Saved {
    log: Vec<u8>,
    all: Vec<Message>,
    work: Work,
    board: Option<Board>,
}

/// A log of every kind of frame.
fn saved() -> Saved {
    let store = MemoryStore::with_id(STORE);
    let mut session = Checkpointer::builder(store.clone(), Site::id())
        .open()
        .unwrap();
    let save = |session: &mut Checkpointer| session.save(CheckpointKind::Auto).unwrap();
    for number in 0..4 {
        session.push(said(number)).unwrap();
        save(&mut session);
    }
    let decision = Decision::new(Timestamp::UNIX_EPOCH, "go on", "because");
    session.update(|work| work.decisions.push(decision));
    session.push(call("c1", "read")).unwrap();
    save(&mut session);
    let letters = (0..40_000_u32)
        .map(|n| char::from(b'!' + (n.wrapping_mul(2_654_435_761) >> 25) as u8 % 90));
    session
        .push(Message::tool("c1", letters.collect::<String>()))
        .unwrap();
    save(&mut session);
    let mut board = Board {
        cards: (0..1_800_u32)
            .map(|n| n.wrapping_mul(2_654_435_761).to_string())
            .collect(),
    };
    session.put(&board).unwrap();
    save(&mut session);
    board.cards[7] = "done".into();
    session.put(&board).unwrap();
    session.cut(6, &|_: &Message| 1).unwrap();
    session.push(Message::assistant("It says so.")).unwrap();
    save(&mut session);
    session.update(|work| work.next_steps.push("rest".into()));
    for number in 8..12 {
        session.push(said(number)).unwrap();
        save(&mut session);
    }
    let SessionState {
        conversation, work, ..
    } = session.state().clone();
    drop(session);
    Saved {
        log: store.read(&Site::id(), 1, usize::MAX).unwrap(),
        all: conversation,
        work,
        board: Some(board),
    }
}

fn store_of(bytes: &[u8]) -> MemoryStore {
    let store = MemoryStore::with_id(STORE);
    store.writer(&Site::id()).unwrap().start(1, bytes).unwrap();
    store
}

fn recover(store: &MemoryStore) -> Recovered {
    let builder = Checkpointer::builder(store.clone(), Site::id());
    builder.recover(&Recovery::default()).unwrap()
}

/// What holds of every recovery: it can be gone on with, reads back, and is done once.
fn holds(store: &MemoryStore, recovered: Recovered) -> Vec<Message> {
    let context: Vec<Message> = recovered.session.context().into_iter().cloned().collect();
    assert_eq!(history::check(&context), []);
    let state = recovered.session.state().clone();
    assert!(recovered.report.may_go_on(), "{}", recovered.report);
    drop(recovered);
    let again = recover(store);
    assert_eq!(again.session.state(), &state);
    assert_eq!(again.report.checkpoint, None, "{}", again.report);
    state.conversation
}

/// The messages of `all` that are in `kept`, marks and stubs left out; both are in the same order.
fn kept_of(all: &[Message], kept: &[Message]) -> usize {
    let mut at = 0;
    let mut count = 0;
    for message in kept
        .iter()
        .filter(|message| !message.content.starts_with("[lost: "))
    {
        let found = all[at..].iter().position(|original| original == message);
        at += found.expect("a message that was never saved, or out of order") + 1;
        count += 1;
    }
    count
}

/// Names of components of which `recovered` has another value than was saved.
fn changed(recovered: &Recovered, saved: &Saved) -> Vec<&'static str> {
    let work = &recovered.session.state().work;
    let mut changed = Vec::new();
    if work.decisions != saved.work.decisions {
        changed.push("work.decisions");
    }
    if work.next_steps != saved.work.next_steps {
        changed.push("work.next_steps");
    }
    if recovered.session.component::<Board>().unwrap() != saved.board {
        changed.push("host.board");
    }
    changed
}

#[test]
fn a_flipped_bit_anywhere_costs_one_message_or_value_at_most_and_both_are_told() {
    let saved = saved();
    let Saved { log, all, .. } = &saved;
    let (mut whole, mut marked, mut older) = (0, 0, 0);
    let flips = (0..log.len()).filter(|at| *at < 1_100 || at % 97 == 0 || *at > log.len() - 1_200);
    for at in flips.step_by(7) {
        let mut damaged = log.clone();
        damaged[at] ^= 1 << (at % 8);
        let store = store_of(&damaged);
        let recovered = recover(&store);
        let report = recovered.report.to_string();
        let changed = changed(&recovered, &saved);
        let kept = holds(&store, recovered);
        let count = kept_of(all, &kept);
        assert!(
            count + 1 >= all.len(),
            "byte {at}: {count} of {}",
            all.len()
        );
        let is_end_lost = count < all.len() && all.starts_with(&kept);
        let marks = kept.iter().filter(|m| m.content.starts_with("[lost: "));
        let marks = marks.count();
        assert!(
            is_end_lost || marks == all.len() - count,
            "byte {at}: {marks} marks for {count} messages of {}: {report}",
            all.len()
        );
        // What was torn off the end cannot be told by name.
        let is_tail = report.starts_with("torn tail");
        for name in &changed {
            assert!(
                is_tail || report.contains(name),
                "byte {at}: not a word of {name}: {report}"
            );
        }
        whole += usize::from(count == all.len());
        marked += usize::from(marks > 0);
        older += usize::from(!changed.is_empty());
    }
    assert!(
        whole > 40 && marked > 40 && older > 2,
        "{whole} whole, {marked} marked, {older} with older values"
    );
}

#[test]
fn any_damage_is_recovered_from_without_a_message_that_was_never_saved() {
    let Saved { log, all, .. } = saved();
    let mut seed = 7_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for _ in 0..100 {
        let mut damaged = log.clone();
        for _ in 0..=next(6) {
            let at = next(damaged.len());
            let len = (1 + next(80)).min(damaged.len() - at);
            let value = u8::try_from(next(256)).unwrap();
            damaged[at..at + len].fill(value);
        }
        if next(4) == 0 {
            damaged.truncate(next(damaged.len()));
        }
        let store = store_of(&damaged);
        let kept = holds(&store, recover(&store));
        kept_of(&all, &kept);
    }
}
