//! What can go wrong with a server.

use std::io;
use std::sync::Arc;

/// Why a Postgres database could not be opened, written or read. Ask what it is; the message says what
/// to do. Never contains a password.
///
/// ```
/// use agent_telemetry::PostgresStore;
///
/// let error = PostgresStore::connect("host=no-such-folder/ dbname=work sslmode=require").unwrap_err();
/// assert!(error.is_tls_required());
/// let error = PostgresStore::connect("host=/no/such/folder dbname=work user=ada").unwrap_err();
/// assert!(error.is_unreachable());
/// assert!(error.to_string().contains("/no/such/folder:5432/work"));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{address}: {kind}")]
pub struct PostgresError {
    address: Arc<str>,
    kind: Kind,
    #[source]
    source: Option<Source>,
}

type Source = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error("{0}")]
    Invalid(String),
    #[error(
        "this version speaks no TLS; use a socket or a TLS proxy on this machine, \
         or write `sslmode=disable` where the network may be trusted with records and password"
    )]
    Tls,
    #[error("the server cannot be reached or goes down; records are kept until it is back")]
    Unreachable,
    #[error(
        "the server does not admit the user or what it wants to do; see the source, then check password and rights"
    )]
    Denied,
    #[error("another program holds the tables; wait for it or raise `lock_timeout_ms`")]
    Locked,
    #[error("the server's disk is full; free some space there, the records are kept until then")]
    Full,
    #[error("the server says that the database is damaged; restore it from a backup")]
    Corrupt,
    #[error("the database makes no sense ({0}); it was changed by other means")]
    Nonsense(String),
    #[error("schema {found} is newer than this version knows ({known}); upgrade the program")]
    Newer { found: i64, known: i64 },
    #[error("the schema holds something else than telemetry; choose another one")]
    Foreign,
    #[error(
        "the database or the schema is not there; check the names, and let a sink connect once"
    )]
    Missing,
    #[error("the server takes no writes, as a standby does; connect to the primary")]
    ReadOnly,
    #[error("the database has the encoding {0}; choose one with UTF8")]
    Encoding(String),
    #[error("the database failed; see the source")]
    Other,
}

/// An error whose server is known further out.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(postgres::Error),
    Nonsense(String),
    Newer {
        found: i64,
        known: i64,
    },
    Foreign,
    Missing,
    Encoding(String),
    /// No thread could be started.
    Thread(io::Error),
}

impl From<postgres::Error> for Fault {
    fn from(error: postgres::Error) -> Self {
        Self::Sql(error)
    }
}

impl Fault {
    pub(super) fn nonsense(what: impl std::fmt::Display) -> Self {
        Self::Nonsense(what.to_string())
    }

    /// An error of writing into a COPY, which hides the one of the server.
    pub(super) fn copy(error: io::Error) -> Self {
        match error.downcast::<postgres::Error>() {
            Ok(error) => Self::Sql(error),
            Err(error) => Self::Thread(error),
        }
    }

    fn code(&self) -> Option<&str> {
        match self {
            Self::Sql(error) => error.code().map(postgres::error::SqlState::code),
            _ => None,
        }
    }

    /// The server has undone the transaction for the sake of another one: trying again may do.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self.code(), Some("40001" | "40P01"))
    }

    /// What stands there is another user's, or cannot become what it was to be.
    pub(super) fn is_fixed(&self) -> bool {
        matches!(self.code(), Some("42501" | "42P16"))
    }

    /// Something that others still use was to be removed.
    pub(super) fn is_dependency(&self) -> bool {
        self.code() == Some("2BP01")
    }
}

/// By SQLSTATE, appendix A of the manual of Postgres.
fn kind(error: &postgres::Error) -> Kind {
    let Some(code) = error.code() else {
        // The library names its kinds in its texts alone.
        return match error.to_string().as_str() {
            "connection closed"
            | "error communicating with the server"
            | "error connecting to server"
            | "timeout waiting for server" => Kind::Unreachable,
            // Such as a password that is asked for and not given.
            "authentication error" | "invalid configuration" => Kind::Denied,
            "query returned an unexpected number of rows" => {
                Kind::Nonsense("a row that must be there is not".to_owned())
            }
            _ => Kind::Other,
        };
    };
    match code.code() {
        "55P03" | "40001" | "40P01" => Kind::Locked,
        "53100" => Kind::Full,
        "42501" => Kind::Denied,
        "25006" => Kind::ReadOnly,
        "3D000" | "3F000" | "42P01" => Kind::Missing,
        "XX001" | "XX002" => Kind::Corrupt,
        "42703" | "42804" | "22P02" | "22003" | "23502" | "23505" => {
            Kind::Nonsense(error.to_string())
        }
        "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "25P03" => Kind::Unreachable,
        code if code.starts_with("08") => Kind::Unreachable,
        code if code.starts_with("28") => Kind::Denied,
        _ => Kind::Other,
    }
}

impl PostgresError {
    pub(super) fn fault(address: &Arc<str>, fault: Fault) -> Self {
        let (kind, source): (_, Option<Source>) = match fault {
            Fault::Sql(error) => (kind(&error), Some(error.into())),
            Fault::Nonsense(what) => (Kind::Nonsense(what), None),
            Fault::Newer { found, known } => (Kind::Newer { found, known }, None),
            Fault::Foreign => (Kind::Foreign, None),
            Fault::Missing => (Kind::Missing, None),
            Fault::Encoding(encoding) => (Kind::Encoding(encoding), None),
            Fault::Thread(error) => (Kind::Other, Some(error.into())),
        };
        Self {
            address: Arc::clone(address),
            kind,
            source,
        }
    }

    pub(super) fn invalid(address: &Arc<str>, what: &str) -> Self {
        Self {
            address: Arc::clone(address),
            kind: Kind::Invalid(what.to_owned()),
            source: None,
        }
    }

    pub(super) fn tls(address: &Arc<str>) -> Self {
        Self {
            address: Arc::clone(address),
            kind: Kind::Tls,
            source: None,
        }
    }

    /// The configuration cannot be understood.
    pub const fn is_invalid(&self) -> bool {
        matches!(self.kind, Kind::Invalid(_))
    }

    /// The connection string asks for TLS, or names another machine without `sslmode=disable`.
    pub const fn is_tls_required(&self) -> bool {
        matches!(self.kind, Kind::Tls)
    }

    /// Nobody answers, the server starts or stops, has no connection left, or the connection broke.
    pub const fn is_unreachable(&self) -> bool {
        matches!(self.kind, Kind::Unreachable)
    }

    /// The server does not admit the user, the password, or what the user wants to do.
    pub const fn is_denied(&self) -> bool {
        matches!(self.kind, Kind::Denied)
    }

    /// Another program holds the tables and did not let go in time.
    pub const fn is_locked(&self) -> bool {
        matches!(self.kind, Kind::Locked)
    }

    /// The server's disk is full.
    pub const fn is_full(&self) -> bool {
        matches!(self.kind, Kind::Full)
    }

    /// The database is damaged, or holds what no version of this crate writes.
    pub const fn is_corrupt(&self) -> bool {
        matches!(self.kind, Kind::Corrupt | Kind::Nonsense(_))
    }

    /// A newer version of this crate made the schema.
    pub const fn is_newer_schema(&self) -> bool {
        matches!(self.kind, Kind::Newer { .. })
    }

    /// The schema holds something else, or the database has an encoding other than UTF-8. It was left
    /// as it was.
    pub const fn is_foreign(&self) -> bool {
        matches!(self.kind, Kind::Foreign | Kind::Encoding(_))
    }

    /// There is no such database, or no such schema in it.
    pub const fn is_missing(&self) -> bool {
        matches!(self.kind, Kind::Missing)
    }

    /// The server takes no writes.
    pub const fn is_read_only(&self) -> bool {
        matches!(self.kind, Kind::ReadOnly)
    }
}
