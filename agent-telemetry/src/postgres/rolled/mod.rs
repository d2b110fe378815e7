//! Sums in the database: written with the rows that they sum up, read by period.

mod cells;
mod read;
mod write;

use std::collections::BTreeMap;

use super::cell::Cell;
use super::decode::Decoder;
use super::error::Fault;
use crate::rollup::Merge;
use crate::{AgentCell, MetricCell, ModelCell, Rollups, ToolCell};

pub(super) use read::{kept, read};
pub(super) use write::Writer;

/// A kind of sum, which has a table: `span, start`, then the key, the counts, and the rest.
trait Rolled: Merge + Default + Clone {
    type Key: Ord + Clone;
    const TABLE: &'static str;
    const KEY: &'static [&'static str];
    const COUNTS: &'static [&'static str];
    const OTHERS: &'static [&'static str];

    fn of(sums: &Rollups) -> &BTreeMap<Self::Key, Self>;
    fn of_mut(sums: &mut Rollups) -> &mut BTreeMap<Self::Key, Self>;
    fn key_cells(key: &Self::Key) -> Vec<Cell<'_>>;
    fn read_key(row: &mut Decoder<'_>) -> Result<Self::Key, Fault>;
    fn write(&self, row: &mut Vec<Cell<'static>>) -> Result<(), Fault>;
    fn read(row: &mut Decoder<'_>) -> Result<Self, Fault>;
}

/// Stands for no name in a key, which cannot be null.
const NOBODY: i64 = 0;

pub(super) fn or_nobody(name: Option<&str>) -> Cell<'_> {
    name.map_or(Cell::Int(NOBODY), Cell::name)
}

/// All tables of sums.
pub(super) const TABLES: [&str; 4] = [
    AgentCell::TABLE,
    ModelCell::TABLE,
    ToolCell::TABLE,
    MetricCell::TABLE,
];

/// The type of a column of these tables.
fn column_type(column: &str) -> &'static str {
    match column {
        "unit" | "cost_wide" | "failures" => "text",
        "latency_ns" | "first_token_ns" => "bytea",
        "sum" | "min" | "max" => "double precision",
        _ => "bigint",
    }
}
