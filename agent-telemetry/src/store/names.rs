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
pub(super) struct Numbers {
    all: HashMap<Box<str>, i64>,
    /// Some that were asked for lately: to compare with these few is faster than to hash.
    recent: [(Box<str>, i64); RECENT],
    next: usize,
}

/// A record names a session, an agent, a provider and a model, mostly those of another shortly before.
const RECENT: usize = 8;

impl Numbers {
    pub(super) fn of(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<i64> {
        if let Some((_, id)) = self.recent.iter().find(|(known, _)| **known == *name) {
            // What is not there yet has the number 0, which no name has.
            if *id != 0 {
                return Ok(*id);
            }
        }
        let id = self.find(connection, name)?;
        if let Some(place) = self.recent.get_mut(self.next % RECENT) {
            *place = (name.into(), id);
        }
        self.next = (self.next + 1) % RECENT;
        Ok(id)
    }

    fn find(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.all.get(name) {
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
        if self.all.len() >= CACHED {
            self.all.clear();
        }
        self.all.insert(name.into(), id);
        Ok(id)
    }

    /// After a rollback, numbers made up since the last commit mean nothing.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
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
