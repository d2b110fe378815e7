//! Totals that threads add to without meeting each other.

use std::fmt;
use std::sync::Arc;

use super::atomics::{AtomicU64, Ordering};
use super::lanes::Lanes;

/// Counters of a block. Those of one thread fill 512 bytes.
pub(super) const COUNTERS: usize = 64;

/// One thread's part of one counter.
#[derive(Debug)]
pub(super) struct Cell(AtomicU64);

impl Cell {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds, for the one thread that writes this cell: without a locked instruction.
    #[inline]
    pub(super) fn add_owned(&self, more: u64) {
        let sum = self.0.load(Ordering::Relaxed).wrapping_add(more);
        self.0.store(sum, Ordering::Relaxed);
    }

    /// Adds, for any thread.
    #[inline]
    pub(super) fn add_shared(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Aligned to two cache lines, since processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Lane([Cell; COUNTERS]);

impl Lane {
    fn new() -> Self {
        Self(std::array::from_fn(|_| Cell::new()))
    }
}

/// As many counters as make a thread's part of them worth an allocation.
#[derive(Debug)]
pub(super) struct Counters(Lanes<Lane>);

impl Counters {
    pub(super) fn new() -> Self {
        Self(Lanes::new())
    }
}

/// A handle on a total that only grows. Clones count into the same total.
///
/// Each thread adds to a word of its own (the first 56 that live at the same time; further ones share
/// a few words), so that threads do not slow each other down; [`value`](Self::value) sums the words.
/// A total beyond 2⁶⁴ − 1 begins again at zero.
///
/// ```
/// use agent_telemetry::{Instrument, Metrics};
///
/// let metrics = Metrics::new();
/// let turns = metrics.counter(Instrument::<()>::new("agent.turns", "{turn}", []))?.with(());
/// turns.add(2);
/// turns.clone().add(1);
/// assert_eq!(turns.value(), 3);
/// # Ok::<(), agent_telemetry::MetricsError>(())
/// ```
#[derive(Clone)]
pub struct Counter {
    block: Arc<Counters>,
    index: u32,
}

impl Counter {
    pub(super) fn of(block: &Arc<Counters>, index: u32) -> Self {
        Self {
            block: Arc::clone(block),
            index,
        }
    }

    /// Adds `more` to the total.
    #[inline]
    pub fn add(&self, more: u64) {
        let Some((lane, slot)) = self.block.0.own(Lane::new) else {
            return;
        };
        let Some(cell) = lane.0.get(self.index as usize % COUNTERS) else {
            return;
        };
        if slot.is_owned() {
            cell.add_owned(more);
        } else {
            cell.add_shared(more);
        }
    }

    /// The total now. It has every addition that happened before this call; of those at the same time
    /// some or none.
    pub fn value(&self) -> u64 {
        let cells = self
            .block
            .0
            .all()
            .filter_map(|lane| lane.0.get(self.index as usize));
        cells.map(Cell::value).fold(0, u64::wrapping_add)
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counter").field(&self.value()).finish()
    }
}

#[cfg(all(test, not(agent_model)))]
mod tests {
    use super::*;
    use crate::metrics::slot;

    fn counter() -> Counter {
        Counter::of(&Arc::new(Counters::new()), 7)
    }

    #[test]
    fn total_has_the_additions_of_more_threads_than_there_are_lanes() {
        let counter = counter();
        let threads = slot::LANES + 20;
        let barrier = std::sync::Barrier::new(threads);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    counter.add(1);
                    // All hold their lane now, so some of them share.
                    barrier.wait();
                    for _ in 0..1_000 {
                        counter.add(1);
                    }
                });
            }
        });
        assert_eq!(counter.value(), 1_001 * threads as u64);
    }

    #[test]
    fn total_keeps_what_ended_threads_added() {
        let counter = counter();
        for _ in 0..500 {
            let counter = counter.clone();
            std::thread::spawn(move || counter.add(3)).join().unwrap();
        }
        assert_eq!(counter.value(), 1_500);
    }

    #[test]
    fn destructor_of_a_thread_local_counts_after_the_lane_was_given_back() {
        struct AtEnd(Counter);
        impl Drop for AtEnd {
            fn drop(&mut self) {
                self.0.add(1);
            }
        }
        thread_local! {
            static BEFORE: std::cell::RefCell<Option<AtEnd>> = const { std::cell::RefCell::new(None) };
            static AFTER: std::cell::RefCell<Option<AtEnd>> = const { std::cell::RefCell::new(None) };
        }
        let counter = counter();
        let seen = counter.clone();
        let thread = std::thread::spawn(move || {
            // Registered before the lane is taken, and after.
            BEFORE.with(|cell| *cell.borrow_mut() = Some(AtEnd(counter.clone())));
            counter.add(10);
            AFTER.with(|cell| *cell.borrow_mut() = Some(AtEnd(counter.clone())));
        });
        thread.join().unwrap();
        assert_eq!(seen.value(), 12);
    }

    #[test]
    fn neighbours_in_a_block_do_not_mix_and_the_total_wraps() {
        let block = Arc::new(Counters::new());
        let [first, second] = [0, 1].map(|index| Counter::of(&block, index));
        first.add(u64::MAX);
        first.add(2);
        second.add(5);
        assert_eq!((first.value(), second.value()), (1, 5));
    }
}
