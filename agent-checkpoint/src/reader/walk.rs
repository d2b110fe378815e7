//! Goes through a log from its end to its start, frame by frame, and reads no more of it than it passes.

use agent_primitives::SessionId;

use super::part::Part;
use crate::checkpointer::load::Reading;
use crate::format::compress::Unpacker;
use crate::format::frame::Found;
use crate::format::header::Header;
use crate::format::keys::Seat;
use crate::format::pack;
use crate::format::segment::{Opening, Place, Start};
use crate::format::tags::Kind;
use crate::log::decode::admit;
use crate::log::weight::beyond;
use crate::{Error, Position, Store};

/// Longest header of a segment that is looked at, in bytes; longer than any session's name makes it.
const HEAD: usize = 1_024;

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

/// A frame out of a pack.
pub(super) type Unpacked = (Header, Vec<u8>);

/// A frame with right sums.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) header: Header,
    pub(crate) stored: Vec<u8>,
    /// As in [`Found`].
    pub(crate) seat: Option<Seat>,
    /// Number of the record behind it; unknown of the last frame of a log.
    pub(crate) next: Option<u64>,
}

impl Frame {
    pub(crate) fn found(&self) -> Found<'_> {
        Found {
            header: self.header,
            stored: &self.stored,
            seat: self.seat,
        }
    }

    /// How many records it has, as far as the numbers tell.
    pub(crate) fn records(&self) -> u64 {
        let next = self.next.unwrap_or(self.header.seq.saturating_add(1));
        next.saturating_sub(self.header.seq)
    }
}

/// A log, from its end on.
pub(crate) struct Walk<'a> {
    store: &'a dyn Store,
    session: &'a SessionId,
    /// Segments not reached yet, ascending.
    segments: Vec<u32>,
    count: usize,
    part: Option<Part<'a>>,
    /// Frames of a pack that were not given yet.
    packed: Vec<Unpacked>,
    unpacker: Unpacker,
    /// The number of the frame given last.
    later: Option<u64>,
    end: Option<Position>,
    epoch: u64,
    is_torn: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        store: &'a dyn Store,
        session: &'a SessionId,
        reading: Reading<'_>,
    ) -> Result<Self, Odd> {
        let segments = store.segments(session)?;
        let mut walk = Self {
            store,
            session,
            count: segments.len(),
            segments,
            part: None,
            packed: Vec::new(),
            unpacker: Unpacker::with(reading.keys)?.within(reading.limit),
            later: None,
            end: None,
            epoch: 0,
            is_torn: false,
        };
        if walk.enter(None)? {
            let part = walk.part.as_ref().ok_or(Odd::Unsound)?;
            // Nothing is appended to a sealed segment.
            walk.end = (!part.opening.is_sealed).then_some(Position {
                segment: part.place.segment,
                offset: part.end,
            });
            walk.epoch = part.opening.epoch;
            walk.is_torn = part.is_torn;
            walk.check_before()?;
        }
        Ok(walk)
    }

    pub(crate) fn store(&self) -> &'a dyn Store {
        self.store
    }

    pub(crate) fn session(&self) -> &'a SessionId {
        self.session
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
            if let Some((header, stored)) = self.packed.pop() {
                return self.give(header, stored, None).map(Some);
            }
            let Some(part) = &mut self.part else {
                return Ok(None);
            };
            if part.end > part.start {
                let (header, stored) = part.back(self.store)?;
                let seat = part.place.seed().seat;
                let found = Found {
                    header,
                    stored: &stored,
                    seat,
                };
                match header.kind {
                    Kind::INDEX => {}
                    Kind::PACK => self.packed = unpacked(&found, &mut self.unpacker)?,
                    _ => return self.give(header, stored, seat).map(Some),
                }
                continue;
            }
            let behind = (part.place.segment, part.opening);
            self.part = None;
            if !self.enter(Some(behind))? {
                return Ok(None);
            }
        }
    }

    fn give(&mut self, header: Header, stored: Vec<u8>, seat: Option<Seat>) -> Result<Frame, Odd> {
        // A later frame with a smaller number is stale, and the numbers behind mean nothing then.
        if self.later.is_some_and(|later| header.seq >= later) {
            return Err(Odd::Unsound);
        }
        let next = self.later.replace(header.seq);
        Ok(Frame {
            header,
            stored,
            seat,
            next,
        })
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

/// The frames in a pack, as they would stand in a segment.
pub(super) fn unpacked(found: &Found<'_>, unpacker: &mut Unpacker) -> Result<Vec<Unpacked>, Odd> {
    let header = &found.header;
    if !matches!(admit(header), Ok(Some(()))) {
        return Err(Odd::Unsound);
    }
    let room = unpacker.room();
    let (opened, raw) = unpacker.read(found).map_err(|_| Odd::Unsound)?;
    if beyond(&opened.header, raw, room).is_some() {
        return Err(Odd::Unsound);
    }
    let frames = pack::frames(raw, header.seq).map_err(|_| Odd::Unsound)?;
    let owned = frames.into_iter().map(|f| (f.header, f.stored.to_vec()));
    Ok(owned.collect())
}

/// What a segment's header says.
pub(crate) fn segment_opening(
    store: &dyn Store,
    session: &SessionId,
    segment: u32,
) -> Result<Opening, Odd> {
    head(store, session, segment).map(|(opening, ..)| opening)
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
    match place.check(&bytes) {
        Ok(Start::Good(opening, start)) => Ok((opening, start, bytes)),
        Ok(Start::Damaged(_)) => Err(Odd::Unsound),
        // Of a session that was forked the first segments are another one's; reading all of it tells.
        Err(error) if error.is_foreign() => Err(Odd::Unsound),
        Err(error) => Err(error.into()),
    }
}
