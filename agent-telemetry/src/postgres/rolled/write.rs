//! Adding sums to those in the database, within a transaction that holds the lock of all writers.

use std::collections::BTreeMap;

use postgres::Transaction;
use postgres::types::ToSql;

use super::super::cell::Cell;
use super::super::connection::Statements;
use super::super::decode::Decoder;
use super::super::error::Fault;
use super::super::names::{Numbers, Texts};
use super::{Rolled, column_type};
use crate::rollup::{Minutes, Span};
use crate::{AgentCell, MetricCell, ModelCell, Rollups, ToolCell};

/// What this connection wrote last, for all tables of sums.
#[derive(Debug, Default)]
pub(in super::super) struct Writer {
    agents: Recent<AgentCell>,
    models: Recent<ModelCell>,
    tools: Recent<ToolCell>,
    metrics: Recent<MetricCell>,
}

impl Writer {
    /// Adds what lies in each minute to the sums of that minute, its hour and its day.
    pub(in super::super) fn add(
        &mut self,
        transaction: &mut Transaction<'_>,
        statements: &mut Statements,
        numbers: &mut Numbers,
        minutes: &Minutes,
    ) -> Result<(), Fault> {
        let (hours, days) = (minutes.by(Span::Hour), minutes.by(Span::Day));
        let spans = [
            (Span::Minute, &minutes.0),
            (Span::Hour, &hours),
            (Span::Day, &days),
        ];
        self.agents.add(transaction, statements, numbers, spans)?;
        self.models.add(transaction, statements, numbers, spans)?;
        self.tools.add(transaction, statements, numbers, spans)?;
        self.metrics.add(transaction, statements, numbers, spans)
    }

    /// After a rollback, and when somebody else has written.
    pub(in super::super) fn forget(&mut self) {
        self.agents.0.clear();
        self.models.0.clear();
        self.tools.0.clear();
        self.metrics.0.clear();
    }
}

type Spans<'a> = [(Span, &'a BTreeMap<i64, Rollups>); 3];

/// Most sums of a table in memory.
const RECENT: usize = 2_048;

/// The spans that go on need not be read again.
#[derive(Debug)]
struct Recent<T: Rolled>(BTreeMap<(i64, i64, T::Key), T>);

impl<T: Rolled> Default for Recent<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Rolled> Recent<T> {
    fn add(
        &mut self,
        transaction: &mut Transaction<'_>,
        statements: &mut Statements,
        numbers: &mut Numbers,
        spans: Spans<'_>,
    ) -> Result<(), Fault> {
        let mut added: Vec<(i64, i64, &T::Key, &T)> = Vec::new();
        for (span, starts) in spans {
            for (&start, sums) in starts {
                let sums = T::of(sums).iter();
                added.extend(sums.map(|(key, sum)| (span.seconds(), start, key, sum)));
            }
        }
        if added.is_empty() {
            return Ok(());
        }
        let keys: Vec<Vec<Cell<'_>>> = added.iter().map(|(.., key, _)| T::key_cells(key)).collect();
        numbers.learn(transaction, statements, keys.iter().flatten())?;
        let mut rows = Vec::with_capacity(added.len());
        for ((span, start, ..), key) in added.iter().zip(keys) {
            let mut row = vec![Cell::Int(*span), Cell::Int(*start)];
            for cell in key {
                row.push(match cell.numbered(numbers)? {
                    Cell::Text(text) => Cell::Text(text.into_owned().into()),
                    Cell::Int(number) => Cell::Int(number),
                    other => return Err(Fault::nonsense(format_args!("{other:?} in a key"))),
                });
            }
            rows.push(row);
        }
        self.read(transaction, statements, &added, &rows)?;
        for ((span, start, key, sum), row) in added.into_iter().zip(&mut rows) {
            let all = self.0.entry((span, start, key.clone())).or_default();
            all.absorb(sum);
            all.write(row)?;
        }
        write::<T>(transaction, statements, &rows)?;
        if self.0.len() > RECENT {
            self.0.clear();
        }
        Ok(())
    }

    /// Reads those of the sums to be added to that are stored and not known.
    fn read(
        &mut self,
        transaction: &mut Transaction<'_>,
        statements: &mut Statements,
        added: &[(i64, i64, &T::Key, &T)],
        rows: &[Vec<Cell<'static>>],
    ) -> Result<(), Fault> {
        let (mut slots, mut unknown) = (Vec::new(), Vec::new());
        for ((span, start, key, _), row) in added.iter().zip(rows) {
            let slot = (*span, *start, (*key).clone());
            if !self.0.contains_key(&slot) {
                slots.push(slot);
                unknown.push(row);
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let key = key_columns::<T>();
        let same: Vec<String> = key.iter().map(|it| format!("r.{it} = w.{it}")).collect();
        let values: Vec<String> = T::COUNTS
            .iter()
            .chain(T::OTHERS)
            .map(|it| format!("r.{it}"))
            .collect();
        let select = statements.of(
            transaction,
            &format!(
                "SELECT w.place, {} FROM unnest({}) WITH ORDINALITY AS w({}, place)
                 JOIN {} r ON {}",
                values.join(", "),
                arrays(&key),
                key.join(", "),
                T::TABLE,
                same.join(" AND ")
            ),
        )?;
        let texts = Texts::default();
        let columns = columns(key.len(), unknown.into_iter());
        for row in transaction.query(&select, &parameters(&columns))? {
            let mut decoder = Decoder::new(&texts, &row, 0);
            let place: i64 = decoder.cell()?;
            let place = usize::try_from(place).unwrap_or(0).checked_sub(1);
            let slot = place.and_then(|place| slots.get(place));
            let slot = slot.ok_or_else(|| Fault::nonsense("an answer without a question"))?;
            self.0.insert(slot.clone(), T::read(&mut decoder)?);
        }
        Ok(())
    }
}

fn write<T: Rolled>(
    transaction: &mut Transaction<'_>,
    statements: &mut Statements,
    rows: &[Vec<Cell<'static>>],
) -> Result<(), Fault> {
    let key = key_columns::<T>();
    let values: Vec<&str> = [T::COUNTS, T::OTHERS].concat();
    let all: Vec<&str> = key.iter().chain(&values).copied().collect();
    let set: Vec<String> = values
        .iter()
        .map(|it| format!("{it} = excluded.{it}"))
        .collect();
    let insert = statements.of(
        transaction,
        &format!(
            "INSERT INTO {} ({}) SELECT * FROM unnest({}) ON CONFLICT ({}) DO UPDATE SET {}",
            T::TABLE,
            all.join(", "),
            arrays(&all),
            key.join(", "),
            set.join(", ")
        ),
    )?;
    let columns = columns(all.len(), rows.iter());
    transaction.execute(&insert, &parameters(&columns))?;
    Ok(())
}

fn key_columns<T: Rolled>() -> Vec<&'static str> {
    ["span", "start"].iter().chain(T::KEY).copied().collect()
}

fn arrays(columns: &[&str]) -> String {
    let arrays: Vec<String> = (1..)
        .zip(columns)
        .map(|(n, column)| format!("${n}::{}[]", column_type(column)))
        .collect();
    arrays.join(", ")
}

/// Rows turned on their side.
fn columns<'r>(
    width: usize,
    rows: impl Iterator<Item = &'r Vec<Cell<'static>>>,
) -> Vec<Vec<&'r Cell<'static>>> {
    let mut columns = vec![Vec::new(); width];
    for row in rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            column.push(cell);
        }
    }
    columns
}

fn parameters<'c>(columns: &'c [Vec<&Cell<'static>>]) -> Vec<&'c (dyn ToSql + Sync)> {
    let parameter = |column: &'c Vec<&Cell<'static>>| column as &(dyn ToSql + Sync);
    columns.iter().map(parameter).collect()
}
