//! What can still be told of a log whose newest checkpoints are not whole.

use std::ops::Range;
use std::sync::Arc;

use super::entry::{Entry, Spent};
use super::numbering::{narrow, wide};
use super::remains::Remains;
use crate::format::blob::Reference;
use crate::format::payload::{Body, Digest, Span};

/// Numbers of lost texts that are remembered; of more only how many there are.
const STUBS_MAX: usize = 1_024;

/// Gathered while a log is read whose damage is to be made good as far as it can be.
#[derive(Debug, Default)]
pub(crate) struct Salvage {
    /// The newest commit, where it is not whole.
    newest: Option<Wreck>,
    /// Texts that are lost, each a number of a Blob frame, ascending as they were met.
    pub(crate) stubs: Vec<u64>,
    /// How often a lost text was missed.
    pub(crate) missed: u64,
}

/// A commit as far as it is known.
#[derive(Debug)]
pub(crate) struct Wreck {
    /// The newest commit whose object is there, under the number of the newest one.
    pub(crate) entry: Entry,
    /// What followed it, in order.
    pub(crate) since: Vec<Since>,
    /// The number behind its last record.
    end: u64,
}

/// What followed a commit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// Messages that flags committed.
    Said(Span),
    /// Records of commits that are lost.
    Unclear(Range<u64>),
}

impl Wreck {
    fn of(entry: Entry) -> Self {
        Self {
            end: entry.seq.saturating_add(1),
            since: Vec::new(),
            entry,
        }
    }

    /// Of no commit at all.
    fn bare() -> Self {
        Self {
            entry: Entry {
                seq: 0,
                hash: [0; 32],
                at_ms: 0,
                base: 0,
                tail: None,
                whole: false,
                spent: Spent::default(),
                body: Arc::new(Body::default()),
            },
            since: Vec::new(),
            end: 0,
        }
    }

    /// Everything up to `end` belongs to it, and nothing says how.
    fn reach(&mut self, end: u64) {
        if self.end < end {
            self.since.push(Since::Unclear(self.end..end));
            self.end = end;
            self.entry.seq = end.saturating_sub(1);
        }
    }

    /// A flag committed these.
    fn say(&mut self, own: Span) {
        self.reach(own.first);
        match self.since.last_mut() {
            Some(Since::Said(last)) if last.last.checked_add(1) == Some(own.first) => {
                last.last = own.last;
                last.count = last.count.saturating_add(own.count);
            }
            _ => self.since.push(Since::Said(own)),
        }
        self.end = own.last.saturating_add(1);
        self.entry.seq = own.last;
    }
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
            self.newest = Some(Wreck::of(Entry {
                seq,
                hash: *hash,
                at_ms: body.at,
                base: body.messages(),
                tail: None,
                whole: false,
                spent: Spent::default(),
                body: Arc::new(body.clone()),
            }));
        }
    }

    /// Items that are a commit as well were read, behind the commit `before`; `whole` says whether all of it is
    /// there.
    pub(crate) fn flagged(&mut self, before: Option<&Entry>, own: Span, whole: bool) {
        if whole {
            self.newest = None;
            return;
        }
        let wreck = self.newest.get_or_insert_with(|| {
            before.map_or_else(Wreck::bare, |before| Wreck::of(before.clone()))
        });
        wreck.say(own);
    }

    /// The newest commit, where it is not whole, with what lies behind it up to `lost`, the end of the last loss:
    /// what committed that is lost. What lies behind the last loss was never committed. Where no commit is left at
    /// all, everything up to `next`. `has` says whether anything that can be told lies in a range.
    pub(crate) fn take(
        &mut self,
        head: Option<&Entry>,
        (lost, next): (u64, u64),
        has: impl Fn(&Range<u64>) -> bool,
    ) -> Option<Wreck> {
        if let Some(mut wreck) = self.newest.take() {
            wreck.reach(lost);
            return Some(wreck);
        }
        let (mut wreck, end) = match head {
            Some(head) => (Wreck::of(head.clone()), lost),
            None => (Wreck::bare(), next),
        };
        let is_more = has(&(wreck.end..end));
        wreck.reach(end);
        is_more.then_some(wreck)
    }
}

/// A part of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Items that are there, by position among all items.
    Items(Range<usize>),
    /// Records that are not there, of which at least one was a message as far as can be told.
    Gap(Range<u64>),
}

/// Parts a span of a history into what is there of it and what is not. There are no more gaps than lost messages.
pub(crate) fn parts(
    span: Span,
    present: Range<usize>,
    missing: &[Range<u64>],
    remains: &Remains,
    items_before: impl Fn(u64) -> usize,
) -> Vec<Part> {
    let lacking = lacks(span, present.len());
    if lacking == 0 {
        return vec![Part::Items(present)];
    }
    let first = missing.partition_point(|hole| hole.end <= span.first);
    let near = missing.get(first..).unwrap_or_default().iter();
    let all: Vec<Range<u64>> = near
        .take_while(|hole| hole.start <= span.last)
        .map(|hole| hole.start.max(span.first)..hole.end.min(span.last.saturating_add(1)))
        .collect();
    let open = all.iter().filter_map(|hole| remains.trimmed(hole.clone()));
    let mut holes: Vec<Range<u64>> = open.collect();
    if holes.is_empty() {
        // Something is said of them that cannot be.
        holes = all;
    }
    if let Some(end) = holes.last().map(|last| last.end) {
        // Nothing tells in which of the last ones the last message was.
        holes.truncate(lacking);
        if let Some(last) = holes.last_mut() {
            last.end = last.end.max(end);
        }
    }
    let mut parts = Vec::new();
    let mut at = present.start;
    for hole in holes {
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
    narrow(span.count.saturating_sub(wide(present)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A span of the records 0 to 19, all of which may be messages but for those in `missing`.
    fn parted(count: u64, missing: &[Range<u64>], others: &[u64]) -> Vec<Part> {
        let mut remains = Remains::default();
        for other in others {
            remains.is_no_message(*other);
        }
        let lost = |number: &u64| missing.iter().any(|hole| hole.contains(number));
        let there: Vec<u64> = (0..20).filter(|number| !lost(number)).collect();
        let before = |number| there.iter().filter(|there| **there < number).count();
        let span = Span {
            first: 0,
            last: 19,
            count,
        };
        parts(span, 0..there.len(), missing, &remains, before)
    }

    #[test]
    fn there_are_no_more_gaps_than_lost_messages() {
        let missing = [3..4, 8..10, 15..16];
        let gaps = |count, others: &[u64]| -> Vec<Range<u64>> {
            let parts = parted(count, &missing, others).into_iter();
            let gap = |part| match part {
                Part::Gap(gap) => Some(gap),
                Part::Items(_) => None,
            };
            parts.filter_map(gap).collect()
        };
        assert_eq!(gaps(20, &[]), [3..4, 8..10, 15..16]);
        assert_eq!(gaps(18, &[]), [3..4, 8..16], "one of the last two");
        assert_eq!(gaps(17, &[]), vec![3..16]);
        assert_eq!(gaps(17, &[3, 8, 15]), vec![9..10]);
        assert_eq!(gaps(17, &[3, 8, 9, 15]), vec![3..16], "something must be");
        assert_eq!(gaps(16, &[]), []);
    }

    #[test]
    fn all_that_is_there_is_taken_whatever_is_not() {
        for count in 16..=20 {
            let parts = parted(count, &[0..1, 8..10, 19..20], &[8]);
            let items = parts.iter().filter_map(|part| match part {
                Part::Items(items) => Some(items.clone()),
                Part::Gap(_) => None,
            });
            let all: Vec<usize> = items.flatten().collect();
            assert_eq!(all, (0..16).collect::<Vec<_>>(), "{count}");
        }
    }
}
