//! A session's folder made of another one's segments, whole or not at all.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use agent_primitives::SessionId;

use super::names::segment_name;
use super::{FileStore, LOCK, SESSIONS, failed, folder, is_numbered, open_lock, ownership, sealed};
use crate::format::SEGMENT_MAX;
use crate::fs::{Access, Brief, FileSystem, read_bounded, write_all};
use crate::{Error, Shared};

/// Begins the names of folders that become sessions once they are whole.
pub(super) const FORKING: &str = "forking-";
/// Forks so far, which makes their names differ.
static FORKS: AtomicU64 = AtomicU64::new(0);

impl FileStore {
    pub(super) fn share_segments(
        &self,
        from: &SessionId,
        to: &SessionId,
        shared: &[Shared],
        (own, bytes): (u32, &[u8]),
    ) -> Result<(), Error> {
        let files = &*self.files;
        let (parent, child) = (self.session_folder(from)?, self.session_folder(to)?);
        let (made, lock) = self.make_aside()?;
        let filled = shared
            .iter()
            .try_for_each(|shared| take(files, &parent, &made, *shared))
            .and_then(|()| {
                let path = made.join(segment_name(own));
                write_new(files, &path, bytes).map_err(|e| failed("writing", &path, e))
            })
            .and_then(|()| folder::sync(files, &made));
        let moved = filled.and_then(|()| {
            // On Windows a folder with an open file does not move.
            let _lock = (!cfg!(windows)).then_some(lock);
            self.move_in(&made, &child, to)
        });
        if moved.is_err() {
            // Best effort: what stays is removed when the store is opened.
            let _ = files.remove_folders(&made);
        }
        moved?;
        folder::sync(files, &self.root.join(SESSIONS))
    }

    /// A folder for a session in the making, with its lock taken.
    fn make_aside(&self) -> Result<(PathBuf, Brief), Error> {
        let name = format!(
            "{FORKING}{}-{}",
            std::process::id(),
            FORKS.fetch_add(1, Ordering::Relaxed)
        );
        let made = self.root.join(name);
        // Left by a process that had the same number.
        let _ = self.files.remove_folders(&made);
        folder::create(&*self.files, &made)?;
        let lock = open_lock(&*self.files, &made)?;
        lock.lock().map_err(|e| failed("locking", &made, e))?;
        let is_held = lock.is_at(&made.join(LOCK));
        if !is_held.map_err(|e| failed("making", &made, e))? {
            let gone = io::Error::other("another process took it for a left-over");
            return Err(failed("making", &made, gone));
        }
        Ok((made, lock))
    }

    /// Gives the folder its name, where no session has it.
    fn move_in(&self, made: &Path, child: &Path, session: &SessionId) -> Result<(), Error> {
        if self.files.exists(child) {
            // One that was opened and never written to makes room.
            let (folder, _lock, _turn) = self.lock(session)?;
            if !folder::segments(&*self.files, &folder)?.is_empty() {
                return Err(Error::taken(format!("session {session}"), "its own log"));
            }
            self.remove_locked(&folder)?;
        }
        self.files
            .rename(made, child)
            .map_err(|e| failed("making", child, e))
    }

    /// Removes what interrupted forks left.
    pub(super) fn remove_unfinished_forks(
        files: &dyn FileSystem,
        root: &Path,
    ) -> Result<(), Error> {
        for name in folder::names(files, root)? {
            let made = root.join(&name);
            if !is_numbered(&name, FORKING) || !ownership::is_session(files, &made)? {
                continue;
            }
            // One that is being made has its lock taken.
            let lock = files.open(&made.join(LOCK), Access::Create).map(Brief);
            if lock.is_ok_and(|lock| lock.try_lock().unwrap_or(false)) {
                let _ = files.remove_folders(&made);
            }
        }
        Ok(())
    }
}

/// A second name for the segment, sealed or not, or a copy of as much of it as is asked for.
fn take(files: &dyn FileSystem, from: &Path, to: &Path, shared: Shared) -> Result<(), Error> {
    sealed::read(files, from, shared.segment, |source| {
        let target = to.join(source.file_name().unwrap_or_default());
        if shared.len.is_none() {
            match files.hard_link(source, &target) {
                Ok(()) => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(e),
                // Not every file system knows links, and some know only so many.
                Err(_) => {}
            }
        }
        let mut bytes = read_bounded(files, source, SEGMENT_MAX)?;
        if let Some(len) = shared.len {
            bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        }
        write_new(files, &target, &bytes)
    })
}

fn write_new(files: &dyn FileSystem, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = files.open(path, Access::CreateNew)?;
    write_all(&*file, 0, bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interrupted_fork_left_goes_and_one_at_work_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(folder.path()).unwrap();
        let (at_work, lock) = store.make_aside().unwrap();
        let (left, gone) = store.make_aside().unwrap();
        drop(gone);
        FileStore::open(folder.path()).unwrap();
        assert!(at_work.exists() && !left.exists());
        drop(lock);
        FileStore::open(folder.path()).unwrap();
        assert!(!at_work.exists());
    }
}
