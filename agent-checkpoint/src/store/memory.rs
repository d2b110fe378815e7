//! A store that lives as long as the process: for tests, and for sessions that need no more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_primitives::SessionId;

use super::{Durability, Position, Size, Store, StoreId, Writer};
use crate::Error;

/// Logs in memory. Clones share them.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Store};
/// use agent_primitives::{CheckpointKind, SessionId};
///
/// let store = MemoryStore::new();
/// let mut session = Checkpointer::builder(store.clone(), SessionId::new("s1")?).open()?;
/// session.push(Message::user("hello"))?;
/// session.save(CheckpointKind::Auto)?;
/// assert_eq!(store.sessions()?, [SessionId::new("s1")?]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct MemoryStore {
    id: StoreId,
    // Held for one map operation at a time; nothing is called under it.
    logs: Arc<Mutex<BTreeMap<SessionId, Log>>>,
}

#[derive(Debug, Default)]
struct Log {
    has_writer: bool,
    segments: BTreeMap<u32, Vec<u8>>,
    set_aside: BTreeMap<String, Vec<u8>>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// A store with no sessions and a fresh id.
    pub fn new() -> Self {
        Self::with_id(StoreId::fresh())
    }

    /// A store with a given id, so that its bytes can be told in advance.
    pub fn with_id(id: StoreId) -> Self {
        Self {
            id,
            logs: Arc::default(),
        }
    }

    fn logs(&self) -> MutexGuard<'_, BTreeMap<SessionId, Log>> {
        // No operation leaves a log half changed, so a panic elsewhere spoils nothing.
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn id(&self) -> StoreId {
        self.id
    }

    fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        let logs = self.logs();
        let written = logs.iter().filter(|(_, log)| !log.segments.is_empty());
        Ok(written.map(|(session, _)| session.clone()).collect())
    }

    fn segments(&self, session: &SessionId) -> Result<Vec<u32>, Error> {
        let logs = self.logs();
        Ok(logs
            .get(session)
            .map_or_else(Vec::new, |log| log.segments.keys().copied().collect()))
    }

    fn read(&self, session: &SessionId, segment: u32, max: usize) -> Result<Vec<u8>, Error> {
        let logs = self.logs();
        let bytes = logs.get(session).and_then(|log| log.segments.get(&segment));
        match bytes {
            Some(bytes) if bytes.len() > max => {
                Err(Error::too_large("a segment", bytes.len(), max))
            }
            Some(bytes) => Ok(bytes.clone()),
            None => Err(no_segment(session, segment)),
        }
    }

    fn segment_len(&self, session: &SessionId, segment: u32) -> Result<u64, Error> {
        let logs = self.logs();
        let bytes = logs.get(session).and_then(|log| log.segments.get(&segment));
        bytes
            .map(|bytes| wide(bytes.len()))
            .ok_or_else(|| no_segment(session, segment))
    }

    fn read_range(
        &self,
        session: &SessionId,
        segment: u32,
        offset: u64,
        len: usize,
    ) -> Result<Vec<u8>, Error> {
        let logs = self.logs();
        let bytes = logs.get(session).and_then(|log| log.segments.get(&segment));
        bytes
            .map(|bytes| super::part(bytes, offset, len).to_vec())
            .ok_or_else(|| no_segment(session, segment))
    }

    fn writer(&self, session: &SessionId) -> Result<Box<dyn Writer>, Error> {
        let mut logs = self.logs();
        let log = logs.entry(session.clone()).or_default();
        if std::mem::replace(&mut log.has_writer, true) {
            return Err(Error::locked(session.clone()));
        }
        Ok(Box::new(MemoryWriter {
            store: self.clone(),
            session: session.clone(),
            end: None,
        }))
    }

    fn remove(&self, session: &SessionId) -> Result<(), Error> {
        let mut logs = self.logs();
        if logs.get(session).is_some_and(|log| log.has_writer) {
            return Err(Error::locked(session.clone()));
        }
        logs.remove(session);
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryWriter {
    store: MemoryStore,
    session: SessionId,
    end: Option<Position>,
}

impl MemoryWriter {
    fn with_log<T>(&self, act: impl FnOnce(&mut Log) -> T) -> T {
        act(self.store.logs().entry(self.session.clone()).or_default())
    }
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        self.with_log(|log| log.has_writer = false);
    }
}

impl Writer for MemoryWriter {
    fn start(&mut self, segment: u32, header: &[u8]) -> Result<(), Error> {
        if self.with_log(|log| log.segments.contains_key(&segment)) {
            return Err(Error::conflict(self.session.clone()));
        }
        self.with_log(|log| log.segments.insert(segment, header.to_vec()));
        self.end = Some(Position {
            segment,
            offset: wide(header.len()),
        });
        Ok(())
    }

    fn resume(&mut self, at: Position) -> Result<(), Error> {
        self.cut(at)
    }

    fn cut(&mut self, at: Position) -> Result<(), Error> {
        let is_inside = self.with_log(|log| match log.segments.get_mut(&at.segment) {
            Some(bytes) if at.offset <= wide(bytes.len()) => {
                bytes.truncate(usize::try_from(at.offset).unwrap_or(usize::MAX));
                true
            }
            _ => false,
        });
        if !is_inside {
            return Err(Error::conflict(self.session.clone()));
        }
        self.end = Some(at);
        Ok(())
    }

    fn append(&mut self, at: Position, bytes: &[u8], _: Durability) -> Result<(), Error> {
        if self.end != Some(at) {
            return Err(Error::conflict(self.session.clone()));
        }
        self.with_log(|log| {
            log.segments
                .entry(at.segment)
                .or_default()
                .extend_from_slice(bytes);
        });
        self.end = Some(Position {
            offset: at.offset + wide(bytes.len()),
            ..at
        });
        Ok(())
    }

    fn set_aside(&mut self, at: Position, bytes: &[u8]) -> Result<String, Error> {
        let name = super::name_aside(at, bytes);
        self.with_log(|log| log.set_aside.insert(name.clone(), bytes.to_vec()));
        Ok(name)
    }

    fn size(&self) -> Result<Size, Error> {
        let used = self.with_log(|log| log.segments.values().map(Vec::len).sum::<usize>());
        Ok(Size {
            used: wide(used),
            allocated: wide(used),
        })
    }
}

fn no_segment(session: &SessionId, segment: u32) -> Error {
    Error::invalid(
        format!("segment {segment} of session {session}"),
        "there is no such segment; list them first",
    )
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
