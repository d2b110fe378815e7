//! Totals since the start, of records as they are stored, by bounded sets of names.

mod admit;
mod contexts;
mod events;
mod families;
mod sessions;
mod show;
mod sink;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

pub use sink::TotalsSink;

use crate::{AgentCell, AgentKey, ModelCell, ModelKey, Record, Rollups, Sink, ToolCell, ToolKey};
use admit::Admitted;
use contexts::Contexts;
use events::Events;
use sessions::RecentSessions;

/// Records that are summed up before they are added, which bounds what that takes.
const CHUNK: usize = 1_024;

/// How many names have totals of their own. Further ones are counted together, as `other`.
///
/// ```
/// use agent_telemetry::prometheus::TotalsConfig;
///
/// let config: TotalsConfig = serde_json::from_str(r#"{"agents": 20}"#)?;
/// assert_eq!((config.agents, config.models, config.tools), (20, 100, 200));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TotalsConfig {
    /// Combinations of project, agent and kind of task; 200 unless set. Each takes some 400 bytes and 29 lines. And so
    /// many agents whose context windows are told of, each of which takes some 150 bytes and 13 lines.
    pub agents: usize,
    /// Combinations of project, provider and model; 100 unless set. Each takes some 10 KiB and 100 lines, most of them
    /// buckets of its two histograms.
    pub models: usize,
    /// Combinations of project and tool; 200 unless set. Each takes some 5 KiB and 50 lines.
    pub tools: usize,
    /// Providers, as the events of calls and circuit breakers name them; 100 unless set. Each takes some 50 bytes and 3 lines.
    pub providers: usize,
}

impl Default for TotalsConfig {
    fn default() -> Self {
        Self {
            agents: 200,
            models: 100,
            tools: 200,
            providers: 100,
        }
    }
}

/// What happened since the start: sessions by outcome, calls, tokens, money, handoffs and violations of each agent,
/// model and tool. Clones share the totals.
///
/// It counts what a sink has stored: put it [around the sink](Self::around). Totals only grow while it lives and begin again
/// with it, as Prometheus expects it of counters; [`add_rollups`](Self::add_rollups) begins them where a database ends.
///
/// Nothing grows without bound: names that come after the first ones of [`TotalsConfig`] are counted under `other` together, for
/// good, with all that is told apart by few words (the outcome, the type of tokens) still told apart. Of
/// sessions the last 8 192 at least are known; one that goes on later than that counts as begun again.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{AgentId, SessionId};
/// use agent_telemetry::prometheus::{Exposition, Format, Totals};
/// use agent_telemetry::{MemorySink, Outcome, SessionStart, Telemetry};
///
/// let totals = Totals::new();
/// let telemetry = Telemetry::builder(totals.around(MemorySink::new())).start()?;
/// let session = telemetry.session(SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?));
/// session.end(Outcome::Success);
/// telemetry.flush(Duration::from_secs(5))?;
///
/// let mut page = String::new();
/// Exposition::new(&mut page, Format::Text).totals(&totals)?;
/// assert!(page.contains("agent_sessions_ended_total{agent=\"coder\",outcome=\"success\"} 1\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Totals {
    counted: Arc<Mutex<Counted>>,
}

#[derive(Debug, Default)]
struct Counted {
    config: TotalsConfig,
    sessions: RecentSessions,
    agents: Admitted<AgentKey, AgentCell>,
    models: Admitted<ModelKey, ModelCell>,
    tools: Admitted<ToolKey, ToolCell>,
    events: Events,
    contexts: Contexts,
}

impl Totals {
    /// Without any, with the usual bounds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Without any, with other bounds.
    ///
    /// ```
    /// use agent_telemetry::prometheus::{Totals, TotalsConfig};
    ///
    /// let totals = Totals::with_config(TotalsConfig { tools: 10, ..TotalsConfig::default() });
    /// assert_eq!(totals.overflowed(), 0);
    /// ```
    pub fn with_config(config: TotalsConfig) -> Self {
        let counted = Counted {
            config,
            ..Counted::default()
        };
        Self {
            counted: Arc::new(Mutex::new(counted)),
        }
    }

    /// A sink that counts here what `sink` has stored.
    pub fn around<S: Sink>(&self, sink: S) -> TotalsSink<S> {
        TotalsSink::new(self.clone(), sink)
    }

    /// Counts records, in the order of recording.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_primitives::{Timestamp, ToolName};
    /// use agent_telemetry::prometheus::{Totals, TotalsConfig};
    /// use agent_telemetry::{Record, ToolCall, ToolOutcome};
    ///
    /// let totals = Totals::with_config(TotalsConfig { tools: 1, ..TotalsConfig::default() });
    /// for tool in ["grep", "sed", "grep"] {
    ///     let call = ToolCall::new(ToolName::new(tool)?, ToolOutcome::Ok, Duration::from_millis(3));
    ///     totals.add([&Record::new(Timestamp::UNIX_EPOCH, call)]);
    /// }
    /// // The second tool is counted under `other`.
    /// assert_eq!(totals.overflowed(), 1);
    /// # Ok::<(), agent_primitives::InvalidId>(())
    /// ```
    pub fn add<'a>(&self, records: impl IntoIterator<Item = &'a Record>) {
        let mut records = records.into_iter().peekable();
        let mut counted = self.counted();
        while records.peek().is_some() {
            let mut sums = Rollups::default();
            for record in records.by_ref().take(CHUNK) {
                let standing = counted.sessions.standing(record);
                sums.add(record, &standing);
                let limit = counted.config.providers;
                counted.events.add(record, limit);
                let limit = counted.config.agents;
                contexts::add(&mut counted.contexts, record, limit);
            }
            counted.absorb(sums);
        }
    }

    /// Counts the sums of a period, as of a database up to now before recording goes on. Sums say nothing of attempts at
    /// providers, of the reasons of handoffs and of how full contexts were, so these begin at zero.
    ///
    /// ```
    /// use agent_telemetry::prometheus::Totals;
    /// use agent_telemetry::{MemorySink, Period};
    ///
    /// let sink = MemorySink::new();
    /// let totals = Totals::new();
    /// totals.add_rollups(&sink.rollups(Period::default()));
    /// ```
    pub fn add_rollups(&self, rollups: &Rollups) {
        self.counted().absorb(rollups.clone());
    }

    /// How often a name was counted under `other`: once for each batch that it occurs in.
    pub fn overflowed(&self) -> u64 {
        let counted = self.counted();
        let all = [
            counted.agents.overflowed(),
            counted.models.overflowed(),
            counted.tools.overflowed(),
            counted.events.providers.overflowed(),
            counted.contexts.overflowed(),
        ];
        all.into_iter().fold(0, u64::saturating_add)
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        // Sums that an addition broke off in are still sums.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn absorb(&mut self, sums: Rollups) {
        self.agents.absorb(sums.agents, self.config.agents);
        self.models.absorb(sums.models, self.config.models);
        self.tools.absorb(sums.tools, self.config.tools);
    }
}

impl fmt::Debug for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = self.counted();
        f.debug_struct("Totals")
            .field("agents", &counted.agents.len())
            .field("models", &counted.models.len())
            .field("tools", &counted.tools.len())
            .finish()
    }
}
