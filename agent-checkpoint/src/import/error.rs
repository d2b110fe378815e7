//! Why nothing was imported.

use super::Source;

/// Why a file was not imported at all. What could not be read of a file that was, is in
/// [`LeftOut`](super::LeftOut).
///
/// ```
/// use agent_checkpoint::import;
///
/// let error = import::any("a shopping list".as_bytes(), &import::Limits::default()).unwrap_err();
/// assert!(error.to_string().contains("goose"), "{error}");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The reader failed.
    #[error("the file cannot be read further; mend the cause and import it again")]
    Read(#[source] std::io::Error),
    /// No line tells whose it is.
    #[error(
        "this is no session file of Codex, Claude Code, goose or this library; name the file that holds the session"
    )]
    Unrecognised,
    /// It is a database, which is no stream of bytes.
    #[error(
        "this is an SQLite database, as goose keeps its sessions in; read it with `import::goose_database`, or export the session with goose"
    )]
    IsDatabase,
    /// Nothing of it could be read as what it was said to be.
    #[error("none of {lines} lines is of a {source_name} session; import it as what it is, or let `import::any` find out", source_name = .source_of.name())]
    Nothing {
        /// What it was read as.
        source_of: Source,
        /// How many lines there were.
        lines: u64,
    },
    /// More than [`Limits`](super::Limits) allow.
    #[error("the file has more than {max} {what}; where it is to be trusted, raise the limit")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: u64,
    },
    /// A later version of this library wrote it.
    #[error(
        "the file is of version {0} of its format, which a later version of this library wrote; upgrade"
    )]
    Newer(u64),
    /// A document that breaks off or is no JSON.
    #[error("the file is no whole JSON document ({0}); export the session again")]
    Damaged(String),
    /// The database cannot be read.
    #[error(
        "the database cannot be read ({0}); close the program that writes it, or import a copy"
    )]
    Database(String),
    /// There is no such session in the database.
    #[error("there is no session {0} in the database; list them with `import::goose_sessions`")]
    NoSession(String),
}
