//! Work that changes hands.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::words::words;
use crate::{AgentId, FailureKind, ProviderId};

/// Who gives or takes work: a provider behind one agent, or an agent.
///
/// ```
/// use agent_primitives::{Party, ProviderId};
///
/// let party = Party::from(ProviderId::new("groq")?);
/// assert_eq!(party.name(), "groq");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Party {
    /// A provider that answers model calls.
    Provider(ProviderId),
    /// An agent that does tasks.
    Agent(AgentId),
}

impl Party {
    /// The name of the provider or agent.
    pub fn name(&self) -> &str {
        match self {
            Self::Provider(id) => id.as_str(),
            Self::Agent(id) => id.as_str(),
        }
    }
}

impl From<ProviderId> for Party {
    fn from(id: ProviderId) -> Self {
        Self::Provider(id)
    }
}

impl From<AgentId> for Party {
    fn from(id: AgentId) -> Self {
        Self::Agent(id)
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

words! {
    /// Why work changed hands.
    ///
    /// ```
    /// use agent_primitives::{FailureKind, HandoffReason};
    ///
    /// assert_eq!(HandoffReason::from(FailureKind::RateLimited), HandoffReason::RateLimited);
    /// assert_eq!(HandoffReason::Recovered.as_str(), "recovered");
    /// ```
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    HandoffReason {
        /// The giver met a rate limit.
        RateLimited = "rate_limited",
        /// The giver's credit or allowance is used up.
        QuotaExhausted = "quota_exhausted",
        /// The giver had no capacity.
        Overloaded = "overloaded",
        /// The work no longer fits the giver's context window.
        ContextTooLong = "context_too_long",
        /// The giver's key or permission failed.
        AccessDenied = "access_denied",
        /// The giver did not answer in time.
        Timeout = "timeout",
        /// The giver failed in another way.
        Failed = "failed",
        /// The giver's circuit breaker is open.
        BreakerOpen = "breaker_open",
        /// A limit was seen coming and avoided.
        Predicted = "predicted",
        /// The taker is cheaper.
        Cost = "cost",
        /// The giver's answers were not good enough.
        Quality = "quality",
        /// The giver cannot do what the work needs.
        Capability = "capability",
        /// The taker is preferred and works again.
        Recovered = "recovered",
        /// Somebody asked for it.
        Manual = "manual",
        /// The work was given on by plan.
        Delegated = "delegated",
        /// A reason that this version has no word for.
        #[serde(other)]
        Other = "other",
    }
}

impl From<FailureKind> for HandoffReason {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::RateLimited => Self::RateLimited,
            FailureKind::QuotaExhausted => Self::QuotaExhausted,
            FailureKind::Overloaded => Self::Overloaded,
            FailureKind::ContextTooLong => Self::ContextTooLong,
            FailureKind::Auth | FailureKind::Permission => Self::AccessDenied,
            FailureKind::Timeout => Self::Timeout,
            _ => Self::Failed,
        }
    }
}

words! {
    /// Whether a rule or a person decided.
    ///
    /// ```
    /// assert_eq!(agent_primitives::Initiator::Automatic.as_str(), "automatic");
    /// ```
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    Initiator {
        /// A rule.
        Automatic = "automatic",
        /// A person or the host's own code.
        Manual = "manual",
    }
}

/// Work passing from one party to another.
///
/// ```
/// use agent_primitives::{Handoff, HandoffReason, Initiator, ProviderId};
///
/// let handoff = Handoff::automatic(
///     ProviderId::new("claude")?,
///     ProviderId::new("groq")?,
///     HandoffReason::Overloaded,
/// );
/// assert_eq!(handoff.initiator, Initiator::Automatic);
/// assert_eq!(handoff.to_string(), "claude -> groq (overloaded, automatic)");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Handoff {
    /// Who had the work.
    pub from: Party,
    /// Who has it now.
    pub to: Party,
    /// Why.
    pub reason: HandoffReason,
    /// Who decided.
    pub initiator: Initiator,
}

impl Handoff {
    /// A handoff that a rule decided.
    pub fn automatic(from: impl Into<Party>, to: impl Into<Party>, reason: HandoffReason) -> Self {
        Self {
            from: from.into(),
            to: to.into(),
            reason,
            initiator: Initiator::Automatic,
        }
    }

    /// A handoff that a person or the host's own code decided.
    pub fn manual(from: impl Into<Party>, to: impl Into<Party>, reason: HandoffReason) -> Self {
        Self {
            initiator: Initiator::Manual,
            ..Self::automatic(from, to, reason)
        }
    }
}

impl fmt::Display for Handoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            from,
            to,
            reason,
            initiator,
        } = self;
        write!(f, "{from} -> {to} ({reason}, {initiator})")
    }
}
