//! The answer to "how is it going": figures as data, folded from records, printed as text.

mod calls;
mod decisions;
mod fold;
pub(crate) mod layout;
mod quality;
mod service;
mod sessions;
mod text;
pub(crate) mod width;
mod work;

use std::borrow::Borrow;
use std::time::Duration;

use agent_primitives::{
    AgentId, FailureKind, HandoffReason, Initiator, ModelId, Party, ProviderId, Timestamp,
    TokenUsage, ToolName, Usd,
};
use serde::{Deserialize, Serialize};

use crate::{Record, ServiceTier, Severity, StopReason, Unit};

pub use decisions::{DecisionLine, Decisions, PassedOverLine};
pub use service::{CheckpointLine, ProviderLine};
pub use work::{ProjectLine, Work};

/// Figures about any number of sessions: a pure fold over records.
///
/// The starts, resumptions and ends of one session are taken in the order in which they come, which
/// is to be that of recording: clocks may be set back; so are the outcomes of one decision. The order of
/// all other records, and that of sessions among each other, makes no difference.
///
/// `Display` is a table of at most 100 columns for a person; serde gives the same as data.
/// Percentiles are nearest-rank over all successful calls. Lists begin with what matters most.
///
/// ```
/// use agent_primitives::{SessionId, Timestamp};
/// use agent_telemetry::{Body, Record, Stats, Task};
///
/// let start = Record::new(Timestamp::UNIX_EPOCH, Body::SessionStart(Task::default()))
///     .of_session(SessionId::new("s1")?);
/// let stats = Stats::of([start]);
/// assert_eq!((stats.overview.sessions, stats.outcomes.open), (1, 1));
/// assert_eq!(serde_json::to_value(&stats)?["schema"], 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// Version of this structure: 1. Fields may be added within a version, never changed; those that an
    /// older text does not have are empty when it is read.
    pub schema: u32,
    /// How much there was.
    pub overview: Overview,
    /// How sessions ended.
    pub outcomes: Outcomes,
    /// How good the work was and what went wrong.
    pub quality: Quality,
    /// How fast it was.
    pub performance: Performance,
    /// What it cost.
    pub cost: Cost,
    /// What the work left behind, for whom it was, and how long it waited and ran.
    #[serde(default)]
    pub work: Work,
    /// What was chosen and how it turned out.
    #[serde(default)]
    pub decisions: Decisions,
}

impl Stats {
    /// Folds over records, owned or borrowed.
    pub fn of(records: impl IntoIterator<Item = impl Borrow<Record>>) -> Self {
        let mut fold = fold::Fold::default();
        for record in records {
            fold.add(record.borrow());
        }
        fold.finish()
    }

    /// Folds over records that have to be read first, such as those of a store.
    ///
    /// # Errors
    /// The first error of the reading.
    pub fn try_of<E>(records: impl IntoIterator<Item = Result<Record, E>>) -> Result<Self, E> {
        let mut fold = fold::Fold::default();
        for record in records {
            fold.add(&record?);
        }
        Ok(fold.finish())
    }

    /// One self-contained page that needs no script, no network and no style of its own.
    ///
    /// ```
    /// use agent_telemetry::{Record, Stats};
    ///
    /// let page = Stats::of(Vec::<Record>::new()).to_html();
    /// assert!(page.contains("There are no records."));
    /// ```
    pub fn to_html(&self) -> String {
        self.sheet().html()
    }
}

/// How much there was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Overview {
    /// Records read.
    pub records: u64,
    /// Time of the earliest and the latest record.
    pub period: Option<(Timestamp, Timestamp)>,
    /// Sessions, by id: one that crashed and went on is one.
    pub sessions: u64,
    /// Agents that worked.
    pub agents: Vec<AgentId>,
    /// Model calls, failed ones included.
    pub model_calls: u64,
    /// Calls to providers that the model calls took.
    pub attempts: u64,
    /// Tool calls, failed and aborted ones included.
    pub tool_calls: u64,
    /// Tokens of all model calls.
    pub usage: TokenUsage,
    /// Times that an agent began again in a session although its handle before had left no end.
    pub crashes: u64,
    /// Times that state was restored from a checkpoint.
    pub restores: u64,
    /// Bytes that those restores set aside because they were not committed.
    pub restore_lost_bytes: u64,
    /// Checkpoints saved.
    pub checkpoints: u64,
    /// Bytes of new state in them, before compression.
    pub checkpoint_logical_bytes: u64,
    /// Bytes written for them.
    pub checkpoint_stored_bytes: u64,
}

/// How sessions ended: each is counted once, by its last end, when all agents in it have ended. Of
/// [decisions](Decisions), how they turned out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcomes {
    /// The task was done.
    pub success: u64,
    /// The task was given to somebody else.
    pub escalated: u64,
    /// The task was not done.
    pub failed: u64,
    /// The work stopped without a verdict.
    pub aborted: u64,
    /// An agent in it has left no end: still running, or lost with its process.
    pub open: u64,
}

impl Outcomes {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.success
            .saturating_add(self.escalated)
            .saturating_add(self.failed)
            .saturating_add(self.aborted)
            .saturating_add(self.open)
    }
}

/// How good the work was and what went wrong.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quality {
    /// Broken rules by severity, worst first.
    pub violations: Vec<ViolationLine>,
    /// Broken rules by kind, the most frequent first.
    #[serde(default)]
    pub violation_kinds: Vec<ViolationKindLine>,
    /// Broken rules by file, the most frequent first.
    #[serde(default)]
    pub violation_files: Vec<ViolationFileLine>,
    /// Measurements by name and unit.
    pub metrics: Vec<MetricLine>,
    /// What went wrong with calls, by kind.
    pub failures: Vec<FailureLine>,
    /// Times that the same provider was called again.
    pub retries: u64,
    /// Time spent waiting before those calls.
    pub retry_delay: Duration,
    /// Times that a circuit breaker opened.
    pub breaker_openings: u64,
    /// Times that a provider, or a part of it, was left alone for a while.
    pub cooldowns: u64,
    /// The fullest that a context window was said to be, in percent.
    pub context_peak_percent: Option<u64>,
    /// Work that changed hands, by path and reason.
    pub handoffs: Vec<HandoffLine>,
}

/// Violations of one severity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ViolationLine {
    /// Which severity.
    pub severity: Severity,
    /// How many.
    pub found: u64,
    /// How many of those were mended.
    pub fixed: u64,
}

/// Violations of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ViolationKindLine {
    /// Which rule.
    pub kind: String,
    /// The worst severity that it was found with.
    pub severity: Severity,
    /// How many.
    pub found: u64,
    /// How many of those were mended.
    pub fixed: u64,
}

/// Violations in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ViolationFileLine {
    /// In which file; `None` for those that name none.
    pub file: Option<String>,
    /// How many.
    pub found: u64,
    /// How many of those were mended.
    pub fixed: u64,
}

/// Measurements of one name and unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricLine {
    /// What was measured.
    pub name: String,
    /// What it counts in.
    pub unit: Unit,
    /// How often.
    pub count: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// The lowest value.
    pub min: f64,
    /// The highest value.
    pub max: f64,
}

/// Failures of one kind. One failed attempt may or may not end in a failed call, so the two figures
/// are not to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FailureLine {
    /// What went wrong.
    pub kind: FailureKind,
    /// Attempts that failed so.
    pub attempts: u64,
    /// Model calls that failed so in the end.
    pub calls: u64,
}

/// Handoffs on one path for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HandoffLine {
    /// Who gave.
    pub from: Party,
    /// Who took.
    pub to: Party,
    /// Why.
    pub reason: HandoffReason,
    /// Who decided.
    pub initiator: Initiator,
    /// How often.
    pub count: u64,
}

/// How fast it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Performance {
    /// Model calls by provider and model, most used first.
    pub models: Vec<ModelLine>,
    /// Tool calls by tool, most used first.
    pub tools: Vec<ToolLine>,
    /// What events say about providers, the most called first.
    #[serde(default)]
    pub providers: Vec<ProviderLine>,
    /// Checkpoints by kind.
    #[serde(default)]
    pub checkpoints: Vec<CheckpointLine>,
    /// How long it took to restore state; `None` where none was.
    #[serde(default)]
    pub restore: Option<Latency>,
}

/// Percentiles of a set of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Latency {
    /// Half took no longer.
    pub p50: Duration,
    /// 95 of 100 took no longer.
    pub p95: Duration,
    /// None took longer.
    pub max: Duration,
}

/// Calls of one model at one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelLine {
    /// Who answered.
    pub provider: ProviderId,
    /// With which model.
    pub model: ModelId,
    /// Calls, failed ones included.
    pub calls: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Times of the successful calls; `None` where there was none.
    pub latency: Option<Latency>,
    /// Times to the first token, of those calls where it is known.
    pub first_token: Option<Latency>,
    /// Calls whose answer came piece by piece.
    #[serde(default)]
    pub streamed: u64,
    /// Why the model stopped, in the order of [`StopReason`], those that nobody told last.
    #[serde(default)]
    pub stop_reasons: Vec<StopLine>,
}

/// Calls in which the model stopped for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StopLine {
    /// Which reason; `None` where it was not told, as of most calls that failed.
    pub reason: Option<StopReason>,
    /// Calls.
    pub calls: u64,
}

/// Calls of one tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolLine {
    /// Which tool.
    pub tool: ToolName,
    /// Calls, whichever way they ended.
    pub calls: u64,
    /// Calls that did their work.
    pub ok: u64,
    /// Calls that reported an error.
    pub failed: u64,
    /// Calls that nobody saw the end of.
    pub aborted: u64,
    /// Times of the successful calls; `None` where there was none.
    pub latency: Option<Latency>,
}

/// What it cost. All sums are exact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cost {
    /// The sum over all priced calls.
    pub total: Usd,
    /// Calls whose cost is known.
    pub priced_calls: u64,
    /// Calls whose cost is not known and missing from the sums.
    pub unpriced_calls: u64,
    /// The mean over sessions, without what belongs to none; `None` without sessions.
    pub per_session: Option<Usd>,
    /// The cost by kind of task, the dearest first.
    pub by_task_type: Vec<TaskCost>,
    /// The cost by provider and model, the dearest first.
    pub by_model: Vec<ModelCost>,
    /// The cost by the terms of the calls, the dearest first.
    #[serde(default)]
    pub by_service_tier: Vec<TierCost>,
}

/// The cost of the calls under one kind of terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TierCost {
    /// Which terms; `None` where they were not told.
    pub tier: Option<ServiceTier>,
    /// Calls, failed ones included.
    pub calls: u64,
    /// Calls that are missing from the sum.
    pub unpriced_calls: u64,
    /// Tokens.
    pub usage: TokenUsage,
    /// The sum over priced calls.
    pub cost: Usd,
}

/// The cost of one kind of task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskCost {
    /// Which kind; `None` for sessions that name none and calls outside of sessions.
    pub task_type: Option<String>,
    /// Sessions.
    pub sessions: u64,
    /// Sessions that ended in success.
    pub successes: u64,
    /// The sum over their priced calls.
    pub cost: Usd,
    /// Calls that are missing from the sum.
    pub unpriced_calls: u64,
    /// The whole cost, that of unsuccessful sessions included, for each success.
    pub per_success: Option<Usd>,
}

/// The cost of one model at one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelCost {
    /// Who answered.
    pub provider: ProviderId,
    /// With which model.
    pub model: ModelId,
    /// Calls, failed ones included.
    pub calls: u64,
    /// Calls that are missing from the sum.
    pub unpriced_calls: u64,
    /// Tokens.
    pub usage: TokenUsage,
    /// The sum over priced calls.
    pub cost: Usd,
}
