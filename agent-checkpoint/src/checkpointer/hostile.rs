//! Test: forged logs in which each of many things could be held against each of many others. So many that no test would
//! end if they were.

use std::collections::BTreeMap;

use agent_primitives::{CheckpointKind, SessionId};
use serde_json::{Map, json};

use crate::checkpointer::{Checkpointer, Retention};
use crate::format::frame::Draft;
use crate::format::keys::{Keys, Seed};
use crate::format::payload::{Body, Commit, Digest, Reference, Span};
use crate::format::segment::{Opening, Place};
use crate::format::tags::{Codec, Compression, Flags, Kind};
use crate::log::chain::{checkpoint_id, commit_hash, payload_digest};
use crate::log::numbering::wide;
use crate::recover::Recovery;
use crate::{MemoryStore, Message, Reader, Store};

/// A log in the making.
pub(super) struct Forge {
    store: MemoryStore,
    session: SessionId,
    pub(super) bytes: Vec<u8>,
    seed: Seed,
    pub(super) next: u64,
}

impl Forge {
    pub(super) fn new() -> Self {
        Self::of(MemoryStore::new(), Opening::default())
    }

    pub(super) fn of(store: MemoryStore, opening: Opening) -> Self {
        let session = SessionId::new("s").unwrap();
        let place = Place {
            store: store.id(),
            session: &session,
            segment: 1,
        };
        let (bytes, seed) = (place.header(opening), place.seed());
        Self {
            store,
            session,
            bytes,
            seed,
            next: 0,
        }
    }

    /// A frame whose payload is packed with zstd.
    #[cfg(all(feature = "fs", target_os = "linux"))]
    pub(super) fn packed(&mut self, kind: Kind, flags: Flags, raw: &[u8], records: u64) -> u64 {
        let seq = self.next;
        let draft = Draft {
            kind,
            codec: Codec::JSON,
            flags,
            schema: 1,
            seq,
            compression: Compression::ZSTD,
            raw_len: u32::try_from(raw.len()).unwrap(),
            stored: zstd::bulk::compress(raw, 1).unwrap(),
        };
        draft
            .write(&Keys::default(), self.seed, &mut self.bytes)
            .unwrap();
        self.next += records;
        seq
    }

    pub(super) fn frame(&mut self, kind: Kind, flags: Flags, raw: Vec<u8>, records: u64) -> u64 {
        let seq = self.next;
        let draft = Draft {
            kind,
            codec: Codec::JSON,
            flags,
            schema: 1,
            seq,
            compression: Compression::RAW,
            raw_len: u32::try_from(raw.len()).unwrap(),
            stored: raw,
        };
        draft
            .write(&Keys::default(), self.seed, &mut self.bytes)
            .unwrap();
        self.next += records;
        seq
    }

    fn items(&mut self, count: usize, flags: Flags) -> Digest {
        let raw = format!("[0{}]", r#",{"role":"user"}"#.repeat(count)).into_bytes();
        let digest = payload_digest(&raw);
        self.frame(Kind::ITEMS, flags, raw, wide(count));
        digest
    }

    fn snapshot(&mut self, raw: &str) -> (u64, Digest) {
        let digest = payload_digest(raw.as_bytes());
        let seq = self.frame(Kind::SNAPSHOT, Flags::NONE, raw.as_bytes().to_vec(), 1);
        (seq, digest)
    }

    /// A commit that covers what has these digests.
    pub(super) fn commit(&mut self, body: &Body, covered: &[Digest]) -> Digest {
        let bytes = serde_json::to_vec(body).unwrap();
        let hash = commit_hash(&[0; 32], self.next, covered, &bytes);
        let raw = Commit::encode(&hash, &[0; 32], &bytes);
        self.frame(Kind::COMMIT, Flags::NONE, raw, 1);
        hash
    }

    fn json(&mut self, kind: Kind, value: &serde_json::Value) {
        self.frame(kind, Flags::NONE, value.to_string().into_bytes(), 1);
    }

    fn stored(self) -> (MemoryStore, SessionId) {
        let mut writer = self.store.writer(&self.session).unwrap();
        writer.start(1, &self.bytes).unwrap();
        drop(writer);
        (self.store, self.session)
    }

    fn open(self) -> Checkpointer {
        let (store, session) = self.stored();
        let builder = Checkpointer::builder(store, session).retention(Retention::all());
        builder.open().unwrap()
    }
}

pub(super) fn body(covers: u64, history: Vec<Span>) -> Body {
    Body {
        at: 0,
        kind: "auto".into(),
        agent: None,
        restored: None,
        why: None,
        covers,
        history,
        context: None,
        components: BTreeMap::new(),
        other: Map::new(),
    }
}

fn one(number: u64) -> Span {
    Span {
        first: number,
        last: number,
        count: 1,
    }
}

#[test]
fn each_of_many_tombstones_is_looked_at_once() {
    const MANY: u64 = 20_000;
    let mut forge = Forge::new();
    for _ in 0..MANY {
        forge.commit(&body(forge.next, Vec::new()), &[]);
    }
    for through in 0..MANY {
        let keep: Vec<u64> = [7, through].into();
        forge.json(Kind::TOMBSTONE, &json!({"through": through, "keep": keep}));
    }
    let (store, id) = forge.stored();
    let builder = Checkpointer::builder(store.clone(), id.clone()).retention(Retention::all());
    let numbers = |list: Vec<crate::Checkpoint>| -> Vec<String> {
        let ids = list.into_iter().map(|c| c.id.as_str().to_owned());
        ids.map(|id| id.split('-').next().unwrap().to_owned())
            .collect()
    };
    let expected = [(MANY - 1).to_string(), "7".to_owned()];
    assert_eq!(numbers(builder.open().unwrap().list()), expected);
    assert_eq!(
        numbers(Reader::open(store, id).unwrap().list().unwrap()),
        expected
    );
}

#[test]
fn a_commit_covers_nothing_that_came_with_another() {
    const MANY: u64 = 20_000;
    let mut forge = Forge::new();
    let mut digests = Vec::new();
    for number in 0..MANY {
        digests.push(forge.items(1, Flags::NONE));
        let history = (0..=number).take(1).map(|n| one(2 * n)).collect();
        // Right hashes but for the first few would take the forger as long as the reader.
        let covered = digests.get(..digests.len().min(50)).unwrap();
        forge.commit(&body(0, history), covered);
    }
    let session = forge.open();
    assert_eq!(session.history().len(), 1);
    assert_eq!(session.list().len(), 1, "the first covers its own alone");
    assert_eq!(session.report().degraded.len(), 19_999);
}

#[test]
fn a_checkpoint_with_many_labels_is_listed_with_all_in_order() {
    const MANY: usize = 60_000;
    let mut forge = Forge::new();
    let hash = forge.commit(&body(0, Vec::new()), &[]);
    let id = checkpoint_id(0, &hash);
    let other = forge.commit(&body(1, Vec::new()), &[]);
    let other = checkpoint_id(1, &other);
    // The worst order for a list that is kept sorted.
    for label in (0..MANY).rev() {
        let label = format!("label {label:06}");
        forge.json(
            Kind::LABEL,
            &json!({"checkpoint": id.as_str(), "label": label}),
        );
    }
    forge.json(Kind::LABEL, &json!({"label": "label 000000"}));
    forge.json(
        Kind::LABEL,
        &json!({"checkpoint": other.as_str(), "label": "label 000001"}),
    );
    forge.json(
        Kind::LABEL,
        &json!({"checkpoint": other.as_str(), "pinned": true}),
    );
    let mut session = forge.open();
    let list = session.list();
    assert_eq!(list[0].labels, ["label 000001"]);
    assert!(list[0].pinned && !list[1].pinned);
    assert_eq!(list[1].labels.len(), MANY - 2);
    assert!(list[1].labels.is_sorted());
    assert_eq!(session.by_label("label 000002").unwrap().id, id);
    assert!(session.by_label("label 000000").is_none());
    // No writer adds to them.
    let refused = session.label(&id, "one more").unwrap_err();
    assert!(refused.is_too_large(), "{refused}");
    assert!(session.unlabel("label 000002").unwrap());
}

#[test]
fn each_of_many_checkpoints_that_do_not_read_back_is_tried_once() {
    const MANY: usize = 20_000;
    let mut forge = Forge::new();
    let covered = forge.items(1, Flags::NONE);
    forge.commit(&body(0, vec![one(0)]), &[covered]);
    for _ in 0..MANY {
        let (seq, digest) = forge.snapshot(r#"{"work.next_steps":7}"#);
        let mut body = body(seq, vec![one(0)]);
        let reference = Reference { seq, schema: 1 };
        body.components.insert("work.next_steps".into(), reference);
        forge.commit(&body, &[digest]);
    }
    let session = forge.open();
    assert_eq!(session.history().len(), 1);
    assert_eq!(session.report().degraded.len(), MANY);
    assert_eq!(session.list().len(), 1);
}

#[test]
fn flags_that_build_on_a_checkpoint_that_does_not_read_back_go_with_it() {
    const MANY: usize = 20_000;
    let mut forge = Forge::new();
    let covered = forge.items(1, Flags::NONE);
    forge.commit(&body(0, vec![one(0)]), &[covered]);
    let (seq, digest) = forge.snapshot(r#"{"work.next_steps":7}"#);
    let mut bad = body(seq, vec![one(0)]);
    let reference = Reference { seq, schema: 1 };
    bad.components.insert("work.next_steps".into(), reference);
    forge.commit(&bad, &[digest]);
    for _ in 0..MANY {
        forge.items(1, Flags::COMMIT);
    }
    let session = forge.open();
    assert_eq!(session.report().degraded.len(), MANY + 1);
    assert_eq!(session.history().len(), 1);
}

#[test]
fn many_flags_on_a_history_of_many_pieces_are_counted_each_in_one_step() {
    const PIECES: u64 = 20_000;
    const FLAGS: usize = 20_000;
    let mut forge = Forge::new();
    let mut digests = Vec::new();
    for _ in 0..20 {
        digests.push(forge.items(2_000, Flags::NONE));
    }
    let spans: Vec<Span> = (0..PIECES).map(|n| one(2 * n)).collect();
    let mut body = body(0, spans.clone());
    body.context = Some(spans);
    forge.commit(&body, &digests);
    for _ in 0..FLAGS {
        forge.items(1, Flags::COMMIT);
    }
    let session = forge.open();
    let list = session.list();
    assert_eq!(list.len(), FLAGS + 1);
    assert_eq!((list[0].messages, list[FLAGS].messages), (40_000, 20_000));
    assert_eq!(session.history().len(), 40_000);
    assert_eq!(session.context().len(), 40_000);
}

#[test]
fn damaged_bytes_count_against_the_limit_before_they_are_kept() {
    const KIB: usize = 1 << 10;
    let mut forge = Forge::new();
    let covered = forge.items(1, Flags::NONE);
    forge.commit(&body(0, vec![one(0)]), &[covered]);
    let (store, id) = forge.stored();
    let mut writer = store.writer(&id).unwrap();
    let mut noise = vec![0; 64 * KIB];
    *noise.last_mut().unwrap() = 1;
    for segment in 2..34 {
        writer.start(segment, &noise).unwrap();
    }
    drop(writer);
    let open = |limit: usize| {
        let builder = Checkpointer::builder(store.clone(), id.clone());
        builder.read_limit(wide(limit)).open()
    };
    let error = open(1_024 * KIB).unwrap_err();
    assert!(error.is_too_large(), "{error}");
    assert!(Reader::open_within(store.clone(), id.clone(), wide(1_024 * KIB)).is_err());
    assert_eq!(store.segments(&id).unwrap().len(), 33);
    let session = open(4_096 * KIB).unwrap();
    assert_eq!(session.history().len(), 1);
    // Nothing but zeros stands in the place of the headers.
    let place = Place {
        store: store.id(),
        session: &id,
        segment: 2,
    };
    let kept = noise.len() - place.header(Opening::default()).len();
    assert_eq!(session.report().lost_bytes, wide(32 * kept));
}

#[test]
fn a_component_that_is_no_json_is_not_written_into_a_snapshot_with_others() {
    for value in ["", "1,\"host.other\":2", "\u{fffd}", "[1", "\"\\x\""] {
        let mut forge = Forge::new();
        let raw = crate::format::component::encode("host.x", value.as_bytes()).unwrap();
        let digest = payload_digest(&raw);
        let seq = forge.frame(Kind::COMPONENT, Flags::MUST_UNDERSTAND, raw, 1);
        // Not whole for another reason, so that all is salvaged and written anew.
        let mut body = body(seq, vec![one(100)]);
        let reference = Reference { seq, schema: 1 };
        body.components.insert("host.x".into(), reference);
        forge.commit(&body, &[digest]);
        let (store, id) = forge.stored();
        let builder = || Checkpointer::builder(store.clone(), id.clone());
        let recovered = builder().recover(&Recovery::default()).unwrap();
        let mut session = recovered.session;
        session.push(Message::user("go")).unwrap();
        let saved = session.save(CheckpointKind::Manual).unwrap();
        drop(session);
        let session = builder().open().unwrap();
        assert_eq!(session.report().head, Some(saved), "{value}");
    }
}

#[test]
fn a_tombstone_takes_out_nothing_that_is_saved_behind_it() {
    let mut forge = Forge::new();
    forge.commit(&body(0, Vec::new()), &[]);
    forge.json(Kind::TOMBSTONE, &json!({"through": u64::MAX, "keep": []}));
    let (store, id) = forge.stored();
    let builder = || {
        let builder = Checkpointer::builder(store.clone(), id.clone());
        builder.retention(Retention::all())
    };
    let mut session = builder().open().unwrap();
    assert_eq!(session.list().len(), 0);
    session.push(Message::user("one more")).unwrap();
    let saved = session.save(CheckpointKind::Manual).unwrap();
    for seals in [false, true] {
        if seals {
            session.seal().unwrap();
        }
        drop(session);
        session = builder().open().unwrap();
        assert_eq!(session.latest().unwrap().id, saved);
        let reader = Reader::open(store.clone(), id.clone()).unwrap();
        assert_eq!(reader.list().unwrap().len(), 1);
    }
}
