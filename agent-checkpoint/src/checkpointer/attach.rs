//! Takes a session's lock and reads its log: damage is set aside, the newest whole checkpoint is the state.

use std::sync::Arc;

use agent_primitives::SessionId;

use super::appender::{Appender, LogEnd};
use super::current::Current;
use super::health::Health;
use super::load::{Loaded, Lost, Reading, load};
use super::report::{Quarantined, Report};
use super::resume::{Resume, Resumed, end_of};
use super::save::Head;
use super::unsynced::Unsynced;
use super::{Checkpoint, Checkpointer};
use crate::log::numbering::{narrow, wide};
use crate::log::replay::{Entry, Replay};
use crate::{Durability, Error, Position, Size, Store, StoreId, Writer};

/// A session's log with its lock.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) appender: Appender,
    pub(super) current: Current,
    pub(super) head: Option<Head>,
    pub(super) listed: Vec<Checkpoint>,
    pub(super) logical: u64,
    pub(super) report: Report,
    pub(super) is_partial: bool,
}

impl Attached {
    /// `doubt` is where an earlier writer of this process failed to sync: what lies behind it in its segment
    /// may never reach the device, whatever the system says of it now.
    pub(super) fn to(
        store: &Arc<dyn Store>,
        session: &SessionId,
        doubt: Option<Position>,
        limit: u64,
        resume: Resume,
    ) -> Result<Self, Error> {
        let mut writer = store.writer(session)?;
        let Resumed {
            mut loaded,
            head,
            current,
            is_partial,
        } = match doubt {
            Some(doubt) => resumed(&Doubted { store, doubt }, session, limit, resume)?,
            None => resumed(store, session, limit, resume)?,
        };
        let mut report = report(&loaded, head.as_ref());
        let mending = Mending {
            lost: std::mem::take(&mut loaded.lost),
            end: loaded.end,
            is_torn: loaded.is_torn,
        };
        // From here on the store is changed; what could refuse the log has been asked.
        let owed = match mending.mend(writer.as_mut()) {
            Ok(mended) => {
                mended.tell(&mut report);
                None
            }
            // Reading needs no room, so a full disk keeps nobody from what was saved.
            Err(error) if error.is_unavailable() && !mending.lost.is_empty() => {
                tracing::warn!(%session, %error, "damage could not be set aside yet");
                report.unmended_bytes = mending.len();
                Some(mending)
            }
            Err(error) => return Err(error),
        };
        if !report.is_clean() {
            tracing::warn!(%session, %report, "log was damaged");
        }
        let opened = loaded.end.map(|end| end.offset);
        // Cutting the torn tail synced the rest.
        let is_cut = loaded.is_torn && owed.is_none();
        let appender = Appender {
            store: Arc::clone(store),
            session: session.clone(),
            writer,
            end: LogEnd {
                position: loaded.end,
                last_segment: loaded.last_segment,
                next: loaded.replay.next,
                last_item: loaded.replay.last_item(),
                synced: opened.filter(|_| is_cut),
                opened,
                is_synced: false,
            },
            owed,
            mended: None,
            ignored: loaded.ignored,
            unsynced: Unsynced::default(),
            is_failed: false,
            is_reclaimed: false,
            health: Health::default(),
        };
        Ok(Self {
            appender,
            listed: listed(&loaded.replay),
            logical: loaded.replay.logical,
            head: head.as_ref().map(Head::of),
            current,
            report,
            is_partial,
        })
    }
}

fn resumed(
    store: &dyn Store,
    session: &SessionId,
    limit: u64,
    resume: Resume,
) -> Result<Resumed, Error> {
    if let Resume::Last(messages) = resume
        && let Some(resumed) = end_of(store, session, messages)?
    {
        return Ok(resumed);
    }
    let mut loaded = load(store, session, Reading::within(limit))?;
    let (head, mut current) = newest(&mut loaded.replay)?;
    if let Resume::Last(messages) = resume {
        current.leave_out(current.numbering.len().saturating_sub(messages));
    }
    Ok(Resumed {
        loaded,
        head,
        current,
        is_partial: false,
    })
}

/// What is to be done to a log before anything is appended.
#[derive(Debug)]
pub(super) struct Mending {
    lost: Vec<Lost>,
    end: Option<Position>,
    is_torn: bool,
}

impl Mending {
    fn len(&self) -> u64 {
        self.lost.iter().map(|lost| wide(lost.bytes.len())).sum()
    }

    /// Copies damaged bytes aside, and then cuts off what an interrupted write left at the end. Doing it
    /// again after a failure does no harm.
    pub(super) fn mend(&self, writer: &mut dyn Writer) -> Result<Mended, Error> {
        let mut quarantined = Vec::new();
        for lost in &self.lost {
            let copy = writer.set_aside(lost.at, &lost.bytes)?;
            quarantined.push(Quarantined {
                at: lost.at,
                len: wide(lost.bytes.len()),
                reason: lost.fault.to_string(),
                copy,
            });
        }
        match self.end {
            Some(end) if self.is_torn => writer.cut(end)?,
            Some(end) => writer.resume(end)?,
            None => {}
        }
        Ok(Mended {
            lost_bytes: self.len(),
            quarantined,
        })
    }
}

/// What was set aside.
#[derive(Debug)]
pub(super) struct Mended {
    lost_bytes: u64,
    quarantined: Vec<Quarantined>,
}

impl Mended {
    pub(super) fn tell(self, report: &mut Report) {
        report.lost_bytes = self.lost_bytes;
        report.quarantined = self.quarantined;
        report.unmended_bytes = 0;
    }
}

/// A store of which one segment is believed only up to a place.
#[derive(Debug)]
struct Doubted<'a> {
    store: &'a Arc<dyn Store>,
    doubt: Position,
}

impl Store for Doubted<'_> {
    fn id(&self) -> StoreId {
        self.store.id()
    }
    fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        self.store.sessions()
    }
    fn segments(&self, session: &SessionId) -> Result<Vec<u32>, Error> {
        self.store.segments(session)
    }
    fn read(&self, session: &SessionId, segment: u32, max: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = self.store.read(session, segment, max)?;
        if segment == self.doubt.segment {
            bytes.truncate(narrow(self.doubt.offset));
        }
        Ok(bytes)
    }
    fn writer(&self, session: &SessionId) -> Result<Box<dyn Writer>, Error> {
        self.store.writer(session)
    }
    fn remove(&self, session: &SessionId) -> Result<(), Error> {
        self.store.remove(session)
    }
}

impl Checkpointer {
    /// Opens the session anew in place: the answer to [`Error::is_poisoned`] and [`Error::is_conflict`].
    ///
    /// Gives the lock back, takes it again and reads the log, as [`open`](super::Builder::open) does.
    /// Everything in memory stays: messages, state, components, context. The next save writes whatever of
    /// it the log does not hold. [`report`](Self::report) tells anew what was found.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
    /// session.push(Message::user("hello"))?;
    /// session.reopen()?;
    /// assert_eq!(session.unsaved(), [Message::user("hello")]);
    /// session.save(CheckpointKind::Auto)?;
    /// assert!(session.unsaved().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`open`](super::Builder::open). Memory stays, no save works, and it may be tried again.
    pub fn reopen(&mut self) -> Result<(), Error> {
        self.land()?;
        let (doubt, is_failed) = {
            let mut appender = self.desk.appender()?;
            // The lock must be free before it is taken again.
            appender.writer = Box::new(Closed);
            appender.owed = None;
            (appender.doubt(), appender.is_failed)
        };
        let mut attached =
            Attached::to(&self.store, &self.session, doubt, self.limit, Resume::Whole)?;
        if is_failed && attached.appender.end.last_segment > 0 {
            attached.appender.fail_at(doubt);
        }
        self.current.rebase(attached.current);
        self.desk.appender()?.replace(attached.appender);
        self.head = attached.head;
        self.listed = attached.listed;
        self.logical = attached.logical;
        self.report = attached.report;
        self.is_partial = attached.is_partial;
        Ok(())
    }
}

/// Stands in where there is no writer.
#[derive(Debug)]
struct Closed;

impl Writer for Closed {
    fn start(&mut self, _: u32, _: &[u8]) -> Result<(), Error> {
        Err(Error::poisoned())
    }
    fn resume(&mut self, _: Position) -> Result<(), Error> {
        Err(Error::poisoned())
    }
    fn cut(&mut self, _: Position) -> Result<(), Error> {
        Err(Error::poisoned())
    }
    fn append(&mut self, _: Position, _: &[u8], _: Durability) -> Result<(), Error> {
        Err(Error::poisoned())
    }
    fn set_aside(&mut self, _: Position, _: &[u8]) -> Result<String, Error> {
        Err(Error::poisoned())
    }
    fn size(&self) -> Result<Size, Error> {
        Err(Error::poisoned())
    }
}

/// The newest commit that is whole and reads back, and its state.
pub(crate) fn newest(replay: &mut Replay) -> Result<(Option<Entry>, Current), Error> {
    while let Some(entry) = replay.head().cloned() {
        match Current::load(replay, &entry) {
            Ok(current) => return Ok((Some(entry), current)),
            Err(error) if error.is_decode() || error.is_damaged() => {
                tracing::warn!(checkpoint = %entry.id(), %error, "checkpoint does not read back");
                replay.degrade(entry.seq);
            }
            Err(error) => return Err(error),
        }
    }
    Ok((None, Current::default()))
}

pub(crate) fn report(loaded: &Loaded, head: Option<&Entry>) -> Report {
    let replay = &loaded.replay;
    let degraded = replay
        .commits
        .iter()
        .filter(|entry| !entry.whole)
        .map(Entry::id)
        .collect();
    let uncommitted = replay
        .blocks
        .iter()
        .filter(|b| head.is_none_or(|head| b.first > head.seq));
    Report {
        head: head.map(Entry::id),
        segments: loaded.segments,
        frames: replay.frames,
        // The items themselves have gone into the state by now.
        items: replay.blocks.iter().map(|block| block.count).sum(),
        checkpoints: replay.commits.len(),
        degraded,
        missing: replay.missing.clone(),
        uncommitted: uncommitted.map(|block| block.count).sum(),
        damaged_headers: loaded.damaged_headers.clone(),
        ignored: loaded.ignored.clone(),
        ..Report::default()
    }
}

pub(crate) fn listed(replay: &Replay) -> Vec<Checkpoint> {
    let kept = replay
        .commits
        .iter()
        .filter(|entry| entry.whole && !replay.is_dropped(entry));
    kept.map(Checkpoint::of).collect()
}

#[cfg(test)]
mod tests {
    use super::super::save::Flight;
    use super::*;
    use crate::format::payload::{Body, Reference};
    use crate::log::batch::Batch;
    use crate::log::chain::NO_PARENT;
    use crate::{MemoryStore, Message};
    use agent_primitives::CheckpointKind;
    use serde_json::{Map, Value, json};

    fn open(store: &MemoryStore) -> Checkpointer {
        let id = SessionId::new("s").unwrap();
        Checkpointer::builder(store.clone(), id).open().unwrap()
    }

    /// Appends a commit whose only component is `value`.
    fn commit(session: &mut Checkpointer, name: &str, value: Value) {
        let mut batch = Batch::starting_at(session.desk.appender().unwrap().end.next);
        let value = value.to_string();
        let values = [(name, value.as_bytes())];
        let seq = batch.snapshot(&mut session.packer, values).unwrap();
        let reference = Reference { seq, schema: 1 };
        let body = Body {
            at: 0,
            kind: "auto".into(),
            agent: None,
            restored: None,
            covers: 0,
            history: session.current.numbering.spans().to_vec(),
            context: None,
            components: [(name.to_owned(), reference)].into_iter().collect(),
            other: Map::new(),
        };
        batch.commit(&mut session.packer, &NO_PARENT, body).unwrap();
        session
            .run(batch.into_frames(), Durability::Synced, Flight::Nothing)
            .unwrap();
    }

    #[test]
    fn a_checkpoint_that_does_not_decode_gives_way_to_the_one_before() {
        let store = MemoryStore::new();
        let mut session = open(&store);
        session.push(Message::user("one")).unwrap();
        session.update(|work| work.next_steps.push("go".into()));
        let good = session.save(CheckpointKind::Auto).unwrap();
        commit(&mut session, "work.next_steps", json!({"a": 1}));
        drop(session);

        let mut session = open(&store);
        assert_eq!(session.report().head, Some(good));
        assert_eq!(session.report().degraded.len(), 1);
        assert_eq!(session.state().work.next_steps, ["go"]);
        session.push(Message::user("two")).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
        drop(session);
        assert_eq!(open(&store).history().len(), 2);
    }

    #[test]
    fn old_components_are_not_read() {
        let store = MemoryStore::new();
        let mut session = open(&store);
        session.push(Message::user("one")).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
        commit(&mut session, "work.next_steps", json!({"a": 1}));
        commit(&mut session, "work.next_steps", json!(["go"]));
        drop(session);
        let session = open(&store);
        assert!(session.report().is_clean(), "{}", session.report());
        assert_eq!(session.state().work.next_steps, ["go"]);
    }
}
