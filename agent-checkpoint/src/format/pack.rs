//! The payload of a Pack frame: a run of frames without their sums, heads first and then payloads, so that
//! like stands beside like.

use super::PAYLOAD_MAX;
use super::frame::Found;
use super::header::{Fault, Header};
use super::tags::{Codec, Compression, Flags, Kind};
use super::varint::{self, Cursor};

/// Most frames in one pack.
pub(crate) const PACK_FRAMES_MAX: usize = 65_536;
/// A longer payload is never packed together with others, in bytes. With it a pack stays far below the
/// longest payload that a frame may have.
pub(crate) const PACKED_PAYLOAD_MAX: usize = 16 << 20;
/// Longest entry of the head table: six fixed bytes and two numbers.
const HEAD_MAX: usize = 6 + 2 * 10;

/// A Pack payload in the making.
#[derive(Debug, Default)]
pub(crate) struct PackDraft {
    heads: Vec<u8>,
    payloads: Vec<u8>,
    count: usize,
    last: u64,
}

impl PackDraft {
    /// A pack without frames; the first will have the number `first`.
    pub(crate) fn starting_at(first: u64) -> Self {
        Self {
            last: first,
            ..Self::default()
        }
    }

    /// Whether a frame with a payload of `len` bytes still fits.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        let grown = self.heads.len() + self.payloads.len() + HEAD_MAX;
        self.count < PACK_FRAMES_MAX && grown.saturating_add(len) <= PAYLOAD_MAX / 2
    }

    /// Adds a frame with its payload inflated. Its number must not be less than that of the one before.
    pub(crate) fn push(&mut self, header: &Header, raw: &[u8]) {
        let heads = &mut self.heads;
        heads.extend([header.kind.0, header.codec.0]);
        heads.extend(header.flags.0.to_le_bytes());
        heads.extend(header.schema.to_le_bytes());
        varint::write(heads, header.seq.saturating_sub(self.last));
        varint::write(heads, u64::try_from(raw.len()).unwrap_or(u64::MAX));
        self.payloads.extend_from_slice(raw);
        self.last = header.seq;
        self.count += 1;
    }

    pub(crate) fn len(&self) -> usize {
        self.heads.len() + self.payloads.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        let mut raw = Vec::with_capacity(self.len() + 10);
        varint::write(&mut raw, u64::try_from(self.count).unwrap_or(u64::MAX));
        raw.extend_from_slice(&self.heads);
        raw.extend_from_slice(&self.payloads);
        raw
    }
}

/// The frames in a Pack payload, of which the first has the number `first` or a greater one.
pub(crate) fn frames(raw: &[u8], first: u64) -> Result<Vec<Found<'_>>, Fault> {
    let mut cursor = Cursor(raw);
    let count = cursor.count()?;
    if count > PACK_FRAMES_MAX {
        return Err(Fault::Limit);
    }
    let mut last = first;
    let mut headers = Vec::new();
    for _ in 0..count {
        let header = head(&mut cursor, last)?;
        last = header.seq;
        headers.push(header);
    }
    let mut frames = Vec::with_capacity(headers.len());
    for header in headers {
        let len = usize::try_from(header.stored_len).map_err(|_| Fault::Limit)?;
        let stored = cursor.take(len)?;
        frames.push(Found {
            header,
            stored,
            seat: None,
        });
    }
    if cursor.is_empty() {
        Ok(frames)
    } else {
        Err(Fault::Content)
    }
}

fn head(cursor: &mut Cursor<'_>, last: u64) -> Result<Header, Fault> {
    let [kind, codec] = cursor.array()?;
    let flags = Flags(u16::from_le_bytes(cursor.array()?));
    let schema = u16::from_le_bytes(cursor.array()?);
    let seq = last.checked_add(cursor.number()?).ok_or(Fault::Limit)?;
    let len = u32::try_from(cursor.number()?).map_err(|_| Fault::Limit)?;
    let header = Header {
        kind: Kind(kind),
        codec: Codec(codec),
        // Compressed once more, a small file could fill the memory within all limits.
        compression: Compression::RAW,
        flags,
        schema,
        seq,
        stored_len: len,
        raw_len: len,
    };
    // A pack in a pack could go on for ever.
    if [Kind::PACK, Kind::INDEX].contains(&header.kind) {
        return Err(Fault::Content);
    }
    if header.is_in_range() {
        Ok(header)
    } else {
        Err(Fault::Limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(kind: u8, seq: u64, len: usize) -> Header {
        let len = u32::try_from(len).unwrap();
        Header {
            kind: Kind(kind),
            codec: Codec(7),
            compression: Compression::RAW,
            flags: Flags(0x1234),
            schema: 5,
            seq,
            stored_len: len,
            raw_len: len,
        }
    }

    fn packed(frames: &[(Header, Vec<u8>)], first: u64) -> Vec<u8> {
        let mut draft = PackDraft::starting_at(first);
        for (header, payload) in frames {
            draft.push(header, payload);
        }
        draft.finish()
    }

    proptest! {
        #[test]
        fn frames_come_back_field_by_field(
            made in proptest::collection::vec((1_u8..7, 0_u64..300, any::<Vec<u8>>()), 0..20),
            first in 0_u64..1 << 60,
        ) {
            let mut seq = first;
            let frames_in: Vec<(Header, Vec<u8>)> = made
                .into_iter()
                .map(|(kind, step, payload)| {
                    seq += step;
                    (header(kind, seq, payload.len()), payload)
                })
                .collect();
            let raw = packed(&frames_in, first);
            let out = frames(&raw, first).unwrap();
            prop_assert_eq!(out.len(), frames_in.len());
            for (out, (header, payload)) in out.iter().zip(&frames_in) {
                prop_assert_eq!((&out.header, out.stored), (header, &payload[..]));
            }
        }

        #[test]
        fn bytes_from_anywhere_are_taken_apart_or_refused(raw: Vec<u8>, first: u64) {
            if let Ok(out) = frames(&raw, first) {
                let bytes: usize = out.iter().map(|frame| frame.stored.len()).sum();
                prop_assert!(bytes <= raw.len());
            }
        }
    }

    #[test]
    fn a_bent_bit_never_makes_more_than_there_is() {
        let frames_in = [
            (header(1, 4, 9), b"[0,\"abc\"]".to_vec()),
            (header(200, 9, 3), vec![1, 2, 3]),
        ];
        let raw = packed(&frames_in, 4);
        for bit in 0..raw.len() * 8 {
            let mut bent = raw.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            if let Ok(out) = frames(&bent, 4) {
                let len: usize = out.iter().map(|frame| frame.stored.len()).sum();
                assert!(out.len() <= 2 && len <= 12, "bit {bit}");
            }
        }
        for len in 0..raw.len() {
            assert!(frames(&raw[..len], 4).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn a_pack_in_a_pack_and_a_count_beyond_the_limit_are_refused() {
        for kind in [Kind::PACK, Kind::INDEX] {
            let raw = packed(&[(header(kind.0, 1, 0), Vec::new())], 0);
            assert_eq!(frames(&raw, 0), Err(Fault::Content));
        }
        let unwritten = packed(&[(header(0, 1, 0), Vec::new())], 0);
        assert_eq!(frames(&unwritten, 0), Err(Fault::Limit));
        let mut forged = Vec::new();
        varint::write(&mut forged, 65_537);
        forged.resize(4 << 20, 1);
        assert_eq!(frames(&forged, 0), Err(Fault::Limit));
        let far = packed(&[(header(1, u64::MAX, 0), Vec::new())], 0);
        assert_eq!(frames(&far, 0), Err(Fault::Limit));
    }
}
