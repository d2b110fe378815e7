//! Which kinds of records there are, as a choice among them.

use crate::words::words;
use crate::{Body, Record};

words! {
    /// What a record is about: the word `record` of its JSON.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::{Metric, Record, RecordKind};
    ///
    /// let record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("files", 3));
    /// assert_eq!(record.kind(), RecordKind::Metric);
    /// assert_eq!(serde_json::to_value(&record)?["record"], RecordKind::Metric.as_str());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    RecordKind {
        /// A session began.
        SessionStart = "session_start",
        /// It went on in a new process or handle.
        SessionResume = "session_resume",
        /// It ended.
        SessionEnd = "session_end",
        /// A model was called.
        ModelCall = "model_call",
        /// A tool was called.
        ToolCall = "tool_call",
        /// Work changed hands.
        Handoff = "handoff",
        /// One call to one provider.
        Attempt = "attempt",
        /// A provider was called again.
        Retry = "retry",
        /// A circuit breaker changed its state.
        Breaker = "breaker",
        /// A provider is left alone.
        Cooldown = "cooldown",
        /// How full the context is.
        ContextPressure = "context_pressure",
        /// State was saved.
        CheckpointSaved = "checkpoint_saved",
        /// State was restored.
        Restored = "restored",
        /// A measured value.
        Metric = "metric",
        /// A rule was broken.
        Violation = "violation",
        /// Something was chosen.
        Decision = "decision",
        /// How a choice turned out.
        DecisionOutcome = "decision_outcome",
        /// Files were changed.
        FilesChanged = "files_changed",
        /// A task waited and ran.
        TaskTiming = "task_timing",
    }
}

impl RecordKind {
    pub(super) const fn of(body: &Body) -> Self {
        match body {
            Body::SessionStart(_) => Self::SessionStart,
            Body::SessionResume(_) => Self::SessionResume,
            Body::SessionEnd(_) => Self::SessionEnd,
            Body::ModelCall(_) => Self::ModelCall,
            Body::ToolCall(_) => Self::ToolCall,
            Body::Handoff(_) => Self::Handoff,
            Body::Attempt(_) => Self::Attempt,
            Body::Retry(_) => Self::Retry,
            Body::Breaker(_) => Self::Breaker,
            Body::Cooldown(_) => Self::Cooldown,
            Body::ContextPressure(_) => Self::ContextPressure,
            Body::CheckpointSaved(_) => Self::CheckpointSaved,
            Body::Restored(_) => Self::Restored,
            Body::Metric(_) => Self::Metric,
            Body::Violation(_) => Self::Violation,
            Body::Decision(_) => Self::Decision,
            Body::DecisionOutcome(_) => Self::DecisionOutcome,
            Body::FilesChanged(_) => Self::FilesChanged,
            Body::TaskTiming(_) => Self::TaskTiming,
        }
    }
}

impl Record {
    /// What it is about.
    pub const fn kind(&self) -> RecordKind {
        RecordKind::of(&self.body)
    }
}
