//! What follows from a comparison, and what is missing for one.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Contender;

/// What follows from the comparison of two sides by one measure.
///
/// ```
/// use agent_telemetry::Verdict;
///
/// assert_eq!(Verdict::NoDifferenceSeen.to_string(), "no difference seen");
/// assert_eq!(serde_json::to_value(Verdict::NoDifferenceSeen)?["is"], "no_difference_seen");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// One side is better, beyond what chance explains.
    Better {
        /// Which one.
        contender: Contender,
    },
    /// The whole interval lies nearer to none than the difference that matters.
    NoDifferenceSeen,
    /// Nothing follows.
    NotEnoughData {
        /// What is missing.
        shortage: Shortage,
    },
}

/// What is missing for a verdict.
///
/// ```
/// let shortage = agent_telemetry::Shortage::Sessions { first: 140, second: 0 };
/// assert_eq!(serde_json::to_value(&shortage)?["missing"], "sessions");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "missing", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Shortage {
    /// No task type that both did in at least two sessions.
    CommonWork,
    /// About so many more ended sessions, of work that both do.
    Sessions {
        /// Of the first.
        first: u64,
        /// Of the second.
        second: u64,
    },
    /// The price of calls in more than one of twenty sessions of one side or both.
    Prices,
    /// Anything above nothing: one side or both cost nothing, or took no time.
    Amounts,
    /// Evenness: a few sessions make up so much of the sum that chance decides.
    Evenness,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Better { contender } => write!(f, "{contender} is better"),
            Self::NoDifferenceSeen => f.write_str("no difference seen"),
            Self::NotEnoughData { .. } => f.write_str("not enough data"),
        }
    }
}
