//! Folders: made for their owner only, listed, and their names made durable.

use std::fs::{DirBuilder, File, FileType, OpenOptions};
use std::io;
use std::path::Path;

use super::{failed, names};
use crate::Error;

/// Makes the folder and those above it where they are missing; what is made is 0700 on Unix.
pub(super) fn create(folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    let missing: Vec<&Path> = folder.ancestors().take_while(|f| !f.is_dir()).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|e| failed("making", folder, e))?;
    // Each new name stands in the folder above it.
    missing
        .iter()
        .filter_map(|made| made.parent())
        .try_for_each(sync)
}

/// Files made with these options are 0600 on Unix.
pub(super) fn owner_only(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// Makes new and changed names in the folder durable. Only Unix has a way to ask for it.
pub(super) fn sync(folder: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let synced = File::open(folder).and_then(|opened| opened.sync_all());
        synced.map_err(|e| failed("syncing", folder, e))?;
    }
    Ok(())
}

/// The names in a folder that are text, and what they are names of; none when it is not there.
fn entries(folder: &Path) -> Result<Vec<(String, FileType)>, Error> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed("listing", folder, e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| failed("listing", folder, e))?;
        let kind = entry
            .file_type()
            .map_err(|e| failed("looking at", &entry.path(), e))?;
        found.extend(entry.file_name().into_string().map(|name| (name, kind)));
    }
    Ok(found)
}

/// The names in a folder that are text; none when it is not there.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, Error> {
    Ok(entries(folder)?.into_iter().map(|(name, _)| name).collect())
}

/// The numbers of the segments in a session's folder, ascending.
pub(super) fn segments(folder: &Path) -> Result<Vec<u32>, Error> {
    // A pipe of that name would hang whoever reads it; a link leads elsewhere.
    let mut segments: Vec<u32> = entries(folder)?
        .iter()
        .filter(|(_, kind)| kind.is_file())
        .filter_map(|(name, _)| names::segment_of(name))
        .collect();
    segments.sort_unstable();
    Ok(segments)
}
