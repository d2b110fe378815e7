//! What of a file did not become part of a session: how much, why, and on which lines.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Why something was left out.
///
/// ```
/// use agent_checkpoint::import::Reason;
///
/// assert!(Reason::Malformed.is_loss());
/// assert!(!Reason::Bookkeeping.is_loss());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// No JSON, or JSON of another form than its kind has.
    Malformed,
    /// The last line breaks off: its writer was interrupted.
    CutOff,
    /// Longer than a line or a message may be.
    TooLong,
    /// Nested deeper than a message may be.
    TooDeep,
    /// Of a kind that this version does not know.
    Unknown,
    /// Half a character, which some writers leave where they cut a text; U+FFFD stands in its place.
    HalfCharacter,
    /// It stands in the conversation already: a history that is embedded again, an event that repeats a message.
    Repeated,
    /// Known, and said to nobody: snapshots of files, figures, settings, titles.
    Bookkeeping,
}

impl Reason {
    /// Whether something of the conversation may be lost by it.
    pub const fn is_loss(self) -> bool {
        !matches!(self, Self::Repeated | Self::Bookkeeping)
    }

    /// In a few words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::CutOff => "cut off",
            Self::TooLong => "too long",
            Self::TooDeep => "nested too deep",
            Self::Unknown => "unknown",
            Self::HalfCharacter => "half a character replaced",
            Self::Repeated => "repeated",
            Self::Bookkeeping => "bookkeeping",
        }
    }
}

/// Lines left out for one reason that are of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Omission {
    /// Why.
    pub reason: Reason,
    /// The kind of line, in the vendor's word; empty where it is not known.
    pub what: String,
    /// How many.
    pub count: u64,
    /// On which lines, the first being 1; the first [`LINES`](LeftOut::LINES) of them.
    pub lines: Vec<u64>,
}

/// What of a file did not become part of the session. Everything that did not is counted here.
///
/// ```
/// use agent_checkpoint::import::{self, Reason};
///
/// let file = concat!(
///     r#"{"type":"user","uuid":"u1","parentUuid":null,"sessionId":"s","message":{"role":"user","content":"hi"}}"#,
///     "\n",
///     r#"{"type":"assistant","uuid":"u2","parentUuid":"u1","sessi"#,
/// );
/// let imported = import::claude_code(file.as_bytes(), &import::Limits::default())?;
/// assert_eq!(imported.state.conversation.len(), 1);
/// assert_eq!(imported.left_out.count(Reason::CutOff), 1);
/// assert_eq!(imported.left_out.list()[0].lines, [2]);
/// assert_eq!(imported.left_out.to_string(), "1 cut off (line 2)");
/// # Ok::<(), import::ImportError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeftOut {
    list: Vec<Omission>,
}

impl LeftOut {
    /// How many line numbers are kept of each kind.
    pub const LINES: usize = 32;
    /// How many kinds are told apart by name for each reason; those beyond count as one without a name.
    pub const KINDS: usize = 64;
    /// Longest name of a kind in bytes; a longer one counts as none.
    const NAME: usize = 64;

    /// By reason and kind, losses first.
    pub fn list(&self) -> &[Omission] {
        &self.list
    }

    /// How many were left out for `reason`.
    pub fn count(&self, reason: Reason) -> u64 {
        let of = self
            .list
            .iter()
            .filter(|omission| omission.reason == reason);
        of.map(|omission| omission.count).sum()
    }

    /// How many may have been of the conversation.
    pub fn losses(&self) -> u64 {
        let of = self
            .list
            .iter()
            .filter(|omission| omission.reason.is_loss());
        of.map(|omission| omission.count).sum()
    }

    /// Whether everything in the file is in the session.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn note(&mut self, reason: Reason, what: &str, line: u64) {
        let kinds = self.list.iter().filter(|o| o.reason == reason).count();
        let mut what = if what.len() > Self::NAME { "" } else { what };
        let position = |list: &[Omission], what: &str| {
            list.binary_search_by(|o| (o.reason, o.what.as_str()).cmp(&(reason, what)))
        };
        let mut at = position(&self.list, what);
        if at.is_err() && kinds >= Self::KINDS {
            what = "";
            at = position(&self.list, what);
        }
        let at = match at {
            Ok(at) => at,
            Err(at) => {
                self.list.insert(
                    at,
                    Omission {
                        reason,
                        what: what.to_owned(),
                        count: 0,
                        lines: Vec::new(),
                    },
                );
                at
            }
        };
        if let Some(omission) = self.list.get_mut(at) {
            omission.count = omission.count.saturating_add(1);
            if omission.lines.len() < Self::LINES {
                omission.lines.push(line);
            }
        }
    }
}

/// One reason after the other, with the lines of those that may be losses.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut by_reason: BTreeMap<Reason, (u64, Vec<u64>)> = BTreeMap::new();
        for omission in &self.list {
            let entry = by_reason.entry(omission.reason).or_default();
            entry.0 = entry.0.saturating_add(omission.count);
            entry.1.extend(&omission.lines);
        }
        if by_reason.is_empty() {
            return f.write_str("nothing");
        }
        for (at, (reason, (count, mut lines))) in by_reason.into_iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{count} {}", reason.name())?;
            if !reason.is_loss() {
                continue;
            }
            lines.sort_unstable();
            let known = u64::try_from(lines.len()).unwrap_or(u64::MAX);
            lines.truncate(5);
            let more = if count > lines.len() as u64 || known > lines.len() as u64 {
                ", …"
            } else {
                ""
            };
            let word = if count == 1 { "line" } else { "lines" };
            let lines: Vec<String> = lines.iter().map(u64::to_string).collect();
            write!(f, " ({word} {}{more})", lines.join(", "))?;
        }
        Ok(())
    }
}
