//! What a subscriber wants to see, and how far behind it may be.

use std::num::NonZeroUsize;
use std::time::Duration;

use agent_primitives::{AgentId, SessionId};

use crate::{ProjectId, Record, RecordKind};

/// Options of a subscription. A filter that is not set lets everything through; those that are set must all hold.
///
/// ```
/// use std::num::NonZeroUsize;
/// use std::time::Duration;
/// use agent_primitives::AgentId;
/// use agent_telemetry::{LiveConfig, RecordKind};
///
/// let config = LiveConfig::new()
///     .capacity(NonZeroUsize::new(1_024).ok_or("zero")?)
///     .kinds([RecordKind::ModelCall, RecordKind::Handoff])
///     .agent(AgentId::new("coder")?)
///     .totals_every(Duration::from_millis(500));
/// assert_eq!(config, config.clone());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct LiveConfig {
    pub(super) capacity: usize,
    pub(super) patience: usize,
    pub(super) totals_every: Option<Duration>,
    kinds: Option<Vec<RecordKind>>,
    project: Option<ProjectId>,
    agent: Option<AgentId>,
    session: Option<SessionId>,
}

impl LiveConfig {
    const CAPACITY: usize = 8_192;
    const PATIENCE: usize = 16;
    const TOTALS: Duration = Duration::from_secs(1);

    /// Everything, with room for 8 192 records and totals once a second.
    pub const fn new() -> Self {
        Self {
            capacity: Self::CAPACITY,
            patience: Self::PATIENCE,
            totals_every: Some(Self::TOTALS),
            kinds: None,
            project: None,
            agent: None,
            session: None,
        }
    }

    /// Most records that wait for this reader; 8 192 unless set, some 4 MB. A record that finds no room takes that of
    /// the oldest, which is missed.
    pub const fn capacity(mut self, records: NonZeroUsize) -> Self {
        self.capacity = records.get();
        self
    }

    /// How many times its capacity a reader may miss between two reads before it is disconnected; 16 unless set.
    pub const fn patience(mut self, capacities: NonZeroUsize) -> Self {
        self.patience = capacities.get();
        self
    }

    /// How often totals come; once a second unless set, and at most once a millisecond, by the recorder's clock.
    pub const fn totals_every(mut self, interval: Duration) -> Self {
        let least = Duration::from_millis(1);
        self.totals_every = Some(if interval.as_nanos() < least.as_nanos() {
            least
        } else {
            interval
        });
        self
    }

    /// Records alone. [`Live::totals`](crate::Live::totals) still answers.
    pub const fn without_totals(mut self) -> Self {
        self.totals_every = None;
        self
    }

    /// Only records of these kinds.
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = RecordKind>) -> Self {
        self.kinds = Some(kinds.into_iter().collect());
        self
    }

    /// Only records of this project.
    pub fn project(mut self, project: ProjectId) -> Self {
        self.project = Some(project);
        self
    }

    /// Only records of this agent.
    pub fn agent(mut self, agent: AgentId) -> Self {
        self.agent = Some(agent);
        self
    }

    /// Only records of this session.
    pub fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    pub(super) fn wants(&self, record: &Record) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none() || wanted == found
        }
        let kinds = self.kinds.as_ref();
        kinds.is_none_or(|kinds| kinds.contains(&record.kind()))
            && is(self.project.as_ref(), record.project.as_ref())
            && is(self.agent.as_ref(), record.agent.as_ref())
            && is(self.session.as_ref(), record.session.as_ref())
    }

    /// Records that may be missed between two reads.
    pub(super) const fn bearable(&self) -> u64 {
        (self.capacity as u64).saturating_mul(self.patience as u64)
    }
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self::new()
    }
}
