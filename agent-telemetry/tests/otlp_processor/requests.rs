//! Requests as an agent CLI sends them, made by the types that others generated.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    metric::Data, number_data_point::Value as Number,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

/// Seconds since 1970 at which all sessions begin.
pub(crate) const BEGIN: u64 = 1_795_132_800;

pub(crate) const DELTA: i32 = 1;
pub(crate) const CUMULATIVE: i32 = 2;

pub(crate) const fn at(second: u64) -> u64 {
    (BEGIN + second) * 1_000_000_000
}

pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.to_owned()))
}

pub(crate) fn int(key: &str, value: i64) -> KeyValue {
    pair(key, Value::IntValue(value))
}

pub(crate) fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// Tokens that one call used, as the GenAI conventions tell them: the metric knows its process, the span its session.
pub(crate) fn genai(input: u64, output: u64) -> (Vec<u8>, Vec<u8>) {
    let resource = Some(Resource {
        attributes: vec![
            text("service.name", "worker"),
            text("service.instance.id", "w-1"),
        ],
        ..Resource::default()
    });
    let model = || {
        vec![
            text("gen_ai.provider.name", "anthropic"),
            text("gen_ai.response.model", "claude-haiku-4-5"),
        ]
    };
    let point = |kind: &str, tokens: u64| HistogramDataPoint {
        attributes: [
            model(),
            vec![
                text("gen_ai.operation.name", "chat"),
                text("gen_ai.token.type", kind),
            ],
        ]
        .concat(),
        start_time_unix_nano: at(0),
        time_unix_nano: at(60),
        count: 1,
        sum: Some(f64::from(u32::try_from(tokens).unwrap())),
        ..HistogramDataPoint::default()
    };
    let metric = Metric {
        name: "gen_ai.client.token.usage".to_owned(),
        unit: "{token}".to_owned(),
        data: Some(Data::Histogram(Histogram {
            data_points: vec![point("input", input), point("output", output)],
            aggregation_temporality: CUMULATIVE,
        })),
        ..Metric::default()
    };
    let metrics = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: resource.clone(),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope("gen_ai")),
                metrics: vec![metric],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    let span = Span {
        trace_id: [9; 16].to_vec(),
        span_id: [1; 8].to_vec(),
        name: "chat claude-haiku-4-5".to_owned(),
        start_time_unix_nano: at(3),
        end_time_unix_nano: at(4),
        attributes: [
            model(),
            vec![
                text("gen_ai.operation.name", "chat"),
                text("gen_ai.conversation.id", "conversation-1"),
                int("gen_ai.usage.input_tokens", i64::try_from(input).unwrap()),
                int("gen_ai.usage.output_tokens", i64::try_from(output).unwrap()),
            ],
        ]
        .concat(),
        ..Span::default()
    };
    let spans = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource,
            scope_spans: vec![ScopeSpans {
                scope: Some(scope("gen_ai")),
                spans: vec![span],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    (metrics.encode_to_vec(), spans.encode_to_vec())
}

fn resource() -> Resource {
    Resource {
        attributes: vec![
            text("service.name", "claude-code"),
            text("service.version", "2.1.248"),
        ],
        ..Resource::default()
    }
}

fn scope(name: &str) -> InstrumentationScope {
    InstrumentationScope {
        name: name.to_owned(),
        ..InstrumentationScope::default()
    }
}

/// A value of `claude_code.token.usage` of one session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tokens {
    pub(crate) session: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) start: u64,
    pub(crate) time: u64,
    pub(crate) value: i64,
}

pub(crate) fn tokens(temporality: i32, points: &[Tokens]) -> Vec<u8> {
    let points = points.iter().map(|it| NumberDataPoint {
        attributes: vec![
            text("session.id", it.session),
            text("user.email", "canary@example.com"),
            text("model", "claude-haiku-4-5"),
            text("type", it.kind),
        ],
        start_time_unix_nano: at(it.start),
        time_unix_nano: at(it.time),
        value: Some(Number::AsInt(it.value)),
        ..NumberDataPoint::default()
    });
    sums(
        "claude_code.token.usage",
        "tokens",
        temporality,
        points.collect(),
    )
}

pub(crate) fn sums(
    name: &str,
    unit: &str,
    temporality: i32,
    points: Vec<NumberDataPoint>,
) -> Vec<u8> {
    let metric = Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        data: Some(Data::Sum(Sum {
            data_points: points,
            aggregation_temporality: temporality,
            is_monotonic: true,
        })),
        ..Metric::default()
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource()),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope("com.anthropic.claude_code")),
                metrics: vec![metric],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    request.encode_to_vec()
}

/// One request to a model, as events and spans tell it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) session: &'static str,
    pub(crate) number: u64,
    pub(crate) second: u64,
    pub(crate) input: i64,
    pub(crate) cache_read: i64,
    pub(crate) output: i64,
}

impl Call {
    pub(crate) fn request(&self) -> String {
        format!("req_{}_{}", self.session, self.number)
    }
}

pub(crate) fn event(name: &str, second: u64, attributes: Vec<KeyValue>) -> LogRecord {
    LogRecord {
        time_unix_nano: at(second),
        observed_time_unix_nano: at(second),
        body: Some(AnyValue {
            value: Some(Value::StringValue(format!("claude_code.{name}"))),
        }),
        attributes,
        ..LogRecord::default()
    }
}

pub(crate) fn logs(records: Vec<LogRecord>) -> Vec<u8> {
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource()),
            scope_logs: vec![ScopeLogs {
                scope: Some(scope("com.anthropic.claude_code.events")),
                log_records: records,
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    request.encode_to_vec()
}

pub(crate) fn call_events(calls: &[Call]) -> Vec<u8> {
    logs(calls.iter().map(call_event).collect())
}

pub(crate) fn call_event(it: &Call) -> LogRecord {
    let sequence = i64::try_from(it.number).unwrap();
    let attributes = vec![
        text("event.name", "api_request"),
        text("session.id", it.session),
        text("user.email", "canary@example.com"),
        int("event.sequence", sequence),
        text("model", "claude-haiku-4-5"),
        text("request_id", &it.request()),
        int("input_tokens", it.input),
        int("cache_read_tokens", it.cache_read),
        int("output_tokens", it.output),
        int("cost_usd_micros", 250),
        int("duration_ms", 900),
    ];
    event("api_request", it.second, attributes)
}

pub(crate) fn call_spans(calls: &[Call]) -> Vec<u8> {
    let spans = calls.iter().map(|it| Span {
        trace_id: [7; 16].to_vec(),
        span_id: (it.number + 1).to_be_bytes().to_vec(),
        name: "claude_code.llm_request".to_owned(),
        start_time_unix_nano: at(it.second) - 900_000_000,
        end_time_unix_nano: at(it.second),
        attributes: vec![
            text("span.type", "llm_request"),
            text("session.id", it.session),
            text("model", "claude-haiku-4-5"),
            text("request_id", &it.request()),
            int("input_tokens", it.input),
            int("cache_read_tokens", it.cache_read),
            int("output_tokens", it.output),
            int("ttft_ms", 300),
        ],
        ..Span::default()
    });
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource()),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope("com.anthropic.claude_code.tracing")),
                spans: spans.collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    request.encode_to_vec()
}
