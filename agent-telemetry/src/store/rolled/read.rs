//! The sums of a period: whole days, hours around them, minutes around those.

use rusqlite::Connection;

use super::super::decode::Decoder;
use super::super::error::Fault;
use super::super::names::Texts;
use super::Rolled;
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

/// The sums of a period that [`Kept::cover`] gives.
pub(in super::super) fn read(
    connection: &Connection,
    texts: &mut Texts,
    period: Period,
) -> Result<Rollups, Fault> {
    let mut sums = Rollups::default();
    for part in period.parts() {
        read_part::<AgentCell>(connection, texts, part, &mut sums)?;
        read_part::<ModelCell>(connection, texts, part, &mut sums)?;
        read_part::<ToolCell>(connection, texts, part, &mut sums)?;
        read_part::<MetricCell>(connection, texts, part, &mut sums)?;
    }
    Ok(sums)
}

fn read_part<T: Rolled>(
    connection: &Connection,
    texts: &mut Texts,
    part: Part,
    sums: &mut Rollups,
) -> Result<(), Fault> {
    let columns: Vec<&str> = [T::KEY, T::COUNTS, T::OTHERS].concat();
    let mut select = connection.prepare_cached(&format!(
        "SELECT {} FROM {} WHERE span = ?1 AND start >= ?2 AND start < ?3",
        columns.join(", "),
        T::TABLE
    ))?;
    let mut rows = select.query((part.span.seconds(), part.from, part.to))?;
    while let Some(row) = rows.next()? {
        let mut decoder = Decoder::new(connection, texts, row);
        let key = T::read_key(&mut decoder)?;
        let cell = T::read(&mut decoder)?;
        match T::of_mut(sums).get_mut(&key) {
            Some(sum) => sum.absorb(&cell),
            None => drop(T::of_mut(sums).insert(key, cell)),
        }
    }
    Ok(())
}
