//! A process that is killed while it records: what a flush acknowledged is there, over and over, and
//! the sums agree with the records.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use agent_primitives::{Clock, SystemClock};
use agent_telemetry::{
    Body, Metric, Outcome, Period, Record, Rollups, SessionStart, SqliteSink, SqliteStore,
    Telemetry,
};

use crate::story::{LONG, agent, session_id};

/// Tells the child where to record; without it the child's test has nothing to do.
const PATH: &str = "AGENT_TELEMETRY_KILL_TEST_DATABASE";
/// The number to begin with.
const FIRST: &str = "AGENT_TELEMETRY_KILL_TEST_FIRST";
const STORED: &str = "stored ";

fn start(path: &Path) -> Telemetry {
    let sink = SqliteSink::open(path).unwrap();
    Telemetry::builder(sink)
        .window(Duration::from_millis(1))
        .start()
        .unwrap()
}

fn killed_session() -> SessionStart {
    SessionStart::new(session_id("killed"), agent("coder"))
}

/// Runs in the child: records numbers, and says after each flush how many are acknowledged.
#[test]
fn child_records_until_it_is_killed() {
    let Some(path) = std::env::var_os(PATH) else {
        return;
    };
    let first: u32 = std::env::var(FIRST).unwrap().parse().unwrap();
    let telemetry = start(Path::new(&path));
    let _session = telemetry.resume_session(killed_session());
    let now = SystemClock.timestamp();
    for number in first.. {
        telemetry.record(Record::new(now, Metric::count("number", number)));
        if number % 64 == 0 {
            telemetry.flush(LONG).unwrap();
            println!("\n{STORED}{}", number + 1);
        }
    }
}

/// Runs a child that goes on with `first` and kills it after so many flushes; gives how many numbers
/// are acknowledged by then.
fn record_and_kill(path: &Path, first: usize, flushes: usize) -> usize {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::child_records_until_it_is_killed",
            "--nocapture",
        ])
        .env(PATH, path)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let acknowledged = |line: &str| line.strip_prefix(STORED)?.parse::<usize>().ok();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| acknowledged(&line));
    let before = lines.nth(flushes).unwrap();
    // SIGKILL on Unix: no destructor, no flush, most likely amid a transaction.
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    lines.last().unwrap_or(before)
}

pub(crate) fn numbers(records: &[Record]) -> Vec<u32> {
    let number = |record: &Record| match &record.body {
        Body::Metric(metric) => Some(format!("{}", metric.value()).parse().unwrap()),
        _ => None,
    };
    records.iter().filter_map(number).collect()
}

#[test]
fn killed_process_loses_nothing_that_a_flush_acknowledged() {
    const ROUNDS: usize = 12;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let (mut acknowledged, mut found, mut lost) = (0, 0, 0);
    for round in 0..ROUNDS {
        let before = found;
        let said = record_and_kill(&path, before, 3 + round % 5);
        let store = SqliteStore::open_read_only(&path).unwrap();
        let stored: Vec<Record> = store.records().collect::<Result<_, _>>().unwrap();
        let numbers = numbers(&stored);
        assert!(
            (0..numbers.len())
                .map(|number| u32::try_from(number).unwrap())
                .eq(numbers.iter().copied()),
            "gap or twice in round {round}"
        );
        found = numbers.len();
        acknowledged += said - before;
        lost += said.saturating_sub(found);
        let sums = store.rollups(Period::ALL).unwrap().unwrap().rollups;
        assert_eq!(sums, Rollups::of(&stored, Period::ALL), "in round {round}");
    }
    println!("kill: {ROUNDS} rounds, {acknowledged} acknowledged, {found} found, {lost} lost");
    assert_eq!(lost, 0);
    assert!(acknowledged > 64 * ROUNDS);

    let telemetry = start(&path);
    telemetry
        .resume_session(killed_session())
        .end(Outcome::Success);
    telemetry.shutdown(LONG).unwrap();
    let stats = SqliteStore::open_read_only(&path).unwrap().stats().unwrap();
    assert_eq!(
        (stats.overview.sessions, stats.overview.crashes),
        (1, ROUNDS as u64)
    );
    assert_eq!((stats.outcomes.success, stats.outcomes.open), (1, 0));
}
