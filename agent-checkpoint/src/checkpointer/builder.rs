//! Opens a session: reads its log, sets damage aside, continues from the newest whole checkpoint.

use std::fmt;
use std::sync::Arc;

use agent_primitives::{AgentId, Clock, Observer, Restored, SessionId, SystemClock};

use super::current::Current;
use super::load::{Loaded, load};
use super::report::{Quarantined, Report};
use super::save::{Head, LogEnd};
use super::{Checkpoint, Checkpointer, Retention, Signal};
use crate::format::compress::Packer;
use crate::log::numbering::wide;
use crate::log::replay::{Entry, Replay};
use crate::{Durability, Error, Store, Writer};

/// Settings for a session, from [`Checkpointer::builder`].
///
/// ```
/// use std::sync::Arc;
/// use agent_checkpoint::{Checkpointer, Durability, MemoryStore};
/// use agent_primitives::{AgentId, ManualClock, SessionId};
///
/// let session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?)
///     .agent(AgentId::new("coder")?)
///     .clock(Arc::new(ManualClock::default()))
///     .durability(Durability::Buffered)
///     .open()?;
/// assert!(session.history().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Builder {
    store: Arc<dyn Store>,
    session: SessionId,
    agent: Option<AgentId>,
    observer: Arc<dyn Observer>,
    clock: Arc<dyn Clock>,
    retention: Retention,
    durability: Durability,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("store", &self.store)
            .field("session", &self.session)
            .field("agent", &self.agent)
            .field("retention", &self.retention)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

impl Builder {
    pub(super) fn new(store: Arc<dyn Store>, session: SessionId) -> Self {
        Self {
            store,
            session,
            agent: None,
            observer: Arc::new(()),
            clock: Arc::new(SystemClock),
            retention: Retention::default(),
            durability: Durability::default(),
        }
    }

    /// Who works: stands in each checkpoint and in the stamps of events. Nobody unless set.
    #[must_use]
    pub fn agent(mut self, agent: AgentId) -> Self {
        self.agent = Some(agent);
        self
    }

    /// Hears of saves and restores. Nobody unless set.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Where times come from; the system unless set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Which checkpoints stay; the last ten unless set.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// What a save survives; [`Durability::Synced`] unless set.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Opens the session, new or not, and takes its lock.
    ///
    /// The state is that of the newest checkpoint whose every byte is as it was written. Bytes that are
    /// not are copied to quarantine, and [`Checkpointer::report`] tells of them; what an interrupted
    /// write left at the end is then cut off. Emits [`Restored`] when the session existed.
    ///
    /// # Errors
    /// [`Error::is_locked`] while another writer lives; [`Error::is_newer`] and [`Error::is_foreign`]
    /// for logs that are not this build's to write, which are left as they are;
    /// [`Error::is_unavailable`] when the store cannot be read.
    pub fn open(self) -> Result<Checkpointer, Error> {
        let started = self.clock.monotonic();
        let mut writer = self.store.writer(&self.session)?;
        let mut loaded = load(&self.store, &self.session)?;
        let (head, current) = newest(&mut loaded.replay)?;
        let mut report = report(&loaded, head.as_ref());
        // From here on the store is changed; what could refuse the log has been asked.
        repair(&loaded, writer.as_mut(), &mut report)?;
        if !report.is_clean() {
            tracing::warn!(session = %self.session, %report, "log was damaged");
        }
        let end = LogEnd {
            position: loaded.end,
            last_segment: loaded.last_segment,
            next: loaded.replay.next,
            last_item: loaded.replay.last_item(),
            is_synced: false,
        };
        let session = Checkpointer {
            packer: Packer::new()?,
            listed: listed(&loaded.replay),
            logical: loaded.replay.logical,
            head: head.as_ref().map(Head::of),
            signal: Signal::default(),
            store: self.store,
            writer,
            session: self.session,
            agent: self.agent,
            observer: self.observer,
            clock: self.clock,
            retention: self.retention,
            durability: self.durability,
            current,
            end,
            report,
        };
        if let Some(head) = session.report.head.clone() {
            let elapsed = session.clock.monotonic().since(started);
            session.emit(Restored::new(head, elapsed).lost(session.report.lost_bytes));
        }
        Ok(session)
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

/// Copies damaged bytes aside, and then cuts off what an interrupted write left at the end.
fn repair(loaded: &Loaded, writer: &mut dyn Writer, report: &mut Report) -> Result<(), Error> {
    for lost in &loaded.lost {
        let copy = writer.set_aside(lost.at, &lost.bytes)?;
        let len = wide(lost.bytes.len());
        report.lost_bytes += len;
        report.quarantined.push(Quarantined {
            at: lost.at,
            len,
            reason: lost.fault.to_string(),
            copy,
        });
    }
    match loaded.end {
        Some(end) if loaded.is_torn => writer.cut(end),
        Some(end) => writer.resume(end),
        None => Ok(()),
    }
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
