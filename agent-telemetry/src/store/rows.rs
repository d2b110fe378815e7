//! The rows of a batch, gathered by table and inserted several at a time.

use rusqlite::{CachedStatement, Connection, params_from_iter};

use super::encode::{Cell, Encoder};
use super::names::Numbers;
use super::tables::Table;
use crate::Record;

/// Rows of one statement. What a statement costs beside its rows is spread over them; with more of them,
/// less is left to spread and more rows of small batches go one by one.
const MANY: usize = 16;

/// The statements of each table, as text.
pub(super) struct Inserts(Vec<Insert>);

struct Insert {
    table: Table,
    one: String,
    many: String,
}

impl Inserts {
    pub(super) fn new() -> Self {
        let insert = |table: Table| Insert {
            table,
            one: table.insert(1),
            many: table.insert(MANY),
        };
        Self(Table::ALL.into_iter().map(insert).collect())
    }
}

/// Rows that are not inserted yet, within a transaction.
pub(super) struct Gathered<'a> {
    connection: &'a Connection,
    tables: Vec<OfTable<'a>>,
}

struct OfTable<'a> {
    insert: &'a Insert,
    many: Option<CachedStatement<'a>>,
    rows: usize,
    /// Those of all rows, one behind the other.
    cells: Vec<Cell<'a>>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(connection: &'a Connection, inserts: &'a Inserts) -> Self {
        let of_table = |insert| OfTable {
            insert,
            many: None,
            rows: 0,
            cells: Vec::new(),
        };
        Self {
            connection,
            tables: inserts.0.iter().map(of_table).collect(),
        }
    }

    pub(super) fn add(
        &mut self,
        names: &mut Numbers,
        seq: i64,
        record: &'a Record,
    ) -> rusqlite::Result<()> {
        let table = Table::of(&record.body);
        let mut of_table = self.tables.iter_mut();
        let of_table = of_table.find(|known| known.insert.table == table);
        let of_table = of_table.ok_or(rusqlite::Error::InvalidQuery)?;
        Encoder::new(self.connection, names).row(seq, record, &mut of_table.cells)?;
        of_table.rows += 1;
        if of_table.rows < MANY {
            return Ok(());
        }
        let statement = match &mut of_table.many {
            Some(statement) => statement,
            unprepared => unprepared.insert(self.connection.prepare_cached(&of_table.insert.many)?),
        };
        statement.execute(params_from_iter(&of_table.cells))?;
        of_table.cells.clear();
        of_table.rows = 0;
        Ok(())
    }

    /// Inserts what is left.
    pub(super) fn finish(self) -> rusqlite::Result<()> {
        for of_table in self.tables {
            if of_table.rows == 0 {
                continue;
            }
            let mut statement = self.connection.prepare_cached(&of_table.insert.one)?;
            for row in of_table.cells.chunks(of_table.cells.len() / of_table.rows) {
                statement.execute(params_from_iter(row))?;
            }
        }
        Ok(())
    }
}
