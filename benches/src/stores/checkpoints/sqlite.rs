//! A table of messages and one of checkpoints, each with its state.

use std::path::Path;

use rusqlite::Connection;

use super::{Entry, Saved};
use crate::harness::Broken;
use crate::stores::Sync;
use crate::stores::sqlite::open;

pub(crate) struct SqlitePoints {
    connection: Connection,
}

impl SqlitePoints {
    pub(crate) fn write(folder: &Path, saved: &[Saved]) -> Result<(), Broken> {
        write(folder, saved).map_err(Broken::when("write the rows"))
    }

    pub(crate) fn list(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let entries = Self::open(folder)?.listed()?;
        Ok((entries.len(), Box::new(entries)))
    }

    pub(crate) fn open(folder: &Path) -> Result<Self, Broken> {
        let connection = open(folder, Sync::Synced).map_err(Broken::when("open the database"))?;
        Ok(Self { connection })
    }

    pub(crate) fn listed(&self) -> Result<Vec<Entry>, Broken> {
        entries(&self.connection).map_err(Broken::when("list the rows"))
    }

    pub(crate) fn prune(folder: &Path, kept: u64) -> Result<(), Broken> {
        prune(folder, kept).map_err(Broken::when("prune the rows"))
    }
}

fn write(folder: &Path, saved: &[Saved]) -> Result<(), Box<dyn std::error::Error>> {
    let mut connection = open(folder, Sync::Buffered)?;
    connection.execute_batch(
        "CREATE TABLE message (number INTEGER PRIMARY KEY, json TEXT NOT NULL);
         CREATE TABLE checkpoint (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, at INTEGER NOT NULL,
                                  messages INTEGER NOT NULL, state TEXT NOT NULL);",
    )?;
    for saved in saved {
        let transaction = connection.transaction()?;
        {
            let entry = &saved.entry;
            let mut insert = transaction.prepare_cached("INSERT INTO message VALUES (?, ?)")?;
            insert.execute((
                i64::try_from(entry.number)?,
                serde_json::to_string(&saved.message)?,
            ))?;
            let mut insert =
                transaction.prepare_cached("INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?)")?;
            insert.execute((
                i64::try_from(entry.number)?,
                &entry.kind,
                i64::try_from(entry.at)?,
                i64::try_from(entry.messages)?,
                &saved.state,
            ))?;
        }
        transaction.commit()?;
    }
    Ok(())
}

fn entries(connection: &Connection) -> rusqlite::Result<Vec<Entry>> {
    let query = "SELECT number, kind, at, messages FROM checkpoint ORDER BY number DESC";
    let mut select = connection.prepare_cached(query)?;
    let rows = select.query_map((), |row| {
        let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
        Ok(Entry {
            number: number(0)?,
            kind: row.get(1)?,
            at: number(2)?,
            messages: number(3)?,
        })
    })?;
    rows.collect()
}

fn prune(folder: &Path, kept: u64) -> Result<(), Box<dyn std::error::Error>> {
    let connection = open(folder, Sync::Synced)?;
    connection.execute(
        "DELETE FROM checkpoint WHERE number <= (SELECT max(number) FROM checkpoint) - ?",
        (i64::try_from(kept)?,),
    )?;
    // `DELETE` alone leaves the file as long as it was.
    connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")?;
    Ok(())
}
