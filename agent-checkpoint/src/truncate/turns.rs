//! What of a conversation stays or goes together: calls with their results.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::ops::Range;

use crate::{Message, Role};

/// A conversation as turns.
#[derive(Debug)]
pub(super) struct Turns {
    /// Without gaps, ascending.
    pub(super) turns: Vec<Turn>,
    /// Messages that are results of no call.
    pub(super) strays: Vec<bool>,
}

/// Messages that stay or go together.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) range: Range<usize>,
    /// A result may still come, and needs the call.
    pub(super) is_open: bool,
}

/// What is known of the calls so far.
#[derive(Debug, Default)]
struct Calls<'a> {
    /// Positions of the unanswered calls with an id, ascending.
    by_id: HashMap<&'a str, Vec<usize>>,
    /// Unanswered calls by position: how many.
    unanswered: HashMap<usize, usize>,
    /// Positions of the messages that call since the user last spoke before one.
    round: Vec<usize>,
    user_spoke: bool,
}

impl<'a> Calls<'a> {
    fn call(&mut self, at: usize, message: &'a Message) {
        if message.tool_calls.is_empty() {
            return;
        }
        if std::mem::take(&mut self.user_spoke) {
            self.round.clear();
        }
        self.round.push(at);
        for call in &message.tool_calls {
            self.by_id.entry(&call.id).or_default().push(at);
        }
        self.unanswered.insert(at, message.tool_calls.len());
    }

    /// Position of the call that `result` answers: the nearest unanswered one of its id.
    fn answer(&mut self, result: &Message) -> Option<usize> {
        let id = result.tool_call_id.as_deref().unwrap_or_default();
        let at = self.by_id.get_mut(id)?.pop()?;
        if let Some(count) = self.unanswered.get_mut(&at) {
            *count -= 1;
        }
        Some(at)
    }
}

impl Turns {
    pub(super) fn of<M: Borrow<Message>>(messages: &[M]) -> Self {
        let mut calls = Calls::default();
        // The last result of each message's calls, or the message itself.
        let mut reach: Vec<usize> = (0..messages.len()).collect();
        let mut strays = vec![false; messages.len()];
        for (at, (message, stray)) in messages.iter().zip(&mut strays).enumerate() {
            let message = message.borrow();
            match message.role {
                Role::Assistant => calls.call(at, message),
                Role::User => calls.user_spoke = true,
                Role::System => {}
                Role::Tool => match calls.answer(message).and_then(|call| reach.get_mut(call)) {
                    Some(reach) => *reach = at,
                    None => *stray = true,
                },
            }
        }
        let mut turns: Vec<Turn> = Vec::new();
        for (at, last) in reach.into_iter().enumerate() {
            match turns.last_mut().filter(|turn| at < turn.range.end) {
                Some(turn) => turn.range.end = turn.range.end.max(last + 1),
                None => turns.push(Turn {
                    range: at..last + 1,
                    is_open: false,
                }),
            }
        }
        let is_unanswered = |at: &usize| calls.unanswered.get(at).is_some_and(|count| *count > 0);
        for at in calls.round.iter().filter(|at| is_unanswered(at)) {
            let behind = turns.partition_point(|turn| turn.range.start <= *at);
            if let Some(turn) = behind.checked_sub(1).and_then(|turn| turns.get_mut(turn)) {
                turn.is_open = true;
            }
        }
        Self { turns, strays }
    }
}
