//! Which columns each table has behind `seq, at, session, agent, project`.

#[cfg(feature = "sqlite")]
use crate::Body;

/// One kind of record in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    SessionMarks,
    ModelCalls,
    ToolCalls,
    Handoffs,
    Attempts,
    Retries,
    BreakerChanges,
    Cooldowns,
    ContextPressure,
    Checkpoints,
    Restores,
    Metrics,
    Violations,
    Decisions,
    DecisionOutcomes,
    FilesChanged,
    TaskTimings,
}

impl Table {
    pub(crate) const ALL: [Self; 17] = [
        Self::SessionMarks,
        Self::ModelCalls,
        Self::ToolCalls,
        Self::Handoffs,
        Self::Attempts,
        Self::Retries,
        Self::BreakerChanges,
        Self::Cooldowns,
        Self::ContextPressure,
        Self::Checkpoints,
        Self::Restores,
        Self::Metrics,
        Self::Violations,
        Self::Decisions,
        Self::DecisionOutcomes,
        Self::FilesChanged,
        Self::TaskTimings,
    ];

    /// Name, columns of version 1, columns since version 2. A table of which version 1 has no columns
    /// is not in it.
    const fn layout(self) -> (&'static str, Columns, Columns) {
        match self {
            Self::SessionMarks => ("session_marks", SESSION_MARKS, SESSION_MARKS_2),
            Self::ModelCalls => ("model_calls", MODEL_CALLS, MODEL_CALLS_2),
            Self::ToolCalls => ("tool_calls", &["tool", "outcome", "elapsed_ns"], &[]),
            Self::Handoffs => ("handoffs", HANDOFFS, &[]),
            Self::Attempts => (
                "attempts",
                &["provider", "attempt", "elapsed_ns", "failure"],
                &[],
            ),
            Self::Retries => (
                "retries",
                &["provider", "attempt", "delay_ns", "failure"],
                &[],
            ),
            Self::BreakerChanges => (
                "breaker_changes",
                &["provider", "from_state", "to_state"],
                &[],
            ),
            Self::Cooldowns => ("cooldowns", COOLDOWNS, &[]),
            Self::ContextPressure => ("context_pressure", &["used", "window"], &[]),
            Self::Checkpoints => ("checkpoints", CHECKPOINTS, &[]),
            Self::Restores => ("restores", &["checkpoint", "lost_bytes", "elapsed_ns"], &[]),
            Self::Metrics => ("metrics", &["metric", "value", "unit"], &[]),
            Self::Violations => ("violations", VIOLATIONS, &[]),
            Self::Decisions => ("decisions", &[], DECISIONS),
            Self::DecisionOutcomes => ("decision_outcomes", &[], &["decision", "outcome", "score"]),
            Self::FilesChanged => (
                "files_changed",
                &[],
                &["files", "lines_added", "lines_removed"],
            ),
            Self::TaskTimings => ("task_timings", &[], &["queued_ns", "ran_ns"]),
        }
    }

    /// Its name.
    #[cfg(feature = "postgres")]
    pub(crate) const fn name(self) -> &'static str {
        self.layout().0
    }

    /// The columns behind `seq, at, session, agent, project`.
    #[cfg(feature = "postgres")]
    pub(crate) fn columns(self) -> impl Iterator<Item = &'static str> {
        let (_, old, new) = self.layout();
        old.iter().chain(new).copied()
    }
}

#[cfg(feature = "sqlite")]
impl Table {
    /// The tables of a database of this version.
    pub(super) fn of_version(version: i64) -> impl Iterator<Item = Self> {
        let is_there = move |table: &Self| version > 1 || !table.layout().1.is_empty();
        Self::ALL.into_iter().filter(is_there)
    }

    /// Where a record goes.
    pub(super) const fn of(body: &Body) -> Self {
        match body {
            Body::SessionStart(_) | Body::SessionResume(_) | Body::SessionEnd(_) => {
                Self::SessionMarks
            }
            Body::ModelCall(_) => Self::ModelCalls,
            Body::ToolCall(_) => Self::ToolCalls,
            Body::Handoff(_) => Self::Handoffs,
            Body::Attempt(_) => Self::Attempts,
            Body::Retry(_) => Self::Retries,
            Body::Breaker(_) => Self::BreakerChanges,
            Body::Cooldown(_) => Self::Cooldowns,
            Body::ContextPressure(_) => Self::ContextPressure,
            Body::CheckpointSaved(_) => Self::Checkpoints,
            Body::Restored(_) => Self::Restores,
            Body::Metric(_) => Self::Metrics,
            Body::Violation(_) => Self::Violations,
            Body::Decision(_) => Self::Decisions,
            Body::DecisionOutcome(_) => Self::DecisionOutcomes,
            Body::FilesChanged(_) => Self::FilesChanged,
            Body::TaskTiming(_) => Self::TaskTimings,
        }
    }

    /// Inserts so many rows.
    pub(super) fn insert(self, rows: usize) -> String {
        let (name, old, new) = self.layout();
        let columns: Vec<&str> = old.iter().chain(new).copied().collect();
        let row = format!("({})", vec!["?"; columns.len() + 5].join(", "));
        format!(
            "INSERT INTO {name} (seq, at, session, agent, project, {}) VALUES {}",
            columns.join(", "),
            vec![row.as_str(); rows].join(", ")
        )
    }

    /// Removes the rows of a range of `seq` that are older than a time.
    pub(super) fn delete(self) -> String {
        let (name, ..) = self.layout();
        format!("DELETE FROM {name} WHERE seq BETWEEN ?1 AND ?2 AND at < ?3")
    }

    /// A row from a `seq` on that is older than a time, if there is one.
    pub(super) fn has_older(self) -> String {
        let (name, ..) = self.layout();
        format!("SELECT 1 FROM {name} WHERE seq >= ?1 AND at < ?2 LIMIT 1")
    }

    /// The greatest `seq` of all tables; null where there is none.
    pub(super) fn last_seq(version: i64) -> String {
        Self::of_all(version, "max", "")
    }

    /// The first `seq` from a number on, in whichever table; null where there is none.
    pub(super) fn first_seq(version: i64) -> String {
        Self::of_all(version, "min", "WHERE seq >= ?1")
    }

    fn of_all(version: i64, which: &str, condition: &str) -> String {
        let tables: Vec<String> = Self::of_version(version)
            .map(|table| {
                let (name, ..) = table.layout();
                format!("SELECT {which}(seq) AS seq FROM {name} {condition}")
            })
            .collect();
        format!("SELECT {which}(seq) FROM ({})", tables.join(" UNION ALL "))
    }

    /// Rows of a range of `seq` within a range of `at`, all bounds included. What the version of the
    /// database does not know is null.
    pub(super) fn select(self, version: i64) -> String {
        let (name, old, new) = self.layout();
        let newer = |column: &&'static str| if version > 1 { *column } else { "NULL" };
        let columns: Vec<&str> = ["seq", "at", "session", "agent"]
            .into_iter()
            .chain([newer(&"project")])
            .chain(old.iter().copied())
            .chain(new.iter().map(newer))
            .collect();
        format!(
            "SELECT {} FROM {name} WHERE seq BETWEEN ?1 AND ?2 AND at BETWEEN ?3 AND ?4",
            columns.join(", ")
        )
    }
}

type Columns = &'static [&'static str];

const SESSION_MARKS: Columns = &["mark", "task_type", "description", "outcome", "elapsed_ns"];
const SESSION_MARKS_2: Columns = &["parent_session", "parent_agent", "user"];
const MODEL_CALLS: Columns = &[
    "provider",
    "model",
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "cost_picos",
    "cost_wide",
    "latency_ns",
    "first_token_ns",
    "attempts",
    "failure",
];
const MODEL_CALLS_2: Columns = &["service_tier", "stop_reason", "streamed"];
const HANDOFFS: Columns = &[
    "from_kind",
    "from_name",
    "to_kind",
    "to_name",
    "reason",
    "initiator",
];
const COOLDOWNS: Columns = &["provider", "scope", "failure", "duration_ns"];
const CHECKPOINTS: Columns = &[
    "checkpoint",
    "kind",
    "logical_bytes",
    "stored_bytes",
    "elapsed_ns",
];
const VIOLATIONS: Columns = &["kind", "severity", "message", "file", "line", "fixed"];
const DECISIONS: Columns = &[
    "decision",
    "subject",
    "choice",
    "confidence",
    "candidates",
    "omitted",
];
