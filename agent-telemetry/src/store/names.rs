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
    all: HashMap<Arc<str>, Number>,
    /// Some that were asked for lately, each in the place that its ends say: to compare with one is faster
    /// than to hash.
    recent: [Option<(Arc<str>, Number)>; RECENT],
    /// The day of what is written, in seconds since 1970.
    day: i64,
    /// How many names had been removed when the first of these was found.
    removed: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
struct Number {
    id: i64,
    /// The newest day that the database was told, or is known to know.
    seen: i64,
}

const RECENT: usize = 32;

fn place(name: &str) -> usize {
    let bytes = name.as_bytes();
    let [first, last] = [bytes.first(), bytes.last()].map(|end| usize::from(*end.unwrap_or(&0)));
    (bytes.len() + 5 * first + 11 * last) % RECENT
}

impl Numbers {
    /// Begins a transaction that writes what happened up to a day, when so many names are gone.
    pub(super) fn begin(&mut self, removed: i64, day: i64) {
        if self.removed != Some(removed) {
            self.forget();
        }
        (self.removed, self.day) = (Some(removed), day);
    }

    pub(super) fn of(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<i64> {
        let place = place(name);
        if let Some(Some((known, number))) = self.recent.get(place)
            && number.seen >= self.day
            && **known == *name
        {
            return Ok(number.id);
        }
        let (text, number) = self.find(connection, name)?;
        if let Some(place) = self.recent.get_mut(place) {
            *place = Some((text, number));
        }
        Ok(number.id)
    }

    fn find(
        &mut self,
        connection: &Connection,
        name: &str,
    ) -> rusqlite::Result<(Arc<str>, Number)> {
        let day = self.day;
        if let Some((text, known)) = self.all.get_key_value(name) {
            let (text, mut number) = (Arc::clone(text), *known);
            if number.seen < day {
                see(connection, number.id, day)?;
                number.seen = day;
                self.all.insert(Arc::clone(&text), number);
            }
            return Ok((text, number));
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
        let text: Arc<str> = name.into();
        let number = Number { id, seen: day };
        self.all.insert(Arc::clone(&text), number);
        Ok((text, number))
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
