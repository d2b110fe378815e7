//! Who may read what a file store leaves on the disk, and that no link leads out of it.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use agent_checkpoint::cycle::Cycle;
use agent_checkpoint::handoff::Terms;
use agent_checkpoint::recover::Recovery;
use agent_checkpoint::{
    Checkpointer, Error, EstimateTokens, FileStore, Message, Mirrored, Retention, Sealing, Store,
    TakeOver, export, import,
};
use agent_primitives::{CheckpointKind, SessionId};

use crate::ALONE;

const FOLDER: &str = "CHECKPOINT_RIGHTS_FOLDER";

fn id(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn open(store: &FileStore, name: &str) -> Result<Checkpointer, Error> {
    let builder = Checkpointer::builder(store.clone(), id(name));
    builder.sealing(Sealing::Never).open()
}

fn say(session: &mut Checkpointer, count: usize) {
    for n in 0..count {
        session.push(Message::user(format!("message {n}"))).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// How many files and folders there are beneath; all are their owner's alone.
fn assert_private(folder: &Path) -> (usize, usize) {
    let (mut files, mut folders) = (0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_folder = path.is_dir();
        let expected = if is_folder { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{}", path.display());
        if is_folder {
            let (more, below) = assert_private(&path);
            (files, folders) = (files + more, folders + 1 + below);
        } else {
            files += 1;
        }
    }
    (files, folders)
}

/// All that makes a file or a folder.
fn do_everything(root: &Path) {
    let store = FileStore::open(root.join("store"))
        .unwrap()
        .sync_together(1);
    let mut session = open(&store, "s").unwrap();
    say(&mut session, 20);
    assert_private(root);
    session.seal().unwrap();
    say(&mut session, 5);
    let latest = session.latest().unwrap().id;
    drop(session.fork(&latest, id("fork")).unwrap());
    session.compact().unwrap();
    say(&mut session, 5);
    let over = Checkpointer::builder(store.clone(), id("s")).take_over(TakeOver::Force);
    let mut over = over.open().unwrap();
    say(&mut over, 3);
    drop((session, over));
    assert_private(root);

    // A torn tail and damage in the middle are set aside, where no journal mends them.
    let store = FileStore::open(root.join("store")).unwrap();
    say(&mut open(&store, "torn").unwrap(), 9);
    let path = root.join("store/sessions/torn/seg-000001.ckl");
    let mut bytes = fs::read(&path).unwrap();
    let (middle, end) = (bytes.len() * 2 / 3, bytes.len() - 5);
    bytes[middle] ^= 1;
    fs::write(&path, &bytes[..end]).unwrap();
    let session = open(&store, "torn").unwrap();
    assert_eq!(session.report().quarantined.len(), 2);
    drop(session);
    open(&store, "gone")
        .unwrap()
        .push(Message::user("x"))
        .unwrap();
    store.remove(&id("gone")).unwrap();

    // A damaged FORMAT is set aside as well, and a mirror has the rights of a store.
    fs::write(root.join("store/FORMAT"), "{}").unwrap();
    let store = FileStore::open(root.join("store")).unwrap();
    let mirror = FileStore::open_mirror(root.join("mirror"), store.id()).unwrap();
    assert!(store.is_private().unwrap() && mirror.is_private().unwrap());
    let both = Mirrored::new(store.clone(), mirror).unwrap();
    let mut session = Checkpointer::builder(both, id("s")).open().unwrap();
    say(&mut session, 2);
    drop(session);
    do_more(root, &store);
    let (files, folders) = assert_private(root);
    assert!(
        files >= 24 && folders >= 10,
        "{files} files in {folders} folders"
    );
}

/// What leaves files by other ways than saving, and files beside the store.
fn do_more(root: &Path, store: &FileStore) {
    let builder = |name: &str| Checkpointer::builder(store.clone(), id(name));
    let keep = Retention::last(NonZeroUsize::new(2).unwrap());
    let mut session = builder("more").retention(keep).open().unwrap();
    say(&mut session, 9);
    session.prune().unwrap();
    session.compact().unwrap();
    let first = session.list().pop().unwrap().id;
    session.restore(&first).unwrap();
    session.save_labelled("named").unwrap();
    drop(
        session
            .cycle(&Cycle::of_window(9_000), &EstimateTokens)
            .unwrap(),
    );
    let package = session.hand_off(&Terms::default()).unwrap();
    package.write_file(root.join("given.handoff.json")).unwrap();
    export::write_file(root.join("more.jsonl"), &id("more"), session.state(), None).unwrap();
    drop(session);
    drop(package.begin(builder("taken")).unwrap());
    drop(builder("s").recover(&Recovery::default()).unwrap());
    let text = fs::read(root.join("more.jsonl")).unwrap();
    let imported = import::any(&text[..], &import::Limits::default()).unwrap();
    let mut session = builder("imported").open().unwrap();
    for message in imported.state.conversation {
        session.push(message).unwrap();
    }
    session.save(CheckpointKind::Manual).unwrap();
    rekey(store);
}

#[cfg(not(feature = "encryption"))]
fn rekey(_: &FileStore) {}

#[cfg(feature = "encryption")]
fn rekey(store: &FileStore) {
    use agent_checkpoint::encrypt::{Key, Keyring};
    let key = |byte| Key::from_bytes([byte; 32]);
    for keyring in [
        Keyring::new(key(1)),
        Keyring::new(key(2)).with_older(key(1)),
    ] {
        let builder = Checkpointer::builder(store.clone(), id("locked"));
        let mut session = builder.encryption(keyring).open().unwrap();
        say(&mut session, 3);
        assert!(session.rekey().unwrap().segments <= 2);
    }
}

/// The child: does nothing in a plain test run.
#[test]
fn child_does_everything_under_its_umask() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        do_everything(Path::new(&folder));
    }
}

#[test]
fn whatever_the_umask_all_that_is_made_is_its_owners_alone() {
    let _alone = ALONE.lock();
    for umask in ["000", "022", "077"] {
        let folder = tempfile::tempdir().unwrap();
        let done = Command::new("sh")
            .arg("-c")
            .arg(format!(
                "umask {umask}; exec \"$0\" --exact rights::child_does_everything_under_its_umask"
            ))
            .arg(std::env::current_exe().unwrap())
            .env(FOLDER, folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success(), "umask {umask}: {said}");
        let (files, _) = assert_private(folder.path());
        assert!(files > 0, "umask {umask}");
    }
}

#[test]
fn a_folder_that_others_may_reach_is_told_and_keeps_its_rights() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    fs::create_dir(&root).unwrap();
    set(&root, 0o755);
    let store = FileStore::open(&root).unwrap();
    say(&mut open(&store, "s").unwrap(), 1);
    assert!(store.is_private().unwrap(), "they find the sessions closed");
    let sessions = root.join("sessions");
    for (path, wide, is_private) in [
        (&root, 0o777, false),
        (&root, 0o775, false),
        (&root, 0o1777, true),
        (&root, 0o700, true),
        (&sessions, 0o755, false),
        (&sessions, 0o710, false),
        (&sessions, 0o700, true),
    ] {
        set(path, wide);
        let store = FileStore::open(&root).unwrap();
        assert_eq!(store.is_private().unwrap(), is_private, "{wide:o}");
        say(&mut open(&store, "s").unwrap(), 1);
        assert_eq!(mode(path), wide, "it is whoever set it");
    }
    assert_eq!(
        assert_private(&sessions).1,
        1,
        "what is made there is closed"
    );
}

/// A store with a session of one segment that is sealed and one that is not, and a file beside it.
fn with_target() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (root, target) = (folder.path().join("store"), folder.path().join("target"));
    let store = FileStore::open(&root).unwrap();
    let mut session = open(&store, "s").unwrap();
    say(&mut session, 20);
    session.seal().unwrap();
    say(&mut session, 2);
    drop(session);
    (folder, root, target)
}

#[test]
fn a_link_in_the_place_of_a_segment_is_never_followed_nor_taken_for_an_empty_session() {
    let _alone = ALONE.lock();
    for name in [
        "seg-000001.ckz",
        "seg-000002.ckl",
        "seg-000003.ckl",
        "seg-000001.ckl",
    ] {
        let (_folder, root, target) = with_target();
        let place = root.join("sessions/s").join(name);
        let was = fs::read(&place).unwrap_or_else(|_| vec![7; 900]);
        fs::write(&target, &was).unwrap();
        let _ = fs::remove_file(&place);
        symlink(&target, &place).unwrap();
        let store = FileStore::open(&root).unwrap();
        let opened = open(&store, "s").and_then(|mut session| {
            let clean = session.report().is_clean();
            session.push(Message::user("more"))?;
            session.save(CheckpointKind::Auto)?;
            Ok((session.history().len(), clean))
        });
        match opened {
            // The other file of the two is there.
            Ok(told) => assert_eq!((name, told), ("seg-000001.ckl", (23, true))),
            Err(error) => assert!(error.is_obstructed(), "{name}: {error}"),
        }
        assert_eq!(fs::read(&target).unwrap(), was, "{name}");
    }
}

#[test]
fn a_link_in_the_place_of_a_folder_or_a_journal_has_nothing_written_through_it() {
    let _alone = ALONE.lock();
    let (folder, root, _) = with_target();
    let aside = folder.path().join("aside");
    fs::create_dir(&aside).unwrap();
    let quarantine = root.join("sessions/s/quarantine");
    symlink(&aside, &quarantine).unwrap();
    let path = root.join("sessions/s/seg-000002.ckl");
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(b"torn");
    fs::write(&path, &bytes).unwrap();
    let store = FileStore::open(&root).unwrap();
    match open(&store, "s") {
        Ok(session) => assert_eq!(session.report().unmended_bytes, 4),
        Err(error) => assert!(error.is_obstructed(), "{error}"),
    }
    assert_eq!(fs::read_dir(&aside).unwrap().count(), 0);
    fs::remove_file(&quarantine).unwrap();

    let target = folder.path().join("target");
    fs::write(&target, [7; 500]).unwrap();
    let journal = root.join(format!("journal-{}.ckj", "a".repeat(32)));
    symlink(&target, &journal).unwrap();
    let opened = FileStore::open(&root).and_then(|store| open(&store, "s"));
    if let Err(error) = opened.map(drop) {
        assert!(error.is_obstructed(), "{error}");
    }
    assert_eq!(fs::read(&target).unwrap(), [7; 500]);
    fs::remove_file(&journal).unwrap();
    let store = FileStore::open(&root).unwrap();
    assert_eq!(open(&store, "s").unwrap().history().len(), 22);
}

#[test]
fn a_session_of_any_id_has_one_folder_directly_in_the_store() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let longest = "x".repeat(128);
    let ids = [
        "con",
        "nul.txt",
        "COM1",
        "aux",
        "a..b",
        "A@..",
        "lpt1:x",
        longest.as_str(),
    ];
    for name in ids {
        say(&mut open(&store, name).unwrap(), 1);
        let at = store.session_folder(&id(name)).unwrap();
        assert_eq!(
            at.parent(),
            Some(&*folder.path().join("sessions")),
            "{name}"
        );
        assert!(at.join("seg-000001.ckl").is_file(), "{name}");
    }
    assert_eq!(store.sessions().unwrap().len(), ids.len());
    for wrong in [
        "..", "../x", "a/../b", "a\0", "a\n", "~", "x\\y", " a", "C:\\x",
    ] {
        let id = SessionId::new(wrong);
        let inside = id.map(|id| {
            store.session_folder(&id).unwrap().parent() == Some(&folder.path().join("sessions"))
        });
        assert!(inside.unwrap_or(true), "{wrong:?}");
    }
    assert!(SessionId::new("x".repeat(100_000)).is_err());
}
