//! What the records of a database say about quality.

use super::reads::Reads;
use super::{SqliteStore, StoreError};
use crate::{Period, QualityReport};

impl SqliteStore {
    /// The report `quality` of a period, from its metrics, violations, decisions and the marks of sessions:
    /// it takes as long as reading those does.
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
    /// let passed = Metric::test_pass_rate(9, 10).ok_or("no tests ran")?;
    /// SqliteSink::open(&path)?.write(&[Record::new(Timestamp::UNIX_EPOCH, passed)])?;
    ///
    /// let report = SqliteStore::open_read_only(&path)?.quality_report(Period::ALL)?;
    /// assert_eq!((report.scores[0].count, report.scores[0].mean), (1, 0.9));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn quality_report(&self, period: Period) -> Result<QualityReport, StoreError> {
        QualityReport::try_of(period, self.told(Reads::quality(period)))
    }
}
