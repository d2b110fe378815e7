//! Which database is ours, and how an older one becomes a current one.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// "agtm" in the file header, so that no other database is taken for ours.
const APPLICATION_ID: i64 = 0x6167_746d;

/// Step N brings a database from `user_version` N to N + 1. Released steps never change.
const MIGRATIONS: &[&str] = &[include_str!("schema/v1.sql")];

#[expect(clippy::cast_possible_wrap, reason = "a handful of steps")]
const KNOWN: i64 = MIGRATIONS.len() as i64;

/// Brings the database up to date, creating what an empty one lacks.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let sql = |error| StoreError::sql(path, error);
    if version(connection, path)? == KNOWN {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(sql)?;
    // Again under the lock: another process may have done it meanwhile.
    let from = version(&transaction, path)?;
    for step in MIGRATIONS.iter().skip(usize::try_from(from).unwrap_or(0)) {
        transaction.execute_batch(step).map_err(sql)?;
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION_ID)
        .map_err(sql)?;
    transaction
        .pragma_update(None, "user_version", KNOWN)
        .map_err(sql)?;
    transaction.commit().map_err(sql)
}

/// Refuses what a reader cannot read.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    match version(connection, path)? {
        0 => Err(StoreError::foreign(path)),
        _ => Ok(()),
    }
}

/// The schema version; 0 for a database with nothing in it.
fn version(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let integer = |query: &str| {
        connection
            .query_row(query, [], |row| row.get::<_, i64>(0))
            .map_err(|error| StoreError::sql(path, error))
    };
    let application = integer("PRAGMA application_id")?;
    let version = integer("PRAGMA user_version")?;
    match (application, version) {
        (APPLICATION_ID, 1..=KNOWN) => Ok(version),
        (APPLICATION_ID, found) if found > KNOWN => Err(StoreError::newer(path, found, KNOWN)),
        (0, 0) if integer("SELECT count(*) FROM sqlite_schema")? == 0 => Ok(0),
        _ => Err(StoreError::foreign(path)),
    }
}
