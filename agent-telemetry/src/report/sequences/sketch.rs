//! The most frequent of ever so many, in bounded memory.

use std::collections::{BTreeMap, BTreeSet};

/// Counts for so many keys. While there are no more of them the counts are exact; beyond that a new key takes
/// the place, and the count, of one of the rarest: Metwally, Agrawal and El Abbadi's `SpaceSaving`.
#[derive(Debug)]
pub(super) struct Sketch<K, V> {
    room: usize,
    kept: BTreeMap<K, Kept<V>>,
    by_count: BTreeSet<(u64, K)>,
    gave_way: u64,
}

#[derive(Debug)]
pub(super) struct Kept<V> {
    /// Its own and that of those whose place it has: at least as much as the truth.
    count: u64,
    /// How much of it is not its own.
    pub(super) missed_at_most: u64,
    pub(super) sums: V,
}

impl<K: Ord + Copy, V: Default> Sketch<K, V> {
    pub(super) const fn new(room: usize) -> Self {
        Self {
            room,
            kept: BTreeMap::new(),
            by_count: BTreeSet::new(),
            gave_way: 0,
        }
    }

    /// So many more of a key.
    pub(super) fn add(&mut self, key: K, times: u64, add: impl FnOnce(&mut V)) {
        if !self.kept.contains_key(&key) {
            let mut missed_at_most = 0;
            if self.kept.len() >= self.room
                && let Some((count, rarest)) = self.by_count.pop_first()
            {
                self.kept.remove(&rarest);
                self.gave_way = self.gave_way.saturating_add(1);
                missed_at_most = count;
            }
            let kept = Kept {
                count: missed_at_most,
                missed_at_most,
                sums: V::default(),
            };
            self.kept.insert(key, kept);
        }
        if let Some(kept) = self.kept.get_mut(&key) {
            self.by_count.remove(&(kept.count, key));
            kept.count = kept.count.saturating_add(times);
            self.by_count.insert((kept.count, key));
            add(&mut kept.sums);
        }
    }

    /// In the order of the keys.
    pub(super) fn into_kept(self) -> impl Iterator<Item = (K, Kept<V>)> {
        self.kept.into_iter()
    }

    /// Keys that had to give way, one that did so again included.
    pub(super) const fn gave_way(&self) -> u64 {
        self.gave_way
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn counts_are_exact_while_there_is_room() {
        let mut sketch = Sketch::new(3);
        for key in [1, 2, 1, 3, 1, 2] {
            sketch.add(key, 2, |seen: &mut u64| *seen += 2);
        }
        assert_eq!(sketch.gave_way(), 0);
        let kept = sketch.into_kept();
        let counts: Vec<_> = kept
            .map(|(key, it)| (key, it.sums, it.missed_at_most))
            .collect();
        assert_eq!(counts.as_slice(), [(1, 6, 0), (2, 4, 0), (3, 2, 0)]);
    }

    #[test]
    fn what_is_missed_is_within_the_bound_and_the_frequent_are_kept() {
        let mut rng = fastrand::Rng::with_seed(5);
        let mut sketch = Sketch::new(64);
        let mut truth: HashMap<u32, u64> = HashMap::new();
        let mut all = 0;
        for _ in 0..20_000 {
            // A few are frequent, thousands are rare.
            let key = if rng.bool() {
                rng.u32(..8)
            } else {
                rng.u32(..5_000)
            };
            let times = rng.u64(1..4);
            all += times;
            *truth.entry(key).or_default() += times;
            sketch.add(key, times, |seen: &mut u64| *seen += times);
        }
        assert!(sketch.gave_way() > 1_000);
        let kept: HashMap<u32, Kept<u64>> = sketch.into_kept().collect();
        for (key, it) in &kept {
            let truth = truth[key];
            assert!(it.sums <= truth && truth <= it.sums + it.missed_at_most);
            assert!(it.missed_at_most <= all / 64);
        }
        for (key, times) in truth {
            assert!(times <= all / 64 || kept.contains_key(&key), "{key}");
        }
    }
}
