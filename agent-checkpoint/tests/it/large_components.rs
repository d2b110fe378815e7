//! Large components cost what changed, and every checkpoint gives back the very bytes that were put.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use agent_checkpoint::{Checkpointer, Codec, MemoryStore, Snapshot, Store};
use agent_primitives::{CheckpointId, CheckpointKind, SessionId};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Big {
    turns: u64,
    log: Vec<String>,
    footer: String,
}

impl Snapshot for Big {
    const KIND: &'static str = "big";
    const VERSION: u16 = 1;
    const CODEC: Codec = Codec::Json;
}

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn open(store: &MemoryStore) -> Checkpointer {
    Checkpointer::builder(store.clone(), id()).open().unwrap()
}

/// Text that does not compress to nothing.
fn line(seed: u64) -> String {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut line = String::new();
    for _ in 0..8 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        write!(line, "{:x} ", state >> 32).unwrap();
    }
    line
}

fn big(lines: u64) -> Big {
    Big {
        turns: 0,
        log: (0..lines).map(line).collect(),
        footer: "the end".into(),
    }
}

fn save(session: &mut Checkpointer, big: &Big) -> CheckpointId {
    session.put(big).unwrap();
    session.save(CheckpointKind::Manual).unwrap()
}

fn stored(session: &Checkpointer) -> u64 {
    session.figures().unwrap().stored_bytes
}

#[test]
fn a_turn_costs_what_it_adds_whatever_the_size() {
    let cost = |lines| {
        let mut session = open(&MemoryStore::new());
        let mut value = big(lines);
        save(&mut session, &value);
        let before = stored(&session);
        for turn in 0..4 {
            value.turns += 1;
            value.log.push(line(1_000_000 + turn));
            save(&mut session, &value);
        }
        (stored(&session) - before) / 4
    };
    let (small, large) = (cost(500), cost(8_000));
    assert!(
        large <= small + 16 && large < 500,
        "{small} bytes, then {large}"
    );
}

#[test]
fn a_growing_component_costs_three_times_its_growth_at_most() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let mut value = big(300);
    save(&mut session, &value);
    let mut ids = Vec::new();
    for turn in 0..600 {
        value.turns += 1;
        value.log.push(line(turn + 5_000));
        ids.push((save(&mut session, &value), value.clone()));
    }
    let whole = {
        let mut once = open(&MemoryStore::new());
        save(&mut once, &value);
        stored(&once)
    };
    let used = stored(&session);
    let commits = 600 * 420;
    assert!(used < 4 * whole + commits, "{used} bytes for {whole}");
    drop(session);
    let mut session = open(&store);
    assert_eq!(session.component::<Big>().unwrap().unwrap(), value);
    for (id, value) in ids.iter().step_by(97) {
        if session.list().iter().any(|checkpoint| checkpoint.id == *id) {
            session.restore(id).unwrap();
            assert_eq!(session.component::<Big>().unwrap().unwrap(), *value);
        }
    }
}

#[test]
fn opening_again_goes_on_with_patches() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let mut value = big(2_000);
    save(&mut session, &value);
    let before = stored(&session);
    for turn in 0..10 {
        drop(session);
        session = open(&store);
        value.log.push(line(turn + 50_000));
        save(&mut session, &value);
    }
    let used = stored(&session) - before;
    assert!(used < 10 * 700, "{used} bytes for ten lines");
    drop(session);
    assert_eq!(open(&store).component::<Big>().unwrap().unwrap(), value);
}

#[test]
fn a_large_part_of_the_state_is_patched_as_well() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.update(|work| work.next_steps.extend((0..1_000).map(|n| line(n).into())));
    session.save(CheckpointKind::Manual).unwrap();
    let before = stored(&session);
    session.update(|work| work.next_steps.insert(500, "between".into()));
    session.save(CheckpointKind::Manual).unwrap();
    let used = stored(&session) - before;
    assert!(used < 500, "{used} bytes for one step");
    let work = session.state().work.clone();
    drop(session);
    assert_eq!(open(&store).state().work, work);
}

#[test]
fn a_damaged_patch_costs_the_checkpoints_that_need_it_and_no_other() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let mut value = big(1_000);
    let mut ends = Vec::new();
    let mut saved = Vec::new();
    for turn in 0..5 {
        value.log.push(line(turn + 9_000));
        saved.push((save(&mut session, &value), value.clone()));
        ends.push(usize::try_from(stored(&session)).unwrap());
    }
    // One that owes the broken one nothing.
    let other = big(5);
    saved.push((save(&mut session, &other), other));
    drop(session);
    let mut bytes = store.read(&id(), 1, usize::MAX).unwrap();
    bytes[ends[1] + 60] ^= 1;

    let damaged = MemoryStore::with_id(store.id());
    let mut writer = damaged.writer(&id()).unwrap();
    writer.start(1, &bytes).unwrap();
    drop(writer);
    let mut session = open(&damaged);
    let degraded: Vec<_> = saved[2..5].iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(session.report().degraded, degraded);
    assert_eq!(session.component::<Big>().unwrap().unwrap(), saved[5].1);
    for (id, value) in &saved[..2] {
        session.restore(id).unwrap();
        assert_eq!(session.component::<Big>().unwrap().unwrap(), *value);
    }
}

#[derive(Debug, Clone)]
enum Edit {
    Add(u64),
    Drop(prop::sample::Index),
    Insert(prop::sample::Index, u64),
    Change(prop::sample::Index, u64),
    Swap(prop::sample::Index, prop::sample::Index),
    Cut(prop::sample::Index),
    Anew(u64),
    Save,
    Reopen,
    Restore(prop::sample::Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => any::<u64>().prop_map(Edit::Add),
        1 => any::<prop::sample::Index>().prop_map(Edit::Drop),
        2 => any::<(prop::sample::Index, u64)>().prop_map(|(at, seed)| Edit::Insert(at, seed)),
        2 => any::<(prop::sample::Index, u64)>().prop_map(|(at, seed)| Edit::Change(at, seed)),
        1 => any::<(prop::sample::Index, prop::sample::Index)>().prop_map(|(a, b)| Edit::Swap(a, b)),
        1 => any::<prop::sample::Index>().prop_map(Edit::Cut),
        1 => any::<u64>().prop_map(Edit::Anew),
        6 => Just(Edit::Save),
        1 => Just(Edit::Reopen),
        1 => any::<prop::sample::Index>().prop_map(Edit::Restore),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        rng_seed: prop::test_runner::RngSeed::Fixed(4),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_checkpoint_gives_back_what_was_put(edits in prop::collection::vec(edit(), 1..40)) {
        let store = MemoryStore::new();
        let mut session = open(&store);
        let mut value = big(300);
        let mut saved: BTreeMap<CheckpointId, Big> = BTreeMap::new();
        for edit in edits {
            let log = &mut value.log;
            match edit {
                Edit::Add(seed) => log.push(line(seed)),
                Edit::Drop(at) if !log.is_empty() => drop(log.remove(at.index(log.len()))),
                Edit::Insert(at, seed) => log.insert(at.index(log.len() + 1), line(seed).repeat(9)),
                Edit::Change(at, seed) if !log.is_empty() => {
                    let at = at.index(log.len());
                    log[at] = line(seed);
                    value.turns = seed;
                }
                Edit::Swap(a, b) if !log.is_empty() => {
                    let (a, b) = (a.index(log.len()), b.index(log.len()));
                    log.swap(a, b);
                }
                Edit::Cut(at) => log.truncate(150 + at.index(log.len() + 1)),
                Edit::Anew(seed) => value = Big { turns: seed, ..big(300 + seed % 200) },
                Edit::Save => {
                    let id = save(&mut session, &value);
                    saved.insert(id, value.clone());
                }
                Edit::Reopen => {
                    drop(session);
                    session = open(&store);
                }
                Edit::Restore(at) => {
                    let listed = session.list();
                    if !listed.is_empty() {
                        prop_assert!(gives_back(&mut session, &listed[at.index(listed.len())].id, &saved));
                    }
                }
                _ => {}
            }
        }
        drop(session);
        let mut session = open(&store);
        prop_assert!(session.report().is_clean());
        for checkpoint in session.list() {
            prop_assert!(gives_back(&mut session, &checkpoint.id, &saved));
        }
    }
}

/// Whether a checkpoint of the host's gives back what was put for it.
fn gives_back(
    session: &mut Checkpointer,
    id: &CheckpointId,
    saved: &BTreeMap<CheckpointId, Big>,
) -> bool {
    let Some(value) = saved.get(id) else {
        return true;
    };
    // Restoring makes checkpoints, and retention drops old ones for them.
    let is_listed = session.list().iter().any(|checkpoint| checkpoint.id == *id);
    if !is_listed {
        return true;
    }
    session.restore(id).unwrap();
    session.component::<Big>().unwrap().as_ref() == Some(value)
}
