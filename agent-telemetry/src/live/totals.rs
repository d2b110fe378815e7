//! Running totals, as data.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_primitives::{FailureKind, Timestamp, TokenUsage, Usd};
use serde::{Deserialize, Serialize};

use crate::Percentiles;
use crate::rollup::Merge;

/// What a subscriber's records come to since it subscribed: those that its filter lets through, missed ones included.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, TokenUsage};
/// use agent_telemetry::{LiveConfig, MemorySink, ModelCall, SessionStart, Telemetry};
///
/// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
/// let live = telemetry.subscribe(LiveConfig::new())?;
/// let session = telemetry.session(SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?));
/// session.model_call(
///     ModelCall::new(ProviderId::new("claude")?, ModelId::new("claude-haiku-4-5")?)
///         .usage(TokenUsage::new(1_000, 200))
///         .latency(Duration::from_millis(640)),
/// );
/// telemetry.flush(Duration::from_secs(5))?;
///
/// let totals = live.totals();
/// assert_eq!((totals.sessions_running, totals.sums.model_calls), (1, 1));
/// assert_eq!(totals.sums.cost.to_string(), "$0.002");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LiveTotals {
    /// Version of this structure: 1.
    pub schema: u32,
    /// When the subscription began, by the recorder's clock.
    pub since: Timestamp,
    /// When these totals were taken.
    pub at: Timestamp,
    /// Records of any kind.
    pub records: u64,
    /// Records among them that the reader missed.
    pub missed: u64,
    /// Sessions that began, went on or made a call, and have not ended. One of several agents ends with the last of
    /// them. At most 65 536 are known.
    pub sessions_running: usize,
    /// Beginnings of sessions.
    pub sessions_started: u64,
    /// Ends of sessions.
    pub sessions_ended: u64,
    /// Those among them that ended with success.
    pub sessions_succeeded: u64,
    /// Calls, tokens and money.
    pub sums: LiveSums,
    /// Failed model calls by what went wrong.
    pub failures: BTreeMap<FailureKind, u64>,
    /// Calls to the same provider again.
    pub retries: u64,
    /// Times that work changed hands.
    pub handoffs: u64,
    /// Broken rules.
    pub violations: u64,
    /// Times of model calls that did not fail; `None` without any.
    pub latency: Option<Percentiles>,
    /// The last minute alone.
    pub last_minute: LastMinute,
}

/// Calls, tokens and money.
///
/// ```
/// let sums = agent_telemetry::LiveSums::default();
/// assert_eq!((sums.model_calls, sums.failures()), (0, 0));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LiveSums {
    /// Calls of models, failed ones included.
    pub model_calls: u64,
    /// Those that failed.
    pub model_failures: u64,
    /// Calls of tools, whichever way they ended.
    pub tool_calls: u64,
    /// Those that failed, or of which nobody said how they ended.
    pub tool_failures: u64,
    /// Tokens.
    pub usage: TokenUsage,
    /// What the calls cost whose price is known.
    pub cost: Usd,
    /// Calls whose price is not known, which the cost lacks.
    pub unpriced: u64,
}

impl LiveSums {
    /// Failed calls of models and of tools.
    pub const fn failures(&self) -> u64 {
        self.model_failures.saturating_add(self.tool_failures)
    }
}

impl Merge for LiveSums {
    fn absorb(&mut self, other: &Self) {
        self.model_calls.absorb(&other.model_calls);
        self.model_failures.absorb(&other.model_failures);
        self.tool_calls.absorb(&other.tool_calls);
        self.tool_failures.absorb(&other.tool_failures);
        self.usage.absorb(&other.usage);
        self.cost.absorb(&other.cost);
        self.unpriced.absorb(&other.unpriced);
    }
}

/// What came in the last 60 seconds, to a second, by the time at which it was recorded.
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::LastMinute;
///
/// let json = r#"{"over":{"secs":30,"nanos":0},"sums":{"model_calls":12,"model_failures":0,"tool_calls":0,
///     "tool_failures":0,"usage":{"input":900,"output":100},"cost":"0.25","unpriced":0}}"#;
/// let minute: LastMinute = serde_json::from_str(json)?;
/// assert_eq!(minute.per_minute(minute.sums.model_calls), Some(24.0));
/// assert_eq!(minute.cost_per_hour(), Some("30".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LastMinute {
    /// The time that it covers: a minute, or less since the subscription began.
    pub over: Duration,
    /// What came in it.
    pub sums: LiveSums,
}

impl LastMinute {
    /// Times covered below this say nothing about a rate.
    const LEAST: Duration = Duration::from_secs(1);

    pub(super) const fn new(over: Duration, sums: LiveSums) -> Self {
        Self { over, sums }
    }

    /// A count of these sums as a rate; `None` within the first second.
    pub fn per_minute(&self, count: u64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no 53 bits")]
        let count = count as f64;
        (self.over >= Self::LEAST).then(|| count * 60.0 / self.over.as_secs_f64())
    }

    /// What an hour like this minute would cost; `None` within the first second.
    pub fn cost_per_hour(&self) -> Option<Usd> {
        if self.over < Self::LEAST {
            return None;
        }
        let millis = u64::try_from(self.over.as_millis()).ok()?;
        (self.sums.cost * 3_600_000).div_round(millis)
    }
}
