//! Where sealing, forks, owners and mirrors meet.

use std::sync::Arc;

use agent_checkpoint::{
    Checkpointer, Claim, Durability, MemoryStore, Message, Mirrored, Resume, Retention, Sealing,
    Store, TakeOver,
};
use agent_primitives::{CheckpointKind, Clock, SessionId, SystemClock, Timestamp};

fn named(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn id() -> SessionId {
    named("s")
}

fn open(store: impl Store + 'static, name: &str) -> Checkpointer {
    Checkpointer::builder(store, named(name))
        .sealing(Sealing::Never)
        .retention(Retention::all())
        .open()
        .unwrap()
}

fn say(session: &mut Checkpointer, count: usize) {
    for _ in 0..count {
        let n = session.history().len();
        let text = format!("message {n} of a conversation about the same thing");
        session.push(Message::user(text)).unwrap();
        session.save(CheckpointKind::Manual).unwrap();
    }
}

/// Stores of each kind, empty; what is beside them is kept as long as they are used.
fn with_each_store(test: impl Fn(&dyn Fn() -> Arc<dyn Store>, &str)) {
    let memory = MemoryStore::new();
    test(&|| Arc::new(memory.clone()), "memory");
    #[cfg(feature = "fs")]
    {
        let folder = tempfile::tempdir().unwrap();
        let files = agent_checkpoint::FileStore::open(folder.path()).unwrap();
        test(&|| Arc::new(files.clone()), "files");
    }
    let primary = MemoryStore::new();
    let mirror = MemoryStore::with_id(primary.id());
    let both = Mirrored::new(primary, mirror).unwrap();
    test(&|| Arc::new(both.clone()), "both");
}

#[test]
fn who_lost_the_session_replaces_nothing() {
    with_each_store(|store, name| {
        let store = store();
        let now = SystemClock.timestamp();
        let mut writer = store.claim(&id(), &Claim::at(now)).unwrap();
        for segment in 1..=3 {
            writer.start(segment, &[7; 64]).unwrap();
        }
        let replacer = writer.replacer().unwrap();
        replacer.replace(1, &[1; 32]).unwrap();
        let read = |segment| store.read(&id(), segment, usize::MAX).unwrap();
        assert_eq!(read(1), [1; 32], "{name}");
        for segment in [0, 3, 4] {
            let refused = replacer.replace(segment, &[1; 32]).unwrap_err();
            assert!(refused.is_conflict(), "{name}: {refused}");
        }
        let next = store.claim(&id(), &Claim::at(now).take_over(TakeOver::Force));
        let next = next.unwrap();
        for segment in [1, 2] {
            let refused = replacer.replace(segment, &[2; 32]).unwrap_err();
            assert!(refused.is_fenced(), "{name}: {refused}");
        }
        assert_eq!((read(1), read(2)), (vec![1; 32], vec![7; 64]), "{name}");
        // Taken over or not, what acts for a writer goes with it.
        next.replacer().unwrap().replace(1, &[3; 32]).unwrap();
        let replacer = next.replacer().unwrap();
        drop((writer, next));
        assert!(replacer.replace(2, &[2; 32]).is_err(), "{name}");
        assert_eq!((read(1), read(2)), (vec![3; 32], vec![7; 64]), "{name}");
    });
}

#[cfg(all(feature = "fs", unix))]
#[test]
fn a_session_that_was_made_anew_under_the_name_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let store = agent_checkpoint::FileStore::open(folder.path()).unwrap();
    let mut before = store.writer(&id()).unwrap();
    for segment in 1..=2 {
        before.start(segment, &[7; 64]).unwrap();
    }
    let replacer = before.replacer().unwrap();
    std::fs::remove_dir_all(store.session_folder(&id()).unwrap()).unwrap();
    let mut after = store.writer(&id()).unwrap();
    for segment in 1..=2 {
        after.start(segment, &[9; 64]).unwrap();
    }
    assert!(replacer.replace(1, &[1; 32]).unwrap_err().is_fenced());
    assert_eq!(store.read(&id(), 1, 99).unwrap(), [9; 64]);
}

#[test]
fn a_fork_of_a_session_with_many_owners_goes_on_however_it_is_opened() {
    with_each_store(|store, name| {
        for _ in 0..7 {
            let opened = Checkpointer::builder(store(), named("parent"))
                .sealing(Sealing::Never)
                .take_over(TakeOver::Force)
                .open();
            let mut parent = opened.unwrap();
            say(&mut parent, 2);
            parent.seal().unwrap();
        }
        let mut parent = open(store(), "parent");
        say(&mut parent, 1);
        assert!(parent.epoch() >= 7, "{name}: {}", parent.epoch());
        let points = parent.list();
        for (n, point) in points.iter().enumerate().step_by(5) {
            let child = format!("child-{n}");
            let mut forked = parent.fork(&point.id, named(&child)).unwrap();
            let said = forked.history().len();
            say(&mut forked, 1);
            forked.seal().unwrap();
            say(&mut forked, 1);
            drop(forked);
            for turn in 0..6 {
                let opened = Checkpointer::builder(store(), named(&child))
                    .sealing(Sealing::Never)
                    .resume(if turn % 2 == 0 {
                        Resume::Last(1)
                    } else {
                        Resume::Whole
                    })
                    .open();
                let mut opened = opened.unwrap();
                assert!(opened.report().is_clean(), "{name}: {}", opened.report());
                let text = format!("turn {turn}");
                opened.push(Message::user(text)).unwrap();
                opened.save(CheckpointKind::Auto).unwrap();
                if turn == 3 {
                    opened.seal().unwrap();
                }
            }
            let child = open(store(), &child);
            assert_eq!(child.report().superseded, [0_u32; 0], "{name}");
            assert_eq!(child.history().len(), said + 2 + 6, "{name}, from {n}");
        }
    });
}

#[test]
fn a_child_stays_whole_when_its_parent_is_sealed_compacted_and_removed() {
    with_each_store(|store, name| {
        let mut parent = open(store(), "parent");
        let long = "text that is long enough to be kept once. ".repeat(1_000);
        say(&mut parent, 5);
        parent.push(Message::user(&long)).unwrap();
        parent.save(CheckpointKind::Manual).unwrap();
        parent.seal().unwrap();
        say(&mut parent, 5);
        let old = parent.list()[2].id.clone();
        let branch = parent.fork(&old, named("old")).unwrap();
        let (branch_said, newest) = (branch.history().to_vec(), parent.latest().unwrap().id);
        drop(branch);
        let mut child = parent.fork(&newest, named("child")).unwrap();
        let said = child.history().to_vec();
        child.push(Message::user(&long)).unwrap();
        say(&mut child, 3);
        child.seal().unwrap();
        parent.restore(&old).unwrap();
        say(&mut parent, 2);
        let mut parent = {
            drop(parent);
            Checkpointer::builder(store(), named("parent"))
                .sealing(Sealing::Never)
                .retention(Retention::last(1.try_into().unwrap()))
                .open()
                .unwrap()
        };
        parent.compact().unwrap();
        drop(parent);
        child.compact().unwrap();
        drop(child);
        store().remove(&named("parent")).unwrap();
        let child = open(store(), "child");
        assert!(child.report().is_clean(), "{name}: {}", child.report());
        assert_eq!(child.history()[..said.len()], said, "{name}");
        assert_eq!(child.history()[said.len()], Message::user(&long), "{name}");
        assert_eq!(child.history().len(), said.len() + 4, "{name}");
        let branch = open(store(), "old");
        assert_eq!(branch.history(), branch_said, "{name}");
    });
}

#[test]
fn a_mirror_seals_and_forks_with_its_primary_and_takes_its_place() {
    let primary = MemoryStore::new();
    let mirror = MemoryStore::with_id(primary.id());
    let both = Mirrored::new(primary.clone(), mirror.clone()).unwrap();
    let mut session = open(both, "s");
    say(&mut session, 30);
    session.seal().unwrap();
    say(&mut session, 30);
    assert_eq!(session.seal().unwrap().segments, 1);
    say(&mut session, 3);
    let newest = session.latest().unwrap().id;
    let mut child = session.fork(&newest, named("child")).unwrap();
    say(&mut child, 2);
    child
        .save_with(CheckpointKind::Manual, Durability::Replicated)
        .unwrap();
    session
        .save_with(CheckpointKind::Manual, Durability::Replicated)
        .unwrap();
    drop((session, child));
    for name in ["s", "child"] {
        let name = named(name);
        let segments = primary.segments(&name).unwrap();
        assert_eq!(mirror.segments(&name).unwrap(), segments);
        for segment in segments {
            let read = |store: &MemoryStore| store.read(&name, segment, usize::MAX).unwrap();
            assert!(read(&primary) == read(&mirror), "{name}, segment {segment}");
        }
    }
    // The primary's device is lost, and its place taken by an empty one.
    let anew = MemoryStore::with_id(primary.id());
    for (name, said) in [("s", 63), ("child", 65)] {
        assert_eq!(open(mirror.clone(), name).history().len(), said);
        let both = Mirrored::new(anew.clone(), mirror.clone()).unwrap();
        let mut session = open(both, name);
        assert!(session.report().is_clean(), "{}", session.report());
        assert_eq!(session.history().len(), said);
        say(&mut session, 1);
        drop(session);
        assert_eq!(open(anew.clone(), name).history().len(), said + 1);
    }
}

#[test]
fn a_mirror_that_was_away_while_segments_were_sealed_gets_them_when_it_is_back() {
    for seals_after in [2, 40] {
        let primary = MemoryStore::new();
        let mirror = MemoryStore::with_id(primary.id());
        let both = || Mirrored::new(primary.clone(), mirror.clone()).unwrap();
        let mut session = open(both(), "s");
        say(&mut session, 20);
        session
            .save_with(CheckpointKind::Manual, Durability::Replicated)
            .unwrap();
        drop(session);
        // Alone.
        let mut session = open(primary.clone(), "s");
        say(&mut session, seals_after);
        session.seal().unwrap();
        say(&mut session, 2);
        session.seal().unwrap();
        say(&mut session, 2);
        drop(session);
        let mut session = open(both(), "s");
        session
            .save_with(CheckpointKind::Manual, Durability::Replicated)
            .unwrap();
        let said = session.history().to_vec();
        drop(session);
        for segment in primary.segments(&id()).unwrap() {
            let read = |store: &MemoryStore| store.read(&id(), segment, usize::MAX).unwrap();
            assert!(read(&primary) == read(&mirror), "segment {segment}");
        }
        assert_eq!(open(mirror.clone(), "s").history(), said);
    }
}

#[test]
fn a_primary_that_lost_all_behind_a_segment_gets_it_back_sealed_or_not() {
    for (is_sealed_here, is_sealed_there) in [(true, false), (false, true), (true, true)] {
        let primary = MemoryStore::new();
        let mut session = open(primary.clone(), "s");
        say(&mut session, 30);
        drop(session);
        let plain = primary.read(&id(), 1, usize::MAX).unwrap();
        let mut session = open(primary.clone(), "s");
        session.seal().unwrap();
        say(&mut session, 4);
        let said = session.history().to_vec();
        drop(session);
        let sealed = primary.read(&id(), 1, usize::MAX).unwrap();
        let rest = primary.read(&id(), 2, usize::MAX).unwrap();
        assert!(sealed.len() < plain.len());
        let made = |segments: &[&Vec<u8>]| {
            let store = MemoryStore::with_id(primary.id());
            let mut writer = store
                .claim(&id(), &Claim::at(Timestamp::UNIX_EPOCH))
                .unwrap();
            for (number, bytes) in (1..).zip(segments) {
                writer.start(number, bytes).unwrap();
            }
            drop(writer);
            store
        };
        let form = |is_sealed| if is_sealed { &sealed } else { &plain };
        let here = made(&[form(is_sealed_here)]);
        let there = made(&[form(is_sealed_there), &rest]);
        let session = open(Mirrored::new(here.clone(), there.clone()).unwrap(), "s");
        assert!(session.report().is_clean(), "{}", session.report());
        assert_eq!(
            session.history(),
            said,
            "{is_sealed_here} {is_sealed_there}"
        );
        drop(session);
        assert_eq!(open(here, "s").history(), said);
        assert_eq!(open(there, "s").history(), said);
    }
}
