//! The payload of an Index frame, the last of a sealed segment: where its packs lie, and what its listing
//! needs, so that a reader need not inflate the packs.

use super::frame::{Found, OVERHEAD};
use super::header::{Fault, HEADER_LEN};
use super::keys::Seed;
use super::payload::Digest;
use super::tags::Kind;
use super::varint::{self, Cursor};
use super::{ITEMS_MAX, bytes_at};

/// A frame that stands in the segment itself: a pack, or a frame too long for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Bytes from the start of the segment.
    pub(crate) offset: u64,
    /// Number of its first record.
    pub(crate) first: u64,
    /// Frames in it.
    pub(crate) frames: u64,
    /// Items in them, as far as the writer could count.
    pub(crate) items: u64,
}

/// A whole checkpoint that was listed when the segment was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) seq: u64,
    /// The start of its hash, as in its id.
    pub(crate) mark: [u8; 4],
    /// Unix milliseconds.
    pub(crate) at_ms: i64,
    /// Messages in its history.
    pub(crate) messages: u64,
    pub(crate) kind: String,
    /// Empty for none.
    pub(crate) agent: String,
    /// The id of the checkpoint that it went back to; empty for none.
    pub(crate) restored: String,
    /// Bytes of new state that it brought, before compression.
    pub(crate) logical: u64,
    /// Bytes of the frames that it was written with, as they were before they were sealed.
    pub(crate) stored: u64,
    /// What else a listing shows, as a JSON object; empty for nothing.
    pub(crate) other: String,
}

/// A frame that the listing depends on, such as a Tombstone, with its payload inflated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) kind: Kind,
    pub(crate) seq: u64,
    pub(crate) payload: Vec<u8>,
}

/// What a sealed segment holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Index {
    /// BLAKE3 of all bytes of the segment before the Index frame.
    pub(crate) digest: Digest,
    /// Ascending.
    pub(crate) pieces: Vec<Piece>,
    /// Ascending.
    pub(crate) listed: Vec<Listed>,
    /// Numbers of the Commit frames, ascending.
    pub(crate) commits: Vec<u64>,
    /// Ascending.
    pub(crate) marks: Vec<Mark>,
}

impl Index {
    /// Bytes of memory that it takes, about.
    pub(crate) fn weight(&self) -> u64 {
        let entries = self.pieces.len() * size_of::<Piece>()
            + self.listed.len() * 2 * size_of::<Listed>()
            + self.commits.len() * size_of::<u64>();
        let marks = self
            .marks
            .iter()
            .map(|mark| size_of::<Mark>() + mark.payload.len());
        u64::try_from(entries + marks.sum::<usize>()).unwrap_or(u64::MAX)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = self.digest.to_vec();
        let count = |out: &mut Vec<u8>, len: usize| {
            varint::write(out, u64::try_from(len).unwrap_or(u64::MAX));
        };
        count(&mut out, self.pieces.len());
        let (mut offset, mut seq) = (0, 0);
        for piece in &self.pieces {
            varint::write(&mut out, piece.offset.saturating_sub(offset));
            varint::write(&mut out, piece.first.saturating_sub(seq));
            varint::write(&mut out, piece.frames);
            varint::write(&mut out, piece.items);
            (offset, seq) = (piece.offset, piece.first);
        }
        count(&mut out, self.listed.len());
        let (mut seq, mut at_ms, mut messages) = (0, 0, 0);
        for listed in &self.listed {
            varint::write(&mut out, listed.seq.saturating_sub(seq));
            out.extend(listed.mark);
            varint::write_signed(&mut out, listed.at_ms.wrapping_sub(at_ms));
            let more = listed.messages.wrapping_sub(messages).cast_signed();
            varint::write_signed(&mut out, more);
            varint::write(&mut out, listed.logical);
            varint::write(&mut out, listed.stored);
            for text in [&listed.kind, &listed.agent, &listed.restored, &listed.other] {
                varint::write_bytes(&mut out, text.as_bytes());
            }
            (seq, at_ms, messages) = (listed.seq, listed.at_ms, listed.messages);
        }
        count(&mut out, self.commits.len());
        let mut seq = 0;
        for number in &self.commits {
            varint::write(&mut out, number.saturating_sub(seq));
            seq = *number;
        }
        count(&mut out, self.marks.len());
        let mut seq = 0;
        for mark in &self.marks {
            out.push(mark.kind.0);
            varint::write(&mut out, mark.seq.saturating_sub(seq));
            varint::write_bytes(&mut out, &mark.payload);
            seq = mark.seq;
        }
        out
    }

    pub(crate) fn decode(raw: &[u8]) -> Result<Self, Fault> {
        let cursor = &mut Cursor(raw);
        let digest = cursor.array()?;
        let add = |a: u64, b: u64| a.checked_add(b).ok_or(Fault::Limit);
        let (mut offset, mut seq) = (0, 0);
        let pieces = list(cursor, |cursor| {
            offset = add(offset, cursor.number()?)?;
            seq = add(seq, cursor.number()?)?;
            Ok(Piece {
                offset,
                first: seq,
                frames: cursor.number()?,
                items: cursor.number()?,
            })
        })?;
        let (mut seq, mut at_ms, mut messages) = (0, 0_i64, 0_u64);
        let listed = list(cursor, |cursor| {
            seq = add(seq, cursor.number()?)?;
            let mark = cursor.array()?;
            at_ms = at_ms.wrapping_add(cursor.signed()?);
            messages = messages.wrapping_add(cursor.signed()?.cast_unsigned());
            Ok(Listed {
                seq,
                mark,
                at_ms,
                messages,
                logical: cursor.number()?,
                stored: cursor.number()?,
                kind: cursor.text()?.to_owned(),
                agent: cursor.text()?.to_owned(),
                restored: cursor.text()?.to_owned(),
                other: cursor.text()?.to_owned(),
            })
        })?;
        let mut seq = 0;
        let commits = list(cursor, |cursor| {
            seq = add(seq, cursor.number()?)?;
            Ok(seq)
        })?;
        let mut seq = 0;
        let marks = list(cursor, |cursor| {
            let kind = Kind(cursor.byte()?);
            seq = add(seq, cursor.number()?)?;
            let payload = cursor.bytes()?.to_vec();
            Ok(Mark { kind, seq, payload })
        })?;
        // What a later version adds stands behind it.
        Ok(Self {
            digest,
            pieces,
            listed,
            commits,
            marks,
        })
    }
}

fn list<'a, T>(
    cursor: &mut Cursor<'a>,
    mut entry: impl FnMut(&mut Cursor<'a>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let count = cursor.count()?;
    if count > ITEMS_MAX {
        return Err(Fault::Limit);
    }
    // Grows with what is there, never with what a number promises.
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(entry(cursor)?);
    }
    Ok(entries)
}

/// The Index frame at the end of a sealed segment's bytes, and where it begins.
pub(crate) fn last_frame(bytes: &[u8], seed: Seed) -> Option<(usize, Found<'_>)> {
    let total = bytes_at(bytes, bytes.len().checked_sub(4)?)?;
    let total = usize::try_from(u32::from_le_bytes(total)).ok()?;
    // A shorter one cannot be; that it is not longer than the bytes, `checked_sub` sees.
    if total < OVERHEAD.max(HEADER_LEN) {
        return None;
    }
    let at = bytes.len().checked_sub(total)?;
    let found = Found::read(bytes.get(at..)?, seed).ok()?;
    (found.header.kind == Kind::INDEX && found.len() == total).then_some((at, found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index() -> Index {
        let listed = |seq, at_ms, messages| Listed {
            seq,
            mark: [1, 2, 3, 4],
            at_ms,
            messages,
            kind: "auto".into(),
            agent: "coder".into(),
            restored: String::new(),
            logical: 70_000,
            stored: 812,
            other: "{\"why\":\"x\"}".into(),
        };
        Index {
            digest: [9; 32],
            pieces: vec![
                Piece {
                    offset: 72,
                    first: 0,
                    frames: 40,
                    items: 39,
                },
                Piece {
                    offset: 9_000,
                    first: 300,
                    frames: 1,
                    items: 0,
                },
            ],
            listed: vec![
                listed(5, -3, 9),
                listed(8, 1_700_000_000_000, 2),
                listed(300, i64::MIN, 0),
            ],
            commits: vec![5, 300],
            marks: vec![Mark {
                kind: Kind::TOMBSTONE,
                seq: 7,
                payload: b"{}".to_vec(),
            }],
        }
    }

    #[test]
    fn every_field_comes_back_and_what_a_later_version_adds_is_passed_over() {
        let mut raw = index().encode();
        assert_eq!(Index::decode(&raw), Ok(index()));
        for len in 0..raw.len() {
            assert!(Index::decode(&raw[..len]).is_err(), "{len} bytes");
        }
        raw.extend(b"later");
        assert_eq!(Index::decode(&raw), Ok(index()));
    }

    #[test]
    fn a_count_that_promises_more_than_there_is_is_refused() {
        let mut raw = vec![0; 32];
        varint::write(&mut raw, 1 << 40);
        assert_eq!(Index::decode(&raw), Err(Fault::Limit));
        raw.truncate(32);
        varint::write(&mut raw, 1_000_000);
        assert_eq!(Index::decode(&raw), Err(Fault::Content));
    }

    proptest! {
        #[test]
        fn bytes_from_anywhere_never_panic(raw: Vec<u8>, at in 0_usize..200, bent: u8) {
            let _ = Index::decode(&raw);
            let _ = last_frame(&raw, 1.into());
            let mut whole = index().encode();
            let at = at % whole.len();
            whole[at] ^= bent;
            let _ = Index::decode(&whole);
        }
    }
}
