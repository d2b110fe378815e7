//! The secret of a store that people are hashed with.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use super::siphash::siphash_2_4_128;
use crate::UserHash;

/// What makes [`UserHash`]es of e-mail addresses: 128 secret bits that a store keeps, so that a person
/// is the same one in every run and another one in every other store.
///
/// ```
/// use agent_telemetry::UserKey;
///
/// let key = UserKey::from_bytes([7; 16]);
/// assert_eq!(key.user("ada@example.com"), key.user("ADA@example.com "));
/// assert_ne!(key.user("ada@example.com"), UserKey::from_bytes([8; 16]).user("ada@example.com"));
/// assert_eq!(format!("{key:?}"), "UserKey(..)", "never printed");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserKey([u8; 16]);

impl UserKey {
    /// The key of these bytes, which must be random and secret.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A new key.
    pub fn random() -> Self {
        // The system's randomness, by the one way that the standard library gives to it: a hash under
        // a key of 128 random bits.
        let random = RandomState::new();
        let half = |which: u8| random.hash_one(which).to_le_bytes();
        let mut bytes = [0; 16];
        let (first, second) = bytes.split_at_mut(8);
        first.copy_from_slice(&half(1));
        second.copy_from_slice(&half(2));
        Self(bytes)
    }

    /// The bytes, for whoever keeps the key.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The person of an e-mail address. Case and white space around it make no difference.
    pub fn user(&self, address: &str) -> UserHash {
        UserHash::from_bits(self.hash("user", &address.trim().to_lowercase()))
    }

    /// A secret of the store for another use.
    #[cfg(feature = "otlp")]
    #[expect(clippy::cast_possible_truncation, reason = "half of a hash is one")]
    pub(crate) fn secret(self, usage: &str) -> u64 {
        self.hash("secret", usage) as u64
    }

    /// A value of `text`, apart from those of other uses of the key.
    pub(super) fn hash(self, usage: &str, text: &str) -> u128 {
        let mut input = Vec::with_capacity(usage.len() + 1 + text.len());
        input.extend_from_slice(usage.as_bytes());
        input.push(0);
        input.extend_from_slice(text.as_bytes());
        siphash_2_4_128(self.0, &input)
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserKey(..)")
    }
}
