//! Requests in both encodings, read without copying them.
//!
//! A request is read in two steps. The first walks over all of it, checks it, and notes where its items are; the
//! second tells them. So a request is told as a whole or not at all.

mod found;
mod item;
mod json;
mod limits;
mod malformed;
mod prints;
mod protobuf;
mod raw;
mod said;
mod tell;
mod visit;

pub(crate) use found::Room;
pub(crate) use item::{
    ExponentialData, HistogramData, Log, MetricHead, Number, Point, PointData, Scope, Shape, Span,
    SpanEvent, SpanStatus, Temporality,
};

pub(crate) use limits::{AttributesDropped, ReadLimits};
pub(crate) use malformed::Malformed;

pub(crate) use prints::Prints;
pub(crate) use raw::{Labels, RawAttributes};
pub(crate) use visit::{VisitLogs, VisitMetrics, VisitSpans};

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    Protobuf,
    Json,
}

/// Tells what an `ExportMetricsServiceRequest` says.
pub(crate) fn read_metrics<'a>(
    encoding: Encoding,
    body: &'a [u8],
    limits: &ReadLimits,
    room: &mut Room,
    visitor: &mut impl VisitMetrics<'a>,
) -> Result<(), Malformed> {
    match encoding {
        Encoding::Protobuf => protobuf::read_metrics(body, limits, room, visitor),
        Encoding::Json => json::read_metrics(body, limits, room, visitor),
    }
    .map_err(|fault| fault.within(body))
}

/// Tells what an `ExportLogsServiceRequest` says.
pub(crate) fn read_logs<'a>(
    encoding: Encoding,
    body: &'a [u8],
    limits: &ReadLimits,
    room: &mut Room,
    visitor: &mut impl VisitLogs<'a>,
) -> Result<(), Malformed> {
    match encoding {
        Encoding::Protobuf => protobuf::read_logs(body, limits, room, visitor),
        Encoding::Json => json::read_logs(body, limits, room, visitor),
    }
    .map_err(|fault| fault.within(body))
}

/// Tells what an `ExportTraceServiceRequest` says.
pub(crate) fn read_spans<'a>(
    encoding: Encoding,
    body: &'a [u8],
    limits: &ReadLimits,
    room: &mut Room,
    visitor: &mut impl VisitSpans<'a>,
) -> Result<(), Malformed> {
    match encoding {
        Encoding::Protobuf => protobuf::read_spans(body, limits, room, visitor),
        Encoding::Json => json::read_spans(body, limits, room, visitor),
    }
    .map_err(|fault| fault.within(body))
}

#[cfg(test)]
mod tests;
