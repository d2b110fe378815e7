//! Records by ranges of their numbers, whichever tables they lie in.

use postgres::{Client, GenericClient};

use super::connection::{Statements, quoted};
use super::decode::{Decoder, name_places};
use super::error::Fault;
use super::names::Texts;
use crate::Record;
use crate::store::Table;

/// Numbers of `seq` that are read at a time, and so the most records in memory.
const PAGE: i64 = 4_096;

/// A table, how its rows are asked for, and which of their cells hold numbers of names.
#[derive(Debug)]
struct Source {
    table: Table,
    select: String,
    names: Vec<usize>,
}

/// Reads the records of a database page by page.
#[derive(Debug)]
pub(super) struct Pages {
    sources: Vec<Source>,
    texts: Texts,
}

/// The last number in use.
pub(super) fn last(client: &mut impl GenericClient) -> Result<Option<i64>, Fault> {
    let query = of_all("max", "");
    Ok(client.query_one(&query, &[])?.try_get(0)?)
}

/// First and last number of the next page from `next` up to `end`, beginning at a row: a gap in the
/// numbers, however wide, costs one query. `None` when there is no row left.
pub(super) fn range(
    client: &mut impl GenericClient,
    statements: &mut Statements,
    next: i64,
    end: i64,
) -> Result<Option<(i64, i64)>, Fault> {
    let first = statements.of(client, &of_all("min", "WHERE seq >= $1"))?;
    let first: Option<i64> = client.query_one(&first, &[&next])?.try_get(0)?;
    Ok(first
        .filter(|first| *first <= end)
        .map(|first| (first, first.saturating_add(PAGE - 1).min(end))))
}

fn of_all(which: &str, condition: &str) -> String {
    let tables = Table::ALL.map(|table| {
        format!(
            "SELECT {which}(seq) AS seq FROM {} {condition}",
            table.name()
        )
    });
    format!(
        "SELECT {which}(seq) FROM ({}) AS t",
        tables.join(" UNION ALL ")
    )
}

impl Pages {
    /// The records of these tables.
    pub(super) fn of_tables(tables: &[Table]) -> Self {
        let source = |table: Table| {
            let columns: Vec<String> = ["seq", "at", "session", "agent", "project"]
                .into_iter()
                .chain(table.columns())
                .map(quoted)
                .collect();
            Source {
                table,
                select: format!(
                    "SELECT {} FROM {} WHERE seq BETWEEN $1 AND $2 AND at BETWEEN $3 AND $4",
                    columns.join(", "),
                    table.name()
                ),
                names: name_places(table),
            }
        };
        Self {
            sources: tables.iter().copied().map(source).collect(),
            texts: Texts::default(),
        }
    }

    /// The records of a range of numbers within a range of times, all bounds included, in order.
    pub(super) fn read(
        &mut self,
        client: &mut Client,
        statements: &mut Statements,
        numbers: (i64, i64),
        times: (i64, i64),
    ) -> Result<Vec<Record>, Fault> {
        let mut found = Vec::new();
        for source in &self.sources {
            let select = statements.of(client, &source.select)?;
            let rows = client.query(&select, &[&numbers.0, &numbers.1, &times.0, &times.1])?;
            let mut names = Vec::with_capacity(rows.len() * source.names.len());
            for row in &rows {
                for place in &source.names {
                    let number: Option<i64> = row.try_get(*place).map_err(Fault::nonsense)?;
                    names.extend(number);
                }
            }
            self.texts.learn(client, statements, names)?;
            for row in &rows {
                found.push(Decoder::new(&self.texts, row, 0).record(source.table)?);
            }
        }
        found.sort_by_key(|(seq, _)| *seq);
        Ok(found.into_iter().map(|(_, record)| record).collect())
    }
}
