//! What a host sets for a truncation.

use serde::{Deserialize, Serialize};

/// To how many tokens a conversation is cut, and what stays in any case.
///
/// ```
/// use agent_checkpoint::Truncate;
///
/// let truncate: Truncate = serde_json::from_str(r#"{"limit": 8000, "keep_last": 4}"#)?;
/// assert_eq!(truncate, Truncate::to(8_000).keep_last(4));
/// assert_eq!(Truncate::from(8_000), Truncate::to(8_000));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Truncate {
    /// Most tokens that stay.
    pub limit: u64,
    /// How many of the newest messages stay whatever they take, with the whole groups that they are in; 1
    /// unless set. System messages and the task do not count.
    #[serde(default = "one")]
    pub keep_last: usize,
    /// Whether a session's [`Work`](crate::Work) stands in its context once messages were dropped; it does
    /// unless set.
    #[serde(default = "yes")]
    pub work: bool,
    /// Most tokens of a summary; an eighth of the limit unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary_tokens: Option<u64>,
    /// What becomes of a cut whose summary cannot be used.
    #[serde(default)]
    pub without_summary: WithoutSummary,
}

/// What becomes of a cut whose summary cannot be used.
///
/// ```
/// use agent_checkpoint::truncate::WithoutSummary;
///
/// assert_eq!(WithoutSummary::default(), WithoutSummary::GoOn);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WithoutSummary {
    /// It is done without a new summary; an earlier one stays. [`Cut::summary`](super::Cut::summary) says why.
    #[default]
    GoOn,
    /// It fails, and the context stays as it was.
    Fail,
}

const fn one() -> usize {
    1
}

const fn yes() -> bool {
    true
}

const SUMMARY_SHARE: u64 = 8;

impl Truncate {
    /// To `limit` tokens, with everything else as it is unless set.
    pub const fn to(limit: u64) -> Self {
        Self {
            limit,
            keep_last: 1,
            work: true,
            summary_tokens: None,
            without_summary: WithoutSummary::GoOn,
        }
    }

    /// Keeps the `messages` newest messages whatever they take.
    #[must_use]
    pub const fn keep_last(mut self, messages: usize) -> Self {
        self.keep_last = messages;
        self
    }

    /// Leaves [`Work`](crate::Work) out of the context.
    #[must_use]
    pub const fn without_work(mut self) -> Self {
        self.work = false;
        self
    }

    /// Sets the most tokens of a summary.
    #[must_use]
    pub const fn summary_tokens(mut self, tokens: u64) -> Self {
        self.summary_tokens = Some(tokens);
        self
    }

    /// Sets what becomes of a cut whose summary cannot be used.
    #[must_use]
    pub const fn without_summary(mut self, then: WithoutSummary) -> Self {
        self.without_summary = then;
        self
    }

    /// Most tokens of a summary.
    pub(crate) fn summary_most(&self) -> u64 {
        self.summary_tokens.unwrap_or(self.limit / SUMMARY_SHARE)
    }
}

impl From<u64> for Truncate {
    fn from(limit: u64) -> Self {
        Self::to(limit)
    }
}
