//! We read what others read.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

use super::super::Encoding;
use super::random::Draw;
use super::theirs;
use super::told::{Signal, read};

const SEEDS: u64 = 600;

/// The first line that differs is what matters.
fn same(ours: &str, theirs: &str, seed: u64) {
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        assert_eq!(ours, theirs, "seed {seed}");
    }
    assert_eq!(ours.len(), theirs.len(), "seed {seed}");
}

#[test]
fn protobuf_says_what_prost_reads() {
    for seed in 0..SEEDS {
        let mut draw = Draw::new(seed, false);
        let told = |signal, body: Vec<u8>| read(signal, Encoding::Protobuf, &body).unwrap().lines;
        let request = draw.metrics();
        let ours = told(Signal::Metrics, request.encode_to_vec());
        same(&ours, &theirs::metrics(&request), seed);
        let request = draw.logs();
        let ours = told(Signal::Logs, request.encode_to_vec());
        same(&ours, &theirs::logs(&request), seed);
        let request = draw.spans();
        let ours = told(Signal::Spans, request.encode_to_vec());
        same(&ours, &theirs::spans(&request), seed);
    }
}

#[test]
fn json_says_what_was_written_by_others() {
    for seed in 0..SEEDS {
        let mut draw = Draw::new(seed, true);
        let told = |signal, body: Vec<u8>| read(signal, Encoding::Json, &body).unwrap().lines;
        let request = draw.metrics();
        let body = if draw.rng.bool() {
            serde_json::to_vec(&request).unwrap()
        } else {
            serde_json::to_vec_pretty(&request).unwrap()
        };
        let ours = told(Signal::Metrics, body);
        same(&ours, &theirs::metrics(&request), seed);
        let request = draw.logs();
        let ours = told(Signal::Logs, serde_json::to_vec(&request).unwrap());
        same(&ours, &theirs::logs(&request), seed);
        let request = draw.spans();
        let ours = told(Signal::Spans, serde_json::to_vec(&request).unwrap());
        same(&ours, &theirs::spans(&request), seed);
    }
}

#[test]
fn both_encodings_say_the_same() {
    for seed in 0..SEEDS / 4 {
        let request = Draw::new(seed, true).metrics();
        let json = serde_json::to_vec(&request).unwrap();
        let json = read(Signal::Metrics, Encoding::Json, &json).unwrap();
        let protobuf = read(
            Signal::Metrics,
            Encoding::Protobuf,
            &request.encode_to_vec(),
        );
        same(&json.lines, &protobuf.unwrap().lines, seed);
    }
}

#[test]
fn an_empty_request_tells_nothing() {
    for signal in super::told::SIGNALS {
        assert_eq!(read(signal, Encoding::Protobuf, b"").unwrap().lines, "");
        assert_eq!(read(signal, Encoding::Json, b" {} ").unwrap().lines, "");
    }
    let metrics = ExportMetricsServiceRequest::default().encode_to_vec();
    let logs = ExportLogsServiceRequest::default().encode_to_vec();
    let spans = ExportTraceServiceRequest::default().encode_to_vec();
    assert!(metrics.is_empty() && logs.is_empty() && spans.is_empty());
}
