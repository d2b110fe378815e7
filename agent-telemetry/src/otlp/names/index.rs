//! Finds what a fixed set of names stands for.

/// Names and values in a table with room to spare, filled once: no name from outside goes in, so that the hash needs no
/// secret.
#[derive(Debug)]
pub(super) struct Index<T> {
    slots: Box<[Option<(&'static str, T)>]>,
}

impl<T: Copy> Index<T> {
    /// Of a name that comes twice the first one counts.
    pub(super) fn new(entries: &[(&'static str, T)]) -> Self {
        let size = entries.len().saturating_mul(4).next_power_of_two().max(4);
        let mut index = Self {
            slots: vec![None; size].into(),
        };
        for (name, value) in entries {
            let free = index.probe(name).find(|slot| {
                let held = index.slots.get(*slot).copied().flatten();
                held.is_none_or(|(it, _)| it == *name)
            });
            if let Some(slot) = free.and_then(|slot| index.slots.get_mut(slot))
                && slot.is_none()
            {
                *slot = Some((name, *value));
            }
        }
        index
    }

    pub(super) fn get(&self, name: &str) -> Option<T> {
        for slot in self.probe(name) {
            let (it, value) = self.slots.get(slot).copied().flatten()?;
            if it == name {
                return Some(value);
            }
        }
        None
    }

    fn probe(&self, name: &str) -> impl Iterator<Item = usize> + use<T> {
        let size = self.slots.len();
        let mask = size.saturating_sub(1);
        // The mask leaves what fits.
        let first = usize::try_from(hash(name.as_bytes()) & mask as u64).unwrap_or(0);
        (0..size).map(move |step| (first + step) & mask)
    }
}

/// Eight bytes at a time into a product.
fn hash(bytes: &[u8]) -> u64 {
    // The golden ratio: odd and without pattern.
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let fold = |state: u64, word: u64| {
        let product = (state ^ word).wrapping_mul(FACTOR);
        product ^ (product >> 32)
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let state = words.fold(bytes.len() as u64, fold);
    let last = rest
        .iter()
        .fold(0, |word, byte| word << 8 | u64::from(*byte));
    fold(state, last)
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_finds_what_it_was_given_and_nothing_else() {
        let names: Vec<String> = (0..500).map(|n| format!("name.{n}")).collect();
        let names: &'static [String] = names.leak();
        let entries: Vec<(&'static str, usize)> = names.iter().map(|n| &**n).zip(0..).collect();
        let index = Index::new(&entries);
        for (name, value) in &entries {
            assert_eq!(index.get(name), Some(*value));
        }
        assert_eq!(index.get("name.500"), None);
        assert_eq!(index.get(""), None);
        assert_eq!(Index::<u8>::new(&[]).get("x"), None);
    }

    #[test]
    fn first_of_a_name_that_comes_twice_counts() {
        let index = Index::new(&[("a", 1), ("a", 2)]);
        assert_eq!(index.get("a"), Some(1));
    }
}
