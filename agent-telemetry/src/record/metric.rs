//! Measured values.

use std::borrow::Cow;
use std::time::Duration;

use agent_primitives::{RecoveryStep, SpendAmount, SpendCrossing, SpendScope};
use serde::{Deserialize, Serialize};

use super::text::{NAME_BYTES, bounded};
use crate::words::words;

words! {
    /// What a metric counts in.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::Unit::Ratio.as_str(), "ratio");
    /// ```
    Unit {
        /// A share of a whole; 1 is all of it.
        Ratio = "ratio",
        /// Things.
        Count = "count",
        /// Seconds.
        Seconds = "seconds",
        /// Bytes.
        Bytes = "bytes",
        /// Tokens.
        Tokens = "tokens",
        /// Points on a scale of the host's own.
        Score = "score",
    }
}

words! {
    /// What a metric is about: one that every host means in the same way, or one of its own.
    ///
    /// ```
    /// use agent_telemetry::{Metric, MetricKind};
    ///
    /// assert_eq!(Metric::test_pass_rate(9, 10).map(|it| it.kind()), Some(MetricKind::TestPassRate));
    /// assert_eq!(Metric::count("files_changed", 3).kind(), MetricKind::Custom);
    /// ```
    MetricKind {
        /// The share of tests that passed.
        TestPassRate = "test_pass_rate",
        /// The share of calls that kept to their token limits.
        TokenCompliance = "token_compliance",
        /// Anything else; the name says what.
        Custom = "custom",
    }
}

/// A value that is not a number.
///
/// ```
/// use agent_telemetry::{Metric, Unit};
///
/// assert_eq!(
///     Metric::new("pass_rate", f64::NAN, Unit::Ratio).unwrap_err().to_string(),
///     "metric \"pass_rate\" has the value NaN; give a finite number or record nothing"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("metric {name:?} has the value {value}; give a finite number or record nothing")]
pub struct InvalidMetric {
    name: Cow<'static, str>,
    value: f64,
}

/// One measurement: a name, a finite value and its unit. Money is not a metric; see
/// [`ModelCall::cost`](crate::ModelCall).
///
/// ```
/// use agent_telemetry::{Metric, Unit};
///
/// let metric = Metric::new("test_pass_rate", 0.96, Unit::Ratio)?;
/// assert_eq!((metric.name(), metric.value()), ("test_pass_rate", 0.96));
/// assert_eq!(Metric::count("files_changed", 3).unit(), Unit::Count);
/// # Ok::<(), agent_telemetry::InvalidMetric>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire")]
pub struct Metric {
    name: Cow<'static, str>,
    value: f64,
    unit: Unit,
}

/// What arrives before the value is checked.
#[derive(Deserialize)]
struct Wire {
    name: Cow<'static, str>,
    value: f64,
    unit: Unit,
}

impl TryFrom<Wire> for Metric {
    type Error = InvalidMetric;
    fn try_from(wire: Wire) -> Result<Self, InvalidMetric> {
        Self::new(wire.name, wire.value, wire.unit)
    }
}

impl Metric {
    /// A measurement. The name is cut at 128 bytes; keep the number of names small.
    ///
    /// # Errors
    /// [`InvalidMetric`] when the value is infinite or not a number.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        value: f64,
        unit: Unit,
    ) -> Result<Self, InvalidMetric> {
        let name = bounded(name.into(), NAME_BYTES);
        if value.is_finite() {
            Ok(Self { name, value, unit })
        } else {
            Err(InvalidMetric { name, value })
        }
    }

    /// The share of tests that passed; `None` where none ran.
    pub fn test_pass_rate(passed: u32, ran: u32) -> Option<Self> {
        Self::share(MetricKind::TestPassRate, passed, ran)
    }

    /// The share of calls that kept to their token limits; `None` where there were none.
    pub fn token_compliance(kept: u32, calls: u32) -> Option<Self> {
        Self::share(MetricKind::TokenCompliance, kept, calls)
    }

    fn share(kind: MetricKind, part: u32, whole: u32) -> Option<Self> {
        (whole > 0).then(|| Self {
            name: Cow::Borrowed(kind.as_str()),
            value: f64::from(part) / f64::from(whole),
            unit: Unit::Ratio,
        })
    }

    /// One step of a recovery, counted under the name of its strategy and what came of it, such as
    /// `recovery_chunk_failed`.
    pub(super) fn of_recovery(step: &RecoveryStep) -> Self {
        let name = format!("recovery_{}_{}", step.strategy, step.outcome);
        Self::count(name, 1)
    }

    /// A number of things.
    pub fn count(name: impl Into<Cow<'static, str>>, count: u32) -> Self {
        Self {
            name: bounded(name.into(), NAME_BYTES),
            value: f64::from(count),
            unit: Unit::Count,
        }
    }

    /// A time, in seconds.
    pub fn seconds(name: impl Into<Cow<'static, str>>, elapsed: Duration) -> Self {
        Self {
            name: bounded(name.into(), NAME_BYTES),
            value: elapsed.as_secs_f64(),
            unit: Unit::Seconds,
        }
    }

    /// A share of a cap that was reached, under the cap's name.
    pub(crate) fn spent(crossing: &SpendCrossing) -> Self {
        let name = match (crossing.scope, crossing.cap) {
            (SpendScope::Request, SpendAmount::Usd(_)) => "budget_request_usd",
            (SpendScope::Request, SpendAmount::Tokens(_)) => "budget_request_tokens",
            (SpendScope::Session, SpendAmount::Usd(_)) => "budget_session_usd",
            (SpendScope::Session, SpendAmount::Tokens(_)) => "budget_session_tokens",
            (SpendScope::Day, SpendAmount::Usd(_)) => "budget_day_usd",
            (SpendScope::Day, SpendAmount::Tokens(_)) => "budget_day_tokens",
            _ => "budget",
        };
        Self {
            name: Cow::Borrowed(name),
            value: f64::from(crossing.percent) / 100.0,
            unit: Unit::Ratio,
        }
    }

    /// What was measured.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn name_mut(&mut self) -> &mut Cow<'static, str> {
        &mut self.name
    }

    /// What it is about, by its name.
    pub fn kind(&self) -> MetricKind {
        MetricKind::from_word(&self.name).unwrap_or(MetricKind::Custom)
    }

    /// Whether it says how good something was: a ratio or a score that is no share of a budget.
    pub(crate) fn is_score(&self) -> bool {
        matches!(self.unit, Unit::Ratio | Unit::Score)
            && self.name != "budget"
            && !self.name.starts_with("budget_")
    }

    /// The value; finite.
    pub const fn value(&self) -> f64 {
        self.value
    }

    /// What it counts in.
    pub const fn unit(&self) -> Unit {
        self.unit
    }
}
