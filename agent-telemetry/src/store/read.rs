//! Typed reading of a database, while a sink may write to it.

use std::collections::VecDeque;
use std::fs;
use std::ops::{Bound, RangeBounds};
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_primitives::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::error::Fault;
use super::file::{immutable_address, keep_plans, log_of};
use super::pages::Pages;
use super::reads::Reads;
use super::rolled::Wanted;
use super::tables::Table;
use super::{StoreError, schema};
use crate::{Period, Record, Stats, StoredRollups};

/// A database opened for reading only.
///
/// ```
/// use agent_primitives::{AgentId, SessionId};
/// use agent_telemetry::{Outcome, SessionStart, SqliteSink, SqliteStore, Telemetry};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("telemetry.db");
/// let telemetry = Telemetry::builder(SqliteSink::open(&path)?).start()?;
/// let start = SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?);
/// telemetry.session(start).end(Outcome::Success);
/// drop(telemetry);
///
/// let stats = SqliteStore::open_read_only(&path)?.stats()?;
/// assert_eq!(stats.outcomes.success, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SqliteStore {
    pub(super) connection: Connection,
    pub(super) version: i64,
    pub(super) path: PathBuf,
}

impl SqliteStore {
    /// Opens a database that a [`SqliteSink`](crate::SqliteSink) has made. Waits up to five seconds
    /// for a program that holds it. On a read-only file system the file is read as it is, for which
    /// its writers must have closed it.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be opened, is something else, is damaged, or was written
    /// by a newer version.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let refusal = match Self::open(path, path) {
            Err(error) if error.is_missing() && path.is_file() => error,
            done => return done,
        };
        // Reading in write-ahead mode writes an index beside the file, which a read-only folder does
        // not allow. Without a log the file is all there is.
        match fs::metadata(log_of(path)) {
            Ok(log) if log.len() > 0 => Err(StoreError::log_unreadable(path, refusal)),
            _ => {
                let address =
                    immutable_address(path).map_err(|error| StoreError::io(path, error))?;
                Self::open(path, Path::new(&address))
            }
        }
    }

    fn open(path: &Path, address: &Path) -> Result<Self, StoreError> {
        let sql = |error| StoreError::sql(path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | if path == address {
                OpenFlags::empty()
            } else {
                OpenFlags::SQLITE_OPEN_URI
            };
        let connection = Connection::open_with_flags(address, flags).map_err(sql)?;
        connection
            .busy_timeout(Duration::from_secs(5))
            .map_err(sql)?;
        keep_plans(&connection).map_err(sql)?;
        let version = schema::check(&connection, path)?;
        Ok(Self {
            connection,
            version,
            path: path.to_owned(),
        })
    }

    /// Every record that is stored by now, in the order of recording, read as the iterator goes on.
    /// After an error it ends.
    pub fn records(&self) -> Records<'_> {
        self.records_in(..)
    }

    /// The records of a time, in the order of recording.
    pub fn records_in(&self, times: impl RangeBounds<Timestamp>) -> Records<'_> {
        Records::of(self, times, Pages::new(self.version))
    }

    /// What a report reads.
    pub(super) fn told(&self, reads: Reads) -> Records<'_> {
        Records::of_tables(self, reads.times, reads.tables)
    }

    /// The sums of a period, from the days, hours and minutes that it is made of: the work does not grow
    /// with the number of records. One report alone is read faster by
    /// [`agents_report`](Self::agents_report), [`models_report`](Self::models_report) and
    /// [`tools_report`](Self::tools_report). `None` for a database of before there were sums: open it for
    /// writing once.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::{Metric, Period, Record, Sink, SqliteSink, SqliteStore};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("telemetry.db");
    /// let record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("files_changed", 3));
    /// SqliteSink::open(&path)?.write(&[record.clone(), record])?;
    ///
    /// let sums = SqliteStore::open_read_only(&path)?.rollups(Period::ALL)?.expect("there are sums");
    /// assert_eq!(sums.rollups.metrics.values().map(|metric| metric.count).sum::<u64>(), 2);
    /// assert_eq!(sums.covered, Period::ALL.outward(agent_telemetry::Span::Minute));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rollups(&self, period: Period) -> Result<Option<StoredRollups>, StoreError> {
        self.sums(period, Wanted::All)
    }

    /// The figures of everything that is stored by now.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read to its end.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        Stats::try_of(self.records())
    }
}

/// The records of a [`SqliteStore`], read page by page: at most 4 096 are in memory.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{SqliteSink, SqliteStore};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("telemetry.db");
/// drop(SqliteSink::open(&path)?);
/// let store = SqliteStore::open_read_only(&path)?;
/// assert_eq!(store.records_in(Timestamp::UNIX_EPOCH..).count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Records<'a> {
    store: &'a SqliteStore,
    pages: Pages,
    /// First and last; `None` for no time at all.
    times: Option<(i64, i64)>,
    page: VecDeque<Record>,
    /// Where the next page begins at the earliest; `None` behind the last number that there is.
    next: Option<i64>,
    /// The last number in use when the reading began.
    end: Option<i64>,
    /// How many numbers before that one are looked at; `None` for all.
    newest: Option<i64>,
}

impl<'a> Records<'a> {
    fn of(store: &'a SqliteStore, times: impl RangeBounds<Timestamp>, pages: Pages) -> Self {
        let nanos = |bound: Bound<&Timestamp>, open: i64, inwards: i64| match bound {
            Bound::Included(at) => Some(at.unix_nanos()),
            Bound::Excluded(at) => at.unix_nanos().checked_add(inwards),
            Bound::Unbounded => Some(open),
        };
        let first = nanos(times.start_bound(), i64::MIN, 1);
        let last = nanos(times.end_bound(), i64::MAX, -1);
        Self {
            store,
            pages,
            // No time is between bounds that exclude the end of time.
            times: first.zip(last),
            page: VecDeque::new(),
            next: Some(i64::MIN),
            end: None,
            newest: None,
        }
    }

    /// Those of a time that lie in these tables alone.
    pub(super) fn of_tables(
        store: &'a SqliteStore,
        times: impl RangeBounds<Timestamp>,
        tables: &[Table],
    ) -> Self {
        Self::of(store, times, Pages::of_tables(store.version, tables))
    }

    /// Those alone from a number on.
    pub(super) const fn beginning(mut self, first: i64) -> Self {
        self.next = Some(first);
        self
    }

    /// Those alone up to a number, and with it.
    pub(super) const fn ending(mut self, last: i64) -> Self {
        self.end = Some(last);
        self
    }

    /// Those alone among so many numbers up to the last one.
    pub(super) const fn newest(mut self, numbers: i64) -> Self {
        self.newest = Some(numbers);
        self
    }

    /// The first and the last number that are looked at; `None` before the first record was asked for.
    pub(super) fn numbers(&self) -> Option<(i64, i64)> {
        let end = self.end?;
        let first = self.newest.map(|newest| end.saturating_sub(newest));
        Some((first.unwrap_or(i64::MIN), end))
    }
}

impl Records<'_> {
    fn advance(&mut self) -> Result<Option<Record>, Fault> {
        let Some(times) = self.times else {
            return Ok(None);
        };
        let connection = &self.store.connection;
        if self.end.is_none() {
            self.end = self.pages.last(connection)?;
            let first = self.end.zip(self.newest);
            let first = first.map(|(end, newest)| end.saturating_sub(newest));
            self.next = self.next.max(first);
        }
        while self.page.is_empty()
            && let (Some(next), Some(end)) = (self.next, self.end)
            && let Some(range) = self.pages.range(connection, next, end)?
        {
            let found = self.pages.read(connection, range, times)?;
            self.page = found.into_iter().map(|(_, record)| record).collect();
            self.next = range.1.checked_add(1);
        }
        Ok(self.page.pop_front())
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Ok(record) => record.map(Ok),
            Err(fault) => {
                self.times = None;
                Some(Err(StoreError::fault(&self.store.path, fault)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_primitives::{Handoff, HandoffReason, ProviderId, SessionId};

    use super::super::SqliteSink;
    use super::super::reads::Reads;
    use super::*;
    use crate::Sink;

    #[test]
    fn session_of_a_hundred_thousand_handoffs_is_read_a_page_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.db");
        let [from, to] = ["claude", "groq"].map(|name| ProviderId::new(name).unwrap());
        let handoff = Handoff::automatic(from, to, HandoffReason::Overloaded);
        let record = |second| {
            let record = Record::new(Timestamp::from_unix_seconds(second), handoff.clone());
            record.of_session(SessionId::new("s").unwrap())
        };
        let mut sink = SqliteSink::open(&path)
            .unwrap()
            .retention(crate::Retention::FOREVER);
        for batch in 0..10 {
            let seconds = 10_000 * batch..10_000 * (batch + 1);
            let records: Vec<Record> = seconds.map(record).collect();
            sink.write(&records).unwrap();
        }
        drop(sink);
        let store = SqliteStore::open_read_only(&path).unwrap();
        let mut records = store.told(Reads::handoffs());
        let (mut most, mut read) = (0, 0);
        while let Some(record) = records.next() {
            read += 1;
            assert!(record.is_ok());
            most = most.max(records.page.len());
        }
        assert_eq!((read, most), (100_000, 4_095));
        let report = store.handoffs_report(Period::ALL).unwrap();
        assert_eq!(
            (report.handoffs, report.left_out.beyond),
            (100_000, 100_000 - 64)
        );
    }
}
