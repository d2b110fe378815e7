//! The table `marks`: written with the records that they came with, bounded by number and age.

use agent_primitives::Timestamp;
use rusqlite::Connection;

use super::decode::nonsense;
use super::error::Fault;
use super::prune::STEP;
use crate::record::{MARKS, newest_marks};
use crate::{Mark, Record};

/// Writes the newest mark of each key of a batch, and says how many those are.
pub(super) fn write(
    connection: &Connection,
    batch: &[Record],
    now: Timestamp,
) -> Result<usize, Fault> {
    let marks = newest_marks(batch);
    if marks.is_empty() {
        return Ok(0);
    }
    let mut upsert = connection.prepare_cached(
        "INSERT INTO marks (key, at, state) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET at = excluded.at, state = excluded.state",
    )?;
    for mark in &marks {
        upsert.execute((mark.key().to_be_bytes(), now.unix_nanos(), mark.state()))?;
    }
    Ok(marks.len())
}

/// All that are kept, of too many the newest; those stored first come first.
pub(super) fn read(connection: &Connection) -> Result<Vec<Mark>, Fault> {
    let mut select =
        connection.prepare_cached("SELECT key, state FROM marks ORDER BY at DESC LIMIT ?1")?;
    let mut rows = select.query([number(MARKS)])?;
    let mut marks = Vec::new();
    while let Some(row) = rows.next()? {
        let (key, state): ([u8; 16], Vec<u8>) = (row.get(0)?, row.get(1)?);
        marks.push(Mark::new(u128::from_be_bytes(key), state).map_err(nonsense)?);
    }
    marks.reverse();
    Ok(marks)
}

pub(super) fn count(connection: &Connection) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("SELECT count(*) FROM marks")?
        .query_row([], |row| row.get(0))
        .map(|count: i64| usize::try_from(count).unwrap_or(0))
}

/// Removes the oldest beyond the bound, and says how many those were.
pub(super) fn remove_surplus(connection: &Connection) -> Result<u64, Fault> {
    let surplus = count(connection)?.saturating_sub(MARKS);
    if surplus == 0 {
        return Ok(0);
    }
    let gone = connection
        .prepare_cached(
            "DELETE FROM marks WHERE key IN (SELECT key FROM marks ORDER BY at LIMIT ?1)",
        )?
        .execute([number(surplus)])?;
    Ok(gone as u64)
}

/// Removes some of those that were stored before a time, but for the newest: by them it is known that there were others. How many, and whether that was all.
pub(super) fn remove_older(
    connection: &Connection,
    cutoff: Option<i64>,
) -> Result<(u64, bool), Fault> {
    let Some(cutoff) = cutoff else {
        return Ok((0, true));
    };
    let gone = connection
        .prepare_cached(
            "DELETE FROM marks WHERE key IN
                 (SELECT key FROM marks WHERE at < min(?1, (SELECT max(at) FROM marks))
                  ORDER BY at LIMIT ?2)",
        )?
        .execute((cutoff, STEP))?;
    Ok((
        gone as u64,
        gone < usize::try_from(STEP).unwrap_or(usize::MAX),
    ))
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
