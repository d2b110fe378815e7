//! What comes with records to be found again: the newest of each key, whole with its record or not at all.

use std::collections::BTreeMap;
use std::path::Path;

use agent_primitives::{ManualClock, Timestamp};
use agent_telemetry::{
    ExportConfig, ExportFormat, ExportWriter, JsonlSink, JsonlStore, LiveConfig, LiveItem, Mark,
    MemorySink, Metric, Record, Redaction, Sink, SinkError, Telemetry,
};
use proptest::prelude::*;

use crate::story::{LONG, recorder};

pub(crate) fn mark(key: u128, state: &[u8]) -> Mark {
    Mark::new(key, state).unwrap()
}

pub(crate) fn numbered(number: u32) -> Record {
    Record::new(Timestamp::UNIX_EPOCH, Metric::count("number", number))
}

/// A record with a counter of the records so far, and one of those of its kind.
pub(crate) fn counted(number: u32) -> Record {
    let so_far = (number + 1).to_be_bytes();
    let marks = [
        mark(u128::MAX, &so_far),
        mark(u128::from(number % 8), &so_far),
    ];
    numbered(number).with_marks(marks).unwrap()
}

/// How many records the newest mark of that key says that there are.
pub(crate) fn counter(marks: &[Mark], key: u128) -> u32 {
    let mark = marks.iter().find(|it| it.key() == key);
    mark.map_or(0, |it| u32::from_be_bytes(it.state().try_into().unwrap()))
}

/// The counters are those of so many records, neither more nor less.
pub(crate) fn check_counters(marks: &[Mark], records: u32) {
    assert_eq!(counter(marks, u128::MAX), records);
    for kind in 0..8 {
        let last = (0..records).rev().find(|number| number % 8 == kind);
        assert_eq!(counter(marks, kind.into()), last.map_or(0, |it| it + 1));
    }
}

pub(crate) fn by_key(marks: &[Mark]) -> BTreeMap<u128, Vec<u8>> {
    let count = marks.len();
    let by_key: BTreeMap<_, _> = marks
        .iter()
        .map(|it| (it.key(), it.state().to_vec()))
        .collect();
    assert_eq!(by_key.len(), count, "one of each key");
    by_key
}

/// Any batches of records with any marks, of few keys.
pub(crate) fn batches() -> impl Strategy<Value = Vec<Vec<Record>>> {
    let mark = (0_u128..6, prop::collection::vec(any::<u8>(), 0..5));
    let marks = prop::collection::vec(mark, 0..4);
    prop::collection::vec(prop::collection::vec(marks, 1..5), 0..8).prop_map(|batches| {
        let record = |marks: Vec<(u128, Vec<u8>)>| {
            let marks = marks
                .iter()
                .map(|(key, state)| Mark::new(*key, &state[..]).unwrap());
            numbered(1).with_marks(marks.collect::<Vec<_>>()).unwrap()
        };
        let batch = |records: Vec<_>| records.into_iter().map(record).collect();
        batches.into_iter().map(batch).collect()
    })
}

/// What must be found after these batches.
pub(crate) fn newest(batches: &[Vec<Record>]) -> BTreeMap<u128, Vec<u8>> {
    let marks = batches.iter().flatten().flat_map(Record::marks);
    marks.map(|it| (it.key(), it.state().to_vec())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn newest_of_each_key_is_found_in_memory_and_in_lines(batches in batches()) {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = MemorySink::with_capacity(2);
        let mut lines = JsonlSink::open(folder.path()).unwrap();
        for batch in &batches {
            memory.write(batch).unwrap();
            lines.write(batch).unwrap();
        }
        prop_assert_eq!(by_key(&memory.marks().unwrap()), newest(&batches));
        prop_assert_eq!(by_key(&lines.marks().unwrap()), newest(&batches));
        drop(lines);
        let mut lines = JsonlSink::open(folder.path()).unwrap();
        prop_assert_eq!(by_key(&lines.marks().unwrap()), newest(&batches));
    }
}

#[test]
fn record_that_is_read_back_has_no_marks() {
    let folder = tempfile::tempdir().unwrap();
    let mut memory = MemorySink::new();
    let mut lines = JsonlSink::open(folder.path()).unwrap();
    memory.write(&[counted(1)]).unwrap();
    lines.write(&[counted(1)]).unwrap();
    assert_eq!(memory.records(), [numbered(1)]);
    let store = JsonlStore::open(folder.path()).unwrap();
    let read: Vec<Record> = store.records().collect::<Result<_, _>>().unwrap();
    assert_eq!(read, [numbered(1)]);
}

#[test]
fn line_that_is_cut_takes_its_marks_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = JsonlSink::open(folder.path()).unwrap();
    sink.write(&[counted(0), counted(1)]).unwrap();
    drop(sink);
    let path = folder.path().join("records-00000001.jsonl");
    let whole = std::fs::read(&path).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut found = Vec::new();
    for length in (0..=whole.len()).step_by(7).chain([first, whole.len()]) {
        std::fs::write(&path, &whole[..length]).unwrap();
        let store = JsonlStore::open(folder.path()).unwrap();
        let records = u32::try_from(store.records().count()).unwrap();
        let mut sink = JsonlSink::open(folder.path()).unwrap();
        check_counters(&sink.marks().unwrap(), records);
        found.push(records);
    }
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, [0, 1, 2]);
}

/// The longest that a record may have.
#[test]
fn a_mebibyte_of_marks_is_read_back_from_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = JsonlSink::open(folder.path()).unwrap();
    let long: Vec<Mark> = (0..15).map(|key| mark(key, &vec![0xff; 65_536])).collect();
    let short: Vec<Mark> = (0..16_384).map(|key| mark(key, b"")).collect();
    for marks in [long, short] {
        let record = numbered(1).with_marks(marks.clone()).unwrap();
        sink.write(&[record]).unwrap();
        assert_eq!(by_key(&sink.marks().unwrap()).len(), marks.len());
    }
    let mut records = JsonlStore::open(folder.path()).unwrap().records();
    assert_eq!(records.by_ref().count(), 2);
    assert_eq!(records.unreadable(), 0);
}

#[test]
fn readers_and_exports_see_no_marks_and_masks_leave_them_alone() {
    let mut sink = MemorySink::new();
    let masks = Redaction::none().rule(|_| Some("masked".to_owned()));
    let telemetry = Telemetry::builder(sink.clone())
        .redaction(masks)
        .start()
        .unwrap();
    let mut live = telemetry
        .subscribe(LiveConfig::new().without_totals())
        .unwrap();
    telemetry.record(counted(0));
    let LiveItem::Record(seen) = live.recv(LONG).unwrap() else {
        panic!("no record");
    };
    assert_eq!(seen.marks(), []);
    telemetry.flush(LONG).unwrap();
    check_counters(&sink.marks().unwrap(), 1);
    for format in [ExportFormat::Json, ExportFormat::Jsonl, ExportFormat::Csv] {
        let mut out = Vec::new();
        let mut writer = ExportWriter::new(&mut out, &ExportConfig::new(format)).unwrap();
        writer.push(&counted(0)).unwrap();
        writer.finish().unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("number") && !text.contains("mark"), "{text}");
    }
}

#[test]
fn recorder_gives_the_marks_of_its_sink_once() {
    let sink = MemorySink::new();
    let clock = ManualClock::default();
    let first = recorder(sink.clone(), &clock);
    (0..10).for_each(|number| first.record(counted(number)));
    first.shutdown(LONG).unwrap();
    assert_eq!(first.marks(), []);
    let boxed: Box<dyn Sink> = Box::new(sink);
    let second = recorder(boxed, &clock);
    check_counters(&second.marks(), 10);
    assert_eq!(second.marks(), []);
}

/// Cannot say what it has.
struct Unreadable;

impl Sink for Unreadable {
    fn write(&mut self, _: &[Record]) -> Result<(), SinkError> {
        Ok(())
    }

    fn marks(&mut self) -> Result<Vec<Mark>, SinkError> {
        Err(SinkError::new("the disk is gone"))
    }
}

#[test]
fn recorder_does_not_start_where_marks_cannot_be_read() {
    let error = Telemetry::builder(Unreadable).start().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the sink did not give its marks; mend the store"
    );
}

#[cfg(feature = "sqlite")]
mod database {
    use agent_telemetry::{Retention, SqliteSink, SqliteStore};
    use rusqlite::Connection;

    use super::*;

    fn number(path: &Path, query: &str) -> i64 {
        let sql = Connection::open(path).unwrap();
        sql.query_row(query, [], |row| row.get(0)).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn newest_of_each_key_is_found_in_a_database(batches in batches()) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("telemetry.db");
            let mut sink = SqliteSink::open(&path).unwrap();
            for batch in &batches {
                sink.write(batch).unwrap();
            }
            prop_assert_eq!(by_key(&sink.marks().unwrap()), newest(&batches));
            drop(sink);
            let mut sink = SqliteSink::open(&path).unwrap();
            prop_assert_eq!(by_key(&sink.marks().unwrap()), newest(&batches));
            let store = SqliteStore::open_read_only(&path).unwrap();
            let read: Vec<Record> = store.records().collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(read, vec![numbered(1); batches.iter().flatten().count()]);
        }
    }

    #[test]
    fn batch_that_is_refused_leaves_no_mark() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.db");
        let mut sink = SqliteSink::open(&path).unwrap();
        sink.write(&[counted(0)]).unwrap();
        let sql = Connection::open(&path).unwrap();
        // Behind the marks, in the same transaction.
        sql.execute_batch(
            "CREATE TRIGGER refuse BEFORE UPDATE ON sequence BEGIN SELECT raise(ABORT, 'no'); END",
        )
        .unwrap();
        sink.write(&[counted(1)]).unwrap_err();
        check_counters(&sink.marks().unwrap(), 1);
        sql.execute_batch("DROP TRIGGER refuse").unwrap();
        sink.write(&[counted(1)]).unwrap();
        check_counters(&sink.marks().unwrap(), 2);
    }

    #[test]
    fn database_of_version_4_gets_its_table_and_keeps_its_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.db");
        let records = [numbered(0), numbered(1)];
        SqliteSink::open(&path).unwrap().write(&records).unwrap();
        let sql = Connection::open(&path).unwrap();
        sql.execute_batch("DROP TABLE marks; PRAGMA user_version = 4")
            .unwrap();
        drop(sql);
        // Whoever only reads needs no table.
        let stored = |path: &Path| SqliteStore::open_read_only(path).unwrap().records().count();
        assert_eq!(stored(&path), 2);
        let mut sink = SqliteSink::open(&path).unwrap();
        assert_eq!(sink.marks().unwrap(), []);
        sink.write(&[counted(2)]).unwrap();
        assert_eq!(counter(&sink.marks().unwrap(), u128::MAX), 3);
        assert_eq!(stored(&path), 3);
        assert_eq!(number(&path, "PRAGMA user_version"), 5);
    }

    #[test]
    fn marks_that_nothing_came_for_in_30_days_go_and_others_stay() {
        const DAY: i64 = 86_400;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.db");
        let at = |day: i64| Timestamp::from_unix_seconds(day * DAY);
        let clock = ManualClock::starting_at(at(1_000));
        let mut sink = SqliteSink::open(&path).unwrap().clock(clock.clone());
        let marked = |key: u128| {
            let mut record = numbered(1).with_marks([mark(key, b"x")]).unwrap();
            record.at = at(1_000);
            record
        };
        let all: Vec<Record> = (0..5_000).map(marked).collect();
        sink.write(&all).unwrap();
        clock.advance(std::time::Duration::from_secs(20 * 86_400));
        // What the record says of its time is something else.
        sink.write(&[marked(7)]).unwrap();
        clock.advance(std::time::Duration::from_secs(11 * 86_400));
        let mut newest = numbered(1);
        newest.at = at(1_031);
        sink.write(&[newest]).unwrap();
        let pruned = sink.prune().unwrap();
        assert_eq!(
            by_key(&sink.marks().unwrap())
                .into_keys()
                .collect::<Vec<_>>(),
            [7]
        );
        assert_eq!(sink.removed_marks(), 4_999);
        assert!(pruned.done);
        // However old they are, the last ones stay.
        clock.advance(std::time::Duration::from_secs(100 * 86_400));
        assert_eq!(sink.prune().unwrap().marks, 0);
        assert_eq!(sink.marks().unwrap().len(), 1);
        let mut sink = sink.retention(Retention::FOREVER);
        clock.advance(std::time::Duration::from_secs(100 * 86_400));
        assert_eq!(sink.prune().unwrap().marks, 0);
    }

    #[test]
    fn beyond_262_144_marks_the_oldest_go() {
        const MOST: usize = 262_144;
        const EACH: u128 = 16_384;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.db");
        let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_800_000_000));
        let sink = SqliteSink::open(&path).unwrap().clock(clock.clone());
        let mut sink = sink.retention(Retention::FOREVER);
        for lot in 0..18 {
            clock.advance(std::time::Duration::from_millis(1));
            let marks: Vec<Mark> = (lot * EACH..(lot + 1) * EACH)
                .map(|key| mark(key, b""))
                .collect();
            sink.write(&[numbered(1).with_marks(marks).unwrap()])
                .unwrap();
        }
        let found = by_key(&sink.marks().unwrap());
        assert_eq!(found.len(), MOST);
        assert!(found.into_keys().eq(2 * EACH..18 * EACH));
        let kept = number(&path, "SELECT count(*) FROM marks");
        assert_eq!(usize::try_from(kept).unwrap(), MOST);
        assert_eq!(u128::from(sink.removed_marks()), 2 * EACH);
    }
}

/// A process that is killed while it records: as many records as the newest mark says, over and over.
#[cfg(unix)]
mod kill {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::*;

    /// Tells the child where to record; without it the child's test has nothing to do.
    const PLACE: &str = "AGENT_TELEMETRY_MARKS_TEST_PLACE";
    const STORED: &str = "stored ";

    /// A database, or a folder of lines.
    fn open(place: &Path) -> Box<dyn Sink> {
        #[cfg(feature = "sqlite")]
        if place.extension().is_some() {
            return Box::new(agent_telemetry::SqliteSink::open(place).unwrap());
        }
        Box::new(JsonlSink::open(place).unwrap())
    }

    fn stored(place: &Path) -> u32 {
        #[cfg(feature = "sqlite")]
        if place.extension().is_some() {
            let store = agent_telemetry::SqliteStore::open_read_only(place).unwrap();
            return store
                .records()
                .map(Result::unwrap)
                .count()
                .try_into()
                .unwrap();
        }
        let store = JsonlStore::open(place).unwrap();
        store
            .records()
            .map(Result::unwrap)
            .count()
            .try_into()
            .unwrap()
    }

    /// Runs in the child: goes on where the marks say that the last one came to.
    #[test]
    fn child_goes_on_from_its_marks_until_it_is_killed() {
        let Some(place) = std::env::var_os(PLACE) else {
            return;
        };
        let telemetry = Telemetry::builder(open(Path::new(&place)))
            .window(Duration::from_millis(1))
            .start()
            .unwrap();
        let first = counter(&telemetry.marks(), u128::MAX);
        for number in first.. {
            telemetry.record(counted(number));
            if number % 64 == 0 {
                telemetry.flush(LONG).unwrap();
                println!("\n{STORED}{}", number + 1);
            }
        }
    }

    fn record_and_kill(place: &Path, flushes: usize) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "marks::kill::child_goes_on_from_its_marks_until_it_is_killed",
                "--nocapture",
            ])
            .env(PLACE, place)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        lines
            .by_ref()
            .filter(|it| it.starts_with(STORED))
            .nth(flushes)
            .unwrap();
        // SIGKILL on Unix: no destructor, no flush, most likely amid a transaction.
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
    }

    /// How many records are there in the end.
    fn killed_over_and_over(place: &Path, rounds: usize) -> u32 {
        let mut records = 0;
        for round in 0..rounds {
            record_and_kill(place, 2 + round % 5);
            let before = records;
            // Before anybody opens it again, and after.
            records = stored(place);
            let marks = open(place).marks().unwrap();
            check_counters(&marks, records);
            assert_eq!(stored(place), records);
            assert!(records > before, "round {round}");
        }
        records
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn killed_process_leaves_as_many_rows_as_its_mark_says() {
        let folder = tempfile::tempdir().unwrap();
        let records = killed_over_and_over(&folder.path().join("telemetry.db"), 12);
        println!("marks: 12 kills, {records} rows, and so many by the marks each time");
    }

    #[test]
    fn killed_process_leaves_as_many_lines_as_its_mark_says() {
        let folder = tempfile::tempdir().unwrap();
        let records = killed_over_and_over(&folder.path().join("lines"), 8);
        println!("marks: 8 kills, {records} lines, and so many by the marks each time");
    }
}
