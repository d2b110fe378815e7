//! System calls that fail below the database, and a process that is killed at one: what a flush acknowledged is
//! there, once, and the recorder comes to its end.

#![allow(clippy::print_stdout, reason = "what is skipped is told")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use agent_primitives::Timestamp;
use agent_telemetry::{Metric, Period, Record, Rollups, SqliteSink, SqliteStore, Telemetry};

use crate::kill::numbers;
use crate::story::LONG;

/// Tells the child where to record; without it the child's test has nothing to do.
const PATH: &str = "AGENT_TELEMETRY_STRACE_TEST_DATABASE";
/// Where it is set, calls fail at many places, not only at one, and more is recorded.
const ALL: &str = "AGENT_TELEMETRY_STRACE_ALL";
const STORED: &str = "stored ";
const FLUSHES: u32 = 8;
/// From one flush to the next.
const RECORDS: u32 = 1_500;
/// Enough that the log ahead of the database is written back on the way.
const MANY_RECORDS: u32 = 12_000;
/// A call fails once; opening and flushing take a few attempts at most.
const ATTEMPTS: usize = 4;

fn is_all() -> bool {
    std::env::var_os(ALL).is_some()
}

fn records() -> u32 {
    if is_all() { MANY_RECORDS } else { RECORDS }
}

fn persist<T, E: std::fmt::Debug>(mut attempt: impl FnMut() -> Result<T, E>) -> T {
    for _ in 1..ATTEMPTS {
        if let Ok(done) = attempt() {
            return done;
        }
    }
    attempt().unwrap()
}

/// The child: records numbers, and says after each flush how many are acknowledged.
#[test]
fn child_records_while_calls_fail() {
    let Some(path) = std::env::var_os(PATH) else {
        return;
    };
    let sink = persist(|| SqliteSink::open(Path::new(&path)));
    let builder = Telemetry::builder(sink).window(Duration::from_millis(1));
    let telemetry = builder.start().unwrap();
    let mut out = std::io::stdout();
    let records = records();
    for number in 0..FLUSHES * records {
        let at = Timestamp::from_unix_seconds(1_000 + i64::from(number));
        telemetry.record(Record::new(at, Metric::count("number", number)));
        if (number + 1) % records == 0 {
            persist(|| telemetry.flush(LONG));
            writeln!(out, "\n{STORED}{}", number + 1).unwrap();
            out.flush().unwrap();
        }
    }
    assert_eq!(telemetry.dropped().total(), 0, "memory has room for all");
    persist(|| telemetry.flush(LONG));
}

/// Runs the child so that one call is tampered with; how many numbers it was told are stored, and whether it came
/// to its end.
fn run(path: &Path, call: &str, tamper: &str) -> (u32, bool) {
    let child = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace={call}"))
        .arg("-e")
        .arg(format!("inject={call}:{tamper}"))
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "strace::child_records_while_calls_fail",
            "--nocapture",
        ])
        .arg("--test-threads=1")
        .env(PATH, path)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8(child.stdout).unwrap();
    let numbers = told.lines().filter_map(|line| {
        let number = line.strip_prefix(STORED)?;
        number.parse::<u32>().ok()
    });
    (numbers.max().unwrap_or(0), child.status.success())
}

#[test]
fn a_call_that_fails_or_kills_loses_nothing_that_a_flush_acknowledged() {
    let is_there = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    if !is_there.is_ok_and(|status| status.success()) {
        println!("SKIPPED strace: it is not installed, or may not trace here");
        return;
    }
    let places: &[u32] = if is_all() { &[1, 3, 40] } else { &[2] };
    let errors = ["error=EIO", "error=ENOSPC", "signal=SIGKILL"];
    let (mut runs, mut ended, mut acknowledged) = (0, 0, 0);
    for call in ["pwrite64", "fdatasync", "ftruncate"] {
        for error in errors {
            for place in places {
                let what = format!("{call}:{error}:when={place}");
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("telemetry.db");
                let (told, is_ended) = run(&path, call, &format!("{error}:when={place}"));
                if error != "signal=SIGKILL" {
                    assert!(is_ended, "{what}: the child gave up after {told} numbers");
                    assert_eq!(told, FLUSHES * records(), "{what}");
                }
                runs += 1;
                ended += u32::from(is_ended);
                acknowledged += told;
                if told == 0 && !path.exists() {
                    continue;
                }
                // Whoever opens it for writing finishes what was begun.
                drop(SqliteSink::open(&path).unwrap());
                let store = SqliteStore::open_read_only(&path).unwrap();
                let stored: Vec<Record> = store.records().collect::<Result<_, _>>().unwrap();
                let found = numbers(&stored);
                assert!(
                    found.len() >= told as usize,
                    "{what}: {} of {told}",
                    found.len()
                );
                assert!(
                    (0_u32..)
                        .zip(&found)
                        .all(|(number, found)| number == *found),
                    "{what}: gap or twice"
                );
                let sums = store.rollups(Period::ALL).unwrap().unwrap().rollups;
                assert_eq!(sums, Rollups::of(&stored, Period::ALL), "{what}");
            }
        }
    }
    println!(
        "strace: {runs} runs, {ended} came to their end, {acknowledged} numbers acknowledged and found again"
    );
}
