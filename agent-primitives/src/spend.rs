//! Money and tokens against a cap.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Usd;
use crate::words::words;

words! {
    /// How far a cap on spending reaches.
    ///
    /// ```
    /// assert_eq!(agent_primitives::SpendScope::Day.as_str(), "day");
    /// ```
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    SpendScope {
        /// One call.
        Request = "request",
        /// All calls of one session.
        Session = "session",
        /// All calls of one calendar day.
        Day = "day",
    }
}

/// So much money, or so many tokens.
///
/// ```
/// use agent_primitives::{SpendAmount, Usd};
///
/// let amount = SpendAmount::Usd(Usd::from_micros(1_250_000));
/// assert_eq!(amount.to_string(), "$1.25");
/// assert_eq!(serde_json::to_string(&amount)?, r#"{"usd":"1.25"}"#);
/// assert_eq!(SpendAmount::Tokens(8_000).to_string(), "8000 tokens");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpendAmount {
    /// Money.
    Usd(Usd),
    /// Tokens of any kind.
    Tokens(u64),
}

impl fmt::Display for SpendAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usd(usd) => usd.fmt(f),
            Self::Tokens(1) => f.write_str("1 token"),
            Self::Tokens(tokens) => write!(f, "{tokens} tokens"),
        }
    }
}

/// Spending reached a share of a cap.
///
/// ```
/// use agent_primitives::{SpendAmount, SpendCrossing, SpendScope};
///
/// let (spent, cap) = (SpendAmount::Tokens(81_000), SpendAmount::Tokens(100_000));
/// let crossing = SpendCrossing::new(SpendScope::Session, 80, spent, cap);
/// assert_eq!(crossing.to_string(), "80% of the session's 100000 tokens are spent: 81000 tokens");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SpendCrossing {
    /// How far the cap reaches.
    pub scope: SpendScope,
    /// The share that was reached, in percent of the cap.
    pub percent: u8,
    /// What had been spent when it was noticed; at least the share, and above the cap where calls
    /// cost more than was reserved for them.
    pub spent: SpendAmount,
    /// The cap.
    pub cap: SpendAmount,
}

impl SpendCrossing {
    /// `spent` reached `percent` of `cap`.
    pub const fn new(scope: SpendScope, percent: u8, spent: SpendAmount, cap: SpendAmount) -> Self {
        Self {
            scope,
            percent,
            spent,
            cap,
        }
    }
}

impl fmt::Display for SpendCrossing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scope,
            percent,
            spent,
            cap,
        } = self;
        let verb = match cap {
            SpendAmount::Usd(_) | SpendAmount::Tokens(1) => "is",
            SpendAmount::Tokens(_) => "are",
        };
        write!(f, "{percent}% of the {scope}'s {cap} {verb} spent: {spent}")
    }
}
