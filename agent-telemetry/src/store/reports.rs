//! Reports straight from a database: each reads the sums that it shows and no others.

use super::names::Texts;
use super::rolled::{self, Wanted};
use super::{SqliteStore, StoreError};
use crate::{AgentsReport, ModelsReport, Period, StoredRollups, ToolsReport};

impl SqliteStore {
    /// The report `stats` of a period, over the time that the stored sums cover. `None` as for
    /// [`rollups`](Self::rollups).
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
    /// SqliteSink::open(&path)?.write(&[record])?;
    ///
    /// let store = SqliteStore::open_read_only(&path)?;
    /// let report = store.agents_report(Period::ALL)?.expect("there are sums");
    /// assert_eq!(report.agents[0].metrics[0].mean, 3.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn agents_report(&self, period: Period) -> Result<Option<AgentsReport>, StoreError> {
        let sums = self.sums(period, Wanted::Agents)?;
        Ok(sums.map(|sums| AgentsReport::of(sums.covered, &sums.rollups)))
    }

    /// The report `models` of a period, over the time that the stored sums cover. `None` as for
    /// [`rollups`](Self::rollups).
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
    /// let report = SqliteStore::open_read_only(&path)?.models_report(Period::ALL)?;
    /// assert_eq!(report.map(|report| report.calls), Some(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn models_report(&self, period: Period) -> Result<Option<ModelsReport>, StoreError> {
        let sums = self.sums(period, Wanted::Models)?;
        Ok(sums.map(|sums| ModelsReport::of(sums.covered, &sums.rollups)))
    }

    /// The report `tools` of a period, over the time that the stored sums cover. `None` as for
    /// [`rollups`](Self::rollups).
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
    /// let report = SqliteStore::open_read_only(&path)?.tools_report(Period::ALL)?;
    /// assert_eq!(report.map(|report| report.tools.len()), Some(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tools_report(&self, period: Period) -> Result<Option<ToolsReport>, StoreError> {
        let sums = self.sums(period, Wanted::Tools)?;
        Ok(sums.map(|sums| ToolsReport::of(sums.covered, &sums.rollups)))
    }

    /// Those sums of a period that are asked for; the others are empty.
    pub(super) fn sums(
        &self,
        period: Period,
        wanted: Wanted,
    ) -> Result<Option<StoredRollups>, StoreError> {
        if self.version < 3 {
            return Ok(None);
        }
        let read = || {
            // Within one transaction, so that all parts are of one moment.
            let moment = self.connection.unchecked_transaction()?;
            let covered = rolled::kept(&moment)?.cover(period);
            let rollups = rolled::read(&moment, &mut Texts::default(), covered, wanted)?;
            Ok(StoredRollups { rollups, covered })
        };
        let sums = read().map_err(|fault| StoreError::fault(&self.path, fault))?;
        Ok(Some(sums))
    }
}
