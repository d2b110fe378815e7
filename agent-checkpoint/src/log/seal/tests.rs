//! Sealing whole segments, and what comes back.

use super::*;
use crate::StoreId;
use crate::format::header::Header;
use crate::format::segment::Opening;
use crate::format::tags::{Codec, Compression, Flags};
use crate::log::scan::scan;
use crate::{format::frame::Found, format::pack};
use agent_primitives::SessionId;
use proptest::prelude::*;

fn session() -> SessionId {
    SessionId::new("s").unwrap()
}

fn place(session: &SessionId) -> Place<'_> {
    Place {
        store: StoreId::from_bytes([7; 16]),
        session,
        segment: 3,
    }
}

fn header(kind: u8, seq: u64, len: usize) -> Header {
    let len = u32::try_from(len).unwrap();
    Header {
        kind: Kind(kind),
        codec: Codec::JSON,
        compression: Compression::RAW,
        flags: Flags::NONE,
        schema: 1,
        seq,
        stored_len: len,
        raw_len: len,
    }
}

fn segment(place: &Place<'_>, frames: &[(Header, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = place.header(Opening {
        epoch: 4,
        void_from: 9,
        is_sealed: false,
    });
    for (header, stored) in frames {
        let header = *header;
        let frame = Found {
            header,
            stored,
            seat: None,
        };
        frame.write(place.seed(), &mut bytes).unwrap();
    }
    bytes
}

/// Frames of all kinds: messages, one that must be carried, one of a later version.
fn frames() -> Vec<(Header, Vec<u8>)> {
    let mut frames = Vec::new();
    let mut seq = 100;
    for n in 0..40 {
        let text = format!("line {n} of the log\n").repeat(n + 1);
        let json = serde_json::json!([n, {"role": "user", "content": text}]).to_string();
        let flags = if n % 3 == 0 {
            Flags::COMMIT
        } else {
            Flags::NONE
        };
        let header = Header {
            flags,
            ..header(1, seq, json.len())
        };
        frames.push((header, json.into_bytes()));
        seq += 1;
    }
    let unknown = Header {
        flags: Flags(1 << 5),
        schema: 9,
        codec: Codec(77),
        ..header(200, seq, 3)
    };
    frames.push((unknown, vec![1, 2, 3]));
    let carried = Header {
        compression: Compression(99),
        raw_len: 500,
        ..header(201, seq + 1, 4)
    };
    frames.push((carried, vec![9; 4]));
    let stone = br#"{"through":90}"#.to_vec();
    frames.push((header(6, seq + 2, stone.len()), stone));
    frames
}

fn sealed(place: &Place<'_>, bytes: &[u8]) -> Vec<u8> {
    match seal(place, bytes, &[], None, &Keys::default(), &|| false).unwrap() {
        Outcome::Sealed(sealed) => sealed,
        other => panic!("{other:?}"),
    }
}

fn given_back(place: &Place<'_>, bytes: &[u8]) -> Vec<(Header, Vec<u8>)> {
    let Start::Good(_, start) = place.check(bytes).unwrap() else {
        panic!("the header is damaged")
    };
    let mut frames = Vec::new();
    let mut unpacker = Unpacker::new().unwrap();
    for (_, found) in scan(bytes, start, place.seed()).frames {
        match found.header.kind {
            Kind::INDEX => {}
            Kind::PACK => {
                let raw = unpacker.inflate(&found.header, found.stored).unwrap();
                for inner in pack::frames(raw, found.header.seq).unwrap() {
                    frames.push((inner.header, inner.stored.to_vec()));
                }
            }
            _ => frames.push((found.header, found.stored.to_vec())),
        }
    }
    frames
}

#[test]
fn every_frame_comes_back_and_the_index_tells_where_it_lies() {
    let id = session();
    let place = place(&id);
    let bytes = segment(&place, &frames());
    let sealed = sealed(&place, &bytes);
    assert!(sealed.len() * 3 < bytes.len(), "{} bytes", sealed.len());
    assert_eq!(given_back(&place, &sealed), frames());
    let Start::Good(opening, _) = place.check(&sealed).unwrap() else {
        panic!("the header is damaged")
    };
    let as_before = Opening {
        epoch: 4,
        void_from: 9,
        is_sealed: true,
    };
    assert_eq!(opening, as_before);

    let index = index_of(&place, &sealed, &Keys::default()).unwrap();
    let pieces: Vec<_> = index
        .pieces
        .iter()
        .map(|piece| (piece.first, piece.frames, piece.items))
        .collect();
    assert_eq!(pieces, [(100, 41, 40), (141, 1, 0), (142, 1, 0)]);
    for piece in &index.pieces {
        let at = usize::try_from(piece.offset).unwrap();
        let found = Found::read(&sealed[at..], place.seed()).unwrap();
        assert_eq!(found.header.seq, piece.first);
    }
    assert_eq!(index.marks.len(), 1);
    assert_eq!(index.marks[0].payload, br#"{"through":90}"#);
}

#[test]
fn a_segment_with_damage_is_left_as_it_is() {
    let id = session();
    let place = place(&id);
    let whole = segment(&place, &frames());
    let outcome =
        |bytes: &[u8]| seal(&place, bytes, &[], None, &Keys::default(), &|| false).unwrap();
    for at in [3, 80, 400, whole.len() - 1] {
        let mut bent = whole.clone();
        bent[at] ^= 1;
        assert!(matches!(outcome(&bent), Outcome::Damaged), "byte {at}");
    }
    let mut stale = frames();
    stale.push((header(1, 100, 3), b"[0]".to_vec()));
    assert!(matches!(
        outcome(&segment(&place, &stale)),
        Outcome::Damaged
    ));
    let unreadable = [(header(1, 1, 3), b"[0]".to_vec())];
    assert!(matches!(
        outcome(&segment(&place, &unreadable)),
        Outcome::Damaged
    ));
    assert!(matches!(
        seal(&place, &whole, &[], None, &Keys::default(), &|| true).unwrap(),
        Outcome::Stopped
    ));
    let tiny = [(header(200, 1, 3), b"abc".to_vec())];
    assert!(matches!(outcome(&segment(&place, &tiny)), Outcome::NoGain));
}

#[test]
fn sealing_what_is_sealed_changes_nothing() {
    let id = session();
    let place = place(&id);
    let once = sealed(&place, &segment(&place, &frames()));
    assert!(is_sealed(&place, &once).unwrap());
    assert!(!is_sealed(&place, &segment(&place, &frames())).unwrap());
    assert!(matches!(
        seal(&place, &once, &[], None, &Keys::default(), &|| false).unwrap(),
        Outcome::NoGain
    ));
}

#[test]
fn a_flipped_bit_costs_one_piece_and_shows_in_the_digest() {
    let id = session();
    let place = place(&id);
    let bytes = sealed(&place, &segment(&place, &frames()));
    let Start::Good(_, start) = place.check(&bytes).unwrap() else {
        panic!("the header is damaged")
    };
    let pieces = scan(&bytes, start, place.seed()).frames.len();
    assert_eq!(pieces, 4, "two packs, a frame carried, the index");
    for bit in 0..bytes.len() * 8 {
        let mut bent = bytes.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        assert!(
            index_of(&place, &bent, &Keys::default()).is_none(),
            "bit {bit}"
        );
        assert!(is_sealed(&place, &bent).unwrap(), "bit {bit}");
        let found = scan(&bent, start, place.seed()).frames.len();
        assert!(found + 1 >= pieces, "bit {bit}");
    }
}

#[test]
fn a_long_payload_stands_by_itself() {
    let id = session();
    let place = place(&id);
    let long: Vec<u8> = (0..17_u32 << 18)
        .flat_map(|n| (n / 9).to_le_bytes())
        .collect();
    let raw = zstd::bulk::compress(&long, 1).unwrap();
    let mut stored = frames();
    stored.truncate(5);
    let head = Header {
        compression: Compression::ZSTD,
        raw_len: u32::try_from(long.len()).unwrap(),
        ..header(77, 200, raw.len())
    };
    stored.push((head, raw));
    let bytes = segment(&place, &stored);
    let sealed = sealed(&place, &bytes);
    assert_eq!(given_back(&place, &sealed), stored);
}

proptest! {
    #[test]
    fn bytes_from_anywhere_are_no_sealed_segment(raw: Vec<u8>) {
        let id = session();
        let place = place(&id);
        prop_assert!(index_of(&place, &raw, &Keys::default()).is_none());
        let mut bytes = place.header(Opening { is_sealed: true, ..Opening::default() });
        bytes.extend(raw);
        let _ = seal(&place, &bytes, &[], None, &Keys::default(), &|| false);
    }
}
