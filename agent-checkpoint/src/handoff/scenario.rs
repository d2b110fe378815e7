//! What kind of handoff it is.

use agent_primitives::HandoffReason;
use serde::{Deserialize, Serialize};

use super::Piece;

/// What kind of handoff it is. A word of a later version reads as [`Scenario::Planned`].
///
/// ```
/// use agent_checkpoint::handoff::{Piece, Scenario};
/// use agent_primitives::HandoffReason;
///
/// assert_eq!(Scenario::ContextFull.reason(), HandoffReason::ContextTooLong);
/// assert!(Scenario::Returned.needs().contains(&Piece::Progress));
/// ```
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scenario {
    /// The context window is full; a fresh session goes on.
    ContextFull,
    /// The provider's limit or allowance is used up, or about to be.
    ProviderLimited,
    /// The provider fails, refuses the key or does not answer.
    ProviderFailed,
    /// The giver cannot do what the work needs.
    Capability,
    /// The taker is cheaper.
    Cost,
    /// The giver's results were not good enough.
    Quality,
    /// A part of the work goes to another agent, and its result comes back.
    Delegated,
    /// The result of a part goes back to who gave it.
    Returned,
    /// A person goes on.
    Person,
    /// The giver is gone; the package was made of what it saved.
    Crashed,
    /// A planned change: the end of a shift, or somebody asked for it.
    #[default]
    #[serde(other)]
    Planned,
}

impl Scenario {
    /// The reason that goes with it in events and reports.
    pub const fn reason(self) -> HandoffReason {
        match self {
            Self::ContextFull => HandoffReason::ContextTooLong,
            Self::ProviderLimited => HandoffReason::RateLimited,
            Self::ProviderFailed | Self::Crashed => HandoffReason::Failed,
            Self::Capability => HandoffReason::Capability,
            Self::Cost => HandoffReason::Cost,
            Self::Quality => HandoffReason::Quality,
            Self::Delegated | Self::Returned | Self::Planned => HandoffReason::Delegated,
            Self::Person => HandoffReason::Manual,
        }
    }

    /// The parts that may not be empty, beside the objective, which never may.
    ///
    /// | scenario | what the taker could not go on without |
    /// |---|---|
    /// | context full | what is done; a way on |
    /// | provider limited or failed, cost | the newest messages, which the next model goes on from |
    /// | capability | a way on |
    /// | quality | what was tried and failed, so that it is not tried again |
    /// | delegated | who takes it |
    /// | returned | what is done |
    /// | person | what is done; a way on |
    /// | crashed | the checkpoint; the newest messages |
    /// | planned | what is done; a way on |
    ///
    /// A way on ([`Piece::NextSteps`]) is a next step that is not finished, a running or pending step of the
    /// workflow, or an open call.
    pub const fn needs(self) -> &'static [Piece] {
        match self {
            Self::ContextFull | Self::Person | Self::Planned => {
                &[Piece::Progress, Piece::NextSteps]
            }
            Self::ProviderLimited | Self::ProviderFailed | Self::Cost => &[Piece::Recent],
            Self::Capability => &[Piece::NextSteps],
            Self::Quality => &[Piece::Tried],
            Self::Delegated => &[Piece::Taker],
            Self::Returned => &[Piece::Progress],
            Self::Crashed => &[Piece::Checkpoint, Piece::Recent],
        }
    }

    /// The word that is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContextFull => "context_full",
            Self::ProviderLimited => "provider_limited",
            Self::ProviderFailed => "provider_failed",
            Self::Capability => "capability",
            Self::Cost => "cost",
            Self::Quality => "quality",
            Self::Delegated => "delegated",
            Self::Returned => "returned",
            Self::Person => "person",
            Self::Crashed => "crashed",
            Self::Planned => "planned",
        }
    }
}

impl std::fmt::Display for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
