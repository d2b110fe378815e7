//! Damage at any place costs the message that it hits, and never another.

use agent_checkpoint::recover::{Recovered, Recovery};
use agent_checkpoint::{Checkpointer, Decision, MemoryStore, Message, Store, StoreId, history};
use agent_primitives::{CheckpointKind, Timestamp};

use super::{Site, call, said};

const STORE: StoreId = StoreId::from_bytes([0x11; 16]);

/// A log of every kind of frame, and the messages of its history.
fn saved() -> (Vec<u8>, Vec<Message>) {
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
    session.cut(6, &|_: &Message| 1).unwrap();
    session.push(Message::assistant("It says so.")).unwrap();
    save(&mut session);
    session.update(|work| work.next_steps.push("rest".into()));
    for number in 8..12 {
        session.push(said(number)).unwrap();
        save(&mut session);
    }
    let history = session.history().to_vec();
    drop(session);
    (store.read(&Site::id(), 1, usize::MAX).unwrap(), history)
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
    assert_eq!(history::check(&recovered.session.context()), []);
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

#[test]
fn a_flipped_bit_anywhere_costs_one_message_at_most() {
    let (bytes, all) = saved();
    let (mut whole, mut marked) = (0, 0);
    let flips =
        (0..bytes.len()).filter(|at| *at < 1_100 || at % 97 == 0 || *at > bytes.len() - 900);
    for at in flips.step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let store = store_of(&damaged);
        let kept = holds(&store, recover(&store));
        let count = kept_of(&all, &kept);
        assert!(
            count + 1 >= all.len(),
            "byte {at}: {count} of {}",
            all.len()
        );
        let is_end_lost = count < all.len() && all.starts_with(&kept);
        let is_marked = kept.iter().any(|m| m.content.starts_with("[lost: "));
        assert!(
            count == all.len() || is_marked || is_end_lost,
            "byte {at}: not a word of it"
        );
        whole += usize::from(count == all.len());
        marked += usize::from(is_marked);
    }
    assert!(whole > 40 && marked > 40, "{whole} whole, {marked} marked");
}

#[test]
fn any_damage_is_recovered_from_without_a_message_that_was_never_saved() {
    let (bytes, all) = saved();
    let mut seed = 7_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for _ in 0..100 {
        let mut damaged = bytes.clone();
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
