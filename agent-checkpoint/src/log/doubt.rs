//! What a part of a log amounts to whose commit is lost.

use std::collections::BTreeMap;
use std::ops::Range;

use super::numbering::{last_number, wide};
use super::replay::{Block, Replay};
use crate::Message;
use crate::format::items::FULL;
use crate::format::payload::Span;
use crate::truncate;

/// Records between two commits of which the second one is lost.
#[derive(Debug, Default)]
pub(crate) struct Doubt {
    /// What is taken for its messages: spans of which all is there, and spans of which nothing is.
    pub(crate) spans: Vec<Span>,
    /// The newest values that lie there: name, and frame.
    pub(crate) values: BTreeMap<String, u64>,
    /// A commit may be lost that said more than that messages follow.
    pub(crate) is_open: bool,
    /// Number of the last lost record that may have held values.
    pub(crate) lost_value: Option<u64>,
}

impl Replay {
    /// Whether a range of records has messages or values.
    pub(crate) fn has_some(&self, range: &Range<u64>) -> bool {
        range.start < range.end && self.items_before(range.start) < self.items_before(range.end)
            || self.values.frames_in(range).next().is_some()
    }

    /// What there is in a range of records that no commit tells of.
    pub(crate) fn doubt(&self, range: &Range<u64>) -> Doubt {
        let lost = self.lost_in(range);
        let is_open = !lost.iter().all(|lost| self.remains.are_flags(lost));
        let count = |lost: &Range<u64>| lost.end.saturating_sub(lost.start);
        let all: u64 = lost.iter().map(count).fold(0, u64::saturating_add);
        // What is there between two commits belongs to the second, which is among what was lost last.
        let is_batch = all < range.end.saturating_sub(range.start);
        let mut spans = self.said_in(range);
        let mut values = 0_u64;
        let mut lost_value = None;
        for (at, lost_here) in lost.iter().enumerate() {
            let is_last = at + 1 == lost.len();
            let is_commit = is_last && is_batch && !self.remains.has_commit(lost_here);
            let but_commit = |count: u64| count.saturating_sub(u64::from(is_commit));
            let open = but_commit(self.remains.open(lost_here));
            let values_here = but_commit(self.remains.values(lost_here));
            values = values.saturating_add(values_here);
            if values_here > 0 {
                lost_value = lost_here.end.checked_sub(1 + u64::from(is_commit));
            }
            if let (Some(last), 1..) = (lost_here.end.checked_sub(1), open) {
                spans.push(Span {
                    first: lost_here.start,
                    last,
                    count: open,
                });
            }
        }
        spans.sort_unstable_by_key(|span| span.first);
        // A value is never lost alone: its commit is as well.
        let least = u64::from(!is_batch) + 1;
        Doubt {
            spans,
            values: if is_open {
                self.values.named_in(range)
            } else {
                BTreeMap::new()
            },
            is_open,
            lost_value: lost_value.filter(|_| is_open && values >= least),
        }
    }

    /// Lost records in a range.
    fn lost_in(&self, range: &Range<u64>) -> Vec<Range<u64>> {
        let first = self.missing.partition_point(|hole| hole.end <= range.start);
        let near = self.missing.get(first..).unwrap_or_default().iter();
        near.take_while(|hole| hole.start < range.end)
            .map(|hole| hole.start.max(range.start)..hole.end.min(range.end))
            .collect()
    }

    /// The messages in a range, without those that a cut made for the context alone.
    fn said_in(&self, range: &Range<u64>) -> Vec<Span> {
        let first = self
            .blocks
            .partition_point(|block| block.first < range.start);
        let near = self.blocks.get(first..).unwrap_or_default();
        let end = near.partition_point(|block| block.first < range.end);
        let near = near.get(..end).unwrap_or_default();
        let mut spans: Vec<Span> = Vec::new();
        for (at, block) in near.iter().enumerate() {
            let Some(last) = last_number(block.first, block.count) else {
                continue;
            };
            if self.is_note(block, near.get(at + 1)) {
                continue;
            }
            let count = wide(block.count);
            match spans.last_mut() {
                Some(span) if span.last.checked_add(1) == Some(block.first) => {
                    span.last = last;
                    span.count = span.count.saturating_add(count);
                }
                _ => spans.push(Span {
                    first: block.first,
                    last,
                    count,
                }),
            }
        }
        spans
    }

    /// Whether the block is a message of the context alone. Such a one stands by itself, in front of the messages
    /// that are saved with it, which lie together in as few frames as hold them.
    fn is_note(&self, block: &Block, next: Option<&Block>) -> bool {
        let message = self.items.get(block.start);
        let Some(message) = message.filter(|_| block.count == 1) else {
            return false;
        };
        let is_followed = next.is_some_and(|next| {
            let between = block.first.saturating_add(1)..next.first;
            wide(self.blobs.numbers_in(&between)) == between.end.saturating_sub(between.start)
        });
        truncate::is_note(message) || is_followed && !is_full(message)
    }
}

/// Whether the message may have filled a frame.
fn is_full(message: &Message) -> bool {
    serde_json::to_vec(message).map_or(true, |json| json.len() >= FULL)
}
