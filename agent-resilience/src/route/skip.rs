//! Why a candidate is not asked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a candidate is not asked at all, whatever its price and speed.
///
/// ```
/// use agent_resilience::Skip;
///
/// assert_eq!(serde_json::to_string(&Skip::BreakerOpen)?, "\"breaker_open\"");
/// assert!(Skip::ContextWindow.is_misfit() && !Skip::Resting.is_misfit());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Skip {
    /// It has failed for this request already.
    Tried,
    /// It rests after a failure.
    Resting,
    /// Its circuit breaker lets nothing through.
    BreakerOpen,
    /// Its rate limit does not hold this request any more.
    LimitNear,
    /// It has as many calls under way as it may.
    Concurrency,
    /// Another one is pinned.
    NotPinned,
    /// It has just come back, and this request is not among the share that it is given.
    Ramp,
    /// It costs more than the budget has left.
    Cost,
    /// It is no stronger than another one whose reply was not good enough.
    TooWeak,
    /// The request offers tools, which it does not call.
    NoTools,
    /// The request holds images, which it does not read.
    NoVision,
    /// The request asks for JSON, which it does not promise.
    NoJsonMode,
    /// The request begins the answer, which it refuses.
    NoPrefill,
    /// Request and answer together do not fit its context window.
    ContextWindow,
    /// The answer may be longer than it writes.
    OutputLimit,
}

impl Skip {
    /// Every reason, in order of declaration.
    pub const ALL: &'static [Self] = &[
        Self::Tried,
        Self::Resting,
        Self::BreakerOpen,
        Self::LimitNear,
        Self::Concurrency,
        Self::NotPinned,
        Self::Ramp,
        Self::Cost,
        Self::TooWeak,
        Self::NoTools,
        Self::NoVision,
        Self::NoJsonMode,
        Self::NoPrefill,
        Self::ContextWindow,
        Self::OutputLimit,
    ];

    /// The word used in JSON, in storage and in labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tried => "tried",
            Self::Resting => "resting",
            Self::BreakerOpen => "breaker_open",
            Self::LimitNear => "limit_near",
            Self::Concurrency => "concurrency",
            Self::NotPinned => "not_pinned",
            Self::Ramp => "ramp",
            Self::Cost => "cost",
            Self::TooWeak => "too_weak",
            Self::NoTools => "no_tools",
            Self::NoVision => "no_vision",
            Self::NoJsonMode => "no_json_mode",
            Self::NoPrefill => "no_prefill",
            Self::ContextWindow => "context_window",
            Self::OutputLimit => "output_limit",
        }
    }

    /// Whether the request itself does not suit the candidate: no waiting changes that.
    pub const fn is_misfit(self) -> bool {
        matches!(
            self,
            Self::NoTools
                | Self::NoVision
                | Self::NoJsonMode
                | Self::NoPrefill
                | Self::ContextWindow
                | Self::OutputLimit
        )
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_words_and_all_lists_each_once() {
        for (place, skip) in Skip::ALL.iter().enumerate() {
            assert_eq!(*skip as usize, place);
            let json = format!("\"{skip}\"");
            assert_eq!(serde_json::to_string(skip).unwrap(), json);
            assert_eq!(serde_json::from_str::<Skip>(&json).unwrap(), *skip);
        }
        assert_eq!(Skip::OutputLimit as usize + 1, Skip::ALL.len());
    }
}
