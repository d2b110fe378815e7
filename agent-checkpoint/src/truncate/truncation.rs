//! What a truncation keeps, and that nothing useful fits.

use std::ops::Range;

/// Which messages of a conversation fit.
///
/// See [`truncate`](super::truncate()).
///
/// ```
/// use agent_checkpoint::{Message, truncate};
///
/// let messages = ["task", "one", "two"].map(Message::user);
/// let truncation = truncate(&messages, 2, &|_: &Message| 1)?;
/// assert_eq!((truncation.dropped, truncation.groups), (1, 1));
/// assert_eq!((truncation.tokens_before, truncation.tokens), (3, 2));
/// assert_eq!(truncation.apply(&messages), [&messages[0], &messages[2]]);
/// # Ok::<(), agent_checkpoint::LimitTooSmall>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Truncation {
    /// Positions of the messages that stay, ascending and apart.
    pub kept: Vec<Range<usize>>,
    /// How many messages go.
    pub dropped: usize,
    /// In how many groups: a call with its results is one, any other message is one by itself. Results of no
    /// call belong to no group.
    pub groups: usize,
    /// Tokens of all messages.
    pub tokens_before: u64,
    /// Tokens of the messages that stay; after a cut, with what it put in.
    pub tokens: u64,
    /// Position from which on everything stays, but for results without a call.
    pub tail: usize,
}

impl Truncation {
    /// The messages that stay, in order.
    pub fn apply<'a, M>(&self, messages: &'a [M]) -> Vec<&'a M> {
        self.kept
            .iter()
            .filter_map(|range| messages.get(range.clone()))
            .flatten()
            .collect()
    }
}

/// Nothing useful fits into the limit.
///
/// See [`truncate`](super::truncate()).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{limit} tokens are too few for what must stay: instructions, task, what is pinned or open, and the newest \
     messages; allow at least {needed}"
)]
#[non_exhaustive]
pub struct LimitTooSmall {
    /// The limit that was asked for.
    pub limit: u64,
    /// The smallest that would do.
    pub needed: u64,
}
