//! Requests as lines of text, with every field that is set.

use std::fmt::Write as _;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use crate::server::Got;

/// Of all requests, in the order in which they came.
pub(crate) fn rendered(requests: &[Got]) -> String {
    let mut text = String::new();
    for got in requests {
        writeln!(text, "POST {}", got.path).unwrap();
        match got.path.as_str() {
            "/v1/traces" => {
                for resource in got.traces().resource_spans {
                    text += &owner(resource.resource, &resource.schema_url);
                    for scope in resource.scope_spans {
                        text += &made_by(scope.scope, &scope.schema_url);
                        for it in &scope.spans {
                            text += &span(it);
                        }
                    }
                }
            }
            "/v1/metrics" => {
                for resource in got.metrics().resource_metrics {
                    text += &owner(resource.resource, &resource.schema_url);
                    for scope in resource.scope_metrics {
                        text += &made_by(scope.scope, &scope.schema_url);
                        for it in scope.metrics {
                            text += &metric(it);
                        }
                    }
                }
            }
            "/v1/logs" => {
                for resource in got.logs().resource_logs {
                    text += &owner(resource.resource, &resource.schema_url);
                    for scope in resource.scope_logs {
                        text += &made_by(scope.scope, &scope.schema_url);
                        for it in &scope.log_records {
                            text += &log(it);
                        }
                    }
                }
            }
            other => panic!("{other}"),
        }
    }
    text
}

fn owner(resource: Option<Resource>, schema: &str) -> String {
    let resource = resource.unwrap();
    let attributes = pairs(&resource.attributes);
    let plain = Resource {
        attributes: resource.attributes.clone(),
        ..Resource::default()
    };
    assert_eq!((resource, schema), (plain, ""));
    format!("resource{attributes}\n")
}

fn made_by(scope: Option<InstrumentationScope>, schema: &str) -> String {
    let scope = scope.unwrap();
    let plain = InstrumentationScope {
        name: scope.name.clone(),
        version: scope.version.clone(),
        ..InstrumentationScope::default()
    };
    assert_eq!((&scope, schema), (&plain, ""));
    format!("scope {} {}\n", scope.name, scope.version)
}

fn span(span: &Span) -> String {
    let parent = if span.parent_span_id.is_empty() {
        "-".to_owned()
    } else {
        hex(&span.parent_span_id)
    };
    let mut text = format!(
        "span {:?} kind={} {}..{}\n  {} {} < {parent}\n",
        span.name,
        span.kind,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        hex(&span.trace_id),
        hex(&span.span_id),
    );
    if let Some(Status { code, message }) = &span.status {
        assert_eq!(message, "");
        writeln!(text, "  status={code}").unwrap();
    }
    for link in &span.links {
        writeln!(
            text,
            "  link {} {}",
            hex(&link.trace_id),
            hex(&link.span_id)
        )
        .unwrap();
        assert_eq!(
            (link.trace_state.as_str(), link.flags, link.attributes.len()),
            ("", 0, 0)
        );
    }
    text += &pairs(&span.attributes);
    text.push('\n');
    let plain = Span {
        events: Vec::new(),
        trace_state: String::new(),
        flags: 0,
        dropped_attributes_count: 0,
        dropped_events_count: 0,
        dropped_links_count: 0,
        ..span.clone()
    };
    assert_eq!(span, &plain);
    text
}

fn metric(metric: Metric) -> String {
    let name = format!("{} {}", metric.name, metric.unit);
    assert_eq!(
        (metric.description.as_str(), metric.metadata.len()),
        ("", 0)
    );
    let mut text = String::new();
    match metric.data.unwrap() {
        Data::Gauge(gauge) => {
            writeln!(text, "gauge {name}").unwrap();
            for it in &gauge.data_points {
                text += &number(it);
            }
        }
        Data::Sum(sum) => {
            assert!(sum.is_monotonic);
            writeln!(
                text,
                "sum {name} temporality={}",
                sum.aggregation_temporality
            )
            .unwrap();
            for it in &sum.data_points {
                text += &number(it);
            }
        }
        Data::Histogram(Histogram {
            data_points,
            aggregation_temporality,
        }) => {
            writeln!(
                text,
                "histogram {name} temporality={aggregation_temporality}"
            )
            .unwrap();
            for it in &data_points {
                text += &distribution(it);
            }
        }
        other => panic!("{other:?}"),
    }
    text
}

fn number(point: &NumberDataPoint) -> String {
    let value = match point.value.unwrap() {
        number_data_point::Value::AsInt(it) => it.to_string(),
        number_data_point::Value::AsDouble(it) => format!("{it:?}"),
    };
    assert_eq!((point.exemplars.len(), point.flags), (0, 0));
    let (start, time) = (point.start_time_unix_nano, point.time_unix_nano);
    format!("  {value} {start}..{time}{}\n", pairs(&point.attributes))
}

fn distribution(point: &HistogramDataPoint) -> String {
    assert_eq!((point.exemplars.len(), point.flags), (0, 0));
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
    let bounds = (point.explicit_bounds.first(), point.explicit_bounds.last());
    format!(
        "  count={} sum={:?} min={:?} max={:?} {}..{}{}\n    {:?} of {:?}..{:?}\n",
        point.count,
        point.sum.unwrap(),
        point.min.unwrap(),
        point.max.unwrap(),
        point.start_time_unix_nano,
        point.time_unix_nano,
        pairs(&point.attributes),
        point.bucket_counts,
        bounds.0.unwrap(),
        bounds.1.unwrap(),
    )
}

fn log(log: &LogRecord) -> String {
    assert_eq!(
        (&log.body, log.dropped_attributes_count, log.flags),
        (&None, 0, 0)
    );
    assert_eq!(log.time_unix_nano, log.observed_time_unix_nano);
    format!(
        "event {} {} {} {}\n  {} {}\n{}\n",
        log.event_name,
        log.time_unix_nano,
        log.severity_number,
        log.severity_text,
        hex(&log.trace_id),
        hex(&log.span_id),
        pairs(&log.attributes),
    )
}

fn pairs(attributes: &[KeyValue]) -> String {
    let mut keys: Vec<&str> = attributes.iter().map(|it| it.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), attributes.len(), "no key comes twice");
    let pair = |it: &KeyValue| format!(" {}={}", it.key, value(it.value.as_ref().unwrap()));
    attributes.iter().map(pair).collect()
}

fn value(value: &AnyValue) -> String {
    match value.value.as_ref().unwrap() {
        Value::StringValue(it) => format!("{it:?}"),
        Value::BoolValue(it) => it.to_string(),
        Value::IntValue(it) => it.to_string(),
        Value::DoubleValue(it) => format!("{it:?}"),
        Value::ArrayValue(it) => {
            let values: Vec<String> = it.values.iter().map(self::value).collect();
            format!("[{}]", values.join(","))
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
