//! What was seen through a channel, in our words, before it is known whether another channel told it already.

use std::time::Duration;

use agent_primitives::{
    AgentId, FailureKind, Handoff, ModelId, ProviderId, SessionId, Timestamp, TokenUsage, ToolName,
    Usd,
};

use crate::{
    Decision, FilesChanged, Metric, Outcome, ProjectId, ServiceTier, StopReason, ToolOutcome,
    Violation,
};

/// Through what something was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Channel {
    /// Data points of metrics: sums without calls.
    Metric,
    /// Log records that are events.
    Event,
    Span,
    /// What a hook or a status line of the agent CLI said.
    Hook,
    /// The transcript that the agent CLI wrote.
    Transcript,
}

/// In whose work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Who {
    pub(crate) project: Option<ProjectId>,
    pub(crate) session: Option<SessionId>,
    /// The program, or the subagent, that did it.
    pub(crate) agent: Option<AgentId>,
    /// Who gave a subagent its work, where that is told.
    pub(crate) parent_agent: Option<AgentId>,
    /// The e-mail address or other name of the person, as it came: to be hashed, never kept.
    pub(crate) user: Option<String>,
}

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) who: Who,
    /// When it ended.
    pub(crate) at: Timestamp,
    pub(crate) channel: Channel,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// One request to a model, with its answer.
    Call(Box<CallSeen>),
    /// One call of a tool.
    Tool(ToolSeen),
    /// An amount of tokens, money or calls without the calls that they belong to: of a metric's delta.
    Amount(Amount),
    /// A session, or an agent within it, showed itself; where `resumed`, it says that it went on.
    Began {
        resumed: bool,
    },
    /// A session, or an agent within it, said that it ended.
    Ended {
        outcome: Outcome,
        elapsed: Duration,
    },
    /// The context was compacted.
    Compacted {
        before: Option<u64>,
        after: Option<u64>,
        automatic: bool,
    },
    /// The window of a model's context, and how much of it is used, as the agent CLI itself says.
    Context {
        used: u64,
        window: u64,
    },
    /// Others, which no second channel tells: stored as they are.
    Metric(Metric),
    Violation(Violation),
    Decision(Box<Decision>),
    Files(FilesChanged),
    Handoff(Handoff),
}

/// What tells one request from another. Any of them suffices to know it again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct CallKeys {
    /// The provider's id of the request, such as `req_…`.
    pub(crate) request: Option<String>,
    /// The provider's id of the answer, such as `msg_…` or `chatcmpl-…`.
    pub(crate) response: Option<String>,
    /// The span that the call is, or that it happened in.
    pub(crate) span: Option<(u128, u64)>,
    /// Of the item as it was sent, for those sent twice.
    pub(crate) item: Option<u128>,
}

/// A request to a model, as one channel tells it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CallSeen {
    pub(crate) keys: CallKeys,
    pub(crate) provider: ProviderId,
    pub(crate) model: ModelId,
    /// `None` where the channel does not tell tokens, which is not the same as zero.
    pub(crate) usage: Option<TokenUsage>,
    pub(crate) cost: Option<Usd>,
    pub(crate) latency: Option<Duration>,
    pub(crate) first_token: Option<Duration>,
    pub(crate) attempts: u32,
    pub(crate) failure: Option<FailureKind>,
    pub(crate) stop_reason: Option<StopReason>,
    pub(crate) service_tier: Option<ServiceTier>,
    pub(crate) streamed: bool,
}

/// A call of a tool, as one channel tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolSeen {
    /// The id that the model gave the call, such as `toolu_…`.
    pub(crate) call: Option<String>,
    pub(crate) span: Option<(u128, u64)>,
    pub(crate) item: Option<u128>,
    pub(crate) tool: ToolName,
    pub(crate) outcome: ToolOutcome,
    pub(crate) elapsed: Option<Duration>,
}

/// Which of the disjoint buckets of [`TokenUsage`], or which other amount, a metric adds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Bucket {
    /// Uncached input.
    Input,
    /// Input with what was read from and written to the cache: the meaning of OpenTelemetry.
    InputInclusive,
    CacheRead,
    CacheWrite,
    /// Output with its reasoning.
    Output,
    Reasoning,
    /// Output without the reasoning that comes in a figure of its own.
    OutputExclusive,
    /// Pico-dollars.
    Cost,
    /// Requests to models.
    Calls,
}

/// What a metric's delta adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) provider: ProviderId,
    pub(crate) model: ModelId,
    pub(crate) bucket: Bucket,
    /// Of which metric, so that two metrics that tell the same are not added: a static name of the table.
    pub(crate) source: &'static str,
    #[expect(clippy::struct_field_names, reason = "how much it is")]
    pub(crate) amount: u64,
    /// From when on it was added up.
    pub(crate) since: Timestamp,
}
