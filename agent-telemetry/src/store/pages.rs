//! Records by ranges of their numbers, whichever tables they lie in.

use rusqlite::{Connection, Row};

use super::decode::Decoder;
use super::error::Fault;
use super::names::Texts;
use super::tables::Table;
use crate::Record;

/// Numbers of `seq` that are read at a time, and so the most records in memory.
const PAGE: i64 = 4_096;

/// Reads the records of a database page by page.
#[derive(Debug)]
pub(super) struct Pages {
    selects: Vec<(Table, String)>,
    first_seq: String,
    last_seq: String,
    texts: Texts,
}

impl Pages {
    pub(super) fn new(version: i64) -> Self {
        Self::of_tables(version, &Table::ALL)
    }

    /// Only the records of these tables.
    pub(super) fn of_tables(version: i64, tables: &[Table]) -> Self {
        Self {
            selects: Table::of_version(version)
                .filter(|table| tables.contains(table))
                .map(|table| (table, table.select(version)))
                .collect(),
            first_seq: Table::first_seq(version),
            last_seq: Table::last_seq(version),
            texts: Texts::default(),
        }
    }

    /// The last number in use. Asked of the rows, since the table `sequence` may say anything.
    pub(super) fn last(&self, connection: &Connection) -> rusqlite::Result<Option<i64>> {
        let number = |row: &Row<'_>| row.get(0);
        connection.query_row(&self.last_seq, [], number)
    }

    /// First and last number of the next page from `next` up to `end`, beginning at a row: a gap in the
    /// numbers, however wide, costs one query. `None` when there is no row left.
    pub(super) fn range(
        &self,
        connection: &Connection,
        next: i64,
        end: i64,
    ) -> rusqlite::Result<Option<(i64, i64)>> {
        let first = connection
            .prepare_cached(&self.first_seq)?
            .query_row([next], |row| row.get::<_, Option<i64>>(0))?;
        Ok(first
            .filter(|first| *first <= end)
            .map(|first| (first, first.saturating_add(PAGE - 1).min(end))))
    }

    /// The records of a range of numbers within a range of times, all bounds included, in order.
    pub(super) fn read(
        &mut self,
        connection: &Connection,
        numbers: (i64, i64),
        times: (i64, i64),
    ) -> Result<Vec<(i64, Record)>, Fault> {
        let mut found = Vec::new();
        for (table, select) in &self.selects {
            let mut statement = connection.prepare_cached(select)?;
            let mut rows = statement.query((numbers.0, numbers.1, times.0, times.1))?;
            while let Some(row) = rows.next()? {
                found.push(Decoder::new(connection, &mut self.texts, row).record(*table)?);
            }
        }
        found.sort_by_key(|(seq, _)| *seq);
        Ok(found)
    }
}
