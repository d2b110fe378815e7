//! The report `forecast`, straight from a database: sums by the hour, and the newest records.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_primitives::{SessionId, Timestamp, TokenUsage, Usd};

use super::decode::{Decoder, nonsense};
use super::error::Fault;
use super::names::Texts;
use super::read::Records;
use super::tables::Table;
use super::{SqliteStore, StoreError};
use crate::forecast::Spent;
use crate::{BudgetPeriod, ForecastConfig, ForecastReport, Forecaster, ProjectId, Span};

/// As far back as a forecast goes.
const HOURS: Duration = Duration::from_secs(9 * 7 * 86_400);
/// As far back as it goes by the minute.
const MINUTES: Duration = Duration::from_secs(25 * 3_600);
/// As long as a session may have been silent that goes on.
const SILENT: Duration = Duration::from_secs(86_400);
/// Numbers of records, from the newest back, that are looked at for sessions and for how long calls take.
const NEWEST: i64 = 20_000;

impl SqliteStore {
    /// The report `forecast` as at a time: what money comes to, from the sums of the last nine weeks; contexts
    /// and the time that calls take, from those of the newest 20 000 records that are of the last 24 hours before
    /// `now`. What the sessions in these spent before them is added up where there is a budget for sessions, which
    /// takes as long as looking at each stored call. `None` as for [`rollups`](Self::rollups).
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::{ForecastBasis, ForecastConfig, SqliteSink, SqliteStore};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("telemetry.db");
    /// drop(SqliteSink::open(&path)?);
    /// let store = SqliteStore::open_read_only(&path)?;
    /// let now = Timestamp::from_unix_seconds(1_795_219_200);
    /// let report = store.forecast_report(now, &ForecastConfig::default())?.expect("there are sums");
    /// assert_eq!(report.basis, ForecastBasis::Nothing);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn forecast_report(
        &self,
        now: Timestamp,
        config: &ForecastConfig,
    ) -> Result<Option<ForecastReport>, StoreError> {
        if self.version < 3 {
            return Ok(None);
        }
        let mut forecaster = Forecaster::new();
        let read = |forecaster: &mut Forecaster| {
            // Within one transaction, so that hours and minutes are of one moment.
            let moment = self.connection.unchecked_transaction()?;
            self.spending(now, forecaster)?;
            moment.finish().map_err(Fault::Sql)
        };
        read(&mut forecaster).map_err(|fault| StoreError::fault(&self.path, fault))?;
        let tables = [
            Table::SessionMarks,
            Table::ModelCalls,
            Table::ContextPressure,
        ];
        let mut records = Records::of_tables(self, now - SILENT..=now, &tables).newest(NEWEST);
        for record in &mut records {
            forecaster.add_beside_sums(&record?);
        }
        let mut budgets = config.budgets.iter();
        if budgets.any(|it| it.period == BudgetPeriod::Session)
            && let Some(numbers) = records.numbers()
        {
            self.spent_before(now, numbers, &mut forecaster)
                .map_err(|fault| StoreError::fault(&self.path, fault))?;
        }
        Ok(Some(forecaster.report(now, config)))
    }

    /// What open sessions spent in calls that are none of those with these numbers of the last day.
    fn spent_before(
        &self,
        now: Timestamp,
        (first, last): (i64, i64),
        forecaster: &mut Forecaster,
    ) -> Result<(), Fault> {
        let contexts = forecaster.contexts_mut();
        let open: Vec<&str> = contexts.open().map(SessionId::as_str).collect();
        if open.is_empty() {
            return Ok(());
        }
        let open = serde_json::to_string(&open).map_err(nonsense)?;
        let mut select = self.connection.prepare_cached(
            "SELECT project, session, at, cost_picos, cost_wide FROM model_calls
             WHERE session IN (SELECT id FROM names WHERE name IN (SELECT value FROM json_each(?1)))
               AND at <= ?2 AND seq <= ?3 AND (seq < ?4 OR at < ?5)",
        )?;
        let (until, read_from) = (now.unix_nanos(), (now - SILENT).unix_nanos());
        let mut rows = select.query((open, until, last, first, read_from))?;
        let mut texts = Texts::default();
        let mut sums: BTreeMap<_, (Timestamp, Usd)> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let mut row = Decoder::new(&self.connection, &mut texts, row);
            let project = row.maybe_name()?.map(ProjectId::new);
            let project = project.transpose().map_err(nonsense)?;
            let session = row.id(SessionId::new)?;
            let (at, cost) = (Timestamp::from_unix_nanos(row.cell()?), cost(&mut row)?);
            let sum = sums.entry((project, session)).or_insert((at, Usd::ZERO));
            *sum = (at.min(sum.0), sum.1 + cost);
        }
        for ((project, session), (began, cost)) in sums {
            contexts.spent_before(project, session, began, cost);
        }
        Ok(())
    }

    fn spending(&self, now: Timestamp, forecaster: &mut Forecaster) -> Result<(), Fault> {
        let mut select = self.connection.prepare_cached(
            "SELECT start, model_calls, unpriced_calls, input, cache_read, cache_write_5m,
                    cache_write_1h, output, cost_picos, cost_wide
             FROM rollup_agents WHERE span = ?1 AND start >= ?2 AND start <= ?3",
        )?;
        let mut texts = Texts::default();
        for (span, back) in [(Span::Hour, HOURS), (Span::Minute, MINUTES)] {
            let bounds = (
                span.seconds(),
                Span::Hour.start(now - back),
                span.start(now),
            );
            let mut rows = select.query(bounds)?;
            while let Some(row) = rows.next()? {
                let mut decoder = Decoder::new(&self.connection, &mut texts, row);
                let (second, spent) = spent(&mut decoder)?;
                match span {
                    Span::Minute => forecaster.spending().put_minute(second, spent),
                    _ => forecaster.spending().put(second, spent),
                }
            }
        }
        Ok(())
    }
}

fn spent(row: &mut Decoder<'_>) -> Result<(i64, Spent), Fault> {
    let (second, calls, unpriced) = (row.cell()?, row.number()?, row.number()?);
    let (input, cache_read) = (row.number()?, row.number()?);
    let (five_minutes, hour, output) = (row.number()?, row.number()?, row.number()?);
    let usage = TokenUsage::new(input, output)
        .with_cache_read(cache_read)
        .with_cache_write_5m(five_minutes)
        .with_cache_write_1h(hour);
    Ok((second, Spent::new(cost(row)?, usage, calls, unpriced)))
}

/// Of the two columns that an amount has.
fn cost(row: &mut Decoder<'_>) -> Result<Usd, Fault> {
    let (narrow, wide) = (row.cell::<Option<i64>>()?, row.cell::<Option<String>>()?);
    let picos = match wide {
        Some(picos) => picos.parse().map_err(nonsense)?,
        None => narrow.map_or(0, i128::from),
    };
    Ok(Usd::from_picos(picos))
}
