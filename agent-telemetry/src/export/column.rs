//! The columns of the one table that all kinds of records are rows of.

use super::RecordKind;

/// What its values are.
#[cfg(feature = "parquet")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    Text,
    Time,
    /// Whole and not negative.
    Count,
    Real,
    Seconds,
    Usd,
    Flag,
}

macro_rules! columns {
    ($($column:ident = $name:literal: $type:ident,)+) => {
        /// A column; that of a cell is behind that of the cell before.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Column { $($column,)+ }

        impl Column {
            pub(super) const ALL: &'static [Self] = &[$(Self::$column,)+];

            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$column => $name,)+ }
            }

            #[cfg(feature = "parquet")]
            pub(super) const fn holds(self) -> ColumnType {
                match self { $(Self::$column => ColumnType::$type,)+ }
            }
        }
    };
}

columns! {
    Record = "record": Text,
    At = "at_utc": Time,
    Project = "project": Text,
    Session = "session": Text,
    Agent = "agent": Text,
    Provider = "provider": Text,
    Model = "model": Text,
    Tool = "tool": Text,
    TaskType = "task_type": Text,
    Description = "description": Text,
    ParentSession = "parent_session": Text,
    ParentAgent = "parent_agent": Text,
    User = "user": Text,
    Outcome = "outcome": Text,
    Failure = "failure": Text,
    Elapsed = "elapsed_s": Seconds,
    Latency = "latency_s": Seconds,
    FirstToken = "first_token_s": Seconds,
    Queued = "queued_s": Seconds,
    Ran = "ran_s": Seconds,
    Delay = "delay_s": Seconds,
    Duration = "duration_s": Seconds,
    Input = "input": Count,
    CacheRead = "cache_read": Count,
    CacheWrite5m = "cache_write_5m": Count,
    CacheWrite1h = "cache_write_1h": Count,
    Output = "output": Count,
    Reasoning = "reasoning": Count,
    Cost = "cost_usd": Usd,
    Attempt = "attempt": Count,
    Attempts = "attempts": Count,
    ServiceTier = "service_tier": Text,
    StopReason = "stop_reason": Text,
    Streamed = "streamed": Flag,
    FromKind = "from_kind": Text,
    FromName = "from_name": Text,
    ToKind = "to_kind": Text,
    ToName = "to_name": Text,
    Reason = "reason": Text,
    Initiator = "initiator": Text,
    FromState = "from_state": Text,
    ToState = "to_state": Text,
    Scope = "scope": Text,
    Used = "used": Count,
    Window = "window": Count,
    Checkpoint = "checkpoint": Text,
    Kind = "kind": Text,
    LogicalBytes = "logical_bytes": Count,
    StoredBytes = "stored_bytes": Count,
    LostBytes = "lost_bytes": Count,
    Metric = "metric": Text,
    Value = "value": Real,
    Unit = "unit": Text,
    Severity = "severity": Text,
    Message = "message": Text,
    File = "file": Text,
    Line = "line": Count,
    Fixed = "fixed": Flag,
    Decision = "decision": Text,
    Subject = "subject": Text,
    Choice = "choice": Text,
    Confidence = "confidence": Real,
    Candidates = "candidates": Text,
    Omitted = "omitted": Count,
    Score = "score": Real,
    Files = "files": Count,
    LinesAdded = "lines_added": Count,
    LinesRemoved = "lines_removed": Count,
}

use Column as C;

impl Column {
    /// Those of every record.
    const ENVELOPE: &'static [Self] = &[C::Record, C::At, C::Project, C::Session, C::Agent];

    /// Those of some kinds, in order; all of them for none named.
    pub(super) fn of(kinds: &[RecordKind]) -> Vec<Self> {
        let is_there = |column: &Self| {
            kinds.is_empty()
                || Self::ENVELOPE.contains(column)
                || kinds
                    .iter()
                    .any(|kind| Self::of_kind(*kind).contains(column))
        };
        Self::ALL.iter().copied().filter(is_there).collect()
    }

    /// Those that a kind has beside the envelope.
    pub(super) const fn of_kind(kind: RecordKind) -> &'static [Self] {
        match kind {
            RecordKind::SessionStart | RecordKind::SessionResume => &[
                C::TaskType,
                C::Description,
                C::ParentSession,
                C::ParentAgent,
                C::User,
            ],
            RecordKind::SessionEnd => &[C::Outcome, C::Elapsed],
            RecordKind::ModelCall => &[
                C::Provider,
                C::Model,
                C::Failure,
                C::Latency,
                C::FirstToken,
                C::Input,
                C::CacheRead,
                C::CacheWrite5m,
                C::CacheWrite1h,
                C::Output,
                C::Reasoning,
                C::Cost,
                C::Attempts,
                C::ServiceTier,
                C::StopReason,
                C::Streamed,
            ],
            RecordKind::ToolCall => &[C::Tool, C::Outcome, C::Elapsed],
            RecordKind::Handoff => &[
                C::FromKind,
                C::FromName,
                C::ToKind,
                C::ToName,
                C::Reason,
                C::Initiator,
            ],
            RecordKind::Attempt => &[C::Provider, C::Failure, C::Elapsed, C::Attempt],
            RecordKind::Retry => &[C::Provider, C::Failure, C::Delay, C::Attempt],
            RecordKind::Breaker => &[C::Provider, C::FromState, C::ToState],
            RecordKind::Cooldown => &[C::Provider, C::Failure, C::Duration, C::Scope],
            RecordKind::ContextPressure => &[C::Used, C::Window],
            RecordKind::CheckpointSaved => &[
                C::Elapsed,
                C::Checkpoint,
                C::Kind,
                C::LogicalBytes,
                C::StoredBytes,
            ],
            RecordKind::Restored => &[C::Elapsed, C::Checkpoint, C::LostBytes],
            RecordKind::Metric => &[C::Metric, C::Value, C::Unit],
            RecordKind::Violation => {
                &[C::Kind, C::Severity, C::Message, C::File, C::Line, C::Fixed]
            }
            RecordKind::Decision => &[
                C::Decision,
                C::Subject,
                C::Choice,
                C::Confidence,
                C::Candidates,
                C::Omitted,
            ],
            RecordKind::DecisionOutcome => &[C::Outcome, C::Decision, C::Score],
            RecordKind::FilesChanged => &[C::Files, C::LinesAdded, C::LinesRemoved],
            RecordKind::TaskTiming => &[C::Queued, C::Ran],
        }
    }
}
