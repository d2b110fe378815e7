//! The sink that stores batches in an SQLite database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{Clock, SystemClock};

use super::StoreError;
use super::database::Database;
use super::file::{FileIdentity, set_aside};
use super::names::Numbers;
use super::retention::{Pruned, Retention};
use super::rows::Inserts;
use crate::{Mark, Record, Sink, SinkError, UserKey};

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
pub struct SqliteSink {
    /// `None` while the file cannot be opened again after it was replaced.
    database: Option<Database>,
    path: PathBuf,
    busy_timeout: Duration,
    inserts: Inserts,
    names: Numbers,
    retention: Retention,
    clock: Arc<dyn Clock>,
    removed_marks: u64,
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
        let mut sink = Self {
            database: None,
            path,
            busy_timeout,
            inserts: Inserts::new(),
            names: Numbers::default(),
            retention: Retention::default(),
            clock: Arc::new(SystemClock),
            removed_marks: 0,
        };
        sink.open_database()?;
        Ok(sink)
    }

    /// Moves a database with the files beside it out of the way, for one that is damaged: `telemetry.db`
    /// becomes `telemetry.db.aside-1`, or the next number that is free. Nothing is removed, so that what
    /// can be saved of it may be. Says where it is now.
    ///
    /// A sink that has it open notices at its next write and goes on in a new file, as with any file
    /// that is moved.
    ///
    /// ```
    /// use agent_telemetry::SqliteSink;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("telemetry.db");
    /// drop(SqliteSink::open(&path)?);
    /// let aside = SqliteSink::set_aside(&path)?;
    /// assert_eq!(aside, folder.path().join("telemetry.db.aside-1"));
    /// assert!(aside.is_file() && !path.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] when there is no such file, or it cannot be moved.
    pub fn set_aside(path: impl AsRef<Path>) -> Result<PathBuf, StoreError> {
        let path = path.as_ref();
        set_aside(path).map_err(|error| StoreError::io(path, error))
    }

    /// Sets how long what is kept; [`Retention::default`] unless set.
    #[must_use]
    pub const fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Sets what says which times lie in the future; the system's clock unless set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Removes now what the retention allows, all of it, in many short transactions. The writer does
    /// the same by itself, a step after each batch, once a day.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::{Metric, Record, Retention, Sink, SqliteSink};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let sink = SqliteSink::open(folder.path().join("telemetry.db"))?;
    /// let mut sink = sink.retention(Retention::FOREVER);
    /// let day = |day: i64| Timestamp::from_unix_seconds(day * 86_400);
    /// for at in [day(1), day(40)] {
    ///     sink.write(&[Record::new(at, Metric::count("files_changed", 3))])?;
    /// }
    /// let mut sink = sink.retention(Retention::default());
    /// assert_eq!(sink.prune()?.records, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] when a step could not be done; those before it stay done.
    pub fn prune(&mut self) -> Result<Pruned, StoreError> {
        self.follow_path()?;
        let now = self.clock.timestamp();
        let Some(database) = &mut self.database else {
            return Err(StoreError::replaced(&self.path));
        };
        let pruned = database
            .prune(&self.retention, now)
            .map_err(|fault| StoreError::fault(&self.path, fault))?;
        self.removed_marks = self.removed_marks.saturating_add(pruned.marks);
        Ok(pruned)
    }

    /// How many marks were removed since the sink was opened: those of which nothing had come for longer than
    /// [`Retention::marks`], and the oldest beyond 262 144.
    pub const fn removed_marks(&self) -> u64 {
        self.removed_marks
    }

    /// The batch is stored already: that removing fails is said, and is no error of the write.
    fn prune_a_step(&mut self) {
        let now = self.clock.timestamp();
        let Some(database) = &mut self.database else {
            return;
        };
        match database.prune_a_step(&self.retention, now) {
            Ok(marks) => self.removed_marks = self.removed_marks.saturating_add(marks),
            Err(fault) => {
                let error = StoreError::fault(&self.path, fault);
                tracing::warn!(
                    target: "agent_telemetry",
                    error = &error as &dyn std::error::Error,
                    "old records could not be removed; it is tried again after the next batch"
                );
            }
        }
    }

    fn open_database(&mut self) -> Result<(), StoreError> {
        self.names.forget();
        let mut database = Database::open(&self.path, self.busy_timeout)?;
        database
            .catch_up(&mut self.names)
            .map_err(|fault| StoreError::fault(&self.path, fault))?;
        self.database = Some(database);
        Ok(())
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
            self.open_database()?;
        }
        if replaced {
            return Err(StoreError::replaced(&self.path));
        }
        Ok(())
    }

    fn store(&mut self, batch: &[Record]) -> Result<(), StoreError> {
        self.follow_path()?;
        let now = self.clock.timestamp();
        let Some(database) = &mut self.database else {
            return Err(StoreError::replaced(&self.path));
        };
        database
            .store(batch, &self.inserts, &mut self.names, now)
            .map_err(|fault| StoreError::fault(&self.path, fault))
    }
}

impl fmt::Debug for SqliteSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteSink")
            .field("path", &self.path)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
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

    /// They are the rows of a table of their own.
    fn marks(&mut self) -> Result<Vec<Mark>, SinkError> {
        let path = &self.path;
        let Some(database) = &self.database else {
            return Err(SinkError::new(StoreError::replaced(path)));
        };
        let marks = database.marks();
        marks.map_err(|fault| SinkError::new(StoreError::fault(path, fault)))
    }

    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.store(batch).map_err(|error| {
            self.names.forget();
            if let Some(database) = &mut self.database {
                database.forget();
            }
            SinkError::new(error)
        })?;
        self.prune_a_step();
        Ok(())
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
