//! Takes a session's lock and reads its log: damage is set aside, the newest whole checkpoint is the state.

use std::sync::Arc;

use agent_primitives::SessionId;

use super::current::Current;
use super::load::{Loaded, Lost, load};
use super::report::{Quarantined, Report};
use super::save::{Head, LogEnd};
use super::{Checkpoint, Checkpointer};
use crate::log::numbering::wide;
use crate::log::replay::{Entry, Replay};
use crate::{Durability, Error, Position, Size, Store, Writer};

/// A session's log with its lock.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) writer: Box<dyn Writer>,
    pub(super) current: Current,
    pub(super) head: Option<Head>,
    pub(super) end: LogEnd,
    pub(super) listed: Vec<Checkpoint>,
    pub(super) logical: u64,
    pub(super) owed: Option<Mending>,
    pub(super) report: Report,
}

impl Attached {
    pub(super) fn to(store: &Arc<dyn Store>, session: &SessionId) -> Result<Self, Error> {
        let mut writer = store.writer(session)?;
        let mut loaded = load(store, session, u64::MAX)?;
        let (head, current) = newest(&mut loaded.replay)?;
        let mut report = report(&loaded, head.as_ref());
        let mending = Mending {
            lost: std::mem::take(&mut loaded.lost),
            end: loaded.end,
            is_torn: loaded.is_torn,
        };
        // From here on the store is changed; what could refuse the log has been asked.
        let owed = match mending.mend(writer.as_mut(), &mut report) {
            Ok(()) => None,
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
        Ok(Self {
            end: LogEnd {
                position: loaded.end,
                last_segment: loaded.last_segment,
                next: loaded.replay.next,
                last_item: loaded.replay.last_item(),
                is_synced: false,
            },
            listed: listed(&loaded.replay),
            logical: loaded.replay.logical,
            head: head.as_ref().map(Head::of),
            writer,
            current,
            owed,
            report,
        })
    }
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
    fn mend(&self, writer: &mut dyn Writer, report: &mut Report) -> Result<(), Error> {
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
        report.lost_bytes = self.len();
        report.quarantined = quarantined;
        report.unmended_bytes = 0;
        Ok(())
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
        // The lock must be free before it is taken again.
        self.writer = Box::new(Closed);
        self.owed = None;
        let attached = Attached::to(&self.store, &self.session)?;
        self.current.rebase(attached.current);
        self.writer = attached.writer;
        self.head = attached.head;
        self.end = attached.end;
        self.listed = attached.listed;
        self.logical = attached.logical;
        self.owed = attached.owed;
        self.report = attached.report;
        Ok(())
    }

    /// Does what opening could not do for want of room.
    pub(super) fn mend(&mut self) -> Result<(), Error> {
        if let Some(mending) = &self.owed {
            mending.mend(self.writer.as_mut(), &mut self.report)?;
            self.owed = None;
        }
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
fn newest(replay: &mut Replay) -> Result<(Option<Entry>, Current), Error> {
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

fn report(loaded: &Loaded, head: Option<&Entry>) -> Report {
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
        items: replay.items.len(),
        checkpoints: replay.commits.len(),
        degraded,
        missing: replay.missing.clone(),
        uncommitted: uncommitted.map(|block| block.count).sum(),
        damaged_headers: loaded.damaged_headers.clone(),
        ignored: loaded.ignored.clone(),
        ..Report::default()
    }
}

fn listed(replay: &Replay) -> Vec<Checkpoint> {
    let kept = replay
        .commits
        .iter()
        .filter(|entry| entry.whole && !replay.is_dropped(entry));
    kept.map(Checkpoint::of).collect()
}

#[cfg(test)]
mod tests {
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
        let mut batch = Batch::starting_at(session.end.next);
        let values: Map<String, Value> = [(name.to_owned(), value)].into_iter().collect();
        let seq = batch.snapshot(&mut session.packer, &values).unwrap();
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
        session.append(&batch, Durability::Synced).unwrap();
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
