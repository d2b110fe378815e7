//! One record of a journal: bytes, and the place in a segment where they belong.

use agent_primitives::SessionId;

use crate::StoreId;
use crate::format::bytes_at;

const MAGIC: [u8; 4] = *b"CKJR";
const AT_GENERATION: usize = MAGIC.len();
const AT_EPOCH: usize = AT_GENERATION + 8;
const AT_OFFSET: usize = AT_EPOCH + 8;
const AT_SEGMENT: usize = AT_OFFSET + 8;
const AT_SESSION_LEN: usize = AT_SEGMENT + 4;
const AT_LEN: usize = AT_SESSION_LEN + 4;
const HEAD_LEN: usize = AT_LEN + 4;
const SUM_LEN: usize = 4;
/// Longest record, in bytes: one that is longer is synced where it belongs.
pub(super) const RECORD_MAX: usize = 64 << 10;

/// Bytes that belong into a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) session: SessionId,
    pub(super) segment: u32,
    /// Of the segment's header: a segment that another one took the place of has another.
    pub(super) epoch: u64,
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
}

/// Seeds the sums, so that records of another store never pass.
pub(super) fn seed(store: StoreId) -> u32 {
    crc32c::crc32c(store.as_bytes())
}

impl Record {
    pub(super) fn len(&self) -> usize {
        HEAD_LEN + self.session.as_str().len() + self.bytes.len() + SUM_LEN
    }

    /// Appends the record as one of a generation.
    pub(super) fn write(&self, generation: u64, seed: u32, out: &mut Vec<u8>) {
        let start = out.len();
        let session = self.session.as_str().as_bytes();
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        out.extend(MAGIC);
        out.extend(generation.to_le_bytes());
        out.extend(self.epoch.to_le_bytes());
        out.extend(self.offset.to_le_bytes());
        out.extend(self.segment.to_le_bytes());
        out.extend(narrow(session.len()));
        out.extend(narrow(self.bytes.len()));
        out.extend_from_slice(session);
        out.extend_from_slice(&self.bytes);
        let sum = crc32c::crc32c_append(seed, out.get(start..).unwrap_or_default());
        out.extend(sum.to_le_bytes());
    }

    /// The record at the start of `bytes`, its generation, and its length there.
    pub(super) fn read(bytes: &[u8], seed: u32) -> Option<(Self, u64, usize)> {
        if !bytes.starts_with(&MAGIC) {
            return None;
        }
        let number = |at| Some(u64::from_le_bytes(bytes_at(bytes, at)?));
        let size = |at| usize::try_from(u32::from_le_bytes(bytes_at(bytes, at)?)).ok();
        let session_end = HEAD_LEN.checked_add(size(AT_SESSION_LEN)?)?;
        let end = session_end.checked_add(size(AT_LEN)?)?;
        let sum = crc32c::crc32c_append(seed, bytes.get(..end)?);
        if u32::from_le_bytes(bytes_at(bytes, end)?) != sum {
            return None;
        }
        let session = std::str::from_utf8(bytes.get(HEAD_LEN..session_end)?).ok()?;
        let record = Self {
            session: SessionId::new(session).ok()?,
            segment: u32::from_le_bytes(bytes_at(bytes, AT_SEGMENT)?),
            epoch: number(AT_EPOCH)?,
            offset: number(AT_OFFSET)?,
            bytes: bytes.get(session_end..end)?.to_vec(),
        };
        Some((record, number(AT_GENERATION)?, end.checked_add(SUM_LEN)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_missing_byte_and_other_store_is_noticed() {
        let record = Record {
            session: SessionId::new("mine").unwrap(),
            segment: 3,
            epoch: 7,
            offset: 4_100,
            bytes: b"some frames".to_vec(),
        };
        let seed = seed(StoreId::from_bytes([7; 16]));
        let mut bytes = vec![];
        record.write(9, seed, &mut bytes);
        assert_eq!(bytes.len(), record.len());
        let len = bytes.len();
        assert_eq!(Record::read(&bytes, seed), Some((record, 9, len)));
        assert_eq!(Record::read(&bytes, seed ^ 1), None);
        for bit in 0..len * 8 {
            let mut bent = bytes.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::read(&bent, seed), None, "bit {bit}");
        }
        for len in 0..len {
            assert_eq!(Record::read(&bytes[..len], seed), None, "{len} bytes");
        }
    }
}
