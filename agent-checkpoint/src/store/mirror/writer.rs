//! The writer of a session in both stores.

use std::sync::{Arc, PoisonError};

use agent_primitives::{SessionId, Timestamp};

use super::Mirrored;
use super::content::{Content, Log};
use super::replace::{Both, Form, Reach};
use crate::log::numbering::{narrow, wide};
use crate::{Claim, Durability, Error, Position, Replacer, Size, Store, TakeOver, Tenure, Writer};

/// Bytes that the mirror lacks before it follows by itself. More only while it cannot be reached.
const LAG_MAX: u64 = 1 << 20;

/// What the primary has lost.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// Where its last segment ends, and what an interrupted write left there.
    tail: Option<(Position, Vec<u8>)>,
    rest: Vec<u8>,
    segments: Vec<u32>,
    /// Its last segment, which the mirror has sealed.
    sealed: Option<(u32, Vec<u8>)>,
}

#[derive(Debug)]
pub(super) struct MirrorWriter {
    primary: Box<dyn Writer>,
    claim: Claim,
    /// `None` while it cannot be reached, and after each of its failures.
    mirror: Option<Box<dyn Writer>>,
    /// What replaces segments in it.
    reach: Reach,
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
    pub(super) fn new(
        primary: Box<dyn Writer>,
        mut claim: Claim,
        stores: Mirrored,
        session: SessionId,
    ) -> Self {
        if primary.tenure().is_takeover {
            // Whoever lost the primary has lost the mirror with it.
            claim.take_over = Some(TakeOver::Force);
        }
        Self {
            primary,
            claim,
            mirror: None,
            reach: Reach::default(),
            stores,
            session,
            end: None,
            mirrored: None,
            lag: 0,
            next_try: 0,
        }
    }

    fn primary_log(&self) -> Log<'_> {
        Log {
            store: &self.stores.primary,
            session: &self.session,
        }
    }

    fn mirror_log(&self) -> Log<'_> {
        Log {
            store: &self.stores.mirror,
            session: &self.session,
        }
    }

    pub(super) fn connect(&mut self) -> Result<&mut dyn Writer, Error> {
        let writer = if let Some(writer) = self.mirror.take() {
            writer
        } else {
            let writer = self.stores.mirror.claim(&self.session, &self.claim)?;
            let mut reach = self.reach.lock().unwrap_or_else(PoisonError::into_inner);
            *reach = writer.replacer();
            writer
        };
        // To take over is asked for once.
        self.claim.take_over = None;
        Ok(self.mirror.insert(writer).as_mut())
    }

    /// What only the mirror has, where it is the same log but for that: the rest of the primary's last
    /// segment, and the numbers of those behind it.
    pub(super) fn missing(&self) -> Result<Missing, Error> {
        let mut missing = Missing::default();
        let (ours, theirs) = (
            self.primary_log().segments()?,
            self.mirror_log().segments()?,
        );
        let last = ours.last().copied();
        let (mine, other) = match last.filter(|last| theirs.contains(last)) {
            Some(segment) => (
                self.primary_log().form(segment)?,
                self.mirror_log().form(segment)?,
            ),
            None => (None, None),
        };
        let is_same = |mine: &Form, other: &Form| {
            mine.is_like(other) && (mine.opening.is_sealed || other.opening.is_sealed)
        };
        if let (Some(segment), Some(mine), Some(other)) = (last, mine, other)
            && is_same(&mine, &other)
        {
            // What is sealed was whole then, and what follows it is all that can be missing.
            if !mine.opening.is_sealed && theirs.last() > Some(&segment) {
                let sealed = self.mirror_log().sealed(segment)?;
                missing.sealed = sealed.map(|bytes| (segment, bytes));
                if missing.sealed.is_none() {
                    return Ok(missing);
                }
            }
        } else if let Some(segment) = last.filter(|last| theirs.contains(last)) {
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
    pub(super) fn recover(&mut self, missing: &Missing) -> Result<(), Error> {
        if let Some((at, torn)) = &missing.tail
            && !missing.rest.is_empty()
        {
            if !torn.is_empty() {
                self.primary.set_aside(*at, torn)?;
            }
            self.primary.cut(*at)?;
            self.primary
                .append(*at, &missing.rest, Durability::Replicated)?;
        }
        for segment in &missing.segments {
            let content = self.mirror_log().content(*segment)?;
            self.primary.start(*segment, &content.bytes)?;
        }
        if let (Some((segment, bytes)), Some(replacer)) = (&missing.sealed, self.primary.replacer())
        {
            replacer.replace(*segment, bytes)?;
        }
        if !missing.rest.is_empty() || !missing.segments.is_empty() {
            tracing::warn!(
                session = %self.session, bytes = missing.rest.len(), segments = missing.segments.len(),
                "taken back from the mirror"
            );
        }
        Ok(())
    }

    /// Lets the mirror have what is sealed in the primary alone.
    fn seal_mirror(&mut self) -> Result<(), Error> {
        for segment in self.primary_log().sealed_otherwise(self.mirror_log())? {
            let sealed = self.primary_log().sealed(segment)?;
            if let (Some(bytes), Some(replacer)) = (sealed, self.connect()?.replacer()) {
                replacer.replace(segment, &bytes)?;
            }
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
        let mut is_sealed_later = false;
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
                let forms = (
                    self.primary_log().form(segment)?,
                    self.mirror_log().form(segment)?,
                );
                match forms {
                    // Sealed before the mirror had all of it; replaced as soon as another one follows it.
                    (Some(mine), Some(other))
                        if mine != other && mine.is_like(&other) && mine.opening.is_sealed =>
                    {
                        is_sealed_later = true;
                    }
                    _ => self.extend(segment, &content)?,
                }
            } else {
                self.connect()?.start(segment, &content.bytes)?;
            }
        }
        if (is_sealed_later || self.mirrored.is_none())
            && let Err(error) = self.seal_mirror()
        {
            tracing::warn!(session = %self.session, %error, "the mirror keeps segments as they were");
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
        mirror.append(from, rest, Durability::Replicated)
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
            let appended = mirror.append(at, bytes, Durability::Replicated);
            if appended.is_ok() {
                self.mirrored = Some(end);
            } else {
                self.mirror = None;
                self.lag = self.lag.saturating_add(len);
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
    fn tenure(&self) -> Tenure {
        self.primary.tenure()
    }

    fn outrank(&mut self, epoch: u64) -> Result<(), Error> {
        self.primary.outrank(epoch)
    }

    fn renew(&mut self, now: Timestamp) -> Result<(), Error> {
        self.claim.now = now;
        self.primary.renew(now)?;
        if let Some(mirror) = &mut self.mirror
            && mirror.renew(now).is_err()
        {
            // Claimed anew when it is to follow.
            self.mirror = None;
        }
        Ok(())
    }

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

    fn replacer(&self) -> Option<Arc<dyn Replacer>> {
        Some(Arc::new(Both {
            primary: self.primary.replacer()?,
            mirror: Arc::clone(&self.reach),
            session: self.session.clone(),
        }))
    }

    fn lag(&self) -> u64 {
        self.lag
    }

    fn is_settled(&self) -> bool {
        self.primary.is_settled()
    }
}

fn at(segment: u32, offset: usize) -> Position {
    Position {
        segment,
        offset: wide(offset),
    }
}
