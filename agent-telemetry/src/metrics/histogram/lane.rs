//! What one thread has recorded in one histogram.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::exponential::ExponentialHistogram;
use super::index::{self, OCTAVES, Outside, STEPS};

const GROUP: usize = 8;
const GROUPS: usize = OCTAVES / GROUP;

/// The buckets of one doubling.
#[derive(Debug)]
struct Octave([AtomicU32; STEPS]);

/// Octaves that are made when a value first falls into them: values lie close together.
type Group = [OnceLock<Box<Octave>>; GROUP];

/// One writer at a time: the thread that owns the lane, or whoever holds `carried`.
#[derive(Debug)]
pub(super) struct Cells {
    groups: [OnceLock<Box<Group>>; GROUPS],
    sum: AtomicU64,
    least: AtomicU64,
    most: AtomicU64,
    zero: AtomicU64,
    above: AtomicU64,
    refused: AtomicU64,
    /// What buckets had when they were full.
    carried: Mutex<BTreeMap<usize, u64>>,
}

impl Cells {
    pub(super) fn new() -> Self {
        Self {
            groups: std::array::from_fn(|_| OnceLock::new()),
            sum: AtomicU64::new(0),
            least: AtomicU64::new(f64::INFINITY.to_bits()),
            most: AtomicU64::new(f64::NEG_INFINITY.to_bits()),
            zero: AtomicU64::new(0),
            above: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            carried: Mutex::new(BTreeMap::new()),
        }
    }

    /// For the thread that owns the lane.
    #[inline]
    pub(super) fn record(&self, value: f64) {
        match index::bucket(value) {
            Some(bucket) => self.count(bucket, || self.carried()),
            None => return self.record_outside(value, || self.carried()),
        }
        self.measure(value);
    }

    /// For any thread.
    #[cold]
    pub(super) fn record_shared(&self, value: f64) {
        // A second lock of the same thread would wait for itself, so this one is passed on.
        let mut carried = Some(self.carried());
        let lock = || carried.take().unwrap_or_else(|| self.carried());
        match index::bucket(value) {
            Some(bucket) => self.count(bucket, lock),
            None => return self.record_outside(value, lock),
        }
        self.measure(value);
    }

    #[inline]
    fn count<'a>(
        &'a self,
        bucket: usize,
        lock: impl FnOnce() -> MutexGuard<'a, BTreeMap<usize, u64>>,
    ) {
        let Some(octave) = self.octave(bucket / STEPS) else {
            return;
        };
        let Some(cell) = octave.0.get(bucket % STEPS) else {
            return;
        };
        match cell.load(Ordering::Relaxed).checked_add(1) {
            Some(count) => cell.store(count, Ordering::Relaxed),
            None => carry(cell, bucket, lock()),
        }
    }

    #[inline]
    fn octave(&self, octave: usize) -> Option<&Octave> {
        let group = self.groups.get(octave / GROUP)?;
        let group = match group.get() {
            Some(group) => group,
            None => made(group, || std::array::from_fn(|_| OnceLock::new())),
        };
        let octave = group.get(octave % GROUP)?;
        Some(match octave.get() {
            Some(octave) => octave,
            None => made(octave, || {
                Octave(std::array::from_fn(|_| AtomicU32::new(0)))
            }),
        })
    }

    #[inline]
    fn measure(&self, value: f64) {
        let sum = f64::from_bits(self.sum.load(Ordering::Relaxed)) + value;
        self.sum.store(sum.to_bits(), Ordering::Relaxed);
        if value < f64::from_bits(self.least.load(Ordering::Relaxed)) {
            self.least.store(value.to_bits(), Ordering::Relaxed);
        }
        if value > f64::from_bits(self.most.load(Ordering::Relaxed)) {
            self.most.store(value.to_bits(), Ordering::Relaxed);
        }
    }

    #[cold]
    fn record_outside<'a>(
        &'a self,
        value: f64,
        lock: impl FnOnce() -> MutexGuard<'a, BTreeMap<usize, u64>>,
    ) {
        let one_more = |word: &AtomicU64| {
            let sum = word.load(Ordering::Relaxed).saturating_add(1);
            word.store(sum, Ordering::Relaxed);
        };
        match index::outside(value) {
            Outside::Refused => return one_more(&self.refused),
            Outside::Zero => one_more(&self.zero),
            Outside::Above => {
                one_more(&self.above);
                self.count(index::BUCKETS - 1, lock);
            }
        }
        self.measure(value);
    }

    fn carried(&self) -> MutexGuard<'_, BTreeMap<usize, u64>> {
        // Nothing panics while it is held.
        self.carried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what was recorded here to `all`.
    pub(super) fn add_to(&self, all: &mut ExponentialHistogram) {
        // A full bucket that is being carried is seen before or after.
        let carried = self.carried();
        let bits = |word: &AtomicU64| f64::from_bits(word.load(Ordering::Relaxed));
        let mut part = ExponentialHistogram::counted(
            self.zero.load(Ordering::Relaxed),
            self.above.load(Ordering::Relaxed),
            self.refused.load(Ordering::Relaxed),
        );
        for (at, octave) in self.octaves() {
            for (step, cell) in octave.0.iter().enumerate() {
                part.add(at * STEPS + step, cell.load(Ordering::Relaxed).into());
            }
        }
        for (&bucket, &count) in &*carried {
            part.add(bucket, count);
        }
        part.measured(bits(&self.sum), bits(&self.least), bits(&self.most));
        all.merge(&part);
    }

    fn octaves(&self) -> impl Iterator<Item = (usize, &Octave)> {
        let groups = self.groups.iter().enumerate();
        let groups = groups.filter_map(|(at, group)| Some((at, group.get()?)));
        groups.flat_map(|(group_at, group)| {
            let octaves = group.iter().enumerate();
            octaves.filter_map(move |(at, octave)| Some((group_at * GROUP + at, &**octave.get()?)))
        })
    }
}

#[cold]
#[inline(never)]
fn made<T>(place: &OnceLock<Box<T>>, make: impl FnOnce() -> T) -> &T {
    place.get_or_init(|| Box::new(make()))
}

/// Empties a full bucket, in one step for those who look.
#[cold]
fn carry(cell: &AtomicU32, bucket: usize, mut carried: MutexGuard<'_, BTreeMap<usize, u64>>) {
    let sum = carried.entry(bucket).or_default();
    *sum = sum.saturating_add(u64::from(u32::MAX) + 1);
    cell.store(0, Ordering::Relaxed);
}

#[cfg(all(test, not(agent_model)))]
mod tests {
    use super::*;

    #[test]
    fn full_bucket_is_carried_and_counted_on() {
        for record in [Cells::record, Cells::record_shared] {
            let cells = Cells::new();
            record(&cells, 1.0);
            let bucket = index::bucket(1.0).unwrap();
            let octave = cells.octave(bucket / STEPS).unwrap();
            octave.0[bucket % STEPS].store(u32::MAX, Ordering::Relaxed);
            record(&cells, 1.0);
            record(&cells, 1.0);
            let mut all = ExponentialHistogram::new();
            cells.add_to(&mut all);
            assert_eq!(all.count(), (1 << 32) + 1);
            assert_eq!(all.bucket_counts(), [(1 << 32) + 1]);
        }
    }
}
