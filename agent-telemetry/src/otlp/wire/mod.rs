//! Requests in both encodings, read without copying them.

mod item;

#[allow(unused_imports, reason = "the parts are joined by the processor")]
pub(crate) use item::{
    ExponentialData, HistogramData, Log, MetricHead, Number, Point, PointData, Scope, Shape, Span,
    SpanEvent, SpanStatus, Temporality,
};
