//! Finds frames by their numbers, a segment at a time.

use std::collections::BTreeMap;

use agent_primitives::SessionId;

use super::walk::{Frame, Odd, Unpacked, head, unpacked};
use crate::checkpointer::load::Reading;
use crate::format::SEGMENT_MAX;
use crate::format::compress::Unpacker;
use crate::format::frame::Found;
use crate::format::header::{HEADER_LEN, Header};
use crate::format::keys::Seat;
use crate::format::segment::Place;
use crate::format::tags::Kind;
use crate::log::numbering::narrow;
use crate::log::scan::scan;
use crate::{Error, Store};

/// Which segment holds which numbers; the frames of the segment asked for last are in memory.
#[derive(Debug)]
pub(crate) struct Directory<'a> {
    store: &'a dyn Store,
    session: &'a SessionId,
    reading: Reading<'a>,
    segments: Vec<u32>,
    /// The number that a segment begins with, by the segment's place in the list.
    firsts: BTreeMap<usize, u64>,
    chapter: Option<Chapter>,
}

/// The frames of one segment.
#[derive(Debug)]
struct Chapter {
    /// Place in the list of segments.
    at: usize,
    bytes: Vec<u8>,
    seat: Option<Seat>,
    frames: Vec<(usize, Header)>,
    /// The number that the next segment begins with.
    next: Option<u64>,
    /// The pack that was asked for last, by its place among the frames, and its frames.
    pack: Option<(usize, Vec<Unpacked>)>,
}

impl<'a> Directory<'a> {
    pub(crate) fn new(
        store: &'a dyn Store,
        session: &'a SessionId,
        reading: Reading<'a>,
    ) -> Result<Self, Error> {
        Ok(Self {
            reading,
            store,
            session,
            segments: store.segments(session)?,
            firsts: BTreeMap::new(),
            chapter: None,
        })
    }

    /// The frame that holds the record `number`.
    pub(crate) fn find(&mut self, number: u64) -> Result<Frame, Odd> {
        let frame = self.from(number)?.ok_or(Odd::Unsound)?;
        let holds = frame.header.seq <= number && frame.next.is_none_or(|next| number < next);
        if holds { Ok(frame) } else { Err(Odd::Unsound) }
    }

    /// The frame that holds the record `number`, or the first one behind it.
    pub(crate) fn from(&mut self, number: u64) -> Result<Option<Frame>, Odd> {
        let (mut low, mut high) = (0, self.segments.len());
        // Segments before `low` begin with a number up to the one sought, those from `high` on do not.
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.first(middle)? <= number {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let at = low.saturating_sub(1);
        if self.segments.get(at).is_none() {
            return Ok(None);
        }
        let reading = self.reading;
        if let Some(frame) = self.chapter(at)?.from(number, reading)? {
            return Ok(Some(frame));
        }
        if self.segments.get(at + 1).is_none() {
            return Ok(None);
        }
        self.chapter(at + 1)?.from(number, reading)
    }

    /// The number that a segment begins with; the greatest there is where it holds no frame.
    pub(super) fn first(&mut self, at: usize) -> Result<u64, Odd> {
        if let Some(first) = self.firsts.get(&at) {
            return Ok(*first);
        }
        let segment = *self.segments.get(at).ok_or(Odd::Unsound)?;
        let (_, start, bytes) = head(self.store, self.session, segment)?;
        let place = Place {
            store: self.store.id(),
            session: self.session,
            segment,
        };
        let frame = bytes.get(start..).unwrap_or_default();
        let first = if frame.iter().all(|byte| *byte == 0) {
            u64::MAX
        } else {
            let header = Header::decode(frame, place.seed().sum);
            header.map_err(|_| Odd::Unsound)?.0.seq
        };
        self.firsts.insert(at, first);
        Ok(first)
    }

    fn chapter(&mut self, at: usize) -> Result<&mut Chapter, Odd> {
        if self.chapter.as_ref().is_none_or(|chapter| chapter.at != at) {
            self.chapter = None;
            self.chapter = Some(self.read(at)?);
        }
        self.chapter.as_mut().ok_or(Odd::Unsound)
    }

    fn read(&mut self, at: usize) -> Result<Chapter, Odd> {
        let segment = *self.segments.get(at).ok_or(Odd::Unsound)?;
        let mut bytes = self.store.read(self.session, segment, SEGMENT_MAX)?;
        let (own, start, _) = head(self.store, self.session, segment)?;
        let mut next = None;
        if let Some(behind) = self.segments.get(at + 1) {
            let (opening, ..) = head(self.store, self.session, *behind)?;
            if opening.void_from > 0 && !own.is_sealed {
                bytes.truncate(narrow(opening.void_from));
            }
            next = Some(self.first(at + 1)?).filter(|first| *first < u64::MAX);
        }
        let place = Place {
            store: self.store.id(),
            session: self.session,
            segment,
        };
        let found = scan(&bytes, start, place.seed());
        if !found.holes.is_empty() {
            return Err(Odd::Unsound);
        }
        let frames = found.frames.iter().map(|(at, found)| (*at, found.header));
        let frames = frames.filter(|(_, header)| header.kind != Kind::INDEX);
        Ok(Chapter {
            at,
            seat: place.seed().seat,
            frames: frames.collect(),
            next,
            bytes,
            pack: None,
        })
    }
}

impl Chapter {
    /// The frame that holds `number`, or the first one behind it.
    fn from(&mut self, number: u64, reading: Reading<'_>) -> Result<Option<Frame>, Odd> {
        let headers = self.frames.iter().map(|(_, header)| header.seq);
        let Some(index) = holding(headers, self.next, number) else {
            return Ok(None);
        };
        let Some((at, header)) = self.frames.get(index).copied() else {
            return Ok(None);
        };
        let next = self.frames.get(index + 1).map(|(_, behind)| behind.seq);
        let next = next.or(self.next);
        let stored = self.bytes.get(at + HEADER_LEN..).unwrap_or_default();
        let stored = stored.get(..narrow(header.stored_len.into()));
        let stored = stored.ok_or(Odd::Unsound)?;
        if header.kind != Kind::PACK {
            return Ok(Some(Frame {
                header,
                stored: stored.to_vec(),
                seat: self.seat,
                next,
            }));
        }
        let frames = match self.pack.take() {
            Some((there, frames)) if there == index => frames,
            _ => {
                let seat = self.seat;
                let found = Found {
                    header,
                    stored,
                    seat,
                };
                let unpacker = Unpacker::with(reading.keys)?;
                unpacked(&found, &mut unpacker.within(reading.limit))?
            }
        };
        let (_, frames) = self.pack.insert((index, frames));
        let found = holding(frames.iter().map(|(header, _)| header.seq), next, number);
        let found = found.ok_or(Odd::Unsound)?;
        let behind = frames.get(found + 1).map(|(behind, _)| behind.seq);
        let (header, stored) = frames.get(found).ok_or(Odd::Unsound)?;
        Ok(Some(Frame {
            header: *header,
            stored: stored.clone(),
            seat: None,
            next: behind.or(next),
        }))
    }
}

/// Which of the frames with the ascending numbers `firsts`, the last of which ends at `next`, holds `number`;
/// the first one behind it where none does.
fn holding(firsts: impl Iterator<Item = u64>, next: Option<u64>, number: u64) -> Option<usize> {
    let firsts: Vec<u64> = firsts.collect();
    let behind = firsts.partition_point(|first| *first <= number);
    match behind.checked_sub(1) {
        Some(last) if behind == firsts.len() => next.is_none_or(|end| number < end).then_some(last),
        Some(holding) => Some(holding),
        None if firsts.is_empty() => None,
        None => Some(0),
    }
}
