//! A commit as a log's reader knows it.

use std::sync::Arc;

use agent_primitives::CheckpointId;

use super::chain::checkpoint_id;
use super::numbering::narrow;
use crate::format::payload::{Body, Digest, Span};

/// A commit in the log.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) hash: Digest,
    /// Unix milliseconds.
    pub(crate) at_ms: i64,
    pub(crate) body: Arc<Body>,
    /// Messages in the body's history.
    pub(crate) base: usize,
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
    pub(crate) fn history(&self) -> impl DoubleEndedIterator<Item = Span> {
        self.body.history.iter().copied().chain(self.tail)
    }

    /// What the model is sent, where it differs from the whole conversation.
    pub(crate) fn context(&self) -> Option<impl Iterator<Item = Span>> {
        let context = self.body.context.as_ref()?;
        Some(context.iter().copied().chain(self.tail))
    }

    pub(crate) fn messages(&self) -> usize {
        let tail = self.tail.map_or(0, |tail| narrow(tail.count));
        self.base.saturating_add(tail)
    }
}
