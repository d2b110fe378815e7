//! What a request holds, in its order, before anybody is told: a flaw at its end undoes all of it.

use std::mem;

use super::item::{MetricHead, Number, Point, PointData, Scope};
use super::limits::ReadLimits;
use super::malformed::{Fault, Flaw};
use super::raw::{Labels, RawAttributes};

/// Buckets, or bounds, of one point: 160 are usual.
pub(super) const BUCKETS: usize = 1 << 16;
/// Entries for which room is kept from one request to the next, of some 100 bytes each.
const ENTRIES: usize = 1 << 13;

/// One thing of a request. `T` is what the encoding consists of: bytes or text.
#[derive(Debug)]
pub(super) enum Entry<'a, T> {
    /// The place of a head that may follow its items in the request.
    Open,
    Resource(RawAttributes<'a>),
    Scope(Scope<'a>),
    Metric(MetricHead<'a>),
    /// A point of a sum or gauge, read already.
    Number(Labels<'a>, NumberPoint),
    /// Another item: checked, and read when it is told.
    Item(T),
}

#[derive(Debug, Default)]
pub(super) struct NumberPoint {
    pub(super) start: u64,
    pub(super) time: u64,
    pub(super) no_recorded_value: bool,
    pub(super) number: Option<Number>,
}

impl NumberPoint {
    pub(super) fn point(self) -> Point {
        Point {
            start: self.start,
            time: self.time,
            no_recorded_value: self.no_recorded_value,
            data: self.number.map_or(PointData::Missing, PointData::Number),
        }
    }
}

/// Where requests are noted, one after the other: lists of this size are dear to make and to give back.
#[derive(Debug, Default)]
pub(crate) struct Room {
    entries: Vec<Entry<'static, &'static [u8]>>,
}

impl Room {
    pub(super) fn take_back<T>(&mut self, found: Found<'_, T>) {
        if found.entries.capacity() <= ENTRIES {
            self.entries = emptied(found.entries);
        }
    }
}

/// The same list without its entries. It keeps its memory, since those of both encodings are as large.
fn emptied<'a, T, U>(mut entries: Vec<Entry<'_, T>>) -> Vec<Entry<'a, U>> {
    entries.clear();
    entries.into_iter().filter_map(|_| None).collect()
}

/// The place of a head.
#[derive(Clone, Copy)]
pub(super) struct Place(usize);

#[derive(Debug)]
pub(super) struct Found<'a, T> {
    pub(super) entries: Vec<Entry<'a, T>>,
    items_left: usize,
    /// How deep values of attributes are followed.
    pub(super) depth: usize,
}

impl<'a, T> Found<'a, T> {
    pub(super) fn new(body: &[u8], limits: &ReadLimits, room: &mut Room) -> Self {
        let mut entries = emptied(mem::take(&mut room.entries));
        // An item is seldom shorter; a longer list grows.
        entries.reserve((body.len() / 256).clamp(8, 4096));
        Self {
            entries,
            items_left: limits.items,
            depth: limits.safe_depth(),
        }
    }

    /// Keeps a place for a head.
    pub(super) fn open(&mut self) -> Place {
        self.entries.push(Entry::Open);
        Place(self.entries.len() - 1)
    }

    /// Forgets what followed the head.
    pub(super) fn reopen(&mut self, place: Place) {
        self.entries.truncate(place.0 + 1);
    }

    /// Puts the head in its place, or nothing where no item followed.
    pub(super) fn close(&mut self, place: Place, head: Entry<'a, T>) {
        if self.entries.len() == place.0 + 1 {
            self.entries.pop();
        } else if let Some(entry) = self.entries.get_mut(place.0) {
            *entry = head;
        }
    }

    /// Adds an item that stands at `at`.
    #[expect(
        clippy::inline_always,
        reason = "what it makes is large, and copied where it is a call"
    )]
    #[inline(always)]
    pub(super) fn item(&mut self, entry: Entry<'a, T>, at: &[u8]) -> Result<(), Fault> {
        let Some(left) = self.items_left.checked_sub(1) else {
            return Err(Fault::new(Flaw::TooManyItems, at));
        };
        self.items_left = left;
        self.entries.push(entry);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_used_again_by_either_encoding_unless_there_is_too_much_of_it() {
        let (limits, mut room) = (ReadLimits::default(), Room::default());
        let body = vec![0; 25_600];
        let mut found = Found::<&[u8]>::new(&body, &limits, &mut room);
        found.open();
        let place = found.entries.as_ptr().addr();
        room.take_back(found);
        let mut found = Found::<&str>::new(&body, &limits, &mut room);
        assert!(found.entries.is_empty());
        assert_eq!(found.entries.as_ptr().addr(), place);
        found.entries.reserve(ENTRIES + 1);
        room.take_back(found);
        assert_eq!(room.entries.capacity(), 0);
    }
}
