//! A store that does not answer: saves give up waiting, and learn later what became of them.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use agent_checkpoint::{Checkpointer, Durability, Error, MemoryStore, Message, Store};
use agent_primitives::{CheckpointId, CheckpointKind, SessionId};

use crate::on_the_way::{OnTheWay, Step, Through};

/// What the gate lets through.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Gate {
    Closed,
    Open,
    /// This many appends, and then none.
    Counted(usize),
    /// Appends come back without having written anything.
    Broken,
}

/// A store whose appends wait at a gate.
#[derive(Debug, Clone)]
struct Entrance {
    inner: MemoryStore,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

type Gated = Through<Entrance>;

impl Gated {
    fn new() -> Self {
        Self(Entrance {
            inner: MemoryStore::new(),
            gate: Arc::new((Mutex::new(Gate::Open), Condvar::new())),
        })
    }
}

impl Entrance {
    fn set(&self, gate: Gate) {
        *self.gate.0.lock().unwrap() = gate;
        self.gate.1.notify_all();
    }

    fn pass(&self) -> Result<(), Error> {
        let gate = self.gate.0.lock().unwrap();
        let mut gate = self
            .gate
            .1
            .wait_while(gate, |gate| matches!(gate, Gate::Closed | Gate::Counted(0)))
            .unwrap();
        match &mut *gate {
            Gate::Broken => return Err(Error::unavailable("testing", "the gate is broken")),
            Gate::Counted(left) => *left -= 1,
            Gate::Open | Gate::Closed => {}
        }
        Ok(())
    }
}

impl OnTheWay for Entrance {
    fn behind(&self) -> Result<impl Store, Error> {
        Ok(self.inner.clone())
    }

    fn before(&self, step: Step) -> Result<(), Error> {
        if step == Step::Append {
            self.pass()?;
        }
        Ok(())
    }
}

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn open(store: &Gated) -> Checkpointer {
    let builder = Checkpointer::builder(store.clone(), id());
    builder.patience(Duration::from_millis(2)).open().unwrap()
}

/// Asks until there is an answer.
fn answered<T>(mut ask: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    loop {
        match ask() {
            Err(error) if error.is_blocked() => {}
            answer => return answer,
        }
    }
}

fn auto(session: &mut Checkpointer) -> Result<CheckpointId, Error> {
    answered(|| session.save(CheckpointKind::Auto))
}

fn counts(session: &Checkpointer) -> Vec<usize> {
    session
        .list()
        .iter()
        .map(|checkpoint| checkpoint.messages)
        .collect()
}

#[test]
fn a_save_under_way_counts_once_it_is_done_and_only_what_is_new_is_written() {
    let store = Gated::new();
    let mut session = open(&store);
    session.push(Message::user("one")).unwrap();
    auto(&mut session).unwrap();
    store.set(Gate::Closed);
    session.push(Message::user("two")).unwrap();
    session.update(|work| work.next_steps.push("under way".into()));
    for blocked in 1..=2 {
        let error = session.save(CheckpointKind::Auto).unwrap_err();
        assert!(error.is_blocked() && !error.is_unavailable(), "{error}");
        assert_eq!(
            session.health().blocked_saves,
            1,
            "asking again is no save: {blocked}"
        );
    }
    assert_eq!(session.unsaved(), [Message::user("two")]);
    session.push(Message::user("three")).unwrap();
    session.update(|work| work.next_steps.push("later".into()));
    assert!(session.figures().unwrap_err().is_blocked());
    store.set(Gate::Open);
    let last = auto(&mut session).unwrap();
    assert!(session.unsaved().is_empty());
    assert_eq!(counts(&session), [3, 2, 1]);
    assert_eq!(auto(&mut session).unwrap(), last, "nothing is left to save");
    drop(session);
    let session = open(&store);
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!((session.report().items, session.history().len()), (3, 3));
    assert_eq!(session.state().work.next_steps, ["under way", "later"]);
    assert_eq!(counts(&session), [3, 2, 1]);
}

#[test]
fn a_save_under_way_that_fails_is_made_good_by_the_next() {
    let store = Gated::new();
    let mut session = open(&store);
    session.push(Message::user("one")).unwrap();
    auto(&mut session).unwrap();
    store.set(Gate::Closed);
    session.push(Message::user("two")).unwrap();
    session.update(|work| work.next_steps.push("go on".into()));
    assert!(session.save(CheckpointKind::Auto).unwrap_err().is_blocked());
    store.set(Gate::Broken);
    let error = auto(&mut session).unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    store.set(Gate::Open);
    auto(&mut session).unwrap();
    drop(session);
    let session = open(&store);
    assert_eq!(session.report().items, 2, "written once");
    assert_eq!(session.state().work.next_steps, ["go on"]);
}

#[test]
fn dropping_a_session_waits_for_no_hung_disk_and_its_lock_stays_until_the_disk_answers() {
    let store = Gated::new();
    let mut session = open(&store);
    store.set(Gate::Closed);
    session.push(Message::user("one")).unwrap();
    assert!(session.save(CheckpointKind::Auto).unwrap_err().is_blocked());
    drop(session);
    let second = Checkpointer::builder(store.clone(), id()).open();
    assert!(second.unwrap_err().is_locked());
    store.set(Gate::Open);
    let session = loop {
        match Checkpointer::builder(store.clone(), id()).open() {
            Err(error) if error.is_locked() => std::thread::yield_now(),
            opened => break opened.unwrap(),
        }
    };
    assert_eq!(session.history(), [Message::user("one")]);
}

#[test]
fn a_restore_under_way_shows_the_restored_state() {
    let store = Gated::new();
    let mut session = open(&store);
    session.push(Message::user("one")).unwrap();
    let first = auto(&mut session).unwrap();
    session.push(Message::user("two")).unwrap();
    auto(&mut session).unwrap();
    // The backup needs one append, the restore the next.
    store.set(Gate::Counted(1));
    let mut error = session.restore(&first).unwrap_err();
    while session.history().len() == 2 {
        assert!(error.is_blocked(), "{error}");
        store.set(Gate::Counted(1));
        error = session.restore(&first).unwrap_err();
    }
    assert!(error.is_blocked(), "{error}");
    store.set(Gate::Open);
    session.push(Message::user("other")).unwrap();
    auto(&mut session).unwrap();
    drop(session);
    let session = open(&store);
    assert_eq!(
        session.history(),
        [Message::user("one"), Message::user("other")]
    );
}

#[test]
fn a_flush_syncs_what_was_saved_and_waits_for_nobody() {
    let store = Gated::new();
    let mut session = open(&store);
    let flush = session.flush_handle();
    session.push(Message::user("one")).unwrap();
    answered(|| session.save_with(CheckpointKind::Auto, Durability::Buffered)).unwrap();
    assert!(session.health().unsynced_bytes > 0);
    answered(|| flush.flush()).unwrap();
    assert_eq!(session.health().unsynced_bytes, 0);

    store.set(Gate::Closed);
    session.push(Message::user("two")).unwrap();
    assert!(session.save(CheckpointKind::Auto).unwrap_err().is_blocked());
    assert!(flush.flush().unwrap_err().is_blocked());
    drop(session);
    store.set(Gate::Open);
    answered(|| flush.flush()).unwrap();
    // The handle keeps no lock.
    while let Err(error) = Checkpointer::builder(store.clone(), id()).open() {
        assert!(error.is_locked(), "{error}");
    }
}

#[test]
fn a_panic_in_the_store_costs_the_save_and_not_the_session() {
    let store = Gated::new();
    let mut session = open(&store);
    session.push(Message::user("one")).unwrap();
    let gate = Arc::clone(&store.gate);
    let poisoned = std::thread::spawn(move || {
        let _held = gate.0.lock().unwrap();
        panic!("as an example");
    });
    assert!(poisoned.join().is_err());
    // The gate's lock is poisoned: the store panics on the writer's thread.
    let error = auto(&mut session).unwrap_err();
    assert!(error.is_poisoned(), "{error}");
    store.gate.0.clear_poison();
    answered(|| session.reopen()).unwrap();
    auto(&mut session).unwrap();
    assert!(session.unsaved().is_empty());
}
