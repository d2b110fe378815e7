//! Header, payload and trailer put together and taken apart.

use super::header::{Fault, HEADER_LEN, Header};
use super::keys::{Keys, Seat, Seed};
use super::tags::{Codec, Compression, Flags, Kind};
use super::{PAYLOAD_MAX, bytes_at, envelope};
use crate::Error;

const TRAILER_LEN: usize = 8;
/// Bytes that a frame adds to its payload.
pub(crate) const OVERHEAD: usize = HEADER_LEN + TRAILER_LEN;

/// A frame ready to be written, but for the sums and the encryption, which depend on the segment it goes to. One
/// that is flagged as encrypted is when it is written.
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
    pub(crate) fn of(found: &Found<'_>, keys: &Keys) -> Result<Self, Fault> {
        let mut room = Vec::new();
        let found = keys.open(found, &mut room)?;
        let header = found.header;
        Ok(Self {
            kind: header.kind,
            codec: header.codec,
            flags: header.flags.and(keys.flag()),
            schema: header.schema,
            seq: header.seq,
            compression: header.compression,
            stored: found.stored.to_vec(),
            raw_len: header.raw_len,
        })
    }

    pub(crate) fn len(&self) -> usize {
        OVERHEAD + envelope::added(self.kind, self.flags) + self.stored.len()
    }

    /// Appends the frame's bytes, encrypted where it is flagged so.
    ///
    /// # Errors
    /// The payload is longer than it may be.
    pub(crate) fn write(&self, keys: &Keys, seed: Seed, out: &mut Vec<u8>) -> Result<(), Error> {
        let too_large = || Error::too_large("a frame", self.len(), PAYLOAD_MAX);
        let header = Header {
            kind: self.kind,
            codec: self.codec,
            compression: self.compression,
            flags: self.flags,
            schema: self.schema,
            seq: self.seq,
            stored_len: u32::try_from(self.stored.len()).map_err(|_| too_large())?,
            raw_len: self.raw_len,
        };
        let found = Found {
            header,
            stored: &self.stored,
            seat: seed.seat,
        };
        if !self.flags.has(Flags::ENCRYPTED) {
            return found.write(seed, out).ok_or_else(too_large);
        }
        let (header, stored) = keys.seal(header, &self.stored, seed.seat, &[])?;
        let stored = &stored;
        let found = Found {
            header,
            stored,
            ..found
        };
        found.write(seed, out).ok_or_else(too_large)
    }
}

/// A frame whose sums are right, as it lies in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) header: Header,
    pub(crate) stored: &'a [u8],
    /// The segment in which it stands; `None` of one that is opened: out of a pack, or decrypted.
    pub(crate) seat: Option<Seat>,
}

impl<'a> Found<'a> {
    /// The frame at the start of `bytes`.
    pub(crate) fn read(bytes: &'a [u8], seed: Seed) -> Result<Self, Fault> {
        let (header, header_sum) = Header::decode(bytes, seed.sum)?;
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
        Ok(Self {
            header,
            stored,
            seat: seed.seat,
        })
    }

    pub(crate) fn len(&self) -> usize {
        OVERHEAD + self.stored.len()
    }

    /// Appends the frame's bytes. `None` when the payload is longer than a length field can say.
    pub(crate) fn write(&self, seed: Seed, out: &mut Vec<u8>) -> Option<()> {
        let total = u32::try_from(self.len()).ok()?;
        let (bytes, header_sum) = self.header.encode(seed.sum);
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
        draft
            .write(&Keys::default(), seed.into(), &mut out)
            .unwrap();
        assert_eq!(out.len(), draft.len());
        out
    }

    #[test]
    fn any_flipped_bit_and_any_missing_byte_is_noticed() {
        let bytes = written(9);
        assert_eq!(Found::read(&bytes, Seed::from(9)).unwrap().stored, b"[0]");
        for bit in 0..bytes.len() * 8 {
            let mut bent = bytes.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert!(Found::read(&bent, Seed::from(9)).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert_eq!(
                Found::read(&bytes[..len], Seed::from(9)),
                Err(Fault::Short),
                "{len} bytes"
            );
        }
    }

    #[test]
    fn a_payload_does_not_pass_under_another_frames_header() {
        let (one, other) = (written(1), written(2));
        let mixed: Vec<u8> = [&one[..HEADER_LEN], &other[HEADER_LEN..]].concat();
        assert_eq!(Found::read(&mixed, Seed::from(1)), Err(Fault::PayloadSum));
    }
}
