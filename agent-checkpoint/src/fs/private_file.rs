//! Files that a host asks for by their path: written whole or not at all, for their owner alone.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Access, FileHandle, FileSystem, OsFiles, write_all};

/// Replaces what lies at the path, a link included.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    place(path, bytes, |temporary| OsFiles.rename(temporary, path))
}

/// Makes a file where there is nothing.
///
/// # Errors
/// `AlreadyExists` where there is something, a link that leads nowhere included.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let is_there = || path.symlink_metadata().is_ok();
    if is_there() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    place(path, bytes, |temporary| {
        match OsFiles.hard_link(temporary, path) {
            Ok(()) => OsFiles.remove_file(temporary),
            // Not every file system has links.
            Err(_) if !is_there() => OsFiles.rename(temporary, path),
            Err(error) => Err(error),
        }
    })
}

fn place(path: &Path, bytes: &[u8], named: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let (temporary, file) = beside(path)?;
    let written = write_all(&*file, 0, bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| named(&temporary));
    drop(file);
    if written.is_err() {
        // Best effort: nobody else has the name.
        let _ = OsFiles.remove_file(&temporary);
    }
    written?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    OsFiles.sync_folder(folder.unwrap_or(Path::new(".")))
}

/// Names that are tried for a file beside another.
const NAMES_MAX: u32 = 16;

/// A file that was not there, which nobody else writes to: others may have the same process id, on another machine or
/// in another container, and threads of this process have it.
fn beside(path: &Path) -> io::Result<(PathBuf, Box<dyn FileHandle>)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let process = std::process::id();
    let mut refused = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..NAMES_MAX {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Keyed by the system's randomness, which std offers in no other way.
        let random = RandomState::new().hash_one(count);
        let mut temporary = name.to_os_string();
        temporary.push(format!(".{process}-{count}-{random:016x}.tmp"));
        let temporary = path.with_file_name(temporary);
        match OsFiles.open(&temporary, Access::CreateNew) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => refused = error,
            Err(error) => return Err(error),
        }
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_where_there_is_nothing_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s1.jsonl");
        create(&path, b"one").unwrap();
        let taken = create(&path, b"two").unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        replace(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::{PermissionsExt, symlink};
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o600);
            let (link, target) = (folder.path().join("link"), folder.path().join("target"));
            symlink(&target, &link).unwrap();
            let taken = create(&link, b"three").unwrap_err();
            assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
            assert!(!target.exists());
        }
        let nowhere = create(&folder.path().join("no/such"), b"").unwrap_err();
        assert_eq!(nowhere.kind(), io::ErrorKind::NotFound);
    }
}
