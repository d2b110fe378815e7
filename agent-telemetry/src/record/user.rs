//! A person, told apart and not named.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A person as the records know them: 128 bits, in 32 lower-case hexadecimal digits, that the key of
/// the store makes of an e-mail address. One address gives one value within a store and another one
/// in every other store.
///
/// Whoever has both the value and the key can test whether a guessed address is the right one, and
/// nothing else leads back.
///
/// ```
/// use agent_telemetry::UserHash;
///
/// let user: UserHash = "00112233445566778899aabbccddeeff".parse()?;
/// assert_eq!(user.to_string(), "00112233445566778899aabbccddeeff");
/// assert!("ada@example.com".parse::<UserHash>().is_err());
/// # Ok::<(), agent_telemetry::InvalidUserHash>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserHash(u128);

/// A text that is not 32 lower-case hexadecimal digits. It does not repeat the text, which may be an
/// address.
///
/// ```
/// let error = "ada".parse::<agent_telemetry::UserHash>().unwrap_err();
/// assert_eq!(error.to_string(), "a user hash is 32 lower-case hexadecimal digits; hash the address");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user hash is 32 lower-case hexadecimal digits; hash the address")]
#[non_exhaustive]
pub struct InvalidUserHash;

impl UserHash {
    pub(crate) const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }
}

impl fmt::Display for UserHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for UserHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserHash({self})")
    }
}

impl FromStr for UserHash {
    type Err = InvalidUserHash;
    fn from_str(text: &str) -> Result<Self, InvalidUserHash> {
        let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
        if text.len() != 32 || !text.as_bytes().iter().all(is_digit) {
            return Err(InvalidUserHash);
        }
        u128::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| InvalidUserHash)
    }
}

impl Serialize for UserHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UserHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
