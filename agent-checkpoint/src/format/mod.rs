//! The version 1 byte format, as FORMAT.md in this crate lays it down. Pure: bytes in, values out.

pub(crate) mod blob;
pub(crate) mod component;
pub(crate) mod compress;
mod contexts;
pub(crate) mod delta;
pub(crate) mod dictionary;
pub(crate) mod envelope;
pub(crate) mod frame;
pub(crate) mod header;
pub(crate) mod index;
pub(crate) mod items;
pub(crate) mod keys;
pub(crate) mod pack;
pub(crate) mod patch;
pub(crate) mod payload;
mod plain_items;
pub(crate) mod point;
pub(crate) mod segment;
pub(crate) mod skip;
pub(crate) mod tags;
pub(crate) mod varint;

/// Major version: readers refuse a greater one.
pub(crate) const MAJOR: u16 = 1;
/// Minor version: readers accept a greater one, since what they must not skip says so itself.
pub(crate) const MINOR: u16 = 2;

/// Version of the payloads of the four frame kinds that this version reads.
pub(crate) const RECORD_SCHEMA: u16 = 1;

/// Longest payload of a frame, stored or inflated, in bytes.
pub(crate) const PAYLOAD_MAX: usize = 64 << 20;
/// Up to this inflated size the compression ratio is not looked at.
pub(crate) const RATIO_FREE: usize = 1 << 20;
/// Highest inflated-to-stored ratio above [`RATIO_FREE`].
pub(crate) const RATIO_MAX: usize = 1_000;
/// Most items in one frame.
pub(crate) const ITEMS_MAX: usize = 1_000_000;
/// Most ranges in one list of a commit.
pub(crate) const SPANS_MAX: usize = 65_536;
/// Most checkpoints that one tombstone keeps.
pub(crate) const KEEP_MAX: usize = 65_536;
/// Longest segment that a reader loads, in bytes: a full one of version 1.0, whose target was 4 MiB, plus the
/// largest frames of a save.
pub(crate) const SEGMENT_MAX: usize = 2 * PAYLOAD_MAX + (4 << 20);
/// A writer starts a new segment before a batch that would pass this length, in bytes: a closed segment
/// can be packed anew and its space given back, and the open one should be a small part of a session: what
/// is not sealed yet takes half as long again to restore.
pub(crate) const SEGMENT_TARGET: usize = 512 << 10;

/// The `N` bytes at `at`, if they are there.
pub(crate) fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    let end = at.checked_add(N)?;
    bytes.get(at..end)?.try_into().ok()
}
