//! A package at a path: written whole or not at all, for its owner only.

use std::fs::File;
use std::io;
use std::path::Path;

use super::error::Kind;
use super::{Package, PackageError};
use crate::fs::private_file::replace;

impl Package {
    /// Writes the package to a file, as [`to_writer`](Self::to_writer) does: whole or not at all, on the device
    /// when this returns, for its owner only (0600 on Unix). Replaces what was there, a link included. Of several who
    /// write at once one is the last, and the file is all of its. A process that is killed meanwhile may leave a file
    /// beside it whose name ends with `.tmp`.
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
