//! Which lane a thread writes to: its own while there are any, a shared one after that.

use super::atomics::{AtomicU64, Ordering};

/// Lanes that belong to one thread at a time.
pub(super) const OWNED: usize = 56;
/// With those behind them that any thread may write to. A power of two.
pub(super) const LANES: usize = 64;

/// The owned lanes that are taken, a bit for each.
#[derive(Debug)]
pub(super) struct Taken(AtomicU64);

impl Taken {
    #[cfg(not(all(test, agent_model)))]
    pub(super) const fn none() -> Self {
        Self(AtomicU64::new(0))
    }

    #[cfg(all(test, agent_model))]
    pub(super) fn none() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The lowest lane that is free, so that lanes are used again before new ones are made.
    pub(super) fn claim(&self) -> Option<usize> {
        let mut taken = self.0.load(Ordering::Relaxed);
        loop {
            let lane = taken.trailing_ones();
            if lane as usize >= OWNED {
                return None;
            }
            // What the owner before wrote is read by this one, which adds to it without a lock.
            let claimed = self.0.compare_exchange_weak(
                taken,
                taken | 1 << lane,
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            match claimed {
                Ok(_) => return Some(lane as usize),
                Err(now) => taken = now,
            }
        }
    }

    /// Gives `lane` to the next thread that asks. The caller no longer writes to it.
    pub(super) fn release(&self, lane: usize) {
        self.0.fetch_and(!(1 << lane), Ordering::Release);
    }
}

/// The calling thread's lane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot(u8);

impl Slot {
    #[inline]
    pub(super) fn lane(self) -> usize {
        usize::from(self.0)
    }

    /// Whether no other thread writes to the lane.
    #[inline]
    pub(super) fn is_owned(self) -> bool {
        self.lane() < OWNED
    }
}

pub(super) use thread::own;

#[cfg(not(all(test, agent_model)))]
mod thread {
    //! The lane of a thread, from its first count to its end.

    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{LANES, OWNED, Slot, Taken};

    static TAKEN: Taken = Taken::none();
    const UNKNOWN: u8 = u8::MAX;

    thread_local! {
        // Without a destructor, so that it can be read as long as the thread runs.
        static SLOT: Cell<u8> = const { Cell::new(UNKNOWN) };
        static LEASE: Lease = Lease::new();
    }

    #[inline]
    pub(in super::super) fn own() -> Slot {
        match SLOT.get() {
            UNKNOWN => first(),
            slot => Slot(slot),
        }
    }

    #[cold]
    fn first() -> Slot {
        // A thread that is ending and counts for the first time shares.
        let slot = LEASE.try_with(Lease::slot).unwrap_or_else(|_| shared());
        SLOT.set(slot);
        Slot(slot)
    }

    fn shared() -> u8 {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed) % (LANES - OWNED);
        u8::try_from(OWNED + next).unwrap_or(UNKNOWN - 1)
    }

    /// A lane until the thread ends.
    struct Lease(Option<usize>);

    impl Lease {
        fn new() -> Self {
            Self(TAKEN.claim())
        }

        fn slot(&self) -> u8 {
            let owned = self.0.and_then(|lane| u8::try_from(lane).ok());
            owned.unwrap_or_else(shared)
        }
    }

    impl Drop for Lease {
        fn drop(&mut self) {
            if let Some(lane) = self.0 {
                // What other destructors of this thread still count goes to a shared lane.
                SLOT.set(shared());
                TAKEN.release(lane);
            }
        }
    }
}

/// The model checker passes lanes by hand; whoever asks shares.
#[cfg(all(test, agent_model))]
mod thread {
    use super::{OWNED, Slot};

    pub(in super::super) fn own() -> Slot {
        Slot(u8::try_from(OWNED).unwrap())
    }
}

#[cfg(all(test, not(agent_model)))]
mod tests {
    use super::*;

    #[test]
    fn lowest_free_lane_is_taken_and_none_twice() {
        let taken = Taken::none();
        let all: Vec<_> = std::iter::from_fn(|| taken.claim()).collect();
        assert_eq!(all, (0..OWNED).collect::<Vec<_>>());
        taken.release(17);
        taken.release(3);
        assert_eq!(
            [taken.claim(), taken.claim(), taken.claim()],
            [Some(3), Some(17), None]
        );
    }

    #[test]
    fn threads_that_live_at_once_own_different_lanes_and_leave_them() {
        use std::sync::Barrier;
        let threads = 8;
        let seen: Vec<usize> = {
            let barrier = Barrier::new(threads);
            std::thread::scope(|scope| {
                let one = || {
                    let slot = own();
                    barrier.wait();
                    (slot.is_owned(), slot.lane())
                };
                let all: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
                let all = all.into_iter().map(|thread| thread.join().unwrap());
                all.filter(|(owned, _)| *owned)
                    .map(|(_, lane)| lane)
                    .collect()
            })
        };
        let mut distinct = seen.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), seen.len(), "{seen:?}");
    }

    #[test]
    fn ended_threads_have_given_their_lanes_back() {
        let owns = |_: &i32| std::thread::spawn(|| own().is_owned()).join().unwrap();
        // Some may meet other tests that take all lanes for a moment.
        let owned = (0..500).filter(owns).count();
        assert!(owned > 5 * OWNED, "{owned}");
    }
}
