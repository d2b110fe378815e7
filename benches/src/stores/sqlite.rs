//! One row of JSON for each message in a SQLite table, with a write-ahead log.

use std::path::Path;

use rusqlite::Connection;

use super::{Log, Sync, TAIL};
use crate::harness::Broken;
use crate::session::Message;

const NAME: &str = "session.db";

#[derive(Debug)]
pub(crate) struct Sqlite {
    connection: Connection,
    staged: Vec<Message>,
    next: i64,
    json: Vec<u8>,
}

impl Sqlite {
    pub(crate) fn create(folder: &Path, sync: Sync) -> Result<Box<dyn Log>, Broken> {
        let connection = open(folder, sync).map_err(Broken::when("create the database"))?;
        connection
            .execute_batch("CREATE TABLE message (number INTEGER PRIMARY KEY, json TEXT NOT NULL)")
            .map_err(Broken::when("create the database"))?;
        Ok(Box::new(Self {
            connection,
            staged: Vec::new(),
            next: 0,
            json: Vec::new(),
        }))
    }

    pub(crate) fn read(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let query = "SELECT json FROM message ORDER BY number";
        let messages = rows(folder, query).map_err(Broken::when("read the database"))?;
        let messages: Vec<Message> = messages?;
        Ok((messages.len(), Box::new(messages)))
    }

    /// The number and the length of each row.
    pub(crate) fn list(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let lens = lens(folder).map_err(Broken::when("list the rows"))?;
        Ok((lens.len(), Box::new(lens)))
    }

    /// The newest messages, [`TAIL`] of them.
    pub(crate) fn read_tail(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let query = format!(
            "SELECT json FROM (SELECT * FROM message ORDER BY number DESC LIMIT {TAIL}) \
             ORDER BY number"
        );
        let messages = rows(folder, &query).map_err(Broken::when("read the database"))?;
        let messages: Vec<Message> = messages?;
        Ok((messages.len(), Box::new(messages)))
    }

    fn insert(&mut self) -> Result<(), Broken> {
        let doing = "insert a row";
        let transaction = self.connection.transaction().map_err(Broken::when(doing))?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO message VALUES (?, ?)")
                .map_err(Broken::when(doing))?;
            for message in &self.staged {
                self.json.clear();
                serde_json::to_writer(&mut self.json, message).map_err(Broken::when(doing))?;
                let text = str::from_utf8(&self.json).map_err(Broken::when(doing))?;
                insert
                    .execute((self.next, text))
                    .map_err(Broken::when(doing))?;
                self.next += 1;
            }
        }
        transaction.commit().map_err(Broken::when(doing))
    }
}

/// `FULL` syncs the log at each commit; `NORMAL` leaves it to the system, which then may lose the
/// last commits in a power cut.
pub(super) fn level(sync: Sync) -> &'static str {
    match sync {
        Sync::Buffered => "NORMAL",
        Sync::Synced => "FULL",
    }
}

pub(super) fn open(folder: &Path, sync: Sync) -> rusqlite::Result<Connection> {
    let connection = Connection::open(folder.join(NAME))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", level(sync))?;
    Ok(connection)
}

fn rows(folder: &Path, query: &str) -> rusqlite::Result<Result<Vec<Message>, Broken>> {
    let connection = open(folder, Sync::Synced)?;
    let mut select = connection.prepare(query)?;
    let mut rows = select.query(())?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        let text = row.get_ref(0)?.as_str()?;
        match serde_json::from_str(text) {
            Ok(message) => messages.push(message),
            Err(error) => return Ok(Err(Broken::new("read a row", error))),
        }
    }
    Ok(Ok(messages))
}

fn lens(folder: &Path) -> rusqlite::Result<Vec<(i64, i64)>> {
    let connection = open(folder, Sync::Synced)?;
    let query = "SELECT number, octet_length(json) FROM message ORDER BY number DESC";
    let mut select = connection.prepare(query)?;
    let rows = select.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

impl Log for Sqlite {
    fn stage(&mut self, messages: Vec<Message>) -> Result<(), Broken> {
        self.staged = messages;
        Ok(())
    }

    fn sync_from_now(&mut self, sync: Sync) -> Result<(), Broken> {
        self.connection
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .and_then(|()| {
                self.connection
                    .pragma_update(None, "synchronous", level(sync))
            })
            .map_err(Broken::when("set the level of syncing"))
    }

    fn save(&mut self) -> Result<(), Broken> {
        self.insert()
    }
}
