//! A restore is looked at, done or left, taken back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use agent_checkpoint::{
    ChangeKind, Checkpointer, Error, MemoryStore, Message, Retention, Snapshot, Store,
};
use agent_primitives::{CheckpointId, CheckpointKind, SessionId, TokenUsage};
use serde::{Deserialize, Serialize};

use crate::on_the_way::{OnTheWay, Through};

#[derive(Serialize, Deserialize)]
struct Board {
    open: Vec<String>,
}

impl Snapshot for Board {
    const KIND: &'static str = "board";
    const VERSION: u16 = 1;
}

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn open(store: &(impl Store + Clone + 'static)) -> Checkpointer {
    Checkpointer::builder(store.clone(), id()).open().unwrap()
}

fn say(session: &mut Checkpointer, text: &str) -> CheckpointId {
    session.push(Message::user(text)).unwrap();
    session.save(CheckpointKind::Auto).unwrap()
}

/// Two messages and a few components, then more of both.
fn prepared(session: &mut Checkpointer) -> CheckpointId {
    session.update(|work| work.next_steps = vec!["go".into()]);
    session.put(&Board { open: vec![] }).unwrap();
    say(session, "one");
    let point = say(session, "two");
    session.update(|work| {
        work.next_steps = vec![];
        work.usage = TokenUsage::new(1, 2);
    });
    session
        .put(&Board {
            open: vec!["#1".into()],
        })
        .unwrap();
    say(session, "three");
    session.push(Message::user("four")).unwrap();
    point
}

#[test]
fn a_plan_tells_what_would_change_and_changes_nothing() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let point = prepared(&mut session);
    let (state, listed, stored) = (
        session.state().clone(),
        session.list(),
        session.figures().unwrap().stored_bytes,
    );
    let plan = session.plan_restore(&point).unwrap();
    let diff = plan.diff();
    assert_eq!(
        (
            diff.common,
            diff.removed,
            diff.added,
            diff.unsaved,
            diff.context
        ),
        (2, 2, 0, 1, (4, 2))
    );
    let changes: Vec<_> = diff
        .components
        .iter()
        .map(|c| (c.name.as_str(), c.kind))
        .collect();
    assert_eq!(
        changes,
        [
            ("host.board", ChangeKind::Changed),
            ("work.next_steps", ChangeKind::Added),
            ("work.usage", ChangeKind::Removed)
        ]
    );
    assert_eq!(
        (diff.components[1].before, diff.components[1].after),
        (0, 6)
    );
    let shown = diff.to_string();
    assert!(
        shown.starts_with(
            "messages: 2 stay, 2 go (1 of them not saved yet), 0 come\ncontext: 4 messages now, 2 then\n\
             changed  host.board: "
        ),
        "{shown}"
    );
    assert_eq!(plan.state().conversation.len(), 2);
    plan.rollback();
    drop(session.plan_restore(&point).unwrap());
    assert_eq!((session.state(), session.list()), (&state, listed));
    assert_eq!(session.figures().unwrap().stored_bytes, stored);
}

#[test]
fn a_diff_fits_on_a_screen_whatever_there_is() {
    let mut session = open(&MemoryStore::new());
    let point = say(&mut session, "one");
    session.update(|work| {
        for n in 0..100 {
            work.extra
                .insert(format!("field {n}"), serde_json::json!(n));
        }
    });
    let plan = session.plan_restore(&point).unwrap();
    assert_eq!(plan.diff().components.len(), 100);
    let shown = plan.diff().to_string();
    assert!(shown.lines().count() <= 20, "{shown}");
    assert!(shown.ends_with("and 86 components more"), "{shown}");
    plan.commit().unwrap();
    assert!(session.plan_restore(&point).unwrap().diff().is_empty());
}

#[test]
fn a_restore_and_its_undoing_lose_nothing() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let point = prepared(&mut session);
    let before = session.state().clone();
    let done = session.plan_restore(&point).unwrap().commit().unwrap();
    assert_eq!(session.latest().unwrap().id, done.now);
    assert_eq!(session.latest().unwrap().restored, Some(point));
    let after = session.state().clone();
    assert_eq!(after.conversation.len(), 2);
    let undone = session.undo_restore().unwrap();
    assert_eq!(*session.state(), before);
    assert_ne!(undone.backup, done.backup);
    session.undo_restore().unwrap();
    assert_eq!(*session.state(), after, "undoing the undoing");

    say(&mut session, "since");
    let since = session.state().clone();
    drop(session);
    let mut session = open(&store);
    session.undo_restore().unwrap();
    assert_eq!(
        *session.state(),
        before,
        "after other saves and a new opening"
    );
    session.undo_restore().unwrap();
    assert_eq!(*session.state(), since);
}

#[test]
fn there_is_nothing_to_undo_before_a_restore() {
    let mut session = open(&MemoryStore::new());
    assert!(session.undo_restore().unwrap_err().is_not_found());
    say(&mut session, "one");
    assert!(session.undo_restore().unwrap_err().is_not_found());
    assert_eq!(session.list().len(), 1);
}

#[test]
fn backups_do_not_pile_up_without_bound() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let point = say(&mut session, "one");
    session.pin(&point).unwrap();
    for _ in 0..60 {
        session.restore(&point).unwrap();
    }
    let backups = session.list();
    let backups = backups
        .iter()
        .filter(|c| c.kind == CheckpointKind::PreRestore);
    assert_eq!(backups.count(), 10);
    drop(session);
    let all = Checkpointer::builder(store, id()).retention(Retention::all());
    assert!(
        all.open().unwrap().list().len() < 70,
        "tombstones name what went"
    );
}

/// Reads wrong bytes at the end of the log from the given read on.
#[derive(Debug, Clone)]
struct Bent {
    store: MemoryStore,
    /// Reads that are still right.
    right: Arc<AtomicUsize>,
}

impl OnTheWay for Bent {
    fn behind(&self) -> Result<impl Store, Error> {
        Ok(self.store.clone())
    }

    fn read(&self, _: u32, mut bytes: Vec<u8>) -> Vec<u8> {
        let left = |left: usize| left.checked_sub(1);
        if self
            .right
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, left)
            .is_err()
        {
            let at = bytes.len() - 20;
            bytes[at] ^= 1;
        }
        bytes
    }
}

#[test]
fn a_restore_that_does_not_read_back_is_taken_back() {
    let store = MemoryStore::new();
    let right = Arc::new(AtomicUsize::new(usize::MAX));
    let bent = Through(Bent {
        store: store.clone(),
        right: Arc::clone(&right),
    });
    let mut session = open(&bent);
    let point = prepared(&mut session);
    let before = session.state().clone();
    let plan = session.plan_restore(&point).unwrap();
    right.store(0, Ordering::Release);
    let error = plan.commit().unwrap_err();
    assert!(error.is_damaged(), "{error}");
    assert_eq!(*session.state(), before);
    right.store(usize::MAX, Ordering::Release);
    say(&mut session, "five");
    let after = session.state().clone();
    drop(session);
    let session = open(&store);
    assert_eq!(*session.state(), after);
    assert_eq!(after.conversation.len(), before.conversation.len() + 1);
}
