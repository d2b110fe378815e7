//! How sums become the sum of both.

use std::collections::BTreeMap;

use agent_primitives::{TokenUsage, Usd};

use crate::ExponentialHistogram;

/// Sums that grow by others of their kind. The order of merging makes no difference.
pub(crate) trait Merge {
    fn absorb(&mut self, other: &Self);
}

/// The greatest count that the database can hold, so that memory and database agree.
const LIMIT: u64 = i64::MAX as u64;

pub(crate) fn limited(count: u64) -> u64 {
    count.min(LIMIT)
}

impl Merge for u64 {
    fn absorb(&mut self, other: &Self) {
        *self = limited(self.saturating_add(*other));
    }
}

impl Merge for TokenUsage {
    fn absorb(&mut self, other: &Self) {
        *self += *other;
    }
}

impl Merge for Usd {
    fn absorb(&mut self, other: &Self) {
        *self += *other;
    }
}

impl Merge for ExponentialHistogram {
    fn absorb(&mut self, other: &Self) {
        Self::merge(self, other);
    }
}

impl<K: Ord + Clone, V: Merge + Clone> Merge for BTreeMap<K, V> {
    fn absorb(&mut self, other: &Self) {
        for (key, value) in other {
            match self.get_mut(key) {
                Some(own) => own.absorb(value),
                None => drop(self.insert(key.clone(), value.clone())),
            }
        }
    }
}
