//! What of a value's bytes is as it was, found at bounded cost. Pure.

/// Shortest stretch that is worth being copied from elsewhere than the beginning or the end, in bytes.
const WORTH: usize = 32;
/// Old bytes are found again by stretches of this length, in bytes.
const BLOCK: usize = 16;
/// How far behind a difference the two sides are searched for each other, one after the other, in bytes.
const WINDOWS: [usize; 4] = [256, 4 << 10, 64 << 10, 4 << 20];
/// Bytes that are looked at in all such searches together: about 10 ms.
const BUDGET: usize = 8 << 20;
/// Most stretches in one patch.
pub(crate) const OPS_MAX: usize = 1_024;

/// Passes over `skip` old bytes, copies `copy` old ones, and adds `insert` new ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Op {
    pub(crate) skip: usize,
    pub(crate) copy: usize,
    pub(crate) insert: usize,
}

/// How `new` comes out of `old`; `None` when more than half of it is new, or it is in too many pieces.
/// The inserted bytes are those of `new` at the same place.
pub(crate) fn delta(old: &[u8], new: &[u8]) -> Option<Vec<Op>> {
    let prefix = common_prefix(old, new);
    let (old_rest, new_rest) = (old.get(prefix..)?, new.get(prefix..)?);
    let suffix = common_suffix(old_rest, new_rest);
    let old_middle = old_rest.get(..old_rest.len() - suffix)?;
    let new_middle = new_rest.get(..new_rest.len() - suffix)?;
    let mut walk = Walk {
        ops: vec![Op {
            copy: prefix,
            ..Op::default()
        }],
        inserted: 0,
        limit: new.len() / 2,
    };
    let (mut at_old, mut at_new) = (0, 0);
    let mut search = Search::default();
    while let Some(found) = search.resync(old_middle.get(at_old..)?, new_middle.get(at_new..)?) {
        walk.insert(found.new)?;
        walk.copy(found.old, found.len)?;
        at_old += found.old + found.len;
        at_new += found.new + found.len;
    }
    walk.insert(new_middle.len() - at_new)?;
    if suffix > 0 {
        walk.copy(old_middle.len() - at_old, suffix)?;
    }
    Some(walk.ops)
}

struct Walk {
    ops: Vec<Op>,
    inserted: usize,
    limit: usize,
}

impl Walk {
    fn insert(&mut self, len: usize) -> Option<()> {
        self.inserted += len;
        self.ops.last_mut()?.insert += len;
        (self.inserted <= self.limit).then_some(())
    }

    fn copy(&mut self, skip: usize, len: usize) -> Option<()> {
        self.ops.push(Op {
            skip,
            copy: len,
            insert: 0,
        });
        (self.ops.len() <= OPS_MAX).then_some(())
    }
}

/// Both sides go on alike from here, for `len` bytes.
struct Resync {
    old: usize,
    new: usize,
    len: usize,
}

#[derive(Default)]
struct Search {
    spent: usize,
    /// Where in the old bytes a block lies, plus one, by its hash.
    table: Vec<u32>,
}

impl Search {
    fn resync(&mut self, old: &[u8], new: &[u8]) -> Option<Resync> {
        if old.is_empty() || new.is_empty() {
            return None;
        }
        let mut searched = 0;
        for window in WINDOWS {
            let (old_len, new_len) = (window.min(old.len()), window.min(new.len()));
            if old_len.max(new_len) == searched {
                return None;
            }
            searched = old_len.max(new_len);
            self.spent += old_len + new_len;
            if self.spent > BUDGET {
                return None;
            }
            let found = self.find(old, new, old_len, new_len);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn find(&mut self, old: &[u8], new: &[u8], old_len: usize, new_len: usize) -> Option<Resync> {
        let bits = (old_len / BLOCK * 2)
            .max(2)
            .next_power_of_two()
            .trailing_zeros();
        self.table.clear();
        self.table.resize(1 << bits, 0);
        let slot = |block: &[u8; BLOCK]| {
            let hash =
                u128::from_le_bytes(*block).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            // The highest bits depend on all of the block.
            usize::try_from(hash >> (128 - bits)).unwrap_or_default()
        };
        for (at, block) in old
            .get(..old_len)?
            .as_chunks::<BLOCK>()
            .0
            .iter()
            .enumerate()
        {
            if let Some(entry) = self.table.get_mut(slot(block)) {
                // The first one of several stays: the rest of the old bytes may still be needed.
                if *entry == 0 {
                    *entry = u32::try_from(at + 1).ok()?;
                }
            }
        }
        for (at, block) in new.get(..new_len)?.windows(BLOCK).enumerate() {
            let entry = *self.table.get(slot(block.try_into().ok()?))?;
            let Some(old_at) = usize::try_from(entry)
                .ok()?
                .checked_sub(1)
                .map(|n| n * BLOCK)
            else {
                continue;
            };
            let len = common_prefix(old.get(old_at..)?, new.get(at..)?);
            let back = common_suffix(old.get(..old_at)?, new.get(..at)?);
            if len + back >= WORTH {
                return Some(Resync {
                    old: old_at - back,
                    new: at - back,
                    len: len + back,
                });
            }
        }
        None
    }
}

/// Bytes that are compared at once; a run of them is as fast as memory.
const STRIDE: usize = 512;

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let strides = a.chunks_exact(STRIDE).zip(b.chunks_exact(STRIDE));
    let same = strides.take_while(|(a, b)| a == b).count() * STRIDE;
    let (a, b) = (
        a.get(same..).unwrap_or_default(),
        b.get(same..).unwrap_or_default(),
    );
    same + a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let strides = a.rchunks_exact(STRIDE).zip(b.rchunks_exact(STRIDE));
    let same = strides.take_while(|(a, b)| a == b).count() * STRIDE;
    let rest = |bytes: &'_ [u8]| bytes.len() - same;
    let (a, b) = (
        a.get(..rest(a)).unwrap_or_default(),
        b.get(..rest(b)).unwrap_or_default(),
    );
    same + a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(a, b)| a == b)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(old: &[u8], new: &[u8], ops: &[Op]) -> Vec<u8> {
        let (mut from, mut out) = (0, Vec::new());
        for op in ops {
            from += op.skip;
            out.extend_from_slice(&old[from..from + op.copy]);
            from += op.copy;
            let at = out.len();
            out.extend_from_slice(&new[at..at + op.insert]);
        }
        out
    }

    fn words(count: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        let mut text = String::new();
        for _ in 0..count {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push_str(&format!("{{\"id\":{}}},", state >> 40));
        }
        text.into_bytes()
    }

    fn inserted(ops: &[Op]) -> usize {
        ops.iter().map(|op| op.insert).sum()
    }

    #[test]
    fn edits_cost_what_they_are() {
        let old = words(5_000, 1);
        let mut new = old.clone();
        new[10] = b'#';
        new.splice(20_000..20_003, *b"somewhat longer");
        new.drain(40_000..41_000);
        let big = words(2_000, 2);
        new.splice(60_000..60_000, big.iter().copied());
        new.extend_from_slice(b"the end");
        let ops = delta(&old, &new).unwrap();
        assert_eq!(applied(&old, &new, &ops), new);
        let edits = 1 + 15 + big.len() + 7;
        assert!(inserted(&ops) < edits + 5 * BLOCK, "{}", inserted(&ops));
        assert!(ops.len() <= 7, "{ops:?}");
    }

    #[test]
    fn what_is_mostly_new_is_no_patch() {
        let (old, new) = (words(1_000, 1), words(1_000, 9));
        assert_eq!(delta(&old, &new), None);
        assert_eq!(delta(b"", b"abc"), None);
        let grown = [old.as_slice(), &old[..old.len() / 3]].concat();
        let ops = delta(&old, &grown).unwrap();
        assert_eq!(applied(&old, &grown, &ops), grown);
    }

    #[test]
    fn nothing_and_a_shorter_end_are_found() {
        let old = words(100, 3);
        for new in [
            old.clone(),
            old[..50].to_vec(),
            old[50..].to_vec(),
            Vec::new(),
        ] {
            let ops = delta(&old, &new).unwrap();
            assert_eq!((applied(&old, &new, &ops), inserted(&ops)), (new, 0));
        }
    }

    #[test]
    fn bytes_that_are_all_alike_end_the_search() {
        let old = vec![b'a'; 1 << 20];
        let mut new = vec![b'a'; (1 << 20) - 7];
        new[0] = b'b';
        new[500_000] = b'c';
        let ops = delta(&old, &new).unwrap();
        assert_eq!(applied(&old, &new, &ops), new);
    }
}
