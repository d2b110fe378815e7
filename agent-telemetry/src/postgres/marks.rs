//! The table `marks`: written with the records that they came with, bounded by number and age.

use agent_primitives::Timestamp;
use postgres::{GenericClient, Transaction};

use super::connection::Statements;
use super::error::Fault;
use crate::record::{MARKS, newest_marks};
use crate::{Mark, Record};

/// Most that go in one step.
const STEP: i64 = 4_096;

/// Writes the newest mark of each key of a batch, and says how many those are.
pub(super) fn write(
    transaction: &mut Transaction<'_>,
    statements: &mut Statements,
    batch: &[Record],
    now: Timestamp,
) -> Result<usize, Fault> {
    let marks = newest_marks(batch);
    if marks.is_empty() {
        return Ok(0);
    }
    let keys: Vec<Vec<u8>> = marks
        .iter()
        .map(|mark| mark.key().to_be_bytes().to_vec())
        .collect();
    let states: Vec<&[u8]> = marks.iter().map(|mark| mark.state()).collect();
    let upsert = statements.of(
        transaction,
        "INSERT INTO marks (key, at, state)
         SELECT key, $1::bigint, state FROM unnest($2::bytea[], $3::bytea[]) AS new (key, state)
         ON CONFLICT (key) DO UPDATE SET at = excluded.at, state = excluded.state",
    )?;
    transaction.execute(&upsert, &[&now.unix_nanos(), &keys, &states])?;
    Ok(marks.len())
}

/// All that are kept, of too many the newest; those stored first come first.
pub(super) fn read(client: &mut impl GenericClient) -> Result<Vec<Mark>, Fault> {
    let select = format!("SELECT key, state FROM marks ORDER BY at DESC LIMIT {MARKS}");
    let rows = client.query(&select, &[])?;
    let mark = |row: &postgres::Row| {
        let (key, state): (Vec<u8>, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
        let key = key.try_into().map_err(|key: Vec<u8>| {
            Fault::Nonsense(format!("the key of a mark with {} bytes", key.len()))
        })?;
        Mark::new(u128::from_be_bytes(key), state).map_err(Fault::nonsense)
    };
    rows.iter().rev().map(mark).collect()
}

pub(super) fn count(client: &mut impl GenericClient) -> Result<usize, Fault> {
    let row = client.query_one("SELECT count(*) FROM marks", &[])?;
    usize::try_from(row.try_get::<_, i64>(0)?).map_err(Fault::nonsense)
}

/// Removes the oldest beyond the bound, and says how many those were.
pub(super) fn remove_surplus(transaction: &mut Transaction<'_>) -> Result<u64, Fault> {
    let surplus = count(transaction)?.saturating_sub(MARKS);
    if surplus == 0 {
        return Ok(0);
    }
    let delete = format!(
        "DELETE FROM marks WHERE key IN (SELECT key FROM marks ORDER BY at LIMIT {surplus})"
    );
    Ok(transaction.execute(&delete, &[])?)
}

/// Removes some of those that were stored before a time, but for the newest: by them it is known that there were others. How many, and whether that was all.
pub(super) fn remove_older(
    transaction: &mut Transaction<'_>,
    cutoff: Option<i64>,
) -> Result<(u64, bool), Fault> {
    let Some(cutoff) = cutoff else {
        return Ok((0, true));
    };
    let delete = format!(
        "DELETE FROM marks WHERE key IN
             (SELECT key FROM marks WHERE at < least($1, (SELECT max(at) FROM marks))
              ORDER BY at LIMIT {STEP})"
    );
    let gone = transaction.execute(&delete, &[&cutoff])?;
    Ok((gone, gone < STEP.unsigned_abs()))
}
