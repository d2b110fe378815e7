//! A store beside files that are not its own: nothing of theirs is hidden, followed, replaced or removed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use agent_checkpoint::{Checkpointer, Error, FileStore, Message, Reader, Store};
use agent_primitives::{CheckpointKind, SessionId};

fn id(text: &str) -> SessionId {
    SessionId::new(text).unwrap()
}

fn try_open(folder: &Path) -> Result<Checkpointer, Error> {
    Checkpointer::builder(FileStore::open(folder)?, id("s")).open()
}

fn save(folder: &Path, text: &str) {
    let mut session = try_open(folder).unwrap();
    session.push(Message::user(text)).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_hosts_folder_is_not_hidden_from_git_and_the_sessions_in_it_are() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(root.join("main.rs"), b"fn main() {}").unwrap();
    save(root, "one");
    assert!(!root.join(".gitignore").exists());
    assert_eq!(fs::read(root.join("sessions/.gitignore")).unwrap(), b"*\n");
    assert_eq!(mode(root), 0o755, "it is the host's");
    assert_eq!(mode(&root.join("main.rs")), 0o644);
    assert_eq!(mode(&root.join("sessions")), 0o700);
    save(root, "two");
    assert!(!root.join(".gitignore").exists());
    let store = FileStore::open(root).unwrap();
    assert_eq!(store.sessions().unwrap(), [id("s")]);
}

#[test]
fn a_hosts_own_folder_of_sessions_is_not_hidden_either() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("sessions")).unwrap();
    fs::write(root.join("sessions/login.rs"), b"").unwrap();
    fs::write(root.join("main.rs"), b"").unwrap();
    save(root, "one");
    assert!(!root.join(".gitignore").exists());
    assert!(!root.join("sessions/.gitignore").exists());
}

#[test]
fn an_empty_folder_and_one_begun_before_are_the_stores() {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), "one");
    let ignore = folder.path().join(".gitignore");
    assert_eq!(fs::read(&ignore).unwrap(), b"*\n");
    // As where the process was killed before it was written.
    fs::remove_file(&ignore).unwrap();
    fs::write(folder.path().join(".gitignore.12.tmp"), b"*").unwrap();
    save(folder.path(), "two");
    assert_eq!(fs::read(&ignore).unwrap(), b"*\n");
    fs::write(&ignore, b"mine").unwrap();
    save(folder.path(), "three");
    assert_eq!(fs::read(&ignore).unwrap(), b"mine");
}

#[test]
fn folders_of_a_host_are_not_taken_for_what_an_interrupted_operation_left() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["removed-2024-01", "forking-2024-01", "forking-guide"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("page.md"), b"mine").unwrap();
    }
    save(folder.path(), "one");
    for name in ["removed-2024-01", "forking-2024-01", "forking-guide"] {
        let inside = folder.path().join(name);
        assert_eq!(fs::read(inside.join("page.md")).unwrap(), b"mine");
        assert_eq!(fs::read_dir(inside).unwrap().count(), 1, "{name}");
    }
}

#[test]
fn a_format_file_of_the_hosts_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("FORMAT"), b"how we format code").unwrap();
    fs::write(folder.path().join("main.rs"), b"").unwrap();
    let refused = FileStore::open(folder.path()).unwrap_err();
    assert!(refused.is_obstructed(), "{refused}");
    assert!(refused.to_string().contains("FORMAT"), "{refused}");
    let format = fs::read(folder.path().join("FORMAT")).unwrap();
    assert_eq!(format, b"how we format code");
}

/// Puts a link to a file of the host's in the place of `name`, and says how opening is refused.
fn refused_at(name: &str) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let (root, target) = (folder.path().join("store"), folder.path().join("target"));
    save(&root, "one");
    fs::write(&target, vec![7; 4_000]).unwrap();
    let place = root.join(name);
    let _ = fs::remove_file(&place);
    symlink(&target, &place).unwrap();
    let refused = try_open(&root).unwrap_err();
    assert_eq!(fs::read(&target).unwrap(), vec![7; 4_000], "{name}");
    assert!(refused.to_string().contains(name), "{refused}");
    // One that leads nowhere yet is no way to have a file made.
    fs::remove_file(&target).unwrap();
    assert!(try_open(&root).unwrap_err().is_obstructed(), "{name}");
    assert!(!target.exists(), "{name}");
    fs::remove_file(&place).unwrap();
    try_open(&root).unwrap();
    refused
}

#[test]
fn a_link_in_the_place_of_a_file_is_refused_and_never_followed() {
    for name in ["lock", "FORMAT", "sessions/s/lock", "sessions/s/claim"] {
        let refused = refused_at(name);
        assert!(
            refused.is_obstructed() && refused.is_unavailable(),
            "{name}"
        );
        assert!(refused.to_string().contains("a symbolic link"), "{refused}");
    }
}

#[test]
fn a_link_in_the_place_of_a_folder_is_refused() {
    for (name, needle) in [("sessions", "sessions"), ("sessions/s", "sessions/s")] {
        let folder = tempfile::tempdir().unwrap();
        let (root, aside) = (folder.path().join("store"), folder.path().join("aside"));
        save(&root, "one");
        fs::rename(root.join(name), &aside).unwrap();
        symlink(&aside, root.join(name)).unwrap();
        let before = fs::read_dir(&aside).unwrap().count();
        let refused = try_open(&root).unwrap_err();
        assert!(refused.is_obstructed(), "{refused}");
        assert!(refused.to_string().contains(needle), "{refused}");
        assert_eq!(fs::read_dir(&aside).unwrap().count(), before);
        if name == "sessions/s" {
            let store = FileStore::open(&root).unwrap();
            assert_eq!(store.sessions().unwrap(), []);
            assert!(Reader::open(store, id("s")).unwrap_err().is_obstructed());
        }
        fs::remove_file(root.join(name)).unwrap();
        fs::rename(&aside, root.join(name)).unwrap();
        assert_eq!(try_open(&root).unwrap().history().len(), 1);
    }
}

#[test]
fn the_stores_folder_itself_may_be_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let (link, real) = (folder.path().join("link"), folder.path().join("real"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    save(&link, "one");
    assert_eq!(try_open(&real).unwrap().history().len(), 1);
}

#[test]
fn no_id_leads_out_of_the_folder() {
    for text in [
        "..", ".", "", "a/b", "../up", "/etc", "a\\b", "a\0b", ".git",
    ] {
        assert!(SessionId::new(text).is_err(), "{text:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    for text in ["a..b", "a:b", "a..", "A@.."] {
        let inside = store.session_folder(&id(text)).unwrap();
        assert_eq!(inside.parent(), Some(&*folder.path().join("sessions")));
    }
}
