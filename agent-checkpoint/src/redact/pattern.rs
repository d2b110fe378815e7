//! What a host knows to be secret itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::bytes::Set;
use super::scan::RUN;

/// Shorter secrets stand in other texts by chance. In bytes.
const LITERAL_MIN: usize = 6;
/// Longest secret, and most of them: what they are sought with takes memory for each byte.
const LITERAL_MAX: usize = 8 << 10;
pub(super) const LITERALS_MAX: usize = 1_000;
/// Most patterns, each of which is tried at every place where a key may begin.
pub(super) const PATTERNS_MAX: usize = 64;
/// Longest name, so that a mask is short.
const NAME_MAX: usize = 48;

/// A secret that the host holds, and what stands in the mask. Never printed and never written.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) name: String,
    pub(super) text: String,
}

impl fmt::Debug for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Literal({}, ..)", self.name)
    }
}

impl Literal {
    pub(super) fn is_long_enough(&self) -> bool {
        self.text.len() >= LITERAL_MIN
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        check_name(&self.name)?;
        if self.text.len() > LITERAL_MAX {
            return Err("give it a literal of at most 8 KiB, or the beginning of a longer one");
        }
        Ok(())
    }
}

/// Keys that the families do not know: a beginning, and how many letters, digits, `_` and `-` follow at
/// least.
///
/// ```
/// use agent_checkpoint::redact::{Pattern, Redaction};
///
/// let redaction = Redaction::default().with_pattern(Pattern::new("acme-key", "acme_", 20));
/// assert_eq!(redaction.text("use acme_0123456789abcdef0123"), "use [redacted:acme-key]");
/// assert_eq!(redaction.text("use acme_library"), "use acme_library");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Pattern {
    /// What stands in the mask: at most 48 small letters, digits and dashes.
    pub name: String,
    /// How they begin: letters, digits, `_` and `-`.
    pub prefix: String,
    /// How many bytes follow at least. The prefix and they are 16 bytes or more together.
    pub least: usize,
}

impl Pattern {
    /// Keys that begin with `prefix` and have `least` bytes more, masked as `name`.
    pub fn new(name: impl Into<String>, prefix: impl Into<String>, least: usize) -> Self {
        Self {
            name: name.into(),
            prefix: prefix.into(),
            least,
        }
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        check_name(&self.name)?;
        let is_run = self.prefix.bytes().all(|it| Set::WORD.has(it));
        if self.prefix.len() < 2 || !is_run || self.prefix.len() + self.least < RUN {
            return Err(
                "give its patterns a prefix of two or more letters, digits, _ and -, and 16 bytes or more in all",
            );
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(is_plain) {
        return Err(
            "give its literals and patterns names of 1 to 48 small letters, digits and dashes",
        );
    }
    Ok(())
}
