//! All values at one moment, as data.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::histogram::ExponentialHistogram;
use crate::words::words;

words! {
    /// What a family measures with.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::InstrumentKind::Histogram.as_str(), "histogram");
    /// ```
    InstrumentKind {
        /// A total that only grows.
        Counter = "counter",
        /// A value that goes up and down.
        Gauge = "gauge",
        /// The distribution of values.
        Histogram = "histogram",
    }
}

/// All families of a registry, sorted by name, each with its series sorted by their label values.
///
/// Values are read one after the other while others go on recording: each is right by itself, and two
/// may be from slightly different moments.
///
/// ```
/// use agent_telemetry::{Instrument, Metrics, MetricsSnapshot, Value};
///
/// let metrics = Metrics::new();
/// let tries = metrics.counter(Instrument::<(bool,)>::new("tries", "{try}", ["ok"]))?;
/// tries.add((true,), 5);
///
/// let snapshot = metrics.snapshot();
/// let family = snapshot.family("tries").unwrap();
/// assert_eq!(family.labels_of(&family.series[0]).collect::<Vec<_>>(), [("ok", "true")]);
/// assert_eq!(family.series[0].value, Value::Counter(5));
///
/// let text = serde_json::to_string(&snapshot)?;
/// assert_eq!(serde_json::from_str::<MetricsSnapshot>(&text)?, snapshot);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsSnapshot {
    /// The families.
    pub families: Vec<FamilySnapshot>,
}

impl MetricsSnapshot {
    /// The family called `name`.
    pub fn family(&self, name: &str) -> Option<&FamilySnapshot> {
        self.families.iter().find(|family| family.name == name)
    }
}

/// One family with the values of its series.
///
/// ```
/// # use agent_telemetry::{Instrument, Metrics};
/// let metrics = Metrics::new();
/// metrics.gauge(Instrument::<()>::new("load", "1", []).description("Work that waits."))?.set((), 0.5);
/// let family = metrics.snapshot().families.remove(0);
/// assert_eq!((&*family.name, &*family.unit), ("load", "1"));
/// assert_eq!(family.description, "Work that waits.");
/// # Ok::<(), agent_telemetry::MetricsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FamilySnapshot {
    /// The name of the instrument.
    pub name: Cow<'static, str>,
    /// What its values count in.
    pub unit: Cow<'static, str>,
    /// What is measured, in a sentence; may be empty.
    pub description: Cow<'static, str>,
    /// What it measures with.
    pub kind: InstrumentKind,
    /// The names of the labels.
    pub labels: Vec<Cow<'static, str>>,
    /// The series, sorted by their labels, that of the overflow last.
    pub series: Vec<SeriesSnapshot>,
    /// How often labels beyond the limit were recorded with or resolved.
    pub overflowed: u64,
}

impl FamilySnapshot {
    /// Names and values of the labels of one of its series, those left out that are empty; for that of the overflow the one label
    /// that OpenTelemetry gives it.
    pub fn labels_of<'a>(
        &'a self,
        series: &'a SeriesSnapshot,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let own = self.labels.iter().zip(series.labels.iter());
        let own = own.filter(|(_, value)| !value.is_empty());
        let own = own.map(|(name, value)| (&**name, &**value));
        own.chain(series.overflow.then_some(("otel.metric.overflow", "true")))
    }
}

/// One series and its value.
///
/// ```
/// # use agent_telemetry::{Instrument, Metrics};
/// let metrics = Metrics::new();
/// let seen = metrics.counter(Instrument::<(String,)>::new("seen", "1", ["who"]).series_limit(0))?;
/// seen.add(("anybody",), 1);
/// let family = metrics.snapshot().families.remove(0);
/// assert!(family.series[0].overflow);
/// let labels: Vec<_> = family.labels_of(&family.series[0]).collect();
/// assert_eq!(labels, [("otel.metric.overflow", "true")]);
/// # Ok::<(), agent_telemetry::MetricsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesSnapshot {
    /// The values of the labels, in the order of their names; none for the overflow.
    pub labels: Arc<[Box<str>]>,
    /// Whether this is the series of all label sets beyond the limit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overflow: bool,
    /// The value.
    pub value: Value,
}

/// The value of a series.
///
/// ```
/// use agent_telemetry::Value;
///
/// assert_eq!(serde_json::to_string(&Value::Counter(3))?, r#"{"counter":3}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Value {
    /// A total.
    Counter(u64),
    /// A value at that moment.
    Gauge(f64),
    /// A distribution.
    Histogram(ExponentialHistogram),
}
