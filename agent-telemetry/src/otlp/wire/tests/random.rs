//! Requests of every kind, drawn from a seed.

use fastrand::Rng;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

/// What is drawn.
pub(super) struct Draw {
    pub(super) rng: Rng,
    /// JSON has no other numbers, as the others write it.
    pub(super) finite: bool,
}

impl Draw {
    pub(super) fn new(seed: u64, finite: bool) -> Self {
        let rng = Rng::with_seed(seed);
        Self { rng, finite }
    }

    fn many<T>(&mut self, most: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.rng.usize(..=most)).map(|_| one(self)).collect()
    }

    fn maybe<T>(&mut self, one: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.rng.u8(..4) > 0).then(|| one(self))
    }

    fn text(&mut self) -> String {
        let letters = [
            "a",
            "session.id",
            "\"",
            "\\",
            "\n",
            "é",
            "€",
            "🦀",
            "\u{1}",
            "x y",
            "/",
        ];
        match self.rng.u8(..8) {
            0 => String::new(),
            1 => "0123456789abcdef".repeat(self.rng.usize(1..20)),
            2 | 3 => self
                .many(40, |it| it.rng.alphanumeric())
                .into_iter()
                .collect(),
            _ => self
                .many(6, |it| letters[it.rng.usize(..letters.len())])
                .concat(),
        }
    }

    fn double(&mut self) -> f64 {
        match self.rng.u8(..6) {
            0 => 0.0,
            1 => -0.0,
            2 if !self.finite => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][self.rng.usize(..3)],
            3 => f64::from(self.rng.i32(..)),
            4 => f64::from_bits(self.rng.u64(..)),
            _ => self.rng.f64(),
        }
        .clamp_if(self.finite)
    }

    fn u64(&mut self) -> u64 {
        let bits = self.rng.u32(..=64);
        self.rng.u64(..).checked_shr(bits).unwrap_or(0)
    }

    fn i64(&mut self) -> i64 {
        self.u64().cast_signed()
    }

    fn time(&mut self) -> u64 {
        [0, 1_795_300_000_123_456_789, u64::MAX][self.rng.usize(..3)]
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        match self.rng.u8(..8) {
            0 => Vec::new(),
            1 => vec![0; length],
            2 => self.many(length, |it| it.rng.u8(..)),
            _ => (0..length).map(|_| self.rng.u8(..)).collect(),
        }
    }

    pub(super) fn value(&mut self, depth: usize) -> AnyValue {
        use any_value::Value;
        let kinds = if depth == 0 { 6 } else { 8 };
        let value = match self.rng.u8(..kinds) {
            0 => None,
            1 => Some(Value::BoolValue(self.rng.bool())),
            2 => Some(Value::IntValue(self.i64())),
            3 => Some(Value::DoubleValue(self.double())),
            4 => Some(Value::BytesValue(self.bytes(9))),
            6 => Some(Value::ArrayValue(ArrayValue {
                values: self.many(3, |it| it.value(depth - 1)),
            })),
            7 => Some(Value::KvlistValue(KeyValueList {
                values: self.many(3, |it| it.pair(depth - 1)),
            })),
            _ => Some(Value::StringValue(self.text())),
        };
        AnyValue { value }
    }

    fn pair(&mut self, depth: usize) -> KeyValue {
        KeyValue {
            key: self.text(),
            value: self.maybe(|it| it.value(depth)),
            ..KeyValue::default()
        }
    }

    pub(super) fn attributes(&mut self) -> Vec<KeyValue> {
        let plain = self.rng.bool();
        let text = |it: &mut Self| KeyValue {
            key: it.text(),
            value: Some(AnyValue {
                value: Some(any_value::Value::StringValue(it.text())),
            }),
            ..KeyValue::default()
        };
        self.many(6, |it| if plain { text(it) } else { it.pair(3) })
    }

    fn resource(&mut self) -> Resource {
        Resource {
            attributes: self.attributes(),
            dropped_attributes_count: self.rng.u32(..),
            ..Resource::default()
        }
    }

    fn scope(&mut self) -> InstrumentationScope {
        InstrumentationScope {
            name: self.text(),
            version: self.text(),
            attributes: self.attributes(),
            dropped_attributes_count: 1,
        }
    }

    fn exemplars(&mut self) -> Vec<Exemplar> {
        self.many(1, |it| Exemplar {
            filtered_attributes: it.attributes(),
            time_unix_nano: it.time(),
            span_id: it.bytes(8),
            trace_id: it.bytes(16),
            value: Some(exemplar::Value::AsInt(it.i64())),
        })
    }

    fn number(&mut self) -> NumberDataPoint {
        NumberDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.time(),
            time_unix_nano: self.time(),
            exemplars: self.exemplars(),
            flags: self.rng.u32(..4),
            value: self.maybe(|it| {
                if it.rng.bool() {
                    number_data_point::Value::AsInt(it.i64())
                } else {
                    number_data_point::Value::AsDouble(it.double())
                }
            }),
        }
    }

    fn histogram(&mut self) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.time(),
            time_unix_nano: self.time(),
            count: self.u64(),
            sum: self.maybe(Self::double),
            bucket_counts: self.many(20, Self::u64),
            explicit_bounds: self.many(20, Self::double),
            exemplars: self.exemplars(),
            flags: self.rng.u32(..2),
            min: self.maybe(Self::double),
            max: self.maybe(Self::double),
        }
    }

    fn buckets(&mut self) -> Buckets {
        Buckets {
            offset: self.rng.i32(..),
            bucket_counts: self.many(200, Self::u64),
        }
    }

    fn exponential(&mut self) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.time(),
            time_unix_nano: self.time(),
            count: self.u64(),
            sum: self.maybe(Self::double),
            scale: self.rng.i32(..),
            zero_count: self.u64(),
            positive: self.maybe(Self::buckets),
            negative: self.maybe(Self::buckets),
            flags: self.rng.u32(..2),
            exemplars: self.exemplars(),
            min: self.maybe(Self::double),
            max: self.maybe(Self::double),
            // A zero that is not optional loses its sign: it is not sent.
            zero_threshold: self.double() + 0.0,
        }
    }

    fn summary(&mut self) -> SummaryDataPoint {
        SummaryDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.time(),
            time_unix_nano: self.time(),
            count: self.u64(),
            sum: self.double() + 0.0,
            quantile_values: self.many(2, |it| ValueAtQuantile {
                quantile: 0.5,
                value: it.double(),
            }),
            flags: self.rng.u32(..2),
        }
    }

    fn metric(&mut self) -> Metric {
        let aggregation_temporality = self.rng.i32(0..4);
        let data = self.maybe(|it| match it.rng.u8(..6) {
            0 => Data::Gauge(Gauge {
                data_points: it.many(3, Self::number),
            }),
            1 => Data::Histogram(Histogram {
                data_points: it.many(3, Self::histogram),
                aggregation_temporality,
            }),
            2 => Data::ExponentialHistogram(ExponentialHistogram {
                data_points: it.many(3, Self::exponential),
                aggregation_temporality,
            }),
            3 => Data::Summary(Summary {
                data_points: it.many(3, Self::summary),
            }),
            _ => Data::Sum(Sum {
                data_points: it.many(4, Self::number),
                aggregation_temporality,
                is_monotonic: it.rng.bool(),
            }),
        });
        Metric {
            name: self.text(),
            description: self.text(),
            unit: self.text(),
            metadata: self.attributes(),
            data,
        }
    }

    pub(super) fn metrics(&mut self) -> ExportMetricsServiceRequest {
        let resource_metrics = self.many(3, |it| ResourceMetrics {
            resource: it.maybe(Self::resource),
            scope_metrics: it.many(2, |it| ScopeMetrics {
                scope: it.maybe(Self::scope),
                metrics: it.many(4, Self::metric),
                schema_url: it.text(),
            }),
            schema_url: it.text(),
        });
        ExportMetricsServiceRequest { resource_metrics }
    }

    fn log(&mut self) -> LogRecord {
        LogRecord {
            time_unix_nano: self.time(),
            observed_time_unix_nano: self.time(),
            severity_number: self.rng.i32(0..25),
            severity_text: self.text(),
            body: self.maybe(|it| it.value(3)),
            attributes: self.attributes(),
            dropped_attributes_count: 3,
            flags: self.rng.u32(..),
            trace_id: self.bytes(16),
            span_id: self.bytes(8),
            event_name: self.text(),
        }
    }

    pub(super) fn logs(&mut self) -> ExportLogsServiceRequest {
        let resource_logs = self.many(3, |it| ResourceLogs {
            resource: it.maybe(Self::resource),
            scope_logs: it.many(2, |it| ScopeLogs {
                scope: it.maybe(Self::scope),
                log_records: it.many(4, Self::log),
                schema_url: it.text(),
            }),
            schema_url: it.text(),
        });
        ExportLogsServiceRequest { resource_logs }
    }

    fn span(&mut self) -> Span {
        Span {
            trace_id: self.bytes(16),
            span_id: self.bytes(8),
            trace_state: self.text(),
            parent_span_id: self.bytes(8),
            flags: self.rng.u32(..),
            name: self.text(),
            kind: self.rng.i32(0..6),
            start_time_unix_nano: self.time(),
            end_time_unix_nano: self.time(),
            attributes: self.attributes(),
            dropped_attributes_count: 1,
            events: self.many(3, |it| Event {
                time_unix_nano: it.time(),
                name: it.text(),
                attributes: it.attributes(),
                dropped_attributes_count: 1,
            }),
            dropped_events_count: 1,
            links: self.many(1, |it| Link {
                trace_id: it.bytes(16),
                attributes: it.attributes(),
                ..Link::default()
            }),
            dropped_links_count: 1,
            status: self.maybe(|it| Status {
                message: it.text(),
                code: it.rng.i32(0..4),
            }),
        }
    }

    pub(super) fn spans(&mut self) -> ExportTraceServiceRequest {
        let resource_spans = self.many(3, |it| ResourceSpans {
            resource: it.maybe(Self::resource),
            scope_spans: it.many(2, |it| ScopeSpans {
                scope: it.maybe(Self::scope),
                spans: it.many(4, Self::span),
                schema_url: it.text(),
            }),
            schema_url: it.text(),
        });
        ExportTraceServiceRequest { resource_spans }
    }
}

trait ClampIf {
    fn clamp_if(self, finite: bool) -> Self;
}

impl ClampIf for f64 {
    /// The number, or 1.5 where it is none and has to be one.
    fn clamp_if(self, finite: bool) -> Self {
        if finite && !self.is_finite() {
            1.5
        } else {
            self
        }
    }
}
