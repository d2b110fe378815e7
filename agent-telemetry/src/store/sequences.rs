//! Which tool calls of a database recur one after another.

use super::reads::Reads;
use super::{SqliteStore, StoreError};
use crate::{Period, ToolSequencesReport};

impl SqliteStore {
    /// The sequences of tool calls in a period, from the calls and the marks of sessions: it takes as long as
    /// reading those does.
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
    /// let store = SqliteStore::open_read_only(&path)?;
    /// assert_eq!(store.tool_sequences_report(Period::ALL)?.calls, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tool_sequences_report(&self, period: Period) -> Result<ToolSequencesReport, StoreError> {
        ToolSequencesReport::try_of(period, self.told(Reads::tool_sequences(period)))
    }
}
