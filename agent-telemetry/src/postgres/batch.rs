//! A database open for writing: one transaction a batch, with the sums of the batch in it.

use std::collections::BTreeMap;
use std::io::Write as _;

use agent_primitives::Timestamp;
use postgres::Transaction;

use super::cell::{Cell, CopyRows};
use super::config::Target;
use super::connection::{Access, Connection, Statements};
use super::encode::{push_row, table_of};
use super::error::Fault;
use super::names::Numbers;
use super::prune::{self, Pruning};
use super::sessions::Sessions;
use super::{marks, rolled, schema};
use crate::record::MARKS;
use crate::rollup::Minutes;
use crate::store::{Cutoffs, Pruned, Retention, Table};
use crate::{Mark, Record, UserKey};

/// What is handed to the server at a time.
const PIECE: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    names: Numbers,
    sessions: Sessions,
    rollups: rolled::Writer,
    /// The number of the last change of the database, where this connection made it: then all that it
    /// remembers still holds.
    changes: Option<i64>,
    /// The removal that is under way.
    pruning: Option<Pruning>,
    /// The day that a removal last counted from, as far as is known.
    pruned: Option<i64>,
    /// The minute of the newest record of this process.
    newest: Option<i64>,
    /// No fewer marks than there are, as far as this process knows; `None` before it has written any.
    marks: Option<usize>,
}

/// Why a batch was not stored, as far as is known.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) fault: Fault,
    /// The commit was asked for and not answered: it may have been done.
    pub(super) in_doubt: bool,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            in_doubt: false,
        }
    }
}

impl From<postgres::Error> for Refusal {
    fn from(error: postgres::Error) -> Self {
        Fault::from(error).into()
    }
}

/// One turn of writing: the numbers from `first` on belong to it, and nobody else writes until its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) first: i64,
    pub(super) changes: i64,
}

impl Turn {
    /// The first thing that every writer does in every transaction. So no two of them wait for each
    /// other, numbers are in the order of commits, and what one reads no other one changes.
    pub(super) fn take(
        transaction: &mut Transaction<'_>,
        statements: &mut Statements,
        records: i64,
    ) -> Result<Self, Fault> {
        let update = statements.of(
            transaction,
            "UPDATE sequence SET next = next + $1, changes = changes + 1
             RETURNING next - $1, changes",
        )?;
        let row = transaction.query_one(&update, &[&records])?;
        Ok(Self {
            first: row.try_get(0)?,
            changes: row.try_get(1)?,
        })
    }
}

/// What a sink has stored in all, and under which name the database counts it.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) writer: String,
    pub(super) stored: i64,
    /// A batch whose commit was asked for and not answered.
    pub(super) in_doubt: Vec<Record>,
}

impl Account {
    /// How many records of a batch the database has already, by what it counted for this sink. They stay
    /// in doubt until that is acknowledged.
    fn done(&mut self, counted: i64, batch: &[Record]) -> usize {
        // Less than was acknowledged is a database that was set back; there is nothing to be done.
        let surplus = usize::try_from(counted.saturating_sub(self.stored)).unwrap_or(0);
        let is_stored = |stored| batch.starts_with(stored);
        if surplus > 0 && self.in_doubt.get(..surplus).is_some_and(is_stored) {
            return surplus;
        }
        // Nothing of the batch, whatever it was that was in doubt.
        self.stored = counted;
        self.in_doubt.clear();
        0
    }
}

impl Database {
    pub(super) fn open(target: &Target) -> Result<Self, Fault> {
        let mut connection = Connection::open(target, Access::Write)?;
        schema::migrate(&mut connection, target)?;
        Ok(Self {
            connection,
            names: Numbers::default(),
            sessions: Sessions::default(),
            rollups: rolled::Writer::default(),
            changes: None,
            pruning: None,
            pruned: None,
            newest: None,
            marks: None,
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// Stores a batch in one transaction, or what of it is not stored already.
    pub(super) fn store(
        &mut self,
        batch: &[Record],
        account: &mut Account,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let (mut transaction, statements) = self.connection.begin()?;
        let records = i64::try_from(batch.len()).map_err(Fault::nonsense)?;
        let turn = Turn::take(&mut transaction, statements, records)?;
        let (mut left, mut counted) = (batch, account.stored);
        if self.changes.is_none() {
            // Once for a connection: until it breaks, every commit is answered.
            let select = "SELECT records FROM writers WHERE writer = $1";
            let row = transaction.query_opt(select, &[&account.writer])?;
            counted = row.map_or(Ok(0), |row| row.try_get(0))?;
            left = batch.get(account.done(counted, batch)..).unwrap_or(&[]);
        }
        if self.changes != Some(turn.changes - 1) {
            self.sessions.forget();
            self.rollups.forget();
        }
        // Set once it is committed.
        self.changes = None;
        let mut writing = Writing {
            transaction: &mut transaction,
            statements,
            names: &mut self.names,
        };
        let newest = writing.store(left, turn, &mut self.sessions, &mut self.rollups)?;
        let written = marks::write(&mut transaction, statements, left, now)?;
        let marks = match self.marks {
            _ if written == 0 => self.marks,
            Some(marks) => Some(marks.saturating_add(written)),
            None => Some(marks::count(&mut transaction)?),
        };
        let added = i64::try_from(left.len()).map_err(Fault::nonsense)?;
        let stored = counted.saturating_add(added);
        let next = turn.first.saturating_add(records);
        let finish = statements.of(
            &mut transaction,
            "WITH summed AS (UPDATE rollup_state SET next = $1)
             INSERT INTO writers (writer, records, last) VALUES ($2, $3, $4)
             ON CONFLICT (writer) DO UPDATE SET records = excluded.records, last = excluded.last",
        )?;
        transaction.execute(
            &finish,
            &[&next, &account.writer, &stored, &now.unix_seconds()],
        )?;
        transaction.commit().map_err(|error| Refusal {
            fault: error.into(),
            in_doubt: true,
        })?;
        account.stored = stored;
        account.in_doubt.clear();
        self.changes = Some(turn.changes);
        self.marks = marks;
        self.newest = self.newest.max(newest);
        Ok(())
    }

    /// What is remembered of the database, which may be otherwise by now.
    pub(super) fn forget(&mut self) {
        self.names.forget();
        self.sessions.forget();
        self.rollups.forget();
        self.changes = None;
    }

    pub(super) fn prune(&mut self, retention: &Retention, now: Timestamp) -> Result<Pruned, Fault> {
        self.pruning = None;
        let (client, _) = self.connection.client()?;
        let Some(newest) = prune::newest(client)? else {
            return Ok(Pruned::default());
        };
        let mut pruning = Pruning::new(cutoffs(retention, newest, now));
        while !pruning.step(&mut self.connection, now)?.done {}
        Ok(pruning.total)
    }

    /// Where a new day has begun since the last removal, or one is under way, the next step of it. Says how many
    /// marks went.
    pub(super) fn prune_a_step(
        &mut self,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<u64, Fault> {
        let surplus = self.remove_surplus_marks()?;
        let Some(mut pruning) = self.due(retention, now)? else {
            return Ok(surplus);
        };
        let step = pruning.step(&mut self.connection, now);
        if !matches!(step, Ok(Pruned { done: true, .. })) {
            self.pruning = Some(pruning);
        }
        step.map(|step| step.marks.saturating_add(surplus))
    }

    /// Where there may be more by so many that looking is worth while.
    fn remove_surplus_marks(&mut self) -> Result<u64, Fault> {
        const WORTH: usize = 4_096;
        if self.marks.is_none_or(|marks| marks < MARKS + WORTH) {
            return Ok(0);
        }
        let (mut transaction, statements) = self.connection.begin()?;
        Turn::take(&mut transaction, statements, 0)?;
        let gone = marks::remove_surplus(&mut transaction)?;
        let left = marks::count(&mut transaction)?;
        transaction.commit()?;
        self.marks = Some(left);
        Ok(gone)
    }

    pub(super) fn marks(&mut self) -> Result<Vec<Mark>, Fault> {
        let (client, _) = self.connection.client()?;
        marks::read(client)
    }

    fn due(&mut self, retention: &Retention, now: Timestamp) -> Result<Option<Pruning>, Fault> {
        let (None, Some(newest)) = (&self.pruning, self.newest) else {
            return Ok(self.pruning.take());
        };
        let cutoffs = cutoffs(retention, newest, now);
        if *retention == Retention::FOREVER || self.pruned >= Some(cutoffs.today) {
            return Ok(None);
        }
        // Asked once a day, as another process may have done it.
        let (client, _) = self.connection.client()?;
        let stored = prune::pruned(client)?;
        self.pruned = stored.max(Some(cutoffs.today));
        Ok((stored < Some(cutoffs.today)).then(|| Pruning::new(cutoffs)))
    }

    /// The key that the database keeps, made when it is first asked for.
    pub(super) fn user_key(&mut self) -> Result<UserKey, Fault> {
        let (client, _) = self.connection.client()?;
        let select = "SELECT key FROM store_key";
        let kept = if let Some(row) = client.query_opt(select, &[])? {
            row
        } else {
            // Of two processes that make one up at once, the second waits and then has the other's.
            let insert = "INSERT INTO store_key VALUES ($1) ON CONFLICT DO NOTHING";
            client.execute(insert, &[&UserKey::random().to_bytes().to_vec()])?;
            client.query_one(select, &[])?
        };
        let bytes: Vec<u8> = kept.try_get(0)?;
        let bytes = bytes.try_into().map_err(|bytes: Vec<u8>| {
            Fault::Nonsense(format!("a store key of {} bytes", bytes.len()))
        })?;
        Ok(UserKey::from_bytes(bytes))
    }
}

/// Counted from the newest record, or from the clock where that comes from the future.
fn cutoffs(retention: &Retention, newest: i64, now: Timestamp) -> Cutoffs {
    retention.cutoffs(newest.min(now.unix_seconds()))
}

/// A batch within its transaction.
struct Writing<'a, 't> {
    transaction: &'a mut Transaction<'t>,
    statements: &'a mut Statements,
    names: &'a mut Numbers,
}

impl Writing<'_, '_> {
    /// Gives the minute of the newest record.
    fn store(
        &mut self,
        batch: &[Record],
        turn: Turn,
        sessions: &mut Sessions,
        rollups: &mut rolled::Writer,
    ) -> Result<Option<i64>, Fault> {
        let mut rows: BTreeMap<Table, Vec<Cell<'_>>> = BTreeMap::new();
        for (seq, record) in (turn.first..).zip(batch) {
            push_row(rows.entry(table_of(&record.body)).or_default(), seq, record)?;
        }
        self.names.begin();
        let cells = rows.values().flatten();
        self.names.learn(self.transaction, self.statements, cells)?;
        sessions.look_up(self.transaction, self.statements, self.names, batch)?;
        let mut sums = Minutes::default();
        for record in batch {
            let standing = sessions.standing(record);
            sums.add(record, &standing);
        }
        sessions.write(self.transaction, self.statements, self.names)?;
        for (table, cells) in &rows {
            self.copy(*table, cells)?;
        }
        rollups.add(self.transaction, self.statements, self.names, &sums)?;
        Ok(sums.0.keys().last().copied())
    }

    fn copy(&mut self, table: Table, cells: &[Cell<'_>]) -> Result<(), Fault> {
        let columns: Vec<String> = ["seq", "at", "session", "agent", "project"]
            .into_iter()
            .chain(table.columns())
            .map(super::connection::quoted)
            .collect();
        let rows = CopyRows::of(cells, columns.len(), self.names)?;
        let copy = format!(
            "COPY {} ({}) FROM STDIN BINARY",
            table.name(),
            columns.join(", ")
        );
        let copy = self.statements.of(self.transaction, &copy)?;
        let mut writer = self.transaction.copy_in(&copy)?;
        for piece in rows.as_bytes().chunks(PIECE) {
            writer.write_all(piece).map_err(Fault::copy)?;
        }
        writer.finish()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use agent_primitives::Timestamp;

    use super::*;
    use crate::Metric;

    fn batch(numbers: std::ops::Range<u32>) -> Vec<Record> {
        numbers
            .map(|it| Record::new(Timestamp::UNIX_EPOCH, Metric::count("number", it)))
            .collect()
    }

    fn account(stored: i64, in_doubt: Vec<Record>) -> Account {
        Account {
            writer: "w".to_owned(),
            stored,
            in_doubt,
        }
    }

    #[test]
    fn records_that_were_committed_without_an_answer_are_done() {
        let mut it = account(10, batch(0..3));
        assert_eq!(it.done(13, &batch(0..3)), 3);
        assert_eq!(it.done(13, &batch(0..5)), 3, "until it is acknowledged");
        // The second attempt, with more records, was not answered either.
        let mut it = account(10, batch(0..5));
        assert_eq!(it.done(13, &batch(0..5)), 3);
        assert_eq!(it.done(15, &batch(0..5)), 5);
    }

    #[test]
    fn records_that_were_not_committed_are_not_done() {
        let mut it = account(10, batch(0..3));
        assert_eq!((it.done(10, &batch(0..3)), it.stored), (0, 10));
        // The host gave up on that batch and offers another one.
        let mut it = account(10, batch(0..3));
        assert_eq!((it.done(13, &batch(5..8)), it.stored), (0, 13));
        assert_eq!(it.done(13, &batch(0..3)), 0);
        // A database that was set back.
        let mut it = account(10, batch(0..3));
        assert_eq!((it.done(4, &batch(0..3)), it.stored), (0, 4));
        let mut it = account(0, Vec::new());
        assert_eq!((it.done(0, &batch(0..3)), it.stored), (0, 0));
    }
}
