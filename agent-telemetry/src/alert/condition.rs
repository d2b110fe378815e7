//! What a rule watches, as data.

use std::time::Duration;

use agent_primitives::Usd;
use serde::{Deserialize, Serialize};

use super::span;
use crate::words::words;

words! {
    /// What is counted as having gone well or not, and as having taken some time.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::alert::Calls::ModelCalls.as_str(), "model_calls");
    /// ```
    Calls {
        /// Model calls with all attempts that they took.
        ModelCalls = "model_calls",
        /// Tool calls; an aborted one has not failed.
        ToolCalls = "tool_calls",
        /// Single calls to providers, as events tell of them.
        Attempts = "attempts",
        /// Sessions that ended, once for each agent that worked in one; failed and aborted ones have failed.
        Sessions = "sessions",
    }
}

words! {
    /// Where things wait.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::alert::Queue::Recorder.as_str(), "recorder");
    /// ```
    Queue {
        /// Tasks, from the [`TaskTiming`](crate::TaskTiming)s of a window. How many wait on average is the sum
        /// of their waiting times over the length of the window (Little's law).
        Tasks = "tasks",
        /// Records on their way to the sink, as [`Alerts::waiting`](super::Alerts::waiting) is told.
        Recorder = "recorder",
    }
}

words! {
    /// For how long a budget is.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::alert::BudgetPeriod::Day.as_str(), "day");
    /// ```
    BudgetPeriod {
        /// For one session.
        Session = "session",
        /// For a day of the calendar, UTC.
        Day = "day",
        /// For a month of the calendar, UTC.
        Month = "month",
    }
}

/// Where a measured value must not be.
///
/// ```
/// use agent_telemetry::alert::Bound;
///
/// assert_eq!(serde_json::to_string(&Bound::Above(100.0))?, r#"{"above":100.0}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Above this value.
    Above(f64),
    /// Below this value.
    Below(f64),
}

/// Two windows over which errors are spent too fast. The long one says that it matters, the short one that it
/// still goes on.
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::alert::WindowPair;
///
/// let fast = WindowPair::FAST;
/// assert_eq!((fast.factor, fast.long), (14.4, Duration::from_secs(3_600)));
/// assert_eq!(fast.short, Duration::from_secs(300));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowPair {
    /// How many times faster than the objective allows.
    pub factor: f64,
    /// The long window.
    #[serde(with = "span")]
    pub long: Duration,
    /// The short window.
    #[serde(with = "span")]
    pub short: Duration,
}

impl WindowPair {
    /// 14.4 times over 1 hour and 5 minutes: 2 % of the errors of 30 days in an hour.
    pub const FAST: Self = Self::new(14.4, 3_600, 300);
    /// 6 times over 6 hours and 30 minutes: 5 % of the errors of 30 days in 6 hours.
    pub const MEDIUM: Self = Self::new(6.0, 21_600, 1_800);
    /// Once over 3 days and 6 hours: 10 % of the errors of 30 days in 3 days.
    pub const SLOW: Self = Self::new(1.0, 259_200, 21_600);

    const fn new(factor: f64, long: u64, short: u64) -> Self {
        Self {
            factor,
            long: Duration::from_secs(long),
            short: Duration::from_secs(short),
        }
    }
}

/// What must hold for a rule to fire. Whatever has `clear` stays firing until its value is at or within that one, which
/// is the limit itself unless set.
///
/// A window is divided into 60 parts. What is older than the window never counts, and what is older than 59 of its
/// parts may not.
///
/// ```
/// use agent_telemetry::alert::Condition;
///
/// let slow: Condition = serde_json::from_str(r#"{"kind": "latency", "of": "model_calls", "above": "10s"}"#)?;
/// let Condition::Latency { quantile, window, .. } = slow else { return Err("no latency".into()) };
/// assert_eq!((quantile, window.as_secs()), (0.95, 300));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Condition {
    /// More than a share of calls failed.
    ErrorRate {
        /// Which calls.
        of: Calls,
        /// The share, from 0 to 1.
        above: f64,
        /// The share at which it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clear: Option<f64>,
        /// Over which time; 5 minutes unless set.
        #[serde(default = "five_minutes", with = "span")]
        window: Duration,
        /// With fewer calls in the window nothing begins, and the share alone ends it; 20 unless set.
        #[serde(default = "twenty")]
        at_least: u64,
    },
    /// A percentile of the time that calls took is above a limit: more than the rest of the calls took longer. It is
    /// counted, so it is exact. Failed calls count with the time until they failed.
    Latency {
        /// Which calls.
        of: Calls,
        /// Which percentile, as a share; 0.95 unless set.
        #[serde(default = "p95")]
        quantile: f64,
        /// The limit.
        #[serde(with = "span")]
        above: Duration,
        /// The limit at which it ends.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "span::option"
        )]
        clear: Option<Duration>,
        /// Over which time; 5 minutes unless set.
        #[serde(default = "five_minutes", with = "span")]
        window: Duration,
        /// With fewer calls in the window nothing begins, and the share alone ends it; 20 unless set.
        #[serde(default = "twenty")]
        at_least: u64,
    },
    /// More tokens a minute than so many, of all types together.
    TokensPerMinute {
        /// So many.
        above: u64,
        /// So many at which it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clear: Option<u64>,
        /// Over which time they are counted; 5 minutes unless set.
        #[serde(default = "five_minutes", with = "span")]
        window: Duration,
    },
    /// More dollars an hour than so many. Calls without a price cost nothing here.
    CostPerHour {
        /// So many.
        above: Usd,
        /// So many at which it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clear: Option<Usd>,
        /// Over which time they are counted; 1 hour unless set.
        #[serde(default = "hour", with = "span")]
        window: Duration,
    },
    /// More things wait than so many.
    QueueDepth {
        /// Where.
        of: Queue,
        /// So many.
        above: f64,
        /// So many at which it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clear: Option<f64>,
        /// For tasks, over which time; 5 minutes unless set.
        #[serde(default = "five_minutes", with = "span")]
        window: Duration,
    },
    /// A share of a budget is spent. Ends with the period, or when the last agent of the session has ended.
    Budget {
        /// For how long the budget is.
        period: BudgetPeriod,
        /// The share that fires it when it is reached; 0.8 is 80 %.
        share: f64,
        /// The budget, against which the costs of the records are summed up. Without one it is the budget that the
        /// host guards, as the event [`SpendCrossing`](agent_primitives::SpendCrossing) tells of it: the newest share of
        /// its dollars or of its tokens, whichever is higher. So it also ends when the budget was raised and the next
        /// crossing is one of a lower share.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Usd>,
    },
    /// A share of the context window of an agent is used. Ends with the work of the agent in the session, or a day after
    /// the last word of it.
    ContextShare {
        /// The share that fires it when it is reached; 0.8 is 80 %.
        share: f64,
        /// The share below which it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clear: Option<f64>,
    },
    /// A provider's circuit breaker is open, or all its answers have been failures for a time. What the request is to blame for
    /// does not count. Ends with an answer, with the breaker closed, or a day after the last word of the provider.
    ProviderDown {
        /// For how long; 1 minute unless set.
        #[serde(default = "minute", with = "span")]
        after: Duration,
        /// And not fewer than so many failures; 3 unless set.
        #[serde(default = "three")]
        at_least: u64,
    },
    /// Errors are spent so many times faster than an objective allows, over both windows of any of the pairs.
    BurnRate {
        /// Which calls.
        of: Calls,
        /// The share of calls that must not fail, such as 0.99.
        objective: f64,
        /// The pairs.
        windows: Vec<WindowPair>,
        /// With fewer calls in the long window nothing begins; 20 unless set.
        #[serde(default = "twenty")]
        at_least: u64,
    },
    /// Nothing was recorded for a time.
    Silence {
        /// For how long.
        #[serde(with = "span")]
        after: Duration,
    },
    /// The last value of a metric is beyond a bound.
    Metric {
        /// Which metric.
        name: String,
        /// The bound.
        bound: Bound,
        /// The value at which it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clear: Option<f64>,
        /// After which time a value says nothing any more; it holds until the next one unless set.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "span::option"
        )]
        stale: Option<Duration>,
    },
}

const fn minute() -> Duration {
    Duration::from_secs(60)
}

const fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

const fn hour() -> Duration {
    Duration::from_secs(3_600)
}

const fn three() -> u64 {
    3
}

const fn twenty() -> u64 {
    20
}

const fn p95() -> f64 {
    0.95
}
