//! Folders: made for their owner only, listed, and their names made durable.

use std::io;
use std::path::Path;

use super::{failed, names};
use crate::Error;
use crate::fs::{EntryKind, FileSystem, is_absence};

const FOLDER: &str = "a folder";

/// Makes the folder and those above it where they are missing, and their names durable.
pub(super) fn create(files: &dyn FileSystem, folder: &Path) -> Result<(), Error> {
    if files.is_folder(folder) {
        return Ok(());
    }
    let above = folder.ancestors();
    let missing: Vec<&Path> = above.take_while(|f| !files.is_folder(f)).collect();
    if let Err(error) = files.make_folders(folder) {
        // The nearest that is there is what keeps the others from being made.
        return Err(
            match missing
                .iter()
                .find(|at| files.exists(at) && !files.is_folder(at))
            {
                Some(file) => Error::obstructed(file.display().to_string(), "no folder", FOLDER),
                None => failed("making", folder, error),
            },
        );
    }
    // Each new name stands in the folder above it.
    missing
        .iter()
        .filter_map(|made| made.parent())
        .try_for_each(|folder| sync(files, folder))
}

/// Fails where a link stands for a folder that the store makes itself: what it leads to is not the store's.
pub(super) fn check(files: &dyn FileSystem, folder: &Path) -> Result<(), Error> {
    if files.is_link(folder) {
        let what = folder.display().to_string();
        return Err(Error::obstructed(what, "a symbolic link", FOLDER));
    }
    Ok(())
}

/// Makes new and changed names in the folder durable.
pub(super) fn sync(files: &dyn FileSystem, folder: &Path) -> Result<(), Error> {
    files
        .sync_folder(folder)
        .map_err(|e| failed("syncing", folder, e))
}

/// The names in a folder that are text, and what they are names of; none when it is not there, or a stray
/// file is.
pub(super) fn entries(
    files: &dyn FileSystem,
    folder: &Path,
) -> Result<Vec<(String, EntryKind)>, Error> {
    match files.list(folder) {
        Err(e) if is_absence(&e) || e.kind() == io::ErrorKind::NotADirectory => Ok(Vec::new()),
        listed => listed.map_err(|e| failed("listing", folder, e)),
    }
}

/// The names in a folder that are text; none when it is not there.
pub(super) fn names(files: &dyn FileSystem, folder: &Path) -> Result<Vec<String>, Error> {
    let entries = entries(files, folder)?;
    Ok(entries.into_iter().map(|(name, _)| name).collect())
}

/// The numbers of the segments in a session's folder, ascending.
///
/// # Errors
/// Something else is where the first segment is missing: the log would seem to end there, or to be empty.
pub(super) fn segments(files: &dyn FileSystem, folder: &Path) -> Result<Vec<u32>, Error> {
    let entries = entries(files, folder)?;
    let numbered = entries.iter().filter_map(|(name, kind)| {
        let number = names::segment_of(name).or_else(|| names::sealed_of(name))?;
        Some((number, name, *kind))
    });
    // A pipe of that name would hang whoever reads it; a link leads elsewhere.
    let (plain, other): (Vec<_>, Vec<_>) =
        numbered.partition(|(.., kind)| *kind == EntryKind::File);
    let mut segments: Vec<u32> = plain.into_iter().map(|(number, ..)| number).collect();
    segments.sort_unstable();
    // Both files are there after an interrupted sealing.
    segments.dedup();
    let next = segments
        .iter()
        .zip(1..)
        .take_while(|(is, due)| **is == *due);
    let next = u32::try_from(next.count())
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    match other.into_iter().find(|(number, ..)| *number == next) {
        Some((_, name, _)) => {
            let at = folder.join(name);
            let found = if files.is_link(&at) {
                "a symbolic link"
            } else {
                "no file"
            };
            Err(Error::obstructed(at.display().to_string(), found, "a file"))
        }
        None => Ok(segments),
    }
}
