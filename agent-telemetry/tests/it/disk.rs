//! A disk that is really full and a limit on the length of files: what waits stays in memory, what was
//! acknowledged stays where it is, and all is there once there is room.
//!
//! Each test runs a part of itself in a child that has a small disk of its own, where the system lets it
//! have one.

#![allow(clippy::print_stdout, reason = "what is skipped is told")]

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use agent_primitives::Timestamp;
use agent_telemetry::{
    Body, FlushError, Metric, Period, Record, Rollups, SqliteSink, SqliteStore, StoreError,
    Telemetry,
};

use crate::story::LONG;

const FOLDER: &str = "AGENT_TELEMETRY_DISK_TEST_FOLDER";
const DONE: &str = "the child is done";

/// Runs the test with this name in a child that `with` starts.
fn in_child(name: &str, with: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let (program, arguments) = with.split_first().unwrap();
    let mut command = Command::new(program);
    command
        .args(arguments)
        .arg(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("disk::{name}"), "--nocapture"]);
    let Ok(output) = command.env(FOLDER, folder.path()).output() else {
        println!("SKIPPED: there is no {program}");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    if said.contains("SKIPPED") || failed.contains("unshare failed") {
        println!("SKIPPED: the system gives no disk: {said}{failed}");
        return;
    }
    assert!(
        output.status.success() && said.contains(DONE),
        "{said}{failed}"
    );
}

/// The folder of a child, which has a disk of its own; `None` in a plain run.
fn small_disk() -> Option<PathBuf> {
    let folder = std::env::var_os(FOLDER)?;
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]);
    let mounted = mount.arg(&folder).status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("SKIPPED");
        return None;
    }
    Some(folder.into())
}

/// Takes all the room there is.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    for len in [64 << 10, 4 << 10, 1] {
        while file.write_all(&vec![1; len]).is_ok() {}
    }
}

/// A recorder of numbers.
struct Numbers {
    telemetry: Telemetry,
    path: PathBuf,
    recorded: u32,
}

impl Numbers {
    fn new(path: PathBuf) -> Self {
        let sink = SqliteSink::open(&path).unwrap();
        let telemetry = Telemetry::builder(sink).window(LONG).start().unwrap();
        Self {
            telemetry,
            path,
            recorded: 0,
        }
    }

    fn record(&mut self, count: u32) {
        for _ in 0..count {
            let number = Metric::count("number", self.recorded);
            let at = Timestamp::from_unix_seconds(i64::from(self.recorded));
            self.telemetry.record(Record::new(at, number));
            self.recorded += 1;
        }
    }

    /// Records until that is refused; how many are acknowledged, and why no more.
    fn until_refused(&mut self) -> (u32, FlushError) {
        loop {
            let acknowledged = self.recorded;
            self.record(64);
            if let Err(error) = self.telemetry.flush(LONG) {
                return (acknowledged, error);
            }
            assert!(acknowledged < 1_000_000, "the disk is not small");
        }
    }

    /// The first numbers are there, each once, and the sums agree.
    fn has_stored(&self, count: u32) {
        let store = SqliteStore::open_read_only(&self.path).unwrap();
        let records: Vec<Record> = store.records().collect::<Result<_, _>>().unwrap();
        let numbers = records.iter().map(|record| match &record.body {
            Body::Metric(metric) => metric.value(),
            other => panic!("{other:?}"),
        });
        assert!(numbers.eq((0..count).map(f64::from)), "{count}");
        let sums = store.rollups(Period::ALL).unwrap().unwrap().rollups;
        assert_eq!(sums, Rollups::of(&records, Period::ALL));
    }

    /// Refused again and again, nothing is lost; with room, all is there.
    fn wait_for_room(mut self, acknowledged: u32, make_room: impl FnOnce()) {
        for _ in 0..5 {
            self.record(100);
            assert!(self.telemetry.flush(LONG).unwrap_err().is_sink());
        }
        self.has_stored(acknowledged);
        assert_eq!(self.telemetry.dropped().total(), 0);
        make_room();
        self.telemetry.flush(LONG).unwrap();
        self.has_stored(self.recorded);
        self.record(64);
        let path = self.path.clone();
        let recorded = self.recorded;
        self.telemetry.shutdown(LONG).unwrap();
        self.has_stored(recorded);
        drop(self);
        // The next process finds it so.
        let next = Self::new(path);
        next.has_stored(recorded);
        println!("{acknowledged} acknowledged, {recorded} recorded and found; {DONE}");
    }
}

fn cause(error: &FlushError) -> &StoreError {
    let mut error: &dyn Error = error;
    loop {
        if let Some(cause) = error.downcast_ref() {
            return cause;
        }
        error = error.source().unwrap();
    }
}

#[test]
fn child_with_a_full_disk() {
    let Some(disk) = small_disk() else { return };
    let filler = disk.join("filler");
    let mut numbers = Numbers::new(disk.join("telemetry.db"));
    numbers.record(64);
    numbers.telemetry.flush(LONG).unwrap();
    fill(&filler);
    let (acknowledged, error) = numbers.until_refused();
    assert!(cause(&error).is_full(), "{error:?}");
    numbers.wait_for_room(acknowledged, || fs::remove_file(filler).unwrap());
}

#[test]
fn a_full_disk_costs_nothing_that_was_acknowledged() {
    in_child("child_with_a_full_disk", &["unshare", "-rm"]);
}

#[test]
fn child_with_short_files() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let mut numbers = Numbers::new(Path::new(&folder).join("telemetry.db"));
    let (acknowledged, error) = numbers.until_refused();
    assert!(cause(&error).is_io(), "{error:?}");
    numbers.wait_for_room(acknowledged, || {
        let own = std::process::id().to_string();
        let mut raise = Command::new("prlimit");
        raise.args(["--pid", &own, "--fsize=unlimited"]);
        assert!(raise.status().unwrap().success());
    });
}

#[test]
fn a_limit_on_the_length_of_files_costs_nothing_that_was_acknowledged() {
    // The signal that comes with it would end the process; the soft limit is what can be raised again.
    let limited = r#"command -v prlimit >/dev/null || { echo SKIPPED; exit; }
        trap '' XFSZ; ulimit -S -f 1024; exec "$@""#;
    in_child("child_with_short_files", &["sh", "-c", limited, "sh"]);
}
