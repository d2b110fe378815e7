//! The FORMAT file: which store this is, and which version made it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ownership::is_all_own;
use super::{QUARANTINE, SESSIONS, atomic_write::atomic_write, failed, folder, sealed};
use crate::format::segment::store_of;
use crate::format::{MAJOR, MINOR};
use crate::fs::{FileSystem, read_bounded};
use crate::{Error, StoreId};

pub(super) const NAME: &str = "FORMAT";
/// Longest FORMAT file that is looked at, in bytes.
const LEN_MAX: usize = 64 << 10;
/// Enough of a segment to read its header, in bytes.
const HEADER_MAX: usize = 4 << 10;

#[derive(Debug, Serialize, Deserialize)]
struct Format {
    #[serde(rename = "format")]
    name: String,
    major: u16,
    minor: u16,
    store: String,
    /// CRC-32C of the fields above, as 8 hex digits: one wrong digit in the id would make every
    /// segment look like another store's.
    sum: String,
}

impl Format {
    fn of(store: StoreId) -> Self {
        let name = "agent-checkpoint".to_owned();
        let mut made = Self {
            name,
            major: MAJOR,
            minor: MINOR,
            store: store.to_string(),
            sum: String::new(),
        };
        made.sum = made.right_sum();
        made
    }

    fn right_sum(&self) -> String {
        let Self {
            name,
            major,
            minor,
            store,
            sum: _,
        } = self;
        format!(
            "{:08x}",
            crc32c::crc32c(format!("{name} {major}.{minor} {store}").as_bytes())
        )
    }

    fn read(bytes: &[u8]) -> Option<(u16, StoreId)> {
        let format: Self = serde_json::from_slice(bytes).ok()?;
        let is_sound = format.sum == format.right_sum();
        StoreId::parse(&format.store)
            .filter(|_| is_sound)
            .map(|store| (format.major, store))
    }
}

/// The store's id. A FORMAT file that is lost or damaged is made again from what the segments say; the
/// damaged one is kept in quarantine.
///
/// A store that is to be `wanted` is made with that id, and refused when it has another.
pub(super) fn read_or_make(
    files: &dyn FileSystem,
    root: &Path,
    wanted: Option<StoreId>,
) -> Result<StoreId, Error> {
    let is_other = |store: &StoreId| wanted.is_some_and(|wanted| wanted != *store);
    let foreign = |store: StoreId| {
        Error::foreign(
            format!("the folder {}", root.display()),
            format!("store {store}"),
        )
    };
    let path = root.join(NAME);
    let found = match read_bounded(files, &path, LEN_MAX) {
        Ok(bytes) => Some(bytes),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(failed("reading", &path, e)),
    };
    let mut store = None;
    if let Some(bytes) = &found {
        match Format::read(bytes) {
            Some((major, _)) if major > MAJOR => {
                return Err(Error::newer(format!("the store in {}", root.display())));
            }
            Some((_, store)) if is_other(&store) => return Err(foreign(store)),
            Some((_, store)) => return Ok(store),
            None => {
                store = from_segments(files, root)?;
                // Without a segment that tells whose it is, beside files of a host it is the host's.
                if store.is_none() && !is_all_own(&folder::names(files, root)?) {
                    let what = path.display().to_string();
                    return Err(Error::obstructed(what, "of another program", "a file"));
                }
                tracing::warn!(path = %path.display(), "FORMAT file was damaged");
                let quarantine = root.join(QUARANTINE);
                folder::check(files, &quarantine)?;
                folder::create(files, &quarantine)?;
                let copy = format!(
                    "FORMAT-{}.bad",
                    &blake3::hash(bytes).to_hex().as_str()[..16]
                );
                atomic_write(files, &quarantine.join(copy), bytes)?;
            }
        }
    }
    if store.is_none() {
        store = from_segments(files, root)?;
    }
    if let Some(store) = store.filter(is_other) {
        return Err(foreign(store));
    }
    let store = store.or(wanted).unwrap_or_else(StoreId::fresh);
    let text = serde_json::to_string(&Format::of(store))
        .map_err(|e| Error::encode("the FORMAT file", e))?;
    atomic_write(files, &path, format!("{text}\n").as_bytes())?;
    Ok(store)
}

fn from_segments(files: &dyn FileSystem, root: &Path) -> Result<Option<StoreId>, Error> {
    let sessions = root.join(SESSIONS);
    for session in folder::names(files, &sessions)? {
        let folder = sessions.join(&session);
        // What a link leads to is not the store's.
        if files.is_link(&folder) {
            continue;
        }
        for segment in folder::segments(files, &folder)? {
            let looked = sealed::look(files, &folder, segment);
            let (path, _) = looked.map_err(|e| failed("looking into", &folder, e))?;
            let bytes =
                read_bounded(files, &path, HEADER_MAX).map_err(|e| failed("reading", &path, e))?;
            if let Some(store) = store_of(&bytes) {
                return Ok(Some(store));
            }
        }
    }
    Ok(None)
}
