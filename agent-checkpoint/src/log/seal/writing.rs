//! What becomes of each frame of a segment that is sealed: packed, carried as it is, or left out.

use super::sink::{Sealed, Sink, header};
use crate::Error;
use crate::format::compress::Unpacker;
use crate::format::frame::Found;
use crate::format::header::{Fault, Header};
use crate::format::index::Listed;
use crate::format::keys::Keys;
use crate::format::pack::{self, PACKED_PAYLOAD_MAX};
use crate::format::payload::Digest;
use crate::format::segment::{Opening, Place};
use crate::format::skip::Skip;
use crate::format::tags::{Flags, Kind};
use crate::log::decode::{Content, Refusal, decode};
use crate::log::numbering::wide;
use crate::log::reach::{Fate, Needed};

/// Why a frame was not taken in.
#[derive(Debug)]
pub(super) enum Refused {
    Damaged,
    Failed(Error),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        match Refusal::from(fault) {
            Refusal::Locked(error) => Self::Failed(error),
            _ => Self::Damaged,
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A segment that is being sealed.
pub(super) struct Writing<'a> {
    needed: Option<&'a Needed>,
    keys: Keys,
    sink: Sink,
    /// Records left out in front of what comes next.
    skip: Option<(u64, Skip)>,
    payloads: Unpacker,
    /// The number behind the last record.
    next: u64,
    has_changed: bool,
}

impl<'a> Writing<'a> {
    pub(super) fn new(
        place: &Place<'_>,
        opening: Opening,
        needed: Option<&'a Needed>,
        keys: &Keys,
    ) -> Result<Self, Error> {
        let header = place.header(Opening {
            is_sealed: true,
            ..opening
        });
        Ok(Self {
            needed,
            sink: Sink::new(place.seed(), header, keys)?,
            keys: keys.clone(),
            skip: None,
            payloads: Unpacker::with(keys)?,
            next: 0,
            has_changed: false,
        })
    }

    /// Whether anything was left out or changed.
    pub(super) fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// Takes in a frame of the old segment, which may be a pack.
    pub(super) fn piece(&mut self, found: &Found<'_>, packs: &mut Unpacker) -> Result<(), Refused> {
        // Under another key, or plain: it is replaced although it may not be shorter.
        self.has_changed |= !self.keys.is_current(found);
        match found.header.kind {
            Kind::INDEX => Ok(()),
            Kind::PACK => {
                let (_, raw) = packs.read(found)?;
                let frames = pack::frames(raw, found.header.seq)?;
                frames.iter().try_for_each(|frame| self.frame(frame))
            }
            _ => {
                let mut room = Vec::new();
                let opened = self.keys.open(found, &mut room)?;
                self.frame(&opened)
            }
        }
    }

    fn frame(&mut self, found: &Found<'_>) -> Result<(), Refused> {
        let mut header = found.header;
        // Left from before a later write.
        if header.seq < self.next {
            return Err(Refused::Damaged);
        }
        let (records, digest) = self.records(found)?;
        self.next = header.seq.saturating_add(records);
        match self.needed.map(|needed| needed.fate(&header, records)) {
            None | Some(Fate::Keep) => {}
            Some(Fate::Unflag) => {
                header.flags.0 &= !Flags::COMMIT.0;
                self.has_changed = true;
            }
            Some(Fate::Leave) => return self.leave(header.seq, records, digest),
        }
        self.put_skip()?;
        self.put(&header, found.stored, records)
    }

    /// How many records the frame holds, and the digest that a commit's hash may cover.
    fn records(&mut self, found: &Found<'_>) -> Result<(u64, Option<Digest>), Refused> {
        let counts = [Kind::ITEMS, Kind::SKIP].contains(&found.header.kind);
        if !counts && self.needed.is_none() {
            return Ok((1, None));
        }
        match decode(found, &mut self.payloads) {
            Ok(decoded) => {
                let records = match decoded.content {
                    Content::Items { messages, .. } => wide(messages.len()),
                    Content::Skip(skip) => skip.records,
                    _ => 1,
                };
                Ok((records, decoded.digest))
            }
            Err(Refusal::Fault(_)) => Err(Refused::Damaged),
            Err(Refusal::Beyond(error) | Refusal::Locked(error)) => Err(Refused::Failed(error)),
        }
    }

    fn leave(&mut self, seq: u64, records: u64, digest: Option<Digest>) -> Result<(), Refused> {
        self.has_changed = true;
        let is_next = self
            .skip
            .as_ref()
            .is_some_and(|(first, skip)| first.checked_add(skip.records) == Some(seq));
        // What is lost already between two of them stays lost, and is told.
        if !is_next {
            self.put_skip()?;
        }
        let covers = self.needed.is_some_and(|needed| needed.covers(seq));
        let (_, skip) = self.skip.get_or_insert_with(|| (seq, Skip::default()));
        skip.records = skip.records.saturating_add(records);
        skip.digests
            .extend(digest.filter(|_| covers).map(|digest| (seq, digest)));
        Ok(())
    }

    fn put_skip(&mut self) -> Result<(), Refused> {
        let Some((seq, skip)) = self.skip.take() else {
            return Ok(());
        };
        let raw = skip.encode();
        let header = header(Kind::SKIP, seq, &raw)?;
        self.put(&header, &raw, skip.records)
    }

    fn put(&mut self, header: &Header, stored: &[u8], records: u64) -> Result<(), Refused> {
        match self.payloads.inflate(header, stored) {
            Ok(raw) if raw.len() <= PACKED_PAYLOAD_MAX => self.sink.pack(header, raw, records),
            _ => self.sink.carry(header, stored, records),
        }
    }

    /// Ends the segment with its index, in which stand those of `listed` whose numbers lie in it.
    pub(super) fn finish(mut self, listed: &[Listed]) -> Result<Sealed, Refused> {
        self.put_skip()?;
        self.sink.finish(listed, self.next)
    }
}
