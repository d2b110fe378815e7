//! Adding sums to those in the database, within a transaction.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::super::decode::Decoder;
use super::super::error::Fault;
use super::super::names::{Numbers, Texts};
use super::{Rolled, Row};
use crate::rollup::{Minutes, Span};
use crate::{AgentCell, MetricCell, ModelCell, Rollups, ToolCell};

/// The statements of all tables of sums.
#[derive(Debug)]
pub(in super::super) struct Writer {
    agents: Statements<AgentCell>,
    models: Statements<ModelCell>,
    tools: Statements<ToolCell>,
    metrics: Statements<MetricCell>,
    texts: Texts,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            agents: Statements::new(),
            models: Statements::new(),
            tools: Statements::new(),
            metrics: Statements::new(),
            texts: Texts::default(),
        }
    }
}

impl Writer {
    /// Adds what lies in each minute to the sums of that minute, its hour and its day.
    pub(in super::super) fn add(
        &mut self,
        connection: &Connection,
        names: &mut Numbers,
        sums: &Minutes,
    ) -> Result<(), Fault> {
        for (&start, sums) in &sums.0 {
            self.add_span(connection, names, Span::Minute, start, sums)?;
        }
        for span in [Span::Hour, Span::Day] {
            for (start, sums) in &sums.by(span) {
                self.add_span(connection, names, span, *start, sums)?;
            }
        }
        Ok(())
    }

    /// After a rollback, and when somebody else has written.
    pub(in super::super) fn forget(&mut self) {
        self.agents.recent.clear();
        self.models.recent.clear();
        self.tools.recent.clear();
        self.metrics.recent.clear();
    }

    fn add_span(
        &mut self,
        connection: &Connection,
        names: &mut Numbers,
        span: Span,
        start: i64,
        sums: &Rollups,
    ) -> Result<(), Fault> {
        let mut place = Place {
            connection,
            names,
            texts: &mut self.texts,
            span: span.seconds(),
            start,
        };
        self.agents.add(&mut place, sums)?;
        self.models.add(&mut place, sums)?;
        self.tools.add(&mut place, sums)?;
        self.metrics.add(&mut place, sums)
    }
}

struct Place<'a> {
    connection: &'a Connection,
    names: &'a mut Numbers,
    texts: &'a mut Texts,
    span: i64,
    start: i64,
}

/// Most sums of a table in memory.
const RECENT: usize = 512;

#[derive(Debug)]
struct Statements<T: Rolled> {
    select: String,
    replace: String,
    /// What this connection wrote last: the spans that go on need not be read again.
    recent: BTreeMap<(i64, i64, T::Key), T>,
}

impl<T: Rolled> Statements<T> {
    fn new() -> Self {
        let key: Vec<&str> = ["span", "start"].iter().chain(T::KEY).copied().collect();
        let values: Vec<&str> = T::COUNTS.iter().chain(T::OTHERS).copied().collect();
        let conditions: Vec<String> = (1..)
            .zip(&key)
            .map(|(n, column)| format!("{column} = ?{n}"))
            .collect();
        let places: Vec<String> = (1..=key.len() + values.len())
            .map(|n| format!("?{n}"))
            .collect();
        Self {
            select: format!(
                "SELECT {} FROM {} WHERE {}",
                values.join(", "),
                T::TABLE,
                conditions.join(" AND ")
            ),
            replace: format!(
                "INSERT OR REPLACE INTO {} ({}, {}) VALUES ({})",
                T::TABLE,
                key.join(", "),
                values.join(", "),
                places.join(", ")
            ),
            recent: BTreeMap::new(),
        }
    }

    fn add(&mut self, place: &mut Place<'_>, sums: &Rollups) -> Result<(), Fault> {
        if T::of(sums).is_empty() {
            return Ok(());
        }
        let connection = place.connection;
        let mut replace = connection.prepare_cached(&self.replace)?;
        let mut cells = Vec::new();
        for (key, sum) in T::of(sums) {
            let names = &mut *place.names;
            cells.clear();
            cells.extend([Value::Integer(place.span), Value::Integer(place.start)]);
            let mut row = Row {
                cells: &mut cells,
                number: &mut |name| names.of(connection, name),
            };
            T::write_key(key, &mut row)?;
            if self.recent.len() >= RECENT {
                self.recent.clear();
            }
            let slot = (place.span, place.start, key.clone());
            let all = match self.recent.entry(slot) {
                Entry::Occupied(all) => all.into_mut(),
                Entry::Vacant(slot) => {
                    slot.insert(stored(connection, &self.select, place.texts, row.cells)?)
                }
            };
            all.absorb(sum);
            all.write(&mut row)?;
            replace.execute(params_from_iter(&cells))?;
        }
        Ok(())
    }
}

/// The sum that the database has under a key.
fn stored<T: Rolled>(
    connection: &Connection,
    select: &str,
    texts: &mut Texts,
    key: &[Value],
) -> Result<T, Fault> {
    let mut select = connection.prepare_cached(select)?;
    let mut found = select.query(params_from_iter(key))?;
    let mut sum = T::default();
    if let Some(stored) = found.next()? {
        sum.absorb_row(&mut Decoder::new(connection, texts, stored))?;
    }
    Ok(sum)
}
