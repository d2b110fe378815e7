//! Summing up rows that are not in the sums: those of an older version of the database, and those that
//! a program of an older version adds.

use rusqlite::Connection;

use super::super::error::Fault;
use super::super::names::Numbers;
use super::super::pages::Pages;
use super::{Sessions, Writer};
use crate::rollup::Minutes;
use crate::{Record, Span};

/// The first number that is not in the sums, and the next to be given to a row.
pub(in super::super) fn progress(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    connection
        .prepare_cached("SELECT r.next, s.next FROM rollup_state r, sequence s")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// How many names have been removed.
pub(in super::super) fn names_removed(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT names_removed FROM rollup_state")?
        .query_row([], |row| row.get(0))
}

/// One page after another, each within a transaction of the caller.
#[derive(Debug)]
pub(in super::super) struct CatchUp(Pages);

impl CatchUp {
    pub(in super::super) fn new(version: i64) -> Self {
        Self(Pages::new(version))
    }

    /// Whether there is nothing left to sum up.
    pub(in super::super) fn is_done(connection: &Connection) -> rusqlite::Result<bool> {
        let (summed, next) = progress(connection)?;
        Ok(summed >= next)
    }

    /// Sums up one page of rows.
    pub(in super::super) fn step(
        &mut self,
        connection: &Connection,
        names: &mut Numbers,
        sessions: &mut Sessions,
        writer: &mut Writer,
    ) -> Result<(), Fault> {
        let (summed, next) = progress(connection)?;
        let range = self.0.range(connection, summed, next.saturating_sub(1))?;
        let Some(range) = range else {
            return set(connection, next);
        };
        let mut sums = Minutes::default();
        let records = self.0.read(connection, range, (i64::MIN, i64::MAX))?;
        let day = newest_day(records.iter().map(|(_, record)| record));
        names.begin(names_removed(connection)?, day);
        for (_, record) in records {
            let standing = sessions.standing(connection, names, &record)?;
            sums.add(&record, &standing);
        }
        writer.add(connection, names, &sums)?;
        set(connection, range.1.saturating_add(1))
    }
}

/// The newest day of some records.
pub(in super::super) fn newest_day<'a>(records: impl Iterator<Item = &'a Record>) -> i64 {
    let days = records.map(|record| Span::Day.start(record.at));
    days.max().unwrap_or(i64::MIN)
}

pub(in super::super) fn set(connection: &Connection, next: i64) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE rollup_state SET next = ?1")?
        .execute([next])?;
    Ok(())
}
