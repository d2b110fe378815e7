//! What in a folder is the store's own: nothing else is hidden, replaced or removed.

use std::path::Path;

use super::atomic_write::atomic_write;
use super::group::is_journal;
use super::lock::{NEXT, TURN};
use super::names::{is_unfinished, sealed_of, segment_of};
use super::share::FORKING;
use super::{LOCK, QUARANTINE, REMOVED, SESSIONS, folder, identity, is_numbered};
use crate::Error;
use crate::fs::FileSystem;

const IGNORE: &str = ".gitignore";

/// Keeps the store from git: the whole folder where all of it is the store's, otherwise the sessions alone. Makes
/// the folder of the sessions. For whoever has the store's lock.
pub(super) fn hide_from_git(files: &dyn FileSystem, root: &Path) -> Result<(), Error> {
    let names = folder::names(files, root)?;
    let sessions = root.join(SESSIONS);
    folder::check(files, &sessions)?;
    folder::create(files, &sessions)?;
    if is_all_own(&names) {
        return ignore(files, root, &names);
    }
    let inside = folder::names(files, &sessions)?;
    // A host may have had a folder of that name.
    if inside.is_empty() {
        ignore(files, &sessions, &inside)?;
    }
    Ok(())
}

fn ignore(files: &dyn FileSystem, folder: &Path, names: &[String]) -> Result<(), Error> {
    if names.iter().any(|name| name == IGNORE) {
        return Ok(());
    }
    atomic_write(files, &folder.join(IGNORE), b"*\n")
}

/// Whether a store's folder holds nothing but what a store puts there.
pub(super) fn is_all_own(names: &[String]) -> bool {
    names.iter().all(|name| {
        [LOCK, identity::NAME, SESSIONS, QUARANTINE, IGNORE].contains(&name.as_str())
            || is_numbered(name, REMOVED)
            || is_numbered(name, FORKING)
            || is_journal(name)
            || written_whole(name).is_some_and(|name| [identity::NAME, IGNORE].contains(&name))
    })
}

/// Whether a folder holds nothing but what a session's does.
pub(super) fn is_session(files: &dyn FileSystem, folder: &Path) -> Result<bool, Error> {
    let is_segment = |name: &str| segment_of(name).is_some() || sealed_of(name).is_some();
    Ok(!files.is_link(folder)
        && folder::names(files, folder)?.iter().all(|name| {
            [LOCK, TURN, NEXT, QUARANTINE].contains(&name.as_str())
                || is_segment(name)
                || is_unfinished(name)
                || written_whole(name).is_some_and(is_segment)
        }))
}

/// The file that one of this name was to become, where only writing a small file whole gives such a name.
fn written_whole(name: &str) -> Option<&str> {
    let (file, process) = name.strip_suffix(".tmp")?.rsplit_once('.')?;
    let is_number = !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(file)
}
