//! A session that begins with another's segments leaves those alone, sealed or not.

use agent_checkpoint::{Checkpointer, MemoryStore, Message, Sealing, Store};
use agent_primitives::{CheckpointKind, SessionId};

fn id(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn open(store: &(impl Store + Clone + 'static), name: &str) -> Checkpointer {
    Checkpointer::builder(store.clone(), id(name))
        .sealing(Sealing::Never)
        .open()
        .unwrap()
}

fn fork_what_is_sealed(store: &(impl Store + Clone + 'static)) {
    let mut parent = open(store, "parent");
    for turn in 0..30 {
        let text = format!("turn {turn}: another look at the same few files");
        parent.push(Message::user(text)).unwrap();
        parent.save(CheckpointKind::Auto).unwrap();
    }
    let old = parent.history().to_vec();
    // Its only segment, so that a fork shares it whole.
    assert_eq!(parent.seal().unwrap().segments, 1);
    let newest = parent.latest().unwrap().id;

    let mut child = parent.fork(&newest, id("child")).unwrap();
    let two = Message::user("two ".repeat(200));
    child.push(two.clone()).unwrap();
    child.save(CheckpointKind::Auto).unwrap();
    child.seal().unwrap();
    child.compact().unwrap();
    drop(child);
    parent.compact().unwrap();
    drop(parent);

    assert_eq!(open(store, "parent").history(), old);
    let child = open(store, "child");
    assert!(child.report().is_clean(), "{}", child.report());
    assert_eq!(child.history()[..30], old);
    assert_eq!(child.history()[30..], [two]);
}

#[test]
fn a_session_forked_off_sealed_segments_seals_its_own_alone() {
    fork_what_is_sealed(&MemoryStore::new());
    #[cfg(feature = "fs")]
    {
        let folder = tempfile::tempdir().unwrap();
        fork_what_is_sealed(&agent_checkpoint::FileStore::open(folder.path()).unwrap());
    }
}
