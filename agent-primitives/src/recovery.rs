//! What was done about a request that could not be answered as it stood.

use serde::{Deserialize, Serialize};

use crate::FailureKind;
use crate::words::words;

words! {
    /// A way to change a request so that it can be answered.
    ///
    /// ```
    /// use agent_primitives::RecoveryStrategy;
    ///
    /// assert_eq!(RecoveryStrategy::ShrinkOutput.as_str(), "shrink_output");
    /// assert_eq!(RecoveryStrategy::from_word("chunk"), Some(RecoveryStrategy::Chunk));
    /// ```
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    RecoveryStrategy {
        /// Ask for fewer output tokens.
        ShrinkOutput = "shrink_output",
        /// Send a shorter history.
        CompactHistory = "compact_history",
        /// Use a model with a bigger context window.
        BiggerWindow = "bigger_window",
        /// Send the request in parts and join their answers.
        Chunk = "chunk",
        /// Use a model that costs less.
        CheaperModel = "cheaper_model",
        /// Allow more output tokens.
        ExtendOutput = "extend_output",
        /// Ask for the rest of an answer that was cut.
        AskForRest = "ask_for_rest",
        /// Give up and tell the caller.
        Stop = "stop",
    }
}

words! {
    /// What came of a change to a request.
    ///
    /// ```
    /// assert_eq!(agent_primitives::RecoveryOutcome::Skipped.as_str(), "skipped");
    /// ```
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    RecoveryOutcome {
        /// The changed request was answered.
        Recovered = "recovered",
        /// The changed request failed as well.
        Failed = "failed",
        /// There was nothing that could be changed in this way.
        Skipped = "skipped",
    }
}

/// One step of a recovery: which change was tried, because of what, and what came of it.
///
/// ```
/// use agent_primitives::{FailureKind, RecoveryOutcome, RecoveryStep, RecoveryStrategy};
///
/// let step = RecoveryStep::new(
///     RecoveryStrategy::CompactHistory,
///     FailureKind::ContextTooLong,
///     RecoveryOutcome::Recovered,
/// )
/// .number(1)
/// .tokens(219_000, 158_000);
/// assert_eq!((step.tokens_before, step.tokens_after), (219_000, 158_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecoveryStep {
    /// What was changed.
    pub strategy: RecoveryStrategy,
    /// What had gone wrong.
    pub failure: FailureKind,
    /// What came of it.
    pub outcome: RecoveryOutcome,
    /// Which change to this request; the first is 1. A step that was skipped or that gave up has the
    /// number of the last one, 0 where there was none.
    pub number: u32,
    /// Tokens of the request before, input and allowed output together.
    pub tokens_before: u64,
    /// Tokens of the request after.
    pub tokens_after: u64,
}

impl RecoveryStep {
    /// A step that changed no number of tokens.
    pub const fn new(
        strategy: RecoveryStrategy,
        failure: FailureKind,
        outcome: RecoveryOutcome,
    ) -> Self {
        Self {
            strategy,
            failure,
            outcome,
            number: 0,
            tokens_before: 0,
            tokens_after: 0,
        }
    }

    /// Sets which change to the request it was.
    #[must_use]
    pub const fn number(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    /// Sets the tokens of the request before and after.
    #[must_use]
    pub const fn tokens(mut self, before: u64, after: u64) -> Self {
        self.tokens_before = before;
        self.tokens_after = after;
        self
    }
}
