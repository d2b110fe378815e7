//! Sums by name, of which the first so many have their own.

use std::collections::BTreeMap;

use crate::rollup::Merge;

/// Sums of the names that came first, and one of all others. A name stays where it was counted first, so that
/// neither sum ever falls.
#[derive(Debug)]
pub(super) struct Admitted<K, V> {
    own: BTreeMap<K, V>,
    other: Option<V>,
    overflowed: u64,
}

impl<K, V> Default for Admitted<K, V> {
    fn default() -> Self {
        Self {
            own: BTreeMap::new(),
            other: None,
            overflowed: 0,
        }
    }
}

impl<K: Ord, V: Merge + Default> Admitted<K, V> {
    pub(super) fn absorb(&mut self, more: BTreeMap<K, V>, limit: usize) {
        for (key, value) in more {
            self.absorb_one(key, value, limit);
        }
    }

    pub(super) fn absorb_one(&mut self, key: K, value: V, limit: usize) {
        if let Some(own) = self.own.get_mut(&key) {
            own.absorb(&value);
        } else if self.own.len() < limit {
            self.own.insert(key, value);
        } else {
            self.other.get_or_insert_default().absorb(&value);
            self.overflowed = self.overflowed.saturating_add(1);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.own.len()
    }

    pub(super) const fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// All sums, that of the others, which has no key, last.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Option<&K>, &V)> {
        let own = self.own.iter().map(|(key, value)| (Some(key), value));
        own.chain(self.other.iter().map(|value| (None, value)))
    }
}
