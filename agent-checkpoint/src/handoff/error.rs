//! Why a package is not read or written.

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// Why a package is not read or written. The message says what to do next.
///
/// ```
/// use agent_checkpoint::handoff::Package;
///
/// let error = Package::from_slice(b"{\"format\":\"something else\"}").unwrap_err();
/// assert!(error.is_foreign());
/// ```
pub struct PackageError(Kind);

#[derive(Debug, thiserror::Error)]
pub(super) enum Kind {
    #[error("{what} failed; mend the cause and try again")]
    Unavailable { what: String, source: io::Error },
    #[error("this is no package of a handoff: {0}; give the file that `to_writer` wrote")]
    Foreign(String),
    #[error(
        "the package was written in version {found} of its format, and this program reads {known}; upgrade it"
    )]
    Newer { found: String, known: &'static str },
    #[error("the package is damaged: {0}; ask for it once more")]
    Damaged(String),
    #[error(
        "the package has {what} than the limit of {max}; where it is to be trusted, read it within larger limits"
    )]
    TooLarge { what: &'static str, max: u64 },
    #[error("the package does not read as one: {0}; ask its writer for a whole one")]
    Invalid(serde_json::Error),
    #[error("the package would not read back: {0}; change what the host added")]
    Unwritable(String),
}

impl PackageError {
    /// Reading or writing failed: the cause is the error's source.
    pub fn is_unavailable(&self) -> bool {
        matches!(self.0, Kind::Unavailable { .. })
    }

    /// It is something else than a package.
    pub fn is_foreign(&self) -> bool {
        matches!(self.0, Kind::Foreign(_))
    }

    /// A later version wrote it, in a format that this one cannot read.
    pub fn is_newer(&self) -> bool {
        matches!(self.0, Kind::Newer { .. })
    }

    /// It is not what was written: cut short, or changed since.
    pub fn is_damaged(&self) -> bool {
        matches!(self.0, Kind::Damaged(_))
    }

    /// It is longer, deeper or has more elements than the limits allow; see [`Limits`](super::Limits).
    pub fn is_too_large(&self) -> bool {
        matches!(self.0, Kind::TooLarge { .. })
    }

    /// Its digest is right, and it is not of a package's shape: whoever wrote it made a mistake.
    pub fn is_invalid(&self) -> bool {
        matches!(self.0, Kind::Invalid(_))
    }

    /// It cannot be written so that it reads back: a number that JSON cannot say, say, or an additional field
    /// with the name of one that the type has.
    pub fn is_unwritable(&self) -> bool {
        matches!(self.0, Kind::Unwritable(_))
    }
}

impl From<Kind> for PackageError {
    fn from(kind: Kind) -> Self {
        Self(kind)
    }
}

impl fmt::Display for PackageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PackageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for PackageError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
