//! The values of components as they lie in the log: several in one frame, one by itself, or as patches.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::Error as _;
use serde_json::value::RawValue;

use super::decode::{Packed, PackedPart};
use crate::Error;
use crate::format::component;
use crate::format::compress::Unpacker;
use crate::format::header::Fault;
use crate::format::patch::{CHAIN_OPS_MAX, Mark, PATCHES_MAX, Source, pieces};
use crate::format::payload::{Digest, name_mark};
use crate::format::tags::Codec;

/// How a value goes back to a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain {
    /// Begins the digest of the newest frame's payload.
    pub(crate) mark: Mark,
    /// Stored bytes of the whole value.
    pub(crate) whole: u64,
    /// Stored bytes of the patches since.
    pub(crate) patched: u64,
    pub(crate) patches: u32,
    pub(crate) ops: u32,
}

impl Chain {
    /// A whole value, to which patches may be added.
    pub(crate) fn whole(mark: Mark, stored: u64) -> Self {
        Self {
            mark,
            whole: stored,
            patched: 0,
            patches: 0,
            ops: 0,
        }
    }

    /// The chain with one patch more.
    pub(crate) fn patched(self, mark: Mark, stored: u64, ops: u32) -> Self {
        Self {
            mark,
            whole: self.whole,
            patched: self.patched.saturating_add(stored),
            patches: self.patches.saturating_add(1),
            ops: self.ops.saturating_add(ops),
        }
    }

    /// Whether a reader goes along with it.
    pub(crate) fn is_in_range(&self) -> bool {
        self.patches <= PATCHES_MAX && self.ops <= CHAIN_OPS_MAX
    }
}

/// The start of a digest.
pub(crate) fn mark_of(digest: &Digest) -> Mark {
    let (mark, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
    *mark
}

/// A value by itself.
#[derive(Debug)]
struct Part {
    packed: PackedPart,
    name: u64,
    chain: Chain,
    /// Bytes of this frame and of all that it goes back to, inflated.
    inflated: u64,
}

/// All values of a log.
#[derive(Debug, Default)]
pub(crate) struct Values {
    snapshots: BTreeMap<u64, Packed>,
    parts: BTreeMap<u64, Part>,
}

impl Values {
    pub(crate) fn add_snapshot(&mut self, seq: u64, packed: Packed) {
        self.snapshots.insert(seq, packed);
    }

    /// A Component or Patch frame. A patch whose base is lost is left out: nothing can be made of it.
    pub(crate) fn add_part(&mut self, seq: u64, packed: PackedPart, digest: &Digest) {
        let mark = mark_of(digest);
        let stored = u64::from(packed.header.stored_len);
        let raw = u64::from(packed.header.raw_len);
        let part = match &packed.patch {
            None => Some((packed.name, Chain::whole(mark, stored), raw)),
            Some(head) => self
                .parts
                .get(&head.base)
                .filter(|base| base.chain.mark == head.mark)
                .map(|base| {
                    let chain = base.chain.patched(mark, stored, head.ops);
                    (base.name, chain, base.inflated.saturating_add(raw))
                }),
        };
        if let Some((name, chain, inflated)) = part.filter(|(_, chain, _)| chain.is_in_range()) {
            let part = Part {
                packed,
                name,
                chain,
                inflated,
            };
            self.parts.insert(seq, part);
        }
    }

    /// Whether frame `seq` has the component's value, and all that the value is made of is there.
    pub(crate) fn has(&self, seq: u64, name: &str) -> bool {
        let mark = name_mark(name);
        let in_snapshot = |packed: &Packed| packed.names.binary_search(&mark).is_ok();
        self.snapshots.get(&seq).is_some_and(in_snapshot)
            || self.parts.get(&seq).is_some_and(|part| part.name == mark)
    }

    /// About how many bytes are inflated to read what the frame `seq` holds.
    pub(crate) fn cost(&self, seq: u64) -> u64 {
        if let Some(packed) = self.snapshots.get(&seq) {
            return u64::from(packed.header.raw_len);
        }
        self.parts.get(&seq).map_or(0, |part| part.inflated)
    }

    /// What the frame `seq` is a patch of.
    pub(crate) fn base_of(&self, seq: u64) -> Option<u64> {
        Some(self.parts.get(&seq)?.packed.patch?.base)
    }

    /// Whether there is such a frame.
    pub(crate) fn holds(&self, seq: u64) -> bool {
        self.snapshots.contains_key(&seq) || self.parts.contains_key(&seq)
    }

    /// Numbers of the frames in a range, in order.
    pub(crate) fn frames_in(&self, range: &Range<u64>) -> impl Iterator<Item = u64> {
        let range = range.start.min(range.end)..range.end;
        let snapshots = self.snapshots.range(range.clone()).map(|(seq, _)| *seq);
        let parts = self.parts.range(range).map(|(seq, _)| *seq);
        snapshots.chain(parts)
    }

    /// The newest frame in a range for each name that has one there; what cannot be read has none.
    pub(crate) fn named_in(&self, range: &Range<u64>) -> BTreeMap<String, u64> {
        let mut newest: BTreeMap<String, u64> = BTreeMap::new();
        let mut learn = |name: String, seq: u64| {
            let frame = newest.entry(name).or_insert(seq);
            *frame = seq.max(*frame);
        };
        // Patches are many to a value, and the name is in the whole one.
        let mut parts: BTreeMap<u64, u64> = BTreeMap::new();
        for seq in self.frames_in(range) {
            if let Some(part) = self.parts.get(&seq) {
                parts.insert(part.name, seq);
                continue;
            }
            let values = self.snapshot(seq).unwrap_or_default();
            for name in values.into_keys() {
                learn(name, seq);
            }
        }
        for seq in parts.into_values() {
            if let Some(name) = self.name(seq) {
                learn(name, seq);
            }
        }
        newest
    }

    /// The name of the value in a Component or Patch frame.
    fn name(&self, seq: u64) -> Option<String> {
        let mut part = self.parts.get(&seq)?;
        while let Some(head) = part.packed.patch {
            part = self.parts.get(&head.base)?;
        }
        let mut unpacker = Unpacker::new().ok()?;
        let raw = unpacker
            .unpack(&part.packed.header, &part.packed.stored)
            .ok()?;
        Some(component::decode(&raw)?.0.to_owned())
    }

    /// Whether frame `seq` holds several components.
    pub(crate) fn is_snapshot(&self, seq: u64) -> bool {
        self.snapshots.contains_key(&seq)
    }

    /// The components in the Snapshot frame `seq`, by name, as JSON text.
    pub(crate) fn snapshot(&self, seq: u64) -> Result<BTreeMap<String, Box<RawValue>>, Error> {
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

    /// The value in the Component or Patch frame `seq`, its codec, and how patches go on from it.
    pub(crate) fn value(&self, seq: u64) -> Result<(Codec, Vec<u8>, Chain), Error> {
        let unread =
            |fault: Fault| Error::decode(format!("frame {seq}"), serde_json::Error::custom(fault));
        let mut unpacker = Unpacker::new()?;
        let newest = self.part(seq).map_err(unread)?;
        let value = self.compose(newest, &mut unpacker).map_err(unread)?;
        Ok((newest.packed.header.codec, value, newest.chain))
    }

    fn part(&self, seq: u64) -> Result<&Part, Fault> {
        self.parts.get(&seq).ok_or(Fault::Content)
    }

    /// Goes from the newest patch back to the whole value. Each byte is copied once, from where it was
    /// new, whatever the number of patches.
    fn compose(&self, newest: &Part, unpacker: &mut Unpacker) -> Result<Vec<u8>, Fault> {
        let mut part = newest;
        let Some(head) = part.packed.patch else {
            return whole(part, unpacker);
        };
        let mut out = vec![0; head.len];
        let mut wanted = vec![Wanted {
            to: 0,
            from: 0,
            len: head.len,
        }];
        while let Some(head) = part.packed.patch {
            let raw = unpacker.unpack(&part.packed.header, &part.packed.stored)?;
            wanted = trace_back(&raw, &wanted, &mut out)?;
            part = self.part(head.base)?;
        }
        let base = whole(part, unpacker)?;
        for want in wanted {
            let from = base
                .get(want.from..want.from + want.len)
                .ok_or(Fault::Content)?;
            let to = out
                .get_mut(want.to..want.to + want.len)
                .ok_or(Fault::Content)?;
            to.copy_from_slice(from);
        }
        Ok(out)
    }
}

/// Bytes of an older value that go into the one asked for.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    to: usize,
    from: usize,
    len: usize,
}

/// Fills in what the patch has of `wanted`, which ascends; the rest as bytes of the patch's base.
fn trace_back(raw: &[u8], wanted: &[Wanted], out: &mut [u8]) -> Result<Vec<Wanted>, Fault> {
    let mut older = Vec::with_capacity(wanted.len() + 2);
    let mut at = 0;
    let mut end = 0;
    pieces(raw, |start, len, source| {
        end = start + len;
        while let Some(want) = wanted.get(at) {
            let (from, to) = (start.max(want.from), end.min(want.from + want.len));
            if from < to {
                let part = to - from;
                let place = want.to + (from - want.from);
                match source {
                    Source::Base(base) => older.push(Wanted {
                        to: place,
                        from: base + (from - start),
                        len: part,
                    }),
                    Source::New(bytes) => {
                        let new = bytes.get(from - start..to - start).ok_or(Fault::Content)?;
                        let room = out.get_mut(place..place + part).ok_or(Fault::Content)?;
                        room.copy_from_slice(new);
                    }
                }
            }
            if want.from + want.len > end {
                break;
            }
            at += 1;
        }
        Ok(())
    })?;
    let last = wanted.last().map_or(0, |want| want.from + want.len);
    if last <= end {
        Ok(older)
    } else {
        Err(Fault::Content)
    }
}

fn whole(part: &Part, unpacker: &mut Unpacker) -> Result<Vec<u8>, Fault> {
    let mut raw = unpacker.unpack(&part.packed.header, &part.packed.stored)?;
    let (_, value) = component::decode(&raw).ok_or(Fault::Content)?;
    let start = raw.len() - value.len();
    raw.drain(..start);
    Ok(raw)
}
