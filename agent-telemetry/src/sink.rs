//! Where records go.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::record::NewestMarks;
use crate::{Mark, Period, Record, Rollups, UserKey};

/// Stores records. Called by one thread, never concurrently.
///
/// Records come in the order in which each thread made them. The marks of sessions (start, resumption,
/// end) come behind everything that happened before them, and ahead of everything after them, on
/// whichever thread.
///
/// ```
/// use agent_telemetry::{Record, Sink, SinkError};
///
/// struct Counter(usize);
/// impl Sink for Counter {
///     fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
///         self.0 += batch.len();
///         Ok(())
///     }
/// }
///
/// let mut counter = Counter(0);
/// counter.write(&[])?;
/// assert_eq!(counter.0, 0);
/// # Ok::<(), SinkError>(())
/// ```
pub trait Sink: Send {
    /// Stores the whole batch, or nothing of it. Once it returns `Ok`, the batch survives a crash of
    /// the process as far as the sink is able to promise that.
    ///
    /// May block: only the writer thread waits.
    ///
    /// # Errors
    /// [`SinkError`] when nothing was stored. The same batch is offered again later.
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError>;

    /// The key that makes [`UserHash`](crate::UserHash)es of e-mail addresses, asked for when a
    /// recorder starts: a store gives the one that it keeps, so that a person is the same one in
    /// every run. A new one each time unless a sink says otherwise.
    ///
    /// # Errors
    /// [`SinkError`] when the key cannot be read or kept.
    fn user_key(&mut self) -> Result<UserKey, SinkError> {
        Ok(UserKey::random())
    }

    /// The newest [`Mark`] of each key that came with the records, asked for once when a recorder starts. A
    /// sink that keeps marks stores them together with their records, whole batches or nothing, and gives at
    /// most 262 144 of them, those stored first ahead of the others. None unless a sink says otherwise: then nobody can go on where a process died.
    ///
    /// # Errors
    /// [`SinkError`] when they cannot be read.
    fn marks(&mut self) -> Result<Vec<Mark>, SinkError> {
        Ok(Vec::new())
    }
}

impl<S: Sink + ?Sized> Sink for Box<S> {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        (**self).write(batch)
    }

    fn user_key(&mut self) -> Result<UserKey, SinkError> {
        (**self).user_key()
    }

    fn marks(&mut self) -> Result<Vec<Mark>, SinkError> {
        (**self).marks()
    }
}

/// Why a sink could not store a batch. The cause is its [`source`](Error::source).
///
/// ```
/// use std::error::Error;
/// use agent_telemetry::SinkError;
///
/// let error = SinkError::new("disk is gone");
/// assert_eq!(error.source().unwrap().to_string(), "disk is gone");
/// ```
#[derive(Debug)]
pub struct SinkError(Box<dyn Error + Send + Sync>);

impl SinkError {
    /// An error with this cause.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sink could not store the records; they are kept and offered again")
    }
}

impl Error for SinkError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref())
    }
}

/// Keeps records in memory. Clones share them, so a host keeps one and gives the other away.
///
/// Holds the newest 262 144 records unless set; older ones make room and are counted. Their marks it keeps
/// apart, up to as many of them.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{MemorySink, Metric, Record, Sink};
///
/// let sink = MemorySink::with_capacity(2);
/// for files in 0..3 {
///     let record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("files_changed", files));
///     sink.clone().write(&[record])?;
/// }
/// assert_eq!((sink.records().len(), sink.evicted()), (2, 1));
/// # Ok::<(), agent_telemetry::SinkError>(())
/// ```
#[derive(Debug, Clone)]
pub struct MemorySink {
    kept: Arc<Mutex<Kept>>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Kept {
    records: VecDeque<Record>,
    evicted: u64,
    marks: NewestMarks,
    user_key: Option<UserKey>,
}

impl MemorySink {
    const CAPACITY: usize = 262_144;

    /// An empty sink for 262 144 records.
    pub fn new() -> Self {
        Self::with_capacity(Self::CAPACITY)
    }

    /// An empty sink for `capacity` records.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            kept: Arc::default(),
            capacity,
        }
    }

    /// What it holds, in the order of recording.
    pub fn records(&self) -> Vec<Record> {
        self.kept().records.iter().cloned().collect()
    }

    /// The sums of a period, over the records that it holds. They are folded anew each time.
    pub fn rollups(&self, period: Period) -> Rollups {
        Rollups::of(&self.kept().records, period)
    }

    /// How many records made room for newer ones.
    pub fn evicted(&self) -> u64 {
        self.kept().evicted
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Each update leaves the queue whole, so a panic elsewhere cannot have broken it.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemorySink {
    fn default() -> Self {
        Self::new()
    }
}

impl Sink for MemorySink {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        let mut kept = self.kept();
        for record in batch {
            for mark in record.marks() {
                kept.marks.add(mark.clone());
            }
            kept.records.push_back(record.clone_without_marks());
        }
        let surplus = kept.records.len().saturating_sub(self.capacity);
        kept.records.drain(..surplus);
        kept.evicted = kept.evicted.saturating_add(surplus as u64);
        Ok(())
    }

    fn user_key(&mut self) -> Result<UserKey, SinkError> {
        Ok(*self.kept().user_key.get_or_insert_with(UserKey::random))
    }

    fn marks(&mut self) -> Result<Vec<Mark>, SinkError> {
        Ok(self.kept().marks.iter().cloned().collect())
    }
}
