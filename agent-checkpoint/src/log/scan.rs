//! Frames found in a segment's bytes, and the places where there are none.

use std::ops::Range;

use crate::format::frame::{Found, OVERHEAD};
use crate::format::header::{Fault, Header, MAGIC};
use crate::format::keys::Seed;

/// Bytes of a segment that are no frame although something was written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) range: Range<usize>,
    pub(crate) fault: Fault,
}

/// What a segment holds.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    /// Where each frame begins, and the frame.
    pub(crate) frames: Vec<(usize, Found<'a>)>,
    /// Damage with a frame behind it.
    pub(crate) holes: Vec<Damage>,
    /// Damage up to the end: what an interrupted write leaves.
    pub(crate) tail: Option<Damage>,
    /// Where the last frame ends.
    pub(crate) end: usize,
}

/// A frame's place in its segment.
pub(crate) struct Located {
    pub(crate) range: Range<usize>,
    pub(crate) header: Header,
}

impl Located {
    pub(crate) fn of(scan: &Scan<'_>) -> Vec<Self> {
        let located = scan.frames.iter().map(|(at, found)| Self {
            range: *at..at + found.len(),
            header: found.header,
        });
        located.collect()
    }
}

/// Finds every frame from `start` on. After damage the next frame is found by its magic.
pub(crate) fn scan(bytes: &[u8], start: usize, seed: Seed) -> Scan<'_> {
    let written = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let mut scan = Scan {
        frames: Vec::new(),
        holes: Vec::new(),
        tail: None,
        end: start,
    };
    let mut at = start;
    // Overlapping forged headers could make the search quadratic: it may sum each byte a few times.
    let mut budget = bytes.len().saturating_mul(4);
    while at < written {
        let rest = bytes.get(at..).unwrap_or_default();
        match Found::read(rest, seed) {
            Ok(frame) => {
                scan.frames.push((at, frame));
                at += frame.len();
                scan.end = at;
            }
            Err(fault) => {
                let Some(next) = next_frame(bytes, at + 1, seed, &mut budget) else {
                    scan.tail = Some(Damage {
                        range: at..written,
                        fault,
                    });
                    break;
                };
                scan.holes.push(Damage {
                    range: at..next,
                    fault,
                });
                at = next;
            }
        }
    }
    scan
}

fn next_frame(bytes: &[u8], from: usize, seed: Seed, budget: &mut usize) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = bytes.get(at..)?;
        let [first, ..] = MAGIC;
        at += rest.iter().position(|byte| *byte == first)?;
        let candidate = bytes.get(at..)?;
        if candidate.starts_with(&MAGIC) {
            match Found::read(candidate, seed) {
                Ok(_) => return Some(at),
                // Costs its payload, whatever follows: damage to many in a row is no forgery.
                Err(Fault::PayloadSum) => *budget = budget.checked_sub(summed(candidate, seed))?,
                Err(_) => *budget = budget.checked_sub(OVERHEAD)?,
            }
        }
        at += 1;
    }
}

/// Bytes that were summed of a frame whose payload is not what its header says.
fn summed(candidate: &[u8], seed: Seed) -> usize {
    let header = Header::decode(candidate, seed.sum).ok();
    let stored = header.and_then(|(header, _)| usize::try_from(header.stored_len).ok());
    let len = stored.map_or(candidate.len(), |len| len.saturating_add(OVERHEAD));
    len.min(candidate.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::frame::Draft;
    use crate::format::keys::Keys;
    use crate::format::tags::{Codec, Compression, Flags, Kind};

    fn frames(count: u64) -> Vec<u8> {
        let mut out = vec![0xee; 8];
        for seq in 0..count {
            let stored = format!("[0,{seq}]").into_bytes();
            let raw_len = u32::try_from(stored.len()).unwrap();
            Draft {
                kind: Kind::ITEMS,
                codec: Codec::JSON,
                flags: Flags::NONE,
                schema: 1,
                seq,
                compression: Compression::RAW,
                stored,
                raw_len,
            }
            .write(&Keys::default(), 5.into(), &mut out)
            .unwrap();
        }
        out
    }

    fn numbers(scan: &Scan<'_>) -> Vec<u64> {
        scan.frames
            .iter()
            .map(|(_, frame)| frame.header.seq)
            .collect()
    }

    #[test]
    fn preallocated_zeros_are_no_damage() {
        let mut bytes = frames(3);
        let end = bytes.len();
        bytes.resize(end + 100, 0);
        let scan = scan(&bytes, 8, 5.into());
        assert_eq!(numbers(&scan), [0, 1, 2]);
        assert_eq!((scan.end, scan.holes.len(), scan.tail), (end, 0, None));
    }

    #[test]
    fn a_damaged_frame_costs_only_itself() {
        let mut bytes = frames(3);
        let one = (bytes.len() - 8) / 3;
        bytes[8 + one + 33] ^= 1;
        let scan = scan(&bytes, 8, 5.into());
        assert_eq!(numbers(&scan), [0, 2]);
        let hole = Damage {
            range: 8 + one..8 + 2 * one,
            fault: Fault::PayloadSum,
        };
        assert_eq!(scan.holes, [hole]);
    }

    #[test]
    fn damage_to_many_frames_in_a_row_costs_only_them() {
        let mut bytes = frames(40);
        let one = (bytes.len() - 8) / 40;
        for number in 1..30 {
            bytes[8 + number * one + 33] ^= 1;
        }
        let scan = scan(&bytes, 8, 5.into());
        let whole: Vec<u64> = [0].into_iter().chain(30..40).collect();
        assert_eq!(numbers(&scan), whole);
        assert_eq!(scan.tail, None);
    }

    #[test]
    fn what_follows_the_last_frame_is_the_tail() {
        let mut bytes = frames(2);
        let end = bytes.len();
        bytes.extend_from_slice(&[0, 0, 7, 7, 0, 0]);
        let scan = scan(&bytes, 8, 5.into());
        assert_eq!(scan.end, end);
        assert_eq!(
            scan.tail,
            Some(Damage {
                range: end..end + 4,
                fault: Fault::Short
            })
        );
    }

    #[test]
    fn a_file_of_nothing_but_frame_starts_ends_the_search() {
        let bytes: Vec<u8> = MAGIC.iter().copied().cycle().take(1 << 20).collect();
        let scan = scan(&bytes, 0, 5.into());
        assert!(scan.frames.is_empty());
        assert_eq!(scan.tail.unwrap().range, 0..1 << 20);
    }
}
