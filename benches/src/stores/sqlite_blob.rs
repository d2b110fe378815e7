//! The whole session as one JSON blob in a SQLite row, replaced at each save.

use std::path::Path;

use rusqlite::Connection;

use super::sqlite::{level, open};
use super::{Log, Sync};
use crate::harness::Broken;
use crate::session::Message;

#[derive(Debug)]
pub(crate) struct SqliteBlob {
    connection: Connection,
    messages: Vec<Message>,
}

impl SqliteBlob {
    pub(crate) fn create(folder: &Path, sync: Sync) -> Result<Box<dyn Log>, Broken> {
        let doing = "create the database";
        let connection = open(folder, sync).map_err(Broken::when(doing))?;
        connection
            .execute_batch("CREATE TABLE session (name TEXT PRIMARY KEY, json BLOB NOT NULL)")
            .map_err(Broken::when(doing))?;
        Ok(Box::new(Self {
            connection,
            messages: Vec::new(),
        }))
    }

    pub(crate) fn read(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let doing = "read the database";
        let connection = open(folder, Sync::Synced).map_err(Broken::when(doing))?;
        let json: Vec<u8> = connection
            .query_row("SELECT json FROM session", (), |row| row.get(0))
            .map_err(Broken::when(doing))?;
        let messages: Vec<Message> = serde_json::from_slice(&json).map_err(Broken::when(doing))?;
        Ok((messages.len(), Box::new(messages)))
    }
}

impl Log for SqliteBlob {
    fn stage(&mut self, messages: Vec<Message>) -> Result<(), Broken> {
        self.messages.extend(messages);
        Ok(())
    }

    /// At once, as for the JSON file.
    fn fill(&mut self, turns: Vec<Vec<Message>>) -> Result<(), Broken> {
        self.stage(turns.concat())?;
        self.save()
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
        let json = serde_json::to_vec(&self.messages).map_err(Broken::when("write the JSON"))?;
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO session VALUES ('bench', ?)")
            .and_then(|mut insert| insert.execute((json,)))
            .map(|_| ())
            .map_err(Broken::when("replace the row"))
    }
}
