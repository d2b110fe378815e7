//! A store in a folder.

mod active;
mod atomic_write;
#[cfg(test)]
mod failed_sync;
mod folder;
mod group;
mod identity;
mod lease;
mod location;
mod lock;
mod names;
mod ownership;
mod privacy;
mod sealed;
mod share;
mod writer;

pub use location::location;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use agent_primitives::{Clock, SessionId, SystemClock};

use super::{Claim, Shared, Store, StoreId, Writer};
use crate::Error;
use crate::format::SEGMENT_MAX;
use crate::format::segment::Place;
use crate::fs::{Access, Brief, EntryKind, FileSystem, Obstacle, OsFiles, read_bounded, read_part};
use crate::log::seal::is_whole;
use group::{Group, Limits};
use lock::{Lock, Turn};
use writer::FileWriter;

const SESSIONS: &str = "sessions";
const QUARANTINE: &str = "quarantine";
const LOCK: &str = "lock";
/// Begins the names of folders that are being removed.
const REMOVED: &str = "removed-";
/// Removals so far, which makes their names differ.
static REMOVALS: AtomicU64 = AtomicU64::new(0);

/// Logs in a folder: one folder per session, made of segment files. FORMAT.md tells the layout.
///
/// A session's writer holds a lock of the system, which goes when its process ends, and keeps a lease beside
/// it, which tells others who it is and lets them [take over](crate::Builder::take_over) from a writer that
/// is stopped or hangs. Both are made for file systems of one machine, its containers included. On a network
/// file system all depends on whether it has locks that reach other machines, and how soon it shows a change to
/// them: where locks do not reach, a lease of another machine that runs still keeps a session from being
/// opened, but two that open it at the same moment may both get it.
///
/// Do not delete lock files: a writer may hold one, and who comes next would not see it.
///
/// Give it a folder of its own: one that the store makes, or that is empty, ignores itself for git. In a folder that
/// holds other files only the sessions are kept from git, and nothing of the host's is hidden. What the store makes is for its owner only
/// (on Unix: folders 0700, files 0600); rights of what was there stay as they are. A symbolic link in the place of one of
/// its files or folders is refused, never followed; the store's folder itself may be one.
///
/// Any number of processes may use it at once; a session has one writer among them all. Clones are the same store.
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
    files: Arc<dyn FileSystem>,
    root: Arc<Path>,
    id: StoreId,
    group: Arc<Group>,
}

impl FileStore {
    /// Opens the store in `folder`, and makes it where there is none.
    ///
    /// # Errors
    /// [`Error::is_newer`] when a newer version made it; [`Error::is_obstructed`] when something else is where the
    /// folder, or a file of it, belongs; [`Error::is_unavailable`] when the folder cannot be made, read or written.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::open_on(Arc::new(OsFiles), folder)
    }

    /// Opens the store in `folder` that mirrors the one with this id, or takes its place; made where there
    /// is none. See [`Mirrored`](crate::Mirrored).
    ///
    /// ```
    /// use agent_checkpoint::{FileStore, Mirrored, Store};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let primary = FileStore::open(folder.path().join("here"))?;
    /// let mirror = FileStore::open_mirror(folder.path().join("elsewhere"), primary.id())?;
    /// assert!(Mirrored::new(primary, mirror)?.is_mirrored());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_foreign`] when another store is there; otherwise as [`open`](Self::open).
    pub fn open_mirror(folder: impl Into<PathBuf>, id: StoreId) -> Result<Self, Error> {
        Self::open_as(Arc::new(OsFiles), folder, Some(id), Limits::default())
    }

    /// As [`open`](Self::open), on another file system than the machine's.
    pub(crate) fn open_on(
        files: Arc<dyn FileSystem>,
        folder: impl Into<PathBuf>,
    ) -> Result<Self, Error> {
        Self::open_as(files, folder, None, Limits::default())
    }

    fn open_as(
        files: Arc<dyn FileSystem>,
        folder: impl Into<PathBuf>,
        id: Option<StoreId>,
        limits: Limits,
    ) -> Result<Self, Error> {
        let root = folder.into();
        if root.as_os_str().is_empty() {
            let reason = "give a path that is not empty, `.` for the working folder";
            return Err(Error::invalid("the store's folder", reason));
        }
        folder::create(&*files, &root)?;
        // Two processes that make the store at once must agree on its id.
        let lock = open_lock(&*files, &root)?;
        lock.lock().map_err(|e| failed("locking", &root, e))?;
        ownership::hide_from_git(&*files, &root)?;
        for name in folder::names(&*files, &root)? {
            let folder = root.join(&name);
            if is_numbered(&name, REMOVED) && ownership::is_session(&*files, &folder)? {
                // Left by a removal that was interrupted, or still at work; either way it goes.
                let _ = files.remove_folders(&folder);
            }
        }
        Self::remove_unfinished_forks(&*files, &root)?;
        let id = identity::read_or_make(&*files, &root, id)?;
        if !privacy::is_private(&*files, &root)? {
            tracing::warn!(folder = %root.display(), "others on this machine may reach the sessions: take their rights to the folder away");
        }
        group::settle(&*files, &root, id, None);
        let root: Arc<Path> = root.into();
        let group = Group::new(Arc::clone(&files), Arc::clone(&root), id, limits);
        Ok(Self {
            files,
            root,
            id,
            group: Arc::new(group),
        })
    }

    /// Whether nobody but the owner of its folders can reach what the store holds, as far as the system tells. What the
    /// store makes is private; a folder that was there before keeps its rights, and opening warns of it.
    ///
    /// Looks at the rights of the store's folder and of the `sessions` in it, on Unix; elsewhere it is always true.
    /// Folders above, and lists of rights beside the mode, are not looked at.
    ///
    /// ```
    /// use agent_checkpoint::FileStore;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let store = FileStore::open(folder.path().join("store"))?;
    /// assert!(store.is_private()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_unavailable`] when a folder cannot be looked at.
    pub fn is_private(&self) -> Result<bool, Error> {
        privacy::is_private(&*self.files, &self.root)
    }

    /// As [`open_on`](Self::open_on), with other limits for what is synced together.
    #[cfg(test)]
    pub(crate) fn open_grouped(
        files: Arc<dyn FileSystem>,
        folder: impl Into<PathBuf>,
        (together, room): (usize, u64),
    ) -> Result<Self, Error> {
        Self::open_as(files, folder, None, Limits { together, room })
    }

    /// Sets how many synced appends must be under way at once in this process before they are written to one
    /// journal and synced there together; 12 unless set, and `usize::MAX` for never. One journal takes
    /// less of the processor, and more sessions a second where that is what they wait for; with fewer at once each
    /// had better sync its own file.
    ///
    /// For the clones of what this returns; call it before sessions are opened.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, FileStore, Message, Store};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let store = FileStore::open(folder.path())?.sync_together(1);
    /// let id = SessionId::new("s1")?;
    /// let mut session = Checkpointer::builder(store.clone(), id.clone()).open()?;
    /// for text in ["in a segment of its own", "in the journal"] {
    ///     session.push(Message::user(text))?;
    ///     session.save(CheckpointKind::Auto)?;
    /// }
    /// let is_journal = |name: &str| name.starts_with("journal-");
    /// let names = std::fs::read_dir(folder.path())?.flatten();
    /// let mut names = names.filter_map(|entry| entry.file_name().into_string().ok());
    /// assert!(names.any(|name| is_journal(&name)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn sync_together(self, at_least: usize) -> Self {
        let limits = Limits {
            together: at_least,
            ..Limits::default()
        };
        let group = Group::new(
            Arc::clone(&self.files),
            Arc::clone(&self.root),
            self.id,
            limits,
        );
        Self {
            group: Arc::new(group),
            ..self
        }
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

    fn place<'a>(&self, session: &'a SessionId, segment: u32) -> Place<'a> {
        Place {
            store: self.id,
            session,
            segment,
        }
    }

    /// Takes the session for something other than writing. While the last of the three lives, nobody claims it.
    fn lock(&self, session: &SessionId) -> Result<(PathBuf, Lock, Turn), Error> {
        let folder = self.session_folder(session)?;
        let claim = Claim::at(SystemClock.timestamp());
        let (lock, turn) = Lock::claim(&*self.files, &folder, (session, &claim), || Ok(0))?;
        Ok((folder, lock, turn))
    }
}

/// Whether a folder has a name that only a removal, or only a fork, gives.
fn is_numbered(name: &str, prefix: &str) -> bool {
    let numbers = name.strip_prefix(prefix).and_then(|n| n.split_once('-'));
    let is_number = |n: &str| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit());
    numbers.is_some_and(|(process, count)| is_number(process) && is_number(count))
}

impl Store for FileStore {
    fn id(&self) -> StoreId {
        self.id
    }

    fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        let mut sessions = Vec::new();
        for (name, kind) in folder::entries(&*self.files, &self.root.join(SESSIONS))? {
            // What is not ours, or was never written to, is no session.
            if kind == EntryKind::Folder
                && let Some(session) = names::session_of(&name)
                && !self.segments(&session)?.is_empty()
            {
                sessions.push(session);
            }
        }
        sessions.sort();
        Ok(sessions)
    }

    fn segments(&self, session: &SessionId) -> Result<Vec<u32>, Error> {
        let folder = self.session_folder(session)?;
        folder::check(&*self.files, &folder)?;
        folder::segments(&*self.files, &folder)
    }

    fn read(&self, session: &SessionId, segment: u32, max: usize) -> Result<Vec<u8>, Error> {
        let folder = self.session_folder(session)?;
        let read = |path: &Path| read_bounded(&*self.files, path, max);
        let bytes = sealed::read(&*self.files, &folder, segment, read)?;
        if bytes.len() > max {
            let what = format!("segment {segment} of session {session}");
            return Err(Error::too_large(what, bytes.len(), max));
        }
        Ok(bytes)
    }

    fn segment_len(&self, session: &SessionId, segment: u32) -> Result<u64, Error> {
        let folder = self.session_folder(session)?;
        let looked = sealed::look(&*self.files, &folder, segment);
        let (_, facts) = looked.map_err(|e| failed("looking into", &folder, e))?;
        Ok(facts.len)
    }

    fn read_range(
        &self,
        session: &SessionId,
        segment: u32,
        offset: u64,
        len: usize,
    ) -> Result<Vec<u8>, Error> {
        let folder = self.session_folder(session)?;
        let read = |path: &Path| read_part(&*self.files, path, offset, len);
        sealed::read(&*self.files, &folder, segment, read)
    }

    fn claim(&self, session: &SessionId, claim: &Claim) -> Result<Box<dyn Writer>, Error> {
        let folder = self.session_folder(session)?;
        let (files, id) = (&*self.files, (self.id, session));
        let least = || group::beyond(files, &self.root, id);
        let (lock, _turn) = Lock::claim(files, &folder, (session, claim), least)?;
        group::redo(files, &self.root, &folder, id)?;
        group::settle(files, &self.root, self.id, Some(session));
        let counts = |segment, bytes: &[u8]| is_whole(&self.place(session, segment), bytes);
        if let Err(error) = sealed::tidy(&*self.files, &folder, SEGMENT_MAX, counts) {
            // Reading knows which of two files counts; the next writer tries again.
            tracing::warn!(%session, %error, "what an interrupted sealing left could not be removed");
        }
        Ok(Box::new(FileWriter::new(
            (Arc::clone(&self.files), Arc::clone(&self.group)),
            (self.id, session.clone()),
            folder,
            lock,
        )))
    }

    fn remove(&self, session: &SessionId) -> Result<(), Error> {
        let sessions = self.root.join(SESSIONS);
        if self.files.is_gone(&self.session_folder(session)?) {
            // An earlier removal may have failed at the sync.
            return folder::sync(&*self.files, &sessions);
        }
        let (folder, lock, turn) = self.lock(session)?;
        self.group.forget(session);
        self.remove_locked(&folder)?;
        drop((lock, turn));
        folder::sync(&*self.files, &sessions)
    }

    fn share(
        &self,
        from: &SessionId,
        to: &SessionId,
        shared: &[Shared],
        own: (u32, &[u8]),
    ) -> Result<(), Error> {
        self.share_segments(from, to, shared, own)
    }
}

impl FileStore {
    /// Removes a session's folder, of which the caller has the lock.
    fn remove_locked(&self, folder: &Path) -> Result<(), Error> {
        // Out of the way in one step first: whoever opens the session meanwhile begins a folder of its own.
        let aside = self.root.join(format!(
            "{REMOVED}{}-{}",
            std::process::id(),
            REMOVALS.fetch_add(1, Ordering::Relaxed)
        ));
        // On Windows a folder with an open file does not move, and is removed where it is.
        let doomed = match self.files.rename(folder, &aside) {
            Ok(()) => aside,
            Err(_) if cfg!(windows) => folder.to_owned(),
            Err(e) => return Err(failed("removing", folder, e)),
        };
        // A device may do the two in either order: a session without its newest segments must not come back.
        folder::sync(&*self.files, &self.root.join(SESSIONS))?;
        match self.files.remove_folders(&doomed) {
            // Whoever opened the store meanwhile finished it.
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed("removing", &doomed, e)),
            _ => Ok(()),
        }
    }
}

fn open_lock(files: &dyn FileSystem, folder: &Path) -> Result<Brief, Error> {
    let path = folder.join(LOCK);
    let lock = files.open(&path, Access::Create);
    lock.map(Brief).map_err(|e| failed("opening", &path, e))
}

/// The typed error for a failed operation on a file.
fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    use io::ErrorKind::{
        FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    let obstacle = error.get_ref().and_then(|e| e.downcast_ref::<Obstacle>());
    if let Some(Obstacle(found)) = obstacle {
        return Error::obstructed(path.display().to_string(), found, "a file");
    }
    let what = format!("{what} {}", path.display());
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => Error::disk_full(what, error),
        ReadOnlyFilesystem => Error::read_only(what, error),
        PermissionDenied => Error::permission_denied(what, error),
        _ => Error::unavailable(what, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interrupted_removal_left_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["removed-12-0", "removed-mine", "removed-1-x"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        FileStore::open(folder.path()).unwrap();
        let left = folder::names(&OsFiles, folder.path()).unwrap();
        assert_eq!(
            left.iter().filter(|name| name.starts_with(REMOVED)).count(),
            2
        );
        assert!(!folder.path().join("removed-12-0").exists());
    }

    #[test]
    fn errors_of_the_system_say_what_a_host_can_do() {
        use io::ErrorKind as Io;
        let error = |kind: io::ErrorKind| failed("writing", Path::new("x"), kind.into());
        for full in [Io::StorageFull, Io::QuotaExceeded, Io::FileTooLarge] {
            assert!(error(full).is_disk_full(), "{full}");
        }
        assert!(error(Io::ReadOnlyFilesystem).is_read_only());
        assert!(error(Io::PermissionDenied).is_permission_denied());
        let other = error(Io::NotFound);
        assert!(!other.is_disk_full() && !other.is_read_only() && !other.is_permission_denied());
        for kind in [
            Io::StorageFull,
            Io::ReadOnlyFilesystem,
            Io::PermissionDenied,
            Io::NotFound,
        ] {
            assert!(error(kind).is_unavailable(), "{kind}");
        }
        assert_eq!(
            error(Io::PermissionDenied).to_string(),
            "writing x is refused for want of permission; grant it and try again"
        );
    }
}
