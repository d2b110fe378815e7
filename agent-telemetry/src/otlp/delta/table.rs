//! A bounded number of series. One that was not told of for long makes room for a new one.

use std::collections::HashMap;

use super::SeriesKey;
use super::epochs::Epochs;
use super::intervals::Intervals;
use crate::otlp::folding::Folding;

/// What is known of one series.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Memory {
    Cumulative(Epochs),
    Delta(Intervals),
}

impl Memory {
    /// When it was told of last.
    pub(super) fn newest(&self) -> u64 {
        match self {
            Self::Cumulative(it) => it.newest(),
            Self::Delta(it) => it.newest(),
        }
    }

    pub(super) fn outdate(&mut self, time: u64) {
        match self {
            Self::Cumulative(it) => it.outdate(time),
            Self::Delta(it) => it.outdate(time),
        }
    }
}

/// Where a series was last. Another one may have its place since.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place(usize);

#[derive(Debug)]
pub(super) struct Table {
    slots: Vec<Slot>,
    places: HashMap<SeriesKey, usize, Folding>,
    slots_max: usize,
    /// Where the search for a series to evict goes on.
    hand: usize,
    pub(super) evicted: u64,
    gone: Gone,
}

#[derive(Debug)]
struct Slot {
    key: SeriesKey,
    /// Since the hand came by.
    is_used: bool,
    memory: Memory,
}

impl Table {
    pub(super) fn new(slots_max: usize, gone_max: usize) -> Self {
        Self {
            slots: Vec::new(),
            places: HashMap::with_hasher(Folding::default()),
            slots_max: slots_max.max(1),
            hand: 0,
            evicted: 0,
            gone: Gone::new(gone_max),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn get(&self, key: SeriesKey) -> Option<&Memory> {
        let at = *self.places.get(&key)?;
        self.slots.get(at).map(|slot| &slot.memory)
    }

    /// Looks at the place first, which is made right where it was not.
    pub(super) fn use_known(&mut self, place: &mut Place, key: SeriesKey) -> Option<&mut Memory> {
        let is_there = self.slots.get(place.0).is_some_and(|it| it.key == key);
        if !is_there {
            place.0 = *self.places.get(&key)?;
        }
        let slot = self.slots.get_mut(place.0)?;
        slot.is_used = true;
        Some(&mut slot.memory)
    }

    /// Until when a series that is not known may have been told of.
    pub(super) fn gone_until(&self, key: SeriesKey) -> u64 {
        self.gone.until(key).unwrap_or(self.gone.lost_until)
    }

    /// Series that are not known may have been told of until then.
    pub(super) fn forgot_until(&mut self, time: u64) {
        self.gone.lost_until = self.gone.lost_until.max(time);
    }

    /// Puts what is read back in its place, unless more was known before it had to go.
    pub(super) fn put_back(&mut self, key: SeriesKey, mut memory: Memory) {
        if let Some(time) = self.gone.until(key) {
            memory.outdate(time);
        }
        self.put(key, memory);
    }

    pub(super) fn put(&mut self, key: SeriesKey, memory: Memory) {
        self.gone.remove(key);
        let slot = Slot {
            key,
            is_used: true,
            memory,
        };
        let at = match self.places.get(&key) {
            Some(at) => *at,
            None if self.slots.len() < self.slots_max => self.slots.len(),
            None => self.free(),
        };
        match self.slots.get_mut(at) {
            Some(place) => *place = slot,
            None => self.slots.push(slot),
        }
        self.places.insert(key, at);
    }

    /// The place of a series that was not used for a whole turn of the hand.
    fn free(&mut self) -> usize {
        loop {
            let at = self.hand;
            self.hand = (at + 1) % self.slots.len().max(1);
            match self.slots.get_mut(at) {
                Some(slot) if slot.is_used => slot.is_used = false,
                Some(slot) => {
                    let (key, newest) = (slot.key, slot.memory.newest());
                    self.let_go(key, newest);
                    return at;
                }
                None => return at,
            }
        }
    }

    /// Evicts what was not told of since `time`.
    pub(super) fn evict_older(&mut self, time: u64) {
        let mut at = 0;
        while let Some(slot) = self.slots.get(at) {
            let (key, newest) = (slot.key, slot.memory.newest());
            if newest >= time {
                at += 1;
                continue;
            }
            self.let_go(key, newest);
            self.slots.swap_remove(at);
            if let Some(moved) = self.slots.get(at) {
                self.places.insert(moved.key, at);
            }
        }
        self.hand = 0;
    }

    fn let_go(&mut self, key: SeriesKey, newest: u64) {
        self.places.remove(&key);
        self.gone.insert(key, newest);
        self.evicted += 1;
    }
}

/// Until when series were told of that had to go: so that none that comes back is counted twice.
#[derive(Debug)]
struct Gone {
    /// By their keys; one displaces another. Empty until needed.
    places: Vec<Option<(SeriesKey, u64)>>,
    places_max: usize,
    /// The latest time of those displaced.
    lost_until: u64,
}

impl Gone {
    fn new(places_max: usize) -> Self {
        Self {
            places: Vec::new(),
            places_max: places_max.max(1),
            lost_until: 0,
        }
    }

    fn place(&self, key: SeriesKey) -> usize {
        let place = key.0 % (self.places_max as u128);
        usize::try_from(place).unwrap_or(0)
    }

    fn until(&self, key: SeriesKey) -> Option<u64> {
        let place = self.places.get(self.place(key))?;
        place.filter(|(it, _)| *it == key).map(|(_, time)| time)
    }

    fn insert(&mut self, key: SeriesKey, time: u64) {
        self.places.resize(self.places_max, None);
        let at = self.place(key);
        let displaced = self
            .places
            .get_mut(at)
            .and_then(|place| place.replace((key, time)));
        if let Some((_, time)) = displaced {
            self.lost_until = self.lost_until.max(time);
        }
    }

    fn remove(&mut self, key: SeriesKey) {
        let at = self.place(key);
        let place = self.places.get_mut(at);
        if let Some(place) = place.filter(|place| place.is_some_and(|(it, _)| it == key)) {
            *place = None;
        }
    }
}
