//! Reports that need the records themselves, or sums day by day, straight from a database.

use agent_primitives::{SessionId, Usd};

use super::decode::{Decoder, nonsense};
use super::error::Fault;
use super::names::Texts;
use super::reads::Reads;
use super::rolled::{self, Wanted};
use super::{SqliteStore, StoreError};
use crate::{CompareConfig, CompareReport, CostReport, Period, ProjectId, Rollups, SessionSpend};

impl SqliteStore {
    /// The report `compare` of a period, from the marks and the model calls of sessions: it takes as long as
    /// reading those does. Sessions that began before the period are left out and counted.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    ///
    /// ```
    /// use agent_telemetry::{CompareConfig, Period, SqliteSink, SqliteStore};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("telemetry.db");
    /// drop(SqliteSink::open(&path)?);
    /// let store = SqliteStore::open_read_only(&path)?;
    /// let report = store.compare_report(Period::ALL, &CompareConfig::default())?;
    /// assert!(report.sides.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compare_report(
        &self,
        period: Period,
        config: &CompareConfig,
    ) -> Result<CompareReport, StoreError> {
        CompareReport::try_of(period, config, self.told(Reads::compare(period)))
    }

    /// The report `cost` of a period, over the time that the stored sums cover, without the dearest
    /// sessions: [`dearest_sessions`](Self::dearest_sessions) looks for those. `None` as for
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
    /// let report = SqliteStore::open_read_only(&path)?.cost_report(Period::ALL)?;
    /// assert_eq!(report.map(|report| report.calls), Some(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cost_report(&self, period: Period) -> Result<Option<CostReport>, StoreError> {
        if self.version < 3 {
            return Ok(None);
        }
        let read = || {
            // Within one transaction, so that all days are of one moment.
            let moment = self.connection.unchecked_transaction()?;
            let covered = rolled::kept(&moment)?.cover(period);
            let mut texts = Texts::default();
            let mut days = Vec::new();
            for day in covered.days() {
                let agents = rolled::read(&moment, &mut texts, day, Wanted::Agents)?;
                let models = rolled::read(&moment, &mut texts, day, Wanted::Models)?;
                let sums = Rollups {
                    models: models.models,
                    ..agents
                };
                days.push((day, sums));
            }
            Ok(CostReport::of(covered, days))
        };
        let report = read().map_err(|fault| StoreError::fault(&self.path, fault))?;
        Ok(Some(report))
    }

    /// The sessions with the dearest model calls in a period, at most so many, the dearest first. It takes
    /// as long as reading the calls does. A session with a call of more than nine million dollars is left
    /// out.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    ///
    /// ```
    /// use agent_primitives::{ModelId, ProviderId, SessionId, Timestamp, Usd};
    /// use agent_telemetry::{ModelCall, Period, Record, Sink, SqliteSink, SqliteStore};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("telemetry.db");
    /// let call = ModelCall::new(ProviderId::new("claude")?, ModelId::new("claude-haiku-4-5")?);
    /// let record = |session, micros| -> Result<_, agent_primitives::InvalidId> {
    ///     let call = call.clone().cost(Usd::from_micros(micros));
    ///     Ok(Record::new(Timestamp::UNIX_EPOCH, call).of_session(SessionId::new(session)?))
    /// };
    /// SqliteSink::open(&path)?.write(&[record("a", 5)?, record("b", 7)?, record("a", 5)?])?;
    ///
    /// let dearest = SqliteStore::open_read_only(&path)?.dearest_sessions(Period::ALL, 1)?;
    /// assert_eq!((dearest[0].session.as_str(), dearest[0].calls), ("a", 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dearest_sessions(
        &self,
        period: Period,
        limit: u32,
    ) -> Result<Vec<SessionSpend>, StoreError> {
        let project = if self.version > 1 { "project" } else { "NULL" };
        // In two parts, of which neither sum reaches the end of 64 bits. What the lower one has in full goes to
        // the upper one, so that they sort as the whole does.
        let query = format!(
            "SELECT {project} AS of_project, session,
                    coalesce(sum(cost_picos >> 20) + (sum(cost_picos & 1048575) >> 20), 0) AS upper,
                    coalesce(sum(cost_picos & 1048575) & 1048575, 0) AS lower,
                    sum(attempts > 0 OR failure IS NOT NULL),
                    sum(cost_picos IS NULL AND NOT ((failure IS NOT NULL OR attempts = 0) AND input + cache_read
                        + cache_write_5m + cache_write_1h + output = 0))
             FROM model_calls WHERE session IS NOT NULL AND at >= ?1 AND at < ?2
             GROUP BY of_project, session HAVING max(cost_wide) IS NULL
             ORDER BY upper DESC, lower DESC, session LIMIT ?3"
        );
        let read = || {
            let mut select = self.connection.prepare_cached(&query)?;
            let bounds = (period.from().unix_nanos(), period.to().unix_nanos(), limit);
            let mut rows = select.query(bounds)?;
            let mut texts = Texts::default();
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(Decoder::new(&self.connection, &mut texts, row).session_spend()?);
            }
            Ok(found)
        };
        read().map_err(|fault| StoreError::fault(&self.path, fault))
    }
}

impl Decoder<'_> {
    fn session_spend(mut self) -> Result<SessionSpend, Fault> {
        let project = self.maybe_name()?;
        let session = self.id(SessionId::new)?;
        let (upper, lower): (i64, i64) = (self.cell()?, self.cell()?);
        let cost = (i128::from(upper) << 20) + i128::from(lower);
        Ok(SessionSpend {
            project: project.map(ProjectId::new).transpose().map_err(nonsense)?,
            session,
            cost: Usd::from_picos(cost),
            calls: self.number()?,
            unpriced_calls: self.number()?,
        })
    }
}
