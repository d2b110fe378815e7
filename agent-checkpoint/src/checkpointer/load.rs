//! Reads a session's log, and tells what in it is damaged.

use std::cell::OnceCell;

use agent_primitives::SessionId;

use crate::format::SEGMENT_MAX;
use crate::format::compress::Unpacker;
use crate::format::header::{Fault, Header};
use crate::format::keys::Keys;
use crate::format::segment::{Opening, Place, Start, VOID_WHOLE, session_of};
use crate::log::decode::{Decoded, Refusal};
use crate::log::lineage::Lineage;
use crate::log::numbering::{narrow, wide};
use crate::log::remains::headers;
use crate::log::replay::Replay;
use crate::log::salvage::Salvage;
use crate::log::scan::{Damage, Located, scan};
use crate::log::seal::is_sealed;
use crate::log::weight;
use crate::log::workers::{Results, decode_all, threads_for};
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
    /// Segments begun by a writer after the session was taken over from it.
    pub(crate) superseded: Vec<u32>,
    /// Segments of the session that this one was forked from. They are its own affair.
    pub(crate) shared: Vec<u32>,
    /// Segments that are not sealed.
    pub(crate) unsealed: Vec<u32>,
    pub(crate) sealed: u32,
    pub(crate) segments: u32,
    pub(crate) last_segment: u32,
    /// The greatest epoch in a header.
    pub(crate) epoch: u64,
    /// What a segment that follows voids of the last one, where nothing behind what was read is to count.
    pub(crate) void_from: u64,
    /// Where appends go on; `None` where they need a new segment.
    pub(crate) end: Option<Position>,
    /// Damage follows `end`.
    pub(crate) is_torn: bool,
    /// Something in it is of a later version and was passed over.
    pub(crate) newer: Option<Error>,
}

/// How a log is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'k> {
    pub(crate) keys: &'k Keys,
    /// Most bytes of memory that it may take.
    pub(crate) limit: u64,
    /// Messages are kept, and not only counted.
    pub(crate) keeps_messages: bool,
    /// What must be understood and is not is passed over, instead of refusing the log.
    pub(crate) passes_newer: bool,
    /// Lost texts are told where they stood, and what is known of checkpoints that are not whole is kept.
    pub(crate) salvages: bool,
}

impl<'k> Reading<'k> {
    /// As a writer reads, who may not pass over anything.
    pub(crate) const fn within(limit: u64, keys: &'k Keys) -> Self {
        Self {
            keys,
            limit,
            keeps_messages: true,
            passes_newer: false,
            salvages: false,
        }
    }
}

/// Segments are read and decoded together up to this length, in bytes: what lies in memory beside what
/// was decoded is no more than twice this, or two segments.
const WINDOW: usize = 2 << 20;

/// Reads all of it; changes nothing.
///
/// # Errors
/// [`Error::is_too_large`] before more would be inflated than may be.
pub(crate) fn load(
    store: &dyn Store,
    session: &SessionId,
    reading: Reading<'_>,
) -> Result<Loaded, Error> {
    let mut loaded = Loaded {
        replay: Replay::keeping(reading.keeps_messages),
        lost: Vec::new(),
        damaged_headers: Vec::new(),
        ignored: Vec::new(),
        superseded: Vec::new(),
        shared: Vec::new(),
        unsealed: Vec::new(),
        sealed: 0,
        segments: 0,
        last_segment: 0,
        epoch: 0,
        void_from: 0,
        end: None,
        is_torn: false,
        newer: None,
    };
    loaded.replay.salvage = reading.salvages.then(Salvage::default);
    let mut unpacker = Unpacker::with(reading.keys)?;
    let lineage = OnceCell::new();
    let mut segments = Segments::of((store, session), &lineage, reading.keys)?;
    let mut left = reading.limit;
    let mut window = segments.window()?;
    let mut decoded = Vec::new();
    while !window.is_empty() {
        let mut read = Vec::new();
        let mut frames = Vec::new();
        let mut damaged = 0_u64;
        for (place, bytes) in &window {
            let (start, is_good) = match place.check(bytes)? {
                Start::Good(_, start) => (start, true),
                Start::Damaged(start) => (start, false),
            };
            let found = scan(bytes, start, place.seed());
            let damage = found.holes.iter().chain(&found.tail);
            damaged = damage
                .map(|damage| wide(damage.range.len()))
                .fold(damaged, u64::saturating_add);
            read.push(Segment {
                place: *place,
                start,
                is_good,
                frames: Located::of(&found),
                holes: found.holes,
                tail: found.tail,
                end: found.end,
                cut: lineage.get().and_then(|l| l.last(place.segment)),
            });
            frames.extend(found.frames.into_iter().map(|(_, found)| found));
        }
        let raw = frames
            .iter()
            .map(|found| u64::from(found.header.raw_len))
            .fold(0, u64::saturating_add);
        let less = |left: u64, taken: u64| {
            left.checked_sub(taken).ok_or_else(|| {
                let len = reading.limit.saturating_sub(left).saturating_add(taken);
                Error::beyond_limit(format!("the log of session {session}"), len, reading.limit)
            })
        };
        // What is damaged is kept as it lies there, until it is set aside.
        left = less(left, damaged)?;
        less(left, raw)?;
        // Where they might take more than there is, each is weighed before the next one is looked at.
        let (threads, room) = match raw.saturating_mul(weight::MOST) {
            most if most > left => (1, left),
            _ => (threads_for(narrow(raw)), weight::ENDLESS),
        };
        unpacker.limit(room);
        let before: Vec<Window<'_>> = std::mem::take(&mut decoded);
        // While others inflate this window, this thread takes in the one before and reads the next.
        let meanwhile = || {
            for window in before {
                loaded.window(window, session, reading.passes_newer)?;
            }
            segments.window()
        };
        let (results, next) = decode_all(&frames, threads, &mut unpacker, meanwhile)?;
        for (found, decoded) in frames.iter().zip(&results) {
            left = less(left, kept(&found.header, decoded, reading.keeps_messages))?;
        }
        let segments = window.into_iter().zip(read);
        decoded.push(Window {
            segments: segments
                .map(|((_, bytes), segment)| (bytes, segment))
                .collect(),
            results,
            left,
        });
        window = next?;
    }
    for window in decoded {
        loaded.window(window, session, reading.passes_newer)?;
    }
    loaded.epoch = segments.epoch;
    loaded.supersede(segments.superseded);
    Ok(loaded)
}

/// Bytes of memory that a frame takes for as long as the log is looked at. What is inflated only when it is asked for
/// counts as if it were.
fn kept(header: &Header, decoded: &Result<Decoded, Refusal>, keeps_messages: bool) -> u64 {
    let Ok(decoded) = decoded else { return 0 };
    let taken = weight::of(decoded);
    if keeps_messages {
        taken.max(header.raw_len.into())
    } else {
        taken.saturating_sub(weight::of_messages(decoded))
    }
}

/// Segments that were read together, and what their frames say.
struct Window<'a> {
    segments: Vec<(Vec<u8>, Segment<'a>)>,
    results: Results,
    /// What may still be inflated.
    left: u64,
}

/// What was found in a segment.
struct Segment<'a> {
    place: Place<'a>,
    start: usize,
    is_good: bool,
    frames: Vec<Located>,
    /// As in a [`Scan`](crate::log::scan::Scan).
    holes: Vec<Damage>,
    tail: Option<Damage>,
    end: usize,
    /// Frames with a greater number are another session's.
    cut: Option<u64>,
}

/// A session's segments, one after the other, each without what the next one says does not count.
struct Segments<'a> {
    store: &'a dyn Store,
    session: &'a SessionId,
    numbers: std::vec::IntoIter<u32>,
    /// Looked for when the first segment is not the session's own.
    lineage: &'a OnceCell<Lineage>,
    /// Read, and not yet given: the segment behind it may take some of it back.
    waiting: Option<(Place<'a>, Vec<u8>)>,
    /// The greatest epoch so far.
    epoch: u64,
    superseded: Vec<u32>,
    keys: &'a Keys,
}

impl<'a> Segments<'a> {
    fn of(
        (store, session): (&'a dyn Store, &'a SessionId),
        lineage: &'a OnceCell<Lineage>,
        keys: &'a Keys,
    ) -> Result<Self, Error> {
        Ok(Self {
            keys,
            lineage,
            store,
            session,
            numbers: store.segments(session)?.into_iter(),
            waiting: None,
            epoch: 0,
            superseded: Vec::new(),
        })
    }

    /// Whose segment it is.
    fn owner(&self, segment: u32, bytes: &[u8]) -> Result<&'a SessionId, Error> {
        let lineage = match self.lineage.get() {
            Some(lineage) => lineage,
            None if session_of(bytes).as_deref() == Some(self.session.as_str()) => {
                self.lineage.get_or_init(Lineage::default)
            }
            None => {
                let segments = self.store.segments(self.session)?;
                let found = Lineage::find(self.store, self.session, &segments, self.keys)?;
                self.lineage.get_or_init(|| found)
            }
        };
        Ok(lineage.owner(segment).unwrap_or(self.session))
    }

    /// The next segments, of about [`WINDOW`] bytes together; none at the end.
    fn window(&mut self) -> Result<Vec<(Place<'a>, Vec<u8>)>, Error> {
        let mut window = Vec::new();
        let mut len = 0;
        while len < WINDOW {
            let next = self.next()?;
            let is_last = next.is_none();
            if let Some((place, mut bytes)) = std::mem::replace(&mut self.waiting, next) {
                let mut is_void = false;
                if let Some((behind, header)) = &self.waiting
                    && place.segment.checked_add(1) == Some(behind.segment)
                    && let Start::Good(opening, _) = behind.check(header)?
                    && !is_sealed(&place, &bytes)?
                {
                    void(&mut bytes, opening);
                    is_void = opening.void_from == VOID_WHOLE;
                }
                if !is_void {
                    len += bytes.len();
                    window.push((place, bytes));
                }
            }
            if is_last {
                break;
            }
        }
        Ok(window)
    }

    /// The next segment that is not superseded.
    fn next(&mut self) -> Result<Option<(Place<'a>, Vec<u8>)>, Error> {
        while let Some(segment) = self.numbers.next() {
            let bytes = self.store.read(self.session, segment, SEGMENT_MAX)?;
            let place = Place {
                store: self.store.id(),
                session: self.owner(segment, &bytes)?,
                segment,
            };
            // 0 is of a writer that knew no epochs.
            if let Start::Good(opening, _) = place.check(&bytes)?
                && opening.epoch > 0
            {
                if opening.epoch < self.epoch {
                    self.superseded.push(segment);
                    continue;
                }
                self.epoch = opening.epoch;
            }
            return Ok(Some((place, bytes)));
        }
        Ok(None)
    }
}

/// Takes off what the next segment says does not count.
fn void(bytes: &mut Vec<u8>, next: Opening) {
    if next.void_from > 0 {
        bytes.truncate(narrow(next.void_from));
    }
}

impl Loaded {
    /// Takes note of segments that do not count, and of their numbers, which are not used again.
    fn supersede(&mut self, segments: Vec<u32>) {
        if let Some(last) = segments.last().filter(|last| **last > self.last_segment) {
            self.last_segment = *last;
            self.void_from = VOID_WHOLE;
            self.end = None;
        }
        self.superseded = segments;
    }

    fn window(
        &mut self,
        window: Window<'_>,
        session: &SessionId,
        passes_newer: bool,
    ) -> Result<(), Error> {
        self.replay.limit_references(window.left);
        let mut results = window.results.into_iter();
        for (bytes, segment) in window.segments {
            self.replay.cut = segment.cut;
            let (owner, number) = (segment.place.session, segment.place.segment);
            self.segment(&bytes, segment, &mut results, passes_newer)?;
            if owner != session {
                self.shared.push(number);
            }
        }
        Ok(())
    }

    fn segment(
        &mut self,
        bytes: &[u8],
        found: Segment<'_>,
        decoded: &mut impl Iterator<Item = Result<Decoded, Refusal>>,
        passes_newer: bool,
    ) -> Result<(), Error> {
        let (place, start, is_good) = (found.place, found.start, found.is_good);
        let segment = place.segment;
        let is_next = self.last_segment.checked_add(1) == Some(segment);
        if !is_next && !is_good && found.frames.is_empty() {
            self.ignored.push(segment);
            return Ok(());
        }
        let mut damage = found.holes.iter().chain(&found.tail);
        if let Some(newer) = damage.find(|damage| matches!(damage.fault, Fault::Version(_))) {
            let error = Error::newer(format!("segment {segment}, byte {},", newer.range.start));
            if !passes_newer {
                return Err(error);
            }
            self.newer.get_or_insert(error);
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
        for damage in found.holes.iter().chain(&found.tail) {
            let damaged = bytes.get(damage.range.clone()).unwrap_or_default();
            let headers = headers(damaged, place.seed());
            let own = headers
                .iter()
                .filter(|h| found.cut.is_none_or(|last| h.seq <= last));
            own.for_each(|header| self.replay.remains.tell(header));
        }
        for (frame, decoded) in found.frames.iter().zip(decoded) {
            match self.replay.frame(&frame.header, decoded) {
                Ok(()) => {}
                Err(Refusal::Fault(fault)) => {
                    keep(Damage {
                        range: frame.range.clone(),
                        fault,
                    });
                }
                Err(Refusal::Beyond(error)) if passes_newer && !error.is_too_large() => {
                    self.newer.get_or_insert(error);
                }
                Err(Refusal::Beyond(error) | Refusal::Locked(error)) => return Err(error),
            }
        }
        found.holes.into_iter().for_each(&mut keep);
        self.is_torn = found.tail.is_some();
        self.void_from = if is_good || !found.frames.is_empty() {
            wide(found.end)
        } else {
            VOID_WHOLE
        };
        found.tail.into_iter().for_each(&mut keep);
        self.segments += 1;
        self.last_segment = segment;
        let is_sealed = is_sealed(&place, bytes)?;
        if is_sealed {
            self.sealed += 1;
        } else {
            self.unsealed.push(segment);
        }
        self.end = (is_good && !is_sealed).then(|| position(found.end));
        Ok(())
    }
}
