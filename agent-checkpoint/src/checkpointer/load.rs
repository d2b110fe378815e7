//! Reads a session's log, and tells what in it is damaged.

use agent_primitives::SessionId;

use crate::format::SEGMENT_MAX;
use crate::format::compress::Unpacker;
use crate::format::header::Fault;
use crate::format::segment::{Opening, Place, Start};
use crate::log::numbering::{narrow, wide};
use crate::log::replay::{Refusal, Replay};
use crate::log::scan::{Damage, scan};
use crate::{Error, Position, Store};

/// Bytes that are no frame.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) at: Position,
    pub(crate) bytes: Vec<u8>,
    pub(crate) fault: Fault,
}

/// A log as it lies in the store.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) replay: Replay,
    pub(crate) lost: Vec<Lost>,
    pub(crate) damaged_headers: Vec<u32>,
    /// Files behind a gap that are none of this log's.
    pub(crate) ignored: Vec<u32>,
    pub(crate) segments: u32,
    pub(crate) last_segment: u32,
    /// Where appends go on; `None` where they need a new segment.
    pub(crate) end: Option<Position>,
    /// Damage follows `end`.
    pub(crate) is_torn: bool,
}

/// Reads all of it; changes nothing.
pub(crate) fn load(store: &dyn Store, session: &SessionId) -> Result<Loaded, Error> {
    let mut loaded = Loaded {
        replay: Replay::default(),
        lost: Vec::new(),
        damaged_headers: Vec::new(),
        ignored: Vec::new(),
        segments: 0,
        last_segment: 0,
        end: None,
        is_torn: false,
    };
    let mut unpacker = Unpacker::new()?;
    let place = |segment| Place {
        store: store.id(),
        session,
        segment,
    };
    // The segment behind one says how much of it counts.
    let mut waiting: Option<(u32, Vec<u8>)> = None;
    for segment in store.segments(session)? {
        let bytes = store.read(session, segment, SEGMENT_MAX)?;
        if let Some((before, mut bytes_before)) = waiting.take() {
            if before.checked_add(1) == Some(segment)
                && let Start::Good(opening, _) = place(segment).check(&bytes)?
            {
                void(&mut bytes_before, opening);
            }
            loaded.segment(&bytes_before, place(before), &mut unpacker)?;
        }
        waiting = Some((segment, bytes));
    }
    if let Some((last, bytes)) = waiting {
        loaded.segment(&bytes, place(last), &mut unpacker)?;
    }
    Ok(loaded)
}

/// Takes off what the next segment says does not count.
fn void(bytes: &mut Vec<u8>, next: Opening) {
    if next.void_from > 0 {
        bytes.truncate(narrow(next.void_from));
    }
}

impl Loaded {
    fn segment(
        &mut self,
        bytes: &[u8],
        place: Place<'_>,
        unpacker: &mut Unpacker,
    ) -> Result<(), Error> {
        let segment = place.segment;
        let (start, is_good) = match place.check(bytes)? {
            Start::Good(_, start) => (start, true),
            Start::Damaged(start) => (start, false),
        };
        let found = scan(bytes, start, place.seed());
        let is_next = self.last_segment.checked_add(1) == Some(segment);
        if !is_next && !is_good && found.frames.is_empty() {
            self.ignored.push(segment);
            return Ok(());
        }
        let mut damage = found.holes.iter().chain(&found.tail);
        if let Some(newer) = damage.find(|damage| matches!(damage.fault, Fault::Version(_))) {
            return Err(Error::newer(format!(
                "segment {segment}, byte {},",
                newer.range.start
            )));
        }
        let position = |offset: usize| Position {
            segment,
            offset: wide(offset),
        };
        let mut keep = |damage: Damage| {
            let bytes = bytes.get(damage.range.clone()).unwrap_or_default().to_vec();
            self.lost.push(Lost {
                at: position(damage.range.start),
                bytes,
                fault: damage.fault,
            });
        };
        if !is_good {
            let header = bytes.get(..start.min(bytes.len())).unwrap_or_default();
            if header.iter().any(|byte| *byte != 0) {
                keep(Damage {
                    range: 0..header.len(),
                    fault: Fault::HeaderSum,
                });
            }
            self.damaged_headers.push(segment);
        }
        for (at, frame) in &found.frames {
            match self.replay.frame(frame, unpacker) {
                Ok(()) => {}
                Err(Refusal::Fault(fault)) => {
                    keep(Damage {
                        range: *at..at + frame.len(),
                        fault,
                    });
                }
                Err(Refusal::Beyond(error)) => return Err(error),
            }
        }
        found.holes.into_iter().for_each(&mut keep);
        self.is_torn = found.tail.is_some();
        found.tail.into_iter().for_each(&mut keep);
        self.segments += 1;
        self.last_segment = segment;
        self.end = is_good.then(|| position(found.end));
        Ok(())
    }
}
