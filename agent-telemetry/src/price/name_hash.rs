//! A hash of model names, seeded anew in each table so that no map can be written to collide in it.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes hashers of one seed.
#[derive(Debug, Clone)]
pub(super) struct NameHash {
    seed: u64,
}

impl Default for NameHash {
    fn default() -> Self {
        Self {
            seed: RandomState::new().hash_one(()),
        }
    }
}

impl BuildHasher for NameHash {
    type Hasher = NameHasher;

    fn build_hasher(&self) -> NameHasher {
        NameHasher { state: self.seed }
    }
}

/// Folds eight bytes at a time into a product of 128 bits.
#[derive(Debug)]
pub(super) struct NameHasher {
    state: u64,
}

impl NameHasher {
    fn fold(&mut self, word: u64) {
        // The golden ratio: odd and without pattern.
        const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
        let product = u128::from(self.state ^ word) * u128::from(FACTOR);
        let [low, high] = [product, product >> 64].map(|half| {
            // The mask leaves 64 bits.
            u64::try_from(half & u128::from(u64::MAX)).unwrap_or(0)
        });
        self.state = (low ^ high).rotate_left(23);
    }
}

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.fold(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        // The length sets apart what differs in trailing zero bytes.
        self.fold(u64::from_le_bytes(last));
        self.fold(bytes.len() as u64);
    }

    fn write_u8(&mut self, byte: u8) {
        // What `str` appends to end itself, which the length has done.
        self.state = self.state.wrapping_add(u64::from(byte));
    }

    fn finish(&self) -> u64 {
        self.state
    }
}
