//! Where the state of alerts is kept.

use std::error::Error;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::alert::AlertState;
use crate::file_lock::FileLock;

/// Longest state that is read.
const BYTES: u64 = 256 << 20;

/// Keeps the state of alerts. Called by one thread.
///
/// ```
/// use agent_telemetry::alert::{AlertStore, MemoryState};
///
/// assert!(MemoryState::default().load()?.is_none());
/// # Ok::<(), agent_telemetry::alert::AlertStoreError>(())
/// ```
pub trait AlertStore: Send {
    /// What was saved last, if anything.
    ///
    /// # Errors
    /// [`AlertStoreError`] when there is something and it cannot be read.
    fn load(&mut self) -> Result<Option<AlertState>, AlertStoreError>;

    /// Keeps this in the place of what was there, or leaves that as it was. One that panics counts as not kept.
    ///
    /// # Errors
    /// [`AlertStoreError`] when it is not kept.
    fn save(&mut self, state: &AlertState) -> Result<(), AlertStoreError>;
}

/// A state that cannot be read or kept. The cause is its [`source`](Error::source).
///
/// ```
/// use agent_telemetry::alert::AlertStoreError;
///
/// assert_eq!(AlertStoreError::new("disk is gone").to_string(), "the state of alerts cannot be read or kept");
/// ```
#[derive(Debug)]
pub struct AlertStoreError(Box<dyn Error + Send + Sync>);

impl AlertStoreError {
    /// An error with this cause.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for AlertStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the state of alerts cannot be read or kept")
    }
}

impl Error for AlertStoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref())
    }
}

/// Keeps the state for as long as the process lives. Clones share it.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::alert::{AlertStore, Alerts, MemoryState, Rules};
///
/// let mut kept = MemoryState::default();
/// let state = Alerts::new(&Rules::recommended(), Timestamp::UNIX_EPOCH).state();
/// kept.clone().save(&state)?;
/// assert_eq!(kept.load()?, Some(state));
/// # Ok::<(), agent_telemetry::alert::AlertStoreError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryState(Arc<Mutex<Option<AlertState>>>);

impl AlertStore for MemoryState {
    fn load(&mut self) -> Result<Option<AlertState>, AlertStoreError> {
        Ok(self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }

    fn save(&mut self, state: &AlertState) -> Result<(), AlertStoreError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(state.clone());
        Ok(())
    }
}

/// Keeps the state as JSON in a file, for its owner only. It is written beside, synced and renamed, so that a crash at any
/// moment leaves the old state or the new one. A lock beside it keeps a second process away.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::alert::{AlertStore, Alerts, FileState, Rules};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("alerts.json");
/// let state = Alerts::new(&Rules::recommended(), Timestamp::UNIX_EPOCH).state();
/// FileState::open(&path)?.save(&state)?;
/// assert_eq!(FileState::open(&path)?.load()?, Some(state));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileState {
    path: PathBuf,
    /// Held for as long as this lives.
    _lock: FileLock,
}

impl FileState {
    /// The state in this file, which need not exist yet; its folder must.
    ///
    /// # Errors
    /// [`AlertStoreError`] when another process has it open, or the lock beside it cannot be made.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, AlertStoreError> {
        let path = path.into();
        let lock = private(&beside(&path, ".lock"), false).map_err(AlertStoreError::new)?;
        let lock = FileLock::take(lock).map_err(|error| match error {
            fs::TryLockError::WouldBlock => {
                AlertStoreError::new(format!("{} is used by another process", path.display()))
            }
            fs::TryLockError::Error(error) => AlertStoreError::new(error),
        })?;
        Ok(Self { path, _lock: lock })
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let new = beside(&self.path, ".new");
        // What an earlier process left there, or somebody put there, is not written into.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private(&new, true)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        #[cfg(unix)]
        {
            let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }
}

impl AlertStore for FileState {
    fn load(&mut self) -> Result<Option<AlertState>, AlertStoreError> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(AlertStoreError::new)?,
        };
        let mut text = String::new();
        file.take(BYTES)
            .read_to_string(&mut text)
            .map_err(AlertStoreError::new)?;
        serde_json::from_str(&text)
            .map(Some)
            .map_err(AlertStoreError::new)
    }

    fn save(&mut self, state: &AlertState) -> Result<(), AlertStoreError> {
        let text = serde_json::to_string(state).map_err(AlertStoreError::new)?;
        self.write(&text).map_err(AlertStoreError::new)
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// For its owner only.
fn private(path: &Path, is_new: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).create_new(is_new);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_file_is_made_and_none_that_is_there_is_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts.json.new");
        assert!(private(&path, true).is_ok());
        let error = private(&path, true).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link).unwrap();
            let error = private(&link, true).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        }
    }
}
