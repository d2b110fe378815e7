//! The facts that one crate emits and another must hear.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::words::words;
use crate::{CheckpointId, FailureKind, Handoff, ProviderId, RecoveryStep, Scope, SpendCrossing};

/// Something that happened. Closed, so that a listener can match on it; not exhaustive, so that it
/// can grow.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{Attempt, Event, FailureKind, ProviderId};
///
/// let attempt = Attempt::new(ProviderId::new("claude")?, 1, Duration::from_millis(840))
///     .failed(FailureKind::Overloaded);
/// let json = serde_json::to_value(Event::from(attempt))?;
/// assert_eq!(json["event"], "attempt");
/// assert_eq!(json["failure"], "overloaded");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// One call to one provider ended.
    Attempt(Attempt),
    /// The same provider will be called again.
    Retry(Retry),
    /// A circuit breaker changed its state.
    Breaker(BreakerChange),
    /// A provider, or a part of it, is left alone for a while.
    Cooldown(Cooldown),
    /// Work changed hands.
    Handoff(Handoff),
    /// The context window fills up.
    ContextPressure(ContextPressure),
    /// A request was changed so that it can be answered.
    Recovery(RecoveryStep),
    /// State was saved.
    CheckpointSaved(CheckpointSaved),
    /// State was restored.
    Restored(Restored),
    /// Spending reached a share of a cap.
    Spend(SpendCrossing),
}

macro_rules! event_from {
    ($($payload:ident => $variant:ident),+ $(,)?) => {
        $(impl From<$payload> for Event {
            fn from(payload: $payload) -> Self {
                Self::$variant(payload)
            }
        })+
    };
}

event_from! {
    Attempt => Attempt,
    Retry => Retry,
    BreakerChange => Breaker,
    Cooldown => Cooldown,
    Handoff => Handoff,
    ContextPressure => ContextPressure,
    RecoveryStep => Recovery,
    CheckpointSaved => CheckpointSaved,
    Restored => Restored,
    SpendCrossing => Spend,
}

/// One call to one provider, successful unless it says otherwise.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{Attempt, ProviderId};
///
/// let attempt = Attempt::new(ProviderId::new("groq")?, 2, Duration::from_millis(90));
/// assert_eq!(attempt.failure, None);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attempt {
    /// Who was called.
    pub provider: ProviderId,
    /// Which call to this provider for this request; the first is 1.
    pub attempt: u32,
    /// From the start of the call to its end.
    pub elapsed: Duration,
    /// What went wrong, if anything.
    pub failure: Option<FailureKind>,
}

impl Attempt {
    /// A successful call.
    pub const fn new(provider: ProviderId, attempt: u32, elapsed: Duration) -> Self {
        Self {
            provider,
            attempt,
            elapsed,
            failure: None,
        }
    }

    /// The same call, failed.
    #[must_use]
    pub fn failed(mut self, kind: FailureKind) -> Self {
        self.failure = Some(kind);
        self
    }
}

/// A decision to call the same provider again.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{FailureKind, ProviderId, Retry};
///
/// let claude = ProviderId::new("claude")?;
/// let retry = Retry::new(claude, 2, Duration::from_secs(1), FailureKind::Overloaded);
/// assert_eq!(retry.attempt, 2);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Retry {
    /// Who will be called.
    pub provider: ProviderId,
    /// The number of the attempt to come; at least 2.
    pub attempt: u32,
    /// Time until then.
    pub delay: Duration,
    /// What went wrong in the attempt before.
    pub failure: FailureKind,
}

impl Retry {
    /// Attempt number `attempt`, after `delay`, because of `failure`.
    pub const fn new(
        provider: ProviderId,
        attempt: u32,
        delay: Duration,
        failure: FailureKind,
    ) -> Self {
        Self {
            provider,
            attempt,
            delay,
            failure,
        }
    }
}

words! {
    /// What a circuit breaker lets through.
    ///
    /// ```
    /// assert_eq!(agent_primitives::BreakerState::HalfOpen.as_str(), "half_open");
    /// ```
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    BreakerState {
        /// Every call.
        Closed = "closed",
        /// No call until its time is over.
        Open = "open",
        /// A few calls, to see whether the service works again.
        HalfOpen = "half_open",
        /// No call until somebody releases it.
        Isolated = "isolated",
    }
}

/// A circuit breaker that changed its state.
///
/// ```
/// use agent_primitives::{BreakerChange, BreakerState, ProviderId};
///
/// let change =
///     BreakerChange::new(ProviderId::new("claude")?, BreakerState::Closed, BreakerState::Open);
/// assert_eq!(change.to, BreakerState::Open);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BreakerChange {
    /// Whose breaker.
    pub provider: ProviderId,
    /// The state before.
    pub from: BreakerState,
    /// The state now.
    pub to: BreakerState,
}

impl BreakerChange {
    /// A change of `provider`'s breaker.
    pub const fn new(provider: ProviderId, from: BreakerState, to: BreakerState) -> Self {
        Self { provider, from, to }
    }
}

/// A provider, or the part of it that `scope` names, is not called for a while.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{Cooldown, FailureKind, ProviderId, Scope};
///
/// let groq = ProviderId::new("groq")?;
/// let cooldown =
///     Cooldown::new(groq, Scope::Model, FailureKind::RateLimited, Duration::from_secs(60));
/// assert_eq!(cooldown.duration.as_secs(), 60);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cooldown {
    /// Who is left alone.
    pub provider: ProviderId,
    /// Which part.
    pub scope: Scope,
    /// Why.
    pub failure: FailureKind,
    /// For how long from now.
    pub duration: Duration,
}

impl Cooldown {
    /// `provider` is left alone for `duration`.
    pub const fn new(
        provider: ProviderId,
        scope: Scope,
        failure: FailureKind,
        duration: Duration,
    ) -> Self {
        Self {
            provider,
            scope,
            failure,
            duration,
        }
    }
}

/// How full a context window is.
///
/// ```
/// use agent_primitives::ContextPressure;
///
/// assert_eq!(ContextPressure::new(140_000, 200_000).percent(), 70);
/// assert_eq!(ContextPressure::new(1, 0).percent(), 100);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ContextPressure {
    /// Tokens in use.
    pub used: u64,
    /// Tokens that fit.
    pub window: u64,
}

impl ContextPressure {
    /// `used` of `window` tokens.
    pub const fn new(used: u64, window: u64) -> Self {
        Self { used, window }
    }

    /// The share in use in whole percent, rounded down; may exceed 100. A window of zero is full.
    pub const fn percent(self) -> u64 {
        match self.used.saturating_mul(100).checked_div(self.window) {
            Some(percent) => percent,
            None => 100,
        }
    }
}

words! {
    /// What a checkpoint was made for.
    ///
    /// ```
    /// assert_eq!(agent_primitives::CheckpointKind::PreRestore.as_str(), "pre_restore");
    /// ```
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    CheckpointKind {
        /// A rule asked for it: time, interactions, tokens, bytes.
        Auto = "auto",
        /// Something failed.
        Error = "error",
        /// A person or the host's own code asked for it.
        Manual = "manual",
        /// A step of a workflow begins or ends.
        Workflow = "workflow",
        /// Work is about to change hands.
        Handoff = "handoff",
        /// The state that a restore is about to replace.
        PreRestore = "pre_restore",
    }
}

/// A checkpoint that is safe to the degree the store promised.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{CheckpointId, CheckpointKind, CheckpointSaved};
///
/// let saved = CheckpointSaved::new(CheckpointId::new("4-a1b2")?, CheckpointKind::Auto)
///     .bytes(5_600, 1_900)
///     .took(Duration::from_micros(180));
/// assert_eq!(saved.stored_bytes, 1_900);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckpointSaved {
    /// The checkpoint.
    pub checkpoint: CheckpointId,
    /// What it was made for.
    pub kind: CheckpointKind,
    /// Bytes of new state that it holds, before compression.
    pub logical_bytes: u64,
    /// Bytes written for it.
    pub stored_bytes: u64,
    /// How long the save took.
    pub elapsed: Duration,
}

impl CheckpointSaved {
    /// A saved checkpoint with no figures yet.
    pub const fn new(checkpoint: CheckpointId, kind: CheckpointKind) -> Self {
        Self {
            checkpoint,
            kind,
            logical_bytes: 0,
            stored_bytes: 0,
            elapsed: Duration::ZERO,
        }
    }

    /// Sets the bytes of new state and the bytes written for them.
    #[must_use]
    pub fn bytes(mut self, logical: u64, stored: u64) -> Self {
        self.logical_bytes = logical;
        self.stored_bytes = stored;
        self
    }

    /// Sets how long the save took.
    #[must_use]
    pub fn took(mut self, elapsed: Duration) -> Self {
        self.elapsed = elapsed;
        self
    }
}

/// A session that continues from a checkpoint.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{CheckpointId, Restored};
///
/// let restored = Restored::new(CheckpointId::new("4-a1b2")?, Duration::from_millis(2));
/// assert_eq!(restored.lost_bytes, 0);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Restored {
    /// The checkpoint.
    pub checkpoint: CheckpointId,
    /// Bytes behind it that were written but not committed, and are set aside.
    pub lost_bytes: u64,
    /// How long the restore took.
    pub elapsed: Duration,
}

impl Restored {
    /// A restore that lost nothing.
    pub const fn new(checkpoint: CheckpointId, elapsed: Duration) -> Self {
        Self {
            checkpoint,
            lost_bytes: 0,
            elapsed,
        }
    }

    /// Sets the bytes that were written but not committed.
    #[must_use]
    pub fn lost(mut self, bytes: u64) -> Self {
        self.lost_bytes = bytes;
        self
    }
}
