//! Why there is no forecast, and what there would have to be for one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::stats::layout::plural;

/// What there is too little of for a forecast.
///
/// ```
/// let missing: agent_telemetry::Missing = serde_json::from_str(r#"{"what":"days","have":2,"needed":4}"#)?;
/// assert_eq!(missing.to_string(), "not enough data: 2 whole days of 4");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Missing {
    /// No call with a known price was recorded.
    Spending,
    /// Hours since the first spending, three of them with some.
    Hours {
        /// How many there are.
        have: u64,
        /// How many are needed.
        needed: u64,
    },
    /// Whole days since the first spending.
    Days {
        /// How many there are.
        have: u64,
        /// How many are needed.
        needed: u64,
    },
    /// Whole days on which anything was spent: idle days alone do not say when work goes on.
    ActiveDays {
        /// How many there are.
        have: u64,
        /// How many are needed.
        needed: u64,
    },
    /// Calls of the model or in the session.
    Calls {
        /// How many there are.
        have: u64,
        /// How many are needed.
        needed: u64,
    },
    /// Turns of the session and of others.
    Turns {
        /// How many there are.
        have: u64,
        /// How many are needed.
        needed: u64,
    },
    /// Nobody said how large the window is.
    Window,
    /// The request is larger than what was recorded lets tell.
    Larger {
        /// Tokens of the largest request.
        seen: u64,
    },
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (have, needed, noun) = match *self {
            Self::Spending => return f.write_str("no data: no call with a known price"),
            Self::Window => return f.write_str("the size of the window is not known"),
            Self::Larger { seen } => {
                let seen = plural(seen, "token");
                return write!(f, "not enough data: the largest request had {seen}");
            }
            Self::ActiveDays { have, needed } => {
                let have = plural(have, "whole day");
                return write!(f, "not enough data: {have} with spending of {needed}");
            }
            Self::Hours { have, needed } => (have, needed, "hour"),
            Self::Days { have, needed } => (have, needed, "whole day"),
            Self::Calls { have, needed } => (have, needed, "call"),
            Self::Turns { have, needed } => (have, needed, "turn"),
        };
        write!(f, "not enough data: {} of {needed}", plural(have, noun))
    }
}
