//! A store and its mirror under power cuts on either side or on both: what was replicated is in each of them.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use agent_primitives::{CheckpointKind, ManualClock, SessionId, Timestamp};

use super::choices::choices;
use super::play::FORMAT;
use super::script::Dice;
use crate::fs::sim::{Disk, SimFiles};
use crate::fs::{Access, FileSystem, write_all};
use crate::{Checkpointer, Durability, FileStore, Message, Mirrored, Sealing, Store};

const PRIMARY: &str = "/primary";
const MIRROR: &str = "/mirror";

/// How many messages may be found, at least and at most.
#[derive(Debug, Clone, Copy, Default)]
struct Bounds {
    acknowledged: usize,
    synced: usize,
    replicated: usize,
    begun: usize,
}

/// Which of the two stores a session is opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Both,
    Primary,
    Mirror,
}

/// What was tried.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) states: HashSet<[u8; 32]>,
    pub(super) moments: usize,
    pub(super) second: usize,
}

fn id() -> SessionId {
    SessionId::new("a").unwrap()
}

fn files() -> SimFiles {
    let files = SimFiles::new(512);
    for root in [PRIMARY, MIRROR].map(Path::new) {
        files.make_folders(root).unwrap();
        let format = files.open(&root.join("FORMAT"), Access::CreateNew).unwrap();
        write_all(&*format, 0, FORMAT).unwrap();
        format.sync_all().unwrap();
        files.sync_folder(root).unwrap();
    }
    files.sync_folder(Path::new("/")).unwrap();
    files
}

fn open(files: &SimFiles, with: With) -> Checkpointer {
    let at = |root: &str| FileStore::open_on(Arc::new(files.clone()), root).unwrap();
    let store: Arc<dyn Store> = match with {
        With::Both => Arc::new(Mirrored::new(at(PRIMARY), at(MIRROR)).unwrap()),
        With::Primary => Arc::new(at(PRIMARY)),
        With::Mirror => Arc::new(at(MIRROR)),
    };
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_000));
    Checkpointer::builder(store, id())
        .clock(Arc::new(clock))
        .sealing(Sealing::Never)
        .segment_target(2_000)
        .open()
        .unwrap_or_else(|error| panic!("{with:?}: {error}"))
}

fn message(number: usize) -> Message {
    let words = "some words ".repeat(number * 7 % 31);
    Message::user(format!("{number} {words}"))
}

/// A script of saves as durable as the dice say, with openings, sealings and forks between them.
pub(super) fn crash_either(seed: u64, saves: usize, (states, second): (usize, usize)) -> Tally {
    let files = files();
    let mut dice = Dice(seed);
    let mut marks = vec![Bounds::default()];
    let mut bounds = Bounds::default();
    let mut session = open(&files, With::Both);
    files.watch();
    for number in 0..saves {
        session.push(message(number)).unwrap();
        bounds.begun = number + 1;
        mark(&files, &mut marks, bounds);
        let durability = match dice.roll(4) {
            0 => Durability::Buffered,
            1 => Durability::Synced,
            _ => Durability::Replicated,
        };
        session.save_with(CheckpointKind::Auto, durability).unwrap();
        bounds.acknowledged = bounds.begun;
        if durability != Durability::Buffered {
            bounds.synced = bounds.begun;
        }
        if durability == Durability::Replicated {
            bounds.replicated = bounds.begun;
        }
        mark(&files, &mut marks, bounds);
        match dice.roll(9) {
            0 => {
                drop(session);
                session = open(&files, With::Both);
            }
            1 => session.reopen().unwrap(),
            2 => drop(session.seal().unwrap()),
            3 => {
                let newest = session.latest().unwrap().id;
                let name = SessionId::new(format!("fork-{number}")).unwrap();
                drop(session.fork(&newest, name).unwrap());
            }
            _ => {}
        }
    }
    let mut tally = Tally::default();
    for moment in files.moments() {
        tally.moments += 1;
        let bounds = marks[moment.mark];
        let killed = Bounds {
            synced: bounds.acknowledged,
            ..bounds
        };
        visit(
            &moment.disk.after_kill(),
            killed,
            second,
            &mut dice,
            &mut tally,
        );
        let (is_left, ways) = (
            moment.disk.choices_below("mirror"),
            moment.disk.choices().len(),
        );
        assert_eq!(is_left.len(), ways);
        for (at, mut chosen) in choices(&moment.disk, states, &mut dice)
            .into_iter()
            .enumerate()
        {
            // The power fails on both sides, or on one of them alone.
            let side = [None, Some(true), Some(false)][at % 3];
            for (choice, is_mirror) in chosen.iter_mut().zip(&is_left) {
                if side.is_some_and(|side| side != *is_mirror) {
                    *choice = 0;
                }
            }
            let bounds = match side {
                Some(true) => killed,
                _ => bounds,
            };
            let disk = moment.disk.after_power_cut(&chosen);
            visit(&disk, bounds, second, &mut dice, &mut tally);
        }
    }
    tally
}

fn mark(files: &SimFiles, marks: &mut Vec<Bounds>, bounds: Bounds) {
    files.mark(marks.len());
    marks.push(bounds);
}

/// Opens what a crash left in each of the three ways, and with both stores once more after a crash meanwhile.
fn visit(disk: &Disk, bounds: Bounds, second: usize, dice: &mut Dice, tally: &mut Tally) {
    if !tally.states.insert(disk.digest()) {
        return;
    }
    for with in [With::Primary, With::Mirror] {
        recover(&SimFiles::from_disk(disk.clone()), bounds, with);
    }
    let files = SimFiles::from_disk(disk.clone());
    files.watch();
    let (found, has_begun) = recover(&files, bounds, With::Both);
    let moments = files.moments();
    // What opening found it keeps, in both; but where the last segment has no header yet, the mirror has the
    // rest from the next save on.
    for with in [With::Primary, With::Mirror, With::Both] {
        let after = SimFiles::from_disk(files.disk().after_kill());
        let (again, _) = recover(&after, bounds, with);
        if has_begun || with != With::Mirror {
            assert_eq!(again, found, "{with:?} after both");
        }
    }
    for moment in moments {
        for chosen in choices(&moment.disk, second, dice) {
            let again = moment.disk.after_power_cut(&chosen);
            if tally.states.insert(again.digest()) {
                tally.second += 1;
                recover(&SimFiles::from_disk(again), bounds, With::Both);
            }
        }
    }
}

/// How many messages came back, each of which is right, and whether the last segment had begun.
fn recover(files: &SimFiles, bounds: Bounds, with: With) -> (usize, bool) {
    let session = open(files, with);
    let history = session.history();
    let right: Vec<_> = (0..history.len()).map(message).collect();
    assert_eq!(history, right, "{with:?}");
    let least = match with {
        With::Both => bounds.synced.max(bounds.replicated),
        With::Primary => bounds.synced,
        With::Mirror => bounds.replicated,
    };
    assert!(
        (least..=bounds.begun).contains(&history.len()),
        "{with:?}: {} messages, {bounds:?}",
        history.len()
    );
    (history.len(), session.report().damaged_headers.is_empty())
}
