//! The file of a database, apart from what SQLite does with it.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

/// Which file a path leads to, so that it is noticed when it leads to another one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileIdentity {
    /// Device and inode. Elsewhere an open file cannot be removed.
    #[cfg(unix)]
    numbers: (u64, u64),
}

impl FileIdentity {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        #[cfg(not(unix))]
        drop(metadata);
        Ok(Self {
            #[cfg(unix)]
            numbers: {
                use std::os::unix::fs::MetadataExt;
                (metadata.dev(), metadata.ino())
            },
        })
    }
}

/// SQLite gives its side files the mode of the database, so that the first file decides.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
