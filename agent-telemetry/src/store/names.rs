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
    all: HashMap<Box<str>, Number>,
    /// Some that were asked for lately: to compare with these few is faster than to hash.
    recent: [(Box<str>, Number); RECENT],
    next: usize,
    /// The day of what is written, in seconds since 1970.
    day: i64,
    /// How many names had been removed when the first of these was found.
    removed: Option<i64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Number {
    /// 0 stands for none.
    id: i64,
    /// The newest day that the database was told, or is known to know.
    seen: i64,
}

/// A record names a session, an agent, a provider and a model, mostly those of another shortly before.
const RECENT: usize = 8;

impl Numbers {
    /// Begins a transaction that writes what happened up to a day, when so many names are gone.
    pub(super) fn begin(&mut self, removed: i64, day: i64) {
        if self.removed != Some(removed) {
            self.forget();
        }
        (self.removed, self.day) = (Some(removed), day);
    }

    pub(super) fn of(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<i64> {
        let known = self
            .recent
            .iter()
            .find(|(known, number)| number.id != 0 && number.seen >= self.day && **known == *name);
        if let Some((_, number)) = known {
            return Ok(number.id);
        }
        let number = self.find(connection, name)?;
        if let Some(place) = self.recent.get_mut(self.next % RECENT) {
            *place = (name.into(), number);
        }
        self.next = (self.next + 1) % RECENT;
        Ok(number.id)
    }

    fn find(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<Number> {
        let day = self.day;
        if let Some(number) = self.all.get_mut(name) {
            if number.seen < day {
                see(connection, number.id, day)?;
                number.seen = day;
            }
            return Ok(*number);
        }
        let known: Option<i64> = connection
            .prepare_cached("SELECT id FROM names WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        let id = if let Some(id) = known {
            see(connection, id, day)?;
            id
        } else {
            connection
                .prepare_cached("INSERT INTO names (name, seen) VALUES (?1, ?2)")?
                .insert((name, day))?
        };
        if self.all.len() >= CACHED {
            self.all.clear();
        }
        let number = Number { id, seen: day };
        self.all.insert(name.into(), number);
        Ok(number)
    }

    /// After a rollback, numbers made up since the last commit mean nothing.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// What is not known stays so: it may be a later day.
fn see(connection: &Connection, id: i64, day: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE names SET seen = ?2 WHERE id = ?1 AND seen < ?2")?
        .execute((id, day))?;
    Ok(())
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
