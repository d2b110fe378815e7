//! How much of a session is taken into memory, and the rest of it when it is asked for.

use super::Checkpointer;
use super::attach::listed;
use super::current::Current;
use super::load::{Loaded, Reading, load};
use super::points::Points;
use super::seal::Segments;
use crate::log::replay::Entry;
use crate::reader::tail::{Beside, Tail};
use crate::reader::walk::{Odd, segment_opening};
use crate::{Error, Store};
use agent_primitives::SessionId;

/// How much of a session opening takes into memory.
///
/// ```
/// assert_eq!(agent_checkpoint::Resume::default(), agent_checkpoint::Resume::Whole);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resume {
    /// All of its history.
    #[default]
    Whole,
    /// The last so many messages of its history, its context, and its state beside the messages. The time and
    /// the memory that opening takes do not grow with the session.
    ///
    /// [`history`](Checkpointer::history) holds these messages alone, and
    /// [`skipped`](Checkpointer::skipped) tells how many lie before. What is saved goes on from the whole
    /// history. [`list`](Checkpointer::list) shows the checkpoints that were met on the way, and
    /// nothing is dropped from the listing, until [`prune`](Checkpointer::prune) or a
    /// [`restore`](Checkpointer::restore) of an older one reads the rest; until then long texts are written
    /// as often as they come, and [`figures`](Checkpointer::figures) count what was read. A log with damage is read whole
    /// once, to mend it.
    ///
    /// The context of a session that was never cut is its whole history. [`context`](Checkpointer::context) then has what
    /// of it is in memory, and whatever judges or changes it reads the rest first:
    /// [`cut`](Checkpointer::cut), [`repair_context`](Checkpointer::repair_context), [`cycle`](Checkpointer::cycle) and
    /// [`recover`](crate::Builder::recover).
    Last(usize),
}

/// A log of which as much was read as is to be in memory.
pub(crate) struct Resumed {
    pub(crate) loaded: Loaded,
    pub(crate) head: Option<Entry>,
    pub(crate) current: Current,
    /// Not all of it was read.
    pub(crate) is_partial: bool,
}

/// The end of a sound log; `None` where all of it must be read.
pub(crate) fn end_of(
    store: &dyn Store,
    session: &SessionId,
    messages: usize,
    reading: Reading<'_>,
) -> Result<Option<Resumed>, Error> {
    let tail = match Tail::read(store, session, messages, Beside::State, reading) {
        Ok(tail) if !tail.is_torn => tail,
        Ok(_) | Err(Odd::Unsound) => return Ok(None),
        Err(Odd::Failed(error)) => return Err(error),
    };
    if let Some(newer) = tail.newer {
        return Err(newer);
    }
    let (Some(head), Some(cut), Some(end)) = (tail.head, tail.cut, tail.end) else {
        return Ok(None);
    };
    let (mut unsealed, mut sealed) = (Vec::new(), 0);
    // Where not all of the log was read nothing is sealed before it is, and every segment would be opened for
    // nothing.
    let known = if tail.skipped > 0 {
        Vec::new()
    } else {
        store.segments(session)?
    };
    for segment in known {
        match segment_opening(store, session, segment) {
            Ok(opening) if opening.is_sealed => sealed += 1,
            Ok(_) => unsealed.push(segment),
            Err(Odd::Unsound) => return Ok(None),
            Err(Odd::Failed(error)) => return Err(error),
        }
    }
    let mut replay = tail.replay;
    let Ok(mut current) = Current::load(&mut replay, &cut) else {
        return Ok(None);
    };
    let spans = head.history().collect();
    if current.numbering.precede(spans, tail.skipped).is_none() {
        return Ok(None);
    }
    Ok(Some(Resumed {
        loaded: Loaded {
            replay,
            lost: Vec::new(),
            damaged_headers: Vec::new(),
            ignored: Vec::new(),
            superseded: Vec::new(),
            epoch: tail.epoch,
            void_from: end.offset,
            shared: Vec::new(),
            unsealed,
            sealed,
            segments: tail.segments,
            last_segment: end.segment,
            end: Some(end),
            is_torn: false,
            newer: None,
        },
        head: Some(head),
        current,
        is_partial: tail.skipped > 0,
    }))
}

impl Checkpointer {
    /// Messages of the history that are in the log and not in memory; 0 unless the session was opened with
    /// [`Resume::Last`]. [`Reader::messages`](crate::Reader::messages) reads them.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Resume};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let store = MemoryStore::new();
    /// let id = SessionId::new("s1")?;
    /// let mut session = Checkpointer::builder(store.clone(), id.clone()).open()?;
    /// for text in ["one", "two", "three"] {
    ///     session.push(Message::user(text))?;
    /// }
    /// session.save(CheckpointKind::Auto)?;
    /// drop(session);
    ///
    /// let session = Checkpointer::builder(store, id).resume(Resume::Last(1)).open()?;
    /// assert_eq!(session.history(), [Message::user("three")]);
    /// assert_eq!(session.skipped(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn skipped(&self) -> usize {
        self.current.numbering.skipped()
    }

    /// Reads which checkpoints there are, where opening read only the end of the log.
    pub(super) fn complete(&mut self) -> Result<(), Error> {
        if !self.is_partial {
            return Ok(());
        }
        let reading = Reading {
            keeps_messages: false,
            ..Reading::within(self.limit, &self.keys)
        };
        let loaded = load(&self.store, &self.session, reading)?;
        let points = Points::new(listed(&loaded.replay), &loaded.replay.tags);
        self.points = points.with_policy(self.points.policy());
        self.logical = loaded.replay.logical;
        self.blobs = loaded.replay.blobs.known();
        self.is_partial = false;
        self.sealer.stop();
        self.sealer.reopen(Segments {
            unsealed: loaded.unsealed,
            shared: loaded.shared,
            sealed: loaded.sealed,
            last: loaded.last_segment,
        });
        Ok(())
    }
}
