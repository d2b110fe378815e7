//! What all requests together may hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of things that is given out and comes back: bytes, requests, connections.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    held: AtomicUsize,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            held: AtomicUsize::new(0),
        })
    }

    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// `None` where that many are not left.
    pub(super) fn hold(self: &Arc<Self>, number: usize) -> Option<Hold> {
        let mut hold = Hold {
            budget: Arc::clone(self),
            number: 0,
        };
        hold.grow(number).then_some(hold)
    }
}

/// A share of a [`Budget`], which comes back when it is dropped.
#[derive(Debug)]
pub(super) struct Hold {
    budget: Arc<Budget>,
    number: usize,
}

impl Hold {
    /// Takes `by` more; `false`, and none, where that many are not left.
    pub(super) fn grow(&mut self, by: usize) -> bool {
        let limit = self.budget.limit;
        let grown = self
            .budget
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                held.checked_add(by).filter(|held| *held <= limit)
            });
        if grown.is_ok() {
            self.number = self.number.saturating_add(by);
        }
        grown.is_ok()
    }

    /// Makes room for `more` bytes at the end of `buffer`: for twice as many as it had room for, where that is no more
    /// than `most`. `false`, and nothing done, where they are not left.
    pub(super) fn make_room(&mut self, buffer: &mut Vec<u8>, more: usize, most: usize) -> bool {
        let (had, needed) = (buffer.capacity(), buffer.len().saturating_add(more));
        if needed <= had {
            return true;
        }
        let wanted = had.saturating_mul(2).min(most).max(needed);
        self.grow(wanted - had) && buffer.try_reserve_exact(wanted - buffer.len()).is_ok()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.number, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_comes_back() {
        let budget = Budget::new(10);
        let mut first = budget.hold(6).unwrap();
        assert!(budget.hold(5).is_none());
        let second = budget.hold(4).unwrap();
        assert!(!first.grow(1));
        assert_eq!(budget.held(), 10);
        drop(second);
        assert!(first.grow(3));
        assert_eq!(budget.held(), 9);
        drop(first);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn a_number_beyond_all_numbers_is_not_given() {
        let budget = Budget::new(usize::MAX);
        let _one = budget.hold(1).unwrap();
        assert!(budget.hold(usize::MAX).is_none());
        assert_eq!(budget.held(), 1);
    }

    #[test]
    fn a_buffer_grows_within_its_most_and_its_hold() {
        let budget = Budget::new(1_000);
        let mut hold = budget.hold(0).unwrap();
        let mut buffer = Vec::new();
        assert!(hold.make_room(&mut buffer, 100, 500));
        buffer.resize(100, 0);
        assert!(hold.make_room(&mut buffer, 1, 500));
        assert_eq!(budget.held(), 200);
        buffer.resize(200, 0);
        assert!(hold.make_room(&mut buffer, 1, 350));
        assert_eq!(budget.held(), 350);
        assert!(hold.make_room(&mut buffer, 200, 350));
        assert_eq!(budget.held(), 400);
        buffer.resize(400, 0);
        assert!(!hold.make_room(&mut buffer, 601, 2_000));
        assert_eq!(buffer.capacity(), 400);
    }
}
