//! Reports straight from a server: from the records that each needs, or from sums day by day.

use agent_primitives::{SessionId, Usd};
use postgres::{IsolationLevel, Transaction};

use super::connection::Statements;
use super::decode::{Decoder, nonsense};
use super::error::Fault;
use super::names::Texts;
use super::{PostgresError, PostgresStore, rolled};
use crate::store::{FIRST_OF_HANDOFFS, Reads};
use crate::{
    CompareConfig, CompareReport, CostReport, ErrorsReport, HandoffsReport, PerformanceReport,
    Period, ProjectId, QualityReport, Rollups, SessionSpend, Span, SuggestConfig,
    SuggestionsReport, ToolSequencesReport,
};

impl PostgresStore {
    /// The report `compare` of a period, from the marks and the model calls of sessions: it takes as long as
    /// reading those does. Sessions that began before the period are left out and counted.
    ///
    /// # Errors
    /// [`PostgresError`] when the database cannot be read.
    ///
    /// ```no_run
    /// use agent_telemetry::{CompareConfig, Period, PostgresStore};
    ///
    /// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
    /// println!("{}", store.compare_report(Period::ALL, &CompareConfig::default())?);
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    pub fn compare_report(
        &mut self,
        period: Period,
        config: &CompareConfig,
    ) -> Result<CompareReport, PostgresError> {
        CompareReport::try_of(period, config, self.told(Reads::compare(period)))
    }

    /// The report `handoffs` of a period, from the marks, calls and handoffs of sessions up to now: it takes
    /// as long as reading those does, from the beginning of the first session in question.
    ///
    /// # Errors
    /// [`PostgresError`] when the database cannot be read.
    ///
    /// ```no_run
    /// use agent_telemetry::{Period, PostgresStore};
    ///
    /// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
    /// println!("{}", store.handoffs_report(Period::ALL)?);
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    pub fn handoffs_report(&mut self, period: Period) -> Result<HandoffsReport, PostgresError> {
        // As the report counts.
        let whole = period.outward(Span::Minute);
        let first = self.ask(|connection| {
            let (mut transaction, statements) = connection.begin()?;
            let first = first_of_handoffs(&mut transaction, statements, whole)?;
            transaction.commit()?;
            Ok(first)
        })?;
        let records = self.told(Reads::handoffs()).beginning(first);
        HandoffsReport::try_of(period, records)
    }

    /// The report `errors` of a period, from the marks, calls, events of providers, metrics and restores of
    /// sessions up to now: it takes as long as reading those does.
    ///
    /// # Errors
    /// [`PostgresError`] when the database cannot be read.
    ///
    /// ```no_run
    /// use agent_telemetry::{Period, PostgresStore};
    ///
    /// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
    /// println!("{}", store.errors_report(Period::ALL)?);
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    pub fn errors_report(&mut self, period: Period) -> Result<ErrorsReport, PostgresError> {
        ErrorsReport::try_of(period, self.told(Reads::errors(period)))
    }

    /// The report `performance` of a period, from the marks, calls and waits of it and of the preceding
    /// period of equal length: it takes as long as reading those does.
    ///
    /// # Errors
    /// [`PostgresError`] when the database cannot be read.
    ///
    /// ```no_run
    /// use agent_telemetry::{Period, PostgresStore};
    ///
    /// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
    /// println!("{}", store.performance_report(Period::ALL)?);
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    pub fn performance_report(
        &mut self,
        period: Period,
    ) -> Result<PerformanceReport, PostgresError> {
        PerformanceReport::try_of(period, self.told(Reads::performance(period)))
    }

    /// The report `quality` of a period, from its metrics, violations, decisions and the marks of sessions:
    /// it takes as long as reading those does.
    ///
    /// # Errors
    /// [`PostgresError`] when the database cannot be read.
    ///
    /// ```no_run
    /// use agent_telemetry::{Period, PostgresStore};
    ///
    /// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
    /// println!("{}", store.quality_report(Period::ALL)?);
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    pub fn quality_report(&mut self, period: Period) -> Result<QualityReport, PostgresError> {
        QualityReport::try_of(period, self.told(Reads::quality(period)))
    }

    /// The sequences of tool calls in a period, from the calls and the marks of sessions: it takes as long as
    /// reading those does.
    ///
    /// # Errors
    /// [`PostgresError`] when the database cannot be read.
    ///
    /// ```no_run
    /// use agent_telemetry::{Period, PostgresStore};
    ///
    /// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
    /// println!("{}", store.tool_sequences_report(Period::ALL)?);
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    pub fn tool_sequences_report(
        &mut self,
        period: Period,
    ) -> Result<ToolSequencesReport, PostgresError> {
        ToolSequencesReport::try_of(period, self.told(Reads::tool_sequences(period)))
    }

    /// The report `suggestions` of a period, from the calls, attempts and marks of sessions: it takes as long
    /// as reading those does.
    ///
    /// # Errors
    /// [`PostgresError`] when the database cannot be read.
    ///
    /// ```no_run
    /// use agent_telemetry::{Period, PostgresStore, SuggestConfig};
    ///
    /// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
    /// println!("{}", store.suggestions_report(Period::ALL, &SuggestConfig::default())?);
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    pub fn suggestions_report(
        &mut self,
        period: Period,
        config: &SuggestConfig,
    ) -> Result<SuggestionsReport, PostgresError> {
        SuggestionsReport::try_of(period, config, self.told(Reads::suggestions(period)))
    }

    /// The report `cost` of a period, over the time that the stored sums cover, without the dearest
    /// sessions: [`dearest_sessions`](Self::dearest_sessions) looks for those.
    ///
    /// # Errors
    /// [`PostgresError`] when the database cannot be read.
    ///
    /// ```no_run
    /// use agent_telemetry::{Period, PostgresStore};
    ///
    /// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
    /// let mut report = store.cost_report(Period::ALL)?;
    /// report.sessions = store.dearest_sessions(report.period, 5)?;
    /// println!("{report}");
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    pub fn cost_report(&mut self, period: Period) -> Result<CostReport, PostgresError> {
        self.ask(|connection| {
            let (client, statements) = connection.client()?;
            // All days are of one moment.
            let mut moment = client
                .build_transaction()
                .isolation_level(IsolationLevel::RepeatableRead)
                .read_only(true)
                .start()?;
            let covered = rolled::kept(&mut moment)?.cover(period);
            let mut texts = Texts::default();
            let mut days = Vec::new();
            for day in covered.days() {
                let sums = rolled::read(&mut moment, statements, &mut texts, day)?;
                // No more of a day than what the report is about.
                let sums = Rollups {
                    agents: sums.agents,
                    models: sums.models,
                    ..Rollups::default()
                };
                days.push((day, sums));
            }
            moment.commit()?;
            Ok(CostReport::of(covered, days))
        })
    }

    /// The sessions with the dearest model calls in a period, at most so many, the dearest first. It takes
    /// as long as reading the calls does. A session with a call of more than nine million dollars is left
    /// out.
    ///
    /// # Errors
    /// [`PostgresError`] when the database cannot be read.
    ///
    /// ```no_run
    /// use agent_telemetry::{Period, PostgresStore};
    ///
    /// let mut store = PostgresStore::connect("host=/run/postgresql dbname=work")?;
    /// for it in store.dearest_sessions(Period::ALL, 5)? {
    ///     println!("{} {}", it.session, it.cost);
    /// }
    /// # Ok::<(), agent_telemetry::PostgresError>(())
    /// ```
    pub fn dearest_sessions(
        &mut self,
        period: Period,
        limit: u32,
    ) -> Result<Vec<SessionSpend>, PostgresError> {
        self.ask(|connection| {
            let (mut transaction, statements) = connection.begin()?;
            let found = dearest(&mut transaction, statements, period, limit)?;
            transaction.commit()?;
            Ok(found)
        })
    }
}

fn first_of_handoffs(
    transaction: &mut Transaction<'_>,
    statements: &mut Statements,
    period: Period,
) -> Result<i64, Fault> {
    let (from, to) = (period.from().unix_nanos(), period.to().unix_nanos());
    if from == i64::MIN {
        return Ok(i64::MIN);
    }
    let select = statements.of(transaction, FIRST_OF_HANDOFFS)?;
    let row = transaction.query_one(&select, &[&from, &to])?;
    let first: Option<i64> = row.try_get(0).map_err(Fault::nonsense)?;
    // Without any there is nothing to read.
    Ok(first.unwrap_or(i64::MAX))
}

/// Sums are of any size here, and come as text.
const DEAREST: &str = "
    SELECT project, session, coalesce(sum(cost_picos), 0)::text,
           count(*) FILTER (WHERE attempts > 0 OR failure IS NOT NULL),
           count(*) FILTER (WHERE cost_picos IS NULL AND NOT ((failure IS NOT NULL OR attempts = 0)
               AND input::numeric + cache_read + cache_write_5m + cache_write_1h + output = 0))
    FROM model_calls WHERE session IS NOT NULL AND at >= $1 AND at < $2
    GROUP BY project, session HAVING max(cost_wide) IS NULL
    ORDER BY coalesce(sum(cost_picos), 0) DESC, session LIMIT $3";

fn dearest(
    transaction: &mut Transaction<'_>,
    statements: &mut Statements,
    period: Period,
    limit: u32,
) -> Result<Vec<SessionSpend>, Fault> {
    let select = statements.of(transaction, DEAREST)?;
    let (from, to) = (period.from().unix_nanos(), period.to().unix_nanos());
    let rows = transaction.query(&select, &[&from, &to, &i64::from(limit)])?;
    let mut names: Vec<i64> = Vec::new();
    for row in &rows {
        for place in [0, 1] {
            let number: Option<i64> = row.try_get(place).map_err(Fault::nonsense)?;
            names.extend(number);
        }
    }
    let mut texts = Texts::default();
    texts.learn(transaction, statements, names)?;
    let spends = rows
        .iter()
        .map(|row| session_spend(Decoder::new(&texts, row, 0)));
    spends.collect()
}

fn session_spend(mut row: Decoder<'_>) -> Result<SessionSpend, Fault> {
    let project = row.maybe_name()?;
    let session = row.id(SessionId::new)?;
    let cost: String = row.cell()?;
    Ok(SessionSpend {
        project: project.map(ProjectId::new).transpose().map_err(nonsense)?,
        session,
        cost: Usd::from_picos(cost.parse().map_err(nonsense)?),
        calls: row.number()?,
        unpriced_calls: row.number()?,
    })
}
