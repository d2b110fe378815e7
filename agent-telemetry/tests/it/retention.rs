//! What a database removes, and what it never removes.

use std::path::{Path, PathBuf};

use agent_primitives::{ManualClock, Timestamp};
use agent_telemetry::{
    Metric, Period, Record, Retention, Rollups, Sink, Span, SqliteSink, SqliteStore,
};
use rusqlite::Connection;
use tempfile::TempDir;

const DAY: i64 = 86_400;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    (folder, path)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_seconds(second)
}

fn measured(second: i64) -> Record {
    Record::new(at(second), Metric::count("files", 1))
}

fn stored(path: &Path) -> Vec<i64> {
    let store = SqliteStore::open_read_only(path).unwrap();
    let seconds = |record: Result<Record, _>| record.unwrap().at.unix_seconds();
    store.records().map(seconds).collect()
}

fn number(path: &Path, query: &str) -> i64 {
    let sql = Connection::open(path).unwrap();
    sql.query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn old_records_go_and_their_sums_stay_in_longer_spans() {
    let (_folder, path) = place();
    let seconds = [
        0,
        3_601,
        40 * DAY + 61,
        95 * DAY + 61,
        99 * DAY + 61,
        100 * DAY + 1,
    ];
    let records: Vec<Record> = seconds.into_iter().map(measured).collect();
    let mut sink = SqliteSink::open(&path)
        .unwrap()
        .retention(Retention::FOREVER);
    sink.write(&records).unwrap();
    let mut sink = sink.retention(Retention::default());
    let pruned = sink.prune().unwrap();
    assert_eq!(stored(&path), seconds[3..]);
    // By minute 4 each in two tables, by hour 3: of two in one day, and of day 40, which is 60 days old.
    assert_eq!(
        (pruned.records, pruned.sums, pruned.done),
        (3, 2 * (4 + 2), true)
    );

    let store = SqliteStore::open_read_only(&path).unwrap();
    let sums = |from, to| {
        let found = store
            .rollups(Period::new(at(from), at(to)))
            .unwrap()
            .unwrap();
        let records: u64 = found.rollups.agents.values().map(|cell| cell.records).sum();
        (
            records,
            found.covered.from().unix_seconds(),
            found.covered.to().unix_seconds(),
        )
    };
    assert_eq!(sums(0, 101 * DAY), (6, 0, 101 * DAY));
    assert_eq!(
        sums(99 * DAY + 60, 100 * DAY),
        (1, 99 * DAY + 60, 100 * DAY)
    );
    assert_eq!(
        sums(40 * DAY + 61, 50 * DAY),
        (1, 40 * DAY, 50 * DAY),
        "to the hour"
    );
    assert_eq!(sums(3_601, 7_200), (2, 0, DAY), "to the day");
    let all = store.rollups(Period::ALL).unwrap().unwrap().rollups;
    assert_eq!(all, Rollups::of(&records, Period::ALL));
}

#[test]
fn writer_removes_what_is_due_in_steps_once_a_day() {
    let (_folder, path) = place();
    let old: Vec<Record> = (0..10_000).map(measured).collect();
    SqliteSink::open(&path).unwrap().write(&old).unwrap();
    let mut sink = SqliteSink::open(&path).unwrap();
    let mut left = Vec::new();
    for second in 0..5 {
        sink.write(&[measured(40 * DAY + second)]).unwrap();
        left.push(stored(&path).len());
    }
    // Steps of 4096 numbers, and the new records.
    assert_eq!(left, [5_905, 1_810, 3, 4, 5]);
    assert_eq!(number(&path, "SELECT pruned FROM rollup_state"), 40 * DAY);
    let late = measured(1);
    sink.write(std::slice::from_ref(&late)).unwrap();
    assert_eq!(stored(&path).len(), 6, "not again on that day");
    sink.write(&[measured(41 * DAY)]).unwrap();
    assert!(!stored(&path).contains(&1));
}

#[test]
fn record_from_the_future_removes_nothing() {
    let (_folder, path) = place();
    let clock = ManualClock::starting_at(at(DAY));
    let mut sink = SqliteSink::open(&path).unwrap().clock(clock.clone());
    sink.write(&[measured(DAY)]).unwrap();
    sink.write(&[measured(1_000 * DAY)]).unwrap();
    assert_eq!(sink.prune().unwrap().records, 0);
    assert_eq!(stored(&path), [DAY, 1_000 * DAY]);
    clock.set_timestamp(at(32 * DAY));
    assert_eq!(sink.prune().unwrap().records, 1);
    assert_eq!(stored(&path), [1_000 * DAY]);
}

#[test]
fn record_that_no_sum_covers_stays() {
    let (_folder, path) = place();
    let mut sink = SqliteSink::open(&path).unwrap();
    sink.write(&[measured(0)]).unwrap();
    // As a program of an older version does.
    let sql = Connection::open(&path).unwrap();
    sql.execute_batch(
        "INSERT INTO names (name) VALUES ('lines');
         INSERT INTO metrics (seq, at, metric, value, unit)
         SELECT 2, 5000000000, id, 1.0, 'count' FROM names WHERE name = 'lines';
         UPDATE sequence SET next = 3; UPDATE rollup_state SET next = 2;",
    )
    .unwrap();
    let newest = "INSERT INTO rollup_agents SELECT 60, 8640000, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
                  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL";
    sql.execute_batch(newest).unwrap();
    assert_eq!(sink.prune().unwrap().records, 1);
    assert_eq!(stored(&path), [5]);
    // Summed up, it goes.
    sink.write(&[measured(100 * DAY)]).unwrap();
    assert_eq!(sink.prune().unwrap().records, 1);
    assert_eq!(stored(&path), [100 * DAY]);
    let store = SqliteStore::open_read_only(&path).unwrap();
    let early = Period::new(at(0), at(60)).outward(Span::Day);
    let sums = store.rollups(early).unwrap().unwrap().rollups;
    assert_eq!(sums.metrics.len(), 2, "{:?}", sums.metrics.keys());
}

#[test]
fn pages_of_removed_records_are_used_again() {
    let (_folder, path) = place();
    let mut sink = SqliteSink::open(&path).unwrap();
    let fill = |sink: &mut SqliteSink, day: i64| {
        let records: Vec<Record> = (0..4_000).map(|n| measured(day * DAY + n)).collect();
        sink.write(&records).unwrap();
        sink.prune().unwrap();
    };
    fill(&mut sink, 0);
    fill(&mut sink, 40);
    let pages = number(&path, "PRAGMA page_count");
    for day in [80, 120, 160] {
        fill(&mut sink, day);
    }
    let after = number(&path, "PRAGMA page_count");
    // Sums by hour and day are still there, some rows of each.
    assert!(after <= pages + pages / 10, "{pages} {after}");
}

#[test]
fn names_go_with_the_last_of_what_used_them_and_come_back() {
    let (_folder, path) = place();
    let of = |second: i64, session: &str| {
        measured(second)
            .of_session(session.parse().unwrap())
            .of_agent("coder".parse().unwrap())
    };
    let names = |path: &Path| {
        let sql = Connection::open(path).unwrap();
        let mut select = sql.prepare("SELECT name FROM names ORDER BY name").unwrap();
        let names = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
        names.collect::<Result<Vec<_>, _>>().unwrap()
    };
    let mut sink = SqliteSink::open(&path).unwrap();
    let mut other = SqliteSink::open(&path).unwrap();
    sink.write(&[of(0, "old")]).unwrap();
    other.write(&[of(DAY, "old-too")]).unwrap();
    sink.write(&[of(200 * DAY, "newer")]).unwrap();
    assert_eq!(
        sink.prune().unwrap().names,
        0,
        "sums by day are kept a year"
    );
    // Those of the first days are due; the agent and the metric are still in use.
    sink.write(&[of(400 * DAY, "newest")]).unwrap();
    sink.prune().unwrap();
    assert_eq!(names(&path), ["coder", "files", "newer", "newest"]);
    let removed = "SELECT names_removed FROM rollup_state";
    assert_eq!(number(&path, removed), 2);
    // Both remember the number of a name that is gone, and neither uses it.
    other.write(&[of(400 * DAY, "old-too")]).unwrap();
    sink.write(&[of(400 * DAY, "old")]).unwrap();
    let store = SqliteStore::open_read_only(&path).unwrap();
    let sessions: Vec<String> = store
        .records()
        .map(|record| record.unwrap().session.unwrap().to_string())
        .collect();
    assert_eq!(sessions, ["newest", "old-too", "old"]);
    assert_eq!(
        store
            .rollups(Period::ALL)
            .unwrap()
            .unwrap()
            .rollups
            .agents
            .len(),
        1
    );
}

#[test]
fn removal_comes_to_its_end_while_names_keep_coming() {
    let (_folder, path) = place();
    let mut sink = SqliteSink::open(&path).unwrap();
    sink.write(&[measured(0)]).unwrap();
    for number in 0..6 {
        let session = format!("session-{number}").parse().unwrap();
        let record = measured(40 * DAY + number).of_session(session);
        sink.write(&[record]).unwrap();
    }
    assert_eq!(number(&path, "SELECT pruned FROM rollup_state"), 40 * DAY);
}

#[test]
fn name_of_what_came_late_stays_until_that_is_gone() {
    let (_folder, path) = place();
    let of = |second: i64, session: &str| measured(second).of_session(session.parse().unwrap());
    let mut sink = SqliteSink::open(&path).unwrap();
    let old: Vec<Record> = (0..10_000).map(|second| of(second, "old")).collect();
    sink.write(&old).unwrap();
    sink.prune().unwrap();
    sink.write(&[of(400 * DAY, "new")]).unwrap();
    // While the old ones are being removed, a step after each batch. The last name stays in any case.
    sink.write(&[of(5, "late"), of(6, "last")]).unwrap();
    for second in 1..10 {
        sink.write(&[of(400 * DAY + second, "new")]).unwrap();
        let store = SqliteStore::open_read_only(&path).unwrap();
        assert!(store.records().all(|record| record.is_ok()), "{second}");
        assert!(store.rollups(Period::ALL).is_ok(), "{second}");
    }
    assert_eq!(
        stored(&path).len(),
        12,
        "the late ones are for the next day"
    );
    let there = "SELECT count(*) FROM names WHERE name IN ('old', 'late')";
    assert_eq!(number(&path, there), 2);
    sink.write(&[of(401 * DAY, "newest")]).unwrap();
    sink.prune().unwrap();
    assert_eq!(stored(&path).len(), 11);
    assert_eq!(number(&path, there), 0);
}

#[test]
fn name_of_before_there_were_days_counts_as_used_on_the_newest_day() {
    let (_folder, path) = place();
    let of = |second: i64, session: &str| measured(second).of_session(session.parse().unwrap());
    let mut sink = SqliteSink::open(&path).unwrap();
    let old: Vec<Record> = (0..10_000).map(|second| of(second, "old")).collect();
    sink.write(&old).unwrap();
    sink.write(&[of(10_000, "used"), of(10_001, "last")])
        .unwrap();
    drop(sink);
    Connection::open(&path)
        .unwrap()
        .execute("UPDATE names SET seen = NULL", [])
        .unwrap();
    let mut sink = SqliteSink::open(&path).unwrap();
    // The removal begins on one day and ends on the next, a step after each batch.
    sink.write(&[of(400 * DAY, "new")]).unwrap();
    sink.write(&[of(401 * DAY, "used")]).unwrap();
    for second in 1..10 {
        sink.write(&[of(401 * DAY + second, "new")]).unwrap();
    }
    let seen = "SELECT seen FROM names WHERE name = 'used'";
    assert_eq!(number(&path, seen), 401 * DAY);
}
