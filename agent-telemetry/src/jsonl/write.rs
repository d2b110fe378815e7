//! The sink that appends lines.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{JsonlError, JsonlStore, files};
use crate::file_lock::FileLock;
use crate::{Mark, Record, Sink, SinkError, UserKey};

/// Bounds of a [`JsonlSink`].
///
/// ```
/// let config: agent_telemetry::JsonlConfig = serde_json::from_str(r#"{"sync": true}"#)?;
/// assert!(config.sync);
/// assert_eq!((config.file_bytes, config.total_bytes), (16 << 20, 1 << 30));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JsonlConfig {
    /// A file of at least so many bytes is followed by a new one; 16 MiB unless set.
    pub file_bytes: u64,
    /// When all files together have more bytes, the oldest are removed, with the marks in them, never the one
    /// that is written; 1 GiB unless set.
    pub total_bytes: u64,
    /// Whether a batch is on the device before it is acknowledged, and so survives a loss of power;
    /// `false` unless set.
    pub sync: bool,
}

impl Default for JsonlConfig {
    fn default() -> Self {
        Self {
            file_bytes: 16 << 20,
            total_bytes: 1 << 30,
            sync: false,
        }
    }
}

/// Appends records as lines of JSON, in files `records-00000001.jsonl` and so on of one folder. For
/// those who want to look at records with `grep` and `jq`, or ship them; reports over much time are
/// faster from a database.
///
/// A batch is handed to the system in one piece before it is acknowledged: it survives the death of the
/// process, and a loss of power with [`JsonlConfig::sync`]. A process that is killed amid a write may
/// leave a part of that batch, and a line that is cut; the next one begins behind it on a line of its
/// own. One program writes into a folder at a time.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{JsonlSink, JsonlStore, Metric, Record, Sink};
///
/// let folder = tempfile::tempdir()?;
/// let record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("files_changed", 3));
/// JsonlSink::open(folder.path())?.write(&[record.clone()])?;
///
/// let stored = JsonlStore::open(folder.path())?.records().collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(stored, [record]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct JsonlSink {
    folder: PathBuf,
    config: JsonlConfig,
    /// Held while the sink lives.
    _lock: FileLock,
    current: Option<Current>,
    lines: Vec<u8>,
    removed: u64,
}

#[derive(Debug)]
struct Current {
    file: File,
    number: u64,
    bytes: u64,
}

impl JsonlSink {
    /// Opens the folder with the default bounds, and makes it where there is none.
    ///
    /// # Errors
    /// [`JsonlError`] when the folder cannot be made or written, or another program writes there.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, JsonlError> {
        Self::open_with(folder, JsonlConfig::default())
    }

    /// Opens the folder with bounds, and makes it where there is none.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(folder: impl AsRef<Path>, config: JsonlConfig) -> Result<Self, JsonlError> {
        let folder = folder.as_ref();
        let io = |error| JsonlError::io(folder, error);
        files::create_folder(folder).map_err(io)?;
        // A later change of the working directory does not move it.
        let folder = std::path::absolute(folder).map_err(io)?;
        let path = folder.join("lock");
        let lock = files::open_private(&path).map_err(|error| JsonlError::io(&path, error))?;
        let lock = FileLock::take(lock).map_err(|error| match error {
            TryLockError::WouldBlock => JsonlError::locked(&folder),
            TryLockError::Error(error) => JsonlError::io(&path, error),
        })?;
        Ok(Self {
            folder,
            config,
            _lock: lock,
            current: None,
            lines: Vec::new(),
            removed: 0,
        })
    }

    /// How many files were removed for the bound on all of them, since the sink was opened.
    pub const fn removed_files(&self) -> u64 {
        self.removed
    }

    fn append(&mut self, batch: &[Record]) -> Result<(), JsonlError> {
        self.lines.clear();
        for record in batch {
            serde_json::to_writer(&mut self.lines, record)
                .map_err(|_| JsonlError::record(&self.folder))?;
            self.lines.push(b'\n');
        }
        let mut current = match self.current.take() {
            Some(current) if current.bytes < self.config.file_bytes => current,
            Some(full) => self.next_file(full.number.saturating_add(1))?,
            None => self.last_file()?,
        };
        let path = files::path(&self.folder, current.number);
        let mut done = current.file.write_all(&self.lines);
        if self.config.sync {
            done = done.and_then(|()| current.file.sync_data());
        }
        if let Err(error) = done {
            // Nothing of a batch that is refused stays; where it does, the next opening ends its line.
            let _ = current.file.set_len(current.bytes);
            return Err(JsonlError::io(&path, error));
        }
        current.bytes = current.bytes.saturating_add(self.lines.len() as u64);
        self.current = Some(current);
        Ok(())
    }

    /// The newest file, its last line ended.
    fn last_file(&mut self) -> Result<Current, JsonlError> {
        let numbers = files::numbers(&self.folder);
        let numbers = numbers.map_err(|error| JsonlError::io(&self.folder, error))?;
        let number = numbers.last().copied().unwrap_or(1);
        let last = self.next_file(number)?;
        if last.bytes < self.config.file_bytes {
            return Ok(last);
        }
        self.next_file(number.saturating_add(1))
    }

    fn next_file(&mut self, number: u64) -> Result<Current, JsonlError> {
        let path = files::path(&self.folder, number);
        let io = |error| JsonlError::io(&path, error);
        let mut file = files::open_private(&path).map_err(io)?;
        let mut bytes = file.metadata().map_err(io)?.len();
        if bytes > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1)).map_err(io)?;
            file.read_exact(&mut last).map_err(io)?;
            if last != *b"\n" {
                file.write_all(b"\n").map_err(io)?;
                bytes = bytes.saturating_add(1);
            }
        }
        self.keep_bound(number).map_err(io)?;
        Ok(Current {
            file,
            number,
            bytes,
        })
    }

    /// Removes the oldest files beyond the bound; one that cannot be removed is left for the next time.
    fn keep_bound(&mut self, current: u64) -> std::io::Result<()> {
        let mut sum = 0_u64;
        for number in files::numbers(&self.folder)?.into_iter().rev() {
            let path = files::path(&self.folder, number);
            sum = sum.saturating_add(fs::metadata(&path).map_or(0, |it| it.len()));
            if number != current && sum > self.config.total_bytes && fs::remove_file(&path).is_ok()
            {
                self.removed = self.removed.saturating_add(1);
            }
        }
        Ok(())
    }

    fn key(&self) -> Result<UserKey, JsonlError> {
        let path = self.folder.join("user.key");
        let io = |error| JsonlError::io(&path, error);
        let mut file = files::open_private(&path).map_err(io)?;
        let mut bytes = Vec::new();
        Read::by_ref(&mut file)
            .take(17)
            .read_to_end(&mut bytes)
            .map_err(io)?;
        if bytes.is_empty() {
            let key = UserKey::random();
            file.write_all(&key.to_bytes()).map_err(io)?;
            file.sync_data().map_err(io)?;
            return Ok(key);
        }
        let bytes = bytes.try_into().map_err(|_| JsonlError::key(&path))?;
        Ok(UserKey::from_bytes(bytes))
    }
}

impl Sink for JsonlSink {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.append(batch).map_err(SinkError::new)
    }

    /// The key is the file `user.key` beside the lines; whoever has the folder has the key.
    fn user_key(&mut self) -> Result<UserKey, SinkError> {
        self.key().map_err(SinkError::new)
    }

    /// They are in the lines of their records, and so all files are read.
    fn marks(&mut self) -> Result<Vec<Mark>, SinkError> {
        let stored = JsonlStore::open(&self.folder).and_then(|store| store.records().marks());
        stored.map_err(SinkError::new)
    }
}
