//! Calls to models and tools.

use std::time::Duration;

use agent_primitives::{FailureKind, ModelId, ProviderId, TokenUsage, ToolName, Usd};
use serde::{Deserialize, Serialize};

use crate::words::words;

/// The setters that a call has, with and without the names of what was called.
macro_rules! call_setters {
    () => {
        /// Sets the cost, where the host knows better than the price table.
        #[must_use]
        pub const fn cost(mut self, cost: Usd) -> Self {
            self.cost = Some(cost);
            self
        }

        /// Sets how many calls to providers it took. A successful one that took none is no call, but usage that
        /// no call explains: [`ModelCall::is_unexplained`].
        #[must_use]
        pub const fn attempts(mut self, attempts: u32) -> Self {
            self.attempts = attempts;
            self
        }

        /// The same call, failed.
        #[must_use]
        pub const fn failed(mut self, kind: FailureKind) -> Self {
            self.failure = Some(kind);
            self
        }

        /// Sets the terms.
        #[must_use]
        pub const fn service_tier(mut self, tier: ServiceTier) -> Self {
            self.service_tier = Some(tier);
            self
        }

        /// Sets why the model stopped.
        #[must_use]
        pub const fn stop_reason(mut self, reason: StopReason) -> Self {
            self.stop_reason = Some(reason);
            self
        }

        /// The same call, with an answer that came piece by piece.
        #[must_use]
        pub const fn streamed(mut self) -> Self {
            self.streamed = true;
            self
        }
    };
}
pub(super) use call_setters;

/// One question to a model and its answer, successful unless it says otherwise.
///
/// A call that was retried or sent to another provider is one `ModelCall`, recorded with the provider
/// and model that answered and the number of attempts; the attempts themselves arrive as events.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{ModelId, ProviderId, TokenUsage};
/// use agent_telemetry::ModelCall;
///
/// let call = ModelCall::new(ProviderId::new("claude")?, ModelId::new("claude-haiku-4-5")?)
///     .usage(TokenUsage::new(1_200, 80))
///     .latency(Duration::from_millis(640));
/// assert_eq!(call.cost, None, "recording fills it in where a price is known");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelCall {
    /// Who answered.
    pub provider: ProviderId,
    /// With which model.
    pub model: ModelId,
    /// Tokens; zero unless set.
    pub usage: TokenUsage,
    /// What it cost; `None` means that no price is known, which is not the same as free.
    pub cost: Option<Usd>,
    /// From the request to the end of the answer; zero unless set.
    pub latency: Duration,
    /// From the request to the first piece of the answer, where the host knows.
    pub first_token: Option<Duration>,
    /// Calls to providers that it took; 1 unless set. 0 of a failed call: nobody was asked, as when a breaker
    /// is open. 0 otherwise: see [`is_unexplained`](Self::is_unexplained).
    pub attempts: u32,
    /// What went wrong in the end, if anything: the kind of the verdict.
    pub failure: Option<FailureKind>,
    /// Under which terms, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<ServiceTier>,
    /// Why the model stopped, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<StopReason>,
    /// Whether the answer came piece by piece; `false` unless set.
    #[serde(default)]
    pub streamed: bool,
}

impl ModelCall {
    /// A successful call without figures.
    pub const fn new(provider: ProviderId, model: ModelId) -> Self {
        Self {
            provider,
            model,
            usage: TokenUsage::ZERO,
            cost: None,
            latency: Duration::ZERO,
            first_token: None,
            attempts: 1,
            failure: None,
            service_tier: None,
            stop_reason: None,
            streamed: false,
        }
    }

    /// Usage that no call explains, still without figures: see [`is_unexplained`](Self::is_unexplained).
    ///
    /// ```
    /// use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage};
    /// use agent_telemetry::{ModelCall, Record, Stats};
    ///
    /// let told = ModelCall::unexplained(ProviderId::new("claude")?, ModelId::new("claude-haiku-4-5")?)
    ///     .usage(TokenUsage::new(1_200, 80))
    ///     .cost("0.0016".parse()?);
    /// let stats = Stats::of([Record::new(Timestamp::UNIX_EPOCH, told)]);
    /// assert_eq!((stats.overview.model_calls, stats.overview.usage.total()), (0, 1_280));
    /// assert_eq!(stats.cost.total, "0.0016".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn unexplained(provider: ProviderId, model: ModelId) -> Self {
        Self::new(provider, model).attempts(0)
    }

    /// Sets the tokens.
    #[must_use]
    pub const fn usage(mut self, usage: TokenUsage) -> Self {
        self.usage = usage;
        self
    }

    /// Sets the time from the request to the end of the answer.
    #[must_use]
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Sets the time from the request to the first piece of the answer.
    #[must_use]
    pub const fn first_token(mut self, after: Duration) -> Self {
        self.first_token = Some(after);
        self
    }

    call_setters!();

    /// Whether it is no call, but usage that a sum told of and no single call explains: a success without any
    /// attempt. Its tokens and its cost count in every figure of tokens and money, and an unknown cost counts
    /// among the unpriced calls, since the sum is short of it. It is in no number of calls, and says nothing of
    /// failures, latencies, streaming, reasons to stop or who is at work.
    pub const fn is_unexplained(&self) -> bool {
        self.attempts == 0 && self.failure.is_none()
    }

    /// Whether its cost is not known. A failed call without tokens does not count, nor does usage of none:
    /// nothing is known to be owed for it.
    pub const fn is_unpriced(&self) -> bool {
        let is_nothing_owed =
            (self.failure.is_some() || self.attempts == 0) && self.usage.total() == 0;
        self.cost.is_none() && !is_nothing_owed
    }
}

words! {
    /// Under which terms a model was called, as far as they change the price or the speed.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::ServiceTier::Batch.as_str(), "batch");
    /// ```
    ServiceTier {
        /// The usual terms.
        Standard = "standard",
        /// Answered within hours, for less.
        Batch = "batch",
        /// Answered when there is room, for less.
        Flex = "flex",
        /// Answered before others, for more.
        Priority = "priority",
        /// Terms that this version has no word for.
        #[serde(other)]
        Other = "other",
    }
}

words! {
    /// Why a model stopped, in the words that most providers share.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::StopReason::ToolCalls.as_str(), "tool_calls");
    /// ```
    StopReason {
        /// It had said everything, or met a stop sequence.
        Stop = "stop",
        /// The limit of output tokens was reached.
        Length = "length",
        /// It asks for tools to be called.
        ToolCalls = "tool_calls",
        /// It refused, or a filter cut the answer.
        ContentFilter = "content_filter",
        /// A reason that this version has no word for.
        #[serde(other)]
        Other = "other",
    }
}

words! {
    /// How a tool call ended.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::ToolOutcome::Aborted.as_str(), "aborted");
    /// ```
    ToolOutcome {
        /// The tool did its work.
        Ok = "ok",
        /// The tool reported an error.
        Failed = "failed",
        /// Nobody said how it ended; what a dropped span records.
        Aborted = "aborted",
    }
}

/// One call of a tool.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::ToolName;
/// use agent_telemetry::{ToolCall, ToolOutcome};
///
/// let call = ToolCall::new(ToolName::new("edit")?, ToolOutcome::Failed, Duration::from_millis(8));
/// assert_eq!(call.outcome, ToolOutcome::Failed);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCall {
    /// Which tool.
    pub tool: ToolName,
    /// How it ended.
    pub outcome: ToolOutcome,
    /// How long it took.
    pub elapsed: Duration,
}

impl ToolCall {
    /// A call that took `elapsed`.
    pub const fn new(tool: ToolName, outcome: ToolOutcome, elapsed: Duration) -> Self {
        Self {
            tool,
            outcome,
            elapsed,
        }
    }
}
