//! Goes through a log from its end to its start, frame by frame, and reads no more of it than it passes.

use agent_primitives::SessionId;

use crate::format::frame::{Found, OVERHEAD};
use crate::format::header::Header;
use crate::format::segment::{Opening, Place, Start};
use crate::format::{PAYLOAD_MAX, SEGMENT_MAX, bytes_at};
use crate::log::numbering::{narrow, wide};
use crate::log::scan::scan;
use crate::{Error, Position, Store};

/// Longest header of a segment that is looked at, in bytes; longer than any session's name makes it.
const HEAD: usize = 1_024;
/// The first look at the end of a segment, in bytes; each further one is twice as long.
const FIRST_LOOK: usize = 32 << 10;

/// Why a log is not read from its end.
#[derive(Debug)]
pub(crate) enum Odd {
    /// Something in it is damaged, stale or not as expected: reading all of it tells what.
    Unsound,
    Failed(Error),
}

impl From<Error> for Odd {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A frame with right sums.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) header: Header,
    pub(crate) stored: Vec<u8>,
    /// Number of the record behind it; unknown of the last frame of a log.
    pub(crate) next: Option<u64>,
}

impl Frame {
    pub(crate) fn found(&self) -> Found<'_> {
        Found {
            header: self.header,
            stored: &self.stored,
        }
    }

    /// How many records it has, as far as the numbers tell.
    pub(crate) fn records(&self) -> u64 {
        let next = self.next.unwrap_or(self.header.seq.saturating_add(1));
        next.saturating_sub(self.header.seq)
    }
}

/// A log, from its end on.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    store: &'a dyn Store,
    session: &'a SessionId,
    /// Segments not reached yet, ascending.
    segments: Vec<u32>,
    count: usize,
    part: Option<Part<'a>>,
    /// The number of the frame given last.
    later: Option<u64>,
    end: Option<Position>,
    epoch: u64,
    is_torn: bool,
}

/// A segment of which the end is in memory.
#[derive(Debug)]
struct Part<'a> {
    place: Place<'a>,
    opening: Opening,
    /// Where its frames begin.
    start: u64,
    /// Where the frames that were not given yet end.
    end: u64,
    /// What lies from `from` on, up to `end` at least.
    bytes: Vec<u8>,
    from: u64,
    is_torn: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(store: &'a dyn Store, session: &'a SessionId) -> Result<Self, Odd> {
        let segments = store.segments(session)?;
        let mut walk = Self {
            store,
            session,
            count: segments.len(),
            segments,
            part: None,
            later: None,
            end: None,
            epoch: 0,
            is_torn: false,
        };
        if walk.enter(None)? {
            let part = walk.part.as_ref().ok_or(Odd::Unsound)?;
            walk.end = Some(Position {
                segment: part.place.segment,
                offset: part.end,
            });
            walk.epoch = part.opening.epoch;
            walk.is_torn = part.is_torn;
            walk.check_before()?;
        }
        Ok(walk)
    }

    /// How many segments there are.
    pub(crate) fn segments(&self) -> u32 {
        u32::try_from(self.count).unwrap_or(u32::MAX)
    }

    /// Where the log ends; none where there is none.
    pub(crate) fn end(&self) -> Option<Position> {
        self.end
    }

    /// Whether an interrupted write, or one under way, lies behind the end.
    pub(crate) fn is_torn(&self) -> bool {
        self.is_torn
    }

    /// The epoch of the writer that made the last segment.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The frame before the one given last; none at the start of the log.
    pub(crate) fn back(&mut self) -> Result<Option<Frame>, Odd> {
        loop {
            let Some(part) = &mut self.part else {
                return Ok(None);
            };
            if part.end > part.start {
                let (header, stored) = part.back(self.store)?;
                // A later frame with a smaller number is stale, and the numbers behind mean nothing then.
                if self.later.is_some_and(|later| header.seq >= later) {
                    return Err(Odd::Unsound);
                }
                let next = self.later.replace(header.seq);
                return Ok(Some(Frame {
                    header,
                    stored,
                    next,
                }));
            }
            let behind = (part.place.segment, part.opening);
            self.part = None;
            if !self.enter(Some(behind))? {
                return Ok(None);
            }
        }
    }

    /// Goes to the end of the segment before.
    fn enter(&mut self, behind: Option<(u32, Opening)>) -> Result<bool, Odd> {
        let Some(segment) = self.segments.pop() else {
            // The first segment of a log is 1.
            return match behind {
                Some((first, _)) if first > 1 => Err(Odd::Unsound),
                _ => Ok(false),
            };
        };
        let mut void_from = 0;
        if let Some((behind, opening)) = behind {
            void_from = opening.void_from;
            if segment.checked_add(1) != Some(behind) {
                return Err(Odd::Unsound);
            }
        }
        let part = Part::open(self.store, self.session, segment, void_from)?;
        if behind.is_some_and(|(_, behind)| part.opening.epoch > behind.epoch) {
            return Err(Odd::Unsound);
        }
        self.part = Some(part);
        Ok(true)
    }

    /// A writer that lost the session may have begun one segment more before it noticed: the segment before
    /// has a greater epoch then.
    fn check_before(&self) -> Result<(), Odd> {
        let Some(before) = self.segments.last() else {
            return Ok(());
        };
        let (opening, _, _) = head(self.store, self.session, *before)?;
        if opening.epoch > self.epoch {
            return Err(Odd::Unsound);
        }
        Ok(())
    }
}

/// What a segment's header says, where its frames begin, and the bytes looked at.
pub(super) fn head(
    store: &dyn Store,
    session: &SessionId,
    segment: u32,
) -> Result<(Opening, usize, Vec<u8>), Odd> {
    let bytes = store.read_range(session, segment, 0, HEAD)?;
    let place = Place {
        store: store.id(),
        session,
        segment,
    };
    match place.check(&bytes)? {
        Start::Good(opening, start) => Ok((opening, start, bytes)),
        Start::Damaged(_) => Err(Odd::Unsound),
    }
}

impl<'a> Part<'a> {
    /// A segment, of which what lies from `void_from` on does not count unless that is 0.
    fn open(
        store: &dyn Store,
        session: &'a SessionId,
        segment: u32,
        void_from: u64,
    ) -> Result<Self, Odd> {
        let place = Place {
            store: store.id(),
            session,
            segment,
        };
        let (opening, start, _) = head(store, session, segment)?;
        let mut part = Self {
            place,
            opening,
            start: wide(start),
            end: 0,
            bytes: Vec::new(),
            from: 0,
            is_torn: false,
        };
        let len = store.segment_len(session, segment)?;
        let counts = if void_from > 0 { void_from } else { len };
        part.find_end(store, counts.min(len))?;
        Ok(part)
    }

    /// Looks for the last byte that is not zero, which ends a frame but for the zeros at the end of its length.
    fn find_end(&mut self, store: &dyn Store, len: u64) -> Result<(), Odd> {
        (self.end, self.from) = (len, len);
        let mut look = FIRST_LOOK;
        let written = loop {
            if self.from <= self.start {
                self.end = self.start;
                return Ok(());
            }
            self.bytes.clear();
            (self.end, look) = (self.from, look.saturating_mul(2));
            self.reach(store, self.from.saturating_sub(wide(look)))?;
            if let Some(last) = self.bytes.iter().rposition(|byte| *byte != 0) {
                break self.from + wide(last) + 1;
            }
        };
        // The four bytes of a length cannot all be zero.
        let seed = self.place.seed();
        for zeros in 0..4 {
            self.end = written + zeros;
            self.bytes.resize(narrow(self.end - self.from), 0);
            if self.end <= len && self.try_back(store, seed)?.is_some() {
                return Ok(());
            }
        }
        // A write that was interrupted, or is under way.
        let bytes = store.read(self.place.session, self.place.segment, SEGMENT_MAX)?;
        let bytes = bytes
            .get(..narrow(len).min(bytes.len()))
            .unwrap_or_default();
        let found = scan(bytes, narrow(self.start), seed);
        if !found.holes.is_empty() {
            return Err(Odd::Unsound);
        }
        self.end = wide(found.end);
        self.from = self.end;
        self.bytes.clear();
        self.is_torn = true;
        Ok(())
    }

    /// Makes sure that everything from `at` on is in memory.
    fn reach(&mut self, store: &dyn Store, at: u64) -> Result<(), Odd> {
        let at = at.max(self.start);
        if at >= self.from {
            return Ok(());
        }
        let len = narrow(self.from - at);
        let segment = self.place.segment;
        let mut bytes = store.read_range(self.place.session, segment, at, len)?;
        if bytes.len() != len {
            return Err(Odd::Unsound);
        }
        // Frames that were given are not looked at again.
        self.bytes.truncate(narrow(self.end - self.from));
        bytes.append(&mut self.bytes);
        self.bytes = bytes;
        self.from = at;
        Ok(())
    }

    fn slice(&self, from: u64) -> Option<&[u8]> {
        let start = narrow(from.checked_sub(self.from)?);
        self.bytes.get(start..narrow(self.end - self.from))
    }

    /// The start of the frame that ends at `end`; `None` where none does.
    fn try_back(&mut self, store: &dyn Store, seed: u32) -> Result<Option<u64>, Odd> {
        self.reach(store, self.end.saturating_sub(4))?;
        let total = self
            .end
            .checked_sub(4)
            .and_then(|at| bytes_at(self.slice(at)?, 0));
        let total = total.map_or(0, u32::from_le_bytes);
        let at = self.end.checked_sub(u64::from(total));
        let is_possible = (OVERHEAD..=OVERHEAD + PAYLOAD_MAX).contains(&narrow(total.into()));
        let Some(at) = at.filter(|at| is_possible && *at >= self.start) else {
            return Ok(None);
        };
        if at < self.from {
            // As much again as there is, so that what is read stays in proportion to what is given.
            let more = self.bytes.len().max(FIRST_LOOK);
            self.reach(store, at.min(self.from.saturating_sub(wide(more))))?;
        }
        let found = self.slice(at).map(|bytes| Found::read(bytes, seed));
        let is_one = matches!(found, Some(Ok(found)) if wide(found.len()) == self.end - at);
        Ok(is_one.then_some(at))
    }

    fn back(&mut self, store: &dyn Store) -> Result<(Header, Vec<u8>), Odd> {
        let seed = self.place.seed();
        let at = self.try_back(store, seed)?.ok_or(Odd::Unsound)?;
        let bytes = self.slice(at).ok_or(Odd::Unsound)?;
        let found = Found::read(bytes, seed).map_err(|_| Odd::Unsound)?;
        let given = (found.header, found.stored.to_vec());
        self.end = at;
        Ok(given)
    }
}
