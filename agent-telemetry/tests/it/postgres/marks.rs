//! Marks on a server: the newest of each key, bounded by number and age, in a schema of any older version.

use std::time::Duration;

use agent_primitives::{ManualClock, Timestamp};
use agent_telemetry::{Mark, PostgresSink, Record, Retention, Sink};
use proptest::prelude::*;

use super::server::Place;
use super::store::{sink, stored};
use crate::marks::{batches, by_key, check_counters, counted, mark, newest, numbered};

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn newest_of_each_key_is_found_on_a_server(batches in batches()) {
        let Some(place) = Place::new() else { return Ok(()) };
        let mut writer = sink(&place);
        for batch in &batches {
            writer.write(batch).unwrap();
        }
        prop_assert_eq!(by_key(&writer.marks().unwrap()), newest(&batches));
        prop_assert_eq!(by_key(&sink(&place).marks().unwrap()), newest(&batches));
        prop_assert_eq!(stored(&place), vec![numbered(1); batches.iter().flatten().count()]);
    }
}

#[test]
fn batch_that_is_refused_leaves_no_mark_on_the_server() {
    let Some(place) = Place::new() else { return };
    let mut writer = sink(&place);
    writer.write(&[counted(0)]).unwrap();
    // Behind the marks, in the same transaction.
    let refuse = "ALTER TABLE rollup_state ADD CONSTRAINT refuse CHECK (next < 3)";
    place.sql().batch_execute(refuse).unwrap();
    writer.write(&[counted(1)]).unwrap_err();
    check_counters(&writer.marks().unwrap(), 1);
    let allow = "ALTER TABLE rollup_state DROP CONSTRAINT refuse";
    place.sql().batch_execute(allow).unwrap();
    writer.write(&[counted(1)]).unwrap();
    check_counters(&writer.marks().unwrap(), 2);
}

#[test]
fn schema_of_version_1_gets_its_table_and_keeps_its_records() {
    let Some(place) = Place::new() else { return };
    sink(&place).write(&[numbered(0)]).unwrap();
    place
        .sql()
        .batch_execute("DROP TABLE marks; UPDATE schema_version SET version = 1")
        .unwrap();
    assert_eq!(stored(&place).len(), 1, "whoever only reads needs no table");
    let mut writer = sink(&place);
    assert_eq!(writer.marks().unwrap(), []);
    writer.write(&[counted(1)]).unwrap();
    assert_eq!(writer.marks().unwrap().len(), 2);
    assert_eq!(stored(&place).len(), 2);
    assert_eq!(place.number("SELECT version FROM schema_version"), 2);
}

#[test]
fn old_marks_go_and_beyond_262_144_the_oldest() {
    const DAY: i64 = 86_400;
    const EACH: u128 = 16_384;
    let Some(place) = Place::new() else { return };
    let at = |day: i64| Timestamp::from_unix_seconds(day * DAY);
    let clock = ManualClock::starting_at(at(1_000));
    let writer = PostgresSink::connect(&place.config).unwrap();
    let mut writer = writer.clock(clock.clone()).retention(Retention::FOREVER);
    for lot in 0..18 {
        clock.advance(Duration::from_millis(1));
        let marks: Vec<Mark> = (lot * EACH..(lot + 1) * EACH)
            .map(|key| mark(key, b""))
            .collect();
        let record = numbered(1).with_marks(marks).unwrap();
        writer.write(&[record]).unwrap();
    }
    let found = by_key(&writer.marks().unwrap());
    assert!(found.into_keys().eq(2 * EACH..18 * EACH));
    assert_eq!(u128::from(writer.removed_marks()), 2 * EACH);

    clock.advance(Duration::from_secs(31 * 86_400));
    let mut newer: Record = numbered(1).with_marks([mark(7, b"new")]).unwrap();
    newer.at = at(1_031);
    writer.write(&[newer]).unwrap();
    let mut writer = writer.retention(Retention::default());
    assert!(writer.prune().unwrap().done);
    assert_eq!(writer.marks().unwrap(), [mark(7, b"new")]);
    clock.advance(Duration::from_secs(100 * 86_400));
    assert_eq!(writer.prune().unwrap().marks, 0);
    assert_eq!(writer.marks().unwrap().len(), 1, "the last ones stay");
}
