//! A package at a path: written whole or not at all, for its owner only.

use std::fs::File;
use std::io;
use std::path::Path;

use super::error::Kind;
use super::{Package, PackageError};
use crate::fs::{Access, FileSystem, OsFiles, write_all};

impl Package {
    /// Writes the package to a file, as [`to_writer`](Self::to_writer) does: whole or not at all, on the device
    /// when this returns, for its owner only (0600 on Unix). Replaces what was there, a link included.
    ///
    /// ```
    /// use agent_checkpoint::handoff::{EXTENSION, Link, Package};
    /// use agent_primitives::{SessionId, Timestamp};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join(format!("s1.{EXTENSION}"));
    /// let package = Package::new(Link::new(SessionId::new("s1")?, Timestamp::UNIX_EPOCH));
    /// package.write_file(&path)?;
    /// assert_eq!(Package::read_file(&path)?, package);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`to_writer`](Self::to_writer); what was there stays then.
    pub fn write_file(&self, path: impl AsRef<Path>) -> Result<(), PackageError> {
        let path = path.as_ref();
        let bytes = self.to_vec()?;
        replace(path, &bytes).map_err(|source| {
            let what = format!("writing {}", path.display());
            Kind::Unavailable { what, source }.into()
        })
    }

    /// Reads a package from a file, as [`from_reader`](Self::from_reader) does.
    ///
    /// # Errors
    /// As [`from_reader`](Self::from_reader).
    pub fn read_file(path: impl AsRef<Path>) -> Result<Self, PackageError> {
        let path = path.as_ref();
        let file = open(path).map_err(|source| Kind::Unavailable {
            what: format!("reading {}", path.display()),
            source,
        })?;
        Self::from_reader(file)
    }
}

fn open(path: &Path) -> io::Result<File> {
    // A pipe would be waited for, and a folder reads as nothing.
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    }
    File::open(path)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut temporary = name.to_os_string();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    // Left by a process that was killed, or put there by somebody, with rights of its own.
    match OsFiles.remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = OsFiles.open(&temporary, Access::CreateNew)?;
    let written = write_all(&*file, 0, bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| OsFiles.rename(&temporary, path));
    drop(file);
    if written.is_err() {
        // Best effort: it is removed by the next write.
        let _ = OsFiles.remove_file(&temporary);
    }
    written?;
    OsFiles.sync_folder(folder.unwrap_or(Path::new(".")))
}
