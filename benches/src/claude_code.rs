//! What Claude Code sends over OTLP, made by the types that others generated.

use std::ops::Range;

use agent_telemetry::otlp::Encoding;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde::Serialize;

use crate::harness::Broken;

/// Models that each session uses.
pub const MODELS: [&str; 2] = ["claude-opus-4-5", "claude-haiku-4-5"];
/// Sorts of tokens, as the metric calls them.
pub const SORTS: [&str; 4] = ["input", "output", "cacheRead", "cacheCreation"];
/// Points of one session in each request: tokens by model and sort, and cost by model.
pub const POINTS: u32 = 10;
/// Points have so many attributes.
pub const POINT_ATTRIBUTES: usize = 11;
/// Events have so many attributes.
pub const EVENT_ATTRIBUTES: usize = 24;

const CUMULATIVE: i32 = 2;
/// Money in pico-dollars that each round costs: a power of two, so that floats add it up exactly.
const ROUND_COST_PICOS: u64 = 1_000_000_000_000 / 1_024;

/// Sessions that began at one time and report in rounds.
#[derive(Debug, Clone, Copy)]
pub struct Sessions {
    /// When they began, in nanoseconds since 1970.
    pub began: u64,
    /// Nanoseconds between two rounds.
    pub between: u64,
}

/// The name of the session of that number.
pub fn session(number: u32) -> String {
    format!("5e55104d-0000-4000-8000-{number:012x}")
}

/// Tokens of one session, model and sort after so many rounds.
pub fn tokens(session: u32, model: usize, sort: usize, rounds: u32) -> u64 {
    let each = u64::from(session) + 7 * (model as u64) + 31 * (sort as u64) + 1;
    each * u64::from(rounds)
}

/// Money of one session and model after so many rounds, in pico-dollars.
pub fn cost_picos(model: usize, rounds: u32) -> u64 {
    (model as u64 + 1) * ROUND_COST_PICOS * u64::from(rounds)
}

impl Sessions {
    /// A request with all cumulative values of `sessions` after so many rounds, one resource for each of them.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn metrics(
        &self,
        sessions: Range<u32>,
        rounds: u32,
        encoding: Encoding,
    ) -> Result<Vec<u8>, Broken> {
        let resource_metrics = sessions.map(|session| ResourceMetrics {
            resource: Some(resource()),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope("com.anthropic.claude_code")),
                metrics: vec![
                    sum(
                        "claude_code.token.usage",
                        "tokens",
                        self.token_points(session, rounds),
                    ),
                    sum(
                        "claude_code.cost.usage",
                        "USD",
                        self.cost_points(session, rounds),
                    ),
                ],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        });
        let request = ExportMetricsServiceRequest {
            resource_metrics: resource_metrics.collect(),
        };
        written(&request, encoding)
    }

    /// A request with the events of one request to a model of each of `sessions` in each of `rounds`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn events(
        &self,
        sessions: Range<u32>,
        rounds: Range<u32>,
        encoding: Encoding,
    ) -> Result<Vec<u8>, Broken> {
        let resource_logs = sessions.map(|session| ResourceLogs {
            resource: Some(resource()),
            scope_logs: vec![ScopeLogs {
                scope: Some(scope("com.anthropic.claude_code.events")),
                log_records: rounds
                    .clone()
                    .map(|round| self.event(session, round))
                    .collect(),
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        });
        let request = ExportLogsServiceRequest {
            resource_logs: resource_logs.collect(),
        };
        written(&request, encoding)
    }

    fn at(&self, rounds: u32) -> u64 {
        self.began + self.between * u64::from(rounds)
    }

    fn token_points(&self, session: u32, rounds: u32) -> Vec<NumberDataPoint> {
        let mut points = Vec::new();
        for (model, name) in MODELS.iter().enumerate() {
            for (sort, sort_name) in SORTS.iter().enumerate() {
                let value = tokens(session, model, sort, rounds).cast_signed();
                let attributes = point_attributes(session, name, sort_name);
                points.push(self.point(rounds, attributes, Number::AsInt(value)));
            }
        }
        points
    }

    fn cost_points(&self, session: u32, rounds: u32) -> Vec<NumberDataPoint> {
        let points = MODELS.iter().enumerate().map(|(model, name)| {
            let cost = cost_picos(model, rounds) / ROUND_COST_PICOS;
            let dollars = f64::from(u32::try_from(cost).unwrap_or(u32::MAX)) / 1_024.0;
            let attributes = point_attributes(session, name, "cost");
            self.point(rounds, attributes, Number::AsDouble(dollars))
        });
        points.collect()
    }

    fn point(&self, rounds: u32, attributes: Vec<KeyValue>, value: Number) -> NumberDataPoint {
        NumberDataPoint {
            attributes,
            start_time_unix_nano: self.began,
            time_unix_nano: self.at(rounds),
            value: Some(value),
            ..NumberDataPoint::default()
        }
    }

    fn event(&self, session: u32, round: u32) -> LogRecord {
        let at = self.at(round);
        let mut attributes = who(session);
        attributes.extend([
            text("event.name", "api_request"),
            text("event.timestamp", "2026-11-20T10:00:00.000Z"),
            int("event.sequence", round.into()),
            text("app.version", "2.1.248"),
            text("prompt.id", "0b1f0e5e-93a5-4c60-8f0e-1f6f4c1c2d3e"),
            text("model", "claude-opus-4-5"),
            pair("cost_usd", Value::DoubleValue(0.012_345)),
            int("cost_usd_micros", 12_345),
            int("duration_ms", 1_500),
            int("input_tokens", 2),
            int("output_tokens", 1_200),
            int("cache_read_tokens", 84_562),
            int("cache_creation_tokens", 7_096),
            text("request_id", &format!("req_{session:06}{round:012}")),
            text("client_request_id", &format!("c_{session:06}{round:012}")),
            text("speed", "normal"),
            text("query_source", "repl_main_thread"),
        ]);
        LogRecord {
            time_unix_nano: at,
            observed_time_unix_nano: at,
            body: Some(AnyValue {
                value: Some(Value::StringValue("claude_code.api_request".to_owned())),
            }),
            attributes,
            ..LogRecord::default()
        }
    }
}

fn written<T: Message + Serialize>(request: &T, encoding: Encoding) -> Result<Vec<u8>, Broken> {
    match encoding {
        Encoding::Json => serde_json::to_vec(request).map_err(Broken::when("write a request")),
        _ => Ok(request.encode_to_vec()),
    }
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.to_owned()))
}

fn int(key: &str, value: i64) -> KeyValue {
    pair(key, Value::IntValue(value))
}

/// The seven attributes that are on everything.
fn who(session: u32) -> Vec<KeyValue> {
    vec![
        text("user.id", &"3f9a".repeat(16)),
        text("session.id", &self::session(session)),
        text("organization.id", "7c0f3d52-2f5e-4f65-9d8c-2a4b6c8d0e1f"),
        text("user.email", "someone@example.com"),
        text("user.account_uuid", "c1d2e3f4-a5b6-4789-8abc-def012345678"),
        text("user.account_id", "user_01ABCDEFGHJKMNPQRSTVWXYZ"),
        text("terminal.type", "vscode"),
    ]
}

fn point_attributes(session: u32, model: &str, sort: &str) -> Vec<KeyValue> {
    let mut attributes = who(session);
    attributes.extend([
        text("model", model),
        text("type", sort),
        text("query_source", "main"),
        text("effort", "high"),
    ]);
    attributes
}

fn resource() -> Resource {
    Resource {
        attributes: vec![
            text("service.name", "claude-code"),
            text("service.version", "2.1.248"),
            text("os.type", "linux"),
            text("host.arch", "amd64"),
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

fn sum(name: &str, unit: &str, points: Vec<NumberDataPoint>) -> Metric {
    Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        data: Some(Data::Sum(Sum {
            data_points: points,
            aggregation_temporality: CUMULATIVE,
            is_monotonic: true,
        })),
        ..Metric::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSIONS: Sessions = Sessions {
        began: 1_795_132_800_000_000_000,
        between: 60_000_000_000,
    };

    #[test]
    fn requests_are_as_large_as_those_that_were_seen() {
        let body = SESSIONS.metrics(0..100, 3, Encoding::Protobuf).unwrap();
        let request = ExportMetricsServiceRequest::decode(body.as_slice()).unwrap();
        let metrics = request.resource_metrics.iter();
        let metrics = metrics.flat_map(|it| &it.scope_metrics[0].metrics);
        let mut points = 0;
        for metric in metrics {
            let Some(Data::Sum(sum)) = &metric.data else {
                panic!("{metric:?}");
            };
            points += sum.data_points.len();
            assert!(
                sum.data_points
                    .iter()
                    .all(|it| it.attributes.len() == POINT_ATTRIBUTES)
            );
        }
        assert_eq!(points, 100 * POINTS as usize);
        let each = body.len() / points;
        assert!((450..530).contains(&each), "{each} bytes a point");
    }

    #[test]
    fn events_have_their_attributes() {
        let body = SESSIONS.events(0..2, 0..3, Encoding::Json).unwrap();
        let request: ExportLogsServiceRequest = serde_json::from_slice(&body).unwrap();
        let records = request.resource_logs.iter();
        let records = records.flat_map(|it| &it.scope_logs[0].log_records);
        let attributes: Vec<_> = records.map(|it| it.attributes.len()).collect();
        assert_eq!(attributes, [EVENT_ATTRIBUTES; 6]);
    }
}
