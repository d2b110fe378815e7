//! A file system that tells what is synced and read, and lets writers wait.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use crate::fs::sim::SimFiles;
use crate::fs::{Access, EntryKind, Facts, FileHandle, FileSystem};

/// A file system that counts syncs, lets them wait, and makes them fail.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) inner: SimFiles,
    pub(super) plan: Arc<Plan>,
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    journal_syncs: AtomicUsize,
    segment_syncs: AtomicUsize,
    pub(super) is_journal_broken: AtomicBool,
    pub(super) is_segment_broken: AtomicBool,
    /// Bytes that were read of journals.
    journal_reads: AtomicUsize,
    /// Whether syncs of a journal wait.
    is_shut: Mutex<bool>,
    opened: Condvar,
    /// Files opened so far.
    files: AtomicUsize,
    gate: Mutex<Gate>,
    passed: Condvar,
}

/// Where writes to segments wait.
#[derive(Debug, Default)]
struct Gate {
    /// Those of files that were opened before this many others.
    below: usize,
    waiting: usize,
}

impl Watched {
    /// Lets writes to segments that are open now wait.
    pub(super) fn hold_writers(&self) {
        self.plan.gate.lock().unwrap().below = self.plan.files.load(Ordering::SeqCst);
    }

    /// Returns when a write waits.
    pub(super) fn await_writer(&self) {
        let gate = self.plan.gate.lock().unwrap();
        let gate = self.plan.passed.wait_while(gate, |gate| gate.waiting == 0);
        drop(gate.unwrap());
    }

    pub(super) fn let_go(&self) {
        self.plan.gate.lock().unwrap().below = 0;
        self.plan.passed.notify_all();
    }

    /// Bytes of journals that were read since this was last asked.
    pub(super) fn journal_reads(&self) -> usize {
        self.plan.journal_reads.swap(0, Ordering::SeqCst)
    }

    pub(super) fn new() -> Self {
        Self {
            inner: SimFiles::new(512),
            plan: Arc::default(),
        }
    }

    pub(super) fn shut(&self, is_shut: bool) {
        *self.plan.is_shut.lock().unwrap() = is_shut;
        self.plan.opened.notify_all();
    }

    pub(super) fn syncs(&self) -> (usize, usize) {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::SeqCst);
        (
            take(&self.plan.journal_syncs),
            take(&self.plan.segment_syncs),
        )
    }
}

#[derive(Debug)]
struct WatchedFile {
    inner: Box<dyn FileHandle>,
    plan: Arc<Plan>,
    path: PathBuf,
    number: usize,
}

impl WatchedFile {
    fn is(&self, extension: &str) -> bool {
        self.path
            .extension()
            .is_some_and(|found| found == extension)
    }

    fn wait(&self) {
        let mut gate = self.plan.gate.lock().unwrap();
        while self.number < gate.below {
            gate.waiting += 1;
            self.plan.passed.notify_all();
            gate = self.plan.passed.wait(gate).unwrap();
            gate.waiting -= 1;
        }
    }

    fn note(&self) -> io::Result<()> {
        let extension = self.path.extension().and_then(|e| e.to_str());
        let broken = match extension {
            Some("ckj") => {
                self.plan.journal_syncs.fetch_add(1, Ordering::SeqCst);
                let mut is_shut = self.plan.is_shut.lock().unwrap();
                while *is_shut {
                    is_shut = self.plan.opened.wait(is_shut).unwrap();
                }
                &self.plan.is_journal_broken
            }
            Some("ckl") => {
                self.plan.segment_syncs.fetch_add(1, Ordering::SeqCst);
                &self.plan.is_segment_broken
            }
            _ => return Ok(()),
        };
        if broken.load(Ordering::SeqCst) {
            return Err(io::Error::other("planned"));
        }
        Ok(())
    }
}

impl FileSystem for Watched {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn FileHandle>> {
        Ok(Box::new(WatchedFile {
            inner: self.inner.open(path, access)?,
            plan: Arc::clone(&self.plan),
            path: path.to_owned(),
            number: self.plan.files.fetch_add(1, Ordering::SeqCst),
        }))
    }
    fn make_folders(&self, folder: &Path) -> io::Result<()> {
        self.inner.make_folders(folder)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<(String, EntryKind)>> {
        self.inner.list(folder)
    }
    fn look(&self, path: &Path) -> io::Result<Facts> {
        self.inner.look(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.hard_link(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_file(path)
    }
    fn remove_folders(&self, folder: &Path) -> io::Result<()> {
        self.inner.remove_folders(folder)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.inner.sync_folder(folder)
    }
}

impl FileHandle for WatchedFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read_at(offset, bytes)?;
        if self.is("ckj") {
            self.plan.journal_reads.fetch_add(read, Ordering::SeqCst);
        }
        Ok(read)
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        if self.is("ckl") {
            self.wait();
        }
        self.inner.write_at(offset, bytes)
    }
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.note()?;
        self.inner.sync_data()
    }
    fn sync_all(&self) -> io::Result<()> {
        self.note()?;
        self.inner.sync_all()
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
