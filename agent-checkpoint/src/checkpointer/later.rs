//! A log that a later program wrote is read, written and left whole by this one.

use std::collections::BTreeMap;

use agent_primitives::{CheckpointKind, SessionId};
use serde_json::{Map, json};

use super::Checkpointer;
use super::save::Flight;
use crate::format::component;
use crate::format::payload::{Body, Reference};
use crate::format::tags::{Codec, Flags, Kind};
use crate::log::batch::{Batch, Framed};
use crate::log::chain::NO_PARENT;
use crate::{Durability, MemoryStore, Message, Snapshot, Store};

fn open(store: &MemoryStore) -> Checkpointer {
    let id = SessionId::new("s").unwrap();
    Checkpointer::builder(store.clone(), id).open().unwrap()
}

fn next(session: &mut Checkpointer) -> u64 {
    session.desk.appender().unwrap().end.next
}

fn append(session: &mut Checkpointer, frames: Vec<Framed>) {
    session
        .run(frames, Durability::Synced, Flight::Nothing)
        .unwrap();
}

/// A frame of a kind that this version has never heard of, and may pass over.
fn unheard(session: &mut Checkpointer) {
    let mut batch = Batch::starting_at(next(session));
    let raw = b"what a later version knows".to_vec();
    batch
        .part(&mut session.packer, Kind(200), Codec(9), raw)
        .unwrap();
    let mut frames = batch.into_frames();
    frames[0].draft.flags = Flags::NONE;
    append(session, frames);
}

/// A commit with components of later versions, and what it says of them.
fn later(session: &mut Checkpointer) -> BTreeMap<String, Reference> {
    let mut batch = Batch::starting_at(next(session));
    let packer = &mut session.packer;
    let steps = br#"{"layout":"of version 9"}"#.as_slice();
    let mood = br#""fine""#.as_slice();
    let values = [
        ("host.small", mood),
        ("other.kind", mood),
        ("work.mood", mood),
        ("work.next_steps", steps),
    ];
    let snapshot = batch.snapshot(packer, values).unwrap();
    let raw = component::encode("host.large", b"\x01\x02").unwrap();
    let large = batch
        .part(packer, Kind::COMPONENT, Codec(99), raw)
        .unwrap()
        .seq;
    let raw = component::encode("work.graph", b"\x03\x04").unwrap();
    let graph = batch
        .part(packer, Kind::COMPONENT, Codec(99), raw)
        .unwrap()
        .seq;
    let components: BTreeMap<String, Reference> = [
        ("host.large", large, 2),
        ("host.small", snapshot, 7),
        ("other.kind", snapshot, 3),
        ("work.graph", graph, 1),
        ("work.mood", snapshot, 4),
        ("work.next_steps", snapshot, 9),
    ]
    .into_iter()
    .map(|(name, seq, schema)| (name.to_owned(), Reference { seq, schema }))
    .collect();
    let body = Body {
        at: 0,
        kind: "dream".into(),
        agent: None,
        restored: None,
        why: None,
        covers: batch.next() - 3,
        history: session.current.numbering.spans().to_vec(),
        context: None,
        components: components.clone(),
        other: [("mood".to_owned(), json!([1]))].into_iter().collect(),
    };
    batch.commit(packer, &NO_PARENT, body).unwrap();
    append(session, batch.into_frames());
    components
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Large(u8);

impl Snapshot for Large {
    const KIND: &'static str = "large";
    const VERSION: u16 = 2;
}

#[test]
fn what_a_later_program_wrote_survives_a_save_of_this_one() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let mut message = Message::user("one");
    message.extra.insert("mood".into(), json!("fine"));
    session.push(message.clone()).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    unheard(&mut session);
    let references = later(&mut session);
    let id = session.session().clone();
    drop(session);
    let before = store.read(&id, 1, usize::MAX).unwrap();

    let mut session = open(&store);
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(session.history(), [message]);
    assert_eq!(session.state().work.extra["mood"], json!("fine"));
    assert!(session.state().work.next_steps.is_empty());
    let error = session.component::<Large>().unwrap_err();
    assert!(error.is_newer(), "{error}");

    session.push(Message::user("two")).unwrap();
    session.update(|work| work.usage = agent_primitives::TokenUsage::new(1, 1));
    session.save(CheckpointKind::Manual).unwrap();
    let entry = session.head.as_ref().unwrap().entry();
    let mut kept = entry.body.components.clone();
    assert!(kept.remove("work.usage").is_some());
    assert_eq!(kept, references);
    let mood: Map<_, _> = [("mood".to_owned(), json!([1]))].into_iter().collect();
    assert_eq!(entry.body.other, mood);
    drop(session);
    let after = store.read(&id, 1, usize::MAX).unwrap();
    assert!(after.starts_with(&before), "what lay there lies there");

    let mut session = open(&store);
    session.update(|work| work.next_steps.push("mine".into()));
    let refused = session.save(CheckpointKind::Auto).unwrap_err();
    assert!(refused.is_newer(), "{refused}");
    assert!(refused.to_string().contains("work.next_steps"), "{refused}");
    session.update(|work| work.next_steps.clear());
    session.save(CheckpointKind::Auto).unwrap();
}
