//! What a request holds, in its order, before anybody is told: a flaw at its end undoes all of it.

use super::item::{MetricHead, Number, Point, PointData, Scope};
use super::limits::ReadLimits;
use super::malformed::{Fault, Flaw};
use super::raw::RawAttributes;

/// Buckets, or bounds, of one point: 160 are usual.
pub(super) const BUCKETS: usize = 1 << 16;

/// One thing of a request. `T` is what the encoding consists of: bytes or text.
#[derive(Debug)]
pub(super) enum Entry<'a, T> {
    /// The place of a head that may follow its items in the request.
    Open,
    Resource(RawAttributes<'a>),
    Scope(Scope<'a>),
    Metric(MetricHead<'a>),
    /// A point of a sum or gauge, read already.
    Number(RawAttributes<'a>, NumberPoint),
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
    pub(super) fn new(body: &[u8], limits: &ReadLimits) -> Self {
        // An item is seldom shorter; a longer list grows.
        let guess = (body.len() / 256).clamp(8, 4096);
        Self {
            entries: Vec::with_capacity(guess),
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
    pub(super) fn item(&mut self, entry: Entry<'a, T>, at: &[u8]) -> Result<(), Fault> {
        let Some(left) = self.items_left.checked_sub(1) else {
            return Err(Fault::new(Flaw::TooManyItems, at));
        };
        self.items_left = left;
        self.entries.push(entry);
        Ok(())
    }
}
