//! Removing names that nothing refers to any more.

use rusqlite::{Connection, OptionalExtension};

use super::error::Fault;
use super::prune::STEP;
use super::retention::Cutoffs;
use super::rolled;
use super::tables::Table;

/// Removes those of the next [`STEP`] names that were last used before everything that is kept, and says how
/// many. To be called once all that is older is gone; `end` is the first `seq` that was not looked at then,
/// and becomes the first that is not looked at now.
pub(super) fn remove_names(
    connection: &Connection,
    cutoffs: &Cutoffs,
    end: &mut i64,
    next: &mut Option<i64>,
) -> Result<u64, Fault> {
    let (Some(first), Some(cutoff)) = (*next, cutoffs.all()) else {
        *next = None;
        return Ok(0);
    };
    let last: Option<i64> = connection
        .prepare_cached("SELECT max(id) FROM names")?
        .query_row([], |row| row.get(0))?;
    // The last one stays, so that no number is ever given out again.
    let Some(last) = last.filter(|last| first < *last) else {
        *next = None;
        return Ok(0);
    };
    if came_late(connection, cutoff, *end)? {
        // For the next day, which removes it.
        *next = None;
        return Ok(0);
    }
    *end = rolled::progress(connection)?.1;
    let end = first.saturating_add(STEP).min(last);
    // Those that were made meanwhile are in use.
    *next = (end < last).then_some(end);
    // Of before there were days, and of programs that know none. They may have been used since this removal began,
    // on the newest day that there is: every record is in a sum of an agent, be it nobody's.
    connection
        .prepare_cached(
            "UPDATE names SET seen = max(?3, (SELECT ifnull(max(start), 0) FROM rollup_agents WHERE span = 86400))
             WHERE id >= ?1 AND id < ?2 AND seen IS NULL",
        )?
        .execute((first, end, cutoffs.today))?;
    let gone = connection
        .prepare_cached("DELETE FROM names WHERE id >= ?1 AND id < ?2 AND seen < ?3")?
        .execute((first, end, cutoff))?;
    if gone > 0 {
        let removed = i64::try_from(gone).unwrap_or(i64::MAX);
        connection
            .prepare_cached("UPDATE rollup_state SET names_removed = names_removed + ?1")?
            .execute([removed])?;
    }
    Ok(gone as u64)
}

/// Whether something older than that was written since its like was removed.
fn came_late(connection: &Connection, cutoff: i64, end: i64) -> rusqlite::Result<bool> {
    let nanos = cutoff.saturating_mul(1_000_000_000);
    let there = |sql: &str, bounds: (i64, i64)| {
        let mut select = connection.prepare_cached(sql)?;
        let found = select.query_row(bounds, |_| Ok(())).optional()?;
        Ok::<_, rusqlite::Error>(found.is_some())
    };
    for table in Table::ALL {
        if there(&table.has_older(), (end, nanos))? {
            return Ok(true);
        }
    }
    for table in rolled::TABLES {
        let sql = format!("SELECT 1 FROM {table} WHERE span = ?1 AND start < ?2 LIMIT 1");
        for span in [60, 3_600, 86_400] {
            if there(&sql, (span, cutoff))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
