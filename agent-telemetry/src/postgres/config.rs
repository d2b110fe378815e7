//! Which server, which database, and how long to wait for them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use postgres::config::{ChannelBinding, Host, SslMode};
use serde::Deserialize;

use super::PostgresError;

/// Where a [`PostgresSink`](crate::PostgresSink) or a [`PostgresStore`](crate::PostgresStore) finds its
/// database.
///
/// Not `Serialize`, and not shown by `Debug`: the connection string may hold a password.
///
/// ```
/// use agent_telemetry::PostgresConfig;
///
/// let config: PostgresConfig = serde_json::from_str(
///     r#"{"connection": "host=/run/postgresql user=agent password=hunter2 dbname=work"}"#,
/// )?;
/// assert_eq!((config.schema.as_str(), config.lock_timeout_ms), ("agent_telemetry", 5_000));
/// assert!(!format!("{config:?}").contains("hunter2"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostgresConfig {
    /// A connection string in one of the two forms of Postgres: `host=/run/postgresql dbname=work` or
    /// `postgresql://user@localhost/work`. Must name a host: a folder of sockets or a name.
    ///
    /// There is no TLS. A string that asks for it (`sslmode=require`) is refused, and so is a host that
    /// is not this machine unless the string says `sslmode=disable`.
    pub connection: String,
    /// The schema of the database that all tables and views lie in, made when it is not there;
    /// `agent_telemetry` unless set.
    pub schema: String,
    /// Longest wait for a connection in milliseconds, where the connection string has no
    /// `connect_timeout`; 5 000 unless set.
    pub connect_timeout_ms: u64,
    /// Longest wait for another writer in milliseconds, for each batch; 5 000 unless set, 0 for ever.
    pub lock_timeout_ms: u32,
}

impl PostgresConfig {
    /// The default for all but the connection string.
    ///
    /// ```
    /// let config = agent_telemetry::PostgresConfig::new("host=localhost dbname=work");
    /// assert_eq!(config.connect_timeout_ms, 5_000);
    /// ```
    pub fn new(connection: impl Into<String>) -> Self {
        Self {
            connection: connection.into(),
            ..Self::default()
        }
    }
}

impl Default for PostgresConfig {
    fn default() -> Self {
        Self {
            connection: String::new(),
            schema: "agent_telemetry".to_owned(),
            connect_timeout_ms: 5_000,
            lock_timeout_ms: 5_000,
        }
    }
}

impl From<&str> for PostgresConfig {
    fn from(connection: &str) -> Self {
        Self::new(connection)
    }
}

impl From<String> for PostgresConfig {
    fn from(connection: String) -> Self {
        Self::new(connection)
    }
}

impl From<&Self> for PostgresConfig {
    fn from(config: &Self) -> Self {
        config.clone()
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("connection", &"..")
            .field("schema", &self.schema)
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("lock_timeout_ms", &self.lock_timeout_ms)
            .finish()
    }
}

/// A configuration that was understood.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) config: postgres::Config,
    pub(super) schema: String,
    pub(super) lock_timeout_ms: u32,
    /// Host and database, to be shown.
    pub(super) address: Arc<str>,
}

/// A peer that vanished without a word is given up after this time.
const SILENCE: Duration = Duration::from_secs(30);

impl Target {
    pub(super) fn of(given: &PostgresConfig) -> Result<Self, PostgresError> {
        let nowhere: Arc<str> = Arc::from("postgres");
        if given.schema.is_empty() || given.schema.len() > 63 || given.schema.contains('\0') {
            return Err(PostgresError::invalid(
                &nowhere,
                "schema: give a name of 1 to 63 bytes",
            ));
        }
        // The reason of the parser may quote a part of the string, and so of the password.
        let Ok(mut config) = given.connection.parse::<postgres::Config>() else {
            return Err(if asks_to_verify(&given.connection) {
                PostgresError::tls(&nowhere)
            } else {
                PostgresError::invalid(
                    &nowhere,
                    "connection: not a connection string of Postgres, such as \
                     `host=/run/postgresql dbname=work`; quote values that have spaces in them",
                )
            });
        };
        if is_cut_at_a_sign(&config) {
            return Err(PostgresError::invalid(
                &nowhere,
                "connection: a name with `@` in it; write a password's `@` as `%40` in a URL",
            ));
        }
        let address = Arc::from(address(&config));
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(PostgresError::invalid(
                &address,
                "connection: name a host, such as `host=/run/postgresql` or `host=localhost`",
            ));
        }
        if asks_for_tls(&config) {
            return Err(PostgresError::tls(&address));
        }
        config.ssl_mode(SslMode::Disable);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_millis(given.connect_timeout_ms.max(1)));
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE);
        }
        // Unless said otherwise, which the library does not tell from its own two hours.
        if config.get_keepalives_idle() == Duration::from_secs(2 * 60 * 60) {
            config.keepalives_idle(SILENCE);
        }
        if config.get_keepalives_interval().is_none() {
            config.keepalives_interval(Duration::from_secs(10));
        }
        if config.get_keepalives_retries().is_none() {
            config.keepalives_retries(3);
        }
        if config.get_application_name().is_none() {
            config.application_name("agent-telemetry");
        }
        Ok(Self {
            config,
            schema: given.schema.clone(),
            // The server takes no more.
            lock_timeout_ms: given.lock_timeout_ms.min(i32::MAX.unsigned_abs()),
            address,
        })
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("address", &self.address)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

/// Modes that the parser does not know.
fn asks_to_verify(connection: &str) -> bool {
    connection.contains("sslmode=verify-") || connection.contains("sslmode='verify-")
}

fn asks_for_tls(config: &postgres::Config) -> bool {
    let local = |host: &Host| match host {
        Host::Tcp(name) => {
            name.eq_ignore_ascii_case("localhost")
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    let addresses = config.get_hostaddrs();
    let is_local = if addresses.is_empty() {
        config.get_hosts().iter().all(local)
    } else {
        addresses.iter().all(std::net::IpAddr::is_loopback)
    };
    config.get_channel_binding() == ChannelBinding::Require
        || match config.get_ssl_mode() {
            SslMode::Disable => false,
            SslMode::Prefer => !is_local,
            _ => true,
        }
}

/// Whether a part of the password was taken for the host or the database: the parser ends the credentials of a URL at
/// the first `@`.
fn is_cut_at_a_sign(config: &postgres::Config) -> bool {
    let is_cut_host = |host: &Host| match host {
        Host::Tcp(name) => name.contains('@'),
        #[cfg(unix)]
        Host::Unix(_) => false,
    };
    config.get_hosts().iter().any(is_cut_host)
        || config.get_dbname().is_some_and(|name| name.contains('@'))
}

fn address(config: &postgres::Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        #[cfg(unix)]
        Some(Host::Unix(folder)) => folder.display().to_string(),
        _ => config
            .get_hostaddrs()
            .first()
            .map_or_else(|| "postgres".to_owned(), ToString::to_string),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_dbname() {
        Some(name) => format!("{host}:{port}/{name}"),
        None => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(connection: &str) -> PostgresError {
        Target::of(&connection.into()).unwrap_err()
    }

    #[test]
    fn tls_is_refused_where_it_is_asked_for_and_where_it_would_be_missed() {
        for asking in [
            "host=localhost sslmode=require",
            "host=localhost sslmode=verify-full",
            "postgresql://localhost/work?sslmode=verify-ca",
            "host=localhost channel_binding=require",
            "host=db.example.com",
            "host=localhost,db.example.com",
            "host=localhost hostaddr=192.0.2.1",
            "postgresql://ada:hunter2@192.0.2.1/work?sslmode=prefer",
        ] {
            let error = refusal(asking);
            assert!(error.is_tls_required(), "{asking}: {error}");
            assert!(error.to_string().contains("sslmode=disable"), "{error}");
            assert!(!format!("{error:?} {error}").contains("hunter2"));
        }
        for fine in [
            "host=/run/postgresql dbname=work",
            "host=127.0.0.1",
            "host=::1",
            "host=db.example.com sslmode=disable",
            "postgresql://localhost/work",
        ] {
            assert!(Target::of(&fine.into()).is_ok(), "{fine}");
        }
    }

    #[test]
    fn connection_strings_that_say_nothing_are_refused_without_their_password() {
        for wrong in [
            "",
            "dbname=work",
            "password=hunter2",
            "host=localhost password=hun hunter2 x",
            "host=localhost hunter2=1",
            "postgresql://ada:hunter2@[::1/",
            "postgresql://ada:p@hunter2@localhost/work",
            "postgresql://ada:p@hunter2@localhost/work?sslmode=disable",
            "postgresql://ada:p@ss/hunter2@localhost/work?sslmode=disable",
        ] {
            let error = refusal(wrong);
            assert!(error.is_invalid(), "{wrong}");
            assert!(
                !format!("{error:?} {error}").contains("hunter2"),
                "{error:?}"
            );
        }
        let schema = PostgresConfig {
            schema: "x".repeat(64),
            ..PostgresConfig::new("host=localhost")
        };
        assert!(Target::of(&schema).unwrap_err().is_invalid());
    }

    #[test]
    fn address_names_server_and_database_and_nothing_secret() {
        let target = Target::of(&"postgresql://ada:hunter2@localhost:5433/work".into()).unwrap();
        assert_eq!(&*target.address, "localhost:5433/work");
        assert!(!format!("{target:?}").contains("hunter2"));
    }
}
