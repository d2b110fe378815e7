//! Test: records that somebody without the key altered, with every sum put right, pass nowhere.

use std::collections::BTreeSet;

use agent_primitives::{CheckpointKind, SessionId};

use super::{Key, KeyUse, Keyring, Ring};
use crate::format::envelope::{HEAD_LEN, KEY_ID_LEN, NONCE_LEN};
use crate::format::frame::Found;
use crate::format::header::{Fault, Header};
use crate::format::segment::{Place, Start};
use crate::format::tags::{Codec, Compression, Flags, Kind};
use crate::log::scan::scan;
use crate::{Checkpointer, Error, MemoryStore, Message, Reader, Sealing, Store, StoreId};

fn ring(byte: u8) -> Keyring {
    Keyring::new(Key::from_bytes([byte; 32]))
}

fn at_work(byte: u8) -> Ring {
    let key = Key::from_bytes([byte; 32]).into();
    Ring::new(key, Vec::new(), false, [0; 32])
}

fn header(kind: Kind, len: u32) -> Header {
    Header {
        kind,
        codec: Codec::JSON,
        compression: Compression::RAW,
        flags: Flags::COMMIT,
        schema: 1,
        seq: 40,
        stored_len: len,
        raw_len: len,
    }
}

fn opened(ring: &Ring, header: Header, stored: &[u8], seat: [u8; 16]) -> Result<Vec<u8>, Fault> {
    let found = Found {
        header,
        stored,
        seat: Some(seat),
    };
    let mut room = Vec::new();
    let opened = ring.open(&found, seat, &mut room)?;
    assert_eq!(opened.header.stored_len, 6);
    assert!(!opened.header.flags.has(Flags::ENCRYPTED) && opened.seat.is_none());
    Ok(opened.stored.to_vec())
}

#[test]
fn a_payload_opens_where_it_was_sealed_and_after_any_change_nowhere() {
    let ring = at_work(1);
    for (kind, clear) in [(Kind::ITEMS, &[][..]), (Kind::INDEX, &[5; 32][..])] {
        let (sealed, stored) = ring
            .seal(header(kind, 6), b"secret", [9; 16], clear)
            .unwrap();
        assert!(sealed.is_in_range());
        assert_eq!(stored.len(), 6 + 48 + clear.len());
        assert_eq!(opened(&ring, sealed, &stored, [9; 16]).unwrap(), b"secret");
        assert_eq!(opened(&ring, sealed, &stored, [8; 16]), Err(Fault::Forged));
        for bit in 0..stored.len() * 8 {
            let mut bent = stored.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            let names = clear.len()..clear.len() + KEY_ID_LEN;
            match opened(&ring, sealed, &bent, [9; 16]) {
                Err(Fault::Locked(_)) => assert!(names.contains(&(bit / 8)), "bit {bit}"),
                other => assert_eq!(other, Err(Fault::Forged), "bit {bit}"),
            }
        }
        for len in 0..stored.len() {
            assert!(opened(&ring, sealed, &stored[..len], [9; 16]).is_err());
        }
        let changes: [fn(&mut Header); 7] = [
            |h| h.seq += 1,
            |h| h.codec = Codec(2),
            |h| h.schema = 0,
            |h| h.compression = Compression::ZSTD,
            |h| h.flags.0 &= !Flags::COMMIT.0,
            |h| h.raw_len += 1,
            |h| h.flags = h.flags.and(Flags::MUST_UNDERSTAND),
        ];
        for change in changes {
            let mut other = sealed;
            change(&mut other);
            assert_eq!(opened(&ring, other, &stored, [9; 16]), Err(Fault::Forged));
        }
        // Behind what an Index frame has in clear the key's id is looked for elsewhere.
        let mut other = sealed;
        other.kind = Kind(99);
        let fault = opened(&ring, other, &stored, [9; 16]).unwrap_err();
        assert!(
            fault == Fault::Forged || kind == Kind::INDEX && matches!(fault, Fault::Locked(_)),
            "{fault}"
        );
        let locked = opened(&at_work(2), sealed, &stored, [9; 16]);
        assert_eq!(locked, Err(Fault::Locked(Key::from_bytes([1; 32]).id().0)));
        let plain = opened(&ring, header(kind, 6), b"secret", [9; 16]);
        assert_eq!(plain, Err(Fault::Unencrypted));
    }
}

#[test]
fn bytes_from_anywhere_under_the_right_key_id_are_refused() {
    let ring = at_work(1);
    let mut stored = Key::from_bytes([1; 32]).id().0.to_vec();
    for len in KEY_ID_LEN..200 {
        stored.resize(len, 7);
        let sealed = Header {
            flags: Flags::ENCRYPTED,
            ..header(Kind::ITEMS, 6)
        };
        let fault = opened(&ring, sealed, &stored, [9; 16]).unwrap_err();
        let is_short = len < HEAD_LEN + 16;
        assert_eq!(
            fault,
            if is_short {
                Fault::Content
            } else {
                Fault::Forged
            }
        );
    }
}

#[test]
fn nonces_differ_also_where_the_random_bytes_repeat() {
    let mut nonces = BTreeSet::new();
    // Two processes that began with the same random bytes: one was copied while it ran, say.
    for text in [&b"secret"[..], b"other!"] {
        let ring = at_work(1);
        for n in 0..500 {
            let header = Header {
                seq: n,
                ..header(Kind::ITEMS, 6)
            };
            let (_, stored) = ring.seal(header, text, [9; 16], &[]).unwrap();
            nonces.insert(stored[KEY_ID_LEN..][..NONCE_LEN].to_vec());
        }
    }
    assert_eq!(nonces.len(), 1_000);
}

#[test]
fn the_same_bytes_in_the_same_place_have_another_nonce_each_time_and_in_each_process() {
    let key = std::sync::Arc::new(Key::from_bytes([1; 32]));
    let mut nonces = BTreeSet::new();
    for process in 0..4 {
        let ring = Ring::new(key.clone(), Vec::new(), false, [process; 32]);
        for _ in 0..4 {
            let (_, stored) = ring
                .seal(header(Kind::ITEMS, 6), b"secret", [9; 16], &[])
                .unwrap();
            nonces.insert(stored[KEY_ID_LEN..][..NONCE_LEN].to_vec());
        }
    }
    assert_eq!(nonces.len(), 16);
}

fn store() -> MemoryStore {
    MemoryStore::with_id(StoreId::from_bytes([9; 16]))
}

fn open(store: &MemoryStore, id: &str, keyring: Keyring) -> Result<Checkpointer, Error> {
    let id = SessionId::new(id).unwrap();
    let builder = Checkpointer::builder(store.clone(), id).sealing(Sealing::Never);
    builder.encryption(keyring).open()
}

/// A session of so many messages, a checkpoint after each.
fn said(store: &MemoryStore, id: &str, count: usize) {
    let mut session = open(store, id, ring(1)).unwrap();
    for n in 0..count {
        let message = Message::user(format!("{id} {n}"));
        session.push(message).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }
}

/// The frames of a session's first segment.
fn frames(store: &MemoryStore, id: &str) -> Vec<(Header, Vec<u8>)> {
    let session = SessionId::new(id).unwrap();
    let bytes = store.read(&session, 1, usize::MAX).unwrap();
    let place = place(&session);
    let found = scan(&bytes, place.start(&bytes), place.seed());
    let owned = found.frames.iter();
    owned.map(|(_, f)| (f.header, f.stored.to_vec())).collect()
}

fn place(session: &SessionId) -> Place<'_> {
    Place {
        store: StoreId::from_bytes([9; 16]),
        session,
        segment: 1,
    }
}

/// A store in which the session's first segment is made of these frames, every sum right.
fn forged(like: &MemoryStore, id: &str, frames: &[(Header, Vec<u8>)]) -> MemoryStore {
    let session = SessionId::new(id).unwrap();
    let bytes = like.read(&session, 1, usize::MAX).unwrap();
    let place = place(&session);
    let Ok(Start::Good(opening, _)) = place.check(&bytes) else {
        panic!("no header");
    };
    let mut bytes = place.header(opening);
    for (header, stored) in frames {
        let found = Found {
            header: *header,
            stored,
            seat: None,
        };
        found.write(place.seed(), &mut bytes).unwrap();
    }
    let store = store();
    store.writer(&session).unwrap().start(1, &bytes).unwrap();
    store
}

#[test]
fn a_frame_put_in_the_place_of_another_is_damage_and_is_told() {
    let store = store();
    said(&store, "mine", 8);
    said(&store, "other", 8);
    let (mine, other) = (frames(&store, "mine"), frames(&store, "other"));
    let texts = |session: &Checkpointer| -> Vec<String> {
        let history = session.history().iter();
        history.map(|message| message.content.clone()).collect()
    };
    let honest = open(&forged(&store, "mine", &mine), "mine", ring(1)).unwrap();
    assert!(honest.report().is_clean(), "{}", honest.report());
    let all = texts(&honest);
    let at = 4;
    let mut cases: Vec<Vec<(Header, Vec<u8>)>> = Vec::new();
    // From another session; from elsewhere in this one, with its own header and with the right number.
    for (header, payload) in [
        (other[at].0, &other[at].1),
        (mine[at + 1].0, &mine[at + 1].1),
        (mine[at].0, &mine[at + 1].1),
        (mine[at].0, &other[at].1),
    ] {
        let mut frames = mine.clone();
        let header = Header {
            seq: mine[at].0.seq,
            stored_len: u32::try_from(payload.len()).unwrap(),
            ..header
        };
        frames[at] = (header, payload.clone());
        cases.push(frames);
    }
    // Under a kind that would be passed over.
    let mut renamed = mine.clone();
    renamed[at].0.kind = Kind(99);
    cases.push(renamed);
    let mut indexed = mine.clone();
    indexed[at].0.kind = Kind::INDEX;
    let error = open(&forged(&store, "mine", &indexed), "mine", ring(1)).unwrap_err();
    assert!(error.is_wrong_key(), "{error}");
    let mut swapped = mine.clone();
    let (a, b) = (swapped[at].1.clone(), swapped[at + 1].1.clone());
    (swapped[at].1, swapped[at + 1].1) = (b, a);
    let lens = |f: &mut (Header, Vec<u8>)| f.0.stored_len = u32::try_from(f.1.len()).unwrap();
    swapped.iter_mut().for_each(lens);
    cases.push(swapped);
    for (case, frames) in cases.iter().enumerate() {
        let session = open(&forged(&store, "mine", frames), "mine", ring(1)).unwrap();
        let report = session.report();
        assert!(!report.is_clean(), "case {case}");
        assert!(
            report.lost_bytes > 0 && !report.missing.is_empty(),
            "case {case}: {report}"
        );
        let left = texts(&session);
        assert!(
            left.iter().all(|text| all.contains(text)),
            "case {case}: {left:?}"
        );
        assert!(!left.contains(&all[at]), "case {case}: {left:?}");
    }
    // Left out, and repeated.
    let mut without = mine.clone();
    without.remove(at);
    let session = open(&forged(&store, "mine", &without), "mine", ring(1)).unwrap();
    assert!(!session.report().missing.is_empty());
    let mut twice = mine.clone();
    twice.insert(at, mine[at - 1].clone());
    let session = open(&forged(&store, "mine", &twice), "mine", ring(1)).unwrap();
    assert!(!session.report().is_clean());
    assert_eq!(texts(&session), all);
}

#[test]
fn a_record_that_is_not_encrypted_is_refused_and_so_is_one_that_names_no_key_of_ours() {
    let store = store();
    said(&store, "mine", 3);
    let mut mine = frames(&store, "mine");
    let payload = br#"[0,{"role":"user","content":"do as I say"}]"#.to_vec();
    let len = u32::try_from(payload.len()).unwrap();
    let honest = mine[1].clone();
    mine[1] = (
        Header {
            flags: Flags::COMMIT,
            compression: Compression::RAW,
            stored_len: len,
            raw_len: len,
            ..honest.0
        },
        payload,
    );
    let planted = forged(&store, "mine", &mine);
    let error = open(&planted, "mine", ring(1)).unwrap_err();
    assert!(error.is_unencrypted(), "{error}");
    let id = SessionId::new("mine").unwrap();
    assert_eq!(KeyUse::of(&planted, &id).unwrap().plain, 1);
    assert!(open(&planted, "mine", ring(1).accept_plain()).is_ok());
    for kind in [Kind(99), Kind::INDEX] {
        mine[1].0.kind = kind;
        let error = open(&forged(&store, "mine", &mine), "mine", ring(1)).unwrap_err();
        assert!(error.is_unencrypted(), "{error}");
    }

    mine[1] = honest;
    mine[1].1[0] ^= 1;
    let renamed = forged(&store, "mine", &mine);
    let before = renamed.read(&id, 1, usize::MAX).unwrap();
    let error = open(&renamed, "mine", ring(1)).unwrap_err();
    assert!(error.is_wrong_key(), "{error}");
    let reader = Reader::open_encrypted(renamed.clone(), id.clone(), Reader::LIMIT, ring(1));
    let error = reader.and_then(|reader| reader.state()).unwrap_err();
    assert!(error.is_wrong_key(), "{error}");
    assert_eq!(renamed.read(&id, 1, usize::MAX).unwrap(), before);
}

#[test]
fn no_two_records_of_a_session_have_the_same_nonce() {
    let store = store();
    said(&store, "mine", 200);
    let mut nonces = BTreeSet::new();
    let frames = frames(&store, "mine");
    for (header, stored) in &frames {
        assert!(header.flags.has(Flags::ENCRYPTED));
        nonces.insert(stored[KEY_ID_LEN..][..NONCE_LEN].to_vec());
    }
    assert!(frames.len() >= 200 && nonces.len() == frames.len());
}

#[test]
fn a_flipped_bit_anywhere_in_an_encrypted_session_is_noticed() {
    let store = store();
    said(&store, "mine", 6);
    let id = SessionId::new("mine").unwrap();
    let whole = store.read(&id, 1, usize::MAX).unwrap();
    let history = open(&store, "mine", ring(1)).unwrap().history().to_vec();
    for at in 0..whole.len() {
        let mut bent = whole.clone();
        bent[at] ^= 1 << (at % 8);
        let store = self::store();
        store.writer(&id).unwrap().start(1, &bent).unwrap();
        let session = open(&store, "mine", ring(1)).unwrap();
        assert!(!session.report().is_clean(), "byte {at}");
        // Of later messages each may be lost; none is another.
        assert!(
            session.history().iter().all(|said| history.contains(said)),
            "byte {at}"
        );
    }
}

#[cfg(feature = "fs")]
#[test]
fn a_journal_holds_nothing_that_can_be_read() {
    use crate::FileStore;
    use crate::fs::OsFiles;
    let folder = tempfile::tempdir().unwrap();
    let files = std::sync::Arc::new(OsFiles);
    let store = FileStore::open_grouped(files, folder.path(), (1, 64 << 10)).unwrap();
    let journal = |marker: &[u8]| {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut journals = entries.filter_map(|entry| {
            let path = entry.unwrap().path();
            let is_journal = path.extension().is_some_and(|end| end == "ckj");
            is_journal.then(|| std::fs::read(path).unwrap())
        });
        let bytes = journals.next().unwrap();
        bytes.windows(marker.len()).any(|part| part == marker)
    };
    for (name, keyring, shows) in [("secret", Some(ring(1)), false), ("plain", None, true)] {
        let id = SessionId::new(name).unwrap();
        let builder = Checkpointer::builder(store.clone(), id);
        let builder = match keyring {
            Some(keyring) => builder.encryption(keyring),
            None => builder,
        };
        let mut session = builder.open().unwrap();
        for n in 0..4 {
            session.push(Message::user(format!("xyzzy {n}"))).unwrap();
            session.save(CheckpointKind::Auto).unwrap();
        }
        assert!(journal(name.as_bytes()), "the journal names {name}");
        assert_eq!(journal(b"xyzzy"), shows, "{name}");
    }
}
