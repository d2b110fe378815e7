//! Test: a folder whose syncs fail in every combination.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use agent_primitives::{CheckpointKind, SessionId};

use super::FileStore;
use crate::fs::{Access, EntryKind, Facts, FileHandle, FileSystem, OsFiles};
use crate::{Checkpointer, Durability, Message};

/// Which syncs of segments fail: bit k is the k-th.
#[derive(Debug, Default)]
struct Plan {
    failing: AtomicU32,
    syncs: AtomicU32,
    /// Whether files can be removed and cut.
    is_stuck: bool,
}

impl Plan {
    fn sync(&self) -> io::Result<()> {
        let at = self.syncs.fetch_add(1, Ordering::Relaxed);
        let bit = 1_u32.checked_shl(at).unwrap_or(0);
        match self.failing.load(Ordering::Relaxed) & bit {
            0 => Ok(()),
            _ => Err(io::Error::other("planned")),
        }
    }

    fn change(&self) -> io::Result<()> {
        if self.is_stuck {
            return Err(io::Error::other("stuck"));
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Faulty(Arc<Plan>);

#[derive(Debug)]
struct FaultyFile {
    inner: Box<dyn FileHandle>,
    plan: Option<Arc<Plan>>,
}

impl FileSystem for Faulty {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn FileHandle>> {
        let is_segment = path.extension().is_some_and(|extension| extension == "ckl");
        Ok(Box::new(FaultyFile {
            inner: OsFiles.open(path, access)?,
            plan: is_segment.then(|| Arc::clone(&self.0)),
        }))
    }
    fn make_folders(&self, folder: &Path) -> io::Result<()> {
        OsFiles.make_folders(folder)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<(String, EntryKind)>> {
        OsFiles.list(folder)
    }
    fn look(&self, path: &Path) -> io::Result<Facts> {
        OsFiles.look(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsFiles.rename(from, to)
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsFiles.hard_link(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.0.change()?;
        OsFiles.remove_file(path)
    }
    fn remove_folders(&self, folder: &Path) -> io::Result<()> {
        OsFiles.remove_folders(folder)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        OsFiles.sync_folder(folder)
    }
}

impl FileHandle for FaultyFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(offset, bytes)
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write_at(offset, bytes)
    }
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.plan.as_ref().map_or(Ok(()), |plan| plan.change())?;
        self.inner.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.plan.as_ref().map_or(Ok(()), |plan| plan.sync())
    }
    fn sync_all(&self) -> io::Result<()> {
        self.plan.as_ref().map_or(Ok(()), |plan| plan.sync())
    }
    fn lock(&self) -> io::Result<()> {
        self.inner.lock()
    }
    fn try_lock(&self) -> io::Result<bool> {
        self.inner.try_lock()
    }
    fn unlock(&self) -> io::Result<()> {
        self.inner.unlock()
    }
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        self.inner.is_at(path)
    }
}

#[test]
fn any_set_of_failed_syncs_leaves_every_acknowledged_save_in_the_folder() {
    for is_stuck in [false, true] {
        for failing in 0..32 {
            let folder = tempfile::tempdir().unwrap();
            let plan = Arc::new(Plan {
                failing: AtomicU32::new(failing),
                is_stuck,
                ..Plan::default()
            });
            let id = SessionId::new("s").unwrap();
            let store = FileStore::open_on(Arc::new(Faulty(Arc::clone(&plan))), folder.path());
            let opened = Checkpointer::builder(store.unwrap(), id.clone()).open();
            let mut session = opened.unwrap();
            let (mut pushed, mut saved) = (0, 0);
            for durability in [Durability::Synced, Durability::Buffered].repeat(3) {
                session.push(Message::user(format!("{pushed}"))).unwrap();
                pushed += 1;
                match session.save_with(CheckpointKind::Auto, durability) {
                    Ok(_) => saved = pushed,
                    Err(error) => {
                        assert!(error.is_poisoned() || error.is_unavailable(), "{error}");
                    }
                }
                assert_eq!(session.unsaved().len(), pushed - saved);
            }
            plan.failing.store(0, Ordering::Relaxed);
            session.save(CheckpointKind::Auto).unwrap();
            drop(session);
            let store = FileStore::open(folder.path()).unwrap();
            let session = Checkpointer::builder(store, id).open().unwrap();
            let context = format!("{failing:b}, stuck: {is_stuck}");
            assert!(
                session.report().is_clean(),
                "{context}: {}",
                session.report()
            );
            let texts = session.history().iter().map(|m| m.content.clone());
            let all: Vec<String> = (0..pushed).map(|n| format!("{n}")).collect();
            assert_eq!(texts.collect::<Vec<_>>(), all, "{context}");
        }
    }
}

/// A session whose newest save is with the system alone; whether the segment is full.
fn buffered_tail(folder: &Path, is_full: bool) -> usize {
    let store = FileStore::open(folder).unwrap();
    let mut session = Checkpointer::builder(store, SessionId::new("s").unwrap())
        .segment_target(if is_full { 600 } else { 1 << 20 })
        .open()
        .unwrap();
    for n in 0..3 {
        session.push(Message::user(format!("{n}"))).unwrap();
        let saved = session.save_with(CheckpointKind::Auto, Durability::Buffered);
        saved.unwrap();
    }
    session.history().len()
}

#[test]
fn the_first_sync_that_fails_after_opening_a_buffered_tail_costs_no_save() {
    for is_full in [false, true] {
        for durability in [Durability::Synced, Durability::Buffered] {
            for failing in 0..6 {
                let folder = tempfile::tempdir().unwrap();
                let before = buffered_tail(folder.path(), is_full);
                let plan = Arc::new(Plan {
                    failing: AtomicU32::new(1 << failing),
                    ..Plan::default()
                });
                let store = FileStore::open_on(Arc::new(Faulty(Arc::clone(&plan))), folder.path());
                let builder = Checkpointer::builder(store.unwrap(), SessionId::new("s").unwrap());
                let builder = builder.segment_target(if is_full { 600 } else { 1 << 20 });
                let mut session = builder.open().unwrap();
                for n in 0..2 {
                    session.push(Message::user("x".repeat(n * 500))).unwrap();
                    let saved = session.save_with(CheckpointKind::Auto, durability);
                    assert!(
                        saved.is_ok(),
                        "{is_full} {durability:?} {failing}: {saved:?}"
                    );
                }
                drop(session);
                let store = FileStore::open(folder.path()).unwrap();
                let session = Checkpointer::builder(store, SessionId::new("s").unwrap());
                let session = session.open().unwrap();
                assert_eq!(session.history().len(), before + 2);
            }
        }
    }
}
