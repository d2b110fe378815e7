//! The sums of a period: whole days, hours around them, minutes around those.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::super::decode::Decoder;
use super::super::error::Fault;
use super::super::names::Texts;
use super::{Named, Rolled};
use crate::rollup::{Kept, Part};
use crate::{AgentCell, MetricCell, ModelCell, Period, Rollups, ToolCell};

/// Which sums are there.
pub(in super::super) fn kept(connection: &Connection) -> rusqlite::Result<Kept> {
    connection.query_row(
        "SELECT minutes_since, hours_since FROM rollup_state",
        [],
        |row| {
            Ok(Kept {
                minutes_since: row.get(0)?,
                hours_since: row.get(1)?,
            })
        },
    )
}

/// Which sums are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Wanted {
    All,
    /// Those of agents, with their metrics.
    Agents,
    Models,
    Tools,
}

impl Wanted {
    fn is(self, kind: Self) -> bool {
        self == Self::All || self == kind
    }
}

/// The sums of a period that [`Kept::cover`] gives.
pub(in super::super) fn read(
    connection: &Connection,
    texts: &mut Texts,
    period: Period,
    wanted: Wanted,
) -> Result<Rollups, Fault> {
    let parts = period.parts();
    let mut sums = Rollups::default();
    if wanted.is(Wanted::Agents) {
        sums.agents = read_parts::<AgentCell>(connection, texts, &parts)?;
        sums.metrics = read_parts::<MetricCell>(connection, texts, &parts)?;
    }
    if wanted.is(Wanted::Models) {
        sums.models = read_parts::<ModelCell>(connection, texts, &parts)?;
    }
    if wanted.is(Wanted::Tools) {
        sums.tools = read_parts::<ToolCell>(connection, texts, &parts)?;
    }
    Ok(sums)
}

fn read_parts<T: Rolled>(
    connection: &Connection,
    texts: &mut Texts,
    parts: &[Part],
) -> Result<BTreeMap<T::Key, T>, Fault> {
    let columns: Vec<&str> = [T::KEY, T::COUNTS, T::OTHERS].concat();
    let mut select = connection.prepare_cached(&format!(
        "SELECT {} FROM {} WHERE span = ?1 AND start >= ?2 AND start < ?3",
        columns.join(", "),
        T::TABLE
    ))?;
    // By number until all is added up: a name is looked up once.
    let mut by_number: BTreeMap<T::Numbers, T> = BTreeMap::new();
    for part in parts {
        let mut rows = select.query((part.span.seconds(), part.from, part.to))?;
        while let Some(row) = rows.next()? {
            let mut decoder = Decoder::new(connection, texts, row);
            let sum = by_number.entry(T::numbers(&mut decoder)?).or_default();
            sum.absorb_row(&mut decoder)?;
        }
    }
    let mut names = Named { connection, texts };
    let sums = by_number.into_iter();
    sums.map(|(numbers, sum)| Ok((T::key(&numbers, &mut names)?, sum)))
        .collect()
}
