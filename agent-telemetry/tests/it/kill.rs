//! A process that is killed while it records: what a flush acknowledged is there.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use agent_primitives::Timestamp;
use agent_telemetry::{
    Body, Metric, Outcome, Record, SessionStart, SqliteSink, SqliteStore, Telemetry,
};

use crate::story::{LONG, agent, session_id};

/// Tells the child where to record; without it the child's test has nothing to do.
const PATH: &str = "AGENT_TELEMETRY_KILL_TEST_DATABASE";
const STORED: &str = "stored ";

fn start(path: &Path) -> Telemetry {
    let sink = SqliteSink::open(path).unwrap();
    Telemetry::builder(sink)
        .window(Duration::from_millis(1))
        .start()
        .unwrap()
}

fn first_session() -> SessionStart {
    SessionStart::new(session_id("killed"), agent("coder"))
}

/// Runs in the child: records numbers, and says after each flush how many are acknowledged.
#[test]
fn child_records_until_it_is_killed() {
    let Some(path) = std::env::var_os(PATH) else {
        return;
    };
    let telemetry = start(Path::new(&path));
    let _session = telemetry.session(first_session());
    for number in 0_u32.. {
        telemetry.record(Record::new(
            Timestamp::UNIX_EPOCH,
            Metric::count("number", number),
        ));
        if number % 64 == 0 {
            telemetry.flush(LONG).unwrap();
            println!("\n{STORED}{}", number + 1);
        }
    }
}

#[test]
fn killed_process_loses_nothing_that_a_flush_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::child_records_until_it_is_killed",
            "--nocapture",
        ])
        .env(PATH, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let acknowledged = |line: &str| line.strip_prefix(STORED)?.parse::<usize>().ok();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| acknowledged(&line));
    let before = lines.nth(19).unwrap();
    // SIGKILL on Unix: no destructor, no flush, most likely amid a transaction.
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    let last = lines.last().unwrap_or(before);

    let stored: Vec<Record> = {
        let store = SqliteStore::open_read_only(&path).unwrap();
        store.records().collect::<Result<_, _>>().unwrap()
    };
    let numbers: Vec<u32> = stored
        .iter()
        .filter_map(|record| match &record.body {
            Body::Metric(metric) => Some(format!("{}", metric.value()).parse().unwrap()),
            _ => None,
        })
        .collect();
    assert!(
        numbers.len() >= last,
        "{} of {last} acknowledged",
        numbers.len()
    );
    assert!(
        numbers
            .iter()
            .copied()
            .eq(0..u32::try_from(numbers.len()).unwrap()),
        "gap or twice"
    );

    let telemetry = start(&path);
    telemetry
        .resume_session(first_session())
        .end(Outcome::Success);
    telemetry.shutdown(LONG).unwrap();
    let stats = SqliteStore::open_read_only(&path).unwrap().stats().unwrap();
    assert_eq!((stats.overview.sessions, stats.overview.crashes), (1, 1));
    assert_eq!((stats.outcomes.success, stats.outcomes.open), (1, 0));
}
