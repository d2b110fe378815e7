//! Which database is ours, and how an older one becomes a current one.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::StoreError;

/// "agtm" in the file header, so that no other database is taken for ours.
const APPLICATION_ID: i64 = 0x6167_746d;

/// Step N brings a database from `user_version` N to N + 1. Released steps never change.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/v1.sql"),
    include_str!("schema/v2.sql"),
    include_str!("schema/v3.sql"),
    include_str!("schema/v4.sql"),
    include_str!("schema/v5.sql"),
];

/// Not numbered, since they hold nothing.
const VIEWS: &str = include_str!("schema/views.sql");

#[expect(clippy::cast_possible_wrap, reason = "a handful of steps")]
pub(super) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// Brings the database up to date, creating what an empty one lacks.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let sql = |error| StoreError::sql(path, error);
    if version(connection, path)? == KNOWN && stale_views(connection).map_err(sql)?.is_none() {
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
    if let Some(stale) = stale_views(&transaction).map_err(sql)? {
        for name in stale {
            transaction
                .execute_batch(&format!("DROP VIEW {name}"))
                .map_err(sql)?;
        }
        transaction.execute_batch(VIEWS).map_err(sql)?;
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION_ID)
        .map_err(sql)?;
    transaction
        .pragma_update(None, "user_version", KNOWN)
        .map_err(sql)?;
    transaction.commit().map_err(sql)
}

/// Those of our views that are there, unless all are and as they should be.
fn stale_views(connection: &Connection) -> rusqlite::Result<Option<Vec<&'static str>>> {
    let mut present = Vec::new();
    let mut all_current = true;
    for view in VIEWS.split("CREATE VIEW ").skip(1) {
        let (name, _) = view.split_once(' ').unwrap_or((view, ""));
        let (definition, _) = view.split_once(';').unwrap_or((view, ""));
        let stored: Option<String> = connection
            .prepare_cached("SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        all_current &= stored
            .as_deref()
            .and_then(|sql| sql.strip_prefix("CREATE VIEW "))
            == Some(definition);
        if stored.is_some() {
            present.push(name);
        }
    }
    Ok((!all_current).then_some(present))
}

/// The version of a database that a reader can read.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    match version(connection, path)? {
        0 => Err(StoreError::foreign(path)),
        version => Ok(version),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(connection: &Connection) -> Vec<String> {
        let mut select = connection
            .prepare(
                "SELECT t.name || '.' || c.name || ' ' || c.type FROM sqlite_schema t, pragma_table_info(t.name) c
                 ORDER BY t.name, c.name",
            )
            .unwrap();
        let columns = select.query_map([], |row| row.get(0)).unwrap();
        columns.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn every_older_version_becomes_the_current_one() {
        let path = Path::new("in memory");
        let mut current = Connection::open_in_memory().unwrap();
        migrate(&mut current, path).unwrap();
        let expected = columns(&current);
        for from in 1..MIGRATIONS.len() {
            let mut older = Connection::open_in_memory().unwrap();
            for step in &MIGRATIONS[..from] {
                older.execute_batch(step).unwrap();
            }
            older
                .pragma_update(None, "application_id", APPLICATION_ID)
                .unwrap();
            let number = i64::try_from(from).unwrap();
            older.pragma_update(None, "user_version", number).unwrap();
            older
                .execute("INSERT INTO names (name) VALUES ('kept')", [])
                .unwrap();
            migrate(&mut older, path).unwrap();
            assert_eq!(version(&older, path).unwrap(), KNOWN, "from {from}");
            assert_eq!(columns(&older), expected, "from {from}");
            let kept = "SELECT count(*) FROM names WHERE name = 'kept'";
            let kept: i64 = older.query_row(kept, [], |row| row.get(0)).unwrap();
            assert_eq!(kept, 1);
        }
    }
}
