//! Header, payload and trailer put together and taken apart.

use super::bytes_at;
use super::header::{Fault, HEADER_LEN, Header};
use super::tags::{Codec, Compression, Flags, Kind};

const TRAILER_LEN: usize = 8;
/// Bytes that a frame adds to its payload.
pub(crate) const OVERHEAD: usize = HEADER_LEN + TRAILER_LEN;

/// A frame ready to be written, but for the sums, which depend on the segment it goes to.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) kind: Kind,
    pub(crate) codec: Codec,
    pub(crate) flags: Flags,
    pub(crate) schema: u16,
    pub(crate) seq: u64,
    pub(crate) compression: Compression,
    pub(crate) stored: Vec<u8>,
    pub(crate) raw_len: u32,
}

impl Draft {
    /// A frame that was read, to be written once more.
    pub(crate) fn of(found: &Found<'_>) -> Self {
        let header = found.header;
        Self {
            kind: header.kind,
            codec: header.codec,
            flags: header.flags,
            schema: header.schema,
            seq: header.seq,
            compression: header.compression,
            stored: found.stored.to_vec(),
            raw_len: header.raw_len,
        }
    }

    pub(crate) fn len(&self) -> usize {
        OVERHEAD + self.stored.len()
    }

    /// Appends the frame's bytes. `None` when the payload is longer than a length field can say.
    pub(crate) fn write(&self, seed: u32, out: &mut Vec<u8>) -> Option<()> {
        let header = Header {
            kind: self.kind,
            codec: self.codec,
            compression: self.compression,
            flags: self.flags,
            schema: self.schema,
            seq: self.seq,
            stored_len: u32::try_from(self.stored.len()).ok()?,
            raw_len: self.raw_len,
        };
        Found {
            header,
            stored: &self.stored,
        }
        .write(seed, out)
    }
}

/// A frame whose sums are right, as it lies in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) header: Header,
    pub(crate) stored: &'a [u8],
}

impl<'a> Found<'a> {
    /// The frame at the start of `bytes`.
    pub(crate) fn read(bytes: &'a [u8], seed: u32) -> Result<Self, Fault> {
        let (header, header_sum) = Header::decode(bytes, seed)?;
        let stored_len = usize::try_from(header.stored_len).map_err(|_| Fault::Limit)?;
        let payload_end = HEADER_LEN + stored_len;
        let stored = bytes.get(HEADER_LEN..payload_end).ok_or(Fault::Short)?;
        let sum = u32::from_le_bytes(bytes_at(bytes, payload_end).ok_or(Fault::Short)?);
        let total = u32::from_le_bytes(bytes_at(bytes, payload_end + 4).ok_or(Fault::Short)?);
        if crc32c::crc32c_append(header_sum, stored) != sum
            || usize::try_from(total) != Ok(stored_len + OVERHEAD)
        {
            return Err(Fault::PayloadSum);
        }
        Ok(Self { header, stored })
    }

    pub(crate) fn len(&self) -> usize {
        OVERHEAD + self.stored.len()
    }

    /// Appends the frame's bytes. `None` when the payload is longer than a length field can say.
    pub(crate) fn write(&self, seed: u32, out: &mut Vec<u8>) -> Option<()> {
        let total = u32::try_from(self.len()).ok()?;
        let (bytes, header_sum) = self.header.encode(seed);
        out.extend_from_slice(&bytes);
        out.extend_from_slice(self.stored);
        // Seeded with the header's sum, so that a payload never passes under another's header.
        out.extend(crc32c::crc32c_append(header_sum, self.stored).to_le_bytes());
        out.extend(total.to_le_bytes());
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(seed: u32) -> Vec<u8> {
        let draft = Draft {
            kind: Kind::ITEMS,
            codec: Codec::JSON,
            flags: Flags::NONE,
            schema: 1,
            seq: 3,
            compression: Compression::RAW,
            stored: b"[0]".to_vec(),
            raw_len: 3,
        };
        let mut out = Vec::new();
        draft.write(seed, &mut out).unwrap();
        assert_eq!(out.len(), draft.len());
        out
    }

    #[test]
    fn any_flipped_bit_and_any_missing_byte_is_noticed() {
        let bytes = written(9);
        assert_eq!(Found::read(&bytes, 9).unwrap().stored, b"[0]");
        for bit in 0..bytes.len() * 8 {
            let mut bent = bytes.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert!(Found::read(&bent, 9).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert_eq!(
                Found::read(&bytes[..len], 9),
                Err(Fault::Short),
                "{len} bytes"
            );
        }
    }

    #[test]
    fn a_payload_does_not_pass_under_another_frames_header() {
        let (one, other) = (written(1), written(2));
        let mixed: Vec<u8> = [&one[..HEADER_LEN], &other[HEADER_LEN..]].concat();
        assert_eq!(Found::read(&mixed, 1), Err(Fault::PayloadSum));
    }
}
