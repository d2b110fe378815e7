//! One segment from its end on: as much of it is in memory as was passed.

use agent_primitives::SessionId;

use super::walk::{Odd, head};
use crate::format::frame::{Found, OVERHEAD};
use crate::format::header::Header;
use crate::format::keys::Seed;
use crate::format::segment::{Opening, Place};
use crate::format::{PAYLOAD_MAX, SEGMENT_MAX, bytes_at};
use crate::log::numbering::{narrow, wide};
use crate::log::scan::scan;
use crate::{Error, Store};

/// The first look at the end of a segment, in bytes; each further one is twice as long.
const FIRST_LOOK: usize = 32 << 10;

/// A segment of which the end is in memory.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) place: Place<'a>,
    pub(super) opening: Opening,
    /// Where its frames begin.
    pub(super) start: u64,
    /// Where the frames that were not given yet end.
    pub(super) end: u64,
    /// What lies from `from` on, up to `end` at least.
    bytes: Vec<u8>,
    from: u64,
    pub(super) is_torn: bool,
}

impl<'a> Part<'a> {
    /// A segment, of which what lies from `void_from` on does not count unless that is 0.
    pub(super) fn open(
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
        // Zeros are looked through from the end: a file with a hole of terabytes would take days.
        if len > wide(SEGMENT_MAX) {
            let what = format!("segment {segment} of session {session}");
            return Err(Error::too_large(what, narrow(len), SEGMENT_MAX).into());
        }
        let is_cut = void_from > 0 && !opening.is_sealed;
        let counts = if is_cut { void_from } else { len };
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
        // The four bytes of a length cannot all be zero. The more of them are, the shorter is the frame: taken the
        // other way round, a long one that is none would be read for nothing.
        let seed = self.place.seed();
        for zeros in (0..4).rev() {
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
    fn try_back(&mut self, store: &dyn Store, seed: Seed) -> Result<Option<u64>, Odd> {
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

    pub(super) fn back(&mut self, store: &dyn Store) -> Result<(Header, Vec<u8>), Odd> {
        let seed = self.place.seed();
        let at = self.try_back(store, seed)?.ok_or(Odd::Unsound)?;
        let bytes = self.slice(at).ok_or(Odd::Unsound)?;
        let found = Found::read(bytes, seed).map_err(|_| Odd::Unsound)?;
        let given = (found.header, found.stored.to_vec());
        self.end = at;
        Ok(given)
    }
}
