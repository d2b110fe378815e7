//! Sums in the database: written with the rows that they sum up, read by period.

mod catch_up;
mod cells;
mod read;
mod sessions;
mod write;

use std::collections::BTreeMap;

use rusqlite::types::Value;

use super::decode::Decoder;
use super::error::Fault;
use crate::rollup::Merge;
use crate::{AgentCell, MetricCell, ModelCell, Rollups, ToolCell};

pub(super) use catch_up::{CatchUp, progress, set};
pub(super) use read::{kept, read};
pub(super) use sessions::Sessions;
pub(super) use write::Writer;

/// A kind of sum, which has a table: `span, start`, then the key, the counts, and the rest.
trait Rolled: Merge + Default {
    type Key: Ord + Clone;
    const TABLE: &'static str;
    const KEY: &'static [&'static str];
    const COUNTS: &'static [&'static str];
    const OTHERS: &'static [&'static str];

    fn of(sums: &Rollups) -> &BTreeMap<Self::Key, Self>;
    fn of_mut(sums: &mut Rollups) -> &mut BTreeMap<Self::Key, Self>;
    fn write_key(key: &Self::Key, row: &mut Row<'_>) -> rusqlite::Result<()>;
    fn read_key(row: &mut Decoder<'_>) -> Result<Self::Key, Fault>;
    fn write(&self, row: &mut Row<'_>) -> Result<(), Fault>;
    fn read(row: &mut Decoder<'_>) -> Result<Self, Fault>;
}

/// A row about to be written.
struct Row<'a> {
    cells: Vec<Value>,
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
