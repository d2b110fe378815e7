//! Writes what a journal holds into the segments where it belongs.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::Path;

use agent_primitives::SessionId;

use super::journal::{journals, records};
use super::record::{Record, seed};
use crate::format::SEGMENT_MAX;
use crate::format::frame::Found;
use crate::format::segment::{Place, Start};
use crate::fs::{Access, Brief, FileHandle, FileSystem, read_bounded, write_all};
use crate::log::scan::scan;
use crate::store::file::lock::Quiet;
use crate::store::file::names::{folder_name, segment_name};
use crate::store::file::{SESSIONS, failed};
use crate::{Error, StoreId};

/// Gives a session's segments the bytes that a journal has of them, and returns when they are on the device.
/// Whoever calls it has the session's lock.
///
/// The records are applied whether or not the segments hold the bytes already: after a failed sync the
/// system may show what the device does not have. It does no harm at any later time: what a segment holds at
/// a place never changes but by being lost, unless a later segment takes it back. That is so for what a writer
/// brings that has just lost the session as well: whoever took over begins a segment before it does anything else.
pub(in crate::store::file) fn redo(
    files: &dyn FileSystem,
    root: &Path,
    folder: &Path,
    (store, session): (StoreId, &SessionId),
) -> Result<(), Error> {
    let mut found = Vec::new();
    each_of(files, root, (store, session), |record| found.push(record))?;
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

/// The records of a session in all journals.
fn each_of(
    files: &dyn FileSystem,
    root: &Path,
    (store, session): (StoreId, &SessionId),
    mut each: impl FnMut(Record),
) -> Result<(), Error> {
    let all = journals(files, root).map_err(|e| failed("listing", root, e))?;
    for path in all {
        let read = records(files, &path, seed(store), |record| {
            if record.session == *session {
                each(record);
            }
        });
        match read {
            // Where a lock keeps others from reading, whoever holds it is alive, and so is what it wrote.
            Err(_) if cfg!(windows) && !is_free(files, &path) => {}
            read => read.map_err(|e| failed("reading", &path, e))?,
        }
    }
    Ok(())
}

/// An epoch that no journal has a record of, for a session that begins: whatever the clock says, what is left of a
/// removed one of its name is not taken for its own.
pub(in crate::store::file) fn beyond(
    files: &dyn FileSystem,
    root: &Path,
    (store, session): (StoreId, &SessionId),
) -> Result<u64, Error> {
    let mut beyond = 0;
    each_of(files, root, (store, session), |record| {
        beyond = record.epoch.saturating_add(1).max(beyond);
    })?;
    Ok(beyond)
}

fn is_free(files: &dyn FileSystem, journal: &Path) -> bool {
    let file = files.open(journal, Access::Write).map(Brief);
    file.and_then(|file| file.try_lock()).unwrap_or(true)
}

fn apply(
    files: &dyn FileSystem,
    path: &Path,
    place: &Place<'_>,
    records: &[Record],
) -> io::Result<()> {
    let mut bytes = read_bounded(files, path, SEGMENT_MAX)?;
    let Ok(Start::Good(opening, start)) = place.check(&bytes) else {
        return Ok(());
    };
    if bytes.len() > SEGMENT_MAX {
        return Ok(());
    }
    let mut frames: Vec<Range<usize>> = scan(&bytes, start, place.seed())
        .frames
        .iter()
        .map(|(at, frame)| *at..at.saturating_add(frame.len()))
        .collect();
    let mut open: Option<Box<dyn FileHandle>> = None;
    for record in records {
        let at = usize::try_from(record.offset).unwrap_or(usize::MAX);
        let range = at..at.saturating_add(record.bytes.len());
        let fits = start <= at && at <= bytes.len() && range.end <= SEGMENT_MAX;
        if record.epoch != opening.epoch || !fits || overlays(&frames, &bytes, &range, record) {
            continue;
        }
        let file = match open {
            Some(file) => file,
            None => files.open(path, Access::Write)?,
        };
        write_all(&*file, record.offset, &record.bytes)?;
        open = Some(file);
        if bytes.len() < range.end {
            bytes.resize(range.end, 0);
        }
        if let Some(there) = bytes.get_mut(range.clone()) {
            there.copy_from_slice(&record.bytes);
        }
        let mut at = range.start;
        while let Some(Ok(frame)) = bytes
            .get(at..range.end)
            .map(|b| Found::read(b, place.seed()))
        {
            let end = at.saturating_add(frame.len());
            frames.push(at..end);
            at = end;
        }
    }
    open.map_or(Ok(()), |file| file.sync_all())
}

/// Whether a whole frame lies where the record has other bytes, or reaches beyond it. What a later writer put there
/// counts then. A part of those that belong there may well be whole.
fn overlays(frames: &[Range<usize>], bytes: &[u8], range: &Range<usize>, record: &Record) -> bool {
    let mut touched = frames
        .iter()
        .filter(|frame| frame.start < range.end && range.start < frame.end);
    touched.any(|frame| {
        let from = frame.start.checked_sub(range.start);
        let to = frame.end.saturating_sub(range.start);
        let mine = from.and_then(|from| record.bytes.get(from..to));
        mine.is_none() || mine != bytes.get(frame.clone())
    })
}

/// Empties the journals of processes that are gone, where nobody has the sessions they are about. `own` is one that the
/// caller has, and to which it gave all that is its own.
pub(in crate::store::file) fn settle(
    files: &dyn FileSystem,
    root: &Path,
    store: StoreId,
    own: Option<&SessionId>,
) {
    for path in journals(files, root).unwrap_or_default() {
        if let Err(error) = settle_one(files, root, (store, own), &path) {
            // Whoever opens such a session does it for that one.
            tracing::warn!(path = %path.display(), %error, "a journal could not be settled");
        }
    }
}

fn settle_one(
    files: &dyn FileSystem,
    root: &Path,
    (store, own): (StoreId, Option<&SessionId>),
    path: &Path,
) -> Result<(), Error> {
    let doing = |e| failed("settling", path, e);
    let journal = files.open(path, Access::Write).map_err(doing)?;
    let journal = Brief(journal);
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
        if own == Some(&session) || files.is_gone(&folder) {
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
