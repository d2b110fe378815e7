//! Sums in the database: written with the rows that they sum up, read by period.

mod catch_up;
mod cells;
mod read;
mod sessions;
mod write;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::decode::{Decoder, nonsense};
use super::error::Fault;
use super::names::Texts;
use crate::rollup::Merge;
use crate::{AgentCell, MetricCell, ModelCell, Rollups, ToolCell};

pub(super) use catch_up::{CatchUp, names_removed, newest_day, progress, set};
pub(super) use read::{Wanted, kept, read};
pub(super) use sessions::Sessions;
pub(super) use write::Writer;

/// A kind of sum, which has a table: `span, start`, then the key, the counts, and the rest.
trait Rolled: Merge + Default {
    type Key: Ord + Clone;
    /// The key as it is stored, which nobody need look up names for.
    type Numbers: Ord;
    const TABLE: &'static str;
    const KEY: &'static [&'static str];
    const COUNTS: &'static [&'static str];
    const OTHERS: &'static [&'static str];

    fn of(sums: &Rollups) -> &BTreeMap<Self::Key, Self>;
    fn write_key(key: &Self::Key, row: &mut Row<'_>) -> rusqlite::Result<()>;
    fn numbers(row: &mut Decoder<'_>) -> Result<Self::Numbers, Fault>;
    fn key(numbers: &Self::Numbers, names: &mut Named<'_>) -> Result<Self::Key, Fault>;
    fn write(&self, row: &mut Row<'_>) -> Result<(), Fault>;
    /// Adds what a row holds. After an error a part of it may have been added.
    fn absorb_row(&mut self, row: &mut Decoder<'_>) -> Result<(), Fault>;
}

/// The names of numbers.
struct Named<'a> {
    connection: &'a Connection,
    texts: &'a mut Texts,
}

impl Named<'_> {
    fn id<T, E: std::fmt::Display>(
        &mut self,
        number: i64,
        new: impl Fn(Arc<str>) -> Result<T, E>,
    ) -> Result<T, Fault> {
        new(self.texts.of(self.connection, number)?).map_err(nonsense)
    }

    fn maybe_id<T, E: std::fmt::Display>(
        &mut self,
        number: i64,
        new: impl Fn(Arc<str>) -> Result<T, E>,
    ) -> Result<Option<T>, Fault> {
        match number {
            NOBODY => Ok(None),
            number => self.id(number, new).map(Some),
        }
    }

    fn text(&mut self, number: i64) -> Result<Cow<'static, str>, Fault> {
        let text = self.texts.of(self.connection, number)?;
        Ok(Cow::Owned(text.to_string()))
    }
}

/// A row about to be written.
struct Row<'a> {
    cells: &'a mut Vec<Value>,
    /// The number of a name.
    number: &'a mut dyn FnMut(&str) -> rusqlite::Result<i64>,
}

impl Row<'_> {
    fn name(&mut self, name: &str) -> rusqlite::Result<()> {
        let number = (self.number)(name)?;
        self.push(number);
        Ok(())
    }

    fn maybe_name(&mut self, name: Option<&str>) -> rusqlite::Result<()> {
        match name {
            Some(name) => self.name(name)?,
            None => self.push(NOBODY),
        }
        Ok(())
    }

    fn count(&mut self, count: u64) {
        self.push(i64::try_from(count).unwrap_or(i64::MAX));
    }

    fn push(&mut self, cell: impl Into<Value>) {
        self.cells.push(cell.into());
    }
}

/// Stands for no name in a key, which cannot be null.
const NOBODY: i64 = 0;

/// All tables of sums.
pub(super) const TABLES: [&str; 4] = [
    AgentCell::TABLE,
    ModelCell::TABLE,
    ToolCell::TABLE,
    MetricCell::TABLE,
];
