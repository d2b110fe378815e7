//! What requests consist of.

use std::borrow::Cow;
use std::mem;

use super::super::value::{Attributes, Value};

/// Who made the items that follow within a resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Scope<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) version: Cow<'a, str>,
}

/// Whether points say what was added since the last one, or everything since a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Temporality {
    /// Not said, which is an error for sums and histograms.
    Unspecified,
    Delta,
    Cumulative,
}

impl Temporality {
    pub(super) const fn from_code(code: i32) -> Self {
        match code {
            1 => Self::Delta,
            2 => Self::Cumulative,
            _ => Self::Unspecified,
        }
    }
}

/// What kind of metric it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    /// No data, or of a kind that this version does not know.
    Unknown,
    Gauge,
    Sum {
        temporality: Temporality,
        monotonic: bool,
    },
    Histogram(Temporality),
    ExponentialHistogram(Temporality),
    Summary,
}

/// What stands once for all points of a metric.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MetricHead<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) unit: Cow<'a, str>,
    pub(crate) shape: Shape,
}

/// A number as it was sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    Double(f64),
}

/// One data point, without its attributes. Times are nanoseconds since 1970; 0 is unknown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) start: u64,
    pub(crate) time: u64,
    /// The flag that says that nothing was measured: the value counts for nothing.
    pub(crate) no_recorded_value: bool,
    pub(crate) data: PointData,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PointData {
    /// A point without a value.
    Missing,
    Number(Number),
    Histogram(HistogramData),
    Exponential(ExponentialData),
    /// Quantiles are not kept.
    Summary {
        count: u64,
        sum: f64,
    },
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct HistogramData {
    pub(crate) count: u64,
    pub(crate) sum: Option<f64>,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) bounds: Vec<f64>,
    pub(crate) buckets: Vec<u64>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ExponentialData {
    pub(crate) count: u64,
    pub(crate) sum: Option<f64>,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) scale: i32,
    pub(crate) zero_count: u64,
    pub(crate) zero_threshold: f64,
    pub(crate) positive_offset: i32,
    pub(crate) positive: Vec<u64>,
    pub(crate) negative_offset: i32,
    pub(crate) negative: Vec<u64>,
}

/// One log record.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Log<'a> {
    /// When it happened; 0 where only `observed` is known.
    pub(crate) time: u64,
    pub(crate) observed: u64,
    pub(crate) severity: i32,
    pub(crate) body: Value<'a>,
    pub(crate) event_name: Cow<'a, str>,
    pub(crate) attributes: Attributes<'a>,
    pub(crate) trace_id: Option<u128>,
    pub(crate) span_id: Option<u64>,
    /// Of all that it says: the same for the same record sent again.
    pub(crate) fingerprint: u128,
}

impl Log<'_> {
    /// Makes room for another record, where this one was.
    pub(super) fn clear(&mut self) {
        self.attributes.clear();
        *self = Self {
            attributes: mem::take(&mut self.attributes),
            ..Self::default()
        };
    }
}

/// How a span says that it ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SpanStatus {
    #[default]
    Unset,
    Ok,
    Error,
}

impl SpanStatus {
    pub(super) const fn from_code(code: i32) -> Self {
        match code {
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Unset,
        }
    }
}

/// One span.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::struct_field_names, reason = "the protocol's word")]
pub(crate) struct Span<'a> {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) parent: Option<u64>,
    pub(crate) name: Cow<'a, str>,
    /// As in the protocol: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub(crate) kind: i32,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) attributes: Attributes<'a>,
    pub(crate) status: SpanStatus,
    pub(crate) events: Vec<SpanEvent<'a>>,
}

impl Span<'_> {
    /// Makes room for another span, where this one was.
    pub(super) fn clear(&mut self) {
        self.attributes.clear();
        self.events.clear();
        *self = Self {
            attributes: mem::take(&mut self.attributes),
            events: mem::take(&mut self.events),
            ..Self::default()
        };
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SpanEvent<'a> {
    pub(crate) time: u64,
    pub(crate) name: Cow<'a, str>,
    pub(crate) attributes: Attributes<'a>,
}
