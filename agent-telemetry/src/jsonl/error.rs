//! What can go wrong with files of lines.

use std::io;
use std::path::{Path, PathBuf};

/// Why lines could not be written or read. Ask what it is; the message says what to do.
///
/// ```
/// let error = agent_telemetry::JsonlStore::open("no-such-folder").unwrap_err();
/// assert!(error.is_missing());
/// assert_eq!(
///     error.to_string(),
///     "no-such-folder: the folder or file is not there or cannot be opened; check the path and its permissions"
/// );
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{}: {kind}", path.display())]
pub struct JsonlError {
    path: PathBuf,
    kind: Kind,
    source: Option<io::Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Kind {
    #[error("another program writes there; give each its own folder")]
    Locked,
    #[error("the disk is full; free some space, the records are kept until then")]
    Full,
    #[error(
        "the folder or file is not there or cannot be opened; check the path and its permissions"
    )]
    Missing,
    #[error("the folder or file cannot be written; check the permissions")]
    ReadOnly,
    #[error("a record cannot be written as JSON; this is a mistake of its maker")]
    Record,
    #[error("the key file has not 16 bytes; move it away, and people get new hashes")]
    Key,
    #[error("reading or writing failed; see the source")]
    Other,
}

impl JsonlError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::Full,
            io::ErrorKind::ReadOnlyFilesystem => Kind::ReadOnly,
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::PermissionDenied => Kind::Missing,
            _ => Kind::Other,
        };
        Self {
            path: path.to_owned(),
            kind,
            source: Some(error),
        }
    }

    pub(super) fn locked(path: &Path) -> Self {
        Self::of(path, Kind::Locked)
    }

    pub(super) fn record(path: &Path) -> Self {
        Self::of(path, Kind::Record)
    }

    pub(super) fn key(path: &Path) -> Self {
        Self::of(path, Kind::Key)
    }

    fn of(path: &Path, kind: Kind) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            source: None,
        }
    }

    /// Another program writes into the folder.
    pub fn is_locked(&self) -> bool {
        self.kind == Kind::Locked
    }

    /// The disk is full.
    pub fn is_full(&self) -> bool {
        self.kind == Kind::Full
    }

    /// The folder or a file is not there, or may not be opened.
    pub fn is_missing(&self) -> bool {
        self.kind == Kind::Missing
    }

    /// The file system may not be written.
    pub fn is_read_only(&self) -> bool {
        self.kind == Kind::ReadOnly
    }
}
