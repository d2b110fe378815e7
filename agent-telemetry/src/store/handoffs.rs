//! Who gave work to whom, from a database: once, or again and again.

use std::fmt;

use rusqlite::Row;

use super::error::Fault;
use super::pages::Pages;
use super::reads::{FIRST_OF_HANDOFFS, Reads};
use super::{SqliteStore, StoreError};
use crate::{HandoffLedger, HandoffsReport, Period, Span};

/// The oldest record of each table.
const OLDEST: &str =
    "SELECT (SELECT min(seq) FROM session_marks), (SELECT min(seq) FROM model_calls),
    (SELECT min(seq) FROM handoffs), (SELECT min(seq) FROM attempts)";

impl SqliteStore {
    /// The report `handoffs` of a period, from the marks, calls and handoffs of sessions up to now: it takes
    /// as long as reading those does, from the beginning of the first session in question. Whoever asks more
    /// than once takes [`into_handoffs`](Self::into_handoffs).
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    ///
    /// ```
    /// use agent_telemetry::{Period, SqliteSink, SqliteStore};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("telemetry.db");
    /// drop(SqliteSink::open(&path)?);
    /// let report = SqliteStore::open_read_only(&path)?.handoffs_report(Period::ALL)?;
    /// assert_eq!(report.handoffs, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn handoffs_report(&self, period: Period) -> Result<HandoffsReport, StoreError> {
        // As the report counts.
        let whole = period.outward(Span::Minute);
        let first = self.first(whole);
        let first = first.map_err(|fault| StoreError::fault(&self.path, fault))?;
        let records = self.told(Reads::handoffs());
        HandoffsReport::try_of(period, records.beginning(first))
    }

    fn first(&self, period: Period) -> Result<i64, Fault> {
        let (from, to) = (period.from().unix_nanos(), period.to().unix_nanos());
        if from == i64::MIN {
            return Ok(i64::MIN);
        }
        let first: Option<i64> = self
            .connection
            .prepare_cached(FIRST_OF_HANDOFFS)?
            .query_row((from, to), |row| row.get(0))?;
        // Without any there is nothing to read.
        Ok(first.unwrap_or(i64::MAX))
    }

    /// For asking about handoffs again and again: what was read once is kept.
    ///
    /// ```
    /// use agent_primitives::{Handoff, HandoffReason, ProviderId, Timestamp};
    /// use agent_telemetry::{Period, Record, Sink, SqliteSink, SqliteStore};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("telemetry.db");
    /// let mut sink = SqliteSink::open(&path)?;
    /// let mut handoffs = SqliteStore::open_read_only(&path)?.into_handoffs();
    /// assert_eq!(handoffs.report(Period::ALL)?.handoffs, 0);
    ///
    /// let [from, to] = [ProviderId::new("claude")?, ProviderId::new("groq")?];
    /// let handoff = Handoff::automatic(from, to, HandoffReason::Overloaded);
    /// sink.write(&[Record::new(Timestamp::UNIX_EPOCH, handoff)])?;
    /// assert_eq!(handoffs.report(Period::ALL)?.handoffs, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_handoffs(self) -> StoredHandoffs {
        StoredHandoffs {
            store: self,
            ledger: HandoffLedger::default(),
            next: i64::MIN,
            removed: None,
        }
    }
}

/// The handoffs of a database, read once and then only what is new: the first report takes as long as reading
/// the sessions of all time does, each one after it, of whatever period, as long as reading what was
/// recorded since. What [`Retention`](crate::Retention) has removed is forgotten, for which all is
/// read anew, once a day.
///
/// It keeps each session of the database, up to a million, and each handoff, up to four million: 85 MB of memory for
/// 100 000 sessions with as many handoffs. An example is at [`SqliteStore::into_handoffs`].
pub struct StoredHandoffs {
    store: SqliteStore,
    ledger: HandoffLedger,
    /// The first number that the ledger was not told of.
    next: i64,
    /// By when it was told.
    removed: Option<Removed>,
}

/// What is otherwise once records have been removed: the state of the removal, and the oldest ones. While one is
/// under way this is noticed from its first step on whenever it takes the oldest of a table, and at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Removed {
    rows_since: Option<i64>,
    pruned: Option<i64>,
    oldest: [Option<i64>; 4],
}

impl StoredHandoffs {
    /// The report on the handoffs in `period`: what [`SqliteStore::handoffs_report`] says, as long as the database
    /// has no more than a million sessions, 4 096 paths and four million handoffs; beyond these the oldest are kept.
    ///
    /// Where records are removed twice on one day, and the second time only late ones that are not the oldest of
    /// their table, this is noticed with the removal of the next day.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read; the next one begins anew.
    pub fn report(&mut self, period: Period) -> Result<HandoffsReport, StoreError> {
        if let Err(error) = self.catch_up() {
            self.begin();
            return Err(error);
        }
        Ok(self.ledger.report(period))
    }

    /// For other questions.
    pub const fn store(&self) -> &SqliteStore {
        &self.store
    }

    fn catch_up(&mut self) -> Result<(), StoreError> {
        let fault = |fault: Fault| StoreError::fault(&self.store.path, fault);
        let removed = self.store.removed().map_err(fault)?;
        let pages = Pages::of_tables(self.store.version, Reads::handoffs().tables);
        let last = pages.last(&self.store.connection);
        let last = last.map_err(|error| fault(error.into()))?;
        if self
            .removed
            .is_some_and(|earlier| removed.is_more_than(&earlier))
        {
            self.begin();
        }
        self.removed = Some(removed);
        let Some(last) = last.filter(|last| *last >= self.next) else {
            return Ok(());
        };
        let records = self.store.told(Reads::handoffs());
        for record in records.beginning(self.next).ending(last) {
            self.ledger.add(&record?);
        }
        self.next = last.saturating_add(1);
        Ok(())
    }

    fn begin(&mut self) {
        self.ledger = HandoffLedger::default();
        self.next = i64::MIN;
        self.removed = None;
    }
}

impl Removed {
    fn is_more_than(&self, earlier: &Self) -> bool {
        let mut oldest = earlier.oldest.iter().zip(&self.oldest);
        (self.rows_since, self.pruned) != (earlier.rows_since, earlier.pruned)
            || oldest.any(|(earlier, now)| earlier.is_some() && now != earlier)
    }
}

impl SqliteStore {
    fn removed(&self) -> Result<Removed, Fault> {
        let of_tables = |row: &Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
        let oldest = self
            .connection
            .prepare_cached(OLDEST)?
            .query_row([], of_tables)?;
        // Versions before remove nothing.
        let (rows_since, pruned) = if self.version < 3 {
            (None, None)
        } else {
            self.connection
                .prepare_cached("SELECT rows_since, pruned FROM rollup_state")?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?
        };
        Ok(Removed {
            rows_since,
            pruned,
            oldest,
        })
    }
}

impl fmt::Debug for StoredHandoffs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredHandoffs")
            .field("store", &self.store)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
