//! Replaces a small file whole or not at all. The only place that writes small files.

use std::path::Path;

use super::{failed, folder};
use crate::Error;
use crate::fs::{Access, FileSystem, write_all};

/// Writes beside `path`, syncs, renames over it, and syncs the folder.
pub(super) fn atomic_write(files: &dyn FileSystem, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let file = files.open(&temporary, Access::Replace);
    let file = file.map_err(|e| failed("making", &temporary, e))?;
    let written = write_all(&*file, 0, bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| files.rename(&temporary, path));
    drop(file);
    if let Err(error) = written {
        // Best effort: a file left behind is overwritten next time.
        let _ = files.remove_file(&temporary);
        return Err(failed("writing", path, error));
    }
    path.parent()
        .map_or(Ok(()), |folder| folder::sync(files, folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::OsFiles;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("FORMAT");
        atomic_write(&OsFiles, &path, b"one").unwrap();
        atomic_write(&OsFiles, &path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(
            atomic_write(&OsFiles, &folder.path().join("no/such"), b"")
                .unwrap_err()
                .is_unavailable()
        );
    }
}
