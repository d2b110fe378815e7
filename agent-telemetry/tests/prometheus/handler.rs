//! Answers to requests.

use agent_telemetry::prometheus::{Exporter, ExpositionConfig, Format};
use http::header::{ACCEPT, ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};

use crate::full;

fn exporter() -> Exporter {
    Exporter::new().metrics(full::registry())
}

fn ask(method: Method, path: &str, accept: &[&[u8]]) -> http::Response<String> {
    let mut request = Request::builder().method(method).uri(path);
    for value in accept {
        request = request.header(ACCEPT, HeaderValue::from_bytes(value).unwrap());
    }
    exporter().handle(&request.body(()).unwrap())
}

#[test]
fn page_is_in_the_form_that_the_request_asks_for() {
    let open: &[u8] = b"application/openmetrics-text;version=1.0.0";
    for (accept, format) in [
        (vec![], Format::Text),
        (vec![open], Format::OpenMetrics),
        (
            vec![b"text/plain;q=0.1".as_slice(), open],
            Format::OpenMetrics,
        ),
        // What is not text says nothing.
        (vec![b"\xff\xfe".as_slice()], Format::Text),
    ] {
        let answer = ask(Method::GET, "/metrics", &accept);
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[CONTENT_TYPE], format.content_type());
        assert_eq!(*answer.body(), exporter().render(format));
    }
}

#[test]
fn head_has_the_headers_and_no_page() {
    let answer = ask(Method::HEAD, "/metrics?name=x", &[]);
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[CONTENT_TYPE], Format::Text.content_type());
    assert!(answer.body().is_empty());
}

#[test]
fn other_paths_and_methods_are_refused_with_what_is_right() {
    for path in ["/", "/metrics/", "/metric", "/metricss"] {
        let answer = ask(Method::GET, path, &[]);
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            answer.body(),
            "there is nothing here; metrics are at /metrics\n"
        );
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = ask(method, "/metrics", &[]);
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers()[ALLOW], "GET, HEAD");
    }
}

#[test]
fn page_is_where_and_as_large_as_the_host_says() {
    let config = ExpositionConfig {
        lines: 0,
        ..ExpositionConfig::default()
    };
    let exporter = exporter().path("/internal/agents").config(config);
    let request = Request::get("/internal/agents").body(()).unwrap();
    let answer = exporter.handle(&request);
    assert_eq!(answer.status(), StatusCode::OK);
    let values: Vec<&str> = answer
        .body()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(values.len(), 3, "{values:?}");
    assert!(values[0].starts_with("agent_telemetry_series_overflowed_total{"));
    assert!(values[2].starts_with("agent_telemetry_left_out{what=\"series\"} "));
}
