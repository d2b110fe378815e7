//! Tests: appends that are synced together, and what is left of them when things fail.

mod owners;
mod planted;
mod together;
mod watched;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use agent_primitives::{CheckpointKind, ManualClock, SessionId, Timestamp};

use super::journal::{JOURNAL_MAX, journals, records};
use super::record::{Record, seed};
use super::{Group, Limits, Member};
use crate::fs::sim::{Fault, SimFiles};
use crate::fs::{Access, FileSystem, read_bounded, write_all};
use crate::store::file::names::segment_name;
use crate::{Checkpointer, Durability, FileStore, Message, Reader, Store, StoreId, TakeOver};
use watched::Watched;

const ROOT: &str = "/store";

fn id(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn store(files: &Watched, room: u64) -> FileStore {
    FileStore::open_grouped(Arc::new(files.clone()), ROOT, (1, room)).unwrap()
}

fn open_at(store: &FileStore, name: &str, seconds: i64) -> Checkpointer {
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(seconds));
    Checkpointer::builder(store.clone(), id(name))
        .clock(Arc::new(clock))
        .open()
        .unwrap()
}

fn open(store: &FileStore, name: &str) -> Checkpointer {
    open_at(store, name, 1_000)
}

fn say(session: &mut Checkpointer, text: &str) {
    session.push(Message::user(text)).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
}

fn texts(session: &Checkpointer) -> Vec<String> {
    let history = session.history().iter();
    history.map(|message| message.content.clone()).collect()
}

/// What is left when the power goes and the device kept nothing that was not synced.
fn after_power_cut(files: &SimFiles) -> FileStore {
    let disk = files.disk();
    let oldest: Vec<_> = disk.choices().iter().map(|ways| ways.min(&2) - 1).collect();
    let left = SimFiles::from_disk(disk.after_power_cut(&oldest));
    FileStore::open_on(Arc::new(left), ROOT).unwrap()
}

/// A journal with these bytes, as if a process had died with it.
fn plant(files: &Watched, bytes: &[u8]) {
    let path = Path::new(ROOT).join(format!("journal-{}.ckj", StoreId::from_bytes([3; 16])));
    let file = files.inner.open(&path, Access::Replace).unwrap();
    write_all(&*file, 0, bytes).unwrap();
    file.sync_all().unwrap();
    files.inner.sync_folder(Path::new(ROOT)).unwrap();
}
