//! Bodies as Claude Code sends them: eleven attributes and some 490 bytes a point.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

pub(super) fn text(text: &str) -> AnyValue {
    AnyValue {
        value: Some(Value::StringValue(text.to_owned())),
    }
}

fn pair(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(text(value)),
        ..KeyValue::default()
    }
}

fn resource() -> Resource {
    Resource {
        attributes: vec![
            pair("host.arch", "arm64"),
            pair("os.type", "darwin"),
            pair("os.version", "25.1.0"),
            pair("service.name", "claude-code"),
            pair("service.version", "2.1.248"),
        ],
        ..Resource::default()
    }
}

fn scope(name: &str) -> InstrumentationScope {
    InstrumentationScope {
        name: name.to_owned(),
        version: "2.1.248".to_owned(),
        ..InstrumentationScope::default()
    }
}

/// What every point and event of a session has.
fn standard(session: usize) -> Vec<KeyValue> {
    vec![
        pair(
            "user.id",
            "9f2c7d1e5a4b8c3f6e0d1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d",
        ),
        pair(
            "session.id",
            &format!("4b1f6c0e-5b0a-4d5e-9c3a-{session:012}"),
        ),
        pair("organization.id", "c1a0b2d3-e4f5-4a6b-8c7d-9e0f1a2b3c4d"),
        pair("user.email", "somebody@example.com"),
        pair("user.account_uuid", "0a1b2c3d-4e5f-4a6b-9c8d-7e6f5a4b3c2d"),
        pair("user.account_id", "user_01AbCdEfGhJkLmNpQrStUvWx"),
        pair("terminal.type", "iTerm.app"),
    ]
}

/// Points of token usage, of as many sessions as there are points by four.
pub(super) fn metrics(points: usize) -> ExportMetricsServiceRequest {
    let data_points = (0..points).map(|index| {
        let mut attributes = standard(index / 4);
        let kind = ["input", "output", "cacheRead", "cacheCreation"][index % 4];
        attributes.extend([
            pair("type", kind),
            pair("model", "claude-opus-4-5-20251101[1m]"),
            pair("query_source", "main"),
            pair("effort", "medium"),
        ]);
        NumberDataPoint {
            attributes,
            start_time_unix_nano: 1_795_300_000_000_000_000,
            time_unix_nano: 1_795_300_060_000_000_000 + index as u64,
            value: Some(number_data_point::Value::AsDouble(0.25)),
            ..NumberDataPoint::default()
        }
    });
    let metric = Metric {
        name: "claude_code.token.usage".to_owned(),
        description: "Number of tokens used".to_owned(),
        unit: "tokens".to_owned(),
        data: Some(Data::Sum(Sum {
            data_points: data_points.collect(),
            aggregation_temporality: 1,
            is_monotonic: true,
        })),
        ..Metric::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource()),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope("com.anthropic.claude_code")),
                metrics: vec![metric],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

/// Requests to models, as events.
pub(super) fn logs(records: usize) -> ExportLogsServiceRequest {
    let log_records = (0..records).map(|index| {
        let mut attributes = standard(index / 4);
        attributes.extend([
            pair("event.name", "api_request"),
            pair("event.timestamp", "2026-11-22T12:00:00.123Z"),
            pair("prompt.id", "7d9f3c52-0a4b-4a8e-b0f1-4c2d6e8a9b10"),
            pair("model", "claude-opus-4-5-20251101"),
            pair("cost_usd", "0.0525"),
            pair("duration_ms", "2310"),
            pair("input_tokens", "12"),
            pair("output_tokens", "640"),
            pair("cache_read_tokens", "48211"),
            pair("cache_creation_tokens", "1532"),
            pair("request_id", "req_011CVabcdefghijklmnopqrs"),
            pair("query_source", "repl_main_thread"),
            pair("effort", "medium"),
            pair("speed", "normal"),
            pair("cost_usd_micros", "52500"),
        ]);
        attributes.push(KeyValue {
            key: "event.sequence".to_owned(),
            value: Some(AnyValue {
                value: Some(Value::IntValue(i64::try_from(index).unwrap())),
            }),
            ..KeyValue::default()
        });
        LogRecord {
            time_unix_nano: 1_795_300_060_000_000_000 + index as u64,
            observed_time_unix_nano: 1_795_300_061_000_000_000,
            body: Some(text("claude_code.api_request")),
            attributes,
            ..LogRecord::default()
        }
    });
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource()),
            scope_logs: vec![ScopeLogs {
                scope: Some(scope("com.anthropic.claude_code.events")),
                log_records: log_records.collect(),
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    }
}

/// Requests to models, as spans.
pub(super) fn spans(spans: usize) -> ExportTraceServiceRequest {
    let spans = (0..spans).map(|index| {
        let mut attributes = standard(index / 4);
        attributes.extend([
            pair("span.type", "llm_request"),
            pair("agent_id", "a1b2c3"),
            pair("ttft_ms", "512"),
        ]);
        Span {
            trace_id: vec![7; 16],
            span_id: (index as u64 + 1).to_be_bytes().to_vec(),
            parent_span_id: vec![9; 8],
            name: "claude_code.llm_request".to_owned(),
            kind: 1,
            start_time_unix_nano: 1_795_300_000_000_000_000,
            end_time_unix_nano: 1_795_300_060_000_000_000,
            attributes,
            events: vec![Event {
                time_unix_nano: 1_795_300_000_000_000_001,
                name: "first_token".to_owned(),
                attributes: vec![pair("index", "0")],
                ..Event::default()
            }],
            status: Some(Status {
                code: 1,
                ..Status::default()
            }),
            ..Span::default()
        }
    });
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource()),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope("com.anthropic.claude_code.tracing")),
                spans: spans.collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}
