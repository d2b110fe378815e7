//! What can go wrong with a database.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why a database could not be opened, written or read. Ask what it is; the message says what to do.
///
/// ```
/// use agent_telemetry::SqliteStore;
///
/// let error = SqliteStore::open_read_only("no-such-folder/telemetry.db").unwrap_err();
/// assert!(error.is_missing());
/// assert!(error.to_string().contains("no-such-folder/telemetry.db"));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{}: {kind}", path.display())]
pub struct StoreError {
    path: PathBuf,
    kind: Kind,
    #[source]
    source: Option<Source>,
}

type Source = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error("another program holds the database; wait for it or raise the busy timeout")]
    Locked,
    #[error("the disk is full; free some space, the records are kept until then")]
    Full,
    #[error(
        "reading or writing the file failed; check the disk and its limits, the records are kept until then"
    )]
    Io,
    #[error(
        "the database is damaged; set it aside with SqliteSink::set_aside and go on in a new one"
    )]
    Corrupt,
    #[error("the database makes no sense ({0}); it was changed by other means")]
    Nonsense(String),
    #[error("schema {found} is newer than this version knows ({known}); upgrade the program")]
    Newer { found: i64, known: i64 },
    #[error("not a telemetry database; choose another file")]
    Foreign,
    #[error("the file is not there or cannot be opened; check the path and its permissions")]
    Missing,
    #[error(
        "the folder cannot be written and the newest records are in the -wal file; \
         copy both files to where you may write and open the copy"
    )]
    LogUnreadable,
    #[error("the file or its folder cannot be written; check the permissions")]
    ReadOnly,
    #[error(
        "the file was moved or removed while it was in use; a new one is made, write the records again"
    )]
    Replaced,
    #[error("the database failed; see the source")]
    Other,
}

/// `SQLITE_ERROR`: no such table or column, or a format of the future.
fn is_plain(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == 1)
}

/// A value of another type or range than its column has.
const fn is_of_a_cell(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
    )
}

/// An error whose path is known further out.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(rusqlite::Error),
    Nonsense(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl StoreError {
    pub(super) fn sql(path: &Path, error: rusqlite::Error) -> Self {
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Kind::Locked,
            Some(ErrorCode::DiskFull) => Kind::Full,
            Some(ErrorCode::SystemIoFailure) => Kind::Io,
            Some(ErrorCode::DatabaseCorrupt) => Kind::Corrupt,
            Some(ErrorCode::NotADatabase) => Kind::Foreign,
            Some(ErrorCode::CannotOpen) => Kind::Missing,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Kind::ReadOnly,
            // Our statements are right for our tables: these are others.
            Some(ErrorCode::ConstraintViolation) => Kind::Nonsense(error.to_string()),
            Some(ErrorCode::Unknown) if is_plain(&error) => Kind::Nonsense(error.to_string()),
            None if is_of_a_cell(&error) => Kind::Nonsense(error.to_string()),
            _ => Kind::Other,
        };
        Self::with(path, kind, Some(error.into()))
    }

    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::Full,
            io::ErrorKind::ReadOnlyFilesystem => Kind::ReadOnly,
            _ => Kind::Missing,
        };
        Self::with(path, kind, Some(error.into()))
    }

    pub(super) fn fault(path: &Path, fault: Fault) -> Self {
        match fault {
            Fault::Sql(error) => Self::sql(path, error),
            Fault::Nonsense(what) => Self::with(path, Kind::Nonsense(what), None),
        }
    }

    pub(super) fn newer(path: &Path, found: i64, known: i64) -> Self {
        Self::with(path, Kind::Newer { found, known }, None)
    }

    pub(super) fn foreign(path: &Path) -> Self {
        Self::with(path, Kind::Foreign, None)
    }

    pub(super) fn log_unreadable(path: &Path, source: StoreError) -> Self {
        Self::with(path, Kind::LogUnreadable, Some(source.into()))
    }

    pub(super) fn replaced(path: &Path) -> Self {
        Self::with(path, Kind::Replaced, None)
    }

    fn with(path: &Path, kind: Kind, source: Option<Source>) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            source,
        }
    }

    /// Another program holds the database and did not let go in time.
    pub const fn is_locked(&self) -> bool {
        matches!(self.kind, Kind::Locked)
    }

    /// The disk is full.
    pub const fn is_full(&self) -> bool {
        matches!(self.kind, Kind::Full)
    }

    /// The system could not read or write the file: the disk fails, or the file may not grow. Where the
    /// disk is full, [`is_full`](Self::is_full) says so.
    pub const fn is_io(&self) -> bool {
        matches!(self.kind, Kind::Io)
    }

    /// The file is damaged, or holds records that no version of this crate writes.
    pub const fn is_corrupt(&self) -> bool {
        matches!(self.kind, Kind::Corrupt | Kind::Nonsense(_))
    }

    /// A newer version of this crate wrote the database.
    pub const fn is_newer_schema(&self) -> bool {
        matches!(self.kind, Kind::Newer { .. })
    }

    /// The file is something else than a database of this crate. It was left as it was.
    pub const fn is_foreign(&self) -> bool {
        matches!(self.kind, Kind::Foreign)
    }

    /// The file is not there, or may not be opened.
    pub const fn is_missing(&self) -> bool {
        matches!(self.kind, Kind::Missing)
    }

    /// The file was moved, removed or replaced under a sink that had it open. What was stored before
    /// went with it; the sink goes on in a new file.
    pub const fn is_replaced(&self) -> bool {
        matches!(self.kind, Kind::Replaced)
    }

    /// The file may be read and not written; also when reading would need to write, since a log lies
    /// beside the file in a folder that cannot be written.
    pub const fn is_read_only(&self) -> bool {
        matches!(self.kind, Kind::ReadOnly | Kind::LogUnreadable)
    }
}
