//! A process that is killed while it records to a server: what a flush acknowledged is there.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use agent_telemetry::{Period, PostgresConfig, PostgresStore, Rollups, Sink, Telemetry};

use super::server::Place;
use super::store::{sink, stored};
use crate::marks::{check_counters, counted, numbered};
use crate::story::LONG;

/// Tell the child where to record; without them the child's test has nothing to do.
const SERVER: &str = "AGENT_TELEMETRY_KILL_TEST_SERVER";
const SCHEMA: &str = "AGENT_TELEMETRY_KILL_TEST_SCHEMA";
/// The number to begin with.
const FIRST: &str = "AGENT_TELEMETRY_KILL_TEST_NUMBER";
const STORED: &str = "stored ";

/// Runs in the child: records numbers, and says after each flush how many are acknowledged.
#[test]
fn child_records_to_a_server_until_it_is_killed() {
    let Ok(connection) = std::env::var(SERVER) else {
        return;
    };
    let mut config = PostgresConfig::new(connection);
    config.schema = std::env::var(SCHEMA).unwrap();
    let first: u32 = std::env::var(FIRST).unwrap().parse().unwrap();
    let telemetry = Telemetry::builder(sink(&Place::at(config)))
        .window(Duration::from_millis(1))
        .start()
        .unwrap();
    for number in first.. {
        telemetry.record(counted(number));
        if number % 64 == 0 {
            telemetry.flush(LONG).unwrap();
            println!("\n{STORED}{}", number + 1);
        }
    }
}

/// Runs a child that goes on with `first` and kills it after so many flushes; gives how many numbers
/// are acknowledged by then.
fn record_and_kill(config: &PostgresConfig, first: usize, flushes: usize) -> usize {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "postgres::kill::child_records_to_a_server_until_it_is_killed",
            "--nocapture",
        ])
        .env(SERVER, &config.connection)
        .env(SCHEMA, &config.schema)
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

#[test]
fn killed_process_leaves_all_that_was_acknowledged_on_the_server() {
    const ROUNDS: usize = 6;
    let Some(place) = Place::new() else { return };
    drop(sink(&place));
    let (mut acknowledged, mut found) = (0, 0);
    for round in 0..ROUNDS {
        let before = found;
        let said = record_and_kill(&place.config, before, 2 + round % 4);
        // A commit that the killed process asked for ends before another writer has its turn.
        drop(sink(&place));
        place
            .sql()
            .batch_execute("BEGIN; SELECT next FROM sequence FOR UPDATE; COMMIT")
            .unwrap();
        let records = stored(&place);
        found = records.len();
        let marks = sink(&place).marks().unwrap();
        check_counters(&marks, u32::try_from(found).unwrap());
        assert!(
            found >= said,
            "{said} acknowledged, {found} found in round {round}"
        );
        assert!(
            records.iter().cloned().eq((0..).map(numbered).take(found)),
            "gap or twice"
        );
        let mut store = PostgresStore::connect(&place.config).unwrap();
        let sums = store.rollups(Period::ALL).unwrap().rollups;
        assert_eq!(sums, Rollups::of(&records, Period::ALL), "in round {round}");
        acknowledged += said - before;
    }
    println!("kill: {ROUNDS} rounds, {acknowledged} acknowledged, {found} found");
    assert!(acknowledged > 64 * ROUNDS);
}
