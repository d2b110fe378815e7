//! Label values as bytes that are hashed and compared without an allocation.

use std::hash::BuildHasher as _;
use std::hash::RandomState;

use super::labels::LabelSet;

/// Bytes of a label value that count.
const VALUE_BYTES: usize = 256;
const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

/// Chosen anew for each registry, so that nobody can choose names that all fall on one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seed(u64);

impl Seed {
    pub(super) fn random() -> Self {
        Self(RandomState::new().hash_one(PRIME))
    }

    /// The hash of all values of `labels`.
    #[inline]
    pub(super) fn hash(self, labels: &impl LabelSet) -> u64 {
        let mut hash = self.0;
        labels.visit(|value| hash = text(hash, self.0, cut(value).as_bytes()));
        hash
    }
}

/// Multiplies two words and folds the product, which mixes every bit of both.
#[inline]
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    let low = product as u64;
    low ^ (product >> 64) as u64
}

#[inline]
fn text(hash: u64, seed: u64, bytes: &[u8]) -> u64 {
    let mut hash = hash ^ (bytes.len() as u64).wrapping_mul(PRIME);
    let mut rest = bytes;
    while rest.len() > 16 {
        let (block, after) = rest.split_at(16);
        let (first, last) = ends(block);
        hash = fold(hash ^ first, last ^ seed ^ PRIME);
        rest = after;
    }
    let (first, last) = ends(rest);
    fold(hash ^ first, last ^ seed ^ PRIME)
}

/// The first and the last eight bytes of at most sixteen; together they hold each byte.
#[inline]
fn ends(bytes: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (
            u32::from_le_bytes(*first).into(),
            u32::from_le_bytes(*last).into(),
        )
    } else {
        let shifted = |word: u64, byte: &u8| word << 8 | u64::from(*byte);
        (bytes.iter().fold(0, shifted), 0)
    }
}

/// The beginning of a text that is too long.
#[inline]
fn cut(value: &str) -> &str {
    if value.len() <= VALUE_BYTES {
        return value;
    }
    let ends = (0..=VALUE_BYTES).rev();
    ends.into_iter()
        .find_map(|end| value.get(..end))
        .unwrap_or_default()
}

/// The values of a label set one behind the other, each after its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(Box<[u8]>);

impl Key {
    pub(super) fn of(labels: &impl LabelSet) -> Self {
        let mut bytes = Vec::new();
        labels.visit(|value| {
            let value = cut(value);
            bytes.extend(length(value));
            bytes.extend(value.as_bytes());
        });
        Self(bytes.into())
    }

    #[inline]
    pub(super) fn is_of(&self, labels: &impl LabelSet) -> bool {
        let mut rest = Some(&*self.0);
        labels.visit(|value| {
            let value = cut(value);
            rest = rest.and_then(|rest| {
                let (found, rest) = rest.split_first_chunk::<2>()?;
                let same = *found == length(value);
                let (found, rest) = rest.split_at_checked(value.len())?;
                (same && equal(found, value.as_bytes())).then_some(rest)
            });
        });
        rest.is_some_and(<[u8]>::is_empty)
    }
}

#[inline]
fn length(value: &str) -> [u8; 2] {
    #[expect(clippy::cast_possible_truncation, reason = "it is at most 256")]
    let length = value.len() as u16;
    length.to_le_bytes()
}

/// As `==`, without a call for short texts. Both have the same length.
#[inline]
fn equal(left: &[u8], right: &[u8]) -> bool {
    if left.len() <= 16 {
        ends(left) == ends(right)
    } else {
        left == right
    }
}

/// The values as they are kept for the reader of a snapshot.
pub(super) fn values(labels: &impl LabelSet) -> Vec<Box<str>> {
    let mut values = Vec::new();
    labels.visit(|value| values.push(cut(value).into()));
    values
}

#[cfg(all(test, not(agent_model)))]
mod tests {
    use super::*;

    #[test]
    fn key_belongs_to_its_values_alone() {
        let key = Key::of(&("ab", "c"));
        assert!(key.is_of(&("ab", "c")));
        for (left, right) in [
            ("a", "bc"),
            ("ab", ""),
            ("ab", "cd"),
            ("", "abc"),
            ("ab", "d"),
        ] {
            assert!(!key.is_of(&(left, right)), "{left} {right}");
        }
        assert!(!key.is_of(&("ab",)));
        assert!(!key.is_of(&("ab", "c", "")));
    }

    #[test]
    fn texts_of_every_length_are_told_apart_by_each_byte() {
        let seed = Seed(7);
        for length in 0..70_usize {
            let text: String = (b'!'..).map(char::from).take(length).collect();
            let key = Key::of(&(text.as_str(),));
            assert!(key.is_of(&(text.as_str(),)));
            for at in 0..length {
                let mut other = text.clone();
                other.replace_range(at..=at, "~");
                let other = (other.as_str(),);
                assert!(!key.is_of(&other), "{length} {at}");
                assert_ne!(
                    seed.hash(&(text.as_str(),)),
                    seed.hash(&other),
                    "{length} {at}"
                );
            }
        }
    }

    #[test]
    fn order_of_values_and_seed_change_the_hash() {
        let seed = Seed(7);
        assert_ne!(seed.hash(&("a", "b")), seed.hash(&("b", "a")));
        assert_ne!(seed.hash(&("a", "b")), Seed(8).hash(&("a", "b")));
    }

    #[test]
    fn long_value_counts_by_its_beginning_between_characters() {
        let long = "ä".repeat(200);
        assert_eq!(cut(&long), "ä".repeat(128));
        let odd = format!("x{long}");
        assert_eq!(cut(&odd).len(), 255);
        assert!(Key::of(&(long.as_str(),)).is_of(&(format!("{long}!").as_str(),)));
    }
}
