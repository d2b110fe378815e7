//! One cell block for each thread that uses it, made when the thread first does.

use std::sync::OnceLock;

use super::slot::{self, LANES, Slot};

/// A lane `L` for each slot of a thread. What one thread writes lies apart from what others write.
#[derive(Debug)]
pub(super) struct Lanes<L>([OnceLock<Box<L>>; LANES]);

impl<L> Lanes<L> {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| OnceLock::new()))
    }

    /// The calling thread's lane. `None` does not happen, and takes no instruction.
    #[inline]
    pub(super) fn own(&self, make: fn() -> L) -> Option<(&L, Slot)> {
        let slot = slot::own();
        let lane = self.0.get(slot.lane() % LANES)?;
        match lane.get() {
            Some(lane) => Some((lane, slot)),
            None => Some((first(lane, make), slot)),
        }
    }

    /// Those that were ever written to.
    pub(super) fn all(&self) -> impl Iterator<Item = &L> {
        self.0.iter().filter_map(|lane| lane.get().map(Box::as_ref))
    }
}

#[cold]
#[inline(never)]
fn first<L>(lane: &OnceLock<Box<L>>, make: fn() -> L) -> &L {
    lane.get_or_init(|| Box::new(make()))
}
