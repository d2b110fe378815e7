//! Which result answers which call.

use std::borrow::Borrow;
use std::collections::HashMap;

use crate::{Message, Role};

/// What a message answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is no result.
    NoResult,
    /// A call of the message at this position.
    Of(usize),
    /// A call that has a result already.
    Again,
    /// No call before it has its id.
    Stray,
    /// It has no id.
    WithoutId,
}

/// Calls and results of a conversation, each result with the nearest call before it that has its id and
/// no result yet; of several in one message, with the first.
#[derive(Debug)]
pub(crate) struct Pairs {
    /// For each message what it answers.
    pub(crate) answers: Vec<Answer>,
    /// For each message, and each of its calls in order, the position of the result.
    pub(crate) results: HashMap<usize, Vec<Option<usize>>>,
}

/// The calls of one id that wait for a result.
#[derive(Debug, Default)]
struct Waiting {
    /// Positions of messages that call, ascending, with the numbers of the calls in each, descending.
    groups: Vec<(usize, Vec<usize>)>,
}

impl Waiting {
    /// The nearest one; of several in one message the first.
    fn take(&mut self) -> Option<(usize, usize)> {
        let (position, calls) = self.groups.last_mut()?;
        let taken = (*position, calls.pop()?);
        if calls.is_empty() {
            self.groups.pop();
        }
        Some(taken)
    }
}

impl Pairs {
    pub(crate) fn of<M: Borrow<Message>>(messages: &[M]) -> Self {
        let mut waiting: HashMap<&str, Waiting> = HashMap::new();
        let mut results: HashMap<usize, Vec<Option<usize>>> = HashMap::new();
        let mut answers = Vec::with_capacity(messages.len());
        for (at, message) in messages.iter().enumerate() {
            let message = message.borrow();
            let answer = match (message.role, message.tool_call_id.as_deref()) {
                (Role::Assistant, _) if !message.tool_calls.is_empty() => {
                    for (number, call) in message.tool_calls.iter().enumerate().rev() {
                        let same = waiting.entry(&call.id).or_default();
                        match same
                            .groups
                            .last_mut()
                            .filter(|(position, _)| *position == at)
                        {
                            Some((_, numbers)) => numbers.push(number),
                            None => same.groups.push((at, vec![number])),
                        }
                    }
                    results.insert(at, vec![None; message.tool_calls.len()]);
                    Answer::NoResult
                }
                (Role::Tool, None) => Answer::WithoutId,
                (Role::Tool, Some(id)) => match waiting.get_mut(id).map(Waiting::take) {
                    None => Answer::Stray,
                    Some(None) => Answer::Again,
                    Some(Some((position, number))) => {
                        let slot = results.get_mut(&position).and_then(|r| r.get_mut(number));
                        if let Some(slot) = slot {
                            *slot = Some(at);
                        }
                        Answer::Of(position)
                    }
                },
                _ => Answer::NoResult,
            };
            answers.push(answer);
        }
        Self { answers, results }
    }

    /// How many calls of the message have no result.
    pub(crate) fn unanswered(&self, position: usize) -> usize {
        let results = self.results.get(&position).into_iter().flatten();
        results.filter(|result| result.is_none()).count()
    }

    /// Position of the newest message that calls, where nothing but results stands behind it.
    pub(crate) fn at_end<M: Borrow<Message>>(messages: &[M]) -> Option<usize> {
        let last = messages
            .iter()
            .rposition(|message| message.borrow().role != Role::Tool)?;
        let message = messages.get(last)?.borrow();
        (message.role == Role::Assistant && !message.tool_calls.is_empty()).then_some(last)
    }
}

#[cfg(test)]
mod tests {
    use super::Answer::{Again, NoResult, Of, Stray, WithoutId};
    use super::*;
    use crate::ToolCall;

    fn calls(ids: &[&str]) -> Message {
        let call =
            |message: Message, id: &&str| message.with_tool_call(ToolCall::new(*id, "t", "{}"));
        ids.iter().fold(Message::assistant(""), call)
    }

    #[test]
    fn a_result_goes_to_the_nearest_waiting_call_and_of_one_message_to_the_first() {
        let messages = [
            calls(&["a"]),
            calls(&["a", "b", "a"]),
            Message::tool("a", ""),
            Message::tool("a", ""),
            Message::tool("a", ""),
            Message::tool("a", ""),
            Message::tool("c", ""),
            Message::new(Role::Tool, ""),
        ];
        let pairs = Pairs::of(&messages);
        let answers = [
            NoResult,
            NoResult,
            Of(1),
            Of(1),
            Of(0),
            Again,
            Stray,
            WithoutId,
        ];
        assert_eq!(pairs.answers, answers);
        assert_eq!(pairs.results[&1], [Some(2), None, Some(3)]);
        assert_eq!(pairs.unanswered(1), 1);
        assert_eq!(pairs.unanswered(0), 0);
    }
}
