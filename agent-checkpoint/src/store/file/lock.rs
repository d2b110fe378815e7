//! A session's lock file: claimed, checked at each append, renewed, and taken over.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use agent_primitives::{SessionId, Timestamp};

use super::atomic_write::atomic_write;
use super::lease::{OWNER_AT, RECORD_LEN, SUCCESSOR_AT, decode, encode};
use super::names::segment_name;
use super::{LOCK, failed, folder};
use crate::format::SEGMENT_MAX;
use crate::fs::{Access, Brief, FileHandle, FileSystem, is_absence, read_bounded, write_all};
use crate::store::claim::{Found, Record, Stage, Verdict, decide};
use crate::store::claimant;
use crate::{Claim, Error, Tenure};

/// Locked while a claim is decided and carried out.
pub(super) const TURN: &str = "claim";
/// A lock file that is not yet in its place.
pub(super) const NEXT: &str = "lock.next";
const TRIES: usize = 64;
/// A record that is renewed while it is read may look damaged.
const READS: usize = 8;

/// Ownership of one session.
#[derive(Debug)]
pub(super) struct Lock {
    session: SessionId,
    record: Record,
    claim: Claim,
    is_takeover: bool,
    /// Closing it gives the system's lock back. One thread at a time reads or writes it.
    file: Arc<Mutex<Box<dyn FileHandle>>>,
}

/// Whether a session is still somebody's, asked from another thread than the owner's.
#[derive(Debug)]
pub(super) struct Right {
    session: SessionId,
    path: PathBuf,
    // The owner's lock must not outlive the owner.
    file: Weak<Mutex<Box<dyn FileHandle>>>,
}

impl Right {
    /// As [`Lock::check`]; besides, the session's folder must be the one that was claimed.
    pub(super) fn check(&self) -> Result<(), Error> {
        let gone = || Error::fenced(self.session.clone(), None);
        let file = self.file.upgrade().ok_or_else(gone)?;
        let file = held(&file);
        check(&**file, &self.session)?;
        let is_at = file.is_at(&self.path);
        if is_at.map_err(|e| failed("looking at", &self.path, e))? {
            Ok(())
        } else {
            Err(gone())
        }
    }
}

fn held(file: &Mutex<Box<dyn FileHandle>>) -> MutexGuard<'_, Box<dyn FileHandle>> {
    // Each use is whole in itself.
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fails where somebody took the session over from the one who has `file` open.
fn check(file: &dyn FileHandle, session: &SessionId) -> Result<(), Error> {
    let mut mark = [0; RECORD_LEN];
    let read = read(file, SUCCESSOR_AT, &mut mark);
    read.map_err(|e| Error::unavailable(format!("reading the lock file of session {session}"), e))?;
    if mark == [0; RECORD_LEN] {
        return Ok(());
    }
    let successor = look_for_record(file, SUCCESSOR_AT);
    let owner = successor.map(|record| record.owner);
    Err(Error::fenced(session.clone(), owner))
}

/// One claimant's turn. While it lasts no other claim of the session, and no removal, gets any further.
#[derive(Debug)]
pub(super) struct Turn {
    _file: Brief,
}

/// A session without an owner, kept so.
#[derive(Debug)]
pub(super) struct Quiet {
    _turn: Brief,
    _lock: Brief,
}

impl Quiet {
    /// `None` where somebody has the session or asks for it, or where that cannot be told.
    pub(super) fn take(files: &dyn FileSystem, folder: &Path) -> Result<Option<Self>, Error> {
        let take = |name: &str| {
            let path = folder.join(name);
            let taken = files.open(&path, Access::Write).map(Brief);
            let taken = taken.and_then(|file| {
                let is_taken = file.try_lock()? && file.is_at(&path)?;
                Ok(is_taken.then_some(file))
            });
            match taken {
                Err(e) if is_absence(&e) => Ok(None),
                taken => taken.map_err(|e| failed("locking", &path, e)),
            }
        };
        let turn = take(TURN)?;
        let lock = take(LOCK)?;
        Ok(turn.zip(lock).map(|(turn, lock)| Self {
            _turn: turn,
            _lock: lock,
        }))
    }
}

impl Lock {
    /// Claims the session, whose folder is made where there is none. One that begins has at least the epoch that
    /// `least` tells.
    pub(super) fn claim(
        files: &dyn FileSystem,
        folder: &Path,
        (session, claim): (&SessionId, &Claim),
        least: impl Fn() -> Result<u64, Error>,
    ) -> Result<(Self, Turn), Error> {
        let held = || Error::locked(session.clone());
        // Each turn is lost to a removal that finished meanwhile.
        for _ in 0..TRIES {
            folder::check(files, folder)?;
            folder::create(files, folder)?;
            let open = |name: &str| {
                let path = folder.join(name);
                match files.open(&path, Access::Create) {
                    Ok(file) => Ok(Some((file, path))),
                    Err(_) if files.is_gone(folder) => Ok(None),
                    Err(e) => Err(failed("opening", &path, e)),
                }
            };
            let Some((turn, turn_path)) = open(TURN)? else {
                continue;
            };
            let turn = Brief(turn);
            if !turn
                .try_lock()
                .map_err(|e| failed("locking", &turn_path, e))?
            {
                return Err(held());
            }
            let Some((file, path)) = open(LOCK)? else {
                continue;
            };
            let is_free = file.try_lock().map_err(|e| failed("locking", &path, e))?;
            // The folder was removed between opening and locking; these locks keep nobody out.
            let is_at = |file: &dyn FileHandle, path: &Path| {
                file.is_at(path).map_err(|e| failed("locking", path, e))
            };
            if !is_at(&*turn, &turn_path)? || !is_at(&*file, &path)? {
                continue;
            }
            let found = Found {
                is_free,
                ..look(&*file)
            };
            // Whoever made the folder may have failed or died before its name was on the device. A record tells
            // that somebody came past this line since.
            if let (None, Some(above)) = (&found.record, folder.parent()) {
                folder::sync(files, above)?;
            }
            let mut record = claimant::record(claim);
            let tenure = match decide(&found, &record, claim) {
                Verdict::Take(tenure) if found.record.is_none() => first(tenure, claim, least()?),
                Verdict::Take(tenure) => tenure,
                Verdict::Refuse(Some(owner)) => {
                    return Err(Error::locked_by(session.clone(), owner));
                }
                Verdict::Refuse(None) => return Err(held()),
            };
            record.owner.epoch = tenure.epoch;
            let mut lock = Self {
                session: session.clone(),
                record,
                claim: *claim,
                is_takeover: tenure.is_takeover,
                file: Arc::new(Mutex::new(file)),
            };
            if tenure.is_takeover {
                lock.supersede(files, folder)?;
            } else {
                lock.begin().map_err(|e| failed("writing", &path, e))?;
            }
            return Ok((lock, Turn { _file: turn }));
        }
        Err(held())
    }

    /// Ends the tenure of whoever holds the lock file, and puts a new one in its place.
    ///
    /// The order matters. Once the mark is written, the earlier owner acknowledges nothing more; so the copy of
    /// its last segment, made after that, holds all that it ever acknowledged. The copy takes the
    /// segment's name, and a write or cut that the earlier owner has under way goes to a file that nobody
    /// reads. Where this ends on the way, the next claim finds the mark or the stage, and begins again.
    fn supersede(&mut self, files: &dyn FileSystem, folder: &Path) -> Result<(), Error> {
        let (path, next) = (folder.join(LOCK), folder.join(NEXT));
        self.record.stage = Stage::Taking;
        write_all(&**held(&self.file), SUCCESSOR_AT, &encode(&self.record))
            .map_err(|e| failed("writing", &path, e))?;
        // Left by one who was interrupted here.
        let _ = files.remove_file(&next);
        let made = files.open(&next, Access::CreateNew).and_then(|file| {
            let is_locked = file.try_lock()?;
            begin(&*file, &self.record)?;
            Ok((file, is_locked))
        });
        let (file, is_locked) = made.map_err(|e| failed("making", &next, e))?;
        if !is_locked {
            return Err(Error::locked(self.session.clone()));
        }
        files
            .rename(&next, &path)
            .map_err(|e| failed("replacing", &path, e))?;
        self.file = Arc::new(Mutex::new(file));
        if let Some(last) = folder::segments(files, folder)?.last() {
            own(files, &folder.join(segment_name(*last)))?;
        }
        let owner = &self.record.owner;
        tracing::warn!(session = %self.session, %owner, "session taken over");
        Ok(())
    }

    pub(super) const fn tenure(&self) -> Tenure {
        Tenure {
            epoch: self.record.owner.epoch,
            is_takeover: self.is_takeover,
        }
    }

    /// For those who act for this owner on other threads.
    pub(super) fn right(&self, folder: &Path) -> Right {
        Right {
            session: self.session.clone(),
            path: folder.join(LOCK),
            file: Arc::downgrade(&self.file),
        }
    }

    /// Whether the session is still this owner's: one read of the open file, no look at its path.
    pub(super) fn check(&self) -> Result<(), Error> {
        check(&**held(&self.file), &self.session)
    }

    /// As [`check`](Self::check), for what is written already: where it fails, what lies on disk is unknown.
    pub(super) fn confirm(&self) -> Result<(), Error> {
        self.check().map_err(|error| {
            if error.is_fenced() {
                return error;
            }
            tracing::error!(%error, "ownership is unknown; the session must be opened again");
            Error::poisoned()
        })
    }

    pub(super) fn renew(&mut self, now: Timestamp) -> Result<(), Error> {
        self.check()?;
        self.record.renew(&self.claim, now);
        self.note();
        Ok(())
    }

    pub(super) fn outrank(&mut self, epoch: u64) -> Result<(), Error> {
        self.check()?;
        let owner = &mut self.record.owner;
        owner.epoch = owner.epoch.max(epoch.saturating_add(1));
        self.note();
        Ok(())
    }

    /// The log goes on in a segment of this owner's.
    pub(super) fn settle(&mut self) {
        if self.record.stage == Stage::Taking {
            self.record.stage = Stage::Held;
            self.note();
        }
    }

    /// Tells whoever comes next that nothing is under way any more.
    pub(super) fn release(&mut self) {
        if self.record.stage == Stage::Held {
            self.record.stage = Stage::Released;
            self.note();
        }
    }

    /// The record informs and decides about leases; that it could not be written hinders no append.
    fn note(&self) {
        if let Err(error) = self.write() {
            tracing::warn!(session = %self.session, %error, "lease could not be written");
        }
    }

    fn begin(&self) -> std::io::Result<()> {
        begin(&**held(&self.file), &self.record)
    }

    fn write(&self) -> std::io::Result<()> {
        write_all(&**held(&self.file), OWNER_AT, &encode(&self.record))
    }
}

/// A session that was removed and made again begins with another epoch than it had: what is left of the
/// earlier one in a journal is known by that. Where the clock says what it said then, the journals tell.
fn first(tenure: Tenure, claim: &Claim, least: u64) -> Tenure {
    let now = u64::try_from(claim.now.unix_millis()).unwrap_or(0);
    Tenure {
        epoch: tenure.epoch.max(now).max(least),
        ..tenure
    }
}

/// Writes a record, and zeros where a mark would be: a mark must find room on a full disk.
fn begin(file: &dyn FileHandle, record: &Record) -> std::io::Result<()> {
    let zeros = [0; RECORD_LEN];
    write_all(file, OWNER_AT, &[encode(record), zeros].concat())
}

/// Replaces a segment by a copy of its own, durably.
fn own(files: &dyn FileSystem, path: &Path) -> Result<(), Error> {
    let bytes = read_bounded(files, path, SEGMENT_MAX).map_err(|e| failed("reading", path, e))?;
    if bytes.len() > SEGMENT_MAX {
        let what = path.display().to_string();
        return Err(Error::too_large(what, bytes.len(), SEGMENT_MAX));
    }
    atomic_write(files, path, &bytes)
}

/// What stands in a lock file. One that cannot be read, as where the system guards a locked file from
/// other processes, tells nothing.
fn look(file: &dyn FileHandle) -> Found {
    let mut mark = [0; RECORD_LEN];
    let is_marked = read(file, SUCCESSOR_AT, &mut mark).is_ok() && mark != [0; RECORD_LEN];
    let successor = is_marked
        .then(|| look_for_record(file, SUCCESSOR_AT).map_or(0, |record| record.owner.epoch));
    Found {
        record: look_for_record(file, OWNER_AT),
        successor,
        is_free: false,
    }
}

fn look_for_record(file: &dyn FileHandle, at: u64) -> Option<Record> {
    (0..READS).find_map(|_| {
        let mut bytes = [0; RECORD_LEN];
        read(file, at, &mut bytes).ok()?;
        decode(&bytes)
    })
}

/// Reads what there is; the rest stays as it was.
fn read(file: &dyn FileHandle, mut at: u64, mut bytes: &mut [u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match file.read_at(at, bytes) {
            Ok(0) => break,
            Ok(read) => {
                at = at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
                bytes = bytes.get_mut(read..).unwrap_or_default();
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
