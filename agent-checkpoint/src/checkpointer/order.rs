//! What a save is asked for, and the commit that it makes.

use std::sync::Arc;

use agent_primitives::CheckpointKind;

use super::Why;
use super::save::Origin;
use crate::Durability;
use crate::format::payload::{Body, Span};
use crate::log::batch::Made;
use crate::log::numbering::wide;
use crate::log::replay::{Entry, Spent};

/// What a save is asked for.
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub(super) kind: CheckpointKind,
    pub(super) durability: Durability,
    pub(super) origin: Option<&'a Origin>,
    /// What made it due, and more of that in the host's words.
    pub(super) why: Option<(Why, Option<&'a str>)>,
    pub(super) label: Option<&'a str>,
    /// What the state says of where the session went on stays.
    pub(super) keeps_continued: bool,
}

impl Order<'_> {
    pub(super) const fn of(kind: CheckpointKind, durability: Durability) -> Self {
        Self {
            kind,
            durability,
            origin: None,
            why: None,
            label: None,
            keeps_continued: false,
        }
    }
}

pub(super) fn entry(made: Made, at_ms: i64, body: Body) -> Entry {
    let Made { seq, hash } = made;
    Entry {
        seq,
        hash,
        at_ms,
        base: body.messages(),
        body: Arc::new(body),
        tail: None,
        whole: true,
        spent: Spent::default(),
    }
}

/// `head` with `count` more items, the last of which has the number of the new commit.
pub(super) fn extended(head: Entry, made: Made, at_ms: i64, count: usize) -> Entry {
    let Made { seq, hash } = made;
    let first = head
        .tail
        .map_or(seq.saturating_sub(wide(count).saturating_sub(1)), |t| {
            t.first
        });
    let count = head
        .tail
        .map_or(0, |tail| tail.count)
        .saturating_add(wide(count));
    Entry {
        seq,
        hash,
        at_ms,
        tail: Some(Span {
            first,
            last: seq,
            count,
        }),
        ..head
    }
}
