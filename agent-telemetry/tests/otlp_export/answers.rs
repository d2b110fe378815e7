//! What answers of a server lead to.

use std::time::Duration;

use agent_primitives::ToolName;
use agent_telemetry::otlp::{OtlpRetry, OtlpSignal, OtlpSink};
use agent_telemetry::{Record, Sink as _, ToolCall, ToolOutcome};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;

use crate::server::{Answer, Server};
use crate::story::{at, by_coder, story};

fn paths(server: &Server) -> Vec<String> {
    server.all().into_iter().map(|it| it.path).collect()
}

const ALL: [&str; 3] = ["/v1/traces", "/v1/metrics", "/v1/logs"];

#[test]
fn each_status_is_retried_or_not_as_the_protocol_has_it() {
    for (status, is_retried) in [
        (200, false),
        (202, false),
        (301, false),
        (307, false),
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (405, false),
        (408, false),
        (413, false),
        (415, false),
        (429, true),
        (431, false),
        (500, false),
        (501, false),
        (502, true),
        (503, true),
        (504, true),
        (507, false),
    ] {
        let answer = Answer::Status(status, vec![("Location", "/elsewhere".to_owned())], vec![]);
        let server = Server::start([answer]);
        let mut sink = crate::sink(&server).0.build().unwrap();
        let stats = sink.stats();
        sink.write(&story()).unwrap();
        let mut expected = ALL.to_vec();
        if is_retried {
            expected.insert(0, ALL[0]);
        }
        assert_eq!(paths(&server), expected, "{status}");
        let counts = stats.counts();
        assert_eq!(counts.retries, u64::from(is_retried), "{status}");
        let is_taken = is_retried || (200..300).contains(&status);
        assert_eq!(counts.traces.sent > 0, is_taken, "{status}");
        assert_eq!(counts.traces.dropped() > 0, !is_taken, "{status}");
        assert_eq!(counts.metrics.dropped() + counts.logs.dropped(), 0);
    }
}

#[test]
fn broken_connection_is_tried_again() {
    let server = Server::start([Answer::HangUp, Answer::HangUp]);
    let mut sink = crate::sink(&server).0.build().unwrap();
    let stats = sink.stats();
    sink.write(&story()).unwrap();
    assert_eq!(paths(&server), [ALL[0], ALL[0], ALL[0], ALL[1], ALL[2]]);
    assert_eq!(stats.counts().retries, 2);
}

#[test]
fn server_that_says_nothing_is_left_when_time_is_up() {
    let server = Server::start([Answer::Silence]);
    let (builder, _) = crate::sink(&server);
    let retry = OtlpRetry {
        attempts: 1,
        ..OtlpRetry::default()
    };
    let builder = builder.retry(retry).timeout(Duration::from_millis(50));
    let mut sink = builder.build().unwrap();
    assert!(sink.write(&story()).is_err());
    assert_eq!(paths(&server), [ALL[0]]);
    assert_eq!(sink.stats().counts().retries, 1);
}

#[test]
fn batch_is_refused_as_a_whole_and_what_was_taken_is_not_sent_again() {
    let busy = (0..3).map(|_| Answer::of(503));
    let server = Server::start([Answer::of(200)].into_iter().chain(busy));
    let (builder, clock) = crate::sink(&server);
    let retry = OtlpRetry {
        attempts: 2,
        ..OtlpRetry::default()
    };
    let mut sink = builder.retry(retry).build().unwrap();
    let stats = sink.stats();
    assert!(sink.write(&story()).is_err());
    assert_eq!(paths(&server), [ALL[0], ALL[1], ALL[1]]);
    clock.advance(Duration::from_secs(60));
    assert!(sink.write(&story()).is_err());
    assert_eq!(paths(&server), [ALL[1]]);
    clock.advance(Duration::from_secs(60));
    sink.write(&story()).unwrap();
    assert_eq!(paths(&server), [ALL[1], ALL[2]]);
    // Each was counted once, in metrics as well.
    let counts = stats.counts();
    assert_eq!(counts.traces.sent, 15);
    assert_eq!(counts.logs.sent, 23);
    assert_eq!(
        counts.traces.dropped() + counts.metrics.dropped() + counts.logs.dropped(),
        0
    );
}

#[test]
fn batch_that_is_never_offered_again_is_counted() {
    let server = Server::start((0..5).map(|_| Answer::of(503)));
    let (builder, clock) = crate::sink(&server);
    let mut sink = builder.build().unwrap();
    let stats = sink.stats();
    assert!(sink.write(&story()).is_err());
    clock.advance(Duration::from_secs(60));
    sink.write(&story()[..1]).unwrap();
    let counts = stats.counts();
    assert_eq!((counts.traces.abandoned, counts.logs.abandoned), (15, 23));
    assert_eq!((counts.traces.sent, counts.logs.sent), (0, 1));
    server.answer((0..5).map(|_| Answer::of(503)));
    assert!(sink.write(&story()).is_err());
    drop(sink);
    assert_eq!(stats.counts().traces.abandoned, 30);
}

#[test]
fn rejected_items_are_counted_and_never_sent_again() {
    let partial = ExportTracePartialSuccess {
        rejected_spans: 4,
        error_message: "too old".into(),
    };
    let answer = ExportTraceServiceResponse {
        partial_success: Some(partial),
    };
    let server = Server::start([Answer::Status(200, vec![], answer.encode_to_vec())]);
    let mut sink = crate::sink(&server).0.build().unwrap();
    let stats = sink.stats();
    sink.write(&story()).unwrap();
    assert_eq!(paths(&server), ALL);
    let counts = stats.counts();
    assert_eq!((counts.traces.sent, counts.traces.rejected), (11, 4));
    assert_eq!(counts.traces.dropped(), 4);
    assert_eq!((counts.logs.sent, counts.logs.rejected), (23, 0));
}

#[test]
fn answer_without_end_is_read_up_to_a_bound() {
    let long = vec![0xff; 1 << 20];
    let server = Server::start([Answer::Status(200, vec![], long)]);
    let mut sink = crate::sink(&server).0.build().unwrap();
    sink.write(&story()).unwrap();
    assert_eq!(sink.stats().counts().traces.sent, 15);
}

#[test]
fn headers_say_what_is_sent_and_who_sends_it() {
    let server = Server::start([]);
    let (builder, _) = crate::sink(&server);
    let mut sink = builder
        .token("hush")
        .header("X-Tenant", "shop")
        .with_gzip()
        .build()
        .unwrap();
    sink.write(&story()).unwrap();
    for got in server.all() {
        assert_eq!(got.header("content-type"), Some("application/x-protobuf"));
        assert_eq!(got.header("content-encoding"), Some("gzip"));
        assert_eq!(got.header("authorization"), Some("Bearer hush"));
        assert_eq!(got.header("x-tenant"), Some("shop"));
        assert!(
            got.header("user-agent")
                .unwrap()
                .starts_with("OTel-OTLP-Exporter-agent-telemetry/")
        );
        assert!(!got.body.is_empty());
    }
    assert!(!format!("{sink:?}").contains("hush"));
}

#[test]
fn large_batch_goes_in_several_requests_and_nothing_twice() {
    let server = Server::start([]);
    let (builder, _) = crate::sink(&server);
    let mut sink = builder.items_max(100).build().unwrap();
    let stats = sink.stats();
    let tool = |number| {
        let tool = ToolName::new(format!("tool-{number}")).unwrap();
        by_coder(number, ToolCall::new(tool, ToolOutcome::Ok, Duration::ZERO))
    };
    let records: Vec<Record> = (0..1_050).map(tool).collect();
    sink.write(&records).unwrap();
    let got = server.all();
    let spans: Vec<usize> = got
        .iter()
        .filter(|it| it.path == "/v1/traces")
        .map(|it| it.traces().resource_spans[0].scope_spans[0].spans.len())
        .collect();
    assert_eq!(spans, [[100; 10].as_slice(), &[50]].concat());
    assert_eq!(stats.counts().traces.sent, 1_050);
    // Calls and durations, of each tool.
    assert_eq!(stats.counts().metrics.sent, 2_100);
    assert!(got.iter().all(|it| it.body.len() <= 1 << 20));
}

#[test]
fn requests_stay_below_their_bytes_and_what_is_too_large_is_dropped() {
    use agent_telemetry::{Candidate, Decision};
    let server = Server::start([]);
    let (builder, _) = crate::sink(&server);
    let mut sink = builder
        .with_texts()
        .bytes_max(0)
        .without(OtlpSignal::Metrics)
        .build()
        .unwrap();
    let stats = sink.stats();
    let decision = |candidates: usize| {
        let lost = || Candidate::new("groq").lost("x".repeat(4_000));
        let start = Decision::new("d", "provider");
        let decision = (0..candidates).fold(start, |it, _| it.candidate(lost()));
        Record::new(at(0), decision)
    };
    // Of some 20, 130 and 60 kB.
    let records = [
        decision(5),
        decision(32),
        decision(15),
        decision(5),
        decision(5),
    ];
    sink.write(&records).unwrap();
    let sizes: Vec<usize> = server.all().iter().map(|it| it.body.len()).collect();
    assert_eq!(sizes.len(), 3, "{sizes:?}");
    assert!(sizes.iter().all(|it| *it <= 64 << 10), "{sizes:?}");
    let traces = stats.counts().traces;
    assert_eq!((traces.sent, traces.too_large), (4, 1));
}

#[test]
fn signals_can_be_left_out_and_sent_elsewhere() {
    let (server, other) = (Server::start([]), Server::start([]));
    let (builder, _) = crate::sink(&server);
    let elsewhere = format!("{}/tenants/7/logs", other.endpoint());
    let mut sink = builder
        .without(OtlpSignal::Metrics)
        .signal_endpoint(OtlpSignal::Logs, &elsewhere)
        .build()
        .unwrap();
    sink.write(&story()).unwrap();
    assert_eq!(paths(&server), [ALL[0]]);
    assert_eq!(paths(&other), ["/tenants/7/logs"]);
}

#[test]
fn settings_that_say_nothing_are_errors_without_what_they_hold() {
    for address in [
        "",
        "ftp://hush",
        "http://",
        "hush:4318",
        "http://a/?key=hush",
        "http://a b",
    ] {
        let error = OtlpSink::builder(address).build().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the address for traces begins with"),
            "{address}"
        );
        assert!(!format!("{error:?}").contains("hush"));
    }
    let sink = || OtlpSink::builder("http://127.0.0.1:4318");
    for (name, value) in [
        ("a b", "c"),
        ("a", "hush\r\nb: c"),
        ("Content-Type", "hush"),
        ("host", "x"),
    ] {
        let error = sink().header(name, value).build().unwrap_err();
        assert!(
            error.to_string().starts_with("a header is no header"),
            "{name}"
        );
        assert!(!format!("{error:?}").contains("hush"));
    }
    let silent = OtlpSignal::ALL
        .iter()
        .fold(sink(), |it, signal| it.without(*signal));
    assert!(silent.build().is_err());
}
