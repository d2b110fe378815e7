//! What a fork has of its parent, and that neither sees more of the other.

use agent_checkpoint::{
    Checkpointer, Error, FileStore, MemoryStore, Message, Retention, SessionState, Store,
};
use agent_primitives::{CheckpointId, CheckpointKind, SessionId};

fn id(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn open(store: &(impl Store + Clone + 'static), name: &str) -> Checkpointer {
    Checkpointer::builder(store.clone(), id(name))
        .retention(Retention::all())
        .open()
        .unwrap()
}

fn say(session: &mut Checkpointer, text: &str) -> CheckpointId {
    session.push(Message::user(text)).unwrap();
    session.save(CheckpointKind::Auto).unwrap()
}

/// Text that no compression makes small, so that segments fill up.
fn noise(seed: u64, len: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'0' + u8::try_from(state % 64).unwrap())
    };
    (0..len).map(|_| next()).collect()
}

/// A session of several segments: after each save, its id and the state then.
fn long(session: &mut Checkpointer, saves: u64) -> Vec<(CheckpointId, SessionState)> {
    let mut all = Vec::new();
    for n in 0..saves {
        session.push(Message::user(noise(n, 180_000))).unwrap();
        session.update(|work| work.next_steps = vec![format!("step {n}").into()]);
        let id = session.save(CheckpointKind::Manual).unwrap();
        all.push((id, session.state().clone()));
    }
    all
}

fn a_fork_at_any_checkpoint_is_that_checkpoint(store: &(impl Store + Clone + 'static)) {
    let mut parent = open(store, "parent");
    let all = long(&mut parent, 9);
    assert!(store.segments(&id("parent")).unwrap().len() >= 2);
    for n in [0, 6, 7, 8] {
        let (at, state) = &all[n];
        let name = format!("child{n}");
        let mut child = parent.fork(at, id(&name)).unwrap();
        assert!(child.report().is_clean(), "{}", child.report());
        assert_eq!(child.state(), state, "{n}");
        let newest = child.latest().unwrap();
        assert_eq!(newest.id, *at);
        assert_eq!(child.list().len(), n + 1, "nothing that came later shows");
        say(&mut child, "another way");
        let expected = child.state().clone();
        drop(child);
        let mut child = open(store, &name);
        assert!(child.report().is_clean(), "{}", child.report());
        assert_eq!(*child.state(), expected);
        child.restore(&all[0].0).unwrap();
        assert_eq!(*child.state(), all[0].1);
    }
    let before = parent.state().clone();
    parent.reopen().unwrap();
    assert_eq!(*parent.state(), before);
    assert_eq!(parent.list().len(), all.len());
}

#[test]
fn in_files_a_fork_at_any_checkpoint_is_that_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    a_fork_at_any_checkpoint_is_that_checkpoint(&FileStore::open(folder.path()).unwrap());
}

#[test]
fn in_memory_a_fork_at_any_checkpoint_is_that_checkpoint() {
    a_fork_at_any_checkpoint_is_that_checkpoint(&MemoryStore::new());
}

#[test]
fn parent_and_fork_go_their_own_ways_and_either_may_be_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let mut parent = open(&store, "parent");
    let all = long(&mut parent, 9);
    let mut child = parent.fork(&all[2].0, id("child")).unwrap();
    say(&mut child, "in the child");
    say(&mut parent, "in the parent");
    let mut grandchild = child
        .fork(&child.latest().unwrap().id, id("grandchild"))
        .unwrap();
    say(&mut grandchild, "in the grandchild");
    let early = grandchild.fork(&all[0].0, id("early")).unwrap();
    let states = [&parent, &child, &grandchild, &early].map(|s| s.state().clone());
    assert_eq!(states[2].conversation.len(), 5);
    assert_eq!(states[3], all[0].1);
    drop((parent, child, grandchild, early));

    store.remove(&id("parent")).unwrap();
    for (name, state) in ["child", "grandchild", "early"].iter().zip(&states[1..]) {
        let session = open(&store, name);
        assert!(session.report().is_clean(), "{name}: {}", session.report());
        assert_eq!(session.state(), state, "{name}");
    }
    store.remove(&id("child")).unwrap();
    assert_eq!(*open(&store, "grandchild").state(), states[2]);
}

#[test]
#[cfg(unix)]
fn a_fork_links_what_is_closed_and_copies_what_is_not() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let mut parent = open(&store, "parent");
    let all = long(&mut parent, 9);
    let child = parent.fork(&all[8].0, id("child")).unwrap();
    drop(child);
    let segments = store.segments(&id("parent")).unwrap();
    let file = |name: &str, segment: u32| {
        let folder = store.session_folder(&id(name)).unwrap();
        std::fs::metadata(folder.join(format!("seg-{segment:06}.ckl"))).unwrap()
    };
    let (last, closed) = segments.split_last().unwrap();
    assert!(!closed.is_empty());
    for segment in closed {
        let (theirs, ours) = (file("parent", *segment), file("child", *segment));
        assert_eq!(theirs.ino(), ours.ino(), "segment {segment}");
    }
    assert_ne!(file("parent", *last).ino(), file("child", *last).ino());
}

#[test]
fn a_fork_of_a_message_more_costs_as_much() {
    let store = MemoryStore::new();
    let mut parent = open(&store, "parent");
    let all = long(&mut parent, 9);
    let cost = |name: &str| {
        let segments = store.segments(&id(name)).unwrap();
        let own = segments.last().unwrap();
        store.read(&id(name), *own, usize::MAX).unwrap().len()
    };
    drop(parent.fork(&all[0].0, id("first")).unwrap());
    drop(parent.fork(&all[8].0, id("last")).unwrap());
    assert!(
        cost("last") <= cost("first") + 40,
        "{} {}",
        cost("last"),
        cost("first")
    );
}

#[test]
fn a_fork_needs_a_name_that_is_free_and_a_checkpoint_that_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let mut parent = open(&store, "parent");
    let one = say(&mut parent, "one");
    let refused = |to: Result<Checkpointer, Error>| to.unwrap_err();
    assert!(refused(parent.fork(&one, id("parent"))).is_locked());
    let opened = open(&store, "other");
    assert!(refused(parent.fork(&one, id("other"))).is_locked());
    drop(opened);
    let mut other = parent.fork(&one, id("other")).unwrap();
    say(&mut other, "two");
    drop(other);
    assert!(refused(parent.fork(&one, id("other"))).is_taken());
    assert_eq!(open(&store, "other").history().len(), 2);

    let unknown = CheckpointId::new("0-00000000").unwrap();
    assert!(refused(parent.fork(&unknown, id("third"))).is_not_found());
    let forged = CheckpointId::new("1-00000000").unwrap();
    let fork = Checkpointer::builder(store.clone(), id("third")).fork_of(id("parent"), forged);
    assert!(refused(fork.open()).is_damaged());
    let nobody = Checkpointer::builder(store.clone(), id("third")).fork_of(id("nobody"), one);
    assert!(refused(nobody.open()).is_not_found());
    assert_eq!(store.sessions().unwrap(), [id("other"), id("parent")]);
}

/// Opens a fork whose own segment was damaged.
fn with_damage(what: &str, damage: impl Fn(&mut [u8]) -> bool) -> bool {
    let store = MemoryStore::new();
    let mut parent = open(&store, "parent");
    let one = say(&mut parent, "one");
    drop(parent.fork(&one, id("child")).unwrap());
    let segments = store.segments(&id("child")).unwrap();
    let read = |segment| store.read(&id("child"), segment, usize::MAX).unwrap();
    let mut own = read(segments[1]);
    if !damage(&mut own) {
        return false;
    }
    let copy = MemoryStore::with_id(store.id());
    let mut writer = copy.writer(&id("child")).unwrap();
    writer.start(segments[0], &read(segments[0])).unwrap();
    writer.start(segments[1], &own).unwrap();
    drop(writer);
    let child = open(&copy, "child");
    assert_eq!(child.history(), [Message::user("one")], "{what}");
    assert!(!child.report().is_clean());
    true
}

#[test]
fn one_of_the_fork_frames_may_be_damaged() {
    for at in (0..).step_by(37) {
        let bend = |own: &mut [u8]| own.get_mut(at).map(|byte| *byte ^= 0x10).is_some();
        if !with_damage(&format!("byte {at}"), bend) {
            break;
        }
    }
}

#[test]
fn no_lost_sector_or_page_costs_a_fork_what_it_shares() {
    for len in [512, 4_096] {
        for page in 0.. {
            let lose = |own: &mut [u8]| {
                let from = page * len;
                let end = own.len().min(from + len);
                own.get_mut(from..end).is_some_and(|lost| {
                    lost.fill(0xff);
                    !lost.is_empty()
                })
            };
            if !with_damage(&format!("{page} of {len}"), lose) {
                break;
            }
        }
    }
}

#[test]
fn sealed_segments_are_shared_and_sealing_in_one_session_costs_the_other_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let mut parent = open(&store, "parent");
    let all = long(&mut parent, 14);
    parent.seal().unwrap();
    let mut children = Vec::new();
    for n in [1, 6, 12, 13] {
        let child = parent.fork(&all[n].0, id(&format!("child{n}"))).unwrap();
        assert!(child.report().is_clean(), "{n}: {}", child.report());
        assert_eq!(*child.state(), all[n].1);
        assert_eq!(child.list().len(), n + 1, "nothing that came later shows");
        children.push((n, child));
    }
    for (n, mut child) in children {
        long(&mut child, 8);
        let state = child.state().clone();
        child.seal().unwrap();
        child.compact().unwrap();
        assert_eq!(*child.state(), state);
        drop(child);
        let mut child = open(&store, &format!("child{n}"));
        assert!(child.report().is_clean(), "{n}: {}", child.report());
        assert_eq!(*child.state(), state);
        child.restore(&all[1].0).unwrap();
        assert_eq!(*child.state(), all[1].1);
        let mut young = child.fork(&all[0].0, id(&format!("young{n}"))).unwrap();
        assert_eq!(*young.state(), all[0].1);
        young.seal().unwrap();
    }
    let before = parent.state().clone();
    parent.reopen().unwrap();
    assert!(parent.report().is_clean());
    assert_eq!(*parent.state(), before);
    parent.restore(&all[6].0).unwrap();
    assert_eq!(*parent.state(), all[6].1);
}

#[test]
fn a_fork_of_a_session_that_had_many_owners_has_owners_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let mut all = Vec::new();
    for _ in 0..6 {
        let mut parent = open(&store, "parent");
        all.extend(long(&mut parent, 7));
    }
    let (at, state) = &all[39];
    let fork = Checkpointer::builder(store.clone(), id("child"))
        .retention(Retention::all())
        .fork_of(id("parent"), at.clone());
    let mut child = fork.open().unwrap();
    assert_eq!(child.state(), state);
    let mut expected = state.clone();
    for n in 0..3 {
        for (_, state) in long(&mut child, 7) {
            expected = state;
        }
        drop(child);
        child = open(&store, "child");
        assert!(child.report().is_clean(), "{n}: {}", child.report());
        assert_eq!(*child.state(), expected, "{n}");
    }
    let reader = agent_checkpoint::Reader::open(store, id("child")).unwrap();
    assert_eq!(reader.state().unwrap(), expected);
    assert_eq!(
        reader.tail(50).unwrap(),
        expected.conversation[expected.conversation.len() - 50..]
    );
    assert!(reader.verify().unwrap().is_clean());
}
