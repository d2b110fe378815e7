//! What a log's frames amount to: items, components, and commits with the word whether each is whole.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use agent_primitives::CheckpointId;
use serde::de::Error as _;
use serde_json::{Map, Value};

use super::chain::{checkpoint_id, commit_hash, payload_digest};
use super::numbering::{last_number, narrow, wide};
use crate::format::RECORD_SCHEMA;
use crate::format::compress::Unpacker;
use crate::format::frame::Found;
use crate::format::header::{Fault, Header};
use crate::format::items::Items;
use crate::format::payload::{Body, Commit, ComponentNames, Digest, Span, Tombstone, name_mark};
use crate::format::point::Mark;
use crate::format::tags::{Codec, Compression, Flags, Kind};
use crate::{Error, Message};

/// A commit in the log.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) hash: Digest,
    /// Unix milliseconds.
    pub(crate) at_ms: i64,
    pub(crate) body: Arc<Body>,
    /// Items that flags have added to the body's history, and to its context.
    pub(crate) tail: Option<Span>,
    /// Everything that it refers to is there and is what was committed.
    pub(crate) whole: bool,
    pub(crate) spent: Spent,
}

/// What a commit cost: of the frames since the commit before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Bytes of new state, before compression.
    pub(crate) logical: u64,
    /// Bytes of the frames.
    pub(crate) stored: u64,
}

impl Entry {
    pub(crate) fn id(&self) -> CheckpointId {
        checkpoint_id(self.seq, &self.hash)
    }

    /// The whole conversation.
    pub(crate) fn history(&self) -> impl Iterator<Item = Span> {
        self.body.history.iter().copied().chain(self.tail)
    }

    /// What the model is sent, where it differs from the whole conversation.
    pub(crate) fn context(&self) -> Option<impl Iterator<Item = Span>> {
        let context = self.body.context.as_ref()?;
        Some(context.iter().copied().chain(self.tail))
    }

    pub(crate) fn messages(&self) -> usize {
        self.history()
            .map(|span| narrow(span.count))
            .fold(0, usize::saturating_add)
    }
}

/// Items of one frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) first: u64,
    pub(crate) count: usize,
    /// Position of the first among all items of the log.
    pub(crate) start: usize,
}

/// A Snapshot frame as it lies in the log. Old values are never asked for, and inflated they would
/// take a multiple of the log's size, so a frame stays packed until a commit is loaded that names it.
#[derive(Debug)]
struct Packed {
    header: Header,
    stored: Vec<u8>,
    /// Marks of the components' names, ascending.
    names: Vec<u64>,
}

/// A frame that cannot be used.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The frame is damaged or stale; the rest of the log stands.
    Fault(Fault),
    /// The log is beyond this build.
    Beyond(Error),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A log, understood frame by frame.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// The number behind the last record.
    pub(crate) next: u64,
    pub(crate) items: Vec<Message>,
    pub(crate) blocks: Vec<Block>,
    snapshots: BTreeMap<u64, Packed>,
    pub(crate) commits: Vec<Entry>,
    pub(crate) tombstones: Vec<Tombstone>,
    /// Labels and pins as they were set and taken out.
    pub(crate) marks: Vec<Mark>,
    /// Frames with a greater number are another session's, which shares the segment: see Fork frames.
    pub(crate) cut: Option<u64>,
    /// What no commit has accounted for.
    pub(crate) unclaimed: Spent,
    /// Numbers of records that are lost.
    pub(crate) missing: Vec<Range<u64>>,
    pub(crate) frames: u64,
    pub(crate) logical: u64,
    digests: BTreeMap<u64, Digest>,
    /// Time of the last full commit.
    base_ms: i64,
}

impl Replay {
    /// Takes in the next frame.
    pub(crate) fn frame(
        &mut self,
        found: &Found<'_>,
        unpacker: &mut Unpacker,
    ) -> Result<(), Refusal> {
        let header = &found.header;
        if self.cut.is_some_and(|last| header.seq > last) {
            return Ok(());
        }
        if header.seq < self.next {
            return Err(Fault::Stale.into());
        }
        if header.seq > self.next {
            self.lose(self.next..header.seq);
        }
        let (logical, commits) = (self.logical, self.commits.len());
        let taken = self.take(header, found.stored, unpacker);
        self.unclaimed.logical += self.logical - logical;
        self.unclaimed.stored += wide(found.len());
        if let Some(made) = self.commits.get_mut(commits) {
            made.spent = std::mem::take(&mut self.unclaimed);
        }
        if let Ok(records) = &taken {
            self.frames += 1;
            self.next = header.seq.saturating_add(*records);
        } else {
            // How many records it held is unknown; the next frame's number will tell.
            self.next = header.seq + 1;
            self.lose(header.seq..self.next);
        }
        taken.map(|_| ())
    }

    fn lose(&mut self, numbers: Range<u64>) {
        match self.missing.last_mut() {
            Some(last) if last.end == numbers.start => last.end = numbers.end,
            _ => self.missing.push(numbers),
        }
    }

    /// The number of records in the frame.
    fn take(
        &mut self,
        header: &Header,
        stored: &[u8],
        unpacker: &mut Unpacker,
    ) -> Result<u64, Refusal> {
        let beyond =
            |what: &str| Refusal::Beyond(Error::newer(format!("record {}, {what},", header.seq)));
        if header.flags.has_unknown_critical() {
            return Err(beyond("with properties that may not be ignored"));
        }
        // A Fork frame was read before the segments that it speaks of.
        if header.kind == Kind::FORK && header.schema <= RECORD_SCHEMA {
            return Ok(1);
        }
        let is_known = [
            Kind::ITEMS,
            Kind::SNAPSHOT,
            Kind::COMMIT,
            Kind::LABEL,
            Kind::TOMBSTONE,
        ]
        .contains(&header.kind);
        if !is_known {
            return if header.flags.has(Flags::MUST_UNDERSTAND) {
                Err(beyond("of a kind that may not be ignored"))
            } else {
                Ok(1)
            };
        }
        if header.schema > RECORD_SCHEMA {
            return Err(beyond("in a later layout"));
        }
        if header.flags.has(Flags::ENCRYPTED)
            || header.flags.has(Flags::BLOB_REF)
            || header.codec != Codec::JSON
            || ![Compression::RAW, Compression::ZSTD].contains(&header.compression)
        {
            let what = format!("record {} (codec, compression or encryption)", header.seq);
            return Err(Refusal::Beyond(Error::unsupported(what)));
        }
        let raw = unpacker.unpack(header, stored)?;
        match header.kind {
            Kind::ITEMS => return self.take_items(header, &raw),
            Kind::SNAPSHOT => {
                let ComponentNames(names) =
                    serde_json::from_slice(&raw).map_err(|_| Fault::Content)?;
                let packed = Packed {
                    header: *header,
                    stored: stored.to_vec(),
                    names,
                };
                self.snapshots.insert(header.seq, packed);
                self.digests.insert(header.seq, payload_digest(&raw));
                self.logical += wide(raw.len());
            }
            Kind::COMMIT => {
                let (commit, body) = Commit::decode(&raw).ok_or(Fault::Content)?;
                self.take_commit(header.seq, commit, body);
            }
            Kind::LABEL => self.marks.push(Mark::decode(&raw).ok_or(Fault::Content)?),
            _ => {
                self.tombstones
                    .push(Tombstone::decode(&raw).ok_or(Fault::Content)?);
            }
        }
        Ok(1)
    }

    fn take_items(&mut self, header: &Header, raw: &[u8]) -> Result<u64, Refusal> {
        let Items {
            age_ms,
            mut messages,
        } = serde_json::from_slice(raw).map_err(|_| Fault::Content)?;
        let count = messages.len();
        let last = last_number(header.seq, count).ok_or(Fault::Limit)?;
        let digest = payload_digest(raw);
        self.blocks.push(Block {
            first: header.seq,
            count,
            start: self.items.len(),
        });
        self.items.append(&mut messages);
        self.digests.insert(header.seq, digest);
        self.logical += wide(raw.len());
        if header.flags.has(Flags::COMMIT) {
            self.take_flag(header.seq, last, count, age_ms, &digest);
        }
        Ok(wide(count))
    }

    /// A flagged Items frame: the commit before, with the frame's items at its end.
    fn take_flag(&mut self, first: u64, last: u64, count: usize, age_ms: i64, digest: &Digest) {
        let Some(before) = self.commits.last() else {
            return;
        };
        // Numbers that do not adjoin tell that the commit meant is lost, or that items lie between.
        let adjoins = before.seq.checked_add(1) == Some(first);
        let count = wide(count);
        let tail = match before.tail {
            Some(tail) => Span {
                first: tail.first,
                last,
                count: tail.count.saturating_add(count),
            },
            None => Span { first, last, count },
        };
        self.commits.push(Entry {
            seq: last,
            hash: commit_hash(&before.hash, last, [digest], &[]),
            at_ms: self.base_ms.saturating_add(age_ms),
            body: Arc::clone(&before.body),
            tail: Some(tail),
            whole: adjoins && before.whole,
            spent: Spent::default(),
        });
    }

    /// The components in the Snapshot frame `seq`, by name.
    pub(crate) fn snapshot(&self, seq: u64) -> Result<Map<String, Value>, Error> {
        let what = || format!("Snapshot frame {seq}");
        let unread = |fault: Fault| Error::decode(what(), serde_json::Error::custom(fault));
        let packed = self
            .snapshots
            .get(&seq)
            .ok_or_else(|| unread(Fault::Content))?;
        let raw = Unpacker::new()?
            .unpack(&packed.header, &packed.stored)
            .map_err(unread)?;
        serde_json::from_slice(&raw).map_err(|e| Error::decode(what(), e))
    }

    fn take_commit(&mut self, seq: u64, commit: Commit, bytes: &[u8]) {
        let Commit { hash, parent, body } = commit;
        let covered = self
            .digests
            .range(body.covers.min(seq)..seq)
            .map(|(_, digest)| digest);
        let is_sound = commit_hash(&parent, seq, covered, bytes) == hash;
        self.base_ms = body.at;
        let whole = is_sound && self.is_whole(&body);
        let mut body = body;
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
            tail: None,
            whole,
            spent: Spent::default(),
            body: Arc::new(body),
        });
    }

    fn is_whole(&self, body: &Body) -> bool {
        let ascends = body.history.is_sorted_by(|a, b| a.last < b.first);
        let context = body.context.as_deref().unwrap_or_default();
        let is_there = |span: &Span| self.positions(*span).is_some();
        // A forged context could name the same items again and again to fill the memory.
        let named = context
            .iter()
            .fold(0, |sum: u64, span| sum.saturating_add(span.count));
        ascends
            && named <= wide(self.items.len())
            && body.history.iter().all(is_there)
            && context.iter().all(is_there)
            && body.components.iter().all(|(name, reference)| {
                self.snapshots
                    .get(&reference.seq)
                    .is_some_and(|packed| packed.names.binary_search(&name_mark(name)).is_ok())
            })
    }

    /// Where a span's items stand among all items; `None` unless all are there.
    pub(crate) fn positions(&self, span: Span) -> Option<Range<usize>> {
        let range = self.items_before(span.first)..self.items_before(span.last.checked_add(1)?);
        (wide(range.len()) == span.count).then_some(range)
    }

    /// How many items have a smaller number.
    fn items_before(&self, number: u64) -> usize {
        let behind = self.blocks.partition_point(|block| block.first < number);
        match behind.checked_sub(1).and_then(|at| self.blocks.get(at)) {
            Some(block) => block.start + block.count.min(narrow(number - block.first)),
            None => 0,
        }
    }

    /// The number of the last item.
    pub(crate) fn last_item(&self) -> Option<u64> {
        self.blocks
            .last()
            .and_then(|block| last_number(block.first, block.count))
    }

    /// The newest commit that is whole.
    pub(crate) fn head(&self) -> Option<&Entry> {
        self.commits.iter().rfind(|entry| entry.whole)
    }

    /// Counts a commit, and the flags that build on it, as one that is not whole.
    pub(crate) fn degrade(&mut self, seq: u64) {
        let Some(at) = self.commits.iter().position(|entry| entry.seq == seq) else {
            return;
        };
        let body = self.commits.get(at).map(|entry| Arc::clone(&entry.body));
        for entry in self.commits.iter_mut().skip(at) {
            entry.whole &= !body.as_ref().is_some_and(|b| Arc::ptr_eq(b, &entry.body));
        }
    }

    /// Whether the commit was dropped from the listing.
    pub(crate) fn is_dropped(&self, entry: &Entry) -> bool {
        self.tombstones.iter().any(|stone| stone.drops(entry.seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        replay.frame(&Found { header, stored }, &mut Unpacker::new().unwrap())
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over_unless_it_must_be_understood() {
        let mut replay = Replay::default();
        let later = Header {
            kind: Kind(9),
            codec: Codec(7),
            compression: Compression(8),
            ..HEADER
        };
        feed(
            &mut replay,
            Header {
                flags: Flags(1 << 5),
                ..later
            },
            b"?",
        )
        .unwrap();
        assert_eq!((replay.next, replay.frames), (1, 1));
        assert!(replay.missing.is_empty());
        for (case, header) in [
            (
                "kind",
                Header {
                    flags: Flags::MUST_UNDERSTAND,
                    ..later
                },
            ),
            (
                "flag",
                Header {
                    flags: Flags(1 << 12),
                    ..HEADER
                },
            ),
            (
                "schema",
                Header {
                    schema: 2,
                    ..HEADER
                },
            ),
            (
                "codec",
                Header {
                    codec: Codec(2),
                    ..HEADER
                },
            ),
            (
                "compression",
                Header {
                    compression: Compression(2),
                    ..HEADER
                },
            ),
            (
                "encryption",
                Header {
                    flags: Flags::ENCRYPTED,
                    ..HEADER
                },
            ),
            (
                "blob",
                Header {
                    flags: Flags::BLOB_REF,
                    ..HEADER
                },
            ),
        ] {
            let refusal = feed(&mut Replay::default(), header, b"[0]");
            let Err(Refusal::Beyond(error)) = refusal else {
                panic!("{case}: {refusal:?}")
            };
            assert!(error.is_newer(), "{case}: {error}");
        }
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
