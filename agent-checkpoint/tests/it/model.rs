//! Any sequence of operations against a model in plain vectors, through any number of openings.

use std::collections::BTreeMap;

use agent_checkpoint::{Checkpointer, MemoryStore, Message, Retention, SessionState};
use agent_primitives::{CheckpointId, CheckpointKind, SessionId};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

#[derive(Debug, Clone)]
enum Op {
    Push(u8),
    Step(u8),
    Save(bool),
    Cut(u64),
    Summarise(u64),
    Restore(Index),
    Prune,
    Seal,
    Compact,
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => any::<u8>().prop_map(Op::Push),
        2 => (0..3_u8).prop_map(Op::Step),
        6 => any::<bool>().prop_map(Op::Save),
        1 => (2..12_u64).prop_map(Op::Cut),
        1 => (3..12_u64).prop_map(Op::Summarise),
        2 => any::<Index>().prop_map(Op::Restore),
        1 => Just(Op::Prune),
        1 => Just(Op::Seal),
        1 => Just(Op::Compact),
        2 => Just(Op::Reopen),
    ]
}

/// State and context.
type Seen = (SessionState, Vec<Message>);

fn seen(session: &Checkpointer) -> Seen {
    (
        session.state().clone(),
        session.context().into_iter().cloned().collect(),
    )
}

fn one(_: &Message) -> u64 {
    1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn every_listed_checkpoint_is_what_was_saved_under_its_id(
        ops in prop::collection::vec(op(), 1..60),
        kept in 1_usize..12,
    ) {
        let store = MemoryStore::new();
        let id = SessionId::new("s").unwrap();
        let open = || {
            let few = Retention::last(kept.try_into().unwrap());
            let builder = Checkpointer::builder(store.clone(), id.clone()).retention(few);
            builder.open().unwrap()
        };
        let mut session = open();
        let mut saved: BTreeMap<CheckpointId, Seen> = BTreeMap::new();
        let mut last: Option<CheckpointId> = None;
        for op in ops {
            match op {
                Op::Push(n) => session.push(Message::user(format!("{n}"))).unwrap(),
                Op::Step(n) => session.update(|work| work.next_steps = vec![format!("{n}").into()]),
                Op::Save(is_auto) => {
                    let kind = if is_auto { CheckpointKind::Auto } else { CheckpointKind::Manual };
                    let id = session.save(kind).unwrap();
                    saved.insert(id.clone(), seen(&session));
                    last = Some(id);
                }
                Op::Cut(limit) => drop(session.cut(limit, &one)),
                Op::Summarise(limit) => {
                    let summary = Message::assistant("so far");
                    drop(session.cut_with_summary(limit, &one, summary));
                }
                Op::Restore(which) => {
                    let listed = session.list();
                    if listed.is_empty() {
                        continue;
                    }
                    let target = which.get(&listed).id.clone();
                    let replaced = seen(&session);
                    let backup = session.restore(&target).unwrap();
                    prop_assert_eq!(&seen(&session), &saved[&target]);
                    saved.insert(backup, replaced);
                    let mark = session.latest().unwrap().id;
                    saved.insert(mark.clone(), seen(&session));
                    last = Some(mark);
                }
                Op::Prune => drop(session.prune().unwrap()),
                Op::Seal => drop(session.seal().unwrap()),
                Op::Compact => drop(session.compact().unwrap()),
                Op::Reopen => {
                    drop(session);
                    session = open();
                    prop_assert!(session.report().is_clean(), "{}", session.report());
                    let expected = last.as_ref().map_or_else(Seen::default, |id| saved[id].clone());
                    prop_assert_eq!(seen(&session), expected);
                }
            }
        }
        drop(session);
        // Restoring makes checkpoints of its own, which must not push others off the list here.
        let all = Checkpointer::builder(store, id).retention(Retention::all());
        let mut session = all.open().unwrap();
        for checkpoint in session.list() {
            session.restore(&checkpoint.id).unwrap();
            prop_assert_eq!(&seen(&session), &saved[&checkpoint.id]);
        }
    }
}
