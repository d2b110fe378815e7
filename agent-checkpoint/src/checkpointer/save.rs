//! Writes what changed and makes a checkpoint of it.

use std::sync::Arc;

use agent_primitives::{CheckpointId, CheckpointKind, CheckpointSaved, Monotonic};

use super::appender::Appended;
use super::components::{Changes, Written};
use super::desk::Task;
use super::{Checkpoint, Checkpointer};
use crate::format::KEEP_MAX;
use crate::format::payload::{Body, Digest, Span, Tombstone};
use crate::log::batch::{Batch, Framed, Made};
use crate::log::chain::NO_PARENT;
use crate::log::numbering::{last_number, wide};
use crate::log::replay::Entry;
use crate::{Durability, Error};

/// A full commit is written at least every so many messages, so that one damaged flag costs no more.
const FLAGGED_ITEMS_MAX: u64 = 64;
/// A tombstone is written once this many checkpoints are due to go, so that it costs next to nothing.
const TOMBSTONE_BATCH: usize = 32;

/// The commit that the session stands on.
#[derive(Debug)]
pub(super) struct Head(Entry);

impl Head {
    pub(super) fn of(entry: &Entry) -> Self {
        Self(entry.clone())
    }

    pub(super) fn id(&self) -> CheckpointId {
        self.0.id()
    }
}

/// Where a save goes back to.
pub(super) type Origin = (CheckpointId, Digest);

/// A task that was handed over, and what it means once it is done.
#[derive(Debug)]
pub(super) enum Flight {
    Commit(Box<Prepared>),
    Tombstone(Tombstone),
    Nothing,
}

/// A save whose frames are made, and what is to be remembered once they are written.
#[derive(Debug)]
pub(super) struct Prepared {
    kind: CheckpointKind,
    started: Monotonic,
    entry: Entry,
    /// Frames of pending messages: number, count, and whether they go on where the last ones ended.
    items: Vec<(u64, usize, bool)>,
    changes: Changes,
    written: Written,
    note_numbers: Vec<u64>,
    dropped: Option<Tombstone>,
    logical: u64,
    /// What the save was for; asked anew when it fails.
    touched: (bool, bool),
}

impl Checkpointer {
    /// Writes what changed since the last save, and makes a checkpoint of the state.
    ///
    /// Costs what changed, not what there is. When nothing changed, an [`CheckpointKind::Auto`] save
    /// writes nothing, makes what was written as durable as asked, and gives the last id; any other kind makes a checkpoint all the same. Emits
    /// [`CheckpointSaved`] when the bytes are as durable as the session was opened for.
    ///
    /// When a sync fails the same bytes, and all others that are not known to be on the device, are
    /// written to a new segment and synced there, and the save succeeds: [`health`](Self::health) tells.
    ///
    /// How long it takes is up to the store: `Buffered` waits for one write (and for one sync at most every
    /// 4 MiB), `Synced` for one write and one sync, `Replicated` for both in both stores. A new segment,
    /// about every 4 MiB, costs two more syncs. With [`patience`](super::Builder::patience) no save waits longer
    /// than that.
    ///
    /// A session that is dropped saves nothing by itself: a destructor can tell nobody that it failed. A
    /// host that wants it calls this from its own, or uses [`flush_handle`](Self::flush_handle).
    ///
    /// # Errors
    /// The state in memory stays whatever fails, and the next save writes all that this one did not:
    /// at once when [`Error::is_unavailable`], [`Error::is_blocked`] or [`Error::is_not_replicated`], after
    /// [`reopen`](Self::reopen) when
    /// [`Error::is_poisoned`] or [`Error::is_conflict`], after an [`update`](Self::update) that mends the
    /// state when [`Error::is_unsavable`] or [`Error::is_too_large`].
    pub fn save(&mut self, kind: CheckpointKind) -> Result<CheckpointId, Error> {
        self.save_with(kind, self.durability)
    }

    /// As [`save`](Self::save), with another durability for this once.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_with(
        &mut self,
        kind: CheckpointKind,
        durability: Durability,
    ) -> Result<CheckpointId, Error> {
        self.commit(kind, durability, None)
    }

    /// Saves if the [`signal`](Self::signal) heard a reason to, and forgets the reason; what it was saved
    /// for is the reason. `None` when there was none.
    ///
    /// # Errors
    /// As [`save`](Self::save); the reason is kept then.
    pub fn save_if_asked(&mut self) -> Result<Option<CheckpointId>, Error> {
        // Taken before the save: a reason that comes while it runs is for the next one.
        let Some(reason) = self.signal.take() else {
            return Ok(None);
        };
        match self.save(reason.kind()) {
            Ok(id) => Ok(Some(id)),
            Err(error) => {
                self.signal.hear(reason);
                Err(error)
            }
        }
    }

    pub(super) fn commit(
        &mut self,
        kind: CheckpointKind,
        durability: Durability,
        origin: Option<&Origin>,
    ) -> Result<CheckpointId, Error> {
        if durability == Durability::Replicated && !self.store.is_mirrored() {
            return Err(Error::no_mirror());
        }
        // Numbers go on behind what is under way.
        self.land()?;
        let (frames, flight) = match self.prepare(kind, origin)? {
            Some((frames, prepared)) => (frames, Flight::Commit(Box::new(prepared))),
            None => (Vec::new(), Flight::Nothing),
        };
        self.run(frames, durability, flight)?;
        let head = self.head.as_ref();
        head.map(Head::id).ok_or_else(Error::poisoned)
    }

    /// Hands frames to the writer, and remembers that they are written.
    pub(super) fn run(
        &mut self,
        frames: Vec<Framed>,
        durability: Durability,
        mut flight: Flight,
    ) -> Result<(), Error> {
        if let Flight::Commit(prepared) = &mut flight {
            // What is touched from here on is for the next save.
            prepared.touched = self.current.take_touched();
        }
        match self.desk.ask(Task { frames, durability }) {
            Err(error) if self.desk.is_waiting() => {
                self.flight = Some(flight);
                Err(error)
            }
            outcome => self.landed(flight, outcome),
        }
    }

    /// Learns what became of the save under way.
    pub(super) fn land(&mut self) -> Result<(), Error> {
        if let Some(outcome) = self.desk.land()? {
            let flight = self.flight.take().unwrap_or(Flight::Nothing);
            if let Err(error) = self.landed(flight, outcome) {
                // All of it is in memory, and goes with the save that asks.
                tracing::warn!(session = %self.session, %error, "a save under way failed");
            }
        }
        Ok(())
    }

    fn landed(&mut self, flight: Flight, outcome: Result<Appended, Error>) -> Result<(), Error> {
        let appended = outcome.inspect_err(|_| {
            if let Flight::Commit(prepared) = &flight {
                self.current.touch(prepared.touched);
            }
        })?;
        if let Some(mended) = appended.mended {
            mended.tell(&mut self.report);
        }
        match flight {
            Flight::Commit(prepared) => self.finish(*prepared, appended.stored),
            Flight::Tombstone(tombstone) => self.listed.retain(|c| !tombstone.drops(c.seq)),
            Flight::Nothing => {}
        }
        appended.unreplicated.map_or(Ok(()), Err)
    }

    /// The frames of a save and what they mean; `None` when there is nothing to save.
    fn prepare(
        &mut self,
        kind: CheckpointKind,
        origin: Option<&Origin>,
    ) -> Result<Option<(Vec<Framed>, Prepared)>, Error> {
        let mark = self.current.numbering.mark();
        let prepared = self.prepare_numbered(kind, origin);
        // The numbers are the messages' own once they are written.
        self.current.numbering.reset(mark);
        prepared
    }

    fn prepare_numbered(
        &mut self,
        kind: CheckpointKind,
        origin: Option<&Origin>,
    ) -> Result<Option<(Vec<Framed>, Prepared)>, Error> {
        let (next, mut last_item) = {
            let appender = self.desk.appender()?;
            (appender.end.next, appender.end.last_item)
        };
        let started = self.clock.monotonic();
        let at_ms = self.clock.timestamp().unix_millis();
        let changes = self.current.changes()?;
        let is_plain = kind == CheckpointKind::Auto
            && origin.is_none()
            && changes.is_empty()
            && !self.current.is_context_touched;
        let pending = self.current.pending().len();
        if self.head.is_some() && is_plain && pending == 0 {
            return Ok(None);
        }
        let base = self.head.as_ref().map(|head| &head.0).filter(|_| is_plain);
        let base = base
            .filter(|head| self.can_flag(head, next, pending))
            .cloned();
        let age_ms = base
            .as_ref()
            .map_or(0, |head| at_ms.saturating_sub(head.body.at));

        let mut batch = Batch::starting_at(next);
        let note_numbers = self.write_notes(&mut batch, &mut last_item)?;
        let frames = batch.items(&mut self.packer, age_ms, self.current.pending())?;
        let mut items = Vec::with_capacity(frames.len());
        for (first, count) in frames {
            let span = self.current.numbering.spans().last();
            let joins = span.is_some_and(|span| Some(span.last) == last_item);
            self.current.numbering.extend(first, count, joins);
            last_item = last_number(first, count);
            items.push((first, count, joins));
        }
        let flagged = base.and_then(|head| Some((batch.flag_commit(&head.hash)?, head)));
        let mut written = Written::default();
        let mut dropped = None;
        let (made, entry) = if let Some((made, head)) = flagged {
            (made, extended(head, made, at_ms, pending))
        } else {
            written = self
                .current
                .components
                .write(&changes, &mut batch, &mut self.packer)?;
            dropped = self.due_tombstone();
            if let Some(tombstone) = &dropped {
                batch.tombstone(&mut self.packer, tombstone)?;
            }
            let body = Body {
                at: at_ms,
                kind: kind.as_str().to_owned(),
                agent: self.agent.clone(),
                restored: origin.map(|(id, _)| id.clone()),
                covers: 0,
                history: self.current.numbering.spans().to_vec(),
                context: self.current.context_spans(&note_numbers),
                components: self.current.components.references(&changes, &written),
                other: self.current.other.clone(),
            };
            let parent = match origin {
                Some((_, hash)) => *hash,
                None => self.head.as_ref().map_or(NO_PARENT, |head| head.0.hash),
            };
            let made = batch.commit(&mut self.packer, &parent, body.clone())?;
            (made, entry(made, at_ms, body))
        };
        debug_assert_eq!(made.seq, entry.seq);
        let prepared = Prepared {
            kind,
            started,
            entry,
            items,
            changes,
            written,
            note_numbers,
            dropped,
            logical: batch.logical(),
            touched: (false, false),
        };
        Ok(Some((batch.into_frames(), prepared)))
    }

    /// Remembers that everything of a save is written.
    fn finish(&mut self, prepared: Prepared, stored: u64) {
        for (first, count, joins) in prepared.items {
            self.current.numbering.extend(first, count, joins);
        }
        let Prepared {
            changes, written, ..
        } = prepared;
        self.current.saved(changes, written, &prepared.note_numbers);
        self.logical += prepared.logical;
        if let Some(tombstone) = prepared.dropped {
            self.listed.retain(|c| !tombstone.drops(c.seq));
        }
        let checkpoint = Checkpoint::of(&prepared.entry);
        let id = checkpoint.id.clone();
        self.listed.push(checkpoint);
        self.head = Some(Head(prepared.entry));
        let elapsed = self.clock.monotonic().since(prepared.started);
        tracing::debug!(session = %self.session, checkpoint = %id, stored, ?elapsed, "saved");
        let saved = CheckpointSaved::new(id, prepared.kind);
        self.emit(saved.bytes(prepared.logical, stored).took(elapsed));
    }

    /// Whether `pending` messages may be committed by a flag: nothing else is to be said, and the
    /// numbers adjoin, so that a reader knows which commit is extended.
    fn can_flag(&self, head: &Entry, next: u64, pending: usize) -> bool {
        let since = head
            .tail
            .map_or(0, |tail| tail.count)
            .saturating_add(wide(pending));
        head.body.agent == self.agent
            && head.seq.checked_add(1) == Some(next)
            && since <= FLAGGED_ITEMS_MAX
    }

    /// Adds the notes that have no number; the numbers of all notes.
    fn write_notes(
        &mut self,
        batch: &mut Batch,
        last_item: &mut Option<u64>,
    ) -> Result<Vec<u64>, Error> {
        let mut numbers = Vec::new();
        for note in &self.current.notes {
            if let Some(number) = note.number {
                numbers.push(number);
                continue;
            }
            let number = batch.next();
            batch.items(&mut self.packer, 0, [&note.message])?;
            *last_item = Some(number);
            numbers.push(number);
        }
        Ok(numbers)
    }

    fn due_tombstone(&self) -> Option<Tombstone> {
        let plan = self.retention.plan(&self.listed);
        let going = plan.iter().filter(|ruling| !ruling.keeps()).count();
        (going >= TOMBSTONE_BATCH)
            .then(|| self.tombstone())
            .flatten()
    }

    /// What the retention drops now, for the log.
    pub(super) fn tombstone(&self) -> Option<Tombstone> {
        if self.is_partial {
            // It would drop checkpoints that this session does not know of.
            return None;
        }
        let plan = self.retention.plan(&self.listed);
        let through = plan.iter().rfind(|ruling| !ruling.keeps())?.seq;
        let keep = plan
            .iter()
            .filter(|r| r.keeps() && r.seq <= through)
            .map(|r| r.seq)
            .collect::<Vec<_>>();
        // A longer list is not read; nothing is dropped then.
        (keep.len() <= KEEP_MAX).then_some(Tombstone { through, keep })
    }
}

fn entry(made: Made, at_ms: i64, body: Body) -> Entry {
    let Made { seq, hash } = made;
    Entry {
        seq,
        hash,
        at_ms,
        body: Arc::new(body),
        tail: None,
        whole: true,
    }
}

/// `head` with `count` more items, the last of which has the number of the new commit.
fn extended(head: Entry, made: Made, at_ms: i64, count: usize) -> Entry {
    let Made { seq, hash } = made;
    let first = head
        .tail
        .map_or(seq.saturating_sub(wide(count).saturating_sub(1)), |t| {
            t.first
        });
    let count = head
        .tail
        .map_or(0, |tail| tail.count)
        .saturating_add(wide(count));
    Entry {
        seq,
        hash,
        at_ms,
        tail: Some(Span {
            first,
            last: seq,
            count,
        }),
        ..head
    }
}
