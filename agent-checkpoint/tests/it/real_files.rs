//! What may happen to files under a writer on a real file system: each is a typed error, costs nothing that can be
//! kept, and the writer carries on when the cause is gone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use agent_checkpoint::{Checkpointer, Durability, Error, FileStore, Message, Reader, Store};
use agent_primitives::{CheckpointKind, SessionId};

const EACH: [Durability; 2] = [Durability::Synced, Durability::Buffered];

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn open(folder: &Path) -> Result<Checkpointer, Error> {
    Checkpointer::builder(FileStore::open(folder)?, id()).open()
}

fn say(session: &mut Checkpointer, text: &str, durability: Durability) -> Result<(), Error> {
    session.push(Message::user(text)).unwrap();
    save(session, durability)
}

fn save(session: &mut Checkpointer, durability: Durability) -> Result<(), Error> {
    session
        .save_with(CheckpointKind::Auto, durability)
        .map(|_| ())
}

fn texts(folder: &Path) -> Vec<String> {
    let session = open(folder).unwrap();
    let history = session.history().iter();
    history.map(|message| message.content.clone()).collect()
}

/// A store with one message saved, and its session.
struct Begun {
    _temporary: tempfile::TempDir,
    root: PathBuf,
    session: Checkpointer,
}

impl Begun {
    fn new(durability: Durability) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().join("store");
        let mut session = open(&root).unwrap();
        say(&mut session, "one", durability).unwrap();
        Self {
            _temporary: temporary,
            root,
            session,
        }
    }

    fn segment(&self) -> PathBuf {
        self.root.join("sessions/s/seg-000001.ckl")
    }

    /// The next save fails so, and so does the one after it; once it is `mended` and the session open again, all is saved.
    fn carries_on(mut self, is_typed: fn(&Error) -> bool, mended: impl FnOnce(&Path)) {
        for text in ["two", "three"] {
            let refused = say(&mut self.session, text, Durability::Synced).unwrap_err();
            assert!(is_typed(&refused), "{refused}");
        }
        let buffered = save(&mut self.session, Durability::Buffered).unwrap_err();
        assert!(is_typed(&buffered), "{buffered}");
        mended(&self.root);
        self.session.reopen().unwrap();
        save(&mut self.session, Durability::Synced).unwrap();
        say(&mut self.session, "four", Durability::Synced).unwrap();
        drop(self.session);
        assert_eq!(texts(&self.root), ["one", "two", "three", "four"]);
        let reader = Reader::open(FileStore::open(&self.root).unwrap(), id());
        assert_eq!(reader.unwrap().messages(0..9).unwrap().len(), 4);
    }
}

#[test]
fn a_session_whose_folder_is_removed_saves_all_of_it_anew() {
    for durability in EACH {
        let begun = Begun::new(durability);
        fs::remove_dir_all(begun.root.join("sessions/s")).unwrap();
        begun.carries_on(Error::is_removed, |_| ());
    }
}

#[test]
fn a_store_whose_folder_is_removed_is_made_anew_with_all_that_is_in_memory() {
    for durability in EACH {
        let begun = Begun::new(durability);
        fs::remove_dir_all(&begun.root).unwrap();
        begun.carries_on(Error::is_removed, |_| ());
    }
}

#[test]
fn a_segment_that_is_removed_is_written_again() {
    for durability in EACH {
        let begun = Begun::new(durability);
        fs::remove_file(begun.segment()).unwrap();
        begun.carries_on(Error::is_removed, |_| ());
    }
}

#[test]
fn a_folder_in_the_place_of_a_segment_is_refused_until_it_is_moved_away() {
    for durability in EACH {
        let mut begun = Begun::new(durability);
        let segment = begun.segment();
        fs::remove_file(&segment).unwrap();
        fs::create_dir(&segment).unwrap();
        let refused = say(&mut begun.session, "two", Durability::Synced).unwrap_err();
        assert!(refused.is_removed(), "{refused}");
        // The log would seem to be empty.
        for _ in 0..2 {
            let refused = begun.session.reopen().unwrap_err();
            assert!(refused.is_obstructed(), "{refused}");
            assert!(refused.to_string().contains("seg-000001.ckl"), "{refused}");
        }
        fs::remove_dir(&segment).unwrap();
        begun.session.reopen().unwrap();
        save(&mut begun.session, Durability::Synced).unwrap();
        drop(begun.session);
        assert_eq!(texts(&begun.root), ["one", "two"]);
    }
}

#[test]
fn a_segment_that_is_cut_under_its_writer_gets_no_hole() {
    for durability in EACH {
        for len in [0, 1, 100, 200] {
            let begun = Begun::new(durability);
            let file = fs::File::options().write(true).open(begun.segment());
            file.unwrap().set_len(len).unwrap();
            begun.carries_on(Error::is_conflict, |_| ());
        }
    }
}

#[test]
fn what_lies_in_the_place_of_a_file_or_folder_is_told_by_name() {
    for (name, is_folder) in [
        ("lock", true),
        ("FORMAT", true),
        ("sessions", false),
        ("sessions/s", false),
        ("sessions/s/lock", true),
        ("sessions/s/claim", true),
    ] {
        let begun = Begun::new(Durability::Synced);
        drop(begun.session);
        let (place, aside) = (begun.root.join(name), begun.root.join("aside"));
        fs::rename(&place, &aside).unwrap();
        if is_folder {
            fs::create_dir(&place).unwrap();
        } else {
            fs::write(&place, b"mine").unwrap();
        }
        let refused = open(&begun.root).unwrap_err();
        assert!(refused.is_obstructed(), "{name}: {refused}");
        assert!(refused.to_string().contains(name), "{refused}");
        if is_folder {
            fs::remove_dir(&place).unwrap();
        } else {
            assert_eq!(fs::read(&place).unwrap(), b"mine");
            fs::remove_file(&place).unwrap();
        }
        fs::rename(&aside, &place).unwrap();
        assert_eq!(texts(&begun.root), ["one"], "{name}");
    }
}

#[test]
fn a_store_on_the_path_of_a_file_is_refused_and_the_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"mine").unwrap();
    for path in [file.clone(), file.join("store"), file.join("deep/store")] {
        let refused = FileStore::open(&path).unwrap_err();
        assert!(refused.is_obstructed(), "{refused}");
        let name = format!("{} is no folder", file.display());
        assert!(refused.to_string().contains(&name), "{refused}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    fs::remove_file(&file).unwrap();
    assert_eq!(FileStore::open(&file).unwrap().sessions().unwrap(), []);
}

#[test]
fn a_folder_without_permission_is_refused_until_it_is_granted() {
    let mut begun = Begun::new(Durability::Synced);
    let folder = begun.root.join("sessions/s");
    let set = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    set(0o500);
    if fs::write(folder.join("probe"), b"").is_ok() {
        println!("SKIPPED: permissions do not bind this user");
        return;
    }
    // Files that are open stay writable; a new segment is not to be had.
    begun
        .session
        .push(Message::user("two".repeat(1 << 20)))
        .unwrap();
    let refused = save(&mut begun.session, Durability::Synced).unwrap_err();
    assert!(refused.is_permission_denied(), "{refused}");
    set(0o700);
    save(&mut begun.session, Durability::Synced).unwrap();
    drop(begun.session);
    assert_eq!(texts(&begun.root).len(), 2);
}
