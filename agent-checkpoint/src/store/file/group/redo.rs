//! Writes what a journal holds into the segments where it belongs.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use agent_primitives::SessionId;

use super::journal::{journals, records};
use super::record::{Record, seed};
use crate::format::SEGMENT_MAX;
use crate::format::frame::Found;
use crate::format::segment::{Place, Start};
use crate::fs::{Access, FileHandle, FileSystem, read_part, write_all};
use crate::store::file::lock::Quiet;
use crate::store::file::names::{folder_name, segment_name};
use crate::store::file::{SESSIONS, failed};
use crate::{Error, StoreId};

/// The start of a segment that holds its header, in bytes.
const HEADER_MAX: usize = 4 << 10;

/// Gives a session's segments the bytes that a journal has of them, and returns when they are on the device.
/// Whoever calls it has the session's lock.
///
/// The records are applied whether or not the segments hold the bytes already: after a failed sync the
/// system may show what the device does not have. It does no harm at any later time: what a segment holds at
/// a place never changes but by being lost, unless a later segment takes it back.
pub(in crate::store::file) fn redo(
    files: &dyn FileSystem,
    root: &Path,
    folder: &Path,
    (store, session): (StoreId, &SessionId),
) -> Result<(), Error> {
    let mut found = Vec::new();
    let all = journals(files, root).map_err(|e| failed("listing", root, e))?;
    for path in all {
        let read = records(files, &path, seed(store), |record| {
            if record.session == *session {
                found.push(record);
            }
        });
        read.map_err(|e| failed("reading", &path, e))?;
    }
    // Each of them begins where an earlier one ends, or where the segment did.
    found.sort_by_key(|record| (record.segment, record.offset));
    for records in found.chunk_by(|a, b| a.segment == b.segment) {
        let segment = records.first().map_or(0, |record| record.segment);
        let path = folder.join(segment_name(segment));
        let place = Place {
            store,
            session,
            segment,
        };
        match apply(files, &path, &place, records) {
            // Sealed, or removed with its session.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            applied => applied.map_err(|e| failed("writing", &path, e))?,
        }
    }
    Ok(())
}

fn apply(
    files: &dyn FileSystem,
    path: &Path,
    place: &Place<'_>,
    records: &[Record],
) -> io::Result<()> {
    let header = read_part(files, path, 0, HEADER_MAX)?;
    let Ok(Start::Good(opening, start)) = place.check(&header) else {
        return Ok(());
    };
    let start = u64::try_from(start).unwrap_or(u64::MAX);
    let mut open: Option<Box<dyn FileHandle>> = None;
    for record in records {
        let len = files.look(path)?.len;
        if record.epoch != opening.epoch || record.offset < start || record.offset > len {
            continue;
        }
        let there = read_part(files, path, record.offset, SEGMENT_MAX)?;
        if holds_others(&there, &record.bytes, place.seed()) {
            continue;
        }
        let file = match open {
            Some(file) => file,
            None => files.open(path, Access::Write)?,
        };
        write_all(&*file, record.offset, &record.bytes)?;
        open = Some(file);
    }
    open.map_or(Ok(()), |file| file.sync_all())
}

/// Whether a whole frame lies where another one belongs. A part of those that belong there may well be whole.
fn holds_others(there: &[u8], bytes: &[u8], seed: u32) -> bool {
    let mut at = 0_usize;
    let frames = |bytes: &[u8], at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        Found::read(rest, seed).ok().map(|found| {
            let frame = rest.get(..found.len()).unwrap_or_default();
            frame.to_vec()
        })
    };
    while let Some(mine) = frames(bytes, at) {
        if frames(there, at).is_some_and(|other| other != mine) {
            return true;
        }
        at = at.saturating_add(mine.len());
    }
    false
}

/// Empties the journals of processes that are gone, where nobody has the sessions they are about.
pub(in crate::store::file) fn settle(files: &dyn FileSystem, root: &Path, store: StoreId) {
    for path in journals(files, root).unwrap_or_default() {
        if let Err(error) = settle_one(files, root, store, &path) {
            // Whoever opens such a session does it for that one.
            tracing::warn!(path = %path.display(), %error, "a journal could not be settled");
        }
    }
}

fn settle_one(
    files: &dyn FileSystem,
    root: &Path,
    store: StoreId,
    path: &Path,
) -> Result<(), Error> {
    let doing = |e| failed("settling", path, e);
    let journal = files.open(path, Access::Write).map_err(doing)?;
    if !journal.try_lock().map_err(doing)? {
        return Ok(());
    }
    let mut sessions = BTreeSet::new();
    records(files, path, seed(store), |record| {
        sessions.insert(record.session);
    })
    .map_err(doing)?;
    let mut is_settled = true;
    for session in sessions {
        let folder = root.join(SESSIONS).join(folder_name(&session)?);
        if files.is_gone(&folder) {
            continue;
        }
        match Quiet::take(files, &folder)? {
            Some(_held) => redo(files, root, &folder, (store, &session))?,
            None => is_settled = false,
        }
    }
    if is_settled {
        files.remove_file(path).map_err(doing)?;
    }
    Ok(())
}
