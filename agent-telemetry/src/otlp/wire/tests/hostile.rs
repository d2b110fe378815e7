//! Bodies that are cut, changed or made to do harm: a verdict, never a panic.

use fastrand::Rng;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

use super::super::{Encoding, ReadLimits};
use super::random::Draw;
use super::shapes;
use super::told::{SIGNALS, Signal, is_read, read, read_within};

/// Bodies of each signal in each encoding: as Claude Code sends them, and with everything in them that there is.
fn samples() -> Vec<(Signal, Encoding, Vec<u8>)> {
    let mut samples = Vec::new();
    let mut both = |signal, protobuf, json: serde_json::Result<Vec<u8>>| {
        samples.push((signal, Encoding::Protobuf, protobuf));
        samples.push((signal, Encoding::Json, json.unwrap()));
    };
    let mut all = |metrics: ExportMetricsServiceRequest,
                   logs: ExportLogsServiceRequest,
                   spans: ExportTraceServiceRequest| {
        both(
            Signal::Metrics,
            metrics.encode_to_vec(),
            serde_json::to_vec(&metrics),
        );
        both(
            Signal::Logs,
            logs.encode_to_vec(),
            serde_json::to_vec(&logs),
        );
        both(
            Signal::Spans,
            spans.encode_to_vec(),
            serde_json::to_vec(&spans),
        );
    };
    all(shapes::metrics(2), shapes::logs(2), shapes::spans(2));
    for seed in 0..if cfg!(debug_assertions) { 12 } else { 60 } {
        let mut draw = Draw::new(seed, true);
        all(draw.metrics(), draw.logs(), draw.spans());
    }
    samples.retain(|(_, _, body)| (200..6_000).contains(&body.len()));
    samples
}

#[test]
fn a_body_cut_anywhere_is_refused_or_says_less() {
    for (signal, encoding, body) in samples() {
        // A step that is prime meets every kind of place.
        let step = if cfg!(debug_assertions) { 3 } else { 1 };
        let whole = read(signal, encoding, &body).unwrap().lines;
        for end in (0..body.len()).step_by(step) {
            match read(signal, encoding, &body[..end]) {
                Err(malformed) => assert!(malformed.at() <= end, "{malformed} of {end}"),
                Ok(told) => {
                    // Protobuf ends anywhere between two fields of the request; JSON at its last bracket.
                    assert_eq!(encoding, Encoding::Protobuf, "cut at {end}");
                    assert!(whole.starts_with(&told.lines), "{end}");
                }
            }
        }
    }
}

#[test]
fn a_changed_byte_never_panics() {
    let mut rng = Rng::with_seed(11);
    let step = if cfg!(debug_assertions) { 11 } else { 1 };
    for (signal, encoding, mut body) in samples() {
        for at in (0..body.len()).step_by(step) {
            let before = body[at];
            for byte in [
                0,
                0x7f,
                0x80,
                0xff,
                b'"',
                b'{',
                b'n',
                before ^ 1,
                rng.u8(..),
            ] {
                body[at] = byte;
                is_read(signal, encoding, &body);
            }
            body[at] = before;
        }
    }
}

#[test]
fn bytes_that_mean_nothing_never_panic() {
    let mut rng = Rng::with_seed(12);
    let rounds = if cfg!(debug_assertions) {
        20_000
    } else {
        200_000
    };
    // Protobuf: tags that are known, lengths that are small. JSON: its letters.
    let letters = b"{}[]\",:\\u09nulltruefalse-.eE+ \n resourceMetrics";
    for _ in 0..rounds {
        let length = rng.usize(..60);
        let bytes: Vec<u8> = (0..length)
            .map(|_| {
                if rng.bool() {
                    rng.u8(..0x80)
                } else {
                    rng.u8(..12) << rng.u8(0..4)
                }
            })
            .collect();
        let text: Vec<u8> = (0..length)
            .map(|_| letters[rng.usize(..letters.len())])
            .collect();
        for signal in SIGNALS {
            is_read(signal, Encoding::Protobuf, &bytes);
            is_read(signal, Encoding::Json, &text);
            is_read(signal, Encoding::Json, &bytes);
        }
    }
}

/// A field of bytes: a text, a message.
fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_varint(number << 3 | 2, &mut out);
    prost::encoding::encode_varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(bytes);
    out
}

/// A request of one metric with this message as its gauge.
fn gauge(gauge: &[u8]) -> Vec<u8> {
    field(1, &field(2, &field(2, &field(5, gauge))))
}

#[test]
fn values_nested_too_deep_are_left_out_and_counted() {
    let limits = ReadLimits::default();
    for (depth, too_deep) in [(32, 0), (33, 1), (5_000, 1)] {
        let mut value = field(1, b"x");
        for _ in 0..depth {
            value = field(5, &field(1, &value));
        }
        let pair = [field(1, b"k"), field(2, &value)].concat();
        let body = gauge(&field(1, &field(7, &pair)));
        let told = read_within(Signal::Metrics, Encoding::Protobuf, &body, limits).unwrap();
        assert_eq!(told.dropped.too_deep, too_deep, "protobuf, {depth}");

        let open = r#"{"arrayValue":{"values":["#.repeat(depth);
        let close = "]}}".repeat(depth);
        let body = format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"gauge":{{"dataPoints":[{{"attributes":[{{"key":"k","value":{open}{{"stringValue":"x"}}{close}}}]}}]}}}}]}}]}}]}}"#
        );
        match read_within(Signal::Metrics, Encoding::Json, body.as_bytes(), limits) {
            Ok(told) => assert_eq!(told.dropped.too_deep, too_deep, "JSON, {depth}"),
            Err(malformed) => {
                assert_eq!(depth, 5_000);
                assert!(
                    malformed.to_string().contains("nested too deep"),
                    "{malformed}"
                );
            }
        }
    }
    // A host may not ask for more than the stack has.
    let limits = ReadLimits {
        depth: usize::MAX,
        ..limits
    };
    let mut value = field(1, b"x");
    for _ in 0..5_000 {
        value = field(5, &field(1, &value));
    }
    let body = field(1, &field(2, &field(2, &field(5, &value))));
    let told = read_within(Signal::Logs, Encoding::Protobuf, &body, limits).unwrap();
    assert_eq!(told.dropped.too_deep, 1);
}

#[test]
fn requests_of_too_many_items_are_refused_and_said_to_be_too_large() {
    let limits = ReadLimits {
        items: 9,
        ..ReadLimits::default()
    };
    for (points, fits) in [(9, true), (10, false)] {
        let request = shapes::metrics(points);
        let json = serde_json::to_vec(&request).unwrap();
        for (encoding, body) in [
            (Encoding::Protobuf, request.encode_to_vec()),
            (Encoding::Json, json),
        ] {
            let told = read_within(Signal::Metrics, encoding, &body, limits);
            assert_eq!(told.is_ok(), fits, "{encoding:?}, {points}");
            assert!(told.err().is_none_or(|malformed| malformed.is_too_large()));
        }
    }
}

#[test]
fn heads_without_items_take_no_memory_and_are_not_told() {
    // A million empty resources, each with an empty scope and an empty metric.
    let one = field(1, &field(2, &field(2, b"")));
    let body = one.repeat(if cfg!(debug_assertions) {
        10_000
    } else {
        1_000_000
    });
    let told = read(Signal::Metrics, Encoding::Protobuf, &body).unwrap();
    assert_eq!(told.lines, "");
}

#[test]
fn a_flood_of_attributes_is_cut_and_counted() {
    let pair = [field(1, b"k"), field(2, &field(1, b"v"))].concat();
    let point = field(7, &pair).repeat(1_000);
    let told = read(
        Signal::Metrics,
        Encoding::Protobuf,
        &gauge(&field(1, &point)),
    )
    .unwrap();
    assert_eq!(told.dropped.too_many, 1_000 - 128);
    assert_eq!(told.lines.matches("(\"k\"").count(), 128);

    // A million elements from two bytes each.
    let array = field(5, &field(1, b"").repeat(1_000_000));
    let pair = [field(1, b"k"), field(2, &array)].concat();
    let told = read(
        Signal::Metrics,
        Encoding::Protobuf,
        &gauge(&field(1, &field(7, &pair))),
    )
    .unwrap();
    assert_eq!(told.dropped.too_many, 1_000_000 - 1_024);
    assert_eq!(told.lines.matches("Empty").count(), 1_024);
}

#[test]
fn long_texts_are_cut_where_a_character_ends() {
    let limits = ReadLimits {
        value_bytes: 10,
        ..ReadLimits::default()
    };
    let mut request = shapes::logs(1);
    let record = &mut request.resource_logs[0].scope_logs[0].log_records[0];
    record.attributes.truncate(1);
    record.attributes[0].key = "short".to_owned();
    record.attributes[0].value = Some(shapes::text("123456789é and more"));
    record.body = Some(shapes::text("1234567\n\u{1f980}"));
    let json = serde_json::to_vec(&request).unwrap();
    for (encoding, body) in [
        (Encoding::Protobuf, request.encode_to_vec()),
        (Encoding::Json, json),
    ] {
        let told = read_within(Signal::Logs, encoding, &body, limits).unwrap();
        assert!(
            told.lines.contains(r#"[("short", Text("123456789"))]"#),
            "{}",
            told.lines
        );
        assert!(
            told.lines.contains(r#"body: Text("1234567\n")"#),
            "{}",
            told.lines
        );
        // And of the resource two keys and a value.
        let resource = ["service.name", "claude-code", "service.version"];
        assert_eq!(told.dropped.cut, 2 + resource.len() as u64, "{encoding:?}");
    }
}

#[test]
fn too_many_buckets_are_refused() {
    // Packed 65 537 bucket counts of one byte each, in an exponential histogram.
    let counts = field(2, &vec![1; (1 << 16) + 1]);
    let body = field(
        1,
        &field(2, &field(2, &field(10, &field(1, &field(8, &counts))))),
    );
    let malformed = read(Signal::Metrics, Encoding::Protobuf, &body).unwrap_err();
    assert!(malformed.is_too_large(), "{malformed}");
    let fewer = field(2, &vec![1; 1 << 16]);
    let body = field(
        1,
        &field(2, &field(2, &field(10, &field(1, &field(8, &fewer))))),
    );
    assert!(read(Signal::Metrics, Encoding::Protobuf, &body).is_ok());
}
