//! The writer of a session in a folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_primitives::{SessionId, Timestamp};

use super::active::{Active, Failure};
use super::atomic_write::atomic_write;
use super::group::{Group, Member};
use super::lock::{Lock, Right};
use super::names::{sealed_name, segment_name};
use super::{QUARANTINE, failed, folder, sealed};
use crate::format::bytes_at;
use crate::format::segment::{Place, Start};
use crate::fs::{Access, FileHandle, FileSystem, write_all};
use crate::store::name_aside;
use crate::{Durability, Error, Position, Replacer, Size, StoreId, Tenure, Writer};

/// Holds the session's lock as long as it lives.
#[derive(Debug)]
pub(super) struct FileWriter {
    files: Arc<dyn FileSystem>,
    group: Arc<Group>,
    store: StoreId,
    session: SessionId,
    folder: PathBuf,
    active: Option<(u32, Active)>,
    /// The names in the folder are on the device: an earlier writer may have left them buffered.
    is_folder_synced: bool,
    /// The last segment before this writer's first could not be synced.
    is_last_unknown: bool,
    /// A segment that could not be begun, and whose name may be taken.
    begun: Option<u32>,
    // Closing its file gives the lock back, so it must go last.
    lock: Lock,
}

impl FileWriter {
    pub(super) fn new(
        (files, group): (Arc<dyn FileSystem>, Arc<Group>),
        (store, session): (StoreId, SessionId),
        folder: PathBuf,
        lock: Lock,
    ) -> Self {
        Self {
            files,
            group,
            store,
            session,
            folder,
            active: None,
            is_folder_synced: false,
            is_last_unknown: false,
            begun: None,
            lock,
        }
    }

    fn path(&self, segment: u32) -> PathBuf {
        self.folder.join(segment_name(segment))
    }

    fn open(&self, at: Position) -> Result<(Box<dyn FileHandle>, u64), Error> {
        let path = self.path(at.segment);
        let opened = self.files.open(&path, Access::Write).and_then(|file| {
            let len = file.len()?;
            Ok((file, len))
        });
        let (file, len) = opened.map_err(|e| failed("opening", &path, e))?;
        if len < at.offset {
            return Err(Error::conflict(self.session.clone()));
        }
        Ok((file, len))
    }

    /// Lets appends to a segment with this header be synced with others'.
    fn joined(&self, segment: u32, header: &[u8], active: Active) -> Active {
        let place = Place {
            store: self.store,
            session: &self.session,
            segment,
        };
        match place.check(header) {
            Ok(Start::Good(opening, _)) => active.joining(|file| {
                Member::new(&self.group, file, (&self.session, segment, opening.epoch))
            }),
            _ => active,
        }
    }

    /// Ends the active segment: what was written there is durable before anything follows it.
    fn finish(&mut self, next: u32) -> Result<(), Error> {
        let Some((segment, active)) = &mut self.active else {
            return self.sync_last(next);
        };
        if active.is_poisoned() {
            // The next segment's header says what counts of this one.
            return Ok(());
        }
        // Nothing may follow what is gone.
        let checked = active.check();
        checked.map_err(|failure| refused(&self.session, &self.folder, *segment, failure))?;
        // The space given back is no more than a courtesy; the sync is not.
        let _ = active.trim();
        active.sync().map_err(|error| {
            tracing::error!(segment, %error, "sync failed");
            Error::poisoned()
        })
    }
}

impl FileWriter {
    /// Syncs the last segment before `next`, where this writer did not open it: an earlier one may have left
    /// it buffered.
    fn sync_last(&mut self, next: u32) -> Result<(), Error> {
        if self.is_last_unknown {
            return Ok(());
        }
        let segments = folder::segments(&*self.files, &self.folder)?;
        let Some(last) = segments.into_iter().rfind(|segment| *segment < next) else {
            return Ok(());
        };
        let path = self.path(last);
        if !self.files.exists(&path) {
            // Sealed, and so on the device.
            return Ok(());
        }
        let file = self.files.open(&path, Access::Write);
        let file = file.map_err(|e| failed("opening", &path, e))?;
        file.sync_all().map_err(|error| {
            tracing::error!(segment = last, %error, "sync failed");
            self.is_last_unknown = true;
            Error::poisoned()
        })
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if self.lock.check().is_err() {
            return;
        }
        if let Some((segment, active)) = &mut self.active {
            // A journal's help is not for longer than it takes.
            if active.is_lent()
                && let Err(error) = active.sync()
            {
                tracing::error!(segment, %error, "sync failed; a journal has what was saved");
            }
            // Zeros that stay behind are skipped by readers.
            let _ = active.trim();
        }
        self.lock.release();
    }
}

impl Writer for FileWriter {
    fn tenure(&self) -> Tenure {
        self.lock.tenure()
    }

    fn outrank(&mut self, epoch: u64) -> Result<(), Error> {
        self.lock.outrank(epoch)
    }

    fn renew(&mut self, now: Timestamp) -> Result<(), Error> {
        self.lock.renew(now)
    }

    fn start(&mut self, segment: u32, header: &[u8]) -> Result<(), Error> {
        self.lock.check()?;
        self.finish(segment)?;
        let path = self.path(segment);
        if self.files.exists(&self.folder.join(sealed_name(segment))) {
            return Err(Error::conflict(self.session.clone()));
        }
        // What this writer left there itself when it failed is of no use to anyone.
        let access = if self.begun == Some(segment) {
            Access::Replace
        } else {
            Access::CreateNew
        };
        let file = match self.files.open(&path, access) {
            // Of another writer, then: one of us came too late.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                self.lock.check()?;
                return Err(Error::conflict(self.session.clone()));
            }
            Err(_) if self.files.is_gone(&self.folder) => {
                return Err(Error::removed(self.folder.display().to_string()));
            }
            opened => opened.map_err(|e| failed("making", &path, e))?,
        };
        self.begun = Some(segment);
        let written = write_header_last(&*file, header).and_then(|()| file.sync_all());
        let durable = written
            .map_err(|e| failed("writing", &path, e))
            .and_then(|()| folder::sync(&*self.files, &self.folder));
        if let Err(error) = durable {
            self.lock.check()?;
            // The name must be free when this is tried again.
            let _ = self.files.remove_file(&path);
            return Err(error);
        }
        self.lock.confirm()?;
        self.lock.settle();
        let len = u64::try_from(header.len()).unwrap_or(u64::MAX);
        self.is_folder_synced = true;
        self.begun = None;
        let active = self.joined(segment, header, Active::new(file, len, len));
        if let Some((_, last)) = self.active.replace((segment, active)) {
            last.leave();
        }
        Ok(())
    }

    fn resume(&mut self, at: Position) -> Result<(), Error> {
        self.lock.check()?;
        let (file, len) = self.open(at)?;
        let mut header = vec![0; HEADER_MAX];
        // What cannot be read now is synced by itself.
        let read = file.read_at(0, &mut header).unwrap_or(0);
        header.truncate(read);
        let active = Active::resumed(file, at.offset, len);
        self.active = Some((at.segment, self.joined(at.segment, &header, active)));
        Ok(())
    }

    fn cut(&mut self, at: Position) -> Result<(), Error> {
        self.lock.check()?;
        let (file, _) = self.open(at)?;
        let cut = file.set_len(at.offset).and_then(|()| file.sync_all());
        cut.map_err(|e| failed("cutting", &self.path(at.segment), e))?;
        self.active = Some((at.segment, Active::new(file, at.offset, at.offset)));
        Ok(())
    }

    fn append(&mut self, at: Position, bytes: &[u8], durability: Durability) -> Result<(), Error> {
        self.lock.check()?;
        if durability.is_synced() && !self.is_folder_synced {
            folder::sync(&*self.files, &self.folder)?;
            self.is_folder_synced = true;
        }
        let end = self
            .active
            .as_mut()
            .map(|(segment, active)| (*segment, active.end(), active));
        match end {
            Some((segment, end, active)) if (segment, end) == (at.segment, at.offset) => {
                match active.append(bytes, durability) {
                    // Whoever took over before this counts none of it; after this, all of it.
                    Ok(()) => self.lock.confirm(),
                    Err(failure) => Err(match self.lock.check() {
                        // Whoever took over replaced the file as well.
                        Err(error) if error.is_fenced() => error,
                        _ => refused(&self.session, &self.folder, segment, failure),
                    }),
                }
            }
            _ => Err(Error::conflict(self.session.clone())),
        }
    }

    fn is_settled(&self) -> bool {
        self.active
            .as_ref()
            .is_none_or(|(_, active)| active.is_synced())
    }

    fn set_aside(&mut self, at: Position, bytes: &[u8]) -> Result<String, Error> {
        self.lock.check()?;
        let quarantine = self.folder.join(QUARANTINE);
        folder::check(&*self.files, &quarantine)?;
        folder::create(&*self.files, &quarantine)?;
        let name = name_aside(at, bytes);
        let path = quarantine.join(&name);
        if !self.files.exists(&path) {
            atomic_write(&*self.files, &path, bytes)?;
        }
        Ok(name)
    }

    fn replacer(&self) -> Option<Arc<dyn Replacer>> {
        Some(Arc::new(FileReplacer {
            files: Arc::clone(&self.files),
            session: self.session.clone(),
            folder: self.folder.clone(),
            right: self.lock.right(&self.folder),
        }))
    }

    fn size(&self) -> Result<Size, Error> {
        let mut size = Size::default();
        for segment in folder::segments(&*self.files, &self.folder)? {
            let looked = sealed::look(&*self.files, &self.folder, segment);
            let (_, facts) = looked.map_err(|e| failed("looking into", &self.folder, e))?;
            let len = facts.len;
            let used = match &self.active {
                Some((number, active)) if *number == segment => active.end(),
                _ => len,
            };
            size.used += used;
            size.allocated += len;
        }
        Ok(size)
    }
}

/// The start of a segment that holds its header, in bytes.
const HEADER_MAX: usize = 4 << 10;

/// Why a segment takes nothing more.
fn refused(session: &SessionId, folder: &Path, segment: u32, failure: Failure) -> Error {
    let path = folder.join(segment_name(segment));
    match failure {
        Failure::Poisoned => Error::poisoned(),
        Failure::Refused(e) => failed("writing", &path, e),
        Failure::Removed => Error::removed(path.display().to_string()),
        Failure::Cut => Error::conflict(session.clone()),
    }
}

/// Replaces segments while the writer that gave it out has the session.
#[derive(Debug)]
struct FileReplacer {
    files: Arc<dyn FileSystem>,
    session: SessionId,
    folder: PathBuf,
    right: Right,
}

impl Replacer for FileReplacer {
    fn replace(&self, segment: u32, bytes: &[u8]) -> Result<(), Error> {
        self.right.check()?;
        let segments = folder::segments(&*self.files, &self.folder)?;
        // The last one is appended to.
        if segments.last().is_none_or(|last| segment >= *last) || !segments.contains(&segment) {
            return Err(Error::conflict(self.session.clone()));
        }
        // A takeover between this answer and the renaming does no harm: what is put into place holds all
        // that any checkpoint needs which the log listed before, and is durable.
        sealed::replace(&*self.files, &self.folder, segment, bytes, || {
            self.right.check()
        })
    }
}

/// Bytes of a header without which it is none.
const MAGIC_LEN: usize = 8;
/// Where a segment's header tells its length.
const AT_HEADER_LEN: usize = 12;

/// What follows the header counts from the moment that the header is one, and is on the device by then: the header may take
/// back the same frames in the segment before, and a device writes in any order what was not synced in between.
fn write_header_last(file: &dyn FileHandle, bytes: &[u8]) -> io::Result<()> {
    let (magic, rest) = bytes.split_at(bytes.len().min(MAGIC_LEN));
    write_all(file, u64::try_from(magic.len()).unwrap_or_default(), rest)?;
    let header_len = bytes_at(bytes, AT_HEADER_LEN).map_or(0, u32::from_le_bytes);
    if bytes.len() > usize::try_from(header_len).unwrap_or_default() {
        file.sync_all()?;
    }
    write_all(file, 0, magic)
}
