//! What a request says according to the types that others generated.

use std::borrow::Cow;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::super::super::value::{Attributes, Value};
use super::super::{
    ExponentialData, HistogramData, Log, MetricHead, Number, Point, PointData, Scope, Shape, Span,
    SpanEvent, SpanStatus, Temporality,
};
use super::told::Told;

fn value(value: Option<&AnyValue>) -> Value<'_> {
    let Some(value) = value.and_then(|it| it.value.as_ref()) else {
        return Value::Empty;
    };
    match value {
        any_value::Value::StringValue(it) => Value::Text(Cow::Borrowed(it)),
        any_value::Value::BoolValue(it) => Value::Bool(*it),
        any_value::Value::IntValue(it) => Value::Int(*it),
        any_value::Value::DoubleValue(it) => Value::Double(*it),
        any_value::Value::BytesValue(it) => Value::Bytes(Cow::Borrowed(it)),
        any_value::Value::ArrayValue(it) => {
            Value::Array(it.values.iter().map(|it| self::value(Some(it))).collect())
        }
        any_value::Value::KvlistValue(it) => Value::Map(attributes(&it.values)),
        any_value::Value::StringValueStrindex(_) => Value::Empty,
    }
}

fn attributes(pairs: &[KeyValue]) -> Attributes<'_> {
    let pairs = pairs.iter();
    pairs
        .map(|it| (it.key.as_str(), value(it.value.as_ref())))
        .collect()
}

fn resource(told: &mut Told, resource: Option<&Resource>) {
    let pairs = resource.map_or(&[][..], |it| &it.attributes);
    told.line("attributes", &attributes(pairs));
}

fn scope(told: &mut Told, scope: Option<&InstrumentationScope>) {
    let scope = scope.map_or_else(Scope::default, |it| Scope {
        name: Cow::Borrowed(&it.name),
        version: Cow::Borrowed(&it.version),
    });
    told.line("", &scope);
}

fn temporality(code: i32) -> Temporality {
    match code {
        1 => Temporality::Delta,
        2 => Temporality::Cumulative,
        _ => Temporality::Unspecified,
    }
}

fn number(it: &NumberDataPoint) -> (Attributes<'_>, Point) {
    let data = match it.value {
        Some(number_data_point::Value::AsInt(it)) => PointData::Number(Number::Int(it)),
        Some(number_data_point::Value::AsDouble(it)) => PointData::Number(Number::Double(it)),
        None => PointData::Missing,
    };
    let times = (it.start_time_unix_nano, it.time_unix_nano);
    (attributes(&it.attributes), point(times, it.flags, data))
}

fn point((start, time): (u64, u64), flags: u32, data: PointData) -> Point {
    Point {
        start,
        time,
        no_recorded_value: flags & 1 == 1,
        data,
    }
}

fn points(data: &Data) -> (Shape, Vec<(Attributes<'_>, Point)>) {
    match data {
        Data::Gauge(it) => (Shape::Gauge, it.data_points.iter().map(number).collect()),
        Data::Sum(it) => {
            let shape = Shape::Sum {
                temporality: temporality(it.aggregation_temporality),
                monotonic: it.is_monotonic,
            };
            (shape, it.data_points.iter().map(number).collect())
        }
        Data::Histogram(it) => {
            let shape = Shape::Histogram(temporality(it.aggregation_temporality));
            let points = it.data_points.iter().map(|it| {
                let data = PointData::Histogram(HistogramData {
                    count: it.count,
                    sum: it.sum,
                    min: it.min,
                    max: it.max,
                    bounds: it.explicit_bounds.clone(),
                    buckets: it.bucket_counts.clone(),
                });
                let times = (it.start_time_unix_nano, it.time_unix_nano);
                (attributes(&it.attributes), point(times, it.flags, data))
            });
            (shape, points.collect())
        }
        Data::ExponentialHistogram(it) => {
            let shape = Shape::ExponentialHistogram(temporality(it.aggregation_temporality));
            let points = it.data_points.iter().map(|it| {
                let side = |side: Option<&Buckets>| {
                    side.map_or((0, Vec::new()), |it| (it.offset, it.bucket_counts.clone()))
                };
                let (positive_offset, positive) = side(it.positive.as_ref());
                let (negative_offset, negative) = side(it.negative.as_ref());
                let data = PointData::Exponential(ExponentialData {
                    count: it.count,
                    sum: it.sum,
                    min: it.min,
                    max: it.max,
                    scale: it.scale,
                    zero_count: it.zero_count,
                    zero_threshold: it.zero_threshold,
                    positive_offset,
                    positive,
                    negative_offset,
                    negative,
                });
                let times = (it.start_time_unix_nano, it.time_unix_nano);
                (attributes(&it.attributes), point(times, it.flags, data))
            });
            (shape, points.collect())
        }
        Data::Summary(it) => {
            let points = it.data_points.iter().map(|it| {
                let (count, sum) = (it.count, it.sum);
                let times = (it.start_time_unix_nano, it.time_unix_nano);
                let data = PointData::Summary { count, sum };
                (attributes(&it.attributes), point(times, it.flags, data))
            });
            (Shape::Summary, points.collect())
        }
    }
}

/// What we would tell of it.
pub(super) fn metrics(request: &ExportMetricsServiceRequest) -> String {
    let mut told = Told::default();
    for by_resource in &request.resource_metrics {
        let mut by_resource_told = Told::default();
        for by_scope in &by_resource.scope_metrics {
            let mut by_scope_told = Told::default();
            for metric in &by_scope.metrics {
                let Some((shape, points)) = metric.data.as_ref().map(points) else {
                    continue;
                };
                let head = MetricHead {
                    name: Cow::Borrowed(&metric.name),
                    unit: Cow::Borrowed(&metric.unit),
                    shape,
                };
                if !points.is_empty() {
                    by_scope_told.line("", &head);
                }
                for (attributes, point) in points {
                    by_scope_told.line("attributes", &attributes);
                    by_scope_told.line("", &point);
                }
            }
            if !by_scope_told.lines.is_empty() {
                scope(&mut by_resource_told, by_scope.scope.as_ref());
                by_resource_told.lines += &by_scope_told.lines;
            }
        }
        if !by_resource_told.lines.is_empty() {
            resource(&mut told, by_resource.resource.as_ref());
            told.lines += &by_resource_told.lines;
        }
    }
    told.lines
}

fn trace_id(bytes: &[u8]) -> Option<u128> {
    let id = <[u8; 16]>::try_from(bytes).map(u128::from_be_bytes);
    id.ok().filter(|it| *it != 0)
}

fn span_id(bytes: &[u8]) -> Option<u64> {
    let id = <[u8; 8]>::try_from(bytes).map(u64::from_be_bytes);
    id.ok().filter(|it| *it != 0)
}

pub(super) fn logs(request: &ExportLogsServiceRequest) -> String {
    let mut told = Told::default();
    for by_resource in &request.resource_logs {
        if by_resource
            .scope_logs
            .iter()
            .all(|it| it.log_records.is_empty())
        {
            continue;
        }
        resource(&mut told, by_resource.resource.as_ref());
        for by_scope in &by_resource.scope_logs {
            if !by_scope.log_records.is_empty() {
                scope(&mut told, by_scope.scope.as_ref());
            }
            for log in &by_scope.log_records {
                told.line(
                    "",
                    &Log {
                        time: log.time_unix_nano,
                        observed: log.observed_time_unix_nano,
                        severity: log.severity_number,
                        body: value(log.body.as_ref()),
                        event_name: Cow::Borrowed(&log.event_name),
                        attributes: attributes(&log.attributes),
                        trace_id: trace_id(&log.trace_id),
                        span_id: span_id(&log.span_id),
                        fingerprint: 0,
                    },
                );
            }
        }
    }
    told.lines
}

pub(super) fn spans(request: &ExportTraceServiceRequest) -> String {
    let mut told = Told::default();
    for by_resource in &request.resource_spans {
        if by_resource.scope_spans.iter().all(|it| it.spans.is_empty()) {
            continue;
        }
        resource(&mut told, by_resource.resource.as_ref());
        for by_scope in &by_resource.scope_spans {
            if !by_scope.spans.is_empty() {
                scope(&mut told, by_scope.scope.as_ref());
            }
            for span in &by_scope.spans {
                let events = span.events.iter().map(|it| SpanEvent {
                    time: it.time_unix_nano,
                    name: Cow::Borrowed(&it.name),
                    attributes: attributes(&it.attributes),
                });
                let status = match span.status.as_ref().map_or(0, |it| it.code) {
                    1 => SpanStatus::Ok,
                    2 => SpanStatus::Error,
                    _ => SpanStatus::Unset,
                };
                told.line(
                    "",
                    &Span {
                        trace_id: trace_id(&span.trace_id).unwrap_or(0),
                        span_id: span_id(&span.span_id).unwrap_or(0),
                        parent: span_id(&span.parent_span_id),
                        name: Cow::Borrowed(&span.name),
                        kind: span.kind,
                        start: span.start_time_unix_nano,
                        end: span.end_time_unix_nano,
                        attributes: attributes(&span.attributes),
                        status,
                        events: events.collect(),
                    },
                );
            }
        }
    }
    told.lines
}
