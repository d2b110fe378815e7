//! Writes what changed and makes a checkpoint of it.

use std::sync::Arc;

use agent_primitives::{CheckpointId, CheckpointKind, CheckpointSaved};

use super::{Checkpoint, Checkpointer, behind};
use crate::format::payload::{Body, Digest, Span, Tombstone};
use crate::format::segment::{Opening, Place};
use crate::format::{KEEP_MAX, SEGMENT_TARGET};
use crate::log::batch::{Batch, Made, Part};
use crate::log::chain::NO_PARENT;
use crate::log::numbering::{last_number, narrow, wide};
use crate::log::replay::Entry;
use crate::{Durability, Error, Position};

/// A full commit is written at least every so many messages, so that one damaged flag costs no more.
const FLAGGED_ITEMS_MAX: u64 = 64;
/// A tombstone is written once this many checkpoints are due to go, so that it costs next to nothing.
const TOMBSTONE_BATCH: usize = 32;

const LAST_SEGMENT: usize = 0xffff_ffff;

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

/// Where the log ends.
#[derive(Debug)]
pub(super) struct LogEnd {
    /// Where the next bytes go; `None` where a new segment is due.
    pub(super) position: Option<Position>,
    pub(super) last_segment: u32,
    /// The next record's number.
    pub(super) next: u64,
    pub(super) last_item: Option<u64>,
    /// Everything written is on the device.
    pub(super) is_synced: bool,
}

/// Where a save goes back to.
pub(super) type Origin = (CheckpointId, Digest);

impl Checkpointer {
    /// Writes what changed since the last save, and makes a checkpoint of the state.
    ///
    /// Costs what changed, not what there is. When nothing changed, an [`CheckpointKind::Auto`] save
    /// writes nothing, makes what was written as durable as asked, and gives the last id; any other kind makes a checkpoint all the same. Emits
    /// [`CheckpointSaved`] when the bytes are as durable as the session was opened for.
    ///
    /// # Errors
    /// The state in memory stays whatever fails, and the next save writes all that this one did not:
    /// at once when [`Error::is_unavailable`], after [`reopen`](Self::reopen) when
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
        let mark = self.current.numbering.mark();
        let committed = self.write(kind, durability, origin);
        if committed.is_err() {
            self.current.numbering.reset(mark);
        }
        committed
    }

    fn write(
        &mut self,
        kind: CheckpointKind,
        durability: Durability,
        origin: Option<&Origin>,
    ) -> Result<CheckpointId, Error> {
        let started = self.clock.monotonic();
        let at_ms = self.clock.timestamp().unix_millis();
        let changes = self.current.changes()?;
        let is_plain = kind == CheckpointKind::Auto
            && origin.is_none()
            && changes.is_empty()
            && !self.current.is_context_touched;
        let pending = self.current.pending().len();
        if let (Some(head), true, 0) = (&self.head, is_plain, pending) {
            let id = head.id();
            self.settle(durability)?;
            return Ok(id);
        }
        let base = self.head.as_ref().map(|head| &head.0).filter(|_| is_plain);
        let base = base.filter(|head| self.can_flag(head, pending)).cloned();
        let age_ms = base
            .as_ref()
            .map_or(0, |head| at_ms.saturating_sub(head.body.at));

        let mut batch = Batch::starting_at(self.end.next);
        let mut last_item = self.end.last_item;
        let note_numbers = self.write_notes(&mut batch, &mut last_item)?;
        let frames = batch.items(&mut self.packer, age_ms, self.current.pending())?;
        for (first, count) in &frames {
            let span = self.current.numbering.spans().last();
            let joins = span.is_some_and(|span| Some(span.last) == last_item);
            self.current.numbering.extend(*first, *count, joins);
            last_item = last_number(*first, *count);
        }
        let flagged = base.and_then(|head| Some((batch.flag_commit(&head.hash)?, head)));
        let mut snapshot = 0;
        let mut dropped = None;
        let (made, entry) = if let Some((made, head)) = flagged {
            (made, extended(head, made, at_ms, pending))
        } else {
            if !changes.values.is_empty() {
                snapshot = batch.snapshot(&mut self.packer, &changes.values)?;
            }
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
                components: self.current.components.references(&changes, snapshot),
                other: self.current.other.clone(),
            };
            let parent = match origin {
                Some((_, hash)) => *hash,
                None => self.head.as_ref().map_or(NO_PARENT, |head| head.0.hash),
            };
            let made = batch.commit(&mut self.packer, &parent, body.clone())?;
            (made, entry(made, at_ms, body))
        };
        let stored = self.append(&batch, durability)?;

        self.end.last_item = last_item;
        self.current.saved(changes, snapshot, &note_numbers);
        self.logical += batch.logical();
        if let Some(tombstone) = dropped {
            self.listed.retain(|c| !tombstone.drops(c.seq));
        }
        let checkpoint = Checkpoint::of(&entry);
        let id = checkpoint.id.clone();
        debug_assert_eq!(made.seq, checkpoint.seq);
        self.listed.push(checkpoint);
        self.head = Some(Head(entry));
        let elapsed = self.clock.monotonic().since(started);
        tracing::debug!(session = %self.session, checkpoint = %id, stored, ?elapsed, "saved");
        let saved = CheckpointSaved::new(id.clone(), kind);
        self.emit(saved.bytes(batch.logical(), stored).took(elapsed));
        Ok(id)
    }

    /// Whether `pending` messages may be committed by a flag: nothing else is to be said, and the
    /// numbers adjoin, so that a reader knows which commit is extended.
    fn can_flag(&self, head: &Entry, pending: usize) -> bool {
        let since = head
            .tail
            .map_or(0, |tail| tail.count)
            .saturating_add(wide(pending));
        head.body.agent == self.agent
            && head.seq.checked_add(1) == Some(self.end.next)
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

    /// Makes what was written as durable as asked.
    fn settle(&mut self, durability: Durability) -> Result<(), Error> {
        self.renew_if_due()?;
        self.mend()?;
        if let (Some(position), Durability::Synced, false) =
            (self.end.position, durability, self.end.is_synced)
        {
            self.writer.append(position, &[], durability)?;
            self.end.is_synced = true;
        }
        Ok(())
    }

    /// Bytes written. A batch that is longer than a segment goes into several; what was written of it
    /// before a failure stays in the log without a commit, and its numbers are not used again.
    pub(super) fn append(&mut self, batch: &Batch, durability: Durability) -> Result<u64, Error> {
        self.renew_if_due()?;
        self.mend()?;
        let mut stored = 0;
        for part in batch.parts(SEGMENT_TARGET) {
            stored += self.append_part(batch, &part, durability)?;
            self.end.next = part.next;
            self.end.last_item = part.last_item.or(self.end.last_item);
        }
        Ok(stored)
    }

    fn append_part(
        &mut self,
        batch: &Batch,
        part: &Part,
        durability: Durability,
    ) -> Result<u64, Error> {
        let is_full =
            |position: &Position| narrow(position.offset).saturating_add(part.len) > SEGMENT_TARGET;
        let place = |segment| Place {
            store: self.store.id(),
            session: &self.session,
            segment,
        };
        let position = if let Some(position) = self.end.position.filter(|p| !is_full(p)) {
            position
        } else {
            let segment = self.next_segment()?;
            let header = place(segment).header(Opening {
                epoch: self.writer.tenure().epoch,
                ..Opening::default()
            });
            self.writer.start(segment, &header)?;
            self.end.last_segment = segment;
            Position {
                segment,
                offset: wide(header.len()),
            }
        };
        self.end.position = Some(position);
        let bytes = batch.write(part, place(position.segment).seed())?;
        self.writer.append(position, &bytes, durability)?;
        self.end.position = Some(behind(position, bytes.len()));
        self.end.is_synced = durability == Durability::Synced;
        Ok(wide(bytes.len()))
    }

    /// The number of a segment that is not there.
    fn next_segment(&self) -> Result<u32, Error> {
        segment_after(self.end.last_segment, &self.report.ignored)
    }
}

/// The first number behind `last` that is none of `ignored`.
pub(super) fn segment_after(last: u32, ignored: &[u32]) -> Result<u32, Error> {
    let mut segment = last;
    loop {
        segment = segment
            .checked_add(1)
            .ok_or_else(|| Error::too_large("a segment's number", usize::MAX, LAST_SEGMENT))?;
        if !ignored.contains(&segment) {
            return Ok(segment);
        }
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
