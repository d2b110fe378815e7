//! One writer among real processes: one that is stopped, overtaken and woken, and many that race.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agent_checkpoint::{Checkpointer, Durability, Error, FileStore, Message, TakeOver};
use agent_primitives::{CheckpointKind, Clock, ManualClock, SessionId, SystemClock};

use crate::ALONE;

const FOLDER: &str = "CHECKPOINT_OWNER_FOLDER";
const NAME: &str = "CHECKPOINT_OWNER_NAME";
const TAKES: &str = "CHECKPOINT_OWNER_TAKES";
const SAVED: &str = "saved ";
const FENCED: &str = "fenced by ";
/// Messages that each of the children that race saves.
const SAVES: usize = 2;

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn open(
    folder: &Path,
    how: Option<TakeOver>,
    clock: impl Clock + 'static,
) -> Result<Checkpointer, Error> {
    open_in(&FileStore::open(folder).unwrap(), how, clock)
}

fn open_in(
    store: &FileStore,
    how: Option<TakeOver>,
    clock: impl Clock + 'static,
) -> Result<Checkpointer, Error> {
    // The system outlives its processes here, and syncs of many at once take long.
    let builder = Checkpointer::builder(store.clone(), id())
        .durability(Durability::Buffered)
        .clock(clock);
    match how {
        Some(how) => builder.take_over(how).open(),
        None => builder.open(),
    }
}

fn say(session: &mut Checkpointer, text: &str) -> Result<(), Error> {
    session.push(Message::user(text)).unwrap();
    session.save(CheckpointKind::Auto).map(|_| ())
}

fn texts(session: &Checkpointer) -> Vec<String> {
    session
        .history()
        .iter()
        .map(|m| m.content.clone())
        .collect()
}

fn tell(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// Starts one of the tests below as a child of its own.
fn child(test: &str, folder: &Path, name: &str, takes: bool) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder)
        .env(NAME, name)
        .stdout(Stdio::piped());
    if takes {
        command.env(TAKES, "1");
    }
    let mut child = command.spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

/// What a child told it saved, up to `count` of it; and who fenced it off, which ends it.
fn acks(out: &mut impl BufRead, count: usize) -> (Vec<String>, Option<String>) {
    let mut saved = Vec::new();
    let mut line = String::new();
    while saved.len() < count && out.read_line(&mut line).unwrap() > 0 {
        if let Some((_, text)) = line.trim_end().split_once(SAVED) {
            saved.push(text.to_owned());
        } else if let Some((_, by)) = line.trim_end().split_once(FENCED) {
            return (saved, Some(by.to_owned()));
        }
        line.clear();
    }
    (saved, None)
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// Returns when the system has stopped the child.
fn await_stop(child: &Child) {
    let path = format!("/proc/{}/stat", child.id());
    loop {
        let stat = std::fs::read_to_string(&path).unwrap();
        if stat.rsplit(") ").next().unwrap().starts_with('T') {
            return;
        }
        std::thread::yield_now();
    }
}

/// A child: saves message after message until it is fenced off. Does nothing in a plain test run.
#[test]
fn child_saves_until_it_is_fenced() {
    let Some(folder) = std::env::var_os(FOLDER).filter(|_| std::env::var_os(NAME).is_some()) else {
        return;
    };
    let name = std::env::var(NAME).unwrap();
    let mut session = open(Path::new(&folder), None, SystemClock).unwrap();
    for number in 0.. {
        let text = format!("{name}-{number} {}", "words ".repeat(number % 90));
        match say(&mut session, text.trim_end()) {
            Ok(()) => tell(&format!("{SAVED}{}", text.trim_end())),
            Err(error) => {
                assert!(error.is_fenced(), "{error}");
                for _ in 0..3 {
                    assert!(session.save(CheckpointKind::Auto).unwrap_err().is_fenced());
                }
                assert!(session.reopen().unwrap_err().is_fenced());
                tell(&format!("{FENCED}{}", error.owner().unwrap().process));
                return;
            }
        }
    }
}

#[test]
fn a_process_that_is_stopped_past_its_lease_and_woken_can_save_nothing_more() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let mut expected: Vec<String> = Vec::new();
    for (round, lives_for) in [1, 30, 4, 75, 2, 13].into_iter().enumerate() {
        let name = format!("child{round}");
        let (mut stale, mut out) = child(
            "ownership::child_saves_until_it_is_fenced",
            folder.path(),
            &name,
            false,
        );
        let (mut saved, _) = acks(&mut out, lives_for);
        signal(&stale, "-STOP");
        await_stop(&stale);

        let now = SystemClock.timestamp();
        let refused = open(folder.path(), None, SystemClock).unwrap_err();
        assert!(refused.is_locked(), "{refused}");
        assert_eq!(refused.owner().unwrap().process, stale.id());
        let early = ManualClock::starting_at(now);
        let refused = open(folder.path(), Some(TakeOver::Expired), early).unwrap_err();
        assert!(refused.is_locked(), "{refused}");
        let late = ManualClock::starting_at(now + Duration::from_secs(3_600));
        let mut owner = open(folder.path(), Some(TakeOver::Expired), late).unwrap();
        say(&mut owner, &format!("owner{round}")).unwrap();

        signal(&stale, "-CONT");
        let (rest, by) = acks(&mut out, usize::MAX);
        assert_eq!(by, Some(std::process::id().to_string()));
        assert!(stale.wait().unwrap().success());
        saved.extend(rest);
        say(&mut owner, &format!("owner{round} again")).unwrap();
        drop(owner);

        let session = open(folder.path(), None, SystemClock).unwrap();
        assert!(session.report().is_clean(), "{}", session.report());
        let mut found = texts(&session);
        let mut mine = found.split_off(expected.len());
        assert_eq!(found, expected);
        assert_eq!(mine[..saved.len()], saved, "all that it was told is saved");
        // One more may have been on its way when it was stopped; it was told of no success then.
        mine.drain(..saved.len());
        if mine.len() == 3 {
            assert!(
                mine[0].starts_with(&format!("{name}-{} ", saved.len())),
                "{mine:?}"
            );
            mine.remove(0);
        }
        assert_eq!(
            mine,
            [format!("owner{round}"), format!("owner{round} again")]
        );
        expected = texts(&session);
    }
}

/// A child: opens the session again and again, and saves one message each time. Does nothing in a plain test run.
#[test]
fn child_opens_and_saves() {
    let Some(folder) = std::env::var_os(FOLDER).filter(|_| std::env::var_os(NAME).is_some()) else {
        return;
    };
    let (folder, name) = (Path::new(&folder), std::env::var(NAME).unwrap());
    let takes = std::env::var_os(TAKES).is_some();
    let store = FileStore::open(folder).unwrap();
    let mut saved = 0;
    while saved < SAVES {
        let mut session = match open_in(&store, takes.then_some(TakeOver::Force), SystemClock) {
            Ok(session) => session,
            Err(error) => {
                assert!(error.is_locked() || error.is_fenced(), "{error}");
                std::thread::yield_now();
                continue;
            }
        };
        let mark = folder.join("writing");
        if !takes {
            // No other process is in between these two.
            File::create_new(&mark).unwrap();
        }
        let text = format!("{name}-{saved}-{}", session.epoch());
        match say(&mut session, &text) {
            Ok(()) => {
                tell(&format!("{SAVED}{text}"));
                saved += 1;
            }
            Err(error) => assert!(takes && error.is_fenced(), "{error}"),
        }
        if !takes {
            std::fs::remove_file(&mark).unwrap();
        }
    }
}

fn race(count: usize, takes: bool) {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    FileStore::open(folder.path()).unwrap();
    let children: Vec<_> = (0..count)
        .map(|number| {
            child(
                "ownership::child_opens_and_saves",
                folder.path(),
                &format!("c{number}"),
                takes,
            )
        })
        .collect();
    let mut saved = Vec::new();
    for (mut child, mut out) in children {
        saved.extend(acks(&mut out, usize::MAX).0);
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(saved.len(), count * SAVES);
    let session = open(folder.path(), None, SystemClock).unwrap();
    let report = session.report();
    assert!(
        report.degraded.is_empty() && report.missing.is_empty(),
        "{report}"
    );
    let found = texts(&session);
    for text in &saved {
        assert_eq!(
            found.iter().filter(|f| *f == text).count(),
            1,
            "{text} in {found:?}"
        );
    }
    if !takes {
        assert!(report.is_clean(), "{report}");
        assert_eq!(found.len(), saved.len());
    }
    // In the order of the epochs: the head never went back.
    let epochs = found
        .iter()
        .map(|text| text.rsplit('-').next().unwrap().parse::<u64>().unwrap());
    assert!(epochs.is_sorted(), "{found:?}");
}

#[test]
fn of_eight_processes_one_writes_at_a_time() {
    race(8, false);
}

#[test]
fn processes_that_take_over_from_one_another_lose_nothing() {
    race(3, true);
}

/// Ends the threads beside a test, also where that fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A child that is being started has all files of its parent open, until it runs a program of its own: as where an agent
/// runs its tools.
#[test]
fn a_closed_session_opens_at_once_while_children_are_started() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    let started = Command::new("true").status();
                    assert!(started.unwrap().success());
                }
            });
        }
        let _ends = Ends(&is_done);
        for number in 0..500 {
            let mut session = open_in(&store, None, SystemClock).unwrap();
            if number % 50 == 0 {
                say(&mut session, "still mine").unwrap();
            }
        }
    });
    assert_eq!(
        texts(&open_in(&store, None, SystemClock).unwrap()).len(),
        10
    );
}
