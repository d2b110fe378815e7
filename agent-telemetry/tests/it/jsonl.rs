//! Files of lines: turns, bounds, cuts, other writers.

use std::fs;
use std::io::Write;
use std::path::Path;

use agent_primitives::Timestamp;
use agent_telemetry::{
    JsonlConfig, JsonlError, JsonlSink, JsonlStore, Metric, Period, Record, Rollups, Sink, Stats,
};

use crate::story;

fn numbered(number: u32) -> Record {
    Record::new(Timestamp::UNIX_EPOCH, Metric::count("number", number))
}

fn stored(folder: &Path) -> (Vec<Record>, u64) {
    let mut records = JsonlStore::open(folder).unwrap().records();
    let found = records.by_ref().collect::<Result<_, _>>().unwrap();
    (found, records.unreadable())
}

fn first_file(folder: &Path) -> std::path::PathBuf {
    folder.join("records-00000001.jsonl")
}

#[test]
fn reports_from_lines_are_those_from_memory() {
    let folder = tempfile::tempdir().unwrap();
    let records = story::records();
    JsonlSink::open(folder.path())
        .unwrap()
        .write(&records)
        .unwrap();
    let store = JsonlStore::open(folder.path()).unwrap();
    assert_eq!(store.stats().unwrap(), Stats::of(&records));
    let sums = store.rollups(Period::ALL).unwrap();
    assert_eq!(sums, Rollups::of(&records, Period::ALL));
}

#[test]
fn cut_at_any_byte_loses_one_line_and_the_next_batch_begins_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let whole: Vec<u8> = (0..2)
        .flat_map(|number| {
            let mut line = serde_json::to_vec(&numbered(number)).unwrap();
            line.push(b'\n');
            line
        })
        .collect();
    let line = whole.len() / 2;
    for end in 0..whole.len() {
        fs::write(first_file(folder.path()), &whole[..end]).unwrap();
        let mut sink = JsonlSink::open(folder.path()).unwrap();
        sink.write(&[numbered(7)]).unwrap();
        let (records, unreadable) = stored(folder.path());
        // Without its line feed a whole line is whole.
        let kept = (end + 1) / line;
        let before = [numbered(0), numbered(1)];
        let expected: Vec<Record> = before[..kept]
            .iter()
            .cloned()
            .chain([numbered(7)])
            .collect();
        assert_eq!(records, expected, "{end}");
        let cut = end > kept * line;
        assert_eq!(unreadable, u64::from(cut), "{end}");
    }
}

#[test]
fn files_take_turns_and_the_oldest_go_beyond_the_bound() {
    let folder = tempfile::tempdir().unwrap();
    let config = JsonlConfig {
        file_bytes: 400,
        total_bytes: 2_000,
        sync: true,
    };
    let mut sink = JsonlSink::open_with(folder.path(), config).unwrap();
    for number in 0..100 {
        sink.write(&[numbered(number)]).unwrap();
    }
    let (records, unreadable) = stored(folder.path());
    assert_eq!(unreadable, 0);
    let first = 100 - u32::try_from(records.len()).unwrap();
    assert!((0..100).contains(&first) && first > 50, "{first}");
    assert!(
        records.iter().cloned().eq((first..100).map(numbered)),
        "the newest, without gap"
    );
    let files: Vec<u64> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .collect();
    assert!(files.iter().sum::<u64>() <= 2_000 + 500, "{files:?}");
    assert!(sink.removed_files() > 5);
    drop(sink);
    let mut sink = JsonlSink::open_with(folder.path(), config).unwrap();
    sink.write(&[numbered(100)]).unwrap();
    assert_eq!(stored(folder.path()).0.last(), Some(&numbered(100)));
}

#[test]
fn line_that_is_no_record_or_too_long_is_counted_and_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = JsonlSink::open(folder.path()).unwrap();
    sink.write(&[numbered(1)]).unwrap();
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(first_file(folder.path()))
        .unwrap();
    file.write_all(b"not json\n\n{\"record\":\"from_the_future\",\"at\":1}\n\xff\xfe\n")
        .unwrap();
    for length in [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20] {
        file.write_all(&vec![b'['; length]).unwrap();
        file.write_all(b"\n").unwrap();
    }
    sink.write(&[numbered(2)]).unwrap();
    assert_eq!(
        stored(folder.path()),
        (vec![numbered(1), numbered(2)], 3 + 4)
    );
}

#[test]
fn one_program_writes_into_a_folder_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let sink = JsonlSink::open(folder.path()).unwrap();
    let error = JsonlSink::open(folder.path()).unwrap_err();
    assert!(error.is_locked(), "{error:?}");
    drop(sink);
    JsonlSink::open(folder.path()).unwrap();
}

#[test]
fn folder_that_cannot_be_and_key_that_is_none_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "notes").unwrap();
    let error: JsonlError = JsonlStore::open(&file).unwrap_err();
    assert!(error.is_missing(), "{error:?}");
    assert!(JsonlSink::open(file.join("below")).is_err());
    fs::write(folder.path().join("user.key"), "short").unwrap();
    let mut sink = JsonlSink::open(folder.path()).unwrap();
    let error = sink.user_key().unwrap_err();
    let cause = std::error::Error::source(&error).unwrap();
    assert!(cause.to_string().contains("16 bytes"), "{cause}");
}

#[cfg(unix)]
#[test]
fn lines_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("lines");
    let mut sink = JsonlSink::open(&below).unwrap();
    sink.user_key().unwrap();
    sink.write(&[numbered(1)]).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&below), 0o700);
    let modes: Vec<u32> = fs::read_dir(&below)
        .unwrap()
        .map(|entry| mode(&entry.unwrap().path()))
        .collect();
    assert_eq!(modes, [0o600; 3]);
}
