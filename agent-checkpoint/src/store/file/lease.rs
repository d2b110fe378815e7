//! The lease as it lies in a session's lock file: the owner's record, and the mark of one who took over.

use agent_primitives::Timestamp;

use crate::format::bytes_at;
use crate::store::claim::{Owner, Record, Stage};
use crate::store::claimant::HOST_MAX;

/// The magic of segments with another letter.
const MAGIC: [u8; 8] = [0x89, b'C', b'K', b'O', b'\r', b'\n', 0x1a, b'\n'];
const VERSION: u16 = 1;

const AT_VERSION: usize = 8;
const AT_STAGE: usize = 10;
const AT_HOST_LEN: usize = 11;
const AT_PROCESS: usize = 12;
const AT_EPOCH: usize = 16;
const AT_RENEWED: usize = 24;
const AT_EXPIRES: usize = 32;
const AT_BOOT: usize = 40;
const AT_TOKEN: usize = 56;
const AT_HOST: usize = 72;
const AT_SUM: usize = AT_HOST + HOST_MAX;

/// Length of a record.
pub(super) const RECORD_LEN: usize = AT_SUM + 4;
/// Where the owner keeps its record. Nobody else writes there.
pub(super) const OWNER_AT: u64 = 0;
/// Where one who takes over leaves its record. Zeros until then; the owner never writes there, so that no
/// renewal can wipe it out.
pub(super) const SUCCESSOR_AT: u64 = 128;

/// Bytes of a record.
pub(super) fn encode(record: &Record) -> [u8; RECORD_LEN] {
    let Record {
        owner,
        stage,
        boot,
        token,
    } = record;
    let stage = match stage {
        Stage::Taking => 1_u8,
        Stage::Held => 2,
        Stage::Released => 3,
    };
    let host = owner.host.as_bytes().get(..HOST_MAX);
    let host = host.unwrap_or(owner.host.as_bytes());
    let mut bytes = Vec::with_capacity(RECORD_LEN);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend([stage, u8::try_from(host.len()).unwrap_or_default()]);
    bytes.extend(owner.process.to_le_bytes());
    bytes.extend(owner.epoch.to_le_bytes());
    bytes.extend(owner.renewed.unix_millis().to_le_bytes());
    bytes.extend(owner.expires.unix_millis().to_le_bytes());
    bytes.extend_from_slice(boot);
    bytes.extend_from_slice(token);
    bytes.extend_from_slice(host);
    bytes.resize(AT_SUM, 0);
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes.try_into().unwrap_or([0; RECORD_LEN])
}

/// The record in these bytes; none where they are damaged, of a later version, or were never written.
pub(super) fn decode(bytes: &[u8]) -> Option<Record> {
    let sum = u32::from_le_bytes(bytes_at(bytes, AT_SUM)?);
    let version = u16::from_le_bytes(bytes_at(bytes, AT_VERSION)?);
    let is_sound = bytes.starts_with(&MAGIC) && crc32c::crc32c(bytes.get(..AT_SUM)?) == sum;
    if !is_sound || version != VERSION {
        return None;
    }
    let time = |at| {
        Some(Timestamp::from_unix_millis(i64::from_le_bytes(bytes_at(
            bytes, at,
        )?)))
    };
    let stage = match bytes.get(AT_STAGE)? {
        1 => Stage::Taking,
        2 => Stage::Held,
        3 => Stage::Released,
        _ => return None,
    };
    let host = bytes.get(AT_HOST..AT_SUM)?;
    let host = host.get(..usize::from(*bytes.get(AT_HOST_LEN)?))?;
    Some(Record {
        owner: Owner {
            epoch: u64::from_le_bytes(bytes_at(bytes, AT_EPOCH)?),
            process: u32::from_le_bytes(bytes_at(bytes, AT_PROCESS)?),
            host: String::from_utf8_lossy(host).into_owned(),
            renewed: time(AT_RENEWED)?,
            expires: time(AT_EXPIRES)?,
        },
        stage,
        boot: bytes_at(bytes, AT_BOOT)?,
        token: bytes_at(bytes, AT_TOKEN)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            owner: Owner {
                epoch: 0x0102_0304,
                process: 77,
                host: "build-7".into(),
                renewed: Timestamp::from_unix_millis(-5),
                expires: Timestamp::from_unix_millis(1_700_000_000_123),
            },
            stage: Stage::Taking,
            boot: [4; 16],
            token: [9; 16],
        }
    }

    #[test]
    fn a_record_lies_where_the_format_says() {
        let bytes = encode(&record());
        assert_eq!(RECORD_LEN, 128);
        assert_eq!(bytes[..12], *b"\x89CKO\r\n\x1a\n\x01\0\x01\x07");
        assert_eq!(bytes[12..24], *b"\x4d\0\0\0\x04\x03\x02\x01\0\0\0\0");
        assert_eq!(bytes[24..32], (-5_i64).to_le_bytes());
        assert_eq!(bytes[40..72], [[4; 16], [9; 16]].concat());
        assert_eq!(bytes[72..80], *b"build-7\0");
    }

    #[test]
    fn a_record_reads_back_and_no_wrong_bit_passes() {
        for stage in [Stage::Taking, Stage::Held, Stage::Released] {
            let record = Record { stage, ..record() };
            assert_eq!(decode(&encode(&record)), Some(record));
        }
        let bytes = encode(&record());
        for bit in 0..RECORD_LEN * 8 {
            let mut bent = bytes;
            bent[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bent), None, "bit {bit}");
        }
        for len in 0..RECORD_LEN {
            assert_eq!(decode(&bytes[..len]), None, "{len} bytes");
        }
        assert_eq!(decode(&[0; RECORD_LEN]), None);
    }

    #[test]
    fn a_forged_length_and_a_later_version_are_not_believed() {
        let forge = |at: usize, value: u8| {
            let mut bytes = encode(&record());
            bytes[at] = value;
            let sum = crc32c::crc32c(&bytes[..AT_SUM]);
            bytes[AT_SUM..].copy_from_slice(&sum.to_le_bytes());
            decode(&bytes)
        };
        assert_eq!(forge(AT_HOST_LEN, 53), None);
        assert_eq!(forge(AT_VERSION, 2), None);
        assert_eq!(forge(AT_STAGE, 0), None);
        assert!(forge(AT_HOST_LEN, 52).is_some());
    }

    #[test]
    fn a_long_host_name_is_cut() {
        let mut record = record();
        record.owner.host = "h".repeat(200);
        let read = decode(&encode(&record)).unwrap();
        assert_eq!(read.owner.host, "h".repeat(HOST_MAX));
    }
}
