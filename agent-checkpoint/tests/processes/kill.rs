//! A process that is killed in the middle of its work loses nothing that it was told is saved.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use agent_checkpoint::{Checkpointer, Durability, FileStore, Message};
use agent_primitives::{CheckpointKind, SessionId};

use crate::ALONE;

const FOLDER: &str = "CHECKPOINT_KILL_FOLDER";
const ACK: &str = "saved ";

fn open(folder: &Path) -> Checkpointer {
    let store = FileStore::open(folder).unwrap();
    Checkpointer::builder(store, SessionId::new("s").unwrap())
        .open()
        .unwrap()
}

fn message(number: usize) -> Message {
    // A long one now and then, that does not shrink, so that the log has several segments.
    let mut seed = u64::try_from(number).unwrap();
    let noise = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'!' + seed.to_be_bytes()[0] % 90)
    });
    let noise: String = noise
        .take(if number % 20 == 13 { 96 << 10 } else { 0 })
        .collect();
    Message::user(format!(
        "{number} {}{noise}",
        "some words ".repeat(number % 50)
    ))
}

/// The child: saves message after message, tells of each save, and never ends by itself. Does nothing
/// in a plain test run.
#[test]
fn child_saves_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let mut session = open(Path::new(&folder));
    let mut out = std::io::stdout();
    for number in session.history().len().. {
        session.push(message(number)).unwrap();
        if number % 7 == 0 {
            session.update(|work| work.next_steps = vec![number.to_string().into()]);
        }
        // A killed process leaves the system running: what is buffered there survives as well.
        let durability = if number % 3 == 0 {
            Durability::Synced
        } else {
            Durability::Buffered
        };
        session.save_with(CheckpointKind::Auto, durability).unwrap();
        writeln!(out, "{ACK}{number}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn a_killed_process_loses_no_acknowledged_save() {
    let _alone = ALONE.lock();
    let mut folder = tempfile::tempdir().unwrap();
    let mut known = 0;
    let (mut told, mut found) = (0, 0);
    let lives = [1, 40, 7, 150, 3, 90, 25, 64];
    // A release build goes on for long, with short lives.
    let more = (0..if cfg!(debug_assertions) { 0 } else { 208 }).map(|round| 1 + round * 7 % 23);
    let rounds: Vec<usize> = lives.into_iter().chain(more).collect();
    for (round, lives_for) in rounds.iter().copied().enumerate() {
        if round % 24 == 23 {
            // A long log takes long to check.
            folder = tempfile::tempdir().unwrap();
            found += known;
            known = 0;
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "kill::child_saves_until_it_is_killed",
                "--nocapture",
            ])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut acks = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .filter_map(|line| line.split_once(ACK)?.1.parse::<usize>().ok());
        let mut acknowledged = acks.by_ref().take(lives_for).last();
        let id = SessionId::new("s").unwrap();
        let store = FileStore::open(folder.path()).unwrap();
        let refused = Checkpointer::builder(store, id).open().unwrap_err();
        assert!(refused.is_locked(), "the child writes: {refused}");
        child.kill().unwrap();
        // What it still told before it died counts as well.
        acknowledged = acks.last().or(acknowledged);
        child.wait().unwrap();

        let session = open(folder.path());
        let history = session.history();
        let acknowledged = acknowledged.unwrap() + 1;
        told += acknowledged - known;
        assert!(
            history.len() >= acknowledged,
            "{} of {acknowledged}",
            history.len()
        );
        assert!(
            acknowledged >= known + lives_for,
            "the child went on where the last one died"
        );
        for (number, found) in history.iter().enumerate() {
            assert_eq!(*found, message(number));
        }
        let marked = (history.len() - 1) / 7 * 7;
        assert_eq!(session.state().work.next_steps, [marked.to_string()]);
        known = history.len();
    }
    println!(
        "kill: {} rounds, acknowledged {told}, found {}, lost 0",
        rounds.len(),
        found + known
    );
}
