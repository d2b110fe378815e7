//! Which columns each table has behind `seq, at, session, agent`.

/// One kind of record in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
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
}

impl Table {
    pub(super) const ALL: [Self; 13] = [
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
    ];

    const fn layout(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::SessionMarks => (
                "session_marks",
                &["mark", "task_type", "description", "outcome", "elapsed_ns"],
            ),
            Self::ModelCalls => (
                "model_calls",
                &[
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
                ],
            ),
            Self::ToolCalls => ("tool_calls", &["tool", "outcome", "elapsed_ns"]),
            Self::Handoffs => (
                "handoffs",
                &[
                    "from_kind",
                    "from_name",
                    "to_kind",
                    "to_name",
                    "reason",
                    "initiator",
                ],
            ),
            Self::Attempts => (
                "attempts",
                &["provider", "attempt", "elapsed_ns", "failure"],
            ),
            Self::Retries => ("retries", &["provider", "attempt", "delay_ns", "failure"]),
            Self::BreakerChanges => ("breaker_changes", &["provider", "from_state", "to_state"]),
            Self::Cooldowns => (
                "cooldowns",
                &["provider", "scope", "failure", "duration_ns"],
            ),
            Self::ContextPressure => ("context_pressure", &["used", "window"]),
            Self::Checkpoints => (
                "checkpoints",
                &[
                    "checkpoint",
                    "kind",
                    "logical_bytes",
                    "stored_bytes",
                    "elapsed_ns",
                ],
            ),
            Self::Restores => ("restores", &["checkpoint", "lost_bytes", "elapsed_ns"]),
            Self::Metrics => ("metrics", &["metric", "value", "unit"]),
            Self::Violations => (
                "violations",
                &["kind", "severity", "message", "file", "line", "fixed"],
            ),
        }
    }

    pub(super) fn insert(self) -> String {
        let (name, columns) = self.layout();
        let places: Vec<String> = (1..=columns.len() + 4).map(|n| format!("?{n}")).collect();
        format!(
            "INSERT INTO {name} (seq, at, session, agent, {}) VALUES ({})",
            columns.join(", "),
            places.join(", ")
        )
    }

    /// The greatest `seq` of all tables; null where there is none.
    pub(super) fn last_seq() -> String {
        Self::of_all("max", "")
    }

    /// The first `seq` from a number on, in whichever table; null where there is none.
    pub(super) fn first_seq() -> String {
        Self::of_all("min", "WHERE seq >= ?1")
    }

    fn of_all(which: &str, condition: &str) -> String {
        let tables = Self::ALL.map(|table| {
            let (name, _) = table.layout();
            format!("SELECT {which}(seq) AS seq FROM {name} {condition}")
        });
        format!("SELECT {which}(seq) FROM ({})", tables.join(" UNION ALL "))
    }

    /// Rows of a range of `seq` within a range of `at`, all bounds included.
    pub(super) fn select(self) -> String {
        let (name, columns) = self.layout();
        format!(
            "SELECT seq, at, session, agent, {} FROM {name} \
             WHERE seq BETWEEN ?1 AND ?2 AND at BETWEEN ?3 AND ?4",
            columns.join(", ")
        )
    }
}
