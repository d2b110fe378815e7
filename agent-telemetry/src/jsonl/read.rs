//! Reading lines, however they end.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::{JsonlError, files};
use crate::record::{NewestMarks, RECORD_BYTES};
use crate::{Mark, Period, Record, Rollups, Stats};

/// Longest line that is read: a record has at most some 900 KB, with every character escaped, and its marks have two
/// digits for a byte.
const LINE_BYTES: u64 = (1 << 20) + 2 * RECORD_BYTES as u64;

/// A folder of a [`JsonlSink`](crate::JsonlSink), for reading.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{JsonlSink, JsonlStore, Metric, Period, Record, Sink};
///
/// let folder = tempfile::tempdir()?;
/// let record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("files_changed", 3));
/// JsonlSink::open(folder.path())?.write(&[record])?;
///
/// let store = JsonlStore::open(folder.path())?;
/// assert_eq!(store.stats()?.overview.records, 1);
/// assert_eq!(store.rollups(Period::ALL)?.metrics.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct JsonlStore {
    folder: PathBuf,
}

impl JsonlStore {
    /// Opens a folder.
    ///
    /// # Errors
    /// [`JsonlError`] when it cannot be read.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, JsonlError> {
        let folder = folder.as_ref().to_owned();
        files::numbers(&folder).map_err(|error| JsonlError::io(&folder, error))?;
        Ok(Self { folder })
    }

    /// Every record, in the order of recording and without its marks, read as the iterator goes on. Lines
    /// that are no record are passed over and counted: [`JsonlRecords::unreadable`].
    pub fn records(&self) -> JsonlRecords {
        let (files, error) = match files::numbers(&self.folder) {
            Ok(numbers) => (numbers, None),
            Err(error) => (Vec::new(), Some(JsonlError::io(&self.folder, error))),
        };
        JsonlRecords {
            files: files
                .into_iter()
                .map(|number| files::path(&self.folder, number))
                .collect(),
            error,
            current: None,
            line: Vec::new(),
            unreadable: 0,
        }
    }

    /// The figures of all records.
    ///
    /// # Errors
    /// [`JsonlError`] when a file cannot be read.
    pub fn stats(&self) -> Result<Stats, JsonlError> {
        Stats::try_of(self.records())
    }

    /// The sums of a period, for which all lines are read.
    ///
    /// # Errors
    /// [`JsonlError`] when a file cannot be read.
    pub fn rollups(&self, period: Period) -> Result<Rollups, JsonlError> {
        Rollups::try_of(self.records(), period)
    }
}

/// The records of a [`JsonlStore`], one line in memory at a time. After an error it ends.
///
/// ```
/// use agent_telemetry::JsonlStore;
///
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("records-00000001.jsonl"), "{\"record\": \"met")?;
/// let mut records = JsonlStore::open(folder.path())?.records();
/// assert_eq!(records.by_ref().count(), 0);
/// assert_eq!(records.unreadable(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct JsonlRecords {
    files: VecDeque<PathBuf>,
    error: Option<JsonlError>,
    current: Option<(PathBuf, BufReader<File>)>,
    line: Vec<u8>,
    unreadable: u64,
}

impl JsonlRecords {
    /// Lines so far that are no record: cut by the death of a process, longer than 3 MiB, of a newer
    /// version, or changed by other means.
    pub const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    fn advance(&mut self) -> Result<Option<Record>, JsonlError> {
        while self.next_line()? {
            if let Some(mut record) = self.record() {
                record.drop_marks();
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// The newest mark of each key.
    pub(super) fn marks(mut self) -> Result<Vec<Mark>, JsonlError> {
        let mut newest = NewestMarks::default();
        while self.next_line()? {
            // Most lines have none, and need not be understood. In a text of a record the quotes are escaped.
            let has_marks = |line: &str| line.contains("\"marks\"");
            if !str::from_utf8(&self.line).is_ok_and(has_marks) {
                continue;
            }
            // Of a line that is no record they do not count either.
            let record = self.record();
            for mark in record.iter().flat_map(Record::marks) {
                newest.add(mark.clone());
            }
        }
        Ok(newest.iter().cloned().collect())
    }

    /// What the line says; `None`, and counted, where that is no record.
    fn record(&mut self) -> Option<Record> {
        let record = serde_json::from_slice(&self.line).ok();
        if record.is_none() && !self.line.trim_ascii().is_empty() {
            self.unreadable = self.unreadable.saturating_add(1);
        }
        record
    }

    /// Reads the next line that is not too long; `false` behind the last one.
    fn next_line(&mut self) -> Result<bool, JsonlError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        loop {
            let Some((path, reader)) = &mut self.current else {
                let Some(path) = self.files.pop_front() else {
                    return Ok(false);
                };
                match File::open(&path) {
                    Ok(file) => self.current = Some((path, BufReader::new(file))),
                    // Removed for the bound meanwhile.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(JsonlError::io(&path, error)),
                }
                continue;
            };
            self.line.clear();
            let read = reader
                .by_ref()
                .take(LINE_BYTES)
                .read_until(b'\n', &mut self.line)
                .map_err(|error| JsonlError::io(path, error))?;
            if read == 0 {
                self.current = None;
                continue;
            }
            if (read as u64) < LINE_BYTES || self.line.last() == Some(&b'\n') {
                return Ok(true);
            }
            reader
                .skip_until(b'\n')
                .map_err(|error| JsonlError::io(path, error))?;
            self.unreadable = self.unreadable.saturating_add(1);
        }
    }
}

impl Iterator for JsonlRecords {
    type Item = Result<Record, JsonlError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if let Some(Err(_)) = &next {
            self.files.clear();
            self.current = None;
        }
        next
    }
}
