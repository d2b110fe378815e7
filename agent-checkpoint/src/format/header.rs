//! The 32 bytes in front of a payload.

use super::envelope::{self, KEY_ID_LEN};
use super::tags::{Codec, Compression, Flags, Kind};
use super::{PAYLOAD_MAX, RATIO_FREE, RATIO_MAX, bytes_at};

/// Where a search for frames looks closer. Text may hold it, inside a character such as `Þ`; the sums
/// tell.
pub(crate) const MAGIC: [u8; 4] = [0x9e, b'c', b'k', b'f'];
const VERSION: u8 = 1;

const AT_VERSION: usize = MAGIC.len();
const AT_KIND: usize = AT_VERSION + 1;
const AT_CODEC: usize = AT_KIND + 1;
const AT_COMPRESSION: usize = AT_CODEC + 1;
const AT_FLAGS: usize = AT_COMPRESSION + 1;
const AT_SCHEMA: usize = AT_FLAGS + 2;
const AT_SEQ: usize = AT_SCHEMA + 2;
const AT_STORED_LEN: usize = AT_SEQ + 8;
const AT_RAW_LEN: usize = AT_STORED_LEN + 4;
const AT_SUM: usize = AT_RAW_LEN + 4;
pub(crate) const HEADER_LEN: usize = AT_SUM + 4;

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("ends in the middle of a frame")]
    Short,
    #[error("no frame begins here")]
    Magic,
    #[error("the frame header is damaged")]
    HeaderSum,
    #[error("frame header version {0}")]
    Version(u8),
    #[error("a length in the frame header is out of range")]
    Limit,
    #[error("the payload is damaged")]
    PayloadSum,
    #[error("the payload does not inflate to what the header says")]
    Inflate,
    #[error("the payload does not read as what the header says")]
    Content,
    #[error("dictionary {0} is needed to inflate the payload")]
    Dictionary(u32),
    #[error("a frame from before a later write")]
    Stale,
    #[error("the payload is not what was encrypted here: it was altered, or moved from elsewhere")]
    #[cfg_attr(
        not(feature = "encryption"),
        expect(dead_code, reason = "not in this build")
    )]
    Forged,
    #[error("the payload is encrypted with another key")]
    Locked([u8; KEY_ID_LEN]),
    #[error("the payload is not encrypted")]
    #[cfg_attr(
        not(feature = "encryption"),
        expect(dead_code, reason = "not in this build")
    )]
    Unencrypted,
}

/// A frame header. The lengths are checked: each is at most [`PAYLOAD_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) codec: Codec,
    pub(crate) compression: Compression,
    pub(crate) flags: Flags,
    pub(crate) schema: u16,
    /// Number of the frame's first record.
    pub(crate) seq: u64,
    pub(crate) stored_len: u32,
    pub(crate) raw_len: u32,
}

impl Header {
    /// The header's bytes and their sum, which seeds the payload's.
    pub(crate) fn encode(&self, seed: u32) -> ([u8; HEADER_LEN], u32) {
        let mut bytes = Vec::with_capacity(HEADER_LEN);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend([VERSION, self.kind.0, self.codec.0, self.compression.0]);
        bytes.extend(self.flags.0.to_le_bytes());
        bytes.extend(self.schema.to_le_bytes());
        bytes.extend(self.seq.to_le_bytes());
        bytes.extend(self.stored_len.to_le_bytes());
        bytes.extend(self.raw_len.to_le_bytes());
        let sum = crc32c::crc32c_append(seed, &bytes);
        bytes.extend(sum.to_le_bytes());
        (bytes_at(&bytes, 0).unwrap_or([0; HEADER_LEN]), sum)
    }

    /// The header at the start of `bytes`, and its sum.
    pub(crate) fn decode(bytes: &[u8], seed: u32) -> Result<(Self, u32), Fault> {
        let header: [u8; HEADER_LEN] = bytes_at(bytes, 0).ok_or(Fault::Short)?;
        if !header.starts_with(&MAGIC) {
            return Err(Fault::Magic);
        }
        // The sum comes first: no other field of a damaged header means anything.
        let sum = u32::from_le_bytes(field(&header, AT_SUM)?);
        let summed = header.get(..AT_SUM).ok_or(Fault::Short)?;
        if crc32c::crc32c_append(seed, summed) != sum {
            return Err(Fault::HeaderSum);
        }
        let [version, kind, codec, compression] = field(&header, AT_VERSION)?;
        if version != VERSION {
            return Err(Fault::Version(version));
        }
        let decoded = Self {
            kind: Kind(kind),
            codec: Codec(codec),
            compression: Compression(compression),
            flags: Flags(u16::from_le_bytes(field(&header, AT_FLAGS)?)),
            schema: u16::from_le_bytes(field(&header, AT_SCHEMA)?),
            seq: u64::from_le_bytes(field(&header, AT_SEQ)?),
            stored_len: u32::from_le_bytes(field(&header, AT_STORED_LEN)?),
            raw_len: u32::from_le_bytes(field(&header, AT_RAW_LEN)?),
        };
        if decoded.is_in_range() {
            Ok((decoded, sum))
        } else {
            Err(Fault::Limit)
        }
    }

    /// Bytes of the stored payload that encryption adds to it.
    pub(crate) const fn envelope(&self) -> usize {
        envelope::added(self.kind, self.flags)
    }

    pub(crate) fn is_in_range(&self) -> bool {
        let (Ok(stored), Ok(raw)) = (
            usize::try_from(self.stored_len),
            usize::try_from(self.raw_len),
        ) else {
            return false;
        };
        let packed = self.compression != Compression::RAW;
        self.kind != Kind::UNWRITTEN
            && stored <= PAYLOAD_MAX
            && raw <= PAYLOAD_MAX
            && (packed || stored.checked_sub(self.envelope()) == Some(raw))
            && is_plausible_ratio(raw, stored)
            // One past the last number must be representable.
            && self.seq < u64::MAX - u64::from(u32::MAX)
    }
}

/// Whether `raw` bytes may come out of `stored` bytes: a small file must not fill the memory.
pub(crate) fn is_plausible_ratio(raw: usize, stored: usize) -> bool {
    raw <= RATIO_FREE || raw <= stored.saturating_mul(RATIO_MAX)
}

fn field<const N: usize>(header: &[u8; HEADER_LEN], at: usize) -> Result<[u8; N], Fault> {
    bytes_at(header, at).ok_or(Fault::Short)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        kind: Kind::ITEMS,
        codec: Codec::JSON,
        compression: Compression::RAW,
        flags: Flags::COMMIT,
        schema: 1,
        seq: 0x0102_0304_0506_0708,
        stored_len: 5,
        raw_len: 5,
    };

    #[test]
    fn fields_lie_where_the_format_says() {
        let (bytes, sum) = HEADER.encode(7);
        assert_eq!(
            bytes[..28],
            [
                0x9e, b'c', b'k', b'f', 1, 1, 1, 0, 0x10, 0, 1, 0, 8, 7, 6, 5, 4, 3, 2, 1, 5, 0, 0,
                0, 5, 0, 0, 0
            ]
        );
        assert_eq!(bytes[28..], sum.to_le_bytes());
        assert_eq!(Header::decode(&bytes, 7), Ok((HEADER, sum)));
    }

    #[test]
    fn another_seed_or_any_flipped_bit_is_refused() {
        let (bytes, _) = HEADER.encode(7);
        assert_eq!(Header::decode(&bytes, 8), Err(Fault::HeaderSum));
        for bit in 0..HEADER_LEN * 8 {
            let mut bent = bytes;
            bent[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&bent, 7).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn lengths_beyond_the_limits_are_refused_before_anything_is_allocated() {
        let limit = u32::try_from(PAYLOAD_MAX).unwrap();
        let packed = Header {
            compression: Compression::ZSTD,
            ..HEADER
        };
        for (case, wrong) in [
            (
                "raw differs from stored",
                Header {
                    raw_len: 6,
                    ..HEADER
                },
            ),
            (
                "stored",
                Header {
                    stored_len: limit + 1,
                    raw_len: limit,
                    ..packed
                },
            ),
            (
                "raw",
                Header {
                    stored_len: limit,
                    raw_len: limit + 1,
                    ..packed
                },
            ),
            (
                "ratio",
                Header {
                    stored_len: 1_000,
                    raw_len: 1_048_577,
                    ..packed
                },
            ),
            (
                "kind",
                Header {
                    kind: Kind::UNWRITTEN,
                    ..HEADER
                },
            ),
            (
                "seq",
                Header {
                    seq: u64::MAX,
                    ..HEADER
                },
            ),
        ] {
            let (bytes, _) = wrong.encode(0);
            assert_eq!(Header::decode(&bytes, 0), Err(Fault::Limit), "{case}");
        }
        let bomb_free = Header {
            stored_len: 10,
            raw_len: 1_048_576,
            ..packed
        };
        assert!(Header::decode(&bomb_free.encode(0).0, 0).is_ok());
    }
}
