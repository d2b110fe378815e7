//! A stale writer and one who takes over, in every order of their file operations: what was acknowledged is
//! there, and the log goes on from one place.

use std::path::Path;
use std::sync::Arc;

use agent_primitives::{CheckpointKind, SessionId};

use super::Checkpointer;
use crate::fs::stepped::{Actor, Gate, Stepped, Switch};
use crate::{Error, FileStore, Message, TakeOver};

use Actor::{First, Second};

/// More calls than any actor makes.
const ENDLESS: usize = 1_000;

/// What the stale writer does while it is overtaken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Append,
    /// The first save of a session, which begins a segment.
    Begin,
    Close,
    /// Its sync fails, and it writes what that was for elsewhere.
    FailingSync,
    /// It opens the session, the end of whose log is torn.
    Open,
}

struct Race {
    folder: tempfile::TempDir,
    gate: Arc<Gate>,
    acknowledged: Vec<String>,
}

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn say(session: &mut Checkpointer, text: &str) -> Result<String, Error> {
    session.push(Message::user(text)).unwrap();
    session.save(CheckpointKind::Auto)?;
    Ok(text.to_owned())
}

/// A store beside the race.
fn aside(folder: &Path) -> FileStore {
    let files = Stepped::new(First, Arc::default());
    FileStore::open_on(Arc::new(files), folder).unwrap()
}

fn plain(folder: &Path) -> Checkpointer {
    Checkpointer::builder(aside(folder), id()).open().unwrap()
}

/// Opens the session and saves.
fn take(
    store: FileStore,
    how: Option<TakeOver>,
    text: &str,
) -> (Option<Checkpointer>, Result<String, Error>) {
    let builder = Checkpointer::builder(store, id());
    let opened = match how {
        Some(how) => builder.take_over(how).open(),
        None => builder.open(),
    };
    match opened {
        Ok(mut owner) => {
            let said = say(&mut owner, text);
            (Some(owner), said)
        }
        Err(error) => (None, Err(error)),
    }
}

/// What happens when the one who takes over dies on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heir {
    /// The stale writer goes on, and then the session is opened.
    Nobody,
    /// Another one takes over before the stale writer goes on.
    Third,
    /// Another one opens the session, and takes it over from nobody, before the stale writer goes on.
    Plain,
}

impl Race {
    fn new(work: Work) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut acknowledged = Vec::new();
        if work != Work::Begin {
            let mut session = plain(folder.path());
            acknowledged.push(say(&mut session, "before").unwrap());
        }
        if work == Work::Open {
            let path = folder.path().join("sessions/s/seg-000001.ckl");
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.extend([7; 50]);
            std::fs::write(&path, bytes).unwrap();
        }
        Self {
            folder,
            gate: Arc::default(),
            acknowledged,
        }
    }

    fn store(&self, actor: Actor) -> FileStore {
        let files = Stepped::new(actor, Arc::clone(&self.gate));
        FileStore::open_on(Arc::new(files), self.folder.path()).unwrap()
    }

    /// Runs both as the schedule says, and looks at what became of it. Whether the schedule was used up.
    fn run(mut self, work: Work, switches: &[Switch], death: Option<(usize, Heir)>) -> bool {
        let case = format!("{work:?}, switches {switches:?}, death {death:?}");
        let (store, other) = (self.store(First), self.store(Second));
        let stale = (work != Work::Open).then(|| {
            let builder = Checkpointer::builder(store.clone(), id());
            builder.open().unwrap()
        });
        if work == Work::FailingSync {
            self.gate.break_sync(First);
        }
        self.gate
            .start(switches, death.map(|(call, _)| (Second, call)));
        let (gate, folder) = (&self.gate, self.folder.path());
        let ((stale, first), (owner, second)) = std::thread::scope(|scope| {
            let first = scope.spawn(move || {
                let ended = act(work, store, stale);
                gate.done(First);
                ended
            });
            let second = scope.spawn(move || {
                let mut ended = take(other, Some(TakeOver::Force), "owner");
                let how = match death {
                    Some((_, Heir::Third)) => Some(Some(TakeOver::Force)),
                    Some((_, Heir::Plain)) => Some(None),
                    _ => None,
                };
                if let (Some(how), Err(_)) = (how, &ended.1) {
                    // Its locks went with it.
                    drop(ended);
                    ended = take(aside(folder), how, "heir");
                }
                gate.done(Second);
                ended
            });
            (first.join().unwrap(), second.join().unwrap())
        });
        let is_spent = self.gate.is_spent();
        self.gate.open();
        let may_fail = matches!(death, Some((_, Heir::Nobody | Heir::Plain)));
        self.settle(&case, work, (stale, first), (owner, second), may_fail);
        is_spent
    }

    fn settle(
        &mut self,
        case: &str,
        work: Work,
        (stale, first): (Option<Checkpointer>, Result<String, Error>),
        (owner, second): (Option<Checkpointer>, Result<String, Error>),
        may_fail: bool,
    ) {
        let is_taken = second.is_ok();
        let is_beaten = work == Work::Open && first.is_ok();
        assert!(is_taken || is_beaten || may_fail, "{case}: {second:?}");
        // The stale writer's save came first, if it came at all.
        self.acknowledged.extend(first.ok());
        self.acknowledged.extend(second.ok());
        if let Some(mut stale) = stale {
            let late = say(&mut stale, "late");
            if is_taken {
                let error = late.unwrap_err();
                assert!(error.is_fenced(), "{case}: {error}");
            } else if let Ok(text) = late {
                self.acknowledged.push(text);
            }
        }
        if let Some(mut owner) = owner.filter(|_| is_taken) {
            assert!(owner.epoch() > 1, "{case}");
            self.acknowledged
                .push(say(&mut owner, "owner again").unwrap());
        }
        let mut session = plain(self.folder.path());
        let report = session.report().clone();
        assert!(
            report.degraded.is_empty() && report.missing.is_empty(),
            "{case}: {report}"
        );
        self.holds(case, &session);
        self.acknowledged.push(say(&mut session, "after").unwrap());
        drop(session);
        let session = plain(self.folder.path());
        self.holds(case, &session);
        let report = session.report();
        // Two who died one after the other may leave damage in the middle; it is copied aside.
        let is_clean = report.is_clean() || !report.quarantined.is_empty();
        assert!(is_clean || work != Work::Append, "{case}: {report}");
    }

    /// All that was acknowledged, in order, and nothing twice.
    fn holds(&self, case: &str, session: &Checkpointer) {
        let texts: Vec<&str> = session
            .history()
            .iter()
            .map(|m| m.content.as_str())
            .collect();
        let mut found = texts.iter();
        for text in &self.acknowledged {
            assert!(
                found.any(|found| found == text),
                "{case}: {text:?} of {:?} in {texts:?}",
                self.acknowledged
            );
        }
        let mut distinct = texts.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), texts.len(), "{case}: {texts:?}");
    }
}

fn act(
    work: Work,
    store: FileStore,
    stale: Option<Checkpointer>,
) -> (Option<Checkpointer>, Result<String, Error>) {
    match (work, stale) {
        (Work::Close, Some(stale)) => {
            drop(stale);
            (None, Err(Error::poisoned()))
        }
        (_, Some(mut stale)) => {
            let said = say(&mut stale, "stale");
            (Some(stale), said)
        }
        (_, None) => match Checkpointer::builder(store, id()).open() {
            Ok(mut stale) => {
                let said = say(&mut stale, "stale");
                (Some(stale), said)
            }
            Err(error) => (None, Err(error)),
        },
    }
}

/// With this set to `all` no order is left out.
const COVERAGE: &str = "CHECKPOINT_RACES";

/// Both run in all orders in which the stale writer is stopped once, and the other one is stopped once or
/// dies. Of the latter places one in `every` is tried, another one for each place of the former. How many orders
/// these are.
fn orders(work: Work, heir: Option<Heir>, every: usize) -> usize {
    let every = match std::env::var(COVERAGE) {
        Ok(coverage) if coverage == "all" => 1,
        _ => every,
    };
    let mut runs = 0;
    for i in 1..ENDLESS {
        let before = runs;
        for j in (1 + i % every..ENDLESS).step_by(every) {
            let is_spent = match heir {
                None => Race::new(work).run(work, &[(First, i), (Second, j)], None),
                Some(heir) => Race::new(work).run(work, &[(First, i)], Some((j, heir))),
            };
            if !is_spent {
                break;
            }
            runs += 1;
        }
        // Where the other one has too few calls, the next place may do.
        if runs == before && !Race::new(work).run(work, &[(First, i)], None) {
            break;
        }
    }
    println!("{work:?}, {heir:?}: {runs} orders");
    runs
}

#[test]
fn an_append_and_a_takeover() {
    assert!(orders(Work::Append, None, 2) > 100);
}

#[test]
fn a_new_segment_and_a_takeover() {
    assert!(orders(Work::Begin, None, 5) > 100);
}

#[test]
fn closing_and_a_takeover() {
    assert!(orders(Work::Close, None, 1) > 100);
}

#[test]
fn a_failing_sync_and_a_takeover() {
    assert!(orders(Work::FailingSync, None, 9) > 100);
}

#[test]
fn opening_and_a_takeover() {
    assert!(orders(Work::Open, None, 9) > 100);
}

#[test]
fn a_takeover_that_dies_and_a_stale_writer_who_goes_on() {
    assert!(orders(Work::Append, Some(Heir::Nobody), 3) > 50);
}

#[test]
fn a_takeover_that_dies_and_another_one() {
    assert!(orders(Work::Append, Some(Heir::Third), 3) > 50);
}

#[test]
fn a_takeover_that_dies_and_one_who_merely_opens() {
    assert!(orders(Work::Append, Some(Heir::Plain), 3) > 50);
}

#[test]
fn a_takeover_that_dies_beside_a_new_segment() {
    assert!(orders(Work::Begin, Some(Heir::Third), 5) > 50);
}
