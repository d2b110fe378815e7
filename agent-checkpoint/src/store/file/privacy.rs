//! Whether others on the machine can reach a store.

use std::path::Path;

use super::{SESSIONS, failed};
use crate::Error;
use crate::fs::FileSystem;

/// Others may look into the store's folder where it is a host's, and find the sessions closed; they must not be able
/// to put a folder of theirs in the place of it.
pub(super) fn is_private(files: &dyn FileSystem, root: &Path) -> Result<bool, Error> {
    let others = |path: &Path| {
        let asked = files.others(path);
        asked.map_err(|e| failed("looking at the rights of", path, e))
    };
    let sessions = root.join(SESSIONS);
    let is_open = files.is_folder(&sessions) && others(&sessions)?.may_enter;
    Ok(!is_open && !others(root)?.may_replace)
}
