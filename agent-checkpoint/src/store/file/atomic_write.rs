//! Replaces a small file whole or not at all. The only place that writes small files.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use super::{failed, folder};
use crate::Error;

/// Writes beside `path`, syncs, renames over it, and syncs the folder.
pub(super) fn atomic_write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    folder::owner_only(&mut options);
    let written = options.open(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    });
    if let Err(error) = written {
        // Best effort: a file left behind is overwritten next time.
        let _ = std::fs::remove_file(&temporary);
        return Err(failed("writing", path, error));
    }
    path.parent().map_or(Ok(()), folder::sync)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("FORMAT");
        atomic_write(&path, b"one").unwrap();
        atomic_write(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(
            atomic_write(&folder.path().join("no/such"), b"")
                .unwrap_err()
                .is_unavailable()
        );
    }
}
