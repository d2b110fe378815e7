//! Files in a session's folder that are none of its own.

use std::fs;
use std::path::Path;

use agent_checkpoint::{Checkpointer, FileStore, Message, Reader, Store};
use agent_primitives::{CheckpointKind, SessionId};

use crate::ALONE;

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

#[test]
fn files_that_are_no_segments_neither_hang_nor_block() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    save(&mut open(folder.path()), "one");
    let session_folder = folder.path().join("sessions/s");
    #[cfg(unix)]
    {
        let pipe = session_folder.join("seg-000009.ckl");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        std::os::unix::fs::symlink("/dev/zero", session_folder.join("seg-000008.ckl")).unwrap();
    }
    fs::create_dir(session_folder.join("seg-000007.ckl")).unwrap();
    fs::write(session_folder.join("seg-000003.ckl"), b"").unwrap();
    fs::write(session_folder.join("seg-4294967295.ckl"), b"stray").unwrap();
    let mut session = open(folder.path());
    assert_eq!(session.report().ignored, [3, u32::MAX]);
    assert_eq!(session.report().lost_bytes, 0);
    save(&mut session, "two");
    drop(session);
    assert_eq!(open(folder.path()).history().len(), 2);
    assert_eq!(
        fs::read(session_folder.join("seg-4294967295.ckl")).unwrap(),
        b"stray"
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_the_format_file_is_an_error_and_no_wait() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    save(&mut open(folder.path()), "one");
    let format = folder.path().join("FORMAT");
    fs::remove_file(&format).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&format).status();
    assert!(made.unwrap().success());
    let error = FileStore::open(folder.path()).unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    fs::remove_file(&format).unwrap();
    assert_eq!(open(folder.path()).history().len(), 1);
}

#[test]
fn a_segment_with_a_hole_of_terabytes_is_refused_at_once() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    save(&mut open(folder.path()), "one");
    let segment = folder.path().join("sessions/s/seg-000001.ckl");
    let file = fs::File::options().write(true).open(segment).unwrap();
    // Where the file system has no such files there is nothing to show.
    if file.set_len(1 << 40).is_err() {
        return;
    }
    let store = FileStore::open(folder.path()).unwrap();
    let id = SessionId::new("s").unwrap();
    let read = Reader::open(store.clone(), id.clone());
    assert!(read.unwrap_err().is_too_large());
    let opened = Checkpointer::builder(store, id).open();
    assert!(opened.unwrap_err().is_too_large());
}

#[test]
fn a_stray_file_among_the_sessions_is_no_session() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    save(&mut open(folder.path()), "one");
    fs::write(folder.path().join("sessions/notes"), b"mine").unwrap();
    let sessions = FileStore::open(folder.path()).unwrap().sessions();
    assert_eq!(sessions.unwrap(), [SessionId::new("s").unwrap()]);
}

#[test]
fn a_store_needs_a_path() {
    let error = FileStore::open("").unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
}
