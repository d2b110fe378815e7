//! A store that lives as long as the process: for tests, and for sessions that need no more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_primitives::{SessionId, Timestamp};

use super::claim::{Found, Record, Stage, Verdict, decide};
use super::{
    Claim, Durability, Position, Replacer, Shared, Size, Store, StoreId, Tenure, Writer, claimant,
};
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
    /// Of the last writer.
    lease: Option<Record>,
    /// Shared with forks; whoever writes to one has it alone.
    segments: BTreeMap<u32, Arc<Vec<u8>>>,
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
                let what = format!("segment {segment} of session {session}");
                Err(Error::too_large(what, bytes.len(), max))
            }
            Some(bytes) => Ok(bytes.to_vec()),
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

    fn claim(&self, session: &SessionId, claim: &Claim) -> Result<Box<dyn Writer>, Error> {
        let mut logs = self.logs();
        let log = logs.entry(session.clone()).or_default();
        let found = Found {
            record: log.lease.clone(),
            successor: None,
            is_free: !log.has_writer,
        };
        let mut lease = claimant::record(claim);
        let tenure = match decide(&found, &lease, claim) {
            Verdict::Take(tenure) => tenure,
            Verdict::Refuse(Some(owner)) => return Err(Error::locked_by(session.clone(), owner)),
            Verdict::Refuse(None) => return Err(Error::locked(session.clone())),
        };
        lease.owner.epoch = tenure.epoch;
        if tenure.is_takeover {
            lease.stage = Stage::Taking;
        }
        log.has_writer = true;
        log.lease = Some(lease.clone());
        Ok(Box::new(MemoryWriter {
            store: self.clone(),
            session: session.clone(),
            claim: *claim,
            is_takeover: tenure.is_takeover,
            epoch: tenure.epoch,
            token: lease.token,
            end: None,
        }))
    }

    fn share(
        &self,
        from: &SessionId,
        to: &SessionId,
        shared: &[Shared],
        (own, bytes): (u32, &[u8]),
    ) -> Result<(), Error> {
        let mut logs = self.logs();
        let mut segments = BTreeMap::new();
        for Shared { segment, len } in shared {
            let there = logs.get(from).and_then(|log| log.segments.get(segment));
            let mut taken = there
                .map(Arc::clone)
                .ok_or_else(|| no_segment(from, *segment))?;
            if let Some(len) = len {
                Arc::make_mut(&mut taken).truncate(usize::try_from(*len).unwrap_or(usize::MAX));
            }
            segments.insert(*segment, taken);
        }
        segments.insert(own, Arc::new(bytes.to_vec()));
        let log = logs.entry(to.clone()).or_default();
        if log.has_writer {
            return Err(Error::locked(to.clone()));
        }
        if !log.segments.is_empty() {
            return Err(Error::taken(format!("session {to}"), "its own log"));
        }
        log.segments = segments;
        Ok(())
    }

    fn remove(&self, session: &SessionId) -> Result<(), Error> {
        let mut logs = self.logs();
        if let Some(log) = logs.get(session).filter(|log| log.has_writer) {
            let owner = log.lease.as_ref().map(|lease| lease.owner.clone());
            return Err(owner.map_or_else(
                || Error::locked(session.clone()),
                |owner| Error::locked_by(session.clone(), owner),
            ));
        }
        logs.remove(session);
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryWriter {
    store: MemoryStore,
    session: SessionId,
    claim: Claim,
    is_takeover: bool,
    epoch: u64,
    token: [u8; 16],
    end: Option<Position>,
}

impl MemoryStore {
    /// Acts on the log while its writer is the one of this token; the check and the act are one step.
    fn act<T>(
        &self,
        session: &SessionId,
        token: [u8; 16],
        act: impl FnOnce(&mut Log) -> T,
    ) -> Result<T, Error> {
        let mut logs = self.logs();
        let log = logs.get_mut(session);
        let lease = log.as_ref().and_then(|log| log.lease.as_ref());
        let owner = lease.map(|lease| lease.owner.clone());
        let is_own = lease.is_some_and(|lease| lease.token == token);
        match log.filter(|_| is_own) {
            Some(log) => Ok(act(log)),
            None => Err(Error::fenced(session.clone(), owner)),
        }
    }
}

/// Replaces segments for the writer of this token.
#[derive(Debug)]
struct MemoryReplacer {
    store: MemoryStore,
    session: SessionId,
    token: [u8; 16],
}

impl Replacer for MemoryReplacer {
    fn replace(&self, segment: u32, bytes: &[u8]) -> Result<(), Error> {
        let is_done = self.store.act(&self.session, self.token, |log| {
            let last = log.segments.last_key_value().map(|(last, _)| *last);
            let is_closed = log.has_writer && last.is_some_and(|last| segment < last);
            match log.segments.get_mut(&segment).filter(|_| is_closed) {
                Some(place) => *place = Arc::new(bytes.to_vec()),
                None => return false,
            }
            true
        })?;
        if is_done {
            Ok(())
        } else {
            Err(Error::conflict(self.session.clone()))
        }
    }
}

impl MemoryWriter {
    fn act<T>(&self, act: impl FnOnce(&mut Log) -> T) -> Result<T, Error> {
        self.store.act(&self.session, self.token, act)
    }

    fn change_lease(&self, change: impl FnOnce(&mut Record)) -> Result<(), Error> {
        self.act(|log| log.lease.as_mut().map(change).unwrap_or_default())
    }
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        // One who was fenced has nothing to give back.
        let _ = self.act(|log| {
            log.has_writer = false;
            if let Some(lease) = log.lease.as_mut().filter(|l| l.stage == Stage::Held) {
                lease.stage = Stage::Released;
            }
        });
    }
}

impl Writer for MemoryWriter {
    fn tenure(&self) -> Tenure {
        Tenure {
            epoch: self.epoch,
            is_takeover: self.is_takeover,
        }
    }

    fn outrank(&mut self, epoch: u64) -> Result<(), Error> {
        self.epoch = self.epoch.max(epoch.saturating_add(1));
        let epoch = self.epoch;
        self.change_lease(|lease| lease.owner.epoch = epoch)
    }

    fn renew(&mut self, now: Timestamp) -> Result<(), Error> {
        self.change_lease(|lease| lease.renew(&self.claim, now))
    }

    fn start(&mut self, segment: u32, header: &[u8]) -> Result<(), Error> {
        let is_made = self.act(|log| {
            if log.segments.contains_key(&segment) {
                return false;
            }
            log.segments.insert(segment, Arc::new(header.to_vec()));
            if let Some(lease) = &mut log.lease {
                lease.stage = Stage::Held;
            }
            true
        })?;
        if !is_made {
            return Err(Error::conflict(self.session.clone()));
        }
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
        let is_inside = self.act(|log| match log.segments.get_mut(&at.segment) {
            Some(bytes) if at.offset <= wide(bytes.len()) => {
                Arc::make_mut(bytes).truncate(usize::try_from(at.offset).unwrap_or(usize::MAX));
                true
            }
            _ => false,
        })?;
        if !is_inside {
            return Err(Error::conflict(self.session.clone()));
        }
        self.end = Some(at);
        Ok(())
    }

    fn append(&mut self, at: Position, bytes: &[u8], _: Durability) -> Result<(), Error> {
        let is_end = self.end == Some(at);
        self.act(|log| {
            if is_end {
                let segment = log.segments.entry(at.segment).or_default();
                Arc::make_mut(segment).extend_from_slice(bytes);
            }
        })?;
        if !is_end {
            return Err(Error::conflict(self.session.clone()));
        }
        self.end = Some(Position {
            offset: at.offset + wide(bytes.len()),
            ..at
        });
        Ok(())
    }

    fn set_aside(&mut self, at: Position, bytes: &[u8]) -> Result<String, Error> {
        let name = super::name_aside(at, bytes);
        self.act(|log| log.set_aside.insert(name.clone(), bytes.to_vec()))?;
        Ok(name)
    }

    fn replacer(&self) -> Option<Arc<dyn Replacer>> {
        Some(Arc::new(MemoryReplacer {
            store: self.store.clone(),
            session: self.session.clone(),
            token: self.token,
        }))
    }

    fn size(&self) -> Result<Size, Error> {
        let logs = self.store.logs();
        let segments = logs.get(&self.session).map(|log| log.segments.values());
        let used = segments.map_or(0, |segments| {
            segments.map(|bytes| bytes.len()).sum::<usize>()
        });
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
