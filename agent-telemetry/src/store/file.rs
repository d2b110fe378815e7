//! The file of a database, apart from what SQLite does with it.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

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

/// Where the write-ahead log of a database is, if there is one.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Moves a database, its log and its index to the first free name. The database goes first: a log that
/// stays behind belongs to no other file, and SQLite does not take it for one's own.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let beside = |path: &Path, ending: &str| -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        name.into()
    };
    let taken = |aside: &Path| {
        ["", "-wal", "-shm"]
            .iter()
            .any(|ending| beside(aside, ending).symlink_metadata().is_ok())
    };
    let aside = (1..=u32::MAX)
        .map(|number| beside(path, &format!(".aside-{number}")))
        .find(|aside| !taken(aside))
        .ok_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists))?;
    fs::rename(path, &aside)?;
    for ending in ["-wal", "-shm"] {
        match fs::rename(beside(path, ending), beside(&aside, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

/// An address that tells SQLite to read the file alone: no locks, no files beside it.
pub(super) fn immutable_address(path: &Path) -> io::Result<String> {
    use std::fmt::Write as _;
    let path = std::path::absolute(path)?;
    let mut address = "file://".to_owned();
    if !path.as_os_str().as_encoded_bytes().starts_with(b"/") {
        address.push('/');
    }
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'\\' if cfg!(windows) => address.push('/'),
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                address.push(char::from(byte));
            }
            _ => write!(address, "%{byte:02x}").map_err(io::Error::other)?,
        }
    }
    address.push_str("?immutable=1");
    Ok(address)
}

/// A statement is compiled once: SQLite would do it anew for each value bound to a range, to plan by it,
/// which takes longer than most of our statements run.
pub(super) fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map(drop)
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
