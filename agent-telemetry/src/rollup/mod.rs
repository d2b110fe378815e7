//! Sums of records by minute, hour and day, which reports are made of. Pure: the memory store folds
//! records into them, the database keeps them beside its rows, and both merge them the same way.

mod cell;
mod fold;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod kept;
mod merge;
mod period;

use std::borrow::Cow;
use std::collections::BTreeMap;

use agent_primitives::{AgentId, ModelId, ProviderId, ToolName};

pub use cell::{AgentCell, MetricCell, ModelCell, ToolCell};
pub use period::{Period, Span};

use fold::KnownSessions;
pub(crate) use fold::{Minutes, SessionSoFar, Standing};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use kept::Kept;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use kept::StoredRollups;
pub(crate) use merge::Merge;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use period::Part;

use crate::{ProjectId, Record, Unit};

/// Whose work an [`AgentCell`] sums up.
///
/// ```
/// let key = agent_telemetry::AgentKey::default();
/// assert_eq!((key.project, key.agent, key.task_type), (None, None, None));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct AgentKey {
    /// In which project; `None` for records that name none.
    pub project: Option<ProjectId>,
    /// By which agent; `None` for records that name none.
    pub agent: Option<AgentId>,
    /// The kind of work, as the first mark of the session that names one says it; `None` for records
    /// before that mark, outside of sessions, and in sessions that name none.
    pub task_type: Option<Cow<'static, str>>,
}

/// The calls that a [`ModelCell`] sums up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct ModelKey {
    /// In which project; `None` for records that name none.
    pub project: Option<ProjectId>,
    /// Who answered.
    pub provider: ProviderId,
    /// With which model.
    pub model: ModelId,
}

/// The calls that a [`ToolCell`] sums up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct ToolKey {
    /// In which project; `None` for records that name none.
    pub project: Option<ProjectId>,
    /// Which tool.
    pub tool: ToolName,
}

/// The measurements that a [`MetricCell`] sums up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct MetricKey {
    /// In which project; `None` for records that name none.
    pub project: Option<ProjectId>,
    /// By which agent; `None` for records that name none.
    pub agent: Option<AgentId>,
    /// What was measured.
    pub metric: Cow<'static, str>,
    /// What it counts in.
    pub unit: Unit,
}

/// The sums of a period: what reports are made of.
///
/// Sums of two periods, or of two stores, merge into those of both. Counts end at 2⁶³ − 1, as in the
/// database; costs are exact. Of floating-point sums the last bits depend on the order.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{Timestamp, ToolName};
/// use agent_telemetry::{Period, Record, Rollups, ToolCall, ToolOutcome};
///
/// let at = Timestamp::from_unix_seconds;
/// let call = ToolCall::new(ToolName::new("grep")?, ToolOutcome::Ok, Duration::from_millis(3));
/// let records = [at(10), at(70), at(130)].map(|at| Record::new(at, call.clone()));
///
/// let sums = Rollups::of(&records, Period::new(at(60), at(120)));
/// assert_eq!(sums.tools.values().map(|tool| tool.ok).sum::<u64>(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Rollups {
    /// By project, agent and kind of task: everything that is counted.
    pub agents: BTreeMap<AgentKey, AgentCell>,
    /// By project, provider and model: model calls.
    pub models: BTreeMap<ModelKey, ModelCell>,
    /// By project and tool: tool calls.
    pub tools: BTreeMap<ToolKey, ToolCell>,
    /// By project, agent, name and unit: measurements.
    pub metrics: BTreeMap<MetricKey, MetricCell>,
}

impl Rollups {
    /// The sums of those records that lie in `period`, to the minute: its bounds are moved outwards to
    /// whole minutes. All records of the sessions in question are to be given, in the order of
    /// recording, since earlier ones say what kind of work a session is.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>, period: Period) -> Self {
        let mut fold = Fold::new(period);
        for record in records {
            fold.add(record);
        }
        fold.sums.total()
    }

    /// As [`of`](Self::of), of records that are read from somewhere: ends with the first error.
    ///
    /// # Errors
    /// The first error of the reading.
    pub fn try_of<E>(
        records: impl IntoIterator<Item = Result<Record, E>>,
        period: Period,
    ) -> Result<Self, E> {
        let mut fold = Fold::new(period);
        for record in records {
            fold.add(&record?);
        }
        Ok(fold.sums.total())
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// Adds all that `other` counts.
    pub fn merge(&mut self, other: &Self) {
        Merge::absorb(self, other);
    }
}

impl Merge for Rollups {
    fn absorb(&mut self, other: &Self) {
        self.agents.absorb(&other.agents);
        self.models.absorb(&other.models);
        self.tools.absorb(&other.tools);
        self.metrics.absorb(&other.metrics);
    }
}

#[derive(Debug)]
struct Fold {
    sessions: KnownSessions,
    period: Period,
    sums: Minutes,
}

impl Fold {
    fn new(period: Period) -> Self {
        Self {
            sessions: KnownSessions::default(),
            period: period.outward(Span::Minute),
            sums: Minutes::default(),
        }
    }

    fn add(&mut self, record: &Record) {
        let standing = self.sessions.standing(record);
        if self.period.contains(record.at) {
            self.sums.add(record, &standing);
        }
    }
}
