//! What can still be told of a log whose newest checkpoints are not whole.

use std::sync::Arc;

use super::entry::{Entry, Spent};
use super::numbering::{narrow, wide};
use crate::format::blob::Reference;
use crate::format::payload::{Body, Digest, Span};

/// Numbers of lost texts that are remembered; of more only how many there are.
const STUBS_MAX: usize = 1_024;

/// Gathered while a log is read whose damage is to be made good as far as it can be.
#[derive(Debug, Default)]
pub(crate) struct Salvage {
    /// The newest commit, where it is not whole.
    newest: Option<Entry>,
    /// Texts that are lost, each a number of a Blob frame, ascending as they were met.
    pub(crate) stubs: Vec<u64>,
    /// How often a lost text was missed.
    pub(crate) missed: u64,
}

impl Salvage {
    /// What stands in the place of a text that is lost.
    pub(crate) fn stub(&mut self, lost: &Reference) -> String {
        self.missed = self.missed.saturating_add(1);
        if self.stubs.len() < STUBS_MAX && !self.stubs.contains(&lost.number) {
            self.stubs.push(lost.number);
        }
        let hash = blake3::Hash::from_bytes(lost.hash).to_hex();
        format!("[lost: a text of {} bytes, BLAKE3 {hash}]", lost.len)
    }

    /// A commit was read. Only the newest is kept: bodies of forged ones may be long, and many.
    pub(crate) fn commit(&mut self, seq: u64, hash: &Digest, body: &Body, whole: bool) {
        let ascends = body.history.is_sorted_by(|a, b| a.last < b.first);
        if whole {
            self.newest = None;
        } else if ascends {
            self.newest = Some(Entry {
                seq,
                hash: *hash,
                at_ms: body.at,
                base: body.messages(),
                tail: None,
                whole: false,
                spent: Spent::default(),
                body: Arc::new(body.clone()),
            });
        }
    }

    /// Items from number `first` on that are a commit as well were read; `lost` records before them are not
    /// there.
    pub(crate) fn flagged(&mut self, made: &Entry, first: u64, lost: u64) {
        if made.whole {
            self.newest = None;
            return;
        }
        let Some(newest) = &mut self.newest else {
            // The commit that they follow is whole; what lay between is not there.
            self.newest = Some(Entry {
                tail: made.tail.map(|tail| with(begun(tail, first, lost), lost)),
                ..made.clone()
            });
            return;
        };
        let count = made.seq.saturating_sub(newest.seq).saturating_sub(lost);
        let own = Span {
            first: newest.seq.saturating_add(1),
            last: made.seq,
            count,
        };
        let tail = match newest.tail {
            Some(tail) => Span {
                last: made.seq,
                count: tail.count.saturating_add(own.count),
                ..tail
            },
            None => own,
        };
        newest.tail = Some(with(tail, lost));
        newest.seq = made.seq;
        newest.hash = made.hash;
        newest.at_ms = made.at_ms;
    }

    /// The newest commit, where it is not whole; every item there is, where no commit is left at all.
    pub(crate) fn take(&mut self, head: Option<&Entry>, items: usize, next: u64) -> Option<Entry> {
        let newest = self.newest.take();
        if newest.is_some() || head.is_some() || items == 0 {
            return newest;
        }
        let all = Span {
            first: 0,
            last: next.checked_sub(1)?,
            count: wide(items),
        };
        Some(Entry {
            seq: all.last,
            hash: [0; 32],
            at_ms: 0,
            base: 0,
            tail: Some(all),
            whole: false,
            spent: Spent::default(),
            body: Arc::new(Body::default()),
        })
    }
}

/// The span with the `lost` records before it, where it begins with the items that follow them.
fn begun(span: Span, items: u64, lost: u64) -> Span {
    if span.first < items {
        return span;
    }
    Span {
        first: items.saturating_sub(lost),
        ..span
    }
}

/// The span with `lost` records that are not there, each of which may have been an item.
fn with(span: Span, lost: u64) -> Span {
    Span {
        count: span.count.saturating_add(lost),
        ..span
    }
}

/// A part of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Items that are there, by position among all items.
    Items(std::ops::Range<usize>),
    /// Records that are not there, of which at least one was a message.
    Gap(std::ops::Range<u64>),
}

/// Parts a span of a history into what is there of it and what is not.
pub(crate) fn parts(
    span: Span,
    present: std::ops::Range<usize>,
    missing: &[std::ops::Range<u64>],
    items_before: impl Fn(u64) -> usize,
) -> Vec<Part> {
    if wide(present.len()) >= span.count {
        return vec![Part::Items(present)];
    }
    let mut parts = Vec::new();
    let mut at = present.start;
    let first = missing.partition_point(|hole| hole.end <= span.first);
    let near = missing.get(first..).unwrap_or_default().iter();
    for hole in near.take_while(|hole| hole.start <= span.last) {
        let hole = hole.start.max(span.first)..hole.end.min(span.last.saturating_add(1));
        let before = items_before(hole.start).clamp(at, present.end);
        if at < before {
            parts.push(Part::Items(at..before));
        }
        parts.push(Part::Gap(hole));
        at = before;
    }
    if at < present.end {
        parts.push(Part::Items(at..present.end));
    }
    parts
}

/// How many messages of the span are not there.
pub(crate) fn lacks(span: Span, present: usize) -> usize {
    narrow(span.count).saturating_sub(present)
}
