//! Secrets in what is written down: how they are found, and what stands in their place.
//!
//! A [`Checkpointer`](crate::Checkpointer) masks all that it writes, by default; see
//! [`Builder::redaction`](crate::Builder::redaction). The same masks serve a host for files, exports and log
//! lines of its own. Which kinds of secrets are found, and what is not, stands in
//! `docs/security.md` of the crate; [`families`] lists them.

mod block;
mod bytes;
mod families;
mod family;
mod field;
mod fixed;
mod json;
mod layout;
mod mask;
mod message;
mod msgpack;
mod named;
mod pattern;
mod rules;
mod scan;
mod shape;
mod since;
mod url;
mod value;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::format::tags::Codec;
pub use message::SignedBlocks;
pub use pattern::Pattern;
use pattern::{LITERALS_MAX, Literal, PATTERNS_MAX};
use rules::Rules;

/// Which secrets are masked in what is written.
///
/// On by default, with all [`families`]. A mask names the family, `[redacted:github-token]`, and nothing
/// of the secret: no hash, which would let whoever has the file try passwords, and no part of it. Two keys of one
/// family look the same.
///
/// What a host knows to be secret, it adds with [`with_literal`](Self::with_literal): the values of the
/// environment variables that it gives to tools, say. That is the strongest rule: it needs no form.
///
/// ```
/// use agent_checkpoint::redact::Redaction;
///
/// let redaction = Redaction::default().with_literal("crm-key", "correct-horse-battery");
/// assert_eq!(
///     redaction.text("export DB_PASSWORD=hunter2; crm --as correct-horse-battery"),
///     "export DB_PASSWORD=[redacted:password]; crm --as [redacted:crm-key]"
/// );
/// // Settings are plain data; literals are not among them.
/// let settings = r#"{"off":["jwt"],"patterns":[{"name":"acme","prefix":"acme_","least":20}]}"#;
/// let read: Redaction = serde_json::from_str(settings)?;
/// assert!(read.check().is_ok());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redaction {
    enabled: bool,
    off: BTreeSet<String>,
    patterns: Vec<Pattern>,
    allowed: BTreeSet<String>,
    signed: SignedBlocks,
    #[serde(skip)]
    literals: Vec<Literal>,
    #[serde(skip)]
    rules: OnceLock<Arc<Rules>>,
}

impl Default for Redaction {
    fn default() -> Self {
        Self {
            enabled: true,
            off: BTreeSet::new(),
            patterns: Vec::new(),
            allowed: BTreeSet::new(),
            signed: SignedBlocks::default(),
            literals: Vec::new(),
            rules: OnceLock::new(),
        }
    }
}

impl PartialEq for Redaction {
    fn eq(&self, other: &Self) -> bool {
        self.enabled == other.enabled
            && self.off == other.off
            && self.patterns == other.patterns
            && self.allowed == other.allowed
            && self.signed == other.signed
            && self.literals == other.literals
    }
}

/// A secret in a text, from [`Redaction::find`].
///
/// ```
/// use agent_checkpoint::redact::Redaction;
///
/// let text = "Authorization: Bearer 0a1b2c3d4e5f6a7b";
/// let found = Redaction::default().find(text);
/// assert_eq!((&text[found[0].range.clone()], &*found[0].family), ("0a1b2c3d4e5f6a7b", "authorization"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Where it stands, in bytes.
    pub range: Range<usize>,
    /// What it looks like.
    pub family: String,
}

/// Names of all families, each with the source of its form: rules of public scanners, or documents of those
/// who issue such keys.
///
/// ```
/// let names: Vec<_> = agent_checkpoint::redact::families().map(|(name, _)| name).collect();
/// assert!(names.contains(&"github-token") && names.len() > 100);
/// ```
pub fn families() -> impl Iterator<Item = (&'static str, &'static str)> {
    rules::all_families()
}

impl Redaction {
    /// Masks nothing: for hosts whose folder is where secrets may lie.
    pub fn off() -> Self {
        Self {
            enabled: false,
            ..Self::default()
        }
    }

    /// Leaves a family of [`families`] unmasked.
    #[must_use]
    pub fn without(mut self, family: impl Into<String>) -> Self {
        self.off.insert(family.into());
        self.rules = OnceLock::new();
        self
    }

    /// Masks this very text wherever it stands, as `name`. Texts of less than 6 bytes are not sought, since
    /// they stand in others by chance. Only as it is: a host that also gives it out in base64 adds that too.
    #[must_use]
    pub fn with_literal(mut self, name: impl Into<String>, secret: impl Into<String>) -> Self {
        let (name, text) = (name.into(), secret.into());
        self.literals.push(Literal { name, text });
        self.rules = OnceLock::new();
        self
    }

    /// Masks keys of this form too.
    #[must_use]
    pub fn with_pattern(mut self, pattern: Pattern) -> Self {
        self.patterns.push(pattern);
        self.rules = OnceLock::new();
        self
    }

    /// Leaves this very text as it is, where a rule takes it for a secret: a public key, a value in a test.
    #[must_use]
    pub fn allow(mut self, text: impl Into<String>) -> Self {
        self.allowed.insert(text.into());
        self.rules = OnceLock::new();
        self
    }

    /// What becomes of blocks that a provider verifies; [`SignedBlocks::Keep`] unless set.
    #[must_use]
    pub fn signed(mut self, signed: SignedBlocks) -> Self {
        self.signed = signed;
        self
    }

    /// Whether anything is masked.
    pub const fn is_on(&self) -> bool {
        self.enabled
    }

    /// Whether these settings can be meant.
    ///
    /// # Errors
    /// What to write instead: for a family that there is not, more than 1 000 literals or 64 patterns, a literal
    /// of more than 8 KiB, and a pattern or a name of another form than [`Pattern`] says.
    pub fn check(&self) -> Result<(), &'static str> {
        let is_known = |name: &String| families().any(|(family, _)| family == name);
        if !self.off.iter().all(is_known) {
            return Err("switch off only families that `redact::families` lists");
        }
        if self.literals.len() > LITERALS_MAX || self.patterns.len() > PATTERNS_MAX {
            return Err("give it at most 1000 literals and 64 patterns");
        }
        self.literals.iter().try_for_each(Literal::check)?;
        self.patterns.iter().try_for_each(Pattern::check)
    }

    fn rules(&self) -> &Rules {
        self.rules.get_or_init(|| {
            Arc::new(Rules::new(
                &self.off,
                &self.literals,
                &self.patterns,
                &self.allowed,
            ))
        })
    }

    /// The secrets in a text, in their order.
    pub fn find(&self, text: &str) -> Vec<Finding> {
        let found = self.scan(text);
        let found = found.into_iter().map(|it| Finding {
            range: it.start..it.end,
            family: it.family.to_owned(),
        });
        found.collect()
    }

    fn scan(&self, text: &str) -> Vec<scan::Found<'_>> {
        if !self.enabled {
            return Vec::new();
        }
        scan::find(text.as_bytes(), self.rules())
    }

    /// The text with masks in the place of secrets; borrowed where there are none. Takes time in
    /// proportion to the text's length, whatever it holds.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let found = self.scan(text);
        if found.is_empty() {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(mask::masked(text, &found))
        }
    }

    /// The bytes of a component with masks, as its codec has it; nothing where there are no secrets. Values of a
    /// codec that this build does not read come from a log and go into none.
    ///
    /// `base` is what was put before with the same codec, if that has no secrets.
    pub(crate) fn component(
        &self,
        codec: Codec,
        base: Option<&[u8]>,
        bytes: &[u8],
    ) -> Option<Vec<u8>> {
        if !self.enabled {
            return None;
        }
        match codec {
            Codec::JSON if let Some(base) = base => json::masked_since(base, bytes, self.rules()),
            Codec::JSON => {
                let text = std::str::from_utf8(bytes).ok()?;
                json::masked(text, self.rules()).map(String::into_bytes)
            }
            Codec(2) => msgpack::masked(bytes, self.rules()),
            _ => fixed::masked(bytes, self.rules()),
        }
    }

    /// As [`text`](Self::text), for a text that is JSON: what its strings mean is masked, the value of a field by the
    /// field's name too, and it stays JSON.
    ///
    /// ```
    /// use agent_checkpoint::redact::Redaction;
    ///
    /// let masked = Redaction::default().json(r#"{"cmd":"echo \"a\"; export DB_PASSWORD=hunter2"}"#);
    /// assert_eq!(masked, r#"{"cmd":"echo \"a\"; export DB_PASSWORD=[redacted:password]"}"#);
    /// ```
    pub fn json<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !self.enabled {
            return Cow::Borrowed(text);
        }
        json::masked(text, self.rules()).map_or(Cow::Borrowed(text), Cow::Owned)
    }
}

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod judged;
#[cfg(test)]
mod oracle;
#[cfg(feature = "fs")]
#[cfg(test)]
mod planted;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
