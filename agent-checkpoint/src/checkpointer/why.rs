//! What made a checkpoint due.

use std::fmt;

use agent_primitives::CheckpointKind;
use serde::{Deserialize, Serialize};

macro_rules! why {
    ($( $(#[$doc:meta])* $variant:ident = $word:literal => $kind:ident, )+) => {
        /// What made a checkpoint due; see [`Triggers`](crate::Triggers).
        ///
        /// ```
        /// use agent_checkpoint::Why;
        /// use agent_primitives::CheckpointKind;
        ///
        /// assert_eq!(Why::BeforeRisky.as_str(), "before_risky");
        /// assert_eq!(Why::Handoff.kind(), CheckpointKind::Handoff);
        /// assert_eq!(Why::from_word("full moon"), None);
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Why { $( $(#[$doc])* $variant, )+ }

        impl Why {
            /// Every value, the weightiest last: of several reasons the weightiest names the checkpoint.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The word that stands in the log.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// The kind of checkpoint that it makes.
            pub const fn kind(self) -> CheckpointKind {
                match self { $( Self::$variant => CheckpointKind::$kind, )+ }
            }
        }
    };
}

why! {
    /// Time passed since the last save, and something changed.
    Interval = "interval" => Auto,
    /// The model answered so many times.
    Interactions = "interactions" => Auto,
    /// So many tokens were used.
    Tokens = "tokens" => Auto,
    /// So many bytes of messages came.
    Bytes = "bytes" => Auto,
    /// The context is nearly full.
    ContextPressure = "context_pressure" => Auto,
    /// Somebody asked through the [`Signal`](crate::Signal).
    Asked = "asked" => Auto,
    /// A step of a workflow begins or ends.
    Workflow = "workflow" => Workflow,
    /// Something failed.
    Error = "error" => Error,
    /// Work changes hands.
    Handoff = "handoff" => Handoff,
    /// Something is about to be done that may do harm.
    BeforeRisky = "before_risky" => Auto,
}

impl Why {
    /// The value of a word that [`as_str`](Self::as_str) gives; `None` for any other.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|why| why.as_str() == word)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
