//! The database: agreement with memory, other people's files, other programs' locks.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::Duration;

use agent_primitives::{Timestamp, Usd};
use agent_telemetry::{
    Body, Metric, ModelCall, Outcome, Record, Retention, SessionEnd, Sink, SqliteSink, SqliteStore,
    Stats, StoreError, Task, Telemetry,
};
use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::story::{LONG, model, provider};
use crate::{arbitrary, story};

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    (folder, path)
}

fn stored(path: &Path) -> Vec<Record> {
    let store = SqliteStore::open_read_only(path).unwrap();
    store.records().collect::<Result<_, _>>().unwrap()
}

fn numbered(number: u32) -> Record {
    Record::new(
        Timestamp::from_unix_seconds(number.into()),
        Metric::count("number", number),
    )
}

#[test]
fn report_from_the_database_is_the_report_from_memory() {
    let (_folder, path) = place();
    let records = story::records();
    SqliteSink::open(&path).unwrap().write(&records).unwrap();
    assert_eq!(stored(&path), records);
    let stats = SqliteStore::open_read_only(&path).unwrap().stats().unwrap();
    assert_eq!(stats, Stats::of(&records));
}

#[test]
fn views_agree_with_the_report() {
    let (_folder, path) = place();
    let records = story::records();
    SqliteSink::open(&path).unwrap().write(&records).unwrap();
    let stats = Stats::of(&records);
    let sql = Connection::open(&path).unwrap();
    let lines = |query: &str| -> Vec<String> {
        let mut statement = sql.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let models: Vec<String> = stats
        .cost
        .by_model
        .iter()
        .map(|line| {
            let (picos, calls) = (line.cost.picos(), line.calls);
            format!(
                "{} {} {calls} {} {picos}",
                line.provider, line.model, line.unpriced_calls
            )
        })
        .collect();
    let query = "SELECT concat_ws(' ', provider, model, calls, unpriced, cost_picos) \
                 FROM v_cost_by_model ORDER BY cost_picos DESC";
    assert_eq!(lines(query), models);
    assert_eq!(
        lines("SELECT cost_usd FROM v_cost_by_model ORDER BY cost_picos DESC LIMIT 1"),
        ["0.083250000000"]
    );
    let tools: Vec<String> = stats
        .performance
        .tools
        .iter()
        .map(|line| {
            format!(
                "{} {} {} {} {}",
                line.tool, line.calls, line.ok, line.failed, line.aborted
            )
        })
        .collect();
    let query = "SELECT concat_ws(' ', tool, calls, ok, failed, aborted) FROM v_tools \
                 ORDER BY calls DESC, tool";
    assert_eq!(lines(query), tools);
    assert_eq!(
        lines(
            "SELECT concat_ws(' ', session, agent, task_type, lives, outcome, model_calls, \
               cost_picos) FROM v_sessions ORDER BY session"
        ),
        [
            "s-1 coder bug_fix 2 success 6 83250000000",
            "s-2 coder refactoring 1 escalated 3 2484000000",
            "s-3 reviewer bug_fix 1 failed 2 0",
            "s-4 reviewer 1 0 0",
        ]
    );
    assert_eq!(
        lines(
            "SELECT concat_ws(' ', from_name, to_name, reason, initiator, times) \
               FROM v_handoffs ORDER BY 1"
        ),
        [
            "claude groq overloaded automatic 1",
            "coder on-call manual manual 1",
            "groq claude recovered automatic 1",
        ]
    );
    assert_eq!(
        lines("SELECT CAST(count(*) AS TEXT) FROM v_model_calls"),
        ["11"]
    );
}

#[test]
fn views_say_where_a_cost_is_too_wide_and_know_sessions_without_marks() {
    let (_folder, path) = place();
    let at = Timestamp::from_unix_seconds;
    let call = |name, picos: i128| {
        let call = ModelCall::new(provider(name), model("m")).cost(Usd::from_picos(picos));
        Record::new(at(1), call).of_session(story::session_id(name))
    };
    let start = |agent| {
        Record::new(at(2), Body::SessionStart(Task::default()))
            .of_session(story::session_id("two"))
            .of_agent(story::agent(agent))
    };
    let end = Record::new(at(3), SessionEnd::new(Outcome::Success, Duration::ZERO))
        .of_session(story::session_id("two"))
        .of_agent(story::agent("a"));
    let mut sink = SqliteSink::open(&path).unwrap();
    sink.write(&[
        call("wide", i128::from(i64::MAX) + 1),
        call("wide", 5),
        call("negative", -1_500_000_000_000),
        numbered(1).of_session(story::session_id("measured")),
        start("a"),
        start("b"),
        end,
    ])
    .unwrap();
    let sql = Connection::open(&path).unwrap();
    let rows = |query: &str| -> Vec<String> {
        let mut statement = sql.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(
        rows(
            "SELECT concat_ws(' ', provider, calls, unpriced, wide_calls, \
             ifnull(cost_picos, '?'), ifnull(cost_usd, '?')) FROM v_cost_by_model ORDER BY 1"
        ),
        [
            "negative 1 0 0 -1500000000000 -1.500000000000",
            "wide 2 0 1 ? ?",
        ]
    );
    let sessions = "SELECT concat_ws(' ', session, lives, ifnull(outcome, '?'), model_calls, \
                    wide_calls, ifnull(cost_picos, '?')) FROM v_sessions ORDER BY 1";
    assert_eq!(
        rows(sessions),
        [
            "measured 0 ? 0 0 0",
            "negative 0 ? 1 0 -1500000000000",
            "two 2 ? 0 0 0",
            "wide 0 ? 2 1 ?",
        ]
    );
    let end = SessionEnd::new(Outcome::Failed, Duration::ZERO);
    let end = Record::new(at(0), end)
        .of_session(story::session_id("two"))
        .of_agent(story::agent("b"));
    sink.write(&[end]).unwrap();
    assert_eq!(rows(sessions)[2], "two 2 failed 0 0 0");
    let stats = SqliteStore::open_read_only(&path).unwrap().stats().unwrap();
    assert_eq!(
        (
            stats.overview.sessions,
            stats.outcomes.failed,
            stats.outcomes.open
        ),
        (4, 1, 3)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_read_back_as_written_in_whatever_batches(
        records in arbitrary::records(), size in 1_usize..20
    ) {
        let (_folder, path) = place();
        let mut sink = SqliteSink::open(&path).unwrap().retention(Retention::FOREVER);
        for batch in records.chunks(size) {
            sink.write(batch).unwrap();
        }
        prop_assert_eq!(stored(&path), records);
    }
}

#[test]
fn reading_goes_over_pages_and_keeps_to_a_time() {
    let (_folder, path) = place();
    let records: Vec<Record> = (0..10_000).map(numbered).collect();
    SqliteSink::open(&path).unwrap().write(&records).unwrap();
    assert_eq!(stored(&path), records);
    let store = SqliteStore::open_read_only(&path).unwrap();
    let second = Timestamp::from_unix_seconds;
    let read = |found: agent_telemetry::Records<'_>| found.map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(read(store.records_in(second(9_990)..)), records[9_990..]);
    assert_eq!(read(store.records_in(second(3)..second(5))), records[3..5]);
    assert_eq!(
        read(store.records_in(second(3)..=second(5))),
        records[3..=5]
    );
    assert_eq!(
        store
            .records_in(..Timestamp::from_unix_nanos(i64::MIN))
            .count(),
        0
    );
}

#[test]
fn cost_beyond_64_bits_stays_exact() {
    let (_folder, path) = place();
    let cost = |picos: i128| -> Record {
        let call = ModelCall::new(provider("p"), model("m")).cost(Usd::from_picos(picos));
        Record::new(Timestamp::UNIX_EPOCH, call)
    };
    let limit = i128::from(i64::MAX);
    let records = [limit, limit + 1, -limit - 2, i128::MAX, i128::MIN].map(cost);
    SqliteSink::open(&path).unwrap().write(&records).unwrap();
    assert_eq!(stored(&path), records);
}

#[test]
fn two_writers_of_one_file_wait_for_each_other() {
    const EACH: u32 = 400;
    let (_folder, path) = place();
    let of = |name| move |number| numbered(number).of_session(story::session_id(name));
    let ready = Barrier::new(2);
    std::thread::scope(|scope| {
        for name in ["a", "b"] {
            let (path, ready) = (&path, &ready);
            scope.spawn(move || {
                let mut sink = SqliteSink::open(path).unwrap();
                ready.wait();
                for record in (0..EACH).map(of(name)) {
                    sink.write(&[record]).unwrap();
                }
            });
        }
    });
    let all = stored(&path);
    for name in ["a", "b"] {
        let id = story::session_id(name);
        let mine = all
            .iter()
            .filter(|record| record.session.as_ref() == Some(&id));
        assert!(mine.cloned().eq((0..EACH).map(of(name))), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = place();
    let mut sink = SqliteSink::open(&path).unwrap();
    sink.write(&[numbered(1)]).unwrap();
    let modes: Vec<(String, u32)> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            (entry.file_name().into_string().unwrap(), mode)
        })
        .collect();
    assert_eq!(modes.len(), 3, "database, log and index: {modes:?}");
    assert!(modes.iter().all(|(_, mode)| *mode == 0o600), "{modes:?}");
}

#[cfg(unix)]
#[test]
fn removed_or_moved_file_is_said_and_recording_goes_on_in_a_new_one() {
    let (folder, path) = place();
    let telemetry = Telemetry::builder(SqliteSink::open(&path).unwrap())
        .window(LONG)
        .start()
        .unwrap();
    let refused = || {
        let error = telemetry.flush(LONG).unwrap_err();
        let refusal = std::error::Error::source(&error).unwrap();
        let cause = refusal.source().unwrap().downcast_ref::<StoreError>();
        cause.unwrap().is_replaced()
    };
    let session = |number| numbered(number).of_session(story::session_id("s"));
    telemetry.record(session(1));
    telemetry.flush(LONG).unwrap();
    for file in fs::read_dir(folder.path()).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    telemetry.record(session(2));
    assert!(refused());
    assert_eq!(telemetry.flush(LONG).unwrap().dropped.total(), 0);
    assert_eq!(stored(&path), [session(2)]);

    // The log stays behind, and belongs to the file that is gone.
    let moved = folder.path().join("moved.db");
    fs::rename(&path, &moved).unwrap();
    telemetry.record(session(3));
    assert!(refused());
    telemetry.flush(LONG).unwrap();
    assert_eq!(stored(&path), [session(3)]);

    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    telemetry.record(session(4));
    assert!(telemetry.flush(LONG).unwrap_err().is_sink());
    fs::remove_dir(&path).unwrap();
    telemetry.flush(LONG).unwrap();
    assert_eq!(stored(&path), [session(4)]);
}

fn refusals(path: &Path) -> [StoreError; 2] {
    [
        SqliteSink::open(path).unwrap_err(),
        SqliteStore::open_read_only(path).unwrap_err(),
    ]
}

#[test]
fn database_of_another_program_is_refused_and_left_alone() {
    let (_folder, path) = place();
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE recipes (name TEXT)")
        .unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    for error in refusals(&path) {
        assert!(error.is_foreign(), "{error:?}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn file_that_is_no_database_is_refused_and_left_alone() {
    let (_folder, path) = place();
    let text = "These are the notes of somebody else. ".repeat(200);
    fs::write(&path, &text).unwrap();
    for error in refusals(&path) {
        assert!(error.is_foreign(), "{error:?}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn newer_schema_is_refused_by_number() {
    let (_folder, path) = place();
    drop(SqliteSink::open(&path).unwrap());
    let sql = Connection::open(&path).unwrap();
    sql.pragma_update(None, "user_version", 99).unwrap();
    for error in refusals(&path) {
        assert!(error.is_newer_schema(), "{error:?}");
        assert!(
            error
                .to_string()
                .ends_with("schema 99 is newer than this version knows (5); upgrade the program")
        );
    }
}

#[test]
fn damaged_database_is_an_error_and_not_a_short_report() {
    let (_folder, path) = place();
    let records: Vec<Record> = (0..2_000).map(numbered).collect();
    SqliteSink::open(&path).unwrap().write(&records).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    // Behind the pages of the schema, so that it still opens.
    let half = bytes.len() / 2;
    bytes[half..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let store = SqliteStore::open_read_only(&path).unwrap();
    let error = store.stats().unwrap_err();
    assert!(error.is_corrupt(), "{error:?}");
    assert!(
        store.records().count() <= records.len() + 1,
        "ends after the error"
    );
}

#[test]
fn row_that_makes_no_sense_is_named() {
    let (_folder, path) = place();
    SqliteSink::open(&path)
        .unwrap()
        .write(&story::records())
        .unwrap();
    let sql = Connection::open(&path).unwrap();
    sql.execute("UPDATE tool_calls SET outcome = 'exploded'", [])
        .unwrap();
    let error = SqliteStore::open_read_only(&path)
        .unwrap()
        .stats()
        .unwrap_err();
    assert!(error.is_corrupt(), "{error:?}");
    assert!(
        error.to_string().contains("the word \"exploded\""),
        "{error}"
    );
}

#[test]
fn impossible_sequence_is_an_error_for_the_writer_and_nothing_to_readers() {
    let (_folder, path) = place();
    let mut sink = SqliteSink::open(&path).unwrap();
    sink.write(&[numbered(1)]).unwrap();
    let sql = Connection::open(&path).unwrap();
    sql.execute("UPDATE sequence SET next = ?1", [i64::MAX])
        .unwrap();
    let error = sink.write(&[numbered(2)]).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap();
    assert!(
        cause.downcast_ref::<StoreError>().unwrap().is_corrupt(),
        "{cause:?}"
    );
    assert_eq!(stored(&path), [numbered(1)]);
}

#[test]
fn gap_in_the_numbers_is_stepped_over_up_to_the_last_number() {
    let (_folder, path) = place();
    let mut sink = SqliteSink::open(&path).unwrap();
    sink.write(&[numbered(1), numbered(2), numbered(3)])
        .unwrap();
    let sql = Connection::open(&path).unwrap();
    for (seq, moved) in [(2, i64::MAX / 2), (3, i64::MAX)] {
        sql.execute("UPDATE metrics SET seq = ?2 WHERE seq = ?1", (seq, moved))
            .unwrap();
    }
    assert_eq!(stored(&path), [numbered(1), numbered(2), numbered(3)]);
}

#[test]
fn locked_database_is_said_and_the_batch_is_stored_once_it_is_free() {
    let (_folder, path) = place();
    let sink = SqliteSink::open_within(&path, Duration::ZERO).unwrap();
    let telemetry = Telemetry::builder(sink).window(LONG).start().unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    telemetry.record(numbered(1));
    let error = telemetry.flush(LONG).unwrap_err();
    assert!(error.is_sink(), "{error}");
    let refusal = telemetry.health().error.unwrap();
    let cause = std::error::Error::source(&*refusal).unwrap();
    assert!(
        cause.downcast_ref::<StoreError>().unwrap().is_locked(),
        "{cause:?}"
    );
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(telemetry.flush(LONG).unwrap().stored, 1);
    assert_eq!(stored(&path), [numbered(1)]);
}

#[test]
fn batch_that_fails_half_way_leaves_nothing_behind() {
    let (_folder, path) = place();
    let mut sink = SqliteSink::open(&path).unwrap();
    let sql = Connection::open(&path).unwrap();
    sql.execute_batch(
        "CREATE TRIGGER refuse BEFORE INSERT ON metrics WHEN new.value = 3.0
         BEGIN SELECT RAISE(ABORT, 'no threes'); END",
    )
    .unwrap();
    let batch: Vec<Record> = (0..5).map(numbered).collect();
    sink.write(&batch).unwrap_err();
    assert_eq!(stored(&path), []);
    sql.execute_batch("DROP TRIGGER refuse").unwrap();
    sink.write(&batch).unwrap();
    assert_eq!(stored(&path), batch);
}

#[test]
fn missing_folder_is_said_with_the_path() {
    let (folder, _) = place();
    let path = folder.path().join("no").join("telemetry.db");
    for error in refusals(&path) {
        assert!(error.is_missing(), "{error:?}");
        assert!(
            error.to_string().starts_with(&path.display().to_string()),
            "{error}"
        );
    }
}

#[cfg(unix)]
#[test]
fn database_beside_which_nothing_can_be_written_is_read_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("50 % of #1?.db");
    let beside = |ending| folder.path().join(format!("50 % of #1?.db{ending}"));
    SqliteSink::open(&path)
        .unwrap()
        .write(&[numbered(1)])
        .unwrap();
    // SQLite follows no link, so that it cannot make its index, as on a read-only file system.
    std::os::unix::fs::symlink("nowhere", beside("-shm")).unwrap();
    assert_eq!(stored(&path), [numbered(1)]);

    fs::write(beside("-wal"), [0; 64]).unwrap();
    let error = SqliteStore::open_read_only(&path).unwrap_err();
    assert!(error.is_read_only() && !error.is_missing(), "{error:?}");
}

/// A database as the first version left it; never made anew.
#[test]
fn database_of_schema_1_is_read_and_written_on() {
    let (_folder, path) = place();
    let sql = Connection::open(&path).unwrap();
    sql.execute_batch(include_str!("../golden/v1.sql")).unwrap();
    drop(sql);
    let stats = SqliteStore::open_read_only(&path).unwrap().stats().unwrap();
    assert_eq!(stats.to_string(), include_str!("../golden/stats_v1.txt"));
    let mut sink = SqliteSink::open(&path).unwrap();
    sink.write(&[numbered(1)]).unwrap();
    let all = stored(&path);
    assert_eq!(all.len() as u64, stats.overview.records + 1);
    assert_eq!(all.last(), Some(&numbered(1)));
    let sql = Connection::open(&path).unwrap();
    let views = || -> Vec<(String, String)> {
        let mut statement = sql
            .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'view' ORDER BY name")
            .unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    };
    let (_other_folder, other) = place();
    drop(SqliteSink::open(&other).unwrap());
    let fresh = views();
    sql.execute("ATTACH ?1 AS other", [other.to_str().unwrap()])
        .unwrap();
    let same: i64 = sql
        .query_row(
            "SELECT count(*) FROM sqlite_schema JOIN other.sqlite_schema o USING (type, name, sql) \
             WHERE type = 'view'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(
        (fresh.len(), same),
        (11, 11),
        "the views are those of today"
    );
}
