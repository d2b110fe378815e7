//! The sink that stores batches in an SQLite database.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior, params_from_iter};

use super::encode::Encoder;
use super::error::Fault;
use super::names::Numbers;
use super::tables::Table;
use super::{StoreError, schema};
use crate::{Record, Sink, SinkError};

/// Stores records in an SQLite database, one transaction a batch.
///
/// The file is in write-ahead mode with `synchronous = NORMAL`: what is stored survives the death of
/// the process; a loss of power may take the last transactions, never the database. On Unix it is
/// created with mode 0600. Several processes may write to one file, each with its own sink.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{Metric, Record, Sink, SqliteSink, SqliteStore};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("telemetry.db");
/// let record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("files_changed", 3));
/// SqliteSink::open(&path)?.write(&[record.clone()])?;
///
/// let stored = SqliteStore::open_read_only(&path)?.records().collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(stored, [record]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SqliteSink {
    connection: Connection,
    path: PathBuf,
    inserts: [(Table, String); Table::ALL.len()],
    names: Numbers,
}

impl SqliteSink {
    const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
    /// One for each table and a few more.
    const STATEMENTS: usize = 32;

    /// Opens the database, creates it where there is none, and brings an older one up to date. Waits
    /// up to five seconds for another program that holds it.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be opened, belongs to something else, is damaged or
    /// locked, or was written by a newer version. Nothing is changed then.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_within(path, Self::BUSY_TIMEOUT)
    }

    /// As [`open`](Self::open), and waits up to `busy_timeout` for another program that holds the
    /// database, now and at each write.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_within(path: impl AsRef<Path>, busy_timeout: Duration) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        create_private(&path).map_err(|error| StoreError::io(&path, error))?;
        let sql = |error| StoreError::sql(&path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags).map_err(sql)?;
        connection.busy_timeout(busy_timeout).map_err(sql)?;
        connection.set_prepared_statement_cache_capacity(Self::STATEMENTS);
        schema::migrate(&mut connection, &path)?;
        // After the check, so that a file of something else stays as it was.
        connection
            .pragma_update(None, "journal_mode", "wal")
            .and_then(|()| connection.pragma_update(None, "synchronous", "normal"))
            .map_err(sql)?;
        Ok(Self {
            connection,
            path,
            inserts: Table::ALL.map(|table| (table, table.insert())),
            names: Numbers::default(),
        })
    }

    fn store(&mut self, batch: &[Record]) -> Result<(), Fault> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Under the lock, so that two processes never use one number twice.
        let first: i64 = transaction
            .prepare_cached("SELECT next FROM sequence")?
            .query_row([], |row| row.get(0))?;
        let next = i64::try_from(batch.len())
            .ok()
            .and_then(|records| first.checked_add(records))
            .ok_or_else(|| Fault::Nonsense(format!("the next record would have number {first}")))?;
        for (seq, record) in (first..next).zip(batch) {
            let mut encoder = Encoder::new(&transaction, &mut self.names);
            let (table, cells) = encoder.row(seq, record)?;
            let (_, insert) = self
                .inserts
                .iter()
                .find(|(known, _)| *known == table)
                .ok_or(rusqlite::Error::InvalidQuery)?;
            transaction
                .prepare_cached(insert)?
                .execute(params_from_iter(cells))?;
        }
        transaction
            .prepare_cached("UPDATE sequence SET next = ?1")?
            .execute([next])?;
        Ok(transaction.commit()?)
    }
}

impl Sink for SqliteSink {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.store(batch).map_err(|error| {
            self.names.forget();
            SinkError::new(StoreError::fault(&self.path, error))
        })
    }
}

/// SQLite gives its side files the mode of the database, so that the first file decides.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use agent_primitives::Timestamp;

    use super::*;
    use crate::{Severity, SqliteStore, Violation};

    #[test]
    fn full_disk_is_said_and_the_batch_is_stored_once_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.db");
        let mut sink = SqliteSink::open(&path).unwrap();
        let limit = |sink: &SqliteSink, pages: i64| {
            let query = format!("PRAGMA max_page_count = {pages}");
            let set = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
            sink.connection.query_row(&query, [], set).unwrap()
        };
        // As small as it can be: the pages that there are.
        limit(&sink, 1);
        let long = Violation::new("lint", Severity::Info, "x".repeat(4_096));
        let batch = vec![Record::new(Timestamp::UNIX_EPOCH, long); 8];
        let error = sink.write(&batch).unwrap_err();
        let cause = error
            .source()
            .unwrap()
            .downcast_ref::<StoreError>()
            .unwrap();
        assert!(cause.is_full(), "{cause:?}");

        limit(&sink, 1_000_000);
        sink.write(&batch).unwrap();
        let store = SqliteStore::open_read_only(&path).unwrap();
        assert_eq!(
            store.records().collect::<Result<Vec<_>, _>>().unwrap(),
            batch
        );
    }
}
