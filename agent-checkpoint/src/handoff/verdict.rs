//! Whether a taker can go on with a package.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Piece;

/// Whether a taker can go on with a package, and what is missing where it cannot. The same package and
/// receiver always give the same verdict.
///
/// ```
/// use agent_checkpoint::handoff::{Missing, Piece, Verdict};
///
/// let verdict = Verdict::Incomplete {
///     missing: vec![Missing::new(Piece::Taker, "say who takes the work, with `to`")],
/// };
/// assert!(!verdict.is_ready());
/// assert_eq!(
///     verdict.to_string(),
///     "incomplete\n- taker: say who takes the work, with `to`"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[must_use = "a package that is not ready does not carry the work"]
#[non_exhaustive]
pub enum Verdict {
    /// The taker can go on.
    Ready,
    /// The taker would have to guess or ask.
    Incomplete {
        /// What is missing, by part.
        missing: Vec<Missing>,
    },
    /// There is nothing to go on with, or a provider would refuse it.
    Unusable {
        /// What keeps the taker from beginning.
        why: Vec<Missing>,
        /// What else is missing.
        missing: Vec<Missing>,
    },
}

impl Verdict {
    pub(super) fn of(why: Vec<Missing>, missing: Vec<Missing>) -> Self {
        match (why.is_empty(), missing.is_empty()) {
            (true, true) => Self::Ready,
            (true, false) => Self::Incomplete { missing },
            (false, _) => Self::Unusable { why, missing },
        }
    }

    /// Whether the taker can go on.
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }

    /// Everything that is missing; nothing when it is ready.
    pub fn missing(&self) -> impl Iterator<Item = &Missing> {
        let (why, missing): (&[Missing], &[Missing]) = match self {
            Self::Ready => (&[], &[]),
            Self::Incomplete { missing } => (&[], missing),
            Self::Unusable { why, missing } => (why, missing),
        };
        why.iter().chain(missing)
    }
}

impl fmt::Display for Verdict {
    /// The verdict, and a line for each thing that is missing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "ready",
            Self::Incomplete { .. } => "incomplete",
            Self::Unusable { .. } => "unusable",
        })?;
        self.missing()
            .try_for_each(|missing| write!(f, "\n- {missing}"))
    }
}

/// One thing that a package lacks.
///
/// ```
/// use agent_checkpoint::handoff::{Missing, Piece};
///
/// let missing = Missing::new(Piece::Artifacts, "a.patch is not there; send it");
/// assert_eq!(missing.to_string(), "artifacts: a.patch is not there; send it");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Missing {
    /// Which part of the package.
    pub piece: Piece,
    /// What is wrong with it, and what to do.
    pub what: String,
}

impl Missing {
    /// Something that `piece` lacks.
    pub fn new(piece: Piece, what: impl Into<String>) -> Self {
        Self {
            piece,
            what: what.into(),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.piece, self.what)
    }
}
