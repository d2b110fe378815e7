//! Items that were taken, of those that are told once.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use super::series::Hashed;

/// Hashes of items, of which the newest are remembered: at least `half` of them, at most twice as many.
#[derive(Debug)]
pub(super) struct Recent {
    newer: HashSet<u128, BuildHasherDefault<Hashed>>,
    older: HashSet<u128, BuildHasherDefault<Hashed>>,
    half: usize,
}

impl Recent {
    pub(super) fn new(half: usize) -> Self {
        Self {
            newer: HashSet::default(),
            older: HashSet::default(),
            half: half.max(1),
        }
    }

    pub(super) fn knows(&self, item: u128) -> bool {
        self.newer.contains(&item) || self.older.contains(&item)
    }

    /// Whether it is new.
    pub(super) fn insert(&mut self, item: u128) -> bool {
        if self.knows(item) {
            return false;
        }
        if self.newer.len() >= self.half {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_items_are_known_and_their_number_is_bounded() {
        let mut recent = Recent::new(10);
        for item in 0..1_000_u128 {
            assert!(recent.insert(item));
            assert!(!recent.insert(item));
            for known in item.saturating_sub(9)..=item {
                assert!(recent.knows(known), "{known} after {item}");
            }
        }
        assert!(!recent.knows(900) && recent.newer.len() + recent.older.len() <= 20);
    }
}
