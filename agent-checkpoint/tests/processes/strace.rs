//! System calls that fail, and a process that is killed at one: nothing that it was told is saved is lost.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use agent_checkpoint::{Checkpointer, Durability, Error, FileStore, Message};
use agent_primitives::{CheckpointKind, SessionId};

use crate::ALONE;

const FOLDER: &str = "CHECKPOINT_STRACE_FOLDER";
const ACK: &str = "saved ";
const SAVES: usize = 12;
/// A call fails once; opening, saving and opening again take a few attempts at most.
const ATTEMPTS: usize = 4;

fn open(folder: &Path) -> Result<Checkpointer, Error> {
    let store = FileStore::open(folder)?;
    Checkpointer::builder(store, SessionId::new("s").unwrap()).open()
}

fn message(number: usize) -> Message {
    Message::user(format!(
        "{number} {}",
        "some words ".repeat(number % 7 * 20)
    ))
}

fn persist<T>(mut attempt: impl FnMut() -> Result<T, Error>) -> T {
    for _ in 1..ATTEMPTS {
        if let Ok(done) = attempt() {
            return done;
        }
    }
    attempt().unwrap()
}

/// The child: saves message after message. Does nothing in a plain test run.
#[test]
fn child_saves_while_calls_fail() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let mut session = persist(|| open(Path::new(&folder)));
    let mut out = std::io::stdout();
    for number in session.history().len()..SAVES {
        session.push(message(number)).unwrap();
        let durability = match number % 2 {
            0 => Durability::Synced,
            _ => Durability::Buffered,
        };
        persist(|| {
            let saved = session.save_with(CheckpointKind::Auto, durability);
            if saved
                .as_ref()
                .is_err_and(|e| e.is_poisoned() || e.is_conflict())
            {
                session.reopen()?;
            }
            saved
        });
        assert_eq!(
            session.history().len(),
            number + 1,
            "memory keeps everything"
        );
        writeln!(out, "{ACK}{number}").unwrap();
        out.flush().unwrap();
    }
}

/// Runs the child so that one call is tampered with; how many saves it was told of, and whether it
/// came to its end.
fn run(folder: &Path, call: &str, tamper: &str) -> (usize, bool) {
    let child = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace={call}"))
        .arg("-e")
        .arg(format!("inject={call}:{tamper}"))
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "strace::child_saves_while_calls_fail",
            "--nocapture",
        ])
        .arg("--test-threads=1")
        .env(FOLDER, folder)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8(child.stdout).unwrap();
    let last = told.lines().filter_map(|line| {
        let (_, number) = line.split_once(ACK)?;
        number.parse::<usize>().ok()
    });
    (
        last.max().map_or(0, |last| last + 1),
        child.status.success(),
    )
}

#[test]
fn a_call_that_fails_or_kills_loses_no_acknowledged_save() {
    let _alone = ALONE.lock();
    let is_there = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    if !is_there.is_ok_and(|status| status.success()) {
        println!("SKIPPED strace: it is not installed, or may not trace here");
        return;
    }
    let calls = [
        "pwrite64",
        "fdatasync",
        "fsync",
        "ftruncate",
        "openat",
        "mkdir",
        "rename",
        "flock",
    ];
    let errors = ["error=EIO", "error=ENOSPC", "signal=SIGKILL"];
    let places: &[usize] = if cfg!(debug_assertions) {
        &[4]
    } else {
        &[1, 2, 3, 4, 5, 6, 8, 10, 13, 17]
    };
    let (mut runs, mut ended, mut saves) = (0, 0, 0);
    for call in calls {
        for error in errors {
            for place in places {
                // Opening files is also what starting a process takes.
                let place = if call == "openat" { place + 12 } else { *place };
                let what = format!("{call}:{error}:when={place}");
                let folder = tempfile::tempdir().unwrap();
                let (told, is_ended) = run(folder.path(), call, &format!("{error}:when={place}"));
                if error != "signal=SIGKILL" {
                    assert!(is_ended, "{what}: the child gave up after {told} saves");
                    assert_eq!(told, SAVES, "{what}");
                }
                let session = open(folder.path()).unwrap();
                let history = session.history();
                assert!(history.len() >= told, "{what}: {} of {told}", history.len());
                for (number, found) in history.iter().enumerate() {
                    assert_eq!(*found, message(number), "{what}");
                }
                runs += 1;
                ended += usize::from(is_ended);
                saves += told;
            }
        }
    }
    println!(
        "strace: {runs} runs, {ended} came to their end, {saves} saves told of and found again"
    );
}
