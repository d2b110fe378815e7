//! The sink that stores batches in an SQLite database.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params_from_iter};

use super::encode::Encoder;
use super::error::Fault;
use super::file::{FileIdentity, create_private};
use super::names::Numbers;
use super::tables::Table;
use super::{StoreError, schema};
use crate::{Record, Sink, SinkError, UserKey};

/// Stores records in an SQLite database, one transaction a batch.
///
/// The file is in write-ahead mode with `synchronous = NORMAL`: what is stored survives the death of
/// the process; a loss of power may take the last transactions, never the database. On Unix it is
/// created with mode 0600. Several processes may write to one file, each with its own sink.
///
/// When the file is moved or removed meanwhile, the next write says so
/// ([`StoreError::is_replaced`]), and the sink goes on in a new file at the same path.
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
    /// `None` while the file cannot be opened again after it was replaced.
    database: Option<Database>,
    path: PathBuf,
    busy_timeout: Duration,
    inserts: [(Table, String); Table::ALL.len()],
    names: Numbers,
}

#[derive(Debug)]
struct Database {
    connection: Connection,
    identity: FileIdentity,
}

impl SqliteSink {
    const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
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
        let path = path.as_ref();
        // A later change of the working directory does not move the file.
        let path = std::path::absolute(path).map_err(|error| StoreError::io(path, error))?;
        Ok(Self {
            database: Some(Database::open(&path, busy_timeout)?),
            path,
            busy_timeout,
            inserts: Table::ALL.map(|table| (table, table.insert())),
            names: Numbers::default(),
        })
    }

    /// Opens the file anew where the path does not lead to the one that is open, so that nothing is
    /// acknowledged that nobody can find.
    fn follow_path(&mut self) -> Result<(), StoreError> {
        let path = self.path.as_path();
        let is_another =
            |open: &mut Database| FileIdentity::of(path).ok().as_ref() != Some(&open.identity);
        // Closed before the new one is opened: closing may remove the log beside the path.
        let replaced = self.database.take_if(is_another).is_some();
        if self.database.is_none() {
            self.names.forget();
            self.database = Some(Database::open(path, self.busy_timeout)?);
        }
        if replaced {
            return Err(StoreError::replaced(path));
        }
        Ok(())
    }

    fn store(&mut self, batch: &[Record]) -> Result<(), StoreError> {
        self.follow_path()?;
        let Some(database) = &mut self.database else {
            return Err(StoreError::replaced(&self.path));
        };
        database
            .store(batch, &self.inserts, &mut self.names)
            .map_err(|fault| StoreError::fault(&self.path, fault))
    }
}

impl Database {
    /// One for each table and a few more.
    const STATEMENTS: usize = 32;

    fn open(path: &Path, busy_timeout: Duration) -> Result<Self, StoreError> {
        let io = |error| StoreError::io(path, error);
        let sql = |error| StoreError::sql(path, error);
        create_private(path).map_err(io)?;
        // Before SQLite opens it: a change in between is noticed at the next write.
        let identity = FileIdentity::of(path).map_err(io)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(sql)?;
        connection.busy_timeout(busy_timeout).map_err(sql)?;
        connection.set_prepared_statement_cache_capacity(Self::STATEMENTS);
        schema::migrate(&mut connection, path)?;
        // After the check, so that a file of something else stays as it was.
        connection
            .pragma_update(None, "journal_mode", "wal")
            .and_then(|()| connection.pragma_update(None, "synchronous", "normal"))
            .map_err(sql)?;
        Ok(Self {
            connection,
            identity,
        })
    }

    fn store(
        &mut self,
        batch: &[Record],
        inserts: &[(Table, String)],
        names: &mut Numbers,
    ) -> Result<(), Fault> {
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
            let mut encoder = Encoder::new(&transaction, names);
            let (table, cells) = encoder.row(seq, record)?;
            let (_, insert) = inserts
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

impl Database {
    /// The key that the database keeps, made when it is first asked for.
    fn user_key(&mut self) -> Result<UserKey, Fault> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let kept: Option<Vec<u8>> = transaction
            .query_row("SELECT key FROM store_key", [], |row| row.get(0))
            .optional()?;
        let key = if let Some(bytes) = kept {
            let bytes = bytes.try_into().map_err(|bytes: Vec<u8>| {
                Fault::Nonsense(format!("a store key of {} bytes", bytes.len()))
            })?;
            UserKey::from_bytes(bytes)
        } else {
            let key = UserKey::random();
            transaction.execute("INSERT INTO store_key VALUES (?1)", [key.to_bytes()])?;
            key
        };
        transaction.commit()?;
        Ok(key)
    }
}

impl Sink for SqliteSink {
    /// The key is a row of the database; whoever has the file has the key.
    fn user_key(&mut self) -> Result<UserKey, SinkError> {
        let path = &self.path;
        let Some(database) = &mut self.database else {
            return Err(SinkError::new(StoreError::replaced(path)));
        };
        let key = database.user_key();
        key.map_err(|fault| SinkError::new(StoreError::fault(path, fault)))
    }

    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.store(batch).map_err(|error| {
            self.names.forget();
            SinkError::new(error)
        })
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
            sink.database
                .as_ref()
                .unwrap()
                .connection
                .query_row(&query, [], set)
                .unwrap()
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
