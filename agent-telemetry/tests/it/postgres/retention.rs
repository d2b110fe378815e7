//! What a database removes, and what it never removes: the same as in SQLite.

use agent_primitives::{ManualClock, Timestamp};
use agent_telemetry::{
    Metric, Outcome, Period, PostgresSink, PostgresStore, Record, Retention, Rollups, SessionEnd,
    SessionStart, Sink,
};

use super::server::Place;
use super::store::sink;
use crate::story::{agent, session_id};

const DAY: i64 = 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_seconds(second)
}

fn measured(second: i64) -> Record {
    Record::new(at(second), Metric::count("files", 1))
}

fn stored(place: &Place) -> Vec<i64> {
    let records = super::store::stored(place);
    records.iter().map(|it| it.at.unix_seconds()).collect()
}

#[test]
fn old_records_go_and_their_sums_stay_in_longer_spans() {
    let Some(place) = Place::new() else { return };
    let seconds = [
        0,
        3_601,
        40 * DAY + 61,
        95 * DAY + 61,
        99 * DAY + 61,
        100 * DAY + 1,
    ];
    let records: Vec<Record> = seconds.into_iter().map(measured).collect();
    let mut sink = sink(&place);
    sink.write(&records).unwrap();
    let mut sink = sink.retention(Retention::default());
    let pruned = sink.prune().unwrap();
    assert_eq!(stored(&place), seconds[3..]);
    // By minute 4 each in two tables, by hour 3: of two in one day, and of day 40, which is 60 days old.
    assert_eq!(
        (pruned.records, pruned.sums, pruned.done),
        (3, 2 * (4 + 2), true)
    );
    let mut store = PostgresStore::connect(&place.config).unwrap();
    let mut sums = |from, to| {
        let found = store.rollups(Period::new(at(from), at(to))).unwrap();
        let records: u64 = found.rollups.agents.values().map(|cell| cell.records).sum();
        (
            records,
            found.covered.from().unix_seconds(),
            found.covered.to().unix_seconds(),
        )
    };
    assert_eq!(sums(0, 101 * DAY), (6, 0, 101 * DAY));
    assert_eq!(
        sums(40 * DAY + 61, 50 * DAY),
        (1, 40 * DAY, 50 * DAY),
        "to the hour"
    );
    assert_eq!(sums(3_601, 7_200), (2, 0, DAY), "to the day");
    let all = store.rollups(Period::ALL).unwrap().rollups;
    assert_eq!(all, Rollups::of(&records, Period::ALL));
}

#[test]
fn writer_removes_what_is_due_in_steps_once_a_day() {
    let Some(place) = Place::new() else { return };
    let old: Vec<Record> = (0..10_000).map(measured).collect();
    sink(&place).write(&old).unwrap();
    let mut sink = PostgresSink::connect(&place.config).unwrap();
    let mut left = Vec::new();
    for second in 0..5 {
        sink.write(&[measured(40 * DAY + second)]).unwrap();
        left.push(place.number("SELECT count(*) FROM metrics"));
    }
    // Steps of 4096 numbers, and the new records.
    assert_eq!(left, [5_905, 1_810, 3, 4, 5]);
    assert_eq!(place.number("SELECT pruned FROM rollup_state"), 40 * DAY);
    sink.write(&[measured(1)]).unwrap();
    assert_eq!(stored(&place).len(), 6, "not again on that day");
    sink.write(&[measured(41 * DAY)]).unwrap();
    assert!(!stored(&place).contains(&1));
}

#[test]
fn record_from_the_future_removes_nothing() {
    let Some(place) = Place::new() else { return };
    let clock = ManualClock::starting_at(at(DAY));
    let mut sink = PostgresSink::connect(&place.config)
        .unwrap()
        .clock(clock.clone());
    sink.write(&[measured(DAY)]).unwrap();
    sink.write(&[measured(1_000 * DAY)]).unwrap();
    assert_eq!(sink.prune().unwrap().records, 0);
    assert_eq!(stored(&place), [DAY, 1_000 * DAY]);
    clock.set_timestamp(at(32 * DAY));
    assert_eq!(sink.prune().unwrap().records, 1);
    assert_eq!(stored(&place), [1_000 * DAY]);
}

#[test]
fn sessions_and_silent_writers_are_forgotten_after_their_time() {
    let Some(place) = Place::new() else { return };
    let clock = ManualClock::starting_at(at(400 * DAY));
    let connect = || PostgresSink::connect(&place.config).unwrap();
    let of = |second, name: &str| {
        let start = SessionStart::new(session_id(name), agent("coder"));
        Record::new(at(second), agent_telemetry::Body::SessionStart(start.task))
            .of_session(session_id(name))
    };
    let silent = ManualClock::starting_at(at(300 * DAY));
    let mut first = connect().retention(Retention::FOREVER).clock(silent);
    first.write(&[of(0, "old")]).unwrap();
    let mut sink = connect().retention(Retention::FOREVER).clock(clock);
    sink.write(&[of(399 * DAY, "young")]).unwrap();
    let mut sink = sink.retention(Retention::default());
    assert_eq!(sink.prune().unwrap().sessions, 1);
    assert_eq!(place.number("SELECT count(*) FROM session_tasks"), 1);
    let writers = "SELECT sum(last)::bigint FROM writers";
    assert_eq!(place.number(writers), 400 * DAY, "the other one is gone");
    // Who was silent is counted from the beginning, and nothing of it is lost.
    let end = SessionEnd::new(Outcome::Success, std::time::Duration::ZERO);
    let end = Record::new(at(399 * DAY), end);
    first.write(std::slice::from_ref(&end)).unwrap();
    first.write(&[end]).unwrap();
    assert_eq!(stored(&place), [399 * DAY; 3]);
}
