//! The end of a log and its writer: appends frames, and writes them elsewhere when a sync fails.

use std::sync::Arc;

use agent_primitives::{SessionId, Timestamp};

use super::attach::{Mended, Mending};
use super::health::Health;
use super::unsynced::{UNSYNCED_MAX, Unsynced};
use crate::format::SEGMENT_MAX;
use crate::format::frame::Draft;
use crate::format::keys::{Keys, Seed};
use crate::format::segment::{Opening, Place, Start};
use crate::format::tags::Kind;
use crate::log::batch::Framed;
use crate::log::decode::Refusal;
use crate::log::numbering::{narrow, wide};
use crate::log::scan::scan;
use crate::{Claim, Durability, Error, Position, Size, Store, Writer};

const LAST_SEGMENT: usize = 0xffff_ffff;

/// Where the log ends.
#[derive(Debug, Clone)]
pub(super) struct LogEnd {
    /// Where the next bytes go; `None` where a new segment is due.
    pub(super) position: Option<Position>,
    pub(super) last_segment: u32,
    /// The next record's number.
    pub(super) next: u64,
    pub(super) last_item: Option<u64>,
    /// Up to here the last segment is on the device; `None` where an earlier writer may have left more.
    pub(super) synced: Option<u64>,
    /// Where the last segment ended when the session was opened, unless it was begun since or its header
    /// is damaged.
    pub(super) opened: Option<u64>,
    /// Everything written is on the device.
    pub(super) is_synced: bool,
}

/// What an append came to.
#[derive(Debug)]
pub(super) struct Appended {
    /// Bytes written.
    pub(super) stored: u64,
    /// The store's mirror does not hold them, although it was asked for.
    pub(super) unreplicated: Option<Error>,
    /// Damage that opening could not set aside and this did.
    pub(super) mended: Option<Mended>,
    /// Segments that were begun, each with the number of its first record.
    pub(super) begun: Vec<(u32, u64)>,
}

/// The writer of a session, and what it needs to write on wherever it can.
#[derive(Debug)]
pub(super) struct Appender {
    pub(super) store: Arc<dyn Store>,
    pub(super) session: SessionId,
    pub(super) keys: Keys,
    pub(super) writer: Box<dyn Writer>,
    pub(super) claim: Claim,
    /// When the lease was last renewed.
    pub(super) renewed: Timestamp,
    pub(super) end: LogEnd,
    /// Damage that opening could not set aside.
    pub(super) owed: Option<Mending>,
    /// What was done of it, until the session takes notice.
    pub(super) mended: Option<Mended>,
    /// Segments that were begun, until the session takes notice.
    pub(super) begun: Vec<(u32, u64)>,
    /// Numbers of files that are none of this log's.
    pub(super) ignored: Vec<u32>,
    pub(super) unsynced: Unsynced,
    /// The last segment is not written to any more: a sync failed.
    pub(super) is_failed: bool,
    /// All that the last segment holds waits to be written elsewhere.
    pub(super) is_reclaimed: bool,
    pub(super) health: Health,
    /// A segment is not made longer than this where it can be helped, in bytes.
    pub(super) segment_target: usize,
}

impl Appender {
    /// Writes frames at the end of the log. After a failed sync all that is not known to be on the
    /// device is written to a new segment, which takes back what the old one may hold of it.
    ///
    /// After a failure the frames count as not written; parts of a batch that is longer than a segment
    /// may stay in the log without a commit, and their numbers are not used again.
    pub(super) fn append(
        &mut self,
        frames: Vec<Framed>,
        durability: Durability,
    ) -> Result<Appended, Error> {
        let (first, last_item) = (self.end.next, self.end.last_item);
        // Left by a store that panicked; nobody was told of them.
        self.unsynced.forget_from(first);
        self.unsynced.push(frames);
        let mut durability = durability;
        if !durability.is_synced() && self.unsynced.len() > UNSYNCED_MAX {
            durability = Durability::Synced;
            self.health.forced_syncs += 1;
        }
        let mut appended = match self.write(first, durability) {
            Err(error) if error.is_poisoned() => {
                self.abandon(&error);
                self.write(first, durability)
            }
            other => other,
        };
        if let Ok(appended) = &mut appended {
            appended.begun = std::mem::take(&mut self.begun);
        }
        if let Err(error) = &appended {
            if error.is_poisoned() {
                self.abandon(error);
            }
            self.health.last_error = Some(error.to_string());
            if let Some(gone) = self.unsynced.forget_from(first) {
                self.end.next = gone;
                if gone == first {
                    self.end.last_item = last_item;
                }
            }
        }
        self.health.unsynced_bytes = if self.end.is_synced {
            0
        } else {
            self.unsynced.written_len()
        };
        self.health.unreplicated_bytes = self.writer.lag();
        appended
    }

    /// The lease must not run out under a writer that works.
    pub(super) fn renew_if_due(&mut self, now: Timestamp) -> Result<(), Error> {
        if self.claim.is_due(self.renewed, now) {
            self.renew(now)?;
        }
        Ok(())
    }

    pub(super) fn renew(&mut self, now: Timestamp) -> Result<(), Error> {
        self.writer.renew(now)?;
        self.renewed = now;
        Ok(())
    }

    /// Up to where the last segment is to be believed, when a sync of it failed.
    pub(super) fn doubt(&self) -> Option<Position> {
        let is_known = self.is_failed && !self.is_reclaimed;
        let offset = self.end.synced.filter(|_| is_known)?;
        Some(Position {
            segment: self.end.last_segment,
            offset,
        })
    }

    /// Takes over from an appender whose last sync failed: what follows goes elsewhere.
    pub(super) fn fail_at(&mut self, doubt: Option<Position>) {
        self.is_failed = true;
        self.end.position = None;
        if let Some(doubt) = doubt.filter(|doubt| doubt.segment == self.end.last_segment) {
            self.end.synced = Some(doubt.offset);
        }
    }

    /// The same session, opened again.
    pub(super) fn replace(&mut self, opened: Self) {
        let health = std::mem::take(&mut self.health);
        let segment_target = self.segment_target;
        *self = Self {
            health,
            segment_target,
            ..opened
        };
    }

    pub(super) fn size(&self) -> Result<Size, Error> {
        match self.end.last_segment {
            0 => Ok(Size::default()),
            _ => self.writer.size(),
        }
    }

    /// Does what opening could not do for want of room.
    fn mend(&mut self) -> Result<(), Error> {
        if let Some(mending) = &self.owed {
            self.mended = Some(mending.mend(self.writer.as_mut())?);
            self.owed = None;
        }
        Ok(())
    }

    fn write(&mut self, first: u64, durability: Durability) -> Result<Appended, Error> {
        self.mend()?;
        let mut appended = Appended {
            stored: 0,
            unreplicated: None,
            mended: self.mended.take(),
            begun: Vec::new(),
        };
        if self.is_failed {
            // Where the device has everything, the next frame is early enough.
            if self.unsynced.waiting() == 0 && self.end.synced.is_some() {
                return Ok(appended);
            }
            self.begin_elsewhere(first)?;
        }
        while self.unsynced.waiting() > 0 {
            let position = self.room()?;
            let (chunk, len) = self.unsynced.chunk(self.segment_target);
            let bytes = encode(
                chunk,
                len,
                (&self.keys, self.place(position.segment).seed()),
            )?;
            let (count, next, item) = (chunk.len(), next_of(chunk), last_item_of(chunk));
            // What goes before the last part is synced with the segment that it fills.
            let asked = if count == self.unsynced.waiting() {
                durability
            } else {
                Durability::Buffered
            };
            let written = self.writer.append(position, &bytes, asked);
            appended.unreplicated = unless_kept(written)?;
            appended.stored += wide(len);
            self.unsynced.wrote(count);
            self.end.next = next.unwrap_or(self.end.next);
            self.end.last_item = item.or(self.end.last_item);
            self.end.position = Some(behind(position, len));
            self.end.is_synced = false;
            if asked.is_synced() {
                self.acknowledged();
            }
        }
        let is_due = match durability {
            Durability::Replicated => !self.end.is_synced || self.writer.lag() > 0,
            _ => !self.end.is_synced,
        };
        if let Some(position) = self.end.position
            && appended.unreplicated.is_none()
            && durability.is_synced()
            && is_due
        {
            appended.unreplicated = unless_kept(self.writer.append(position, &[], durability))?;
            self.acknowledged();
        }
        Ok(appended)
    }

    /// Whatever was written is on the device; where it is not in its segment there, it is kept.
    fn acknowledged(&mut self) {
        self.end.is_synced = true;
        if self.writer.is_settled() {
            self.synced();
        }
    }

    fn synced(&mut self) {
        self.end.is_synced = true;
        self.end.synced = self.end.position.map(|position| position.offset);
        self.unsynced.synced();
    }

    /// Where the next part goes: a new segment where this one is full.
    fn room(&mut self) -> Result<Position, Error> {
        let (_, len) = self.unsynced.chunk(self.segment_target);
        let has_room = |position: &Position| {
            narrow(position.offset).saturating_add(len) <= self.segment_target
        };
        if let Some(position) = self.end.position.filter(has_room) {
            return Ok(position);
        }
        let segment = self.next_segment()?;
        let opening = Opening {
            epoch: self.writer.tenure().epoch,
            ..Opening::default()
        };
        self.start(segment, opening, 0)
    }

    /// Begins a segment with the first `count` waiting frames. Nothing before it is unsynced then.
    fn start(&mut self, segment: u32, opening: Opening, count: usize) -> Result<Position, Error> {
        let place = self.place(segment);
        let mut bytes = place.header(opening);
        let frames = self.unsynced.first(count);
        let len = frames.iter().map(|framed| framed.draft.len()).sum();
        let first = frames
            .first()
            .map_or(self.end.next, |framed| framed.draft.seq);
        bytes.append(&mut encode(frames, len, (&self.keys, place.seed()))?);
        self.writer.start(segment, &bytes)?;
        let position = Position {
            segment,
            offset: wide(bytes.len()),
        };
        self.unsynced.wrote(count);
        self.is_reclaimed = false;
        self.begun.push((segment, first));
        self.end.last_segment = segment;
        self.end.position = Some(position);
        self.synced();
        Ok(position)
    }

    /// Makes all of it durable and closes the segment that is appended to, where there is anything in it.
    pub(super) fn close(&mut self) -> Result<Appended, Error> {
        let mut appended = self.append(Vec::new(), Durability::Synced)?;
        if let Some(position) = self.end.position {
            let header = self.place(position.segment).header(Opening::default());
            if position.offset > wide(header.len()) {
                let segment = self.next_segment()?;
                let opening = Opening {
                    epoch: self.writer.tenure().epoch,
                    ..Opening::default()
                };
                self.start(segment, opening, 0)?;
                appended.begun.append(&mut self.begun);
            }
        }
        Ok(appended)
    }

    /// The last segment is of no further use behind what is on the device.
    fn abandon(&mut self, error: &Error) {
        tracing::error!(
            session = %self.session, segment = self.end.last_segment, %error,
            "sync failed; what it was for is written elsewhere"
        );
        self.health.failed_syncs += 1;
        self.health.last_error = Some(error.to_string());
        self.is_failed = true;
        self.end.position = None;
        self.unsynced.abandoned();
    }

    /// Begins a segment that takes back what is not known to be on the device of the one before, and
    /// holds all of it that was acknowledged: at no moment is it in neither.
    fn begin_elsewhere(&mut self, first: u64) -> Result<(), Error> {
        let void_from = match self.end.synced {
            Some(synced) => synced,
            None => self.reclaim()?,
        };
        let segment = self.next_segment()?;
        if segment != self.end.last_segment.saturating_add(1) {
            // Only the very next one can take anything back.
            return Err(Error::poisoned());
        }
        let opening = Opening {
            epoch: self.writer.tenure().epoch,
            void_from,
            ..Opening::default()
        };
        self.start(segment, opening, self.unsynced.below(first).len())?;
        self.is_failed = false;
        self.health.abandoned_segments += u64::from(void_from > 0);
        Ok(())
    }

    /// Takes over the frames that were in the last segment when the session was opened: an earlier
    /// writer may have left them with the operating system alone. Where frames begin in it.
    fn reclaim(&mut self) -> Result<u64, Error> {
        let segment = self.end.last_segment;
        if segment == 0 {
            return Ok(0);
        }
        let bytes = self.store.read(&self.session, segment, SEGMENT_MAX)?;
        let place = self.place(segment);
        let (Start::Good(_, start) | Start::Damaged(start)) = place.check(&bytes)?;
        // What this writer appended is kept, and waits.
        let known = self.end.opened.map_or(usize::MAX, narrow);
        let bytes = bytes.get(..known.min(bytes.len())).unwrap_or_default();
        let found = scan(bytes, start, place.seed());
        if self.end.opened.is_some_and(|end| end != wide(found.end)) {
            // The system has let go of some of it; memory has it all.
            return Err(Error::poisoned());
        }
        let next = self.end.next;
        let frames = found.frames.iter().map(|(_, frame)| {
            // What is encrypted is encrypted for its segment.
            match Draft::of(frame, &self.keys).map_err(Refusal::from) {
                Ok(draft) => Ok(Framed { draft, next }),
                Err(Refusal::Beyond(error) | Refusal::Locked(error)) => Err(error),
                Err(Refusal::Fault(_)) => Err(Error::poisoned()),
            }
        });
        let frames = frames.collect::<Result<Vec<_>, Error>>()?;
        self.unsynced.push_front(frames);
        self.end.synced = Some(wide(start));
        self.is_reclaimed = true;
        Ok(wide(start))
    }

    fn place(&self, segment: u32) -> Place<'_> {
        Place {
            store: self.store.id(),
            session: &self.session,
            segment,
        }
    }

    /// The number of a segment that is not there.
    fn next_segment(&self) -> Result<u32, Error> {
        segment_after(self.end.last_segment, &self.ignored)
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

/// The bytes of frames in a segment with this seed.
fn encode(frames: &[Framed], len: usize, (keys, seed): (&Keys, Seed)) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(len);
    for Framed { draft, .. } in frames {
        draft.write(keys, seed, &mut out)?;
    }
    Ok(out)
}

fn next_of(frames: &[Framed]) -> Option<u64> {
    frames.last().map(|framed| framed.next)
}

fn last_item_of(frames: &[Framed]) -> Option<u64> {
    let items = frames.iter().rfind(|f| f.draft.kind == Kind::ITEMS);
    items.and_then(|framed| framed.next.checked_sub(1))
}

/// The failure of the mirror alone: the log holds what was appended.
fn unless_kept(written: Result<(), Error>) -> Result<Option<Error>, Error> {
    match written {
        Ok(()) => Ok(None),
        Err(error) if error.is_not_replicated() => Ok(Some(error)),
        Err(error) => Err(error),
    }
}

/// Where the log goes on behind `len` bytes at `position`.
fn behind(position: Position, len: usize) -> Position {
    Position {
        offset: position.offset.saturating_add(wide(len)),
        ..position
    }
}
