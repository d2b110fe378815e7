//! Sums in the database: the same as those of the records, whatever the batches, and built for older
//! databases.

use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_primitives::Timestamp;
use agent_telemetry::{
    Metric, Outcome, Period, Record, Retention, Rollups, SessionEnd, Sink, SqliteSink, SqliteStore,
    ToolCall, ToolOutcome,
};
use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::{arbitrary, story};

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    (folder, path)
}

/// Times in the tests are any.
fn open(path: &Path) -> SqliteSink {
    SqliteSink::open(path)
        .unwrap()
        .retention(Retention::FOREVER)
}

fn sums(path: &Path, period: Period) -> Rollups {
    let store = SqliteStore::open_read_only(path).unwrap();
    store.rollups(period).unwrap().unwrap().rollups
}

/// Floating-point sums depend on the order in their last bits; the rest is equal.
fn assert_same(found: &Rollups, expected: &Rollups) {
    assert_eq!(found.agents, expected.agents);
    assert!(found.models.keys().eq(expected.models.keys()));
    for (key, cell) in &found.models {
        let other = expected.models.get(key).unwrap();
        assert_eq!(cell.usage, other.usage, "{key:?}");
        assert_eq!(cell.cost, other.cost, "{key:?}");
        assert_eq!(cell.failures, other.failures, "{key:?}");
        assert_eq!(
            (
                cell.calls,
                cell.failed,
                cell.priced,
                cell.unpriced,
                cell.attempts
            ),
            (
                other.calls,
                other.failed,
                other.priced,
                other.unpriced,
                other.attempts
            )
        );
        for q in [0.0, 0.5, 0.95, 0.99, 1.0] {
            assert_eq!(cell.latency(q), other.latency(q), "{key:?} {q}");
            assert_eq!(cell.first_token(q), other.first_token(q), "{key:?} {q}");
        }
        assert_eq!(
            cell.latency_ns.bucket_counts(),
            other.latency_ns.bucket_counts()
        );
    }
    assert!(found.tools.keys().eq(expected.tools.keys()));
    for (key, cell) in &found.tools {
        let other = expected.tools.get(key).unwrap();
        assert_eq!(
            (cell.ok, cell.failed, cell.aborted),
            (other.ok, other.failed, other.aborted)
        );
        assert_eq!(
            cell.latency_ns.bucket_counts(),
            other.latency_ns.bucket_counts()
        );
    }
    assert!(found.metrics.keys().eq(expected.metrics.keys()));
    for (key, cell) in &found.metrics {
        let other = expected.metrics.get(key).unwrap();
        assert_eq!((cell.count, cell.range), (other.count, other.range));
        assert!((cell.sum - other.sum).abs() <= 1e-9 * other.sum.abs().max(1e6));
    }
}

/// Some days of records, so that a period has days, hours and minutes in it.
fn spread() -> impl Strategy<Value = Vec<Record>> {
    let record = (arbitrary::record(), 0_i64..4 * 86_400).prop_map(|(mut record, second)| {
        record.at = Timestamp::from_unix_seconds(second);
        record
    });
    prop::collection::vec(record, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_in_the_database_are_those_of_the_records_in_any_period(
        records in spread(),
        size in 4_usize..30,
        from in -100_000_i64..4 * 86_400,
        length in 0_i64..4 * 86_400,
    ) {
        let (_folder, path) = place();
        let mut sink = open(&path);
        for batch in records.chunks(size) {
            sink.write(batch).unwrap();
        }
        let at = Timestamp::from_unix_seconds;
        let period = Period::new(at(from), at(from + length));
        assert_same(&sums(&path, period), &Rollups::of(&records, period));
        assert_same(&sums(&path, Period::ALL), &Rollups::of(&records, Period::ALL));
    }

    #[test]
    fn sums_of_an_older_database_are_built_when_it_is_opened(
        older in spread(), newer in spread(), seen in any::<bool>()
    ) {
        // A database that is open is caught up with when something is written.
        prop_assume!(!seen || !newer.is_empty());
        let (_folder, path) = place();
        open(&path).write(&older).unwrap();
        forget_sums(&path);
        let mut sink = open(&path);
        if seen && !newer.is_empty() {
            // As a program of the older version does, while this one has the database open; the next
            // batch finds out, which one without records does not.
            forget_sums(&path);
        }
        sink.write(&newer).unwrap();
        let all: Vec<Record> = older.into_iter().chain(newer).collect();
        assert_same(&sums(&path, Period::ALL), &Rollups::of(&all, Period::ALL));
    }
}

/// The tables of sums, empty.
fn forget_sums(path: &Path) {
    let sql = Connection::open(path).unwrap();
    sql.execute_batch(
        "DELETE FROM rollup_agents; DELETE FROM rollup_models; DELETE FROM rollup_tools;
         DELETE FROM rollup_metrics; DELETE FROM session_tasks;
         UPDATE rollup_state SET next = -9223372036854775808;",
    )
    .unwrap();
}

#[test]
fn building_goes_over_pages_and_goes_on_where_it_was_interrupted() {
    let (_folder, path) = place();
    let call = |second| {
        let tool = "grep".parse().unwrap();
        let call = ToolCall::new(tool, ToolOutcome::Ok, Duration::from_millis(3));
        Record::new(Timestamp::from_unix_seconds(second), call)
    };
    let records: Vec<Record> = (0..10_000).map(call).collect();
    open(&path).write(&records).unwrap();
    forget_sums(&path);
    let sql = Connection::open(&path).unwrap();
    // The second page fails once.
    sql.execute_batch(
        "CREATE TRIGGER fail BEFORE UPDATE ON rollup_state WHEN new.next > 5000
         BEGIN SELECT RAISE(ABORT, 'interrupted'); END",
    )
    .unwrap();
    SqliteSink::open(&path).unwrap_err();
    let done: i64 = sql
        .query_row("SELECT next FROM rollup_state", [], |row| row.get(0))
        .unwrap();
    assert_eq!(done, 4_097, "one page of 4096, from number 1");
    sql.execute_batch("DROP TRIGGER fail").unwrap();
    drop(open(&path));
    assert_same(
        &sums(&path, Period::ALL),
        &Rollups::of(&records, Period::ALL),
    );
}

#[test]
fn session_counts_once_where_it_began_whoever_writes_its_later_marks() {
    let (_folder, path) = place();
    let at = Timestamp::from_unix_seconds;
    let mut one = open(&path);
    let mut other = open(&path);
    let session = story::session_id("shared");
    let task = agent_telemetry::SessionStart::new(session.clone(), story::agent("coder"))
        .task_type("bug_fix")
        .task;
    let mark = |second, body: agent_telemetry::Body| {
        Record::new(at(second), body)
            .of_session(session.clone())
            .of_agent(story::agent("coder"))
    };
    let measured = mark(1, Metric::count("files", 1).into());
    one.write(std::slice::from_ref(&measured)).unwrap();
    let start = mark(2, agent_telemetry::Body::SessionStart(task.clone()));
    other.write(std::slice::from_ref(&start)).unwrap();
    let resume = mark(90_000, agent_telemetry::Body::SessionResume(task));
    one.write(std::slice::from_ref(&resume)).unwrap();
    let end = mark(
        90_001,
        SessionEnd::new(Outcome::Success, Duration::from_secs(1)).into(),
    );
    other.write(std::slice::from_ref(&end)).unwrap();
    let sums = sums(&path, Period::ALL);
    let lines: Vec<_> = sums
        .agents
        .iter()
        .map(|(key, cell)| {
            let task = key.task_type.as_deref();
            (
                task,
                cell.records,
                cell.sessions,
                cell.resumptions,
                cell.success,
            )
        })
        .collect();
    assert_eq!(lines, [(None, 1, 0, 0, 0), (Some("bug_fix"), 3, 1, 1, 1)]);
    assert_eq!(
        sums,
        Rollups::of(&[measured, start, resume, end], Period::ALL)
    );
}
