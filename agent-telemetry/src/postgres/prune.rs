//! Removing what is older than the retention allows, in small steps.

use agent_primitives::Timestamp;
use postgres::{GenericClient, Transaction};

use super::batch::Turn;
use super::connection::{Connection, Statements};
use super::error::Fault;
use super::{marks, pages, rolled};
use crate::Span;
use crate::store::{Cutoffs, Pruned, Table};

/// Most sums of one table and span, and most sessions, in one step.
const STEP: i64 = 4_096;

/// So long a sink may wait for an answer to a commit and still learn of it, in seconds.
const WRITERS: i64 = 30 * 86_400;

/// Where the removal of one day stands. Lost with the process: then it begins again.
#[derive(Debug)]
pub(super) struct Pruning {
    cutoffs: Cutoffs,
    /// Where the next step begins, in `seq` and in numbers of session names; `None` when done.
    next_record: Option<i64>,
    next_session: Option<i64>,
    /// The first `seq` that is not looked at: what came later is for the next day.
    end: Option<i64>,
    sums_done: bool,
    pub(super) total: Pruned,
}

/// The newest minute that has a record.
pub(super) fn newest(client: &mut impl GenericClient) -> Result<Option<i64>, Fault> {
    let query = "SELECT max(start) FROM rollup_agents WHERE span = 60";
    Ok(client.query_one(query, &[])?.try_get(0)?)
}

/// The day of the last removal.
pub(super) fn pruned(client: &mut impl GenericClient) -> Result<Option<i64>, Fault> {
    let query = "SELECT pruned FROM rollup_state";
    Ok(client.query_one(query, &[])?.try_get(0)?)
}

impl Pruning {
    pub(super) fn new(cutoffs: Cutoffs) -> Self {
        Self {
            cutoffs,
            next_record: Some(i64::MIN),
            next_session: Some(1),
            end: None,
            sums_done: false,
            total: Pruned::default(),
        }
    }

    /// One transaction, after which no more than a page of records and so many sums are gone. Says
    /// what it removed, and whether that was the last step.
    pub(super) fn step(
        &mut self,
        connection: &mut Connection,
        now: Timestamp,
    ) -> Result<Pruned, Fault> {
        let (mut transaction, statements) = connection.begin()?;
        let turn = Turn::take(&mut transaction, statements, 0)?;
        // Taken over only once the transaction is committed.
        let (mut next_record, mut next_session) = (self.next_record, self.next_session);
        let mut gone = Pruned::default();
        let end = *self.end.get_or_insert(turn.first);
        (gone.sums, gone.done) = if self.sums_done {
            (0, true)
        } else {
            sums(&mut transaction, &self.cutoffs)?
        };
        let sums_done = gone.done;
        gone.records = self.records(&mut transaction, statements, &mut next_record, end)?;
        gone.sessions = self.sessions(&mut transaction, &mut next_session)?;
        gone.done &= next_record.is_none() && next_session.is_none();
        let (old_marks, is_last) =
            marks::remove_older(&mut transaction, self.cutoffs.marks_nanos())?;
        gone.marks = old_marks;
        gone.done &= is_last;
        if gone.done {
            let silent = now.unix_seconds().saturating_sub(WRITERS);
            transaction.execute("DELETE FROM writers WHERE last < $1", &[&silent])?;
            transaction.execute(
                "UPDATE rollup_state SET pruned = $1",
                &[&self.cutoffs.today],
            )?;
        }
        transaction.commit()?;
        (self.next_record, self.next_session) = (next_record, next_session);
        self.sums_done = sums_done;
        self.total = Pruned {
            records: self.total.records.saturating_add(gone.records),
            sums: self.total.sums.saturating_add(gone.sums),
            sessions: self.total.sessions.saturating_add(gone.sessions),
            // They stay.
            names: 0,
            marks: self.total.marks.saturating_add(gone.marks),
            done: gone.done,
        };
        Ok(gone)
    }

    fn records(
        &self,
        transaction: &mut Transaction<'_>,
        statements: &mut Statements,
        next: &mut Option<i64>,
        end: i64,
    ) -> Result<u64, Fault> {
        let (Some(first), Some(cutoff)) = (*next, self.cutoffs.records_nanos()) else {
            *next = None;
            return Ok(0);
        };
        let range = pages::range(transaction, statements, first, end.saturating_sub(1))?;
        let Some((first, last)) = range else {
            *next = None;
            return Ok(0);
        };
        let mut gone = 0;
        for table in Table::ALL {
            let name = table.name();
            let delete = format!("DELETE FROM {name} WHERE seq BETWEEN $1 AND $2 AND at < $3");
            let delete = statements.of(transaction, &delete)?;
            gone += transaction.execute(&delete, &[&first, &last, &cutoff])?;
        }
        if gone > 0 {
            since(transaction, "rows_since", self.cutoffs.records)?;
        }
        *next = last.checked_add(1);
        Ok(gone)
    }

    fn sessions(
        &self,
        transaction: &mut Transaction<'_>,
        next: &mut Option<i64>,
    ) -> Result<u64, Fault> {
        let (Some(first), Some(cutoff)) = (*next, self.cutoffs.days()) else {
            *next = None;
            return Ok(0);
        };
        // Numbers are those of names, most of which are no sessions.
        let found = transaction.query_one(
            "SELECT min(session) FROM session_tasks WHERE session >= $1",
            &[&first],
        )?;
        let Some(first) = found.try_get::<_, Option<i64>>(0)? else {
            *next = None;
            return Ok(0);
        };
        let end = first.saturating_add(STEP);
        *next = Some(end);
        let gone = transaction.execute(
            "DELETE FROM session_tasks WHERE session >= $1 AND session < $2 AND began < $3",
            &[&first, &end, &cutoff],
        )?;
        Ok(gone)
    }
}

/// How many sums went, and whether there are none left that may.
fn sums(transaction: &mut Transaction<'_>, cutoffs: &Cutoffs) -> Result<(u64, bool), Fault> {
    let (mut gone, mut done) = (0, true);
    for (span, cutoff) in cutoffs.sums {
        let Some(cutoff) = cutoff else { continue };
        let before = gone;
        for table in rolled::TABLES {
            let end = transaction.query_opt(
                &format!(
                    "SELECT start FROM {table} WHERE span = $1 AND start < $2
                     ORDER BY start LIMIT 1 OFFSET {STEP}"
                ),
                &[&span.seconds(), &cutoff],
            )?;
            let end: Option<i64> = end.map(|row| row.try_get(0)).transpose()?;
            // All of one start go together.
            let end = end.map_or(cutoff, |end| end.saturating_add(1));
            done &= end >= cutoff;
            gone += transaction.execute(
                &format!("DELETE FROM {table} WHERE span = $1 AND start < $2"),
                &[&span.seconds(), &end],
            )?;
        }
        if gone > before {
            let column = match span {
                Span::Minute => "minutes_since",
                Span::Hour => "hours_since",
                Span::Day => "days_since",
            };
            since(transaction, column, Some(cutoff))?;
        }
    }
    Ok((gone, done))
}

/// A later retention that keeps more does not bring back what is gone.
fn since(
    transaction: &mut Transaction<'_>,
    column: &str,
    cutoff: Option<i64>,
) -> Result<(), Fault> {
    let update = format!("UPDATE rollup_state SET {column} = greatest({column}, $1)");
    transaction.execute(&update, &[&cutoff])?;
    Ok(())
}
