//! Takes a session's lock and reads its log: damage is set aside, the newest whole checkpoint is the state.

use std::sync::Arc;

use agent_primitives::{SessionId, Timestamp};

use super::anew::Anew;
use super::appender::{Appender, LogEnd};
use super::current::Current;
use super::health::Health;
use super::load::{Lost, Reading, load};
pub(crate) use super::newest::newest;
use super::points::Points;
use super::report::{Quarantined, Report};
use super::resume::{Resume, Resumed, end_of};
use super::save::Head;
use super::seal::Segments;
use super::unsynced::Unsynced;
use super::{Checkpoint, Checkpointer};
use crate::format::SEGMENT_TARGET;
use crate::format::keys::Keys;
use crate::log::blobs::Known;
use crate::log::numbering::{narrow, wide};
use crate::log::replay::Replay;
use crate::{Claim, Durability, Error, Position, Size, Store, StoreId, Tenure, Writer};

/// After a takeover, a writer that was stopped while it made a segment may use the number meant for the next
/// one; it can do so once. One more try is for good measure.
const CLAIM_TRIES: u32 = 3;

/// A session's log with its lock.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) epoch: u64,
    pub(super) appender: Appender,
    pub(super) current: Current,
    pub(super) head: Option<Head>,
    pub(super) points: Points,
    pub(super) segments: Segments,
    pub(super) blobs: Known,
    pub(super) logical: u64,
    pub(super) report: Report,
    pub(super) is_partial: bool,
}

impl Attached {
    /// Claims the session and reads its log.
    pub(super) fn to(
        store: &Arc<dyn Store>,
        session: &SessionId,
        claim: &Claim,
        reading: Reopening<'_>,
    ) -> Result<Self, Error> {
        let mut attached = Self::once(store, session, claim, reading);
        for _ in 1..CLAIM_TRIES {
            match attached {
                Err(error) if error.is_conflict() => {
                    attached = Self::once(store, session, claim, reading);
                }
                attached => return attached,
            }
        }
        attached
    }

    fn once(
        store: &Arc<dyn Store>,
        session: &SessionId,
        claim: &Claim,
        reading: Reopening<'_>,
    ) -> Result<Self, Error> {
        let log: &dyn Store = match reading.doubt {
            Some(doubt) => &Doubted { store, doubt },
            None => store,
        };
        let mut writer = match store.claim(session, &claim.giving_way()) {
            // Nobody loses a session to one who could not read it.
            Err(error) if error.is_locked() && claim.take_over.is_some() => {
                resumed(log, session, reading, true)?;
                store.claim(session, claim)?
            }
            claimed => claimed?,
        };
        // What an earlier owner may still write is told apart by reading everything.
        let is_whole = writer.tenure().is_takeover;
        let Resumed {
            mut loaded,
            head,
            current,
            is_partial,
        } = resumed(log, session, reading, is_whole)?;
        let mut report = Report::of(&loaded, head.as_ref());
        if loaded.epoch >= writer.tenure().epoch {
            writer.outrank(loaded.epoch)?;
        }
        let anew = if writer.tenure().is_takeover {
            Some(Anew::behind(&loaded, store, session, writer.tenure())?)
        } else {
            None
        };
        let mending = Mending {
            lost: std::mem::take(&mut loaded.lost),
            end: loaded.end,
            is_torn: loaded.is_torn,
            anew,
        };
        let tenure = writer.tenure();
        let begun = mending.anew.as_ref().map(Anew::position);
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
            keys: reading.keys.clone(),
            writer,
            claim: *claim,
            renewed: claim.now,
            end: LogEnd {
                position: begun.map_or(loaded.end, Some),
                last_segment: begun.map_or(loaded.last_segment, |begun| begun.segment),
                next: loaded.replay.next,
                last_item: loaded.replay.last_item(),
                synced: opened.filter(|_| is_cut),
                opened,
                is_synced: false,
            },
            owed,
            mended: None,
            begun: Vec::new(),
            ignored: loaded.ignored,
            unsynced: Unsynced::default(),
            is_failed: false,
            is_reclaimed: false,
            health: Health::default(),
            segment_target: SEGMENT_TARGET,
        };
        Ok(Self {
            epoch: tenure.epoch,
            appender,
            points: Points::new(listed(&loaded.replay), &loaded.replay.tags),
            blobs: if is_partial {
                Known::spent()
            } else {
                loaded.replay.blobs.known()
            },
            segments: Segments {
                unsealed: loaded.unsealed,
                shared: loaded.shared,
                sealed: loaded.sealed,
                last: loaded.last_segment,
            },
            logical: loaded.replay.logical,
            head: head.as_ref().map(Head::of),
            current,
            report,
            is_partial,
        })
    }
}

/// How a log is read when its session is claimed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reopening<'k> {
    pub(super) keys: &'k Keys,
    /// Where an earlier writer of this process failed to sync: what lies behind it in its segment may never
    /// reach the device, whatever the system says of it now.
    pub(super) doubt: Option<Position>,
    pub(super) limit: u64,
    pub(super) resume: Resume,
}

fn resumed(
    store: &dyn Store,
    session: &SessionId,
    reading: Reopening<'_>,
    is_whole: bool,
) -> Result<Resumed, Error> {
    let Reopening {
        limit,
        resume,
        keys,
        ..
    } = reading;
    if let Resume::Last(messages) = resume
        && !is_whole
        && let Some(resumed) = end_of(store, session, messages, Reading::within(limit, keys))?
    {
        return Ok(resumed);
    }
    let mut loaded = load(store, session, Reading::within(limit, keys))?;
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
    anew: Option<Anew>,
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
        match (&self.anew, self.end) {
            (Some(anew), _) => writer.start(anew.segment, &anew.header)?,
            (None, Some(end)) if self.is_torn => writer.cut(end)?,
            (None, Some(end)) => writer.resume(end)?,
            (None, None) => {}
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
    fn claim(&self, session: &SessionId, claim: &Claim) -> Result<Box<dyn Writer>, Error> {
        self.store.claim(session, claim)
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
    /// [`Error::is_fenced`] when another writer took the session over: its state is not to be replaced
    /// unasked. Ask with [`take_over`](Self::take_over), or open the session anew.
    pub fn reopen(&mut self) -> Result<(), Error> {
        self.land()?;
        let claim = self.claim_now();
        if self.is_fenced(claim.now)? {
            let mut appender = self.desk.appender()?;
            return appender.writer.renew(claim.now);
        }
        self.attach(&claim)
    }

    /// Whether somebody took the session over.
    fn is_fenced(&self, now: Timestamp) -> Result<bool, Error> {
        let renewed = self.desk.appender()?.writer.renew(now);
        Ok(renewed.is_err_and(|error| error.is_fenced()))
    }

    /// Claims the session and goes on there, with all that is in memory.
    pub(super) fn attach(&mut self, claim: &Claim) -> Result<(), Error> {
        // Nobody may be at work under a lock that is given back.
        self.sealer.stop();
        let is_fenced = self.is_fenced(claim.now)?;
        let (doubt, is_failed) = {
            let mut appender = self.desk.appender()?;
            if !is_fenced {
                // The lock must be free before it is taken again. One that is superseded is in nobody's way.
                appender.writer = Box::new(Closed);
            }
            appender.owed = None;
            (appender.doubt(), appender.is_failed)
        };
        let keys = self.keys.clone();
        let reading = Reopening {
            keys: &keys,
            // Another owner made the log its own, and synced it.
            doubt: doubt.filter(|_| !is_fenced),
            limit: self.limit,
            resume: Resume::Whole,
        };
        let mut attached = Attached::to(&self.store, &self.session, claim, reading)?;
        if is_failed && !is_fenced && attached.appender.end.last_segment > 0 {
            attached.appender.fail_at(doubt);
        }
        self.epoch = attached.epoch;
        self.current.rebase(attached.current, &self.redaction);
        self.desk.appender()?.replace(attached.appender);
        self.head = attached.head;
        self.points = attached.points.with_policy(self.points.policy());
        self.sealer.reopen(attached.segments);
        self.blobs = attached.blobs;
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
    fn tenure(&self) -> Tenure {
        Tenure {
            epoch: 0,
            is_takeover: false,
        }
    }
    fn outrank(&mut self, _: u64) -> Result<(), Error> {
        Err(Error::poisoned())
    }
    fn renew(&mut self, _: Timestamp) -> Result<(), Error> {
        Err(Error::poisoned())
    }
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

pub(crate) fn listed(replay: &Replay) -> Vec<Checkpoint> {
    let drops = replay.drops();
    let kept = replay
        .commits
        .iter()
        .filter(|entry| entry.whole && !drops.has(entry.seq));
    kept.map(Checkpoint::of).collect()
}

#[cfg(test)]
mod tests {
    use super::super::newest::newest_within;
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
    fn commit(session: &mut Checkpointer, name: &str, value: &Value) {
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
            why: None,
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
        commit(&mut session, "work.next_steps", &json!({"a": 1}));
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
    fn checkpoints_that_do_not_read_back_are_not_tried_without_end() {
        let store = MemoryStore::new();
        let mut session = open(&store);
        let long = json!({"a": "x".repeat(1_000)});
        for _ in 0..10 {
            commit(&mut session, "work.next_steps", &long);
        }
        drop(session);
        let id = SessionId::new("s").unwrap();
        let keys = Keys::default();
        let replay = || {
            load(&store, &id, Reading::within(1 << 20, &keys))
                .unwrap()
                .replay
        };
        let newest = |effort| newest_within(&mut replay(), effort);
        assert!(newest(11_000).unwrap().0.is_none());
        let refused = newest(9_000).unwrap_err();
        assert!(refused.is_too_large(), "{refused}");
    }

    #[test]
    fn a_long_text_of_a_save_that_failed_is_written_by_the_next() {
        let store = MemoryStore::new();
        let mut session = open(&store);
        let text = "0123456789".repeat(4_000);
        session.push(Message::user(text.clone())).unwrap();
        let closed = Box::new(Closed);
        let writer = std::mem::replace(&mut session.desk.appender().unwrap().writer, closed);
        session.save(CheckpointKind::Auto).unwrap_err();
        session.desk.appender().unwrap().writer = writer;
        session.save(CheckpointKind::Auto).unwrap();
        drop(session);
        assert_eq!(open(&store).history(), [Message::user(text)]);
    }

    #[test]
    fn old_components_are_not_read() {
        let store = MemoryStore::new();
        let mut session = open(&store);
        session.push(Message::user("one")).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
        commit(&mut session, "work.next_steps", &json!({"a": 1}));
        commit(&mut session, "work.next_steps", &json!(["go"]));
        drop(session);
        let session = open(&store);
        assert!(session.report().is_clean(), "{}", session.report());
        assert_eq!(session.state().work.next_steps, ["go"]);
    }
}
