//! Frames that are written together or not at all.

use std::borrow::Cow;
use std::sync::Arc;

use super::blobs::Known;
use super::chain::{commit_hash, payload_digest};
use super::numbering::{last_number, wide};
use super::values::mark_of;
use crate::format::blob::{Reference, has_long_text, lift};
use crate::format::compress::Packer;
use crate::format::dictionary::Level;
use crate::format::frame::Draft;
use crate::format::items::{Items, ItemsDraft};
use crate::format::patch::Mark;
use crate::format::payload::{Body, Commit, Digest, Tombstone};
use crate::format::point::{Fork, Tag};
use crate::format::tags::{Codec, Flags, Kind};
use crate::format::{PAYLOAD_MAX, RECORD_SCHEMA, SPANS_MAX, envelope};
use crate::redact::Redaction;
use crate::{Error, Message};

/// A commit that a batch makes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made {
    pub(crate) seq: u64,
    pub(crate) hash: Digest,
}

/// A Component or Patch frame in a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartFrame {
    pub(crate) seq: u64,
    pub(crate) mark: Mark,
    /// Bytes of its payload as stored.
    pub(crate) stored: u64,
}

/// A frame, and the number behind its last record.
#[derive(Debug)]
pub(crate) struct Framed {
    pub(crate) draft: Draft,
    pub(crate) next: u64,
}

/// Frames in the order in which they will stand.
#[derive(Debug)]
pub(crate) struct Batch {
    first: u64,
    next: u64,
    drafts: Vec<Draft>,
    /// The number behind each draft's last record.
    ends: Vec<u64>,
    digests: Vec<Digest>,
    logical: u64,
    /// Blobs in the log and in this batch.
    blobs: Known,
    /// What messages are masked by.
    redaction: Option<Arc<Redaction>>,
}

impl Batch {
    /// No frames yet; the first will have the number `first`.
    pub(crate) fn starting_at(first: u64) -> Self {
        Self {
            first,
            next: first,
            drafts: Vec::new(),
            ends: Vec::new(),
            digests: Vec::new(),
            logical: 0,
            blobs: Known::default(),
            redaction: None,
        }
    }

    /// Masks what is secret in messages.
    pub(crate) fn masking(mut self, redaction: &Arc<Redaction>) -> Self {
        self.redaction = Some(Arc::clone(redaction));
        self
    }

    /// Says of the last frame that something in it was masked.
    pub(crate) fn redacted(&mut self) {
        if let Some(draft) = self.drafts.last_mut() {
            draft.flags = draft.flags.and(Flags::REDACTED);
        }
    }

    /// Refers to long texts that lie in the log, rather than to write them again.
    pub(crate) fn knowing(mut self, blobs: &Known) -> Self {
        self.blobs = blobs.clone();
        self
    }

    /// The blobs in the log once the batch is.
    pub(crate) fn take_blobs(&mut self) -> Known {
        std::mem::take(&mut self.blobs)
    }

    /// The number behind the last record.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Bytes of new state, before compression.
    pub(crate) fn logical(&self) -> u64 {
        self.logical
    }

    /// Bytes that all frames take.
    pub(crate) fn len(&self) -> u64 {
        self.drafts.iter().map(|draft| wide(draft.len())).sum()
    }

    /// The frames, to be written one after the other. The commit is the last but for a label of its own, so
    /// that the others mean nothing without it.
    pub(crate) fn into_frames(self) -> Vec<Framed> {
        let frames = self.drafts.into_iter().zip(self.ends);
        frames.map(|(draft, next)| Framed { draft, next }).collect()
    }

    /// Adds messages, in as many frames as they need; the number and count of each frame's items.
    pub(crate) fn items<'a>(
        &mut self,
        packer: &mut Packer,
        age_ms: i64,
        messages: impl IntoIterator<Item = &'a Message, IntoIter: Clone>,
    ) -> Result<Vec<(u64, usize)>, Error> {
        let messages = messages.into_iter();
        // The flag speaks for a whole frame, so it is settled before the first message.
        let is_referring = messages.clone().any(has_long_text);
        let flags = if is_referring {
            Flags::BLOB_REF
        } else {
            Flags::NONE
        };
        let mut frames = Vec::new();
        let mut draft = ItemsDraft::new(age_ms, packer.buffer());
        let mut of_frame = flags;
        for message in messages {
            let message = match &self.redaction {
                Some(redaction) => redaction.message(message),
                None => Cow::Borrowed(message),
            };
            let is_masked = matches!(message, Cow::Owned(_));
            if is_masked {
                of_frame = of_frame.and(Flags::REDACTED);
            }
            if is_referring {
                let lifted = lift(&message, &mut |text| self.blob(packer, text, is_masked))?;
                draft.push(&lifted)?;
            } else {
                draft.push(&message)?;
            }
            if draft.is_full() {
                let full = std::mem::replace(&mut draft, ItemsDraft::new(age_ms, Vec::new()));
                frames.push(self.items_frame(packer, full, of_frame)?);
                of_frame = flags;
            }
        }
        if !draft.is_empty() {
            frames.push(self.items_frame(packer, draft, of_frame)?);
        }
        Ok(frames)
    }

    /// What stands for a long text, which is added where it is new; `None` where the text is to stay.
    fn blob(
        &mut self,
        packer: &mut Packer,
        text: &str,
        is_masked: bool,
    ) -> Result<Option<Reference>, Error> {
        if !self.blobs.refer(text.len()) {
            return Ok(None);
        }
        let hash = payload_digest(text.as_bytes());
        let number = if let Some(number) = self.blobs.number(&hash) {
            number
        } else {
            let number = self.next;
            self.digests.push(hash);
            self.logical += wide(text.len());
            self.frame(packer, Kind::BLOB, text, 1)?;
            if let Some(draft) = self.drafts.last_mut() {
                draft.flags = draft.flags.and(Flags::MUST_UNDERSTAND);
            }
            if is_masked {
                self.redacted();
            }
            self.blobs.learn(hash, number);
            number
        };
        let len = wide(text.len());
        Ok(Some(Reference { number, len, hash }))
    }

    fn items_frame(
        &mut self,
        packer: &mut Packer,
        draft: ItemsDraft,
        flags: Flags,
    ) -> Result<(u64, usize), Error> {
        let (first, count) = (self.next, draft.len());
        let is_plain = draft.is_plain();
        let raw = draft.finish();
        if !is_plain {
            // What a host's own values hold must read back; text does in any case.
            serde_json::from_slice::<Items>(&raw).map_err(|e| Error::encode("a message", e))?;
        }
        self.cover(&raw);
        self.frame(packer, Kind::ITEMS, &raw, wide(count))?;
        if let Some(draft) = self.drafts.last_mut() {
            draft.flags = draft.flags.and(flags);
        }
        packer.give_back(raw);
        Ok((first, count))
    }

    /// Adds the values of components, which are JSON texts; the frame's number.
    pub(crate) fn snapshot<'a>(
        &mut self,
        packer: &mut Packer,
        values: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<u64, Error> {
        let seq = self.next;
        let mut raw = vec![b'{'];
        for (name, value) in values {
            if raw.len() > 1 {
                raw.push(b',');
            }
            serde_json::to_writer(&mut raw, name).map_err(|e| Error::encode("a name", e))?;
            raw.push(b':');
            raw.extend_from_slice(value);
        }
        raw.push(b'}');
        self.cover(&raw);
        self.frame(packer, Kind::SNAPSHOT, raw, 1)?;
        Ok(seq)
    }

    /// Adds a Component or Patch frame.
    pub(crate) fn part(
        &mut self,
        packer: &mut Packer,
        kind: Kind,
        codec: Codec,
        raw: Vec<u8>,
    ) -> Result<PartFrame, Error> {
        let seq = self.next;
        let digest = self.cover(&raw);
        self.frame(packer, kind, raw, 1)?;
        let mut stored = 0;
        if let Some(draft) = self.drafts.last_mut() {
            draft.codec = codec;
            // A reader that passed over it would take an older checkpoint for the newest.
            draft.flags = draft.flags.and(Flags::MUST_UNDERSTAND);
            stored = wide(draft.stored.len());
        }
        Ok(PartFrame {
            seq,
            mark: mark_of(&digest),
            stored,
        })
    }

    /// Makes a commit of the one Items frame that the batch is; `None` when it is not that.
    pub(crate) fn flag_commit(&mut self, parent: &Digest) -> Option<Made> {
        let [draft] = self.drafts.as_mut_slice() else {
            return None;
        };
        if draft.kind != Kind::ITEMS {
            return None;
        }
        draft.flags = draft.flags.and(Flags::COMMIT);
        let seq = self.next.checked_sub(1)?;
        Some(Made {
            seq,
            hash: commit_hash(parent, seq, &self.digests, &[]),
        })
    }

    /// Adds a commit that covers every frame so far.
    pub(crate) fn commit(
        &mut self,
        packer: &mut Packer,
        parent: &Digest,
        mut body: Body,
    ) -> Result<Made, Error> {
        let spans = [
            ("history", Some(&body.history)),
            ("context", body.context.as_ref()),
        ];
        for (what, spans) in spans {
            let len = spans.map_or(0, Vec::len);
            if len > SPANS_MAX {
                return Err(Error::too_many_ranges(what, len, SPANS_MAX));
            }
        }
        body.covers = self.first;
        if let Some(cause) = &mut body.why {
            cause.covers = self.first;
        }
        let seq = self.next;
        let bytes = serde_json::to_vec(&body).map_err(|e| Error::encode("a commit", e))?;
        let hash = commit_hash(parent, seq, &self.digests, &bytes);
        self.frame(
            packer,
            Kind::COMMIT,
            Commit::encode(&hash, parent, &bytes),
            1,
        )?;
        Ok(Made { seq, hash })
    }

    /// Drops checkpoints from the listing.
    pub(crate) fn tombstone(
        &mut self,
        packer: &mut Packer,
        tombstone: &Tombstone,
    ) -> Result<(), Error> {
        let raw = serde_json::to_vec(tombstone).map_err(|e| Error::encode("a tombstone", e))?;
        self.frame(packer, Kind::TOMBSTONE, raw, 1)
    }

    /// Sets or takes out a label or a pin.
    pub(crate) fn tag(&mut self, packer: &mut Packer, tag: &Tag) -> Result<(), Error> {
        let raw = serde_json::to_vec(tag).map_err(|e| Error::encode("a label", e))?;
        self.frame(packer, Kind::LABEL, raw, 1)
    }

    /// Says whose the segments before this one are.
    pub(crate) fn fork(&mut self, packer: &mut Packer, fork: &Fork) -> Result<(), Error> {
        let raw = serde_json::to_vec(fork).map_err(|e| Error::encode("a fork", e))?;
        self.frame(packer, Kind::FORK, raw, 1)?;
        if let Some(draft) = self.drafts.last_mut() {
            draft.flags = draft.flags.and(Flags::MUST_UNDERSTAND);
        }
        Ok(())
    }

    /// Counts a payload that the commit's hash covers.
    fn cover(&mut self, raw: &[u8]) -> Digest {
        let digest = payload_digest(raw);
        self.digests.push(digest);
        self.logical += wide(raw.len());
        digest
    }

    fn frame(
        &mut self,
        packer: &mut Packer,
        kind: Kind,
        raw: impl AsRef<[u8]>,
        records: u64,
    ) -> Result<(), Error> {
        let raw = raw.as_ref();
        let too_large = |len| Error::too_large(contents(kind), len, PAYLOAD_MAX);
        if raw.len() > PAYLOAD_MAX {
            return Err(too_large(raw.len()));
        }
        let raw_len = u32::try_from(raw.len()).map_err(|_| too_large(raw.len()))?;
        let level = if records > 1 {
            Level::Turn
        } else {
            Level::Message
        };
        let (compression, stored) = packer.pack(raw, level)?;
        let longest = PAYLOAD_MAX - envelope::added(kind, packer.flag());
        if stored.len() > longest {
            return Err(Error::too_large(contents(kind), stored.len(), longest));
        }
        let seq = self.next;
        // Numbers last for 2^64 records; `last_number` says no when they end all the same.
        self.next = last_number(seq, usize::try_from(records).unwrap_or(usize::MAX))
            .and_then(|last| last.checked_add(1))
            .ok_or_else(|| too_large(usize::MAX))?;
        self.ends.push(self.next);
        self.drafts.push(Draft {
            kind,
            codec: Codec::JSON,
            flags: packer.flag(),
            schema: RECORD_SCHEMA,
            seq,
            compression,
            stored,
            raw_len,
        });
        Ok(())
    }
}

/// What a frame of this kind holds, for a person who saved too much of it.
const fn contents(kind: Kind) -> &'static str {
    match kind {
        Kind::ITEMS => "a group of messages",
        Kind::BLOB => "a text of a message",
        Kind::SNAPSHOT => "what changed in small components since the last save",
        Kind::COMPONENT => "a component with its name",
        Kind::PATCH => "a change of a component",
        Kind::COMMIT => "the list of what a checkpoint holds",
        Kind::TOMBSTONE => "the list of dropped checkpoints",
        Kind::LABEL => "a label",
        Kind::FORK => "the list of sessions that a fork descends from",
        _ => "a frame",
    }
}
