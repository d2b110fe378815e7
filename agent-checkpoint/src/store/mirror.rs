//! Two stores as one: everything is written to a primary, and to a mirror that can take its place.

use std::collections::BTreeSet;
use std::sync::Arc;

use agent_primitives::SessionId;

use super::{Durability, Position, Size, Store, StoreId, Writer};
use crate::Error;
use crate::format::SEGMENT_MAX;
use crate::format::segment::{Place, Start};
use crate::log::numbering::{narrow, wide};
use crate::log::scan::scan;

/// Bytes that the mirror lacks before it follows by itself. More only while it cannot be reached.
const LAG_MAX: u64 = 1 << 20;

/// A store and its mirror: [`Durability::Replicated`] saves are on the devices of both, and either alone
/// gives them back.
///
/// The primary is read and written first. `Buffered` and `Synced` saves are acknowledged by it alone; the
/// mirror follows with the next `Replicated` save, and at the latest when it lacks 1 MiB. Opening a session
/// makes both the same: the mirror gets what it lacks; a primary that has lost its end, or all, gets it back
/// from the mirror. Where each has what the other has not, the primary counts, and a differing
/// end of the mirror goes to the mirror's quarantine.
///
/// A mirror that fails keeps nobody from working: `Replicated` saves give
/// [`Error::is_not_replicated`] and are safe in the primary, and [`Health`](crate::Health) counts the bytes
/// that the mirror lacks.
///
/// ```
/// use agent_checkpoint::{Checkpointer, Durability, MemoryStore, Message, Mirrored, Store};
/// use agent_primitives::{CheckpointKind, SessionId};
///
/// let primary = MemoryStore::new();
/// let mirror = MemoryStore::with_id(primary.id());
/// let id = SessionId::new("s1")?;
/// let mut session = Checkpointer::builder(Mirrored::new(primary, mirror.clone())?, id.clone())
///     .durability(Durability::Replicated)
///     .open()?;
/// session.push(Message::user("hello"))?;
/// session.save(CheckpointKind::Auto)?;
/// drop(session);
///
/// // The primary is lost.
/// let session = Checkpointer::builder(mirror, id).open()?;
/// assert_eq!(session.history(), [Message::user("hello")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Mirrored {
    primary: Arc<dyn Store>,
    mirror: Arc<dyn Store>,
}

impl Mirrored {
    /// `primary` and its mirror, which has the same id: see
    /// [`FileStore::open_mirror`](crate::FileStore::open_mirror).
    ///
    /// # Errors
    /// [`Error::is_foreign`] when the ids differ.
    pub fn new(primary: impl Store + 'static, mirror: impl Store + 'static) -> Result<Self, Error> {
        if primary.id() != mirror.id() {
            let owner = format!("store {}", mirror.id());
            return Err(Error::foreign("the mirror", owner));
        }
        Ok(Self {
            primary: Arc::new(primary),
            mirror: Arc::new(mirror),
        })
    }

    fn log<'a>(&self, store: &'a Arc<dyn Store>, session: &'a SessionId) -> Log<'a> {
        Log { store, session }
    }
}

/// One session in one of the stores.
#[derive(Debug, Clone, Copy)]
struct Log<'a> {
    store: &'a Arc<dyn Store>,
    session: &'a SessionId,
}

/// What the primary has lost.
#[derive(Debug, Default)]
struct Missing {
    /// Where its last segment ends, and what an interrupted write left there.
    tail: Option<(Position, Vec<u8>)>,
    rest: Vec<u8>,
    segments: Vec<u32>,
}

/// What lies in a segment.
#[derive(Debug)]
struct Content {
    /// Up to the end of the last frame.
    bytes: Vec<u8>,
    /// Where frames begin.
    start: usize,
    /// What an interrupted write left behind that.
    torn: Vec<u8>,
    /// Something in it is neither header nor frame.
    is_damaged: bool,
}

impl Log<'_> {
    fn segments(&self) -> Result<BTreeSet<u32>, Error> {
        Ok(self.store.segments(self.session)?.into_iter().collect())
    }

    fn content(&self, segment: u32) -> Result<Content, Error> {
        let mut bytes = self.store.read(self.session, segment, SEGMENT_MAX)?;
        let place = Place {
            store: self.store.id(),
            session: self.session,
            segment,
        };
        let (start, is_good) = match place.check(&bytes)? {
            Start::Good(_, start) => (start, true),
            Start::Damaged(start) => (start, false),
        };
        let found = scan(&bytes, start, place.seed());
        let is_damaged = !is_good || !found.holes.is_empty();
        let end = found.end.min(bytes.len());
        let mut torn = bytes.split_off(end);
        let written = torn.iter().rposition(|byte| *byte != 0);
        torn.truncate(written.map_or(0, |last| last + 1));
        Ok(Content {
            bytes,
            start,
            torn,
            is_damaged,
        })
    }
}

impl Store for Mirrored {
    fn id(&self) -> StoreId {
        self.primary.id()
    }

    fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        // What the primary has lost is still there to be opened.
        let mut sessions: BTreeSet<_> = self.primary.sessions()?.into_iter().collect();
        match self.mirror.sessions() {
            Ok(mirrored) => sessions.extend(mirrored),
            Err(error) => tracing::warn!(%error, "the mirror cannot be listed"),
        }
        Ok(sessions.into_iter().collect())
    }

    fn segments(&self, session: &SessionId) -> Result<Vec<u32>, Error> {
        self.primary.segments(session)
    }

    fn read(&self, session: &SessionId, segment: u32, max: usize) -> Result<Vec<u8>, Error> {
        self.primary.read(session, segment, max)
    }

    fn writer(&self, session: &SessionId) -> Result<Box<dyn Writer>, Error> {
        let mut writer = MirrorWriter {
            primary: self.primary.writer(session)?,
            mirror: None,
            stores: self.clone(),
            session: session.clone(),
            end: None,
            mirrored: None,
            lag: 0,
            next_try: 0,
        };
        let missing = writer.connect().map(drop).and_then(|()| writer.missing());
        match missing {
            // Without it the session would go on from an older state than was acknowledged.
            Ok(missing) => writer.recover(&missing)?,
            Err(error) => tracing::error!(%session, %error, "the mirror cannot be read"),
        }
        Ok(Box::new(writer))
    }

    fn is_mirrored(&self) -> bool {
        true
    }

    fn remove(&self, session: &SessionId) -> Result<(), Error> {
        // The other way round, an interruption would leave a mirror that brings the session back.
        self.mirror.remove(session)?;
        self.primary.remove(session)
    }
}

#[derive(Debug)]
struct MirrorWriter {
    primary: Box<dyn Writer>,
    /// `None` while it cannot be reached, and after each of its failures.
    mirror: Option<Box<dyn Writer>>,
    stores: Mirrored,
    session: SessionId,
    /// Where the primary ends.
    end: Option<Position>,
    /// Up to here the mirror is known to have everything on its device.
    mirrored: Option<Position>,
    lag: u64,
    /// The lag from which on the mirror is to follow.
    next_try: u64,
}

impl MirrorWriter {
    fn primary_log(&self) -> Log<'_> {
        self.stores.log(&self.stores.primary, &self.session)
    }

    fn mirror_log(&self) -> Log<'_> {
        self.stores.log(&self.stores.mirror, &self.session)
    }

    fn connect(&mut self) -> Result<&mut dyn Writer, Error> {
        let writer = match self.mirror.take() {
            Some(writer) => writer,
            None => self.stores.mirror.writer(&self.session)?,
        };
        Ok(self.mirror.insert(writer).as_mut())
    }

    /// What only the mirror has, where it is the same log but for that: the rest of the primary's last
    /// segment, and the numbers of those behind it.
    fn missing(&self) -> Result<Missing, Error> {
        let mut missing = Missing::default();
        let (ours, theirs) = (
            self.primary_log().segments()?,
            self.mirror_log().segments()?,
        );
        let last = ours.last().copied();
        if let Some(segment) = last.filter(|last| theirs.contains(last)) {
            let mine = self.primary_log().content(segment)?;
            let other = self.mirror_log().content(segment)?;
            if !other.bytes.starts_with(&mine.bytes) {
                return Ok(missing);
            }
            let rest = other.bytes.get(mine.bytes.len()..).unwrap_or_default();
            missing.rest = rest.to_vec();
            missing.tail = Some((at(segment, mine.bytes.len()), mine.torn));
        } else if last.is_some() {
            return Ok(missing);
        }
        let behind = theirs.into_iter().filter(|segment| Some(*segment) > last);
        missing.segments = behind.collect();
        Ok(missing)
    }

    /// Gives it back to the primary.
    fn recover(&mut self, missing: &Missing) -> Result<(), Error> {
        if let Some((at, torn)) = &missing.tail
            && !missing.rest.is_empty()
        {
            if !torn.is_empty() {
                self.primary.set_aside(*at, torn)?;
            }
            self.primary.cut(*at)?;
            self.primary
                .append(*at, &missing.rest, Durability::Synced)?;
        }
        for segment in &missing.segments {
            let content = self.mirror_log().content(*segment)?;
            self.primary.start(*segment, &content.bytes)?;
        }
        if !missing.rest.is_empty() || !missing.segments.is_empty() {
            tracing::warn!(
                session = %self.session, bytes = missing.rest.len(), segments = missing.segments.len(),
                "taken back from the mirror"
            );
        }
        Ok(())
    }

    /// Makes the mirror what the primary is, durably.
    fn follow(&mut self) -> Result<(), Error> {
        let followed = self.try_to_follow();
        match &followed {
            Ok(()) => {
                self.lag = 0;
                self.next_try = LAG_MAX;
                self.mirrored = self.end;
            }
            Err(error) => {
                tracing::error!(session = %self.session, %error, "the mirror does not follow");
                self.next_try = self.lag.saturating_add(LAG_MAX);
                // Whatever state it is in, the next one begins anew.
                self.mirror = None;
            }
        }
        followed
    }

    fn try_to_follow(&mut self) -> Result<(), Error> {
        self.connect()?;
        let Some(end) = self.end else {
            return Ok(());
        };
        let theirs = self.mirror_log().segments()?;
        if theirs.last().is_some_and(|last| *last > end.segment) {
            return Err(Error::invalid(
                format!("the mirror of session {}", self.session),
                "it has gone on without the store; open the mirror alone, or remove the session from it",
            ));
        }
        let ours = self.primary_log().segments()?;
        let last = theirs.last().copied();
        for segment in ours.into_iter().filter(|segment| *segment <= end.segment) {
            // Only the last that the mirror has can be short of anything.
            if Some(segment) < last {
                continue;
            }
            let mut content = self.primary_log().content(segment)?;
            if segment == end.segment {
                content.bytes.truncate(narrow(end.offset));
            }
            if theirs.contains(&segment) {
                self.extend(segment, &content)?;
            } else {
                self.connect()?.start(segment, &content.bytes)?;
            }
        }
        Ok(())
    }

    /// Makes the mirror's last segment what the primary has in its place.
    fn extend(&mut self, segment: u32, ours: &Content) -> Result<(), Error> {
        let theirs = self.mirror_log().content(segment)?;
        let is_behind = |known: &Position| known.segment < segment;
        if ours.bytes.get(..ours.start) != theirs.bytes.get(..ours.start)
            || self.mirrored.as_ref().is_some_and(is_behind)
        {
            return Err(Error::invalid(
                format!(
                    "segment {segment} in the mirror of session {}",
                    self.session
                ),
                "it is not the store's; remove the session from the mirror, and it is copied anew",
            ));
        }
        // What a failed sync left may be with the system alone: it is written once more.
        let known = self
            .mirrored
            .map_or(usize::MAX, |known| narrow(known.offset));
        let same = if ours.bytes.starts_with(&theirs.bytes) {
            theirs.bytes.len()
        } else if theirs.bytes.starts_with(&ours.bytes) {
            ours.bytes.len()
        } else if ours.is_damaged {
            return Err(Error::invalid(
                format!("segment {segment} of session {}", self.session),
                "it is damaged in the store, and the mirror has it as it was; open the mirror alone",
            ));
        } else {
            ours.start
        };
        let keep = same.min(known).max(ours.start);
        let from = at(segment, keep);
        let other = theirs.bytes.get(same..).unwrap_or_default();
        let mirror = self.connect()?;
        for (at, bytes) in [
            (at(segment, same), other),
            (at(segment, theirs.bytes.len()), &theirs.torn),
        ] {
            if !bytes.is_empty() {
                mirror.set_aside(at, bytes)?;
            }
        }
        if keep < theirs.bytes.len() || !theirs.torn.is_empty() {
            mirror.cut(from)?;
        } else {
            mirror.resume(from)?;
        }
        let rest = ours.bytes.get(keep..).unwrap_or_default();
        mirror.append(from, rest, Durability::Synced)
    }

    /// Notes that the primary has `bytes` more, and lets the mirror have them when that is due.
    fn appended(
        &mut self,
        at: Position,
        bytes: &[u8],
        durability: Durability,
    ) -> Result<(), Error> {
        let len = wide(bytes.len());
        let end = Position {
            offset: at.offset.saturating_add(len),
            ..at
        };
        self.end = Some(end);
        if durability == Durability::Replicated
            && let (Some(mirror), true) = (&mut self.mirror, self.mirrored == Some(at))
        {
            let appended = mirror.append(at, bytes, Durability::Synced);
            match appended {
                Ok(()) => self.mirrored = Some(end),
                Err(_) => {
                    self.mirror = None;
                    self.lag = self.lag.saturating_add(len);
                }
            }
            return appended.map_err(Error::not_replicated);
        }
        self.lag = self.lag.saturating_add(len);
        if durability == Durability::Replicated {
            return self.follow().map_err(Error::not_replicated);
        }
        if self.lag >= self.next_try {
            // Nobody asked for it.
            let _ = self.follow();
        }
        Ok(())
    }

    /// The primary ends at `at` now.
    fn moved(&mut self, at: Position) {
        self.end = Some(at);
        self.lag = self.lag.max(1);
        // Nobody asked for it.
        let _ = self.follow();
    }
}

impl Drop for MirrorWriter {
    fn drop(&mut self) {
        if self.lag > 0 && self.mirror.is_some() {
            // What it lacks then it gets when the session is opened next.
            let _ = self.follow();
        }
    }
}

impl Writer for MirrorWriter {
    fn start(&mut self, segment: u32, header: &[u8]) -> Result<(), Error> {
        self.primary.start(segment, header)?;
        self.lag = self.lag.saturating_add(wide(header.len()));
        self.moved(at(segment, header.len()));
        Ok(())
    }

    fn resume(&mut self, at: Position) -> Result<(), Error> {
        self.primary.resume(at)?;
        self.moved(at);
        Ok(())
    }

    fn cut(&mut self, at: Position) -> Result<(), Error> {
        self.primary.cut(at)?;
        self.moved(at);
        Ok(())
    }

    fn append(&mut self, at: Position, bytes: &[u8], durability: Durability) -> Result<(), Error> {
        let asked = match durability {
            Durability::Replicated => Durability::Synced,
            other => other,
        };
        self.primary.append(at, bytes, asked)?;
        self.appended(at, bytes, durability)
    }

    fn set_aside(&mut self, at: Position, bytes: &[u8]) -> Result<String, Error> {
        self.primary.set_aside(at, bytes)
    }

    fn size(&self) -> Result<Size, Error> {
        self.primary.size()
    }

    fn lag(&self) -> u64 {
        self.lag
    }
}

fn at(segment: u32, offset: usize) -> Position {
    Position {
        segment,
        offset: wide(offset),
    }
}
