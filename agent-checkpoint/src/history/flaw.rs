//! What a provider would refuse in a list of messages.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing for which a provider would refuse a list of messages. Positions are those of messages in the
/// list that was checked, the first being 0.
///
/// ```
/// use agent_checkpoint::history::Flaw;
///
/// let flaw = Flaw::ResultWithoutCall { position: 3, call: "c1".into() };
/// assert_eq!((flaw.position(), flaw.call()), (3, Some("c1")));
/// assert_eq!(flaw.to_string(), "message 3: a result of \"c1\", which no message calls");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "flaw", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Flaw {
    /// A call has no result, and the conversation went on.
    CallWithoutResult {
        /// The message that calls.
        position: usize,
        /// Id of the call.
        call: String,
    },
    /// Two calls of one message have one id, so that their results cannot be told apart. The later one is
    /// meant.
    DuplicateCall {
        /// The message that calls.
        position: usize,
        /// Id of both calls.
        call: String,
    },
    /// A result of a call that no message before it makes.
    ResultWithoutCall {
        /// The result.
        position: usize,
        /// Id of the call.
        call: String,
    },
    /// Something else than results stands between a result and its call.
    ResultApart {
        /// The result.
        position: usize,
        /// Id of the call.
        call: String,
        /// The message that calls.
        called_at: usize,
    },
    /// A further result of a call that has one.
    DuplicateResult {
        /// The result that comes too much.
        position: usize,
        /// Id of the call.
        call: String,
    },
    /// A result that does not say which call it answers.
    ResultWithoutId {
        /// The result.
        position: usize,
    },
    /// A message with no text but white space, no part and no call. Results may be empty.
    Empty {
        /// The message.
        position: usize,
    },
}

impl Flaw {
    /// The message that is refused.
    pub const fn position(&self) -> usize {
        match self {
            Self::CallWithoutResult { position, .. }
            | Self::DuplicateCall { position, .. }
            | Self::ResultWithoutCall { position, .. }
            | Self::ResultApart { position, .. }
            | Self::DuplicateResult { position, .. }
            | Self::ResultWithoutId { position }
            | Self::Empty { position } => *position,
        }
    }

    /// The model's id of the call that it is about, where there is one.
    pub fn call(&self) -> Option<&str> {
        match self {
            Self::CallWithoutResult { call, .. }
            | Self::DuplicateCall { call, .. }
            | Self::ResultWithoutCall { call, .. }
            | Self::ResultApart { call, .. }
            | Self::DuplicateResult { call, .. } => Some(call),
            Self::ResultWithoutId { .. } | Self::Empty { .. } => None,
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {}: ", self.position())?;
        match self {
            Self::CallWithoutResult { call, .. } => write!(f, "call {call:?} has no result"),
            Self::DuplicateCall { call, .. } => write!(f, "two calls have the id {call:?}"),
            Self::ResultWithoutCall { call, .. } => {
                write!(f, "a result of {call:?}, which no message calls")
            }
            Self::ResultApart {
                call, called_at, ..
            } => {
                write!(
                    f,
                    "the result of {call:?} does not follow message {called_at}, which calls"
                )
            }
            Self::DuplicateResult { call, .. } => write!(f, "a further result of {call:?}"),
            Self::ResultWithoutId { .. } => f.write_str("a result that names no call"),
            Self::Empty { .. } => f.write_str("nothing is in it"),
        }
    }
}
