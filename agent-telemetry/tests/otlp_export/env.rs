//! The variables that every exporter knows.

use agent_telemetry::Sink as _;
use agent_telemetry::otlp::{OtlpError, OtlpSink, OtlpSinkBuilder};

use crate::render::rendered;
use crate::server::Server;
use crate::story::story;

fn sink(variables: &[(&str, &str)]) -> Result<OtlpSink, OtlpError> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(it, _)| *it == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    OtlpSinkBuilder::from_env(variable)?.build()
}

#[test]
fn variables_set_address_headers_compression_names_and_resource() {
    let (server, other) = (Server::start([]), Server::start([]));
    let endpoint = format!("{}/base/", server.endpoint());
    let logs = format!("{}/mine", other.endpoint());
    let mut sink = sink(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", &logs),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20one, x-a=1",
        ),
        (
            "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
            "authorization=Bearer%20two",
        ),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "20000"),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", ""),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,team=a%20b"),
        ("OTEL_SEMCONV_STABILITY_OPT_IN", "http"),
    ])
    .unwrap();
    sink.write(&story()).unwrap();
    let (ours, theirs) = (server.all(), other.all());
    assert_eq!((ours.len(), theirs.len()), (1, 1));
    assert_eq!(ours[0].path, "/base/v1/traces");
    assert_eq!(ours[0].header("authorization"), Some("Bearer one"));
    assert_eq!(ours[0].header("x-a"), Some("1"));
    assert_eq!(ours[0].header("content-encoding"), Some("gzip"));
    assert_eq!(theirs[0].path, "/mine");
    assert_eq!(theirs[0].header("authorization"), Some("Bearer two"));
    assert_eq!(theirs[0].header("x-a"), None);
    assert_eq!(theirs[0].header("content-encoding"), None);
    let mut traces = ours[0].clone();
    traces.path = "/v1/traces".to_owned();
    let text = rendered(&[traces]);
    assert!(text.contains("service.name=\"shop\""), "{text}");
    assert!(text.contains("team=\"a b\""));
    assert!(text.contains("gen_ai.system=\"anthropic\""));
}

#[test]
fn temporality_is_that_of_the_variable() {
    for (value, temporality) in [("", 2), ("cumulative", 2), ("DELTA", 1), ("LowMemory", 1)] {
        let server = Server::start([]);
        let mut sink = sink(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &server.endpoint()),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", value),
        ])
        .unwrap();
        sink.write(&story()).unwrap();
        let text = rendered(&server.all());
        assert!(
            text.contains(&format!("temporality={temporality}")),
            "{value}"
        );
        assert!(
            !text.contains(&format!("temporality={}", 3 - temporality)),
            "{value}"
        );
    }
}

#[test]
fn variable_that_says_nothing_is_named_and_its_value_is_not() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "hush"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "-1"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "hush"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hush"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=%hush"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "hush"),
        ("OTEL_LOGS_EXPORTER", "hush"),
        ("OTEL_RESOURCE_ATTRIBUTES", "hush"),
    ] {
        let error = sink(&[(name, value)]).unwrap_err();
        assert!(error.to_string().starts_with(name), "{error}");
        assert!(!format!("{error:?} {error}").contains("hush"), "{name}");
    }
    assert!(sink(&[]).is_ok());
}
