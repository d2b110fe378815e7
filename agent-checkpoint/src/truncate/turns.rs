//! What of a conversation stays or goes together: calls with their results.

use std::borrow::Borrow;
use std::ops::Range;

use crate::history::{Answer, Pairs};
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

/// Which messages called since the user last spoke before one that did.
#[derive(Debug, Default)]
struct Round {
    positions: Vec<usize>,
    user_spoke: bool,
}

impl Round {
    fn call(&mut self, at: usize, message: &Message) {
        if message.tool_calls.is_empty() {
            return;
        }
        if std::mem::take(&mut self.user_spoke) {
            self.positions.clear();
        }
        self.positions.push(at);
    }
}

impl Turns {
    pub(super) fn of<M: Borrow<Message>>(messages: &[M]) -> Self {
        let pairs = Pairs::of(messages);
        let mut round = Round::default();
        // The last result of each message's calls, or the message itself.
        let mut reach: Vec<usize> = (0..messages.len()).collect();
        let mut strays = vec![false; messages.len()];
        let answered = messages.iter().zip(&pairs.answers).zip(&mut strays);
        for (at, ((message, answer), stray)) in answered.enumerate() {
            let message = message.borrow();
            match (message.role, answer) {
                (Role::Assistant, _) => round.call(at, message),
                (Role::User, _) => round.user_spoke = true,
                (Role::System, _) => {}
                (Role::Tool, Answer::Of(call)) => {
                    if let Some(reach) = reach.get_mut(*call) {
                        *reach = at;
                    }
                }
                (Role::Tool, _) => *stray = true,
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
        let waiting = round.positions.iter();
        for at in waiting.filter(|at| pairs.unanswered(**at) > 0) {
            let behind = turns.partition_point(|turn| turn.range.start <= *at);
            if let Some(turn) = behind.checked_sub(1).and_then(|turn| turns.get_mut(turn)) {
                turn.is_open = true;
            }
        }
        Self { turns, strays }
    }
}
