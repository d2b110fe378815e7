//! What each report reads of a database: which tables, of which time.

use std::ops::Bound;

use agent_primitives::Timestamp;

use super::tables::Table;
use crate::{Period, Span};

/// The first record of a period, or of a session that begins or has a handoff in it, of either database.
pub(crate) const FIRST_OF_HANDOFFS: &str = "WITH told(session) AS MATERIALIZED (
        SELECT session FROM handoffs WHERE at >= $1 AND at < $2 UNION
        SELECT session FROM session_marks WHERE at >= $1 AND at < $2 AND mark = 'start')
    SELECT min(seq) FROM (
        SELECT min(seq) AS seq FROM session_marks WHERE at >= $1 OR session IN (SELECT session FROM told) UNION ALL
        SELECT min(seq) FROM model_calls WHERE at >= $1 OR session IN (SELECT session FROM told) UNION ALL
        SELECT min(seq) FROM handoffs WHERE at >= $1 OR session IN (SELECT session FROM told) UNION ALL
        SELECT min(seq) FROM attempts WHERE at >= $1 OR session IN (SELECT session FROM told)) AS firsts";

/// Tables, and a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reads {
    pub(crate) tables: &'static [Table],
    pub(crate) times: (Bound<Timestamp>, Bound<Timestamp>),
}

impl Reads {
    /// Of the period, as reports count it.
    fn within(period: Period, tables: &'static [Table]) -> Self {
        let whole = period.outward(Span::Minute);
        Self {
            tables,
            times: (Bound::Included(whole.from()), Bound::Excluded(whole.to())),
        }
    }

    /// From the beginning of the period up to now: what came after it says how it ended.
    fn since(period: Period, tables: &'static [Table]) -> Self {
        let Self { times, .. } = Self::within(period, tables);
        Self {
            tables,
            times: (times.0, Bound::Unbounded),
        }
    }

    pub(crate) fn compare(period: Period) -> Self {
        Self::within(period, &[Table::SessionMarks, Table::ModelCalls])
    }

    /// Of all time: what was before the period says how its sessions began.
    pub(crate) fn handoffs() -> Self {
        const TABLES: &[Table] = &[
            Table::SessionMarks,
            Table::ModelCalls,
            Table::Handoffs,
            Table::Attempts,
        ];
        Self {
            tables: TABLES,
            times: (Bound::Unbounded, Bound::Unbounded),
        }
    }

    pub(crate) fn errors(period: Period) -> Self {
        const TABLES: &[Table] = &[
            Table::SessionMarks,
            Table::ModelCalls,
            Table::ToolCalls,
            Table::Attempts,
            Table::Retries,
            Table::BreakerChanges,
            Table::Cooldowns,
            Table::Restores,
            Table::Metrics,
        ];
        Self::since(period, TABLES)
    }

    /// With the preceding period of equal length.
    pub(crate) fn performance(period: Period) -> Self {
        const TABLES: &[Table] = &[
            Table::SessionMarks,
            Table::ModelCalls,
            Table::ToolCalls,
            Table::Attempts,
            Table::Retries,
            Table::Checkpoints,
            Table::Restores,
            Table::TaskTimings,
        ];
        let within = Self::within(period, TABLES);
        let before = period.outward(Span::Minute).preceding();
        Self {
            times: (Bound::Included(before.from()), within.times.1),
            ..within
        }
    }

    pub(crate) fn quality(period: Period) -> Self {
        const TABLES: &[Table] = &[
            Table::SessionMarks,
            Table::Metrics,
            Table::Violations,
            Table::Decisions,
            Table::DecisionOutcomes,
        ];
        Self::within(period, TABLES)
    }

    pub(crate) fn tool_sequences(period: Period) -> Self {
        const TABLES: &[Table] = &[Table::SessionMarks, Table::ModelCalls, Table::ToolCalls];
        Self::within(period, TABLES)
    }

    pub(crate) fn suggestions(period: Period) -> Self {
        const TABLES: &[Table] = &[
            Table::SessionMarks,
            Table::ModelCalls,
            Table::ToolCalls,
            Table::Attempts,
            Table::Retries,
        ];
        Self::within(period, TABLES)
    }
}
