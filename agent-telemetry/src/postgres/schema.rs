//! Whether a schema of the database is ours, and how it becomes a current one.

use super::config::Target;
use super::connection::{Connection, quoted};
use super::error::Fault;

/// Step N brings a schema from version N to N + 1. Released steps never change.
const MIGRATIONS: &[&str] = &[include_str!("schema/v1.sql"), include_str!("schema/v2.sql")];

/// Not numbered, since they hold nothing.
const VIEWS: &str = include_str!("schema/views.sql");

#[expect(clippy::cast_possible_wrap, reason = "a handful of steps")]
pub(super) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// "agtm": the first half of the number of the lock that migrations take turns by.
const LOCK: u64 = 0x6167_746d_0000_0000;

/// Brings the schema up to date, creating what is not there. Any number of processes may do that at
/// once: each waits for the one before it and then finds nothing to do.
pub(super) fn migrate(connection: &mut Connection, target: &Target) -> Result<(), Fault> {
    let (client, _) = connection.client()?;
    let views = format!("{:016x}", fnv(VIEWS));
    if standing(client, &target.schema)? == Some((KNOWN, views.clone())) {
        return Ok(());
    }
    let mut transaction = client.transaction()?;
    let lock = LOCK | (fnv(&target.schema) & 0xffff_ffff);
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&lock.cast_signed()])?;
    let found = standing(&mut transaction, &target.schema)?;
    if found.is_none() {
        let schema = quoted(&target.schema);
        if !exists(&mut transaction, &target.schema)? {
            transaction.batch_execute(&format!("CREATE SCHEMA {schema}"))?;
        }
        transaction.batch_execute(
            "CREATE TABLE schema_version (version bigint NOT NULL, views text NOT NULL);
             INSERT INTO schema_version VALUES (0, '')",
        )?;
    }
    let (from, old_views) = found.unwrap_or_default();
    for step in MIGRATIONS.iter().skip(usize::try_from(from).unwrap_or(0)) {
        transaction.batch_execute(step)?;
    }
    let mut current = old_views.as_str();
    if old_views != views && replace_views(&mut transaction)? {
        current = &views;
    }
    transaction.execute(
        "UPDATE schema_version SET version = $1, views = $2",
        &[&KNOWN, &current],
    )?;
    Ok(transaction.commit()?)
}

/// `false` where views of others are made of ours, or ours are another user's, which then stay as they are.
fn replace_views(transaction: &mut postgres::Transaction<'_>) -> Result<bool, Fault> {
    let mut attempt = transaction.transaction()?;
    // What others may read stays theirs to read where the columns only grow in number.
    let in_place = VIEWS.replace("CREATE VIEW ", "CREATE OR REPLACE VIEW ");
    match attempt.batch_execute(&in_place).map_err(Fault::from) {
        Ok(()) => {
            attempt.commit()?;
            return Ok(true);
        }
        Err(fault) if fault.is_fixed() => attempt.rollback()?,
        Err(fault) => return Err(fault),
    }
    let mut attempt = transaction.transaction()?;
    let names = VIEWS.split("CREATE VIEW ").skip(1);
    let names: Vec<&str> = names
        .filter_map(|view| view.split_whitespace().next())
        .collect();
    let dropped = attempt.batch_execute(&format!("DROP VIEW IF EXISTS {}", names.join(", ")));
    match dropped.map_err(Fault::from) {
        Err(fault) if fault.is_dependency() || fault.is_fixed() => {
            tracing::warn!(
                target: "agent_telemetry",
                "the views stay as an older version made them: others are made of them, or another user owns them"
            );
            attempt.rollback()?;
            return Ok(false);
        }
        done => done?,
    }
    attempt.batch_execute(VIEWS)?;
    attempt.commit()?;
    Ok(true)
}

/// The version of a schema that a reader can read.
pub(super) fn check(connection: &mut Connection, target: &Target) -> Result<(), Fault> {
    let (client, _) = connection.client()?;
    match standing(client, &target.schema)? {
        Some((1.., _)) => Ok(()),
        _ => Err(Fault::Missing),
    }
}

/// Version and views of the schema; `None` for one that is not there or has nothing in it.
fn standing(
    client: &mut impl postgres::GenericClient,
    schema: &str,
) -> Result<Option<(i64, String)>, Fault> {
    let tables = client.query_one(
        "SELECT count(*), count(*) FILTER (WHERE c.relname = 'schema_version')
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
        &[&schema],
    )?;
    match (tables.try_get::<_, i64>(0)?, tables.try_get::<_, i64>(1)?) {
        (0, _) => return Ok(None),
        (_, 0) => return Err(Fault::Foreign),
        _ => {}
    }
    let table = format!("{}.schema_version", quoted(schema));
    let row = client.query_opt(&format!("SELECT version, views FROM {table}"), &[])?;
    let row = row.ok_or(Fault::Foreign)?;
    let (Ok(version), Ok(views)) = (row.try_get::<_, i64>(0), row.try_get(1)) else {
        return Err(Fault::Foreign);
    };
    match version {
        1..=KNOWN => Ok(Some((version, views))),
        found if found > KNOWN => Err(Fault::Newer {
            found,
            known: KNOWN,
        }),
        _ => Err(Fault::Foreign),
    }
}

fn exists(client: &mut impl postgres::GenericClient, schema: &str) -> Result<bool, Fault> {
    let found = client.query_opt(
        "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1",
        &[&schema],
    )?;
    Ok(found.is_some())
}

/// FNV-1a, the same in every version of this crate and of Rust.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
