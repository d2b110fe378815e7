//! A disk that is really full, that may really only be read, and a limit on the length of files.
//!
//! Each test runs a part of itself in a child that has a small disk of its own, where the system lets it have one.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use agent_checkpoint::{Checkpointer, Durability, Error, FileStore, Message};
use agent_primitives::{CheckpointKind, SessionId};

use crate::ALONE;

const FOLDER: &str = "CHECKPOINT_FULL_FOLDER";
const DONE: &str = "the child is done";

fn id(text: &str) -> SessionId {
    SessionId::new(text).unwrap()
}

fn open(folder: &Path, session: &str) -> Result<Checkpointer, Error> {
    Checkpointer::builder(FileStore::open(folder)?, id(session)).open()
}

/// Four KiB that do not shrink.
fn noise(number: usize) -> Message {
    let mut seed = u64::try_from(number).unwrap();
    let bytes = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'!' + seed.to_be_bytes()[0] % 90)
    });
    Message::user(bytes.take(4 << 10).collect::<String>())
}

/// Saves until that fails; how many messages are saved, and why no more.
fn save_until_refused(session: &mut Checkpointer, durability: Durability) -> (usize, Error) {
    loop {
        let saved = session.history().len();
        session.push(noise(saved)).unwrap();
        if let Err(error) = session.save_with(CheckpointKind::Auto, durability) {
            return (saved, error);
        }
        assert!(saved < 10_000, "the disk is not small");
    }
}

fn is_whole(session: &Checkpointer, len: usize) {
    assert_eq!(session.report().lost_bytes, 0, "{}", session.report());
    let expected: Vec<Message> = (0..len).map(noise).collect();
    assert_eq!(session.history(), expected);
}

/// Runs the test with this name in a child that `with` starts.
fn in_child(name: &str, with: &[&str]) {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(with[0]);
    command.args(&with[1..]).arg(program);
    command.args(["--exact", name, "--nocapture"]);
    let Ok(output) = command.env(FOLDER, folder.path()).output() else {
        println!("SKIPPED: there is no {}", with[0]);
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    if said.contains("SKIPPED") || failed.contains("unshare failed") {
        println!("SKIPPED: the system gives no disk: {said}{failed}");
        return;
    }
    assert!(
        output.status.success() && said.contains(DONE),
        "{said}{failed}"
    );
}

/// The folder of a child, which has a disk of its own; `None` in a plain run.
fn small_disk(size: &str) -> Option<std::path::PathBuf> {
    let folder = std::env::var_os(FOLDER)?;
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
    if !mount
        .arg(&folder)
        .status()
        .is_ok_and(|status| status.success())
    {
        println!("SKIPPED");
        return None;
    }
    Some(folder.into())
}

/// Takes all the room there is.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    for len in [64 << 10, 4 << 10, 1] {
        while file.write_all(&vec![1; len]).is_ok() {}
    }
}

#[test]
fn child_with_a_full_disk() {
    let Some(disk) = small_disk("1m") else { return };
    let (store, filler) = (disk.join("store"), disk.join("filler"));
    let mut len = 0;
    for durability in [Durability::Synced, Durability::Buffered] {
        let mut session = open(&store, "s").unwrap();
        is_whole(&session, len);
        fill(&filler);
        let (saved, refused) = save_until_refused(&mut session, durability);
        assert!(refused.is_disk_full(), "{refused}");
        assert_eq!(session.unsaved().len(), 1);
        // Again and again it costs nothing.
        for _ in 0..20 {
            let refused = session.save_with(CheckpointKind::Auto, durability);
            assert!(refused.unwrap_err().is_disk_full());
        }
        let other = open(&store, "t").unwrap_err();
        assert!(other.is_disk_full(), "{other}");
        let other = FileStore::open(disk.join("other")).unwrap_err();
        assert!(other.is_disk_full(), "{other}");
        // Whoever opens it on the full disk finds all that was acknowledged.
        drop(session);
        let mut session = open(&store, "s").unwrap();
        is_whole(&session, saved);
        session.push(noise(saved)).unwrap();
        let refused = session.save_with(CheckpointKind::Auto, durability);
        assert!(refused.unwrap_err().is_disk_full());
        fs::remove_file(&filler).unwrap();
        session.save_with(CheckpointKind::Auto, durability).unwrap();
        drop(session);
        len = saved + 1;
    }
    is_whole(&open(&store, "s").unwrap(), len);
    open(&store, "t").unwrap();
    println!("{DONE}");
}

#[test]
fn a_full_disk_costs_nothing_that_was_acknowledged() {
    in_child("full_disk::child_with_a_full_disk", &["unshare", "-rm"]);
}

#[test]
fn child_with_a_disk_that_may_only_be_read() {
    let Some(disk) = small_disk("4m") else { return };
    let store = disk.join("store");
    let mut session = open(&store, "s").unwrap();
    session.push(noise(0)).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    let remount = |how: &str| {
        let mut mount = Command::new("mount");
        let done = mount
            .args(["-o", &format!("remount,{how}")])
            .arg(&disk)
            .status();
        assert!(done.unwrap().success());
    };
    remount("ro");
    let refused = open(&store, "s").unwrap_err();
    assert!(refused.is_read_only(), "{refused}");
    let refused = FileStore::open(disk.join("other")).unwrap_err();
    assert!(refused.is_read_only(), "{refused}");
    remount("rw");
    is_whole(&open(&store, "s").unwrap(), 1);
    println!("{DONE}");
}

#[test]
fn a_disk_that_may_only_be_read_is_refused_as_that() {
    in_child(
        "full_disk::child_with_a_disk_that_may_only_be_read",
        &["unshare", "-rm"],
    );
}

#[test]
fn child_with_short_files() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let store = Path::new(&folder).join("store");
    let mut session = open(&store, "s").unwrap();
    let (saved, refused) = save_until_refused(&mut session, Durability::Buffered);
    assert!(saved > 3, "there is room for some");
    assert!(refused.is_disk_full(), "{refused}");
    let process = std::process::id().to_string();
    let mut raise = Command::new("prlimit");
    raise.args(["--fsize=unlimited", "--pid", &process]);
    if !raise.status().is_ok_and(|status| status.success()) {
        println!("SKIPPED");
        return;
    }
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    is_whole(&open(&store, "s").unwrap(), saved + 1);
    println!("{DONE}");
}

#[test]
fn a_limit_on_the_length_of_files_is_a_full_disk() {
    // The signal that comes with it would end the process; the soft limit is what can be raised again.
    let limited = r#"trap '' XFSZ; ulimit -S -f 128; exec "$@""#;
    in_child(
        "full_disk::child_with_short_files",
        &["sh", "-c", limited, "sh"],
    );
}
