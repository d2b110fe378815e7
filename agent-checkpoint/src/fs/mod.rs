//! What the file store asks of a file system, so that the same code runs on a real one and on one that fails on demand.

mod brief;
mod os;
pub(crate) mod private_file;
#[cfg(test)]
pub(crate) mod sim;
#[cfg(test)]
pub(crate) mod stepped;

pub(crate) use brief::Brief;
pub(crate) use os::OsFiles;

use std::fmt;
use std::io;
use std::path::Path;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// To read; it must exist.
    Read,
    /// To read and write; it must exist.
    Write,
    /// To read and write; made where it is missing, and left as it is where it is not.
    Create,
    /// To read and write; it must not exist.
    CreateNew,
    /// To write; made where it is missing, and emptied where it is not.
    Replace,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File,
    Folder,
    /// A link, a pipe, or any other thing that is neither.
    Other,
}

/// What is known of a file without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) kind: EntryKind,
    /// Length in bytes.
    pub(crate) len: u64,
}

/// Something else than a plain file where one is to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Obstacle(pub(crate) &'static str);

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is {} and no file", self.0)
    }
}

impl std::error::Error for Obstacle {}

impl From<Obstacle> for io::Error {
    fn from(obstacle: Obstacle) -> Self {
        Self::new(io::ErrorKind::InvalidInput, obstacle)
    }
}

/// Files and folders. What is made belongs to its owner alone, where the system has such a notion.
pub(crate) trait FileSystem: fmt::Debug + Send + Sync {
    /// Opens a plain file: neither what a link at `path` leads to, nor anything that is no file.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn FileHandle>>;

    /// Makes a folder, and those above it that are missing. Their names are not durable yet.
    fn make_folders(&self, folder: &Path) -> io::Result<()>;

    /// The names in a folder that are text, and what they stand for, links not followed.
    fn list(&self, folder: &Path) -> io::Result<Vec<(String, EntryKind)>>;

    /// What lies at `path`, links followed.
    fn look(&self, path: &Path) -> io::Result<Facts>;

    /// Whether `path` is a symbolic link.
    fn is_link(&self, _path: &Path) -> bool {
        false
    }

    /// Who beside its owner may do what with it, as far as the system tells: the lower six bits of a Unix mode, and
    /// whether what lies in it belongs to whoever made it.
    fn others(&self, _path: &Path) -> io::Result<Others> {
        Ok(Others::default())
    }

    /// In one step: whatever has the new name is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// A second name for the same file.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;

    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder and all that it holds.
    fn remove_folders(&self, folder: &Path) -> io::Result<()>;

    /// Returns when new, changed and removed names in the folder are on the device.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Whether there is something at `path` for certain.
    fn exists(&self, path: &Path) -> bool {
        self.look(path).is_ok()
    }

    /// Whether there is nothing at `path` for certain: what may not be looked at need not be gone.
    fn is_gone(&self, path: &Path) -> bool {
        self.look(path).is_err_and(|error| is_absence(&error))
    }

    /// Whether there is a folder at `path`.
    fn is_folder(&self, path: &Path) -> bool {
        self.look(path)
            .is_ok_and(|facts| facts.kind == EntryKind::Folder)
    }
}

/// What others may do with a file or a folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Others {
    pub(crate) may_enter: bool,
    /// Whether they may put other files in the place of those that are there.
    pub(crate) may_replace: bool,
}

/// What others may have made of an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Length in bytes.
    pub(crate) len: u64,
    /// Whether it has a name still; without one it goes when it is closed.
    pub(crate) has_name: bool,
}

/// An open file. Dropping it gives its lock back. One thread at a time: not all systems read and write at an
/// offset without moving a place that the file has.
pub(crate) trait FileHandle: fmt::Debug + Send + Sync {
    /// Reads some bytes from `offset` on; how many, 0 at the end.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// Writes some of `bytes` at `offset`; how many.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    fn len(&self) -> io::Result<u64>;

    /// What became of the file since it was opened, at the cost of one call; `None` where the system cannot say.
    fn standing(&self) -> io::Result<Option<Standing>> {
        Ok(None)
    }

    /// Cuts the file, or makes it longer by zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Returns when what was written, and the length, are on the device.
    fn sync_data(&self) -> io::Result<()>;

    /// As [`sync_data`](Self::sync_data), with the file's times and rights.
    fn sync_all(&self) -> io::Result<()>;

    /// Takes the file's one lock; waits for it.
    fn lock(&self) -> io::Result<()>;

    /// Takes the file's one lock; `false` while another open file has it.
    fn try_lock(&self) -> io::Result<bool>;

    /// Gives the lock back, whoever else has the same open file.
    fn unlock(&self) -> io::Result<()>;

    /// Whether this file is what lies at `path`; not where nothing does.
    fn is_at(&self, path: &Path) -> io::Result<bool>;
}

/// Whether an operation failed for want of the thing that it was about.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// Writes all of `bytes` at `offset`.
pub(crate) fn write_all(
    file: &dyn FileHandle,
    mut offset: u64,
    mut bytes: &[u8],
) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(offset, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                offset = offset.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
                bytes = bytes.get(written..).unwrap_or_default();
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// At most `len` bytes of a file from `offset` on; fewer where it ends.
pub(crate) fn read_part(
    files: &dyn FileSystem,
    path: &Path,
    offset: u64,
    len: usize,
) -> io::Result<Vec<u8>> {
    let file = files.open(path, Access::Read)?;
    let there = file.len()?.saturating_sub(offset);
    let mut bytes = vec![0; usize::try_from(there).unwrap_or(usize::MAX).min(len)];
    let mut filled = 0;
    while filled < bytes.len() {
        let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        match file.read_at(at, bytes.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The bytes of a file; at most one more than `max`, which tells that it is longer.
pub(crate) fn read_bounded(files: &dyn FileSystem, path: &Path, max: usize) -> io::Result<Vec<u8>> {
    /// Read at once where the file is longer than it said, in bytes.
    const STEP: usize = 8 << 10;
    let file = files.open(path, Access::Read)?;
    let max = max.saturating_add(1);
    let len = usize::try_from(file.len()?).unwrap_or(usize::MAX).min(max);
    // The one byte more finds the end without a second allocation.
    let mut bytes = vec![0; len.saturating_add(1).min(max)];
    let mut filled = 0;
    while filled < max {
        if filled == bytes.len() {
            bytes.resize(filled.saturating_add(STEP).min(max), 0);
        }
        let offset = u64::try_from(filled).unwrap_or(u64::MAX);
        match file.read_at(offset, bytes.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_or_to_one_byte_behind_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let content: Vec<u8> = (0..30_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        std::fs::write(&path, &content).unwrap();
        for max in [0, 1, 29_998, 29_999, 30_000, 30_001, usize::MAX] {
            let read = read_bounded(&OsFiles, &path, max).unwrap();
            let len = content.len().min(max.saturating_add(1));
            assert_eq!(read, content[..len], "{max}");
        }
        let missing = read_bounded(&OsFiles, &folder.path().join("b"), 1).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
