//! What the records of a database suggest.

use super::reads::Reads;
use super::{SqliteStore, StoreError};
use crate::{Period, SuggestConfig, SuggestionsReport};

impl SqliteStore {
    /// The report `suggestions` of a period, from the calls, attempts and marks of sessions: it takes as long
    /// as reading those does.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    ///
    /// ```
    /// use agent_telemetry::{Period, SqliteSink, SqliteStore, SuggestConfig};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("telemetry.db");
    /// drop(SqliteSink::open(&path)?);
    /// let store = SqliteStore::open_read_only(&path)?;
    /// let report = store.suggestions_report(Period::ALL, &SuggestConfig::default())?;
    /// assert!(report.suggestions.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn suggestions_report(
        &self,
        period: Period,
        config: &SuggestConfig,
    ) -> Result<SuggestionsReport, StoreError> {
        SuggestionsReport::try_of(period, config, self.told(Reads::suggestions(period)))
    }
}
