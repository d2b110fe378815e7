//! Makes a list of messages one that a provider takes, and tells each change.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Flaw, Pairs, check};
use crate::{Message, Role};

/// What a result says that [`repair`] puts in for a call without one.
pub const INTERRUPTED: &str = "interrupted: this call has no result, and it is not known whether it was carried out; look before you call again";

/// What was done about a [`Flaw`].
///
/// ```
/// use agent_checkpoint::history::Remedy;
///
/// assert_eq!(Remedy::LeftOut.to_string(), "left out");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Remedy {
    /// A result with the text [`INTERRUPTED`] was put behind the call.
    Answered,
    /// The message was left out.
    LeftOut,
    /// The result was moved to its call.
    Moved,
    /// The call and its result have this id now.
    Renamed(String),
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered => f.write_str("answered as interrupted"),
            Self::LeftOut => f.write_str("left out"),
            Self::Moved => f.write_str("moved to its call"),
            Self::Renamed(id) => write!(f, "renamed {id:?}"),
        }
    }
}

/// A flaw, and what was done about it.
///
/// ```
/// use agent_checkpoint::Message;
/// use agent_checkpoint::history::repair;
///
/// let repaired = repair(&[Message::user("go"), Message::tool("c1", "src")]);
/// let told = repaired.repairs[0].to_string();
/// assert_eq!(told, "message 1: a result of \"c1\", which no message calls: left out");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Repair {
    /// What was wrong, with the position that it had.
    #[serde(flatten)]
    pub flaw: Flaw,
    /// What was done.
    pub remedy: Remedy,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.flaw, self.remedy)
    }
}

/// What [`repair`] made of a list of messages.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "the repairs say what is not as it was"]
#[non_exhaustive]
pub struct Repaired {
    /// The messages as a provider takes them.
    pub messages: Vec<Message>,
    /// One for each flaw, by the position that it had; none where nothing was changed.
    pub repairs: Vec<Repair>,
}

/// Changes as little as makes the messages ones that a provider takes; pure.
///
/// - A call without a result gets one that says [`INTERRUPTED`]; one at the end that is
///   [open](super::open_calls) is left as it is.
/// - A result apart from its call is moved to it.
/// - Of two calls of one message with one id the later one, and its result, get an id that no other call of
///   the message has.
/// - A result without a call or without an id, a further result of a call that has one, and an empty message
///   are left out.
///
/// Everything else stays as and where it was. [`check`] finds nothing in what comes out, so repairing it
/// once more changes nothing. Takes time in proportion to the number of messages and calls.
///
/// ```
/// use agent_checkpoint::history::{INTERRUPTED, Remedy, repair};
/// use agent_checkpoint::{Message, ToolCall};
///
/// let ask = |id| Message::assistant("").with_tool_call(ToolCall::new(id, "ls", "{}"));
/// let repaired = repair(&[ask("c1"), ask("c2"), Message::tool("c1", "src")]);
/// assert_eq!(repaired.messages, [ask("c1"), Message::tool("c1", "src"), ask("c2")]);
/// assert_eq!(repaired.repairs[0].remedy, Remedy::Moved);
///
/// let repaired = repair(&[ask("c1"), ask("c2")]);
/// assert_eq!(repaired.messages[1], Message::tool("c1", INTERRUPTED));
/// ```
pub fn repair<M: Borrow<Message>>(messages: &[M]) -> Repaired {
    let Plan { slots, repairs } = Plan::of(messages);
    let message = |slot| match slot {
        Slot::AsIs(position) => messages.get(position).map(|m| m.borrow().clone()),
        Slot::New(message) => Some(message),
    };
    Repaired {
        messages: slots.into_iter().filter_map(message).collect(),
        repairs,
    }
}

/// A message of a repaired list.
#[derive(Debug)]
pub(crate) enum Slot {
    /// The message at this position of the list before.
    AsIs(usize),
    /// One that the list before does not have.
    New(Message),
}

/// How a list is repaired.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) slots: Vec<Slot>,
    pub(crate) repairs: Vec<Repair>,
}

impl Plan {
    pub(crate) fn of<M: Borrow<Message>>(messages: &[M]) -> Self {
        let mut repairs = Vec::new();
        let mut renamed = Renamed::default();
        // Positions that are written where their calls are, or not at all.
        let mut elsewhere = HashSet::new();
        // Positions of messages with calls that get a result, or one from elsewhere.
        let mut completed = HashSet::new();
        for flaw in check(messages) {
            let position = flaw.position();
            let remedy = match &flaw {
                Flaw::CallWithoutResult { .. } => {
                    completed.insert(position);
                    Remedy::Answered
                }
                Flaw::ResultApart { called_at, .. } => {
                    completed.insert(*called_at);
                    elsewhere.insert(position);
                    Remedy::Moved
                }
                Flaw::DuplicateCall { call, .. } => {
                    Remedy::Renamed(renamed.next(messages, position, call))
                }
                Flaw::ResultWithoutCall { .. }
                | Flaw::DuplicateResult { .. }
                | Flaw::ResultWithoutId { .. }
                | Flaw::Empty { .. } => {
                    elsewhere.insert(position);
                    Remedy::LeftOut
                }
            };
            repairs.push(Repair { flaw, remedy });
        }
        let slots = if repairs.is_empty() {
            (0..messages.len()).map(Slot::AsIs).collect()
        } else {
            lay_out(messages, &elsewhere, &completed, &renamed)
        };
        Self { slots, repairs }
    }
}

/// New ids of calls.
#[derive(Debug, Default)]
struct Renamed {
    /// For a message that calls the new ids of its calls, by number.
    ids: HashMap<usize, HashMap<usize, String>>,
    /// The message that was last renamed in, the ids of its calls, and what was tried of each.
    message: Option<usize>,
    taken: HashSet<String>,
    tried: HashMap<String, u64>,
    /// The numbers of its calls that repeat an id, in order; the last one first.
    repeats: Vec<usize>,
}

impl Renamed {
    /// An id for the next call of the message that repeats one.
    fn next<M: Borrow<Message>>(&mut self, messages: &[M], position: usize, id: &str) -> String {
        if self.message != Some(position) {
            let calls = messages.get(position).map(|m| &m.borrow().tool_calls);
            let mut ids = HashSet::new();
            let calls = calls.into_iter().flatten().enumerate();
            let repeats = calls.filter(|(_, call)| !ids.insert(call.id.clone()));
            self.repeats = repeats.map(|(number, _)| number).collect();
            self.repeats.reverse();
            self.taken = ids;
            self.tried.clear();
            self.message = Some(position);
        }
        let tried = self.tried.entry(id.to_owned()).or_insert(1);
        let new = loop {
            *tried += 1;
            let new = format!("{id}-{tried}");
            if self.taken.insert(new.clone()) {
                break new;
            }
        };
        if let Some(number) = self.repeats.pop() {
            let ids = self.ids.entry(position).or_default();
            ids.insert(number, new.clone());
        }
        new
    }
}

fn lay_out<M: Borrow<Message>>(
    messages: &[M],
    elsewhere: &HashSet<usize>,
    completed: &HashSet<usize>,
    renamed: &Renamed,
) -> Vec<Slot> {
    let pairs = Pairs::of(messages);
    let as_is = |position: usize| messages.get(position).map(Borrow::borrow);
    // New ids of results.
    let mut ids: HashMap<usize, &str> = HashMap::new();
    for (position, calls) in &renamed.ids {
        let results = pairs.results.get(position);
        for (number, id) in calls {
            if let Some(Some(result)) = results.and_then(|results| results.get(*number)) {
                ids.insert(*result, id);
            }
        }
    }
    let result = |position: usize| match (ids.get(&position), as_is(position)) {
        (Some(id), Some(message)) => Slot::New(Message {
            tool_call_id: Some((*id).to_owned()),
            ..message.clone()
        }),
        _ => Slot::AsIs(position),
    };
    let mut slots = Vec::new();
    // What is put behind the results that stand right behind the newest message that calls.
    let mut owed: Vec<Slot> = Vec::new();
    for (position, message) in messages.iter().enumerate() {
        let message = message.borrow();
        if message.role != Role::Tool {
            slots.append(&mut owed);
        }
        if elsewhere.contains(&position) {
            continue;
        }
        let new_ids = renamed.ids.get(&position);
        slots.push(match new_ids {
            Some(new_ids) => Slot::New(with_ids(message, new_ids)),
            None => result(position),
        });
        if completed.contains(&position) {
            let results = pairs.results.get(&position).into_iter().flatten();
            for (number, (call, answer)) in message.tool_calls.iter().zip(results).enumerate() {
                let id = new_ids.and_then(|ids| ids.get(&number)).unwrap_or(&call.id);
                match answer {
                    Some(answer) if elsewhere.contains(answer) => owed.push(result(*answer)),
                    Some(_) => {}
                    None => owed.push(Slot::New(Message::tool(id.as_str(), INTERRUPTED))),
                }
            }
        }
    }
    slots.append(&mut owed);
    slots
}

/// The message with the ids of some of its calls changed.
fn with_ids(message: &Message, ids: &HashMap<usize, String>) -> Message {
    let mut message = message.clone();
    for (number, id) in ids {
        if let Some(call) = message.tool_calls.get_mut(*number) {
            call.id.clone_from(id);
        }
    }
    message
}
