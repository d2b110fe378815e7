//! Frames that are not known to be on the device, kept until they are.

use crate::log::batch::Framed;
use crate::log::numbering::wide;

/// Frames kept at most while saves are [`Buffered`](crate::Durability::Buffered), in bytes; a save that
/// would pass it syncs. A failed sync costs no more memory than this and one save.
pub(super) const UNSYNCED_MAX: usize = 4 << 20;

/// Frames on their way to the device, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Unsynced {
    /// In the log, behind the place up to which it is known to be on the device.
    written: Vec<Framed>,
    /// To be written next: new, or taken out of a segment that failed.
    waiting: Vec<Framed>,
    len: usize,
}

impl Unsynced {
    /// Bytes of all frames.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Frames to be written.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Frames to write behind all others.
    pub(super) fn push(&mut self, frames: Vec<Framed>) {
        self.len += frames
            .iter()
            .map(|framed| framed.draft.len())
            .sum::<usize>();
        if self.waiting.is_empty() {
            self.waiting = frames;
        } else {
            self.waiting.extend(frames);
        }
    }

    /// Frames to write before all others.
    pub(super) fn push_front(&mut self, mut frames: Vec<Framed>) {
        self.len += frames
            .iter()
            .map(|framed| framed.draft.len())
            .sum::<usize>();
        frames.append(&mut self.waiting);
        self.waiting = frames;
    }

    /// The waiting frames with numbers below `first`: those of saves that were acknowledged.
    pub(super) fn below(&self, first: u64) -> &[Framed] {
        let count = self
            .waiting
            .partition_point(|framed| framed.draft.seq < first);
        self.waiting.get(..count).unwrap_or_default()
    }

    /// The first `count` waiting frames.
    pub(super) fn first(&self, count: usize) -> &[Framed] {
        let count = count.min(self.waiting.len());
        self.waiting.get(..count).unwrap_or_default()
    }

    /// The frames to write next: as many as fit into `max` bytes, at least one where there is any; and
    /// their length.
    pub(super) fn chunk(&self, max: usize) -> (&[Framed], usize) {
        let mut len = 0_usize;
        let mut count = 0;
        for framed in &self.waiting {
            let longer = len.saturating_add(framed.draft.len());
            if count > 0 && longer > max {
                break;
            }
            len = longer;
            count += 1;
        }
        (self.waiting.get(..count).unwrap_or_default(), len)
    }

    /// The first `count` waiting frames are in the log.
    pub(super) fn wrote(&mut self, count: usize) {
        let count = count.min(self.waiting.len());
        self.written.extend(self.waiting.drain(..count));
    }

    /// What is in the log is on the device.
    pub(super) fn synced(&mut self) {
        let len: usize = self.written.iter().map(|framed| framed.draft.len()).sum();
        self.len = self.len.saturating_sub(len);
        self.written.clear();
    }

    /// What is in the log behind the last sync does not count, and is to be written once more.
    pub(super) fn abandoned(&mut self) {
        self.written.append(&mut self.waiting);
        std::mem::swap(&mut self.written, &mut self.waiting);
    }

    /// Forgets the waiting frames with numbers from `first` on, which nobody was told are saved; the
    /// number of the first of them.
    pub(super) fn forget_from(&mut self, first: u64) -> Option<u64> {
        let keep = self
            .waiting
            .partition_point(|framed| framed.draft.seq < first);
        let gone = self.waiting.split_off(keep);
        let len: usize = gone.iter().map(|framed| framed.draft.len()).sum();
        self.len = self.len.saturating_sub(len);
        gone.first().map(|framed| framed.draft.seq)
    }

    /// Bytes in the log that are not known to be on the device.
    pub(super) fn written_len(&self) -> u64 {
        wide(self.written.iter().map(|framed| framed.draft.len()).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::frame::Draft;
    use crate::format::tags::{Codec, Compression, Flags, Kind};

    fn frames(numbers: std::ops::Range<u64>) -> Vec<Framed> {
        let framed = |seq| Framed {
            draft: Draft {
                kind: Kind::ITEMS,
                codec: Codec::JSON,
                flags: Flags::NONE,
                schema: 1,
                seq,
                compression: Compression::RAW,
                stored: vec![0; 60],
                raw_len: 60,
            },
            next: seq + 1,
        };
        numbers.map(framed).collect()
    }

    fn numbers(unsynced: &Unsynced) -> Vec<u64> {
        unsynced.waiting.iter().map(|f| f.draft.seq).collect()
    }

    #[test]
    fn what_an_abandoned_segment_held_is_written_before_the_rest() {
        let mut unsynced = Unsynced::default();
        unsynced.push(frames(0..2));
        unsynced.wrote(2);
        unsynced.push(frames(2..4));
        unsynced.wrote(1);
        assert_eq!(unsynced.written_len(), 300);
        unsynced.abandoned();
        assert_eq!(numbers(&unsynced), [0, 1, 2, 3]);
        assert_eq!(unsynced.below(3).len(), 3);
        unsynced.push_front(frames(7..8));
        assert_eq!((numbers(&unsynced)[0], unsynced.len()), (7, 500));
    }

    #[test]
    fn what_is_on_the_device_is_kept_no_longer() {
        let mut unsynced = Unsynced::default();
        unsynced.push(frames(0..3));
        unsynced.wrote(2);
        unsynced.synced();
        assert_eq!((numbers(&unsynced), unsynced.len()), (vec![2], 100));
        unsynced.wrote(5);
        unsynced.synced();
        assert_eq!((unsynced.waiting(), unsynced.len()), (0, 0));
    }

    #[test]
    fn a_chunk_is_what_fits_and_never_nothing() {
        let mut unsynced = Unsynced::default();
        assert_eq!(unsynced.chunk(1_000).1, 0);
        unsynced.push(frames(0..5));
        for (max, count) in [(0, 1), (99, 1), (200, 2), (299, 2), (500, 5), (9_000, 5)] {
            let (chunk, len) = unsynced.chunk(max);
            assert_eq!((chunk.len(), len), (count, count * 100), "{max}");
        }
    }

    #[test]
    fn what_nobody_was_told_of_is_forgotten() {
        let mut unsynced = Unsynced::default();
        unsynced.push(frames(0..5));
        assert_eq!(unsynced.forget_from(3), Some(3));
        assert_eq!((numbers(&unsynced), unsynced.len()), (vec![0, 1, 2], 300));
        assert_eq!(unsynced.forget_from(3), None);
    }
}
