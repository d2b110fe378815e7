//! What a log's frames amount to: items, components, and commits with the word whether each is whole.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Map;

use super::blobs::Blobs;
use super::chain::commit_hash;
pub(crate) use super::decode::Refusal;
use super::decode::{Content, Decoded, Packaged};
use super::drops::Drops;
pub(crate) use super::entry::{Entry, Spent};
use super::numbering::{last_number, narrow, wide};
use super::remains::Remains;
use super::salvage::Salvage;
use super::values::Values;
use crate::format::blob::REFERRED_LIMIT;
use crate::format::frame::OVERHEAD;
use crate::format::header::{Fault, Header};
use crate::format::payload::{Body, Commit, Digest, Span, Tombstone};
use crate::format::point::Tag;
use crate::format::tags::Flags;
use crate::{Error, Message};

/// Items of one frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) first: u64,
    pub(crate) count: usize,
    /// Position of the first among all items of the log.
    pub(crate) start: usize,
}

/// A log, understood frame by frame.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// The number behind the last record.
    pub(crate) next: u64,
    pub(crate) items: Vec<Message>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) values: Values,
    pub(crate) commits: Vec<Entry>,
    pub(crate) tombstones: Vec<Tombstone>,
    /// Labels and pins as they were set and taken out.
    pub(crate) tags: Vec<Tag>,
    /// Frames with a greater number are another session's, which shares the segment.
    pub(crate) cut: Option<u64>,
    /// Frames since the last commit: their numbers, and what each is.
    unclaimed: Vec<(u64, Spent)>,
    /// Numbers of records that are lost.
    pub(crate) missing: Vec<Range<u64>>,
    /// What is known of them.
    pub(crate) remains: Remains,
    pub(crate) frames: u64,
    pub(crate) logical: u64,
    digests: BTreeMap<u64, Digest>,
    pub(crate) blobs: Blobs,
    /// Most bytes that may be put back from them, where that is limited further.
    referring: Option<u64>,
    /// Positions, ascending, of items with a text that is lost.
    lacking: Vec<usize>,
    /// The last number that was left out; it may have been an item's.
    last_skipped: Option<u64>,
    /// Time of the last full commit.
    base_ms: i64,
    /// Messages are counted and not kept.
    is_listing: bool,
    /// Only some of the records below this number were read: a commit is taken at its word for them.
    trusted: u64,
    /// What can be told of a commit that is not whole, where that is asked for.
    pub(crate) salvage: Option<Salvage>,
}

impl Replay {
    /// A log of which messages are kept, or only counted.
    pub(crate) fn keeping(messages: bool) -> Self {
        Self {
            is_listing: !messages,
            ..Self::default()
        }
    }

    /// A log of which only some of the records below `trusted` are read.
    pub(crate) fn trusting(trusted: u64) -> Self {
        Self {
            trusted,
            ..Self::default()
        }
    }

    /// Takes in the next frame.
    pub(crate) fn frame(
        &mut self,
        header: &Header,
        decoded: Result<Decoded, Refusal>,
    ) -> Result<(), Refusal> {
        let decoded = match decoded {
            Ok(Decoded {
                content: Content::Pack(frames),
                ..
            }) => return self.pack(frames),
            Ok(Decoded {
                content: Content::Index(spent),
                ..
            }) => {
                self.spend(&spent);
                return Ok(());
            }
            other => other,
        };
        if self.cut.is_some_and(|last| header.seq > last) {
            return Ok(());
        }
        if header.seq < self.next {
            return Err(Fault::Stale.into());
        }
        if header.seq > self.next {
            self.lose(self.next..header.seq);
        }
        match decoded.and_then(|decoded| self.put_back(header, decoded)) {
            Ok(decoded) => {
                self.frames += 1;
                let spent = Spent {
                    logical: decoded.logical,
                    stored: u64::from(header.stored_len) + wide(OVERHEAD),
                };
                self.unclaimed.push((header.seq, spent));
                let records = self.take(header, decoded);
                self.next = header.seq.saturating_add(records);
                Ok(())
            }
            Err(refusal) => {
                // How many records it held is unknown; the next frame's number will tell.
                self.next = header.seq + 1;
                self.remains.tell(header);
                self.lose(header.seq..self.next);
                Err(refusal)
            }
        }
    }

    /// Takes notice of what commits took before they were sealed.
    fn spend(&mut self, spent: &[(u64, Spent)]) {
        for (seq, spent) in spent {
            if let Ok(at) = self.commits.binary_search_by_key(seq, |entry| entry.seq)
                && let Some(entry) = self.commits.get_mut(at)
            {
                entry.spent = *spent;
            }
        }
    }

    /// Takes in frames that were packed together.
    fn pack(&mut self, frames: Vec<Packaged>) -> Result<(), Refusal> {
        let mut first = Ok(());
        for (header, decoded) in frames {
            match self.frame(&header, decoded) {
                Err(refusal @ (Refusal::Beyond(_) | Refusal::Locked(_))) => return Err(refusal),
                taken => first = first.and(taken),
            }
        }
        first
    }

    /// What is put back from blobs is to be no more than `left` bytes in all, and never more than
    /// [`REFERRED_LIMIT`].
    pub(crate) fn limit_references(&mut self, left: u64) {
        self.referring = Some(left.min(REFERRED_LIMIT));
    }

    /// Bytes of memory that reading components may take.
    pub(crate) fn room(&self) -> u64 {
        self.referring.unwrap_or(u64::MAX)
    }

    /// Whether any item has a text that is not there.
    pub(crate) fn is_lacking(&self) -> bool {
        !self.lacking.is_empty()
    }

    /// How many items there are, kept or not.
    pub(crate) fn counted(&self) -> usize {
        self.blocks
            .last()
            .map_or(0, |block| block.start.saturating_add(block.count))
    }

    /// The last items of a span, at most `most`, as a span.
    pub(crate) fn last_of(&self, span: Span, most: usize) -> Option<Span> {
        let there = self.items_before(span.first)..self.items_before(span.last.checked_add(1)?);
        let count = there.len().min(most);
        let first = self.number_at(there.end.checked_sub(count)?)?;
        (count > 0).then_some(Span {
            first,
            last: span.last,
            count: wide(count),
        })
    }

    fn number_at(&self, position: usize) -> Option<u64> {
        let behind = self.blocks.partition_point(|block| block.start <= position);
        let block = self.blocks.get(behind.checked_sub(1)?)?;
        block.first.checked_add(wide(position - block.start))
    }

    fn lose(&mut self, numbers: Range<u64>) {
        match self.missing.last_mut() {
            Some(last) if last.end == numbers.start => last.end = numbers.end,
            _ => self.missing.push(numbers),
        }
    }

    /// Puts long texts back into the items of a frame that refers to them.
    fn put_back(&mut self, header: &Header, mut decoded: Decoded) -> Result<Decoded, Refusal> {
        if let Content::Items { messages, .. } = &mut decoded.content
            && header.flags.has(Flags::BLOB_REF)
        {
            let limit = self.referring.unwrap_or(REFERRED_LIMIT);
            let lacking = self
                .blobs
                .put_back(header.seq, messages, limit, self.salvage.as_mut())
                .map_err(|()| {
                    Refusal::Beyond(Error::beyond_limit(
                        "what messages refer to, put together,",
                        limit.saturating_add(1),
                        limit,
                    ))
                })?;
            let start = self.counted();
            self.lacking
                .extend(lacking.into_iter().map(|at| start + at));
        }
        Ok(decoded)
    }

    /// The number of records in the frame.
    fn take(&mut self, header: &Header, decoded: Decoded) -> u64 {
        if let Some(digest) = decoded.digest {
            self.digests.insert(header.seq, digest);
        }
        self.logical += decoded.logical;
        match decoded.content {
            Content::Items {
                age_ms,
                mut messages,
            } => {
                let count = messages.len();
                self.blocks.push(Block {
                    first: header.seq,
                    count,
                    start: self.counted(),
                });
                if !self.is_listing {
                    self.items.append(&mut messages);
                }
                if let (true, Some(digest)) = (header.flags.has(Flags::COMMIT), decoded.digest) {
                    self.take_flag(header.seq, count, age_ms, &digest);
                }
                return wide(count);
            }
            Content::Snapshot(packed) => {
                self.values.add_snapshot(header.seq, packed);
            }
            Content::Part(part) => {
                if let Some(digest) = &decoded.digest {
                    self.values.add_part(header.seq, *part, digest);
                }
            }
            Content::Commit(commit, body) => self.take_commit(header.seq, *commit, &body),
            Content::Label(tag) => self.tags.push(tag),
            Content::Blob(text) => {
                if let Some(digest) = decoded.digest {
                    self.blobs.insert(header.seq, digest, text);
                }
            }
            Content::Tombstone(tombstone) => self.tombstones.push(tombstone),
            Content::Skip(skip) => {
                self.digests.extend(skip.digests);
                self.last_skipped = last_number(header.seq, narrow(skip.records));
                return skip.records;
            }
            Content::Pack(_) | Content::Fork(_) | Content::Index(_) | Content::Unknown => {}
        }
        1
    }

    /// What the frames from the number `first` on came to; no other commit has them.
    fn claim(&mut self, first: u64) -> Spent {
        let unclaimed = self.unclaimed.drain(..);
        let own = unclaimed.filter(|(seq, _)| *seq >= first);
        own.fold(Spent::default(), |sum, (_, frame)| Spent {
            logical: sum.logical.saturating_add(frame.logical),
            stored: sum.stored.saturating_add(frame.stored),
        })
    }

    /// A flagged Items frame: the commit before, with the frame's items at its end.
    fn take_flag(&mut self, first: u64, count: usize, age_ms: i64, digest: &Digest) {
        let spent = self.claim(first);
        let Some(last) = last_number(first, count) else {
            return;
        };
        let Some(before) = self.commits.last() else {
            if let Some(salvage) = &mut self.salvage {
                let count = wide(count);
                salvage.flagged(None, Span { first, last, count }, false);
            }
            return;
        };
        // Numbers that do not adjoin tell that the commit meant is lost, or that items lie between.
        let adjoins = before.seq.checked_add(1) == Some(first);
        let count = wide(count);
        let own = Span { first, last, count };
        let tail = match before.tail {
            Some(tail) => Span {
                first: tail.first,
                last,
                count: tail.count.saturating_add(count),
            },
            None => own,
        };
        let whole = adjoins && before.whole && self.positions(own).is_some();
        if let Some(salvage) = &mut self.salvage {
            salvage.flagged(Some(before), own, whole);
        }
        self.commits.push(Entry {
            seq: last,
            hash: commit_hash(&before.hash, last, [digest], &[]),
            at_ms: self.base_ms.saturating_add(age_ms),
            body: Arc::clone(&before.body),
            base: before.base,
            tail: Some(tail),
            whole,
            spent,
        });
    }

    fn take_commit(&mut self, seq: u64, commit: Commit, bytes: &[u8]) {
        let Commit { hash, parent, body } = commit;
        // Forged commits that cover each other's frames would cost as much as all pairs of them.
        let before = self.commits.last().map(|entry| entry.seq);
        let covers_own = before.is_none_or(|before| before < body.covers);
        let covered = self
            .digests
            .range(body.covers.min(seq)..seq)
            .map(|(_, digest)| digest);
        let is_sound = covers_own && commit_hash(&parent, seq, covered, bytes) == hash;
        self.base_ms = body.at;
        let base = body.messages();
        let whole = is_sound && self.is_whole(&body);
        let spent = self.claim(body.covers);
        let mut body = body;
        if let Some(salvage) = &mut self.salvage {
            salvage.commit(seq, &hash, &body, whole);
            let values = body.components.values().map(|reference| reference.seq);
            for value in values.filter(|value| !self.values.holds(*value)) {
                self.remains.is_no_message(value);
            }
        }
        if !whole {
            // Never loaded; of a forged commit they may be long.
            body.history = Vec::new();
            body.context = None;
            body.components = BTreeMap::new();
            body.other = Map::new();
        }
        self.commits.push(Entry {
            seq,
            hash,
            at_ms: body.at,
            base,
            tail: None,
            whole,
            spent,
            body: Arc::new(body),
        });
    }

    fn is_whole(&self, body: &Body) -> bool {
        let ascends = body.history.is_sorted_by(|a, b| a.last < b.first);
        let context = body.context.as_deref().unwrap_or_default();
        let is_there = |span: &Span| span.first < self.trusted || self.positions(*span).is_some();
        // A forged context could name the same items again and again to fill the memory.
        let named = context
            .iter()
            .fold(0, |sum: u64, span| sum.saturating_add(span.count));
        ascends
            && (named <= wide(self.counted()) || self.trusted > 0)
            && body.history.iter().all(is_there)
            && context.iter().all(is_there)
            && body.components.iter().all(|(name, reference)| {
                // A patch may go back to a value that was not read.
                self.trusted > 0 || self.values.has(reference.seq, name)
            })
    }

    /// Where a span's items stand among all items; `None` unless all are there, with all their texts.
    pub(crate) fn positions(&self, span: Span) -> Option<Range<usize>> {
        let range = self.items_before(span.first)..self.items_before(span.last.checked_add(1)?);
        let lacking = self.lacking.partition_point(|at| *at < range.start);
        let is_lacking = self
            .lacking
            .get(lacking)
            .is_some_and(|at| range.contains(at));
        (wide(range.len()) == span.count && !is_lacking).then_some(range)
    }

    /// Which of a span's items are there.
    pub(crate) fn present(&self, span: Span) -> Range<usize> {
        let end = span.last.saturating_add(1);
        self.items_before(span.first)..self.items_before(end)
    }

    /// How many items have a smaller number.
    pub(crate) fn items_before(&self, number: u64) -> usize {
        let behind = self.blocks.partition_point(|block| block.first < number);
        match behind.checked_sub(1).and_then(|at| self.blocks.get(at)) {
            Some(block) => block.start + block.count.min(narrow(number - block.first)),
            None => 0,
        }
    }

    /// The number of the last item, or of a later record that was left out and may have been one.
    pub(crate) fn last_item(&self) -> Option<u64> {
        let last = |block: &Block| last_number(block.first, block.count);
        self.blocks.last().and_then(last).max(self.last_skipped)
    }

    /// The newest commit that is whole.
    pub(crate) fn head(&self) -> Option<&Entry> {
        self.commits.iter().rfind(|entry| entry.whole)
    }

    /// The newest commit before the position `end` that is whole, and its own position.
    pub(crate) fn whole_before(&self, end: usize) -> Option<(usize, &Entry)> {
        let before = self.commits.get(..end).unwrap_or_default();
        let mut newest_first = before.iter().enumerate().rev();
        newest_first.find(|(_, entry)| entry.whole)
    }

    /// Counts the commit at a position, and all with the same components, as not whole: it and the flags that
    /// build on it stand side by side. The position of the first of them.
    pub(crate) fn degrade(&mut self, at: usize) -> usize {
        let Some(body) = self.commits.get(at).map(|entry| Arc::clone(&entry.body)) else {
            return 0;
        };
        let is_same = |entry: &Entry| Arc::ptr_eq(&entry.body, &body);
        let (before, from) = self.commits.split_at(at);
        let first = at - before.iter().rev().take_while(|e| is_same(e)).count();
        let end = at + from.iter().take_while(|e| is_same(e)).count();
        for entry in self.commits.get_mut(first..end).unwrap_or_default() {
            entry.whole = false;
        }
        first
    }

    /// Which commits were dropped from the listing.
    pub(crate) fn drops(&self) -> Drops {
        Drops::of(&self.tombstones)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::compress::Unpacker;
    use crate::format::frame::Found;
    use crate::format::tags::{Codec, Compression, Kind};
    use crate::log::chain::payload_digest;
    use crate::log::decode::decode;

    const HEADER: Header = Header {
        kind: Kind::ITEMS,
        codec: Codec::JSON,
        compression: Compression::RAW,
        flags: Flags::NONE,
        schema: 1,
        seq: 0,
        stored_len: 0,
        raw_len: 0,
    };

    fn feed(replay: &mut Replay, header: Header, stored: &[u8]) -> Result<(), Refusal> {
        let len = u32::try_from(stored.len()).unwrap();
        let header = Header {
            stored_len: len,
            raw_len: len,
            ..header
        };
        let found = Found {
            header,
            stored,
            seat: None,
        };
        let decoded = decode(&found, &mut Unpacker::new().unwrap());
        replay.frame(&header, decoded)
    }

    #[test]
    fn lost_numbers_are_told_exactly() {
        let mut replay = Replay::default();
        let items = br#"[0,{"role":"user"},{"role":"user"}]"#;
        feed(&mut replay, Header { seq: 3, ..HEADER }, items).unwrap();
        assert!(feed(&mut replay, Header { seq: 5, ..HEADER }, b"[0,{}]").is_err());
        feed(&mut replay, Header { seq: 9, ..HEADER }, items).unwrap();
        assert_eq!(replay.missing, [0..3, 5..9]);
        assert_eq!((replay.next, replay.items.len()), (11, 4));
        let stale = feed(&mut replay, Header { seq: 10, ..HEADER }, items);
        assert!(
            matches!(stale, Err(Refusal::Fault(Fault::Stale))),
            "{stale:?}"
        );
    }

    #[test]
    fn a_commit_that_names_what_is_not_there_is_not_whole() {
        let items = br#"[0,{"role":"user"},{"role":"user"}]"#;
        let whole_on = |covered: &[u8], change: fn(&mut Body)| {
            let mut replay = Replay::default();
            feed(&mut replay, HEADER, items).unwrap();
            let span = Span {
                first: 0,
                last: 1,
                count: 2,
            };
            let mut body = Body {
                at: 0,
                kind: "auto".into(),
                agent: None,
                restored: None,
                why: None,
                covers: 0,
                history: vec![span],
                context: Some(vec![span]),
                components: BTreeMap::new(),
                other: Map::new(),
            };
            change(&mut body);
            let bytes = serde_json::to_vec(&body).unwrap();
            let hash = commit_hash(&[0; 32], 2, [&payload_digest(covered)], &bytes);
            let raw = Commit::encode(&hash, &[0; 32], &bytes);
            feed(
                &mut replay,
                Header {
                    kind: Kind::COMMIT,
                    seq: 2,
                    ..HEADER
                },
                &raw,
            )
            .unwrap();
            replay.commits[0].whole
        };
        let whole = |change| whole_on(items, change);
        assert!(whole(|_| {}));
        assert!(
            !whole_on(b"other items", |_| {}),
            "the hash is of what was committed"
        );
        assert!(
            !whole(|body| body.history[0].count = 1),
            "two items are not one"
        );
        assert!(
            !whole(|body| body.history.push(body.history[0])),
            "items twice in a history"
        );
        assert!(
            !whole(|body| body.context = Some(body.history.repeat(2))),
            "or a context"
        );
        assert!(!whole(|body| {
            body.components.insert("work.usage".into(), (0, 1).into());
        }));
    }
}
