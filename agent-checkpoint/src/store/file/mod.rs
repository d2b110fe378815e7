//! A store in a folder.

mod active;
mod atomic_write;
mod folder;
mod identity;
mod location;
mod names;
mod writer;

pub use location::location;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_primitives::SessionId;

use super::{Store, StoreId, Writer};
use crate::Error;
use writer::FileWriter;

const SESSIONS: &str = "sessions";
const QUARANTINE: &str = "quarantine";
const LOCK: &str = "lock";

/// Logs in a folder: one folder per session, made of segment files. FORMAT.md tells the layout.
///
/// The folder ignores itself for git, and only its owner may enter it (on Unix). Any number of
/// processes may use it at once; a session has one writer among them all. Clones are the same store.
///
/// ```
/// use agent_checkpoint::{Checkpointer, FileStore, Message};
/// use agent_primitives::{CheckpointKind, SessionId};
///
/// let folder = tempfile::tempdir()?;
/// let id = SessionId::new("s1")?;
/// {
///     let store = FileStore::open(folder.path())?;
///     let mut session = Checkpointer::builder(store, id.clone()).open()?;
///     session.push(Message::user("hello"))?;
///     session.save(CheckpointKind::Auto)?;
/// }
/// let store = FileStore::open(folder.path())?;
/// let session = Checkpointer::builder(store, id).open()?;
/// assert_eq!(session.history(), [Message::user("hello")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct FileStore {
    root: Arc<Path>,
    id: StoreId,
}

impl FileStore {
    /// Opens the store in `folder`, and makes it where there is none.
    ///
    /// # Errors
    /// [`Error::is_newer`] when a newer version made it; [`Error::is_unavailable`] when the folder
    /// cannot be made, read or written.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = folder.into();
        folder::create(&root)?;
        // Two processes that make the store at once must agree on its id.
        let lock = open_lock(&root)?;
        lock.lock().map_err(|e| failed("locking", &root, e))?;
        folder::create(&root.join(SESSIONS))?;
        let ignore = root.join(".gitignore");
        if !ignore.exists() {
            atomic_write::atomic_write(&ignore, b"*\n")?;
        }
        let id = identity::read_or_make(&root)?;
        Ok(Self {
            root: root.into(),
            id,
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// The folder of one session; it exists once the session was opened.
    ///
    /// # Errors
    /// [`Error::is_too_large`] when the id is too long for a file name: one of more than 125 capital
    /// letters or other characters that need escaping.
    pub fn session_folder(&self, session: &SessionId) -> Result<PathBuf, Error> {
        Ok(self.root.join(SESSIONS).join(names::folder_name(session)?))
    }

    fn lock(&self, session: &SessionId) -> Result<(PathBuf, File), Error> {
        let folder = self.session_folder(session)?;
        folder::create(&folder)?;
        let lock = open_lock(&folder)?;
        match lock.try_lock() {
            Ok(()) => Ok((folder, lock)),
            Err(TryLockError::WouldBlock) => Err(Error::locked(session.clone())),
            Err(TryLockError::Error(e)) => Err(failed("locking", &folder, e)),
        }
    }
}

impl Store for FileStore {
    fn id(&self) -> StoreId {
        self.id
    }

    fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        let mut sessions = Vec::new();
        for name in folder::names(&self.root.join(SESSIONS))? {
            // What is not ours, or was never written to, is no session.
            if let Some(session) = names::session_of(&name)
                && !self.segments(&session)?.is_empty()
            {
                sessions.push(session);
            }
        }
        sessions.sort();
        Ok(sessions)
    }

    fn segments(&self, session: &SessionId) -> Result<Vec<u32>, Error> {
        folder::segments(&self.session_folder(session)?)
    }

    fn read(&self, session: &SessionId, segment: u32, max: usize) -> Result<Vec<u8>, Error> {
        let path = self
            .session_folder(session)?
            .join(names::segment_name(segment));
        read_bounded(&path, max)
            .map_err(|e| failed("reading", &path, e))
            .and_then(|bytes| {
                if bytes.len() > max {
                    return Err(Error::too_large("a segment", bytes.len(), max));
                }
                Ok(bytes)
            })
    }

    fn writer(&self, session: &SessionId) -> Result<Box<dyn Writer>, Error> {
        let (folder, lock) = self.lock(session)?;
        Ok(Box::new(FileWriter::new(session.clone(), folder, lock)))
    }

    fn remove(&self, session: &SessionId) -> Result<(), Error> {
        if !self.session_folder(session)?.exists() {
            return Ok(());
        }
        let (folder, lock) = self.lock(session)?;
        std::fs::remove_dir_all(&folder).map_err(|e| failed("removing", &folder, e))?;
        drop(lock);
        folder::sync(&self.root.join(SESSIONS))
    }
}

/// At most one byte more than `max`, which tells that the file is longer.
fn read_bounded(path: &Path, max: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let max = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes =
        Vec::with_capacity(usize::try_from(file.metadata()?.len().min(max)).unwrap_or_default());
    file.take(max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn open_lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join(LOCK);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    folder::owner_only(&mut options);
    options.open(&path).map_err(|e| failed("opening", &path, e))
}

/// The typed error for a failed operation on a file.
fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let what = format!("{what} {}", path.display());
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => Error::disk_full(what, error),
        _ => Error::unavailable(what, error),
    }
}
