//! Fits a conversation into a token limit without parting a tool call from its result.

mod count;

pub use count::{CountTokens, EstimateTokens};

use std::borrow::Borrow;
use std::ops::Range;

use crate::{Message, Role};

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
/// An assistant message that calls tools and the results that follow it, up to the next assistant
/// message, stay or go together. They are told by position, since models use call ids again. Results
/// that follow no call are dropped always. Truncating again to the same limit changes nothing. Takes
/// time in proportion to the number of messages.
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
/// [`LimitTooSmall`] when system messages, task and the newest turn are more than `limit` together.
pub fn truncate<M: Borrow<Message>>(
    messages: &[M],
    limit: u64,
    counter: &dyn CountTokens,
) -> Result<Truncation, LimitTooSmall> {
    let costs: Vec<u64> = messages
        .iter()
        .map(|message| counter.count(message.borrow()))
        .collect();
    let mut stays = pinned(messages);
    let sum = |picked: &mut dyn Iterator<Item = (&u64, &bool)>| {
        picked.fold(0, |sum: u64, (cost, _)| sum.saturating_add(*cost))
    };
    let mut tokens = sum(&mut costs.iter().zip(&stays).filter(|(_, stays)| **stays));
    let mut tail = messages.len();
    let mut has_turn = false;
    for turn in turns(messages).into_iter().rev() {
        let (Some(turn_costs), Some(turn_stays)) =
            (costs.get(turn.clone()), stays.get_mut(turn.clone()))
        else {
            continue;
        };
        let is_pinned = turn_stays.iter().all(|stays| *stays);
        let more = sum(&mut turn_costs
            .iter()
            .zip(&*turn_stays)
            .filter(|(_, stays)| !**stays));
        let with_turn = tokens.saturating_add(more);
        if with_turn > limit && !is_pinned {
            if has_turn {
                break;
            }
            return Err(LimitTooSmall {
                limit,
                needed: with_turn,
            });
        }
        turn_stays.fill(true);
        tokens = with_turn;
        tail = turn.start;
        has_turn |= !is_pinned;
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

/// What stays or goes together, without results that follow no call.
fn turns<M: Borrow<Message>>(messages: &[M]) -> Vec<Range<usize>> {
    let mut turns: Vec<Range<usize>> = Vec::new();
    // The last turn that results may still join.
    let mut open: Option<usize> = None;
    for (at, message) in messages.iter().enumerate() {
        let message = message.borrow();
        match message.role {
            Role::Tool => {
                // What stands between the call and this result belongs to the turn as well.
                if let Some(call) = open {
                    turns.truncate(call + 1);
                    if let Some(turn) = turns.last_mut() {
                        turn.end = at + 1;
                    }
                }
            }
            Role::Assistant => {
                open = (!message.tool_calls.is_empty()).then_some(turns.len());
                turns.push(at..at + 1);
            }
            Role::System | Role::User => turns.push(at..at + 1),
        }
    }
    turns
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
