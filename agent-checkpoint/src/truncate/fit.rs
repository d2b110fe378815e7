//! Picks what stays of a conversation.

use std::borrow::Borrow;
use std::ops::Range;

use super::turns::{Turn, Turns};
use super::{CountTokens, LimitTooSmall, Truncate, Truncation};
use crate::{Message, Role};

/// Picks what to keep of `messages` so that their tokens do not exceed the limit: every system message,
/// the first user message (the task), [pinned](Message::pinned) messages, and of the rest the newest without a
/// gap.
///
/// A call and its result, with all that stands between them, stay or go together. A result belongs to
/// the nearest call before it that has its id and no result yet, since models use call ids again; a
/// result without one is dropped always. A call whose result is still to come stays, until the model
/// calls again after the user spoke. Truncating again to the same limit changes nothing, and a larger limit
/// keeps all that a smaller one does. Takes time in proportion to the number of messages, and counts each once.
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
/// [`LimitTooSmall`] when system messages, task, pinned messages, calls without results and the newest messages
/// are more than the limit together.
pub fn truncate<M: Borrow<Message>>(
    messages: &[M],
    how: impl Into<Truncate>,
    counter: &dyn CountTokens,
) -> Result<Truncation, LimitTooSmall> {
    let how = how.into();
    Outline::of(messages, &[], counter).fit(how.limit, how.keep_last)
}

/// Whether a message stays whatever the limit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// As far as there is room.
    Free,
    Stays,
    Goes,
}

/// A conversation as it is seen by a truncation: costs, groups and pins.
#[derive(Debug)]
pub(crate) struct Outline {
    turns: Vec<Turn>,
    holds: Vec<Hold>,
    costs: Vec<u64>,
    /// Instructions and the task, which are no news.
    standing: Vec<bool>,
    task: Option<usize>,
    /// How many instructions it begins with.
    lead: usize,
}

impl Outline {
    /// Of `messages`, of which those at `notes`, ascending, are neither task nor news.
    pub(crate) fn of<M: Borrow<Message>>(
        messages: &[M],
        notes: &[usize],
        counter: &dyn CountTokens,
    ) -> Self {
        let Turns { turns, strays } = Turns::of(messages);
        let all = || messages.iter().map(Borrow::borrow).enumerate();
        let is_note = |at: usize| notes.binary_search(&at).is_ok();
        let task = all().find(|(at, message)| message.role == Role::User && !is_note(*at));
        let task = task.map(|(at, _)| at);
        let standing: Vec<bool> = all()
            .map(|(at, message)| message.role == Role::System || Some(at) == task || is_note(at))
            .collect();
        let is_system = |(_, message): &(usize, &Message)| message.role == Role::System;
        let mut outline = Self {
            holds: vec![Hold::Free; messages.len()],
            costs: all().map(|(_, message)| counter.count(message)).collect(),
            lead: all().take_while(is_system).count(),
            turns: Vec::new(),
            standing,
            task,
        };
        outline.pin(messages, &turns);
        for (hold, _) in outline.holds.iter_mut().zip(&strays).filter(|(_, s)| **s) {
            *hold = Hold::Goes;
        }
        outline.turns = turns;
        outline
    }

    fn pin<M: Borrow<Message>>(&mut self, messages: &[M], turns: &[Turn]) {
        for turn in turns {
            let part = messages.get(turn.range.clone()).unwrap_or_default();
            let binds = |message: &Message| {
                message.is_pinned()
                    && (!message.tool_calls.is_empty() || message.role == Role::Tool)
            };
            let is_whole = turn.is_open || part.iter().any(|message| binds(message.borrow()));
            for (at, message) in turn.range.clone().zip(part) {
                let stays = self.standing.get(at) == Some(&true) || message.borrow().is_pinned();
                if is_whole || stays {
                    self.hold(at, Hold::Stays);
                }
            }
        }
    }

    /// Sets whether the message at `at` stays.
    pub(crate) fn hold(&mut self, at: usize, hold: Hold) {
        if let Some(held) = self.holds.get_mut(at) {
            *held = hold;
        }
    }

    /// Whether that is set for the message at `at`.
    pub(crate) fn is_held(&self, at: usize, hold: Hold) -> bool {
        self.holds.get(at) == Some(&hold)
    }

    /// Tokens of all messages.
    fn tokens(&self) -> u64 {
        self.sum(0..self.costs.len())
    }

    fn cost(&self, at: usize) -> u64 {
        self.costs.get(at).copied().unwrap_or(0)
    }

    fn sum(&self, positions: impl IntoIterator<Item = usize>) -> u64 {
        let costs = positions.into_iter().map(|at| self.cost(at));
        costs.fold(0, u64::saturating_add)
    }

    fn of_turn(&self, turn: &Turn, hold: Hold) -> impl Iterator<Item = usize> {
        let range = turn.range.clone();
        range.filter(move |at| self.is_held(*at, hold))
    }

    /// How many of the turn's messages could be news to the model and do not go.
    fn news(&self, turn: &Turn) -> usize {
        let range = turn.range.clone();
        let is_news =
            |at: &usize| self.standing.get(*at) == Some(&false) && !self.is_held(*at, Hold::Goes);
        range.filter(is_news).count()
    }

    /// What stays within `limit` tokens, the `keep_last` newest messages in any case.
    pub(crate) fn fit(&self, limit: u64, keep_last: usize) -> Result<Truncation, LimitTooSmall> {
        let pinned = (0..self.holds.len()).filter(|at| self.is_held(*at, Hold::Stays));
        let mut tokens = self.sum(pinned);
        let mut tail = self.holds.len();
        let mut news = 0;
        let mut left = self.turns.len();
        for turn in self.turns.iter().rev() {
            let is_pinned = self.of_turn(turn, Hold::Free).next().is_none();
            let with_turn = tokens.saturating_add(self.sum(self.of_turn(turn, Hold::Free)));
            if with_turn > limit && !is_pinned && news >= keep_last {
                break;
            }
            news += self.news(turn);
            tokens = with_turn;
            tail = turn.range.start;
            left -= 1;
        }
        if tokens > limit {
            return Err(LimitTooSmall {
                limit,
                needed: tokens,
            });
        }
        let goes = |turn: &&Turn| self.of_turn(turn, Hold::Free).next().is_some();
        let kept = self.kept(tail);
        Ok(Truncation {
            dropped: self.holds.len() - kept.iter().map(Range::len).sum::<usize>(),
            groups: self.turns.iter().take(left).filter(goes).count(),
            kept,
            tokens_before: self.tokens(),
            tokens,
            tail,
        })
    }

    fn kept(&self, tail: usize) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for (at, hold) in self.holds.iter().enumerate() {
            if *hold == Hold::Goes || (*hold == Hold::Free && at < tail) {
                continue;
            }
            match ranges.last_mut() {
                Some(last) if last.end == at => last.end += 1,
                _ => ranges.push(at..at + 1),
            }
        }
        ranges
    }

    /// Where a message can stand behind the task without parting a group that stays.
    pub(crate) fn behind_task(&self, truncation: &Truncation) -> usize {
        let Some(task) = self.task else {
            return self.lead;
        };
        let behind = self.turns.partition_point(|turn| turn.range.start <= task);
        let turn = behind.checked_sub(1).and_then(|turn| self.turns.get(turn));
        let is_kept = |at: usize| {
            let behind = truncation.kept.partition_point(|range| range.end <= at);
            let range = truncation.kept.get(behind);
            range.is_some_and(|range| range.contains(&at))
        };
        turn.filter(|turn| is_kept(turn.range.start))
            .map_or(task + 1, |turn| turn.range.end)
    }
}
