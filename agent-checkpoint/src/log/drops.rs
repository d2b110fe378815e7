//! Which checkpoints a log's tombstones drop, asked of every checkpoint: each tombstone is looked at once, not once
//! per checkpoint.

use std::collections::BTreeMap;

use crate::format::payload::Tombstone;

/// What all tombstones of a log say together: a checkpoint goes where any of them drops it.
#[derive(Debug, Default)]
pub(crate) struct Drops {
    /// Up to where each tombstone reaches, ascending.
    reach: Vec<u64>,
    /// How many of those that reach a checkpoint keep it.
    kept: BTreeMap<u64, usize>,
}

impl Drops {
    pub(crate) fn of<'a>(stones: impl IntoIterator<Item = &'a Tombstone>) -> Self {
        let mut drops = Self::default();
        for Tombstone { through, keep } in stones {
            drops.reach.push(*through);
            for seq in keep.iter().filter(|seq| *seq <= through) {
                *drops.kept.entry(*seq).or_default() += 1;
            }
        }
        drops.reach.sort_unstable();
        drops
    }

    /// Whether the checkpoint `seq` is out of the listing.
    pub(crate) fn has(&self, seq: u64) -> bool {
        let reached = self.reach.len() - self.reach.partition_point(|through| *through < seq);
        self.kept.get(&seq).copied().unwrap_or(0) < reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stone() -> impl Strategy<Value = Tombstone> {
        (0_u64..40, prop::collection::btree_set(0_u64..44, 0..9)).prop_map(|(through, keep)| {
            Tombstone {
                through,
                keep: keep.into_iter().collect(),
            }
        })
    }

    proptest! {
        #[test]
        fn a_checkpoint_goes_where_any_tombstone_drops_it(stones in prop::collection::vec(stone(), 0..6)) {
            let drops = Drops::of(&stones);
            for seq in 0..50 {
                let expected = stones.iter().any(|stone| stone.drops(seq));
                prop_assert_eq!(drops.has(seq), expected, "{}", seq);
            }
        }
    }
}
