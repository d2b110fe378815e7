//! Writes what changed and makes a checkpoint of it.

use std::collections::BTreeMap;

use agent_primitives::{CheckpointId, CheckpointKind, CheckpointSaved, Monotonic};

use super::appender::Appended;
use super::components::{Changes, Written};
use super::desk::Task;
use super::order::{Order, entry, extended};
use super::trigger::Progress;
use super::{Checkpoint, Checkpointer, Why};
use crate::format::payload::{Body, Digest, Reference, Tombstone};
use crate::format::point::{Cause, Tag, bounded};
use crate::log::batch::{Batch, Framed};
use crate::log::blobs::Known;
use crate::log::chain::{NO_PARENT, checkpoint_id};
use crate::log::numbering::{last_number, wide};
use crate::log::replay::{Entry, Spent};
use crate::{Durability, Error};

/// A full commit is written at least every so many messages, so that one damaged flag costs no more.
const FLAGGED_ITEMS_MAX: u64 = 64;

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

    /// Its number.
    pub(super) fn seq(&self) -> u64 {
        self.0.seq
    }

    /// As what a save may go back to.
    pub(super) fn origin(&self) -> Origin {
        (self.0.id(), self.0.hash)
    }

    #[cfg(test)]
    pub(super) fn entry(&self) -> &Entry {
        &self.0
    }
}

/// Where a save goes back to.
pub(super) type Origin = (CheckpointId, Digest);

/// A task that was handed over, and what it means once it is done.
#[derive(Debug)]
pub(super) enum Flight {
    Commit(Box<Prepared>),
    Tombstone(Tombstone),
    Tag(Tag),
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
    /// A label for the commit, behind it.
    tag: Option<Tag>,
    progress: Progress,
    logical: u64,
    /// The blobs in the log then.
    blobs: Known,
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
    /// about every 512 KiB, costs two more syncs. With [`patience`](super::Builder::patience) no save waits longer
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
        self.commit(&Order::of(kind, durability))
    }

    pub(super) fn commit(&mut self, order: &Order<'_>) -> Result<CheckpointId, Error> {
        let durability = order.durability;
        if durability == Durability::Replicated && !self.store.is_mirrored() {
            return Err(Error::no_mirror());
        }
        // Numbers go on behind what is under way.
        self.land()?;
        let (frames, flight) = if let Some((frames, prepared)) = self.prepare(order)? {
            (frames, Flight::Commit(Box::new(prepared)))
        } else {
            self.progress.saved(self.clock.monotonic(), self.progress);
            (Vec::new(), Flight::Nothing)
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
        match self.desk.ask(Task {
            frames,
            durability,
            now: Some(self.clock.timestamp()),
        }) {
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

    pub(super) fn landed(
        &mut self,
        flight: Flight,
        outcome: Result<Appended, Error>,
    ) -> Result<(), Error> {
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
            Flight::Tombstone(tombstone) => self.points.drop_by(&tombstone),
            Flight::Tag(tag) => self.points.apply(&tag),
            Flight::Nothing => {}
        }
        self.seal_behind(&appended.begun);
        appended.unreplicated.map_or(Ok(()), Err)
    }

    /// The frames of a save and what they mean; `None` when there is nothing to save.
    fn prepare(&mut self, order: &Order<'_>) -> Result<Option<(Vec<Framed>, Prepared)>, Error> {
        let mark = self.current.numbering.mark();
        let prepared = self.prepare_numbered(order);
        // The numbers are the messages' own once they are written.
        self.current.numbering.reset(mark);
        prepared
    }

    fn prepare_numbered(
        &mut self,
        order: &Order<'_>,
    ) -> Result<Option<(Vec<Framed>, Prepared)>, Error> {
        let Order {
            kind,
            origin,
            why,
            label,
            ..
        } = *order;
        let (next, mut last_item) = {
            let appender = self.desk.appender()?;
            (appender.end.next, appender.end.last_item)
        };
        let started = self.clock.monotonic();
        let at_ms = self.clock.timestamp().unix_millis();
        let changes = self.changes_for(order)?;
        // Where something risky follows, there is to be a checkpoint of that name.
        let is_plain = kind == CheckpointKind::Auto
            && why.is_none_or(|(why, _)| why != Why::BeforeRisky)
            && origin.is_none()
            && changes.is_empty()
            && !self.current.is_context_touched;
        let pending = self.current.pending().len();
        if self.head.is_some() && is_plain && pending == 0 {
            return Ok(None);
        }
        let base = self.head.as_ref().map(|head| &head.0);
        let base = base.filter(|_| is_plain && why.is_none());
        let base = base
            .filter(|head| self.can_flag(head, next, pending))
            .cloned();
        let age_ms = base
            .as_ref()
            .map_or(0, |head| at_ms.saturating_sub(head.body.at));

        let mut batch = Batch::starting_at(next)
            .knowing(&self.blobs)
            .masking(&self.redaction);
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
        let mut tag = None;
        let (made, mut entry) = if let Some((made, head)) = flagged {
            (made, extended(head, made, at_ms, pending))
        } else {
            written = self
                .current
                .components
                .write(&changes, &mut batch, &mut self.packer)?;
            // A session that knows only some checkpoints would drop others.
            dropped = (!self.is_partial)
                .then(|| self.points.due_tombstone())
                .flatten();
            if let Some(tombstone) = &dropped {
                batch.tombstone(&mut self.packer, tombstone)?;
            }
            let components = self.current.components.references(&changes, &written);
            let body = self.body(order, at_ms, components, &note_numbers);
            let parent = match origin {
                Some((_, hash)) => *hash,
                None => self.head.as_ref().map_or(NO_PARENT, |head| head.0.hash),
            };
            let made = batch.commit(&mut self.packer, &parent, body.clone())?;
            tag = label.map(|label| Tag::label(checkpoint_id(made.seq, &made.hash), label));
            (made, entry(made, at_ms, body))
        };
        entry.spent = Spent {
            logical: batch.logical(),
            stored: batch.len(),
        };
        if let Some(tag) = &tag {
            batch.tag(&mut self.packer, tag)?;
        }
        debug_assert_eq!(made.seq, entry.seq);
        let prepared = Prepared {
            kind,
            started,
            items,
            changes,
            written,
            note_numbers,
            dropped,
            tag,
            entry,
            progress: self.progress.with(&self.current.state.work.usage),
            logical: batch.logical(),
            blobs: batch.take_blobs(),
            touched: (false, false),
        };
        Ok(Some((batch.into_frames(), prepared)))
    }

    /// What the commit says.
    fn body(
        &self,
        order: &Order<'_>,
        at_ms: i64,
        components: BTreeMap<String, Reference>,
        note_numbers: &[u64],
    ) -> Body {
        Body {
            at: at_ms,
            kind: order.kind.as_str().to_owned(),
            agent: self.agent.clone(),
            restored: order.origin.map(|(id, _)| id.clone()),
            why: order.why.map(|(why, what)| Cause {
                covers: 0,
                word: why.as_str().to_owned(),
                what: what.map(|what| bounded(&self.redaction.text(what))),
            }),
            covers: 0,
            history: self.current.numbering.spans().to_vec(),
            context: self.current.context_spans(note_numbers),
            components,
            other: self.current.other.clone(),
        }
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
        self.blobs.adopt(prepared.blobs);
        if let Some(tombstone) = prepared.dropped {
            self.points.drop_by(&tombstone);
        }
        self.progress.saved(prepared.started, prepared.progress);
        let checkpoint = Checkpoint::of(&prepared.entry);
        let id = checkpoint.id.clone();
        self.points.push(checkpoint);
        if let Some(tag) = &prepared.tag {
            self.points.apply(tag);
        }
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
}
