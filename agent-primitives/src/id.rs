//! Validated, cheaply cloned identifiers.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

/// Why a text is not an id. The message names the offending byte and what is allowed.
///
/// ```
/// use agent_primitives::AgentId;
///
/// let error = AgentId::new(".env").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "agent id starts with '.' (byte 0); begin with an ASCII letter, a digit or '_'"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {reason}")]
pub struct InvalidId {
    what: &'static str,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("is empty; give it at least one character")]
    Empty,
    #[error("has {len} bytes; at most {max} are allowed")]
    TooLong { len: usize, max: usize },
    #[error("starts with {0:?} (byte 0); begin with an ASCII letter, a digit or '_'")]
    Start(char),
    #[error("has {found:?} at byte {at}; use {allowed}")]
    Character {
        found: char,
        at: usize,
        allowed: &'static str,
    },
}

/// What an id may be made of.
#[derive(Clone, Copy)]
enum Alphabet {
    /// Letters, digits and `. _ - : @`, not starting with punctuation other than `_`: such an id is
    /// also a safe part of a file name once the host's file system is taken into account.
    Name,
    /// Any visible ASCII character: what vendors call models and tools.
    Visible,
}

impl Alphabet {
    const fn max_len(self) -> usize {
        match self {
            Self::Name => 128,
            Self::Visible => 256,
        }
    }

    const fn allows(self, byte: u8) -> bool {
        match self {
            Self::Name => {
                byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':' | b'@')
            }
            Self::Visible => byte.is_ascii_graphic(),
        }
    }

    const fn described(self) -> &'static str {
        match self {
            Self::Name => "ASCII letters, digits and . _ - : @",
            Self::Visible => "visible ASCII characters without spaces",
        }
    }

    fn check(self, text: &str) -> Result<(), Reason> {
        let Some(first) = text.chars().next() else {
            return Err(Reason::Empty);
        };
        if text.len() > self.max_len() {
            return Err(Reason::TooLong {
                len: text.len(),
                max: self.max_len(),
            });
        }
        if let Some((at, found)) = text
            .char_indices()
            .find(|(_, c)| !u8::try_from(*c).is_ok_and(|byte| self.allows(byte)))
        {
            return Err(Reason::Character {
                found,
                at,
                allowed: self.described(),
            });
        }
        match self {
            Self::Name if !(first.is_ascii_alphanumeric() || first == '_') => {
                Err(Reason::Start(first))
            }
            _ => Ok(()),
        }
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $alphabet:expr, $example:literal) => {
        $(#[$doc])*
        ///
        #[doc = concat!("```\nuse agent_primitives::", stringify!($name), ";\n")]
        #[doc = concat!("let id = ", stringify!($name), "::new(\"", $example, "\")?;")]
        #[doc = concat!("assert_eq!(id.as_str(), \"", $example, "\");")]
        #[doc = concat!("assert!(", stringify!($name), "::new(\"no spaces\").is_err());")]
        /// # Ok::<(), agent_primitives::InvalidId>(())
        /// ```
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and keeps it. One allocation; clones share it.
            ///
            /// # Errors
            /// [`InvalidId`] when the text is empty, too long or has a character that is not allowed.
            pub fn new(text: impl Into<Arc<str>>) -> Result<Self, InvalidId> {
                let text = text.into();
                match $alphabet.check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(reason) => Err(InvalidId { what: $what, reason }),
                }
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &*self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidId;
            fn try_from(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Arc::<str>::deserialize(deserializer)?;
                Self::new(text).map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// Who works: one agent, role or worker. At most 128 bytes of letters, digits and `. _ - : @`.
    AgentId, "agent id", Alphabet::Name, "coder-1"
);
id!(
    /// Who answers: a provider as the host configured it, so `groq-eu` and `groq-us` are two.
    /// At most 128 bytes of letters, digits and `. _ - : @`.
    ProviderId, "provider id", Alphabet::Name, "anthropic"
);
id!(
    /// A vendor's name for a model. At most 256 visible ASCII characters, since vendors use slashes,
    /// colons and brackets.
    ModelId, "model id", Alphabet::Visible, "meta-llama/llama-3.3-70b:free"
);
id!(
    /// One piece of work from start to end. At most 128 bytes of letters, digits and `. _ - : @`;
    /// [`SessionId::time_sorted`] makes one that sorts by its start.
    SessionId, "session id", Alphabet::Name, "0198d0b4-7c00-7000-8000-000000000001"
);
id!(
    /// A tool as the model calls it. At most 256 visible ASCII characters.
    ToolName, "tool name", Alphabet::Visible, "mcp__files__read"
);
id!(
    /// One saved state. At most 128 bytes of letters, digits and `. _ - : @`.
    CheckpointId, "checkpoint id", Alphabet::Name, "17-5f3a90c2"
);

impl SessionId {
    /// A version 7 UUID (RFC 9562): ids made later sort after ids made earlier, by the millisecond.
    ///
    /// `random` supplies the 74 bits that tell ids of one millisecond apart; the caller passes it in
    /// so that a seeded run repeats its ids. A time before 1970 counts as 1970.
    ///
    /// ```
    /// use agent_primitives::{SessionId, Timestamp};
    ///
    /// let first = SessionId::time_sorted(Timestamp::from_unix_millis(1_000), u128::MAX);
    /// let later = SessionId::time_sorted(Timestamp::from_unix_millis(1_001), 0);
    /// assert!(first < later);
    /// assert_eq!(later.as_str(), "00000000-03e9-7000-8000-000000000000");
    /// ```
    pub fn time_sorted(at: Timestamp, random: u128) -> Self {
        let millis = u128::try_from(at.unix_millis()).unwrap_or(0) & ((1 << 48) - 1);
        let rand_a = (random >> 62) & 0xfff;
        let rand_b = random & ((1 << 62) - 1);
        let bits = (millis << 80) | (0x7 << 76) | (rand_a << 64) | (0b10 << 62) | rand_b;
        let text = format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            bits >> 96,
            (bits >> 80) & 0xffff,
            (bits >> 64) & 0xffff,
            (bits >> 48) & 0xffff,
            bits & 0xffff_ffff_ffff,
        );
        Self(text.into())
    }
}
