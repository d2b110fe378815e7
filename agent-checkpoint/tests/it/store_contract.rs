//! One suite that every store passes.

use agent_checkpoint::{Checkpointer, Durability, MemoryStore, Message, Position, Store};
use agent_primitives::{CheckpointKind, SessionId};

fn id(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn at(segment: u32, offset: u64) -> Position {
    Position { segment, offset }
}

/// The bytes of a segment without the zeros at its end.
fn written(store: &dyn Store, session: &SessionId, segment: u32) -> Vec<u8> {
    let mut bytes = store.read(session, segment, usize::MAX).unwrap();
    let end = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    bytes.truncate(end);
    bytes
}

fn appends_are_read_back_in_order(store: &dyn Store) {
    let session = id("order");
    assert_eq!(store.segments(&session).unwrap(), [0; 0]);
    let mut writer = store.writer(&session).unwrap();
    writer.start(1, b"head").unwrap();
    writer
        .append(at(1, 4), b"one", Durability::Buffered)
        .unwrap();
    writer.append(at(1, 7), b"two", Durability::Synced).unwrap();
    writer.start(2, b"more").unwrap();
    assert_eq!(store.segments(&session).unwrap(), [1, 2]);
    assert_eq!(written(store, &session, 1), b"headonetwo");
    assert_eq!(written(store, &session, 2), b"more");
    assert_eq!(writer.size().unwrap().used, 14);
    assert!(writer.size().unwrap().allocated >= 14);
}

fn an_append_that_is_not_next_is_refused(store: &dyn Store) {
    let session = id("fence");
    let mut writer = store.writer(&session).unwrap();
    assert!(
        writer
            .append(at(1, 0), b"x", Durability::Buffered)
            .unwrap_err()
            .is_conflict()
    );
    writer.start(1, b"head").unwrap();
    for wrong in [at(1, 3), at(1, 5), at(2, 4)] {
        let refused = writer
            .append(wrong, b"x", Durability::Buffered)
            .unwrap_err();
        assert!(refused.is_conflict(), "{wrong:?}: {refused}");
    }
    assert!(writer.start(1, b"again").is_err());
    assert!(writer.resume(at(1, 1 << 40)).unwrap_err().is_conflict());
    assert_eq!(written(store, &session, 1), b"head");
}

fn a_session_has_one_writer(store: &dyn Store) {
    let session = id("lock");
    let first = store.writer(&session).unwrap();
    assert!(store.writer(&session).unwrap_err().is_locked());
    assert!(store.remove(&session).unwrap_err().is_locked());
    assert!(store.writer(&id("another")).is_ok());
    drop(first);
    assert!(store.writer(&session).is_ok());
}

fn a_cut_leaves_nothing_behind_and_appends_go_on_there(store: &dyn Store) {
    let session = id("cut");
    let mut writer = store.writer(&session).unwrap();
    writer.start(1, b"head").unwrap();
    writer
        .append(at(1, 4), b"keepthrow", Durability::Synced)
        .unwrap();
    drop(writer);
    let mut writer = store.writer(&session).unwrap();
    writer.cut(at(1, 8)).unwrap();
    assert_eq!(written(store, &session, 1), b"headkeep");
    writer.append(at(1, 8), b"!", Durability::Synced).unwrap();
    drop(writer);
    let mut writer = store.writer(&session).unwrap();
    writer.resume(at(1, 9)).unwrap();
    writer.append(at(1, 9), b"?", Durability::Buffered).unwrap();
    assert_eq!(written(store, &session, 1), b"headkeep!?");
}

fn the_same_damage_is_kept_once(store: &dyn Store) {
    let session = id("aside");
    let mut writer = store.writer(&session).unwrap();
    let name = writer.set_aside(at(1, 4), b"bad").unwrap();
    assert_eq!(writer.set_aside(at(1, 4), b"bad").unwrap(), name);
    assert_ne!(writer.set_aside(at(1, 4), b"bat").unwrap(), name);
    assert_ne!(writer.set_aside(at(1, 5), b"bad").unwrap(), name);
}

fn sessions_are_listed_once_written_and_until_removed(store: &dyn Store) {
    let before = store.sessions().unwrap();
    let (small, large) = (id("list-b"), id("List-A:x@y"));
    drop(store.writer(&id("list-never-written")).unwrap());
    for session in [&small, &large] {
        store.writer(session).unwrap().start(1, b"head").unwrap();
    }
    let mut expected = [before, vec![small.clone(), large.clone()]].concat();
    expected.sort();
    assert_eq!(store.sessions().unwrap(), expected);
    store.remove(&small).unwrap();
    store.remove(&small).unwrap();
    expected.retain(|session| *session != small);
    assert_eq!(store.sessions().unwrap(), expected);
    assert_eq!(store.segments(&small).unwrap(), [0; 0]);
}

fn reading_too_much_or_nothing_is_an_error(store: &dyn Store) {
    let session = id("read");
    store.writer(&session).unwrap().start(1, b"head").unwrap();
    assert!(store.read(&session, 1, 3).unwrap_err().is_too_large());
    assert_eq!(store.read(&session, 1, 4).unwrap(), b"head");
    assert!(store.read(&session, 2, 100).is_err());
}

fn a_session_lives_in_it(store: &(impl Store + Clone + 'static)) {
    let session = id("life");
    let open = || Checkpointer::builder(store.clone(), session.clone()).open();
    let mut first = open().unwrap();
    let long = "0123456789abcdef".repeat(200);
    for turn in 0..200 {
        first.push(Message::user(format!("{turn} {long}"))).unwrap();
        first
            .save_with(CheckpointKind::Auto, Durability::Buffered)
            .unwrap();
    }
    let history = first.history().to_vec();
    assert!(open().unwrap_err().is_locked());
    drop(first);
    let second = open().unwrap();
    assert!(second.report().is_clean(), "{}", second.report());
    assert_eq!(second.history(), history);
}

fn suite(store: &(impl Store + Clone + 'static)) {
    appends_are_read_back_in_order(store);
    an_append_that_is_not_next_is_refused(store);
    a_session_has_one_writer(store);
    a_cut_leaves_nothing_behind_and_appends_go_on_there(store);
    the_same_damage_is_kept_once(store);
    sessions_are_listed_once_written_and_until_removed(store);
    reading_too_much_or_nothing_is_an_error(store);
    a_session_lives_in_it(store);
}

#[test]
fn the_memory_store_keeps_the_contract() {
    suite(&MemoryStore::new());
}

#[cfg(feature = "fs")]
#[test]
fn the_file_store_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    suite(&agent_checkpoint::FileStore::open(folder.path().join("store")).unwrap());
}
