//! Removing what is older than the retention allows, in small steps.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::error::Fault;
use super::pages::Pages;
use super::retention::{Cutoffs, Pruned};
use super::tables::Table;
use super::unused::remove_names;
use super::{marks, rolled, schema};
use crate::Span;

/// Most sums of one table and span, and most sessions, in one step.
pub(super) const STEP: i64 = 4_096;

/// Where the removal of one day stands. Lost with the process: then it begins again.
#[derive(Debug)]
pub(super) struct Pruning {
    cutoffs: Cutoffs,
    pages: Pages,
    /// Where the next step begins, in `seq` and in numbers of session names; `None` when done.
    next_record: Option<i64>,
    next_session: Option<i64>,
    /// In numbers of names, once all else is done.
    next_name: Option<i64>,
    /// The first `seq` that is not looked at: what is not in the sums stays, and what came later is for
    /// the next day.
    end: Option<i64>,
    sums_done: bool,
    pub(super) total: Pruned,
}

/// The newest minute that has a record.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT max(start) FROM rollup_agents WHERE span = 60")?
        .query_row([], |row| row.get(0))
}

/// The day of the last removal.
pub(super) fn pruned(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT pruned FROM rollup_state")?
        .query_row([], |row| row.get(0))
}

/// Notes that a day needs no removal any more.
pub(super) fn set_pruned(connection: &Connection, today: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE rollup_state SET pruned = ?1")?
        .execute([today])?;
    Ok(())
}

impl Pruning {
    pub(super) fn new(cutoffs: Cutoffs) -> Self {
        Self {
            cutoffs,
            pages: Pages::new(schema::KNOWN),
            next_record: Some(i64::MIN),
            next_session: Some(1),
            next_name: Some(1),
            end: None,
            sums_done: false,
            total: Pruned::default(),
        }
    }

    /// One transaction, after which no more than a page of records and so many sums are gone. Says
    /// what it removed, and whether that was the last step.
    pub(super) fn step(&mut self, connection: &mut Connection) -> Result<Pruned, Fault> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Taken over only once the transaction is committed.
        let (mut next_record, mut next_session) = (self.next_record, self.next_session);
        let mut gone = Pruned::default();
        let mut end = match self.end {
            Some(end) => end,
            None => rolled::progress(&transaction)?.0,
        };
        (gone.sums, gone.done) = if self.sums_done {
            (0, true)
        } else {
            sums(&transaction, &self.cutoffs)?
        };
        let sums_done = gone.done;
        gone.records = self.records(&transaction, &mut next_record, end)?;
        gone.sessions = self.sessions(&transaction, &mut next_session)?;
        gone.done &= next_record.is_none() && next_session.is_none();
        let (old_marks, is_last) = marks::remove_older(&transaction, self.cutoffs.marks_nanos())?;
        gone.marks = old_marks;
        gone.done &= is_last;
        let mut next_name = self.next_name;
        // Once all that refers to them is gone.
        if gone.done && self.sums_done {
            gone.names = remove_names(&transaction, &self.cutoffs, &mut end, &mut next_name)?;
        }
        gone.done &= next_name.is_none();
        if gone.done {
            set_pruned(&transaction, self.cutoffs.today)?;
        }
        transaction.commit()?;
        (self.next_record, self.next_session) = (next_record, next_session);
        (self.next_name, self.end) = (next_name, Some(end));
        self.sums_done = sums_done;
        self.total = Pruned {
            records: self.total.records.saturating_add(gone.records),
            sums: self.total.sums.saturating_add(gone.sums),
            sessions: self.total.sessions.saturating_add(gone.sessions),
            names: self.total.names.saturating_add(gone.names),
            marks: self.total.marks.saturating_add(gone.marks),
            done: gone.done,
        };
        Ok(gone)
    }

    fn records(
        &self,
        connection: &Connection,
        next: &mut Option<i64>,
        end: i64,
    ) -> Result<u64, Fault> {
        let (Some(first), Some(cutoff)) = (*next, self.cutoffs.records_nanos()) else {
            *next = None;
            return Ok(0);
        };
        let range = self.pages.range(connection, first, end.saturating_sub(1))?;
        let Some((first, last)) = range else {
            *next = None;
            return Ok(0);
        };
        let mut gone = 0;
        for table in Table::ALL {
            gone += connection
                .prepare_cached(&table.delete())?
                .execute((first, last, cutoff))? as u64;
        }
        if gone > 0 {
            since(connection, "rows_since", self.cutoffs.records)?;
        }
        *next = last.checked_add(1);
        Ok(gone)
    }

    fn sessions(&self, connection: &Connection, next: &mut Option<i64>) -> Result<u64, Fault> {
        let (Some(first), Some(cutoff)) = (*next, self.cutoffs.days()) else {
            *next = None;
            return Ok(0);
        };
        // Numbers are those of names, most of which are no sessions.
        let found: Option<i64> = connection
            .prepare_cached("SELECT min(session) FROM session_tasks WHERE session >= ?1")?
            .query_row([first], |row| row.get(0))?;
        let Some(first) = found else {
            *next = None;
            return Ok(0);
        };
        let end = first.saturating_add(STEP);
        *next = Some(end);
        let gone = connection
            .prepare_cached(
                "DELETE FROM session_tasks WHERE session >= ?1 AND session < ?2 AND began < ?3",
            )?
            .execute((first, end, cutoff))?;
        Ok(gone as u64)
    }
}

/// How many sums went, and whether there are none left that may.
fn sums(connection: &Connection, cutoffs: &Cutoffs) -> Result<(u64, bool), Fault> {
    let (mut gone, mut done) = (0, true);
    for (span, cutoff) in cutoffs.sums {
        let Some(cutoff) = cutoff else { continue };
        let before = gone;
        for table in rolled::TABLES {
            let end: Option<i64> = connection
                .prepare_cached(&format!(
                    "SELECT start FROM {table} WHERE span = ?1 AND start < ?2
                     ORDER BY start LIMIT 1 OFFSET {STEP}"
                ))?
                .query_row((span.seconds(), cutoff), |row| row.get(0))
                .optional()?;
            // All of one start go together.
            let end = end.map_or(cutoff, |end| end.saturating_add(1));
            done &= end >= cutoff;
            gone += connection
                .prepare_cached(&format!(
                    "DELETE FROM {table} WHERE span = ?1 AND start < ?2"
                ))?
                .execute((span.seconds(), end))? as u64;
        }
        if gone > before {
            let column = match span {
                Span::Minute => "minutes_since",
                Span::Hour => "hours_since",
                Span::Day => "days_since",
            };
            since(connection, column, Some(cutoff))?;
        }
    }
    Ok((gone, done))
}

/// A later retention that keeps more does not bring back what is gone.
fn since(connection: &Connection, column: &str, cutoff: Option<i64>) -> rusqlite::Result<()> {
    connection
        .prepare_cached(&format!(
            "UPDATE rollup_state SET {column} = max(ifnull({column}, ?1), ?1)"
        ))?
        .execute([cutoff])?;
    Ok(())
}
