//! Typed reading of a database, while sinks may write to it.

use std::collections::VecDeque;
use std::ops::{Bound, RangeBounds};

use agent_primitives::Timestamp;
use postgres::IsolationLevel;

use super::config::Target;
use super::connection::{Access, Connection, aside};
use super::error::Fault;
use super::names::Texts;
use super::pages::{self, Pages};
use super::{PostgresConfig, PostgresError, rolled, schema};
use crate::store::{Reads, Table};
use crate::{Period, Record, Stats, StoredRollups};

/// A database opened for reading only.
///
/// It has one connection and answers one question at a time, hence the `&mut`. When the connection
/// breaks, the question ends with an error and the next one connects anew.
///
/// ```no_run
/// use agent_primitives::{Clock, SystemClock};
/// use agent_telemetry::{AgentsReport, Period, PostgresStore};
///
/// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
/// let period = Period::last_30_days(SystemClock.timestamp());
/// let sums = store.rollups(period)?;
/// println!("{}", AgentsReport::of(sums.covered, &sums.rollups));
/// # Ok::<(), agent_telemetry::PostgresError>(())
/// ```
#[derive(Debug)]
pub struct PostgresStore {
    /// `None` after an error.
    connection: Option<Connection>,
    target: Target,
}

impl PostgresStore {
    /// Connects to a database that a [`PostgresSink`](crate::PostgresSink) has filled. Needs no right
    /// but to read the schema.
    ///
    /// # Errors
    /// [`PostgresError`] when the server cannot be reached, does not admit the user, or has no such
    /// schema, or the schema was made by a newer version.
    pub fn connect(config: impl Into<PostgresConfig>) -> Result<Self, PostgresError> {
        let mut store = Self {
            connection: None,
            target: Target::of(&config.into())?,
        };
        store.ask(|_| Ok(()))?;
        Ok(store)
    }

    pub(super) fn ask<T: Send>(
        &mut self,
        question: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send,
    ) -> Result<T, PostgresError> {
        let (connection, target) = (&mut self.connection, &self.target);
        let answer = aside(|| {
            if connection.as_ref().is_some_and(Connection::is_closed) {
                *connection = None;
            }
            let open = if let Some(open) = connection {
                open
            } else {
                let mut opened = Connection::open(target, Access::Read)?;
                schema::check(&mut opened, target)?;
                connection.insert(opened)
            };
            let answer = question(open);
            if answer.is_err() {
                *connection = None;
            }
            answer
        });
        answer
            .and_then(|answer| answer)
            .map_err(|fault| PostgresError::fault(&self.target.address, fault))
    }

    /// Every record that is stored by now, in the order of recording, read as the iterator goes on.
    /// After an error it ends.
    ///
    /// ```no_run
    /// use agent_telemetry::PostgresStore;
    ///
    /// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
    /// for record in store.records() {
    ///     println!("{}", serde_json::to_string(&record?)?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn records(&mut self) -> PostgresRecords<'_> {
        self.records_in(..)
    }

    /// The records of a time, in the order of recording.
    ///
    /// ```no_run
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::PostgresStore;
    ///
    /// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
    /// let all = store.records_in(Timestamp::UNIX_EPOCH..).count();
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    pub fn records_in(&mut self, times: impl RangeBounds<Timestamp>) -> PostgresRecords<'_> {
        self.of_tables(times, &Table::ALL)
    }

    /// What a report reads.
    pub(super) fn told(&mut self, reads: Reads) -> PostgresRecords<'_> {
        self.of_tables(reads.times, reads.tables)
    }

    fn of_tables(
        &mut self,
        times: impl RangeBounds<Timestamp>,
        tables: &[Table],
    ) -> PostgresRecords<'_> {
        let nanos = |bound: Bound<&Timestamp>, open: i64, inwards: i64| match bound {
            Bound::Included(at) => Some(at.unix_nanos()),
            Bound::Excluded(at) => at.unix_nanos().checked_add(inwards),
            Bound::Unbounded => Some(open),
        };
        let first = nanos(times.start_bound(), i64::MIN, 1);
        let last = nanos(times.end_bound(), i64::MAX, -1);
        PostgresRecords {
            store: self,
            pages: Pages::of_tables(tables),
            // No time is between bounds that exclude the end of time.
            times: first.zip(last),
            page: VecDeque::new(),
            next: Some(i64::MIN),
            end: None,
        }
    }

    /// The sums of a period, from the days, hours and minutes that it is made of: the work does not grow
    /// with the number of records.
    ///
    /// ```no_run
    /// use agent_telemetry::{Period, PostgresStore};
    ///
    /// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
    /// let sums = store.rollups(Period::ALL)?;
    /// assert!(!sums.rollups.is_empty());
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    ///
    /// # Errors
    /// [`PostgresError`] when the database cannot be read.
    pub fn rollups(&mut self, period: Period) -> Result<StoredRollups, PostgresError> {
        self.ask(|connection| {
            let (client, statements) = connection.client()?;
            // All parts are of one moment.
            let mut moment = client
                .build_transaction()
                .isolation_level(IsolationLevel::RepeatableRead)
                .read_only(true)
                .start()?;
            let covered = rolled::kept(&mut moment)?.cover(period);
            let mut texts = Texts::default();
            let rollups = rolled::read(&mut moment, statements, &mut texts, covered)?;
            moment.commit()?;
            let mut sums = StoredRollups::default();
            (sums.rollups, sums.covered) = (rollups, covered);
            Ok(sums)
        })
    }

    /// The figures of everything that is stored by now.
    ///
    /// ```no_run
    /// use agent_telemetry::PostgresStore;
    ///
    /// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
    /// println!("{}", store.stats()?);
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    ///
    /// # Errors
    /// [`PostgresError`] when the database cannot be read to its end.
    pub fn stats(&mut self) -> Result<Stats, PostgresError> {
        Stats::try_of(self.records())
    }
}

/// The records of a [`PostgresStore`], read page by page: at most 4 096 are in memory.
///
/// ```no_run
/// use agent_telemetry::PostgresStore;
///
/// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
/// let first = store.records().next().transpose()?;
/// # Ok::<(), agent_telemetry::PostgresError>(())
/// ```
#[derive(Debug)]
pub struct PostgresRecords<'a> {
    store: &'a mut PostgresStore,
    pages: Pages,
    /// First and last; `None` for no time at all, and after an error.
    times: Option<(i64, i64)>,
    page: VecDeque<Record>,
    /// Where the next page begins at the earliest; `None` behind the last number that there is.
    next: Option<i64>,
    /// The last number in use when the reading began.
    end: Option<i64>,
}

impl PostgresRecords<'_> {
    /// Those alone from a number on.
    pub(super) const fn beginning(mut self, first: i64) -> Self {
        self.next = Some(first);
        self
    }

    fn advance(&mut self) -> Result<Option<Record>, PostgresError> {
        let Some(times) = self.times else {
            return Ok(None);
        };
        while self.page.is_empty() && self.next.is_some() {
            let (pages, next, end) = (&mut self.pages, &mut self.next, &mut self.end);
            self.page = self.store.ask(|connection| {
                let (client, statements) = connection.client()?;
                if end.is_none() {
                    *end = pages::last(client)?;
                }
                let (Some(from), Some(to)) = (*next, *end) else {
                    *next = None;
                    return Ok(VecDeque::new());
                };
                let Some(range) = pages::range(client, statements, from, to)? else {
                    *next = None;
                    return Ok(VecDeque::new());
                };
                let page = pages.read(client, statements, range, times)?;
                *next = range.1.checked_add(1);
                Ok(page.into())
            })?;
        }
        Ok(self.page.pop_front())
    }
}

impl Iterator for PostgresRecords<'_> {
    type Item = Result<Record, PostgresError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Ok(record) => record.map(Ok),
            Err(error) => {
                self.times = None;
                Some(Err(error))
            }
        }
    }
}
