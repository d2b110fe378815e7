//! Fits a conversation into a token limit without parting a tool call from its result.

mod count;
mod turns;

pub use count::{CountTokens, EstimateTokens};

use std::borrow::Borrow;
use std::ops::Range;

use crate::{Message, Role};
use turns::Turns;

/// Which messages of a conversation fit.
///
/// See [`truncate`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Truncation {
    /// Positions of the messages that stay, ascending and apart.
    pub kept: Vec<Range<usize>>,
    /// How many messages go.
    pub dropped: usize,
    /// Tokens of the messages that stay.
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
/// See [`truncate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{limit} tokens are too few for the instructions, the task and the newest turn; allow at least {needed}"
)]
#[non_exhaustive]
pub struct LimitTooSmall {
    /// The limit that was asked for.
    pub limit: u64,
    /// The smallest that would do.
    pub needed: u64,
}

/// Picks what to keep of `messages` so that their tokens do not exceed `limit`: every system message,
/// the first user message (the task), and of the rest the newest without a gap.
///
/// A call and its result, with all that stands between them, stay or go together. A result belongs to
/// the nearest call before it that has its id and no result yet, since models use call ids again; a
/// result without one is dropped always. A call whose result is still to come stays, until the model
/// calls again after the user spoke. Truncating again to the same limit changes nothing. Takes time in
/// proportion to the number of messages.
///
/// ```
/// use agent_checkpoint::{Message, ToolCall, truncate};
///
/// let messages = [
///     Message::system("Be brief."),
///     Message::user("Fix it."),
///     Message::assistant("").with_tool_call(ToolCall::new("c1", "ls", "{}")),
///     Message::tool("c1", "a long listing"),
///     Message::assistant("Done."),
/// ];
/// let one_each = |_: &Message| 1;
/// let truncation = truncate(&messages, 4, &one_each)?;
/// assert_eq!(truncation.kept, [0..2, 4..5], "the call does not stay without its result");
///
/// let error = truncate(&messages, 2, &one_each).unwrap_err();
/// assert_eq!(error.needed, 3);
/// # Ok::<(), agent_checkpoint::LimitTooSmall>(())
/// ```
///
/// # Errors
/// [`LimitTooSmall`] when system messages, task, calls without results and the newest turn are more than
/// `limit` together.
pub fn truncate<M: Borrow<Message>>(
    messages: &[M],
    limit: u64,
    counter: &dyn CountTokens,
) -> Result<Truncation, LimitTooSmall> {
    let costs: Vec<u64> = messages
        .iter()
        .map(|message| counter.count(message.borrow()))
        .collect();
    let Turns { turns, strays } = Turns::of(messages);
    let mut stays = pinned(messages);
    for turn in turns.iter().filter(|turn| turn.is_open) {
        for at in turn.range.clone() {
            keep(&mut stays, &strays, at);
        }
    }
    let cost = |at: usize| costs.get(at).copied().unwrap_or(0);
    let sum = |positions: &mut dyn Iterator<Item = usize>| {
        positions.fold(0, |sum: u64, at| sum.saturating_add(cost(at)))
    };
    let is_kept = |stays: &[bool], at: usize| stays.get(at) == Some(&true);
    let mut tokens = sum(&mut (0..messages.len()).filter(|at| is_kept(&stays, *at)));
    let mut tail = messages.len();
    let mut has_turn = false;
    for turn in turns.into_iter().rev() {
        let is_news = |at: &usize| !is_kept(&stays, *at) && strays.get(*at) == Some(&false);
        let news: Vec<usize> = turn.range.clone().filter(is_news).collect();
        let with_turn = tokens.saturating_add(sum(&mut news.iter().copied()));
        if with_turn > limit && !news.is_empty() {
            if has_turn {
                break;
            }
            return Err(LimitTooSmall {
                limit,
                needed: with_turn,
            });
        }
        has_turn |= turn.is_open || !news.is_empty();
        for at in news {
            keep(&mut stays, &strays, at);
        }
        tokens = with_turn;
        tail = turn.range.start;
    }
    if tokens > limit {
        return Err(LimitTooSmall {
            limit,
            needed: tokens,
        });
    }
    let kept = ranges(&stays);
    let dropped = stays.iter().filter(|stays| !**stays).count();
    Ok(Truncation {
        kept,
        dropped,
        tokens,
        tail,
    })
}

/// Which messages stay in any case: standing instructions, and the task.
fn pinned<M: Borrow<Message>>(messages: &[M]) -> Vec<bool> {
    let mut has_task = false;
    let mut is_pinned = |message: &Message| match message.role {
        Role::System => true,
        Role::User => !std::mem::replace(&mut has_task, true),
        Role::Assistant | Role::Tool => false,
    };
    messages
        .iter()
        .map(|message| is_pinned(message.borrow()))
        .collect()
}

fn keep(kept: &mut [bool], strays: &[bool], at: usize) {
    if let (Some(kept), Some(false)) = (kept.get_mut(at), strays.get(at)) {
        *kept = true;
    }
}

fn ranges(stays: &[bool]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (at, _) in stays.iter().enumerate().filter(|(_, stays)| **stays) {
        match ranges.last_mut() {
            Some(last) if last.end == at => last.end += 1,
            _ => ranges.push(at..at + 1),
        }
    }
    ranges
}
