//! Texts that recur, as numbers: a row holds `names.id` instead of the text.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::decode::nonsense;
use super::error::Fault;

/// Most entries of each cache, so that a host with a million sessions does not keep them all.
const CACHED: usize = 16_384;

/// For writing: the number of a text, made up when it is new.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<Box<str>, i64>);

impl Numbers {
    pub(super) fn of(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.0.get(name) {
            return Ok(*id);
        }
        let known = connection
            .prepare_cached("SELECT id FROM names WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => connection
                .prepare_cached("INSERT INTO names (name) VALUES (?1)")?
                .insert([name])?,
        };
        if self.0.len() >= CACHED {
            self.0.clear();
        }
        self.0.insert(name.into(), id);
        Ok(id)
    }

    /// After a rollback, numbers made up since the last commit mean nothing.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// For reading: the text of a number.
#[derive(Debug, Default)]
pub(super) struct Texts(HashMap<i64, Arc<str>>);

impl Texts {
    pub(super) fn of(&mut self, connection: &Connection, id: i64) -> Result<Arc<str>, Fault> {
        if let Some(text) = self.0.get(&id) {
            return Ok(Arc::clone(text));
        }
        let text: Arc<str> = connection
            .prepare_cached("SELECT name FROM names WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?
            .ok_or_else(|| nonsense(format_args!("no name has the number {id}")))?;
        if self.0.len() >= CACHED {
            self.0.clear();
        }
        self.0.insert(id, Arc::clone(&text));
        Ok(text)
    }
}
