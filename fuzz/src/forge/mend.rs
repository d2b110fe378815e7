//! Puts the sums and lengths right in bytes that were changed anywhere, so that a reader looks behind them.

use super::{FRAME_MAGIC, HEADER_LEN, Place, SEGMENT_HEADER_LEN, SEGMENT_MAGIC};

/// Parts bytes where a segment begins: each part but perhaps the first begins with its magic.
#[must_use]
pub fn segments(bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(next) = find(rest.get(1..).unwrap_or_default(), &SEGMENT_MAGIC) {
        let (part, behind) = rest.split_at(next + 1);
        parts.push(part);
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

/// The store and the session that a segment's header names, as far as it can be read.
#[must_use]
pub fn owner(segment: &[u8]) -> Option<([u8; 16], &str)> {
    let store = segment.get(16..32)?.try_into().ok()?;
    let len = u32::from_le_bytes(segment.get(36..40)?.try_into().ok()?);
    let session = segment.get(SEGMENT_HEADER_LEN..)?;
    let session = session.get(..usize::try_from(len).ok()?)?;
    Some((store, std::str::from_utf8(session).ok()?))
}

/// Mends the sum of the header that the bytes begin with.
pub fn segment_header(bytes: &mut [u8]) {
    let Some(len) = header_len(bytes) else { return };
    let sum = crc32c::crc32c(&bytes[..60]);
    let sum = crc32c::crc32c_append(sum, &bytes[SEGMENT_HEADER_LEN..len]);
    bytes[60..64].copy_from_slice(&sum.to_le_bytes());
}

/// Mends a whole segment: its header, and every frame that is told by its magic.
pub fn segment(bytes: &mut [u8], place: Place<'_>) {
    segment_header(bytes);
    let start = header_len(bytes).unwrap_or(0);
    frames(&mut bytes[start..], place.seed());
}

/// Mends every frame that is told by its magic.
pub fn frames(mut bytes: &mut [u8], seed: u32) {
    while let Some(at) = find(bytes, &FRAME_MAGIC) {
        bytes = &mut bytes[at..];
        let room = bytes.len();
        let Some(most) = room.checked_sub(HEADER_LEN + 8) else {
            return;
        };
        bytes[4] = 1;
        let stored = u32::from_le_bytes(bytes[20..24].try_into().unwrap_or([0; 4]));
        let stored = usize::try_from(stored).unwrap_or(most).min(most);
        let len = u32::try_from(stored).unwrap_or(0).to_le_bytes();
        bytes[20..24].copy_from_slice(&len);
        if bytes[7] == 0 && bytes[8] & 1 == 0 {
            bytes[24..28].copy_from_slice(&len);
        }
        let sum = crc32c::crc32c_append(seed, &bytes[..28]);
        bytes[28..32].copy_from_slice(&sum.to_le_bytes());
        let end = HEADER_LEN + stored;
        let sum = crc32c::crc32c_append(sum, &bytes[HEADER_LEN..end]);
        bytes[end..end + 4].copy_from_slice(&sum.to_le_bytes());
        let total = u32::try_from(end + 8).unwrap_or(0).to_le_bytes();
        bytes[end + 4..end + 8].copy_from_slice(&total);
        bytes = &mut bytes[end + 8..];
    }
}

fn header_len(bytes: &[u8]) -> Option<usize> {
    let len = u32::from_le_bytes(bytes.get(12..16)?.try_into().ok()?);
    let len = usize::try_from(len).ok()?;
    (bytes.starts_with(&SEGMENT_MAGIC) && (SEGMENT_HEADER_LEN..=bytes.len()).contains(&len))
        .then_some(len)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
