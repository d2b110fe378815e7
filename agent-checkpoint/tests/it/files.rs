//! What a file store leaves on the disk.

use std::fs;
use std::path::{Path, PathBuf};

use agent_checkpoint::{Checkpointer, FileStore, Message, Store};
use agent_primitives::{CheckpointKind, SessionId};

fn open(folder: &Path) -> Checkpointer {
    let store = FileStore::open(folder).unwrap();
    Checkpointer::builder(store, SessionId::new("s").unwrap())
        .open()
        .unwrap()
}

fn save(session: &mut Checkpointer, text: &str) {
    session.push(Message::user(text)).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
}

/// Every file and folder below, by path.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

#[test]
fn a_store_is_its_owners_and_ignores_itself() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("deep/store");
    let mut session = open(&root);
    save(&mut session, "one");
    let names: Vec<_> = below(&root)
        .iter()
        .map(|path| path.strip_prefix(&root).unwrap().to_owned())
        .collect();
    let expected = [
        ".gitignore",
        "FORMAT",
        "lock",
        "sessions",
        "sessions/s",
        "sessions/s/claim",
        "sessions/s/lock",
        "sessions/s/seg-000001.ckl",
    ];
    assert_eq!(names, expected.map(PathBuf::from));
    assert_eq!(fs::read(root.join(".gitignore")).unwrap(), b"*\n");
    #[cfg(unix)]
    for path in below(&root) {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{}", path.display());
    }
}

#[test]
fn space_is_taken_ahead_and_given_back_on_closing() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = open(folder.path());
    assert_eq!(session.figures().unwrap().stored_bytes, 0);
    save(&mut session, "one");
    let figures = session.figures().unwrap();
    assert!(figures.allocated_bytes > figures.stored_bytes);
    drop(session);
    let figures = open(folder.path()).figures().unwrap();
    assert_eq!(figures.allocated_bytes, figures.stored_bytes);
}

#[test]
fn torn_bytes_go_to_quarantine_and_the_log_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = open(folder.path());
    save(&mut session, "one");
    let before = session.figures().unwrap().stored_bytes;
    save(&mut session, "two");
    drop(session);
    let session_folder = folder.path().join("sessions/s");
    let segment = session_folder.join("seg-000001.ckl");
    let whole = fs::read(&segment).unwrap();
    let start = usize::try_from(before).unwrap();
    // As after a power cut: the write reached the device in part, zeros stand for the rest.
    let mut torn = whole[..whole.len() - 9].to_vec();
    torn.resize(70_000, 0);
    fs::write(&segment, &torn).unwrap();

    let mut session = open(folder.path());
    let report = session.report().clone();
    assert_eq!(session.history(), [Message::user("one")]);
    let mended = fs::read(&segment).unwrap();
    assert_eq!(mended[..start], whole[..start]);
    assert!(
        mended[start..].iter().all(|byte| *byte == 0),
        "the torn bytes are gone"
    );
    assert_eq!(report.quarantined.len(), 1);
    let copy = session_folder
        .join("quarantine")
        .join(&report.quarantined[0].copy);
    let kept = fs::read(copy).unwrap();
    assert_eq!(kept, whole[start..whole.len() - 9]);
    assert_eq!(report.lost_bytes, u64::try_from(kept.len()).unwrap());
    save(&mut session, "three");
    drop(session);
    let session = open(folder.path());
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(
        session.history(),
        [Message::user("one"), Message::user("three")]
    );
}

#[test]
fn a_removed_session_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    save(&mut open(folder.path()), "one");
    let store = FileStore::open(folder.path()).unwrap();
    let id = SessionId::new("s").unwrap();
    store.remove(&id).unwrap();
    assert!(!store.session_folder(&id).unwrap().exists());
    assert!(open(folder.path()).history().is_empty());
}

#[test]
fn a_folder_that_cannot_be_made_is_a_typed_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let refused = FileStore::open(file.join("store")).unwrap_err();
    assert!(refused.is_unavailable(), "{refused}");
}

#[test]
fn numbers_of_ignored_segments_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    save(&mut open(folder.path()), "one");
    let segment = |number: u32| {
        folder
            .path()
            .join(format!("sessions/s/seg-{number:06}.ckl"))
    };
    fs::write(segment(3), b"").unwrap();
    let damage = |number: u32| {
        let mut bytes = fs::read(segment(number)).unwrap();
        bytes[20] ^= 1;
        fs::write(segment(number), bytes).unwrap();
    };
    damage(1);
    let mut session = open(folder.path());
    assert!(session.figures().unwrap().stored_bytes > 0, "it has a log");
    save(&mut session, "two");
    drop(session);
    damage(2);
    save(&mut open(folder.path()), "three");
    assert!(segment(4).exists());
    assert_eq!(open(folder.path()).history().len(), 3);
    assert_eq!(fs::read(segment(3)).unwrap(), b"");
}
