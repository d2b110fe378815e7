//! An open database: one transaction a batch, with the sums of the batch in it.

use std::path::Path;
use std::time::Duration;

use agent_primitives::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use super::error::Fault;
use super::file::{FileIdentity, create_private, keep_plans};
use super::names::Numbers;
use super::prune::{self, Pruning};
use super::retention::{Pruned, Retention};
use super::rolled::{self, CatchUp};
use super::rows::{Gathered, Inserts};
use super::{StoreError, marks, schema};
use crate::record::MARKS;
use crate::rollup::Minutes;
use crate::{Mark, Record, UserKey};

#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    pub(super) identity: FileIdentity,
    pub(super) sessions: rolled::Sessions,
    rollups: rolled::Writer,
    /// The removal that is under way.
    pruning: Option<Pruning>,
    /// The day that a removal last counted from, as far as is known.
    pruned: Option<i64>,
    /// The minute of the newest record of this process.
    newest: Option<i64>,
    /// No fewer marks than there are, as far as this process knows; `None` before it has written any.
    marks: Option<usize>,
    /// What `PRAGMA data_version` said; it changes when another connection has written.
    data_version: Option<i64>,
}

impl Database {
    /// Two for each table of rows, and for each table of sums, and those that catch up.
    const STATEMENTS: usize = 96;

    pub(super) fn open(path: &Path, busy_timeout: Duration) -> Result<Self, StoreError> {
        let io = |error| StoreError::io(path, error);
        let sql = |error| StoreError::sql(path, error);
        create_private(path).map_err(io)?;
        // Before SQLite opens it: a change in between is noticed at the next write.
        let identity = FileIdentity::of(path).map_err(io)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(sql)?;
        connection.busy_timeout(busy_timeout).map_err(sql)?;
        keep_plans(&connection).map_err(sql)?;
        connection.set_prepared_statement_cache_capacity(Self::STATEMENTS);
        schema::migrate(&mut connection, path)?;
        // After the check, so that a file of something else stays as it was.
        connection
            .pragma_update(None, "journal_mode", "wal")
            .and_then(|()| connection.pragma_update(None, "synchronous", "normal"))
            .map_err(sql)?;
        Ok(Self {
            connection,
            identity,
            sessions: rolled::Sessions::default(),
            rollups: rolled::Writer::default(),
            pruning: None,
            pruned: None,
            newest: None,
            marks: None,
            data_version: None,
        })
    }

    pub(super) fn store(
        &mut self,
        batch: &[Record],
        inserts: &Inserts,
        names: &mut Numbers,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Under the lock, so that two processes never use one number twice.
        let (summed, first) = rolled::progress(&transaction)?;
        if summed < first {
            // A program of an older version has written meanwhile.
            drop(transaction);
            self.catch_up(names)?;
            return self.store(batch, inserts, names, now);
        }
        let next = i64::try_from(batch.len())
            .ok()
            .and_then(|records| first.checked_add(records))
            .ok_or_else(|| Fault::Nonsense(format!("the next record would have number {first}")))?;
        let written = transaction
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        if self.data_version.replace(written) != Some(written) {
            self.sessions.forget();
            self.rollups.forget();
        }
        names.begin(
            rolled::names_removed(&transaction)?,
            rolled::newest_day(batch.iter()),
        );
        let mut sums = Minutes::default();
        let mut rows = Gathered::new(&transaction, inserts);
        for (seq, record) in (first..next).zip(batch) {
            let standing = self.sessions.standing(&transaction, names, record)?;
            sums.add(record, &standing);
            rows.add(names, seq, record)?;
        }
        rows.finish()?;
        self.rollups.add(&transaction, names, &sums)?;
        let written = marks::write(&transaction, batch, now)?;
        let marks = match self.marks {
            _ if written == 0 => self.marks,
            Some(marks) => Some(marks.saturating_add(written)),
            None => Some(marks::count(&transaction)?),
        };
        transaction
            .prepare_cached("UPDATE sequence SET next = ?1")?
            .execute([next])?;
        rolled::set(&transaction, next)?;
        transaction.commit()?;
        self.marks = marks;
        self.newest = self.newest.max(sums.0.keys().last().copied());
        Ok(())
    }

    /// What is remembered of the database, which may be otherwise by now.
    pub(super) fn forget(&mut self) {
        self.sessions.forget();
        self.rollups.forget();
    }

    /// Sums up what lies in the rows and not in the sums, page by page, so that no other program waits
    /// for long, and what is done stays done.
    pub(super) fn catch_up(&mut self, names: &mut Numbers) -> Result<(), Fault> {
        if CatchUp::is_done(&self.connection)? {
            return Ok(());
        }
        let mut behind = CatchUp::new(schema::KNOWN);
        loop {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            // Another program may do the same.
            self.sessions.forget();
            self.rollups.forget();
            if CatchUp::is_done(&transaction)? {
                return Ok(());
            }
            behind.step(&transaction, names, &mut self.sessions, &mut self.rollups)?;
            transaction.commit()?;
        }
    }
}

impl Database {
    pub(super) fn prune(&mut self, retention: &Retention, now: Timestamp) -> Result<Pruned, Fault> {
        self.pruning = None;
        let Some(newest) = prune::newest(&self.connection)? else {
            return Ok(Pruned::default());
        };
        self.rollups.forget();
        let mut pruning = Pruning::new(retention.cutoffs(newest.min(now.unix_seconds())));
        while !pruning.step(&mut self.connection)?.done {}
        self.forget();
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
        let step = pruning.step(&mut self.connection);
        self.rollups.forget();
        if !matches!(step, Ok(Pruned { done: true, .. })) {
            self.pruning = Some(pruning);
        } else if pruning.total.sessions > 0 || pruning.total.names > 0 {
            self.forget();
        }
        step.map(|step| step.marks.saturating_add(surplus))
    }

    /// Where there may be more by so many that looking is worth while.
    fn remove_surplus_marks(&mut self) -> Result<u64, Fault> {
        const WORTH: usize = 4_096;
        if self.marks.is_none_or(|marks| marks < MARKS + WORTH) {
            return Ok(0);
        }
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let gone = marks::remove_surplus(&transaction)?;
        let left = marks::count(&transaction)?;
        transaction.commit()?;
        self.marks = Some(left);
        Ok(gone)
    }

    pub(super) fn marks(&self) -> Result<Vec<Mark>, Fault> {
        marks::read(&self.connection)
    }

    fn due(&mut self, retention: &Retention, now: Timestamp) -> Result<Option<Pruning>, Fault> {
        let (None, Some(newest)) = (&self.pruning, self.newest) else {
            return Ok(self.pruning.take());
        };
        let cutoffs = retention.cutoffs(newest.min(now.unix_seconds()));
        if *retention == Retention::FOREVER || self.pruned >= Some(cutoffs.today) {
            return Ok(None);
        }
        // Asked once a day, as another process may have done it.
        let stored = prune::pruned(&self.connection)?;
        self.pruned = stored.max(Some(cutoffs.today));
        Ok((stored < Some(cutoffs.today)).then(|| Pruning::new(cutoffs)))
    }

    /// The key that the database keeps, made when it is first asked for.
    pub(super) fn user_key(&mut self) -> Result<UserKey, Fault> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let kept: Option<Vec<u8>> = transaction
            .query_row("SELECT key FROM store_key", [], |row| row.get(0))
            .optional()?;
        let key = if let Some(bytes) = kept {
            let bytes = bytes.try_into().map_err(|bytes: Vec<u8>| {
                Fault::Nonsense(format!("a store key of {} bytes", bytes.len()))
            })?;
            UserKey::from_bytes(bytes)
        } else {
            let key = UserKey::random();
            transaction.execute("INSERT INTO store_key VALUES (?1)", [key.to_bytes()])?;
            key
        };
        transaction.commit()?;
        Ok(key)
    }
}
