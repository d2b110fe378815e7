//! Reports on calls and what failed of them, straight from a database.

use super::reads::Reads;
use super::{SqliteStore, StoreError};
use crate::{ErrorsReport, PerformanceReport, Period};

impl SqliteStore {
    /// The report `errors` of a period, from the marks, calls, events of providers, metrics and restores of
    /// sessions up to now: it takes as long as reading those does.
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
    /// let report = SqliteStore::open_read_only(&path)?.errors_report(Period::ALL)?;
    /// assert!(report.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn errors_report(&self, period: Period) -> Result<ErrorsReport, StoreError> {
        ErrorsReport::try_of(period, self.told(Reads::errors(period)))
    }

    /// The report `performance` of a period, from the marks, calls and waits of it and of the preceding
    /// period of equal length: it takes as long as reading those does.
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
    /// let report = SqliteStore::open_read_only(&path)?.performance_report(Period::ALL)?;
    /// assert!(report.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn performance_report(&self, period: Period) -> Result<PerformanceReport, StoreError> {
        PerformanceReport::try_of(period, self.told(Reads::performance(period)))
    }
}
