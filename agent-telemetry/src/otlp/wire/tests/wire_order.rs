//! Protobuf lets a sender write fields in any order, in parts, and among fields of later versions.

use fastrand::Rng;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use prost::encoding::{decode_varint, encode_varint};

use super::super::Encoding;
use super::random::Draw;
use super::shapes;
use super::theirs;
use super::told::{Signal, read};

/// Which message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request(Signal),
    ByResource(Signal),
    ByScope(Signal),
    Resource,
    Scope,
    Metric,
    Points(u64),
    Point(u64),
    Buckets,
    Pair,
    Value,
    Array,
    Map,
    Log,
    Span,
    Event,
    Status,
}

impl Kind {
    /// What the field is, if it is a message; and whether there is but one of it, which may come in parts.
    fn child(self, number: u64) -> Option<(Self, bool)> {
        Some(match (self, number) {
            (Self::Request(signal), 1) => (Self::ByResource(signal), false),
            (Self::ByResource(_), 1) => (Self::Resource, true),
            (Self::ByResource(signal), 2) => (Self::ByScope(signal), false),
            (Self::ByScope(_), 1) => (Self::Scope, true),
            (Self::ByScope(Signal::Metrics), 2) => (Self::Metric, false),
            (Self::ByScope(Signal::Logs), 2) => (Self::Log, false),
            (Self::ByScope(Signal::Spans), 2) => (Self::Span, false),
            (Self::Metric, 5 | 7 | 9 | 10 | 11) => (Self::Points(number), true),
            (Self::Points(kind), 1) => (Self::Point(kind), false),
            (Self::Point(10), 8 | 9) => (Self::Buckets, true),
            (Self::Resource | Self::Map | Self::Point(10), 1)
            | (Self::Event, 3)
            | (Self::Log, 6)
            | (Self::Point(5 | 7 | 11), 7)
            | (Self::Point(9) | Self::Span, 9) => (Self::Pair, false),
            (Self::Pair, 2) | (Self::Log, 5) => (Self::Value, true),
            (Self::Value, 5) => (Self::Array, true),
            (Self::Value, 6) => (Self::Map, true),
            (Self::Array, 1) => (Self::Value, false),
            (Self::Span, 11) => (Self::Event, false),
            (Self::Span, 15) => (Self::Status, true),
            _ => return None,
        })
    }

    /// The length of the numbers that are packed in the field: 0 if they have none of their own.
    fn packed(self, number: u64) -> Option<usize> {
        match (self, number) {
            (Self::Point(9), 6 | 7) => Some(8),
            (Self::Buckets, 2) => Some(0),
            _ => None,
        }
    }
}

fn tag(number: u64, wire: u64) -> Vec<u8> {
    let mut out = Vec::new();
    encode_varint(number << 3 | wire, &mut out);
    out
}

fn bytes_field(number: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = tag(number, 2);
    encode_varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(bytes);
    out
}

/// The fields of a message, each with its number, written anew.
fn fields(kind: Kind, mut bytes: &[u8], rng: &mut Rng) -> Vec<(u64, Vec<u8>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let start = bytes;
        let key = decode_varint(&mut bytes).unwrap();
        let number = key >> 3;
        match key & 7 {
            0 => drop(decode_varint(&mut bytes).unwrap()),
            1 => bytes = &bytes[8..],
            5 => bytes = &bytes[4..],
            _ => {
                let length = usize::try_from(decode_varint(&mut bytes).unwrap()).unwrap();
                let (inner, rest) = bytes.split_at(length);
                bytes = rest;
                if let Some((child, single)) = kind.child(number) {
                    let parts = if single && rng.bool() { 2 } else { 1 };
                    let written = write(child, inner, parts, rng);
                    fields.extend(written.iter().map(|it| (number, bytes_field(number, it))));
                    continue;
                }
                if let Some(size) = kind.packed(number)
                    && rng.bool()
                {
                    fields.extend(unpacked(number, inner, size));
                    continue;
                }
            }
        }
        fields.push((number, start[..start.len() - bytes.len()].to_vec()));
    }
    fields
}

fn unpacked(number: u64, mut bytes: &[u8], size: usize) -> Vec<(u64, Vec<u8>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let mut field = tag(number, u64::from(size == 8));
        if size == 8 {
            field.extend_from_slice(&bytes[..8]);
            bytes = &bytes[8..];
        } else {
            encode_varint(decode_varint(&mut bytes).unwrap(), &mut field);
        }
        fields.push((number, field));
    }
    fields
}

/// A message in this many parts: fields of one number in their order, the others anyhow between them.
fn write(kind: Kind, bytes: &[u8], parts: usize, rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut fields = fields(kind, bytes, rng);
    let unknown: [Vec<u8>; 4] = [
        [tag(999, 0), vec![0xff, 0x01]].concat(),
        [tag(998, 1), vec![9; 8]].concat(),
        bytes_field(997, b"later"),
        [tag(996, 5), vec![9; 4]].concat(),
    ];
    let strange = if rng.u8(..4) == 0 { rng.usize(..4) } else { 0 };
    fields.extend((0..strange).map(|index| (999 - index as u64, unknown[index].clone())));
    let mut out = vec![Vec::new(); parts];
    let mut part = 0;
    while !fields.is_empty() {
        if part + 1 < parts && rng.u8(..3) == 0 {
            part += 1;
        }
        // One of the numbers that are left, and the first of its fields.
        let number = fields[rng.usize(..fields.len())].0;
        let index = fields.iter().position(|it| it.0 == number).unwrap();
        out[part].extend_from_slice(&fields.remove(index).1);
    }
    out
}

fn shuffled(signal: Signal, body: &[u8], rng: &mut Rng) -> Vec<u8> {
    write(Kind::Request(signal), body, 1, rng).concat()
}

#[test]
fn fields_may_come_in_any_order_and_in_parts() {
    for seed in 0..400 {
        let mut draw = Draw::new(seed, true);
        let mut rng = Rng::with_seed(seed);
        let request = draw.metrics();
        let body = shuffled(Signal::Metrics, &request.encode_to_vec(), &mut rng);
        let decoded = ExportMetricsServiceRequest::decode(&body[..]).unwrap();
        assert_eq!(decoded, request, "the writer of this test is right");
        let told = read(Signal::Metrics, Encoding::Protobuf, &body).unwrap();
        assert_eq!(told.lines, theirs::metrics(&request), "seed {seed}");

        let request = draw.logs();
        let body = shuffled(Signal::Logs, &request.encode_to_vec(), &mut rng);
        let decoded = ExportLogsServiceRequest::decode(&body[..]).unwrap();
        assert_eq!(decoded, request, "the writer of this test is right");
        let told = read(Signal::Logs, Encoding::Protobuf, &body).unwrap();
        assert_eq!(told.lines, theirs::logs(&request), "seed {seed}");

        let request = draw.spans();
        let body = shuffled(Signal::Spans, &request.encode_to_vec(), &mut rng);
        let decoded = ExportTraceServiceRequest::decode(&body[..]).unwrap();
        assert_eq!(decoded, request, "the writer of this test is right");
        let told = read(Signal::Spans, Encoding::Protobuf, &body).unwrap();
        assert_eq!(told.lines, theirs::spans(&request), "seed {seed}");
    }
}

#[test]
fn attributes_apart_have_the_fingerprint_of_attributes_together() {
    let request = shapes::metrics(4);
    let body = request.encode_to_vec();
    let together = read(Signal::Metrics, Encoding::Protobuf, &body).unwrap();
    // The resource and four series.
    let mut different = together.fingerprints.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 5);
    // The value stands before the attributes, between them, and behind them.
    let point = request.resource_metrics[0].scope_metrics[0].metrics[0]
        .data
        .clone();
    let Some(opentelemetry_proto::tonic::metrics::v1::metric::Data::Sum(sum)) = point else {
        panic!("a sum");
    };
    let pairs: Vec<Vec<u8>> = sum.data_points[0]
        .attributes
        .iter()
        .map(|it| bytes_field(7, &it.encode_to_vec()))
        .collect();
    let value = [tag(6, 1), 5_u64.to_le_bytes().to_vec()].concat();
    for at in 0..=pairs.len() {
        let mut point = pairs.clone();
        point.insert(at, value.clone());
        let metric = bytes_field(7, &bytes_field(1, &point.concat()));
        let body = bytes_field(1, &bytes_field(2, &bytes_field(2, &metric)));
        let told = read(Signal::Metrics, Encoding::Protobuf, &body).unwrap();
        assert_eq!(
            told.fingerprints[1], together.fingerprints[1],
            "value at {at}"
        );
    }
}

#[test]
fn a_metric_is_of_the_kind_that_was_said_last() {
    let point = bytes_field(1, &[tag(6, 1), 5_u64.to_le_bytes().to_vec()].concat());
    let metric = [
        bytes_field(5, &point),
        bytes_field(7, &point),
        bytes_field(5, &point),
        bytes_field(5, &point),
    ]
    .concat();
    let body = bytes_field(1, &bytes_field(2, &bytes_field(2, &metric)));
    let told = read(Signal::Metrics, Encoding::Protobuf, &body).unwrap();
    let theirs = theirs::metrics(&ExportMetricsServiceRequest::decode(&body[..]).unwrap());
    assert_eq!(told.lines, theirs);
    assert_eq!(told.lines.matches("Gauge").count(), 1);
    assert_eq!(told.lines.matches("Point {").count(), 2);
}

#[test]
fn what_is_not_protobuf_is_refused_at_its_byte() {
    let cases: [(&[u8], &str, usize); 9] = [
        (&[0x0a, 0x05, 0x00], "ends too early", 1),
        (&[0x0a], "ends too early", 1),
        (&[0x0a, 0x80], "ends too early", 1),
        (&[0x00], "does not have", 0),
        (&[0x0e], "does not have", 1),
        (&[0x0b, 0x0c], "group", 1),
        (
            &[
                0x38, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02,
            ],
            "64 bits",
            1,
        ),
        (
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00],
            "does not have",
            0,
        ),
        (&[0x39, 1, 2, 3], "ends too early", 1),
    ];
    for (body, what, at) in cases {
        let malformed = read(Signal::Metrics, Encoding::Protobuf, body).unwrap_err();
        assert!(
            malformed.to_string().contains(what),
            "{body:x?}: {malformed}"
        );
        assert_eq!(malformed.at(), at, "{body:x?}");
    }
}

#[test]
fn texts_that_are_not_utf_8_are_refused_wherever_we_read_them() {
    let bad = b"\xc3(";
    let pair = |key: &[u8], value: &[u8]| {
        [bytes_field(1, key), bytes_field(2, &bytes_field(1, value))].concat()
    };
    let in_scope = |it: &[u8]| bytes_field(1, &bytes_field(2, it));
    let in_metric = |it: &[u8]| in_scope(&bytes_field(2, it));
    let in_point = |it: &[u8]| in_metric(&bytes_field(7, &bytes_field(1, it)));
    let metrics = [
        bytes_field(1, &bytes_field(1, &bytes_field(1, &pair(bad, b"v")))),
        in_scope(&bytes_field(1, &bytes_field(2, bad))),
        in_metric(&bytes_field(1, bad)),
        in_metric(&bytes_field(3, bad)),
        in_point(&bytes_field(7, &pair(bad, b"v"))),
        in_point(&bytes_field(7, &pair(b"k", bad))),
        in_point(&bytes_field(
            7,
            &pair(&[bad, &[b'k'; 200][..]].concat(), b"v"),
        )),
        in_point(&bytes_field(
            7,
            &[bytes_field(
                2,
                &bytes_field(5, &bytes_field(1, &bytes_field(1, bad))),
            )]
            .concat(),
        )),
        in_metric(&bytes_field(
            9,
            &bytes_field(1, &bytes_field(9, &pair(b"k", bad))),
        )),
    ];
    for body in &metrics {
        let malformed = read(Signal::Metrics, Encoding::Protobuf, body).unwrap_err();
        assert!(malformed.to_string().contains("UTF-8"), "{malformed}");
        assert!(body[malformed.at()..].starts_with(bad), "{malformed}");
    }
    for (number, signal) in [
        (12, Signal::Logs),
        (6, Signal::Logs),
        (5, Signal::Spans),
        (9, Signal::Spans),
    ] {
        let inner = if matches!(number, 6 | 9) {
            pair(b"k", bad)
        } else {
            bad.to_vec()
        };
        let body = in_metric(&bytes_field(number, &inner));
        let malformed = read(signal, Encoding::Protobuf, &body).unwrap_err();
        assert!(malformed.to_string().contains("UTF-8"), "{malformed}");
    }
}

#[test]
fn a_record_sent_again_has_the_fingerprint_it_had() {
    let request = shapes::logs(3);
    for encoding in [Encoding::Protobuf, Encoding::Json] {
        let fingerprints = |change: fn(&mut ExportLogsServiceRequest)| {
            let mut request = request.clone();
            change(&mut request);
            let body = match encoding {
                Encoding::Protobuf => request.encode_to_vec(),
                Encoding::Json => serde_json::to_vec(&request).unwrap(),
            };
            read(Signal::Logs, encoding, &body).unwrap().fingerprints
        };
        let first = fingerprints(|_| ());
        assert_eq!(first.len(), 4);
        let later = fingerprints(|it| {
            it.resource_logs[0].scope_logs[0].log_records[1].observed_time_unix_nano += 9;
        });
        assert_eq!(later, first, "{encoding:?}");
        let changes: [fn(&mut ExportLogsServiceRequest); 4] = [
            |it| it.resource_logs[0].scope_logs[0].log_records[1].time_unix_nano += 1,
            |it| {
                it.resource_logs[0].scope_logs[0].log_records[1]
                    .severity_text
                    .push('x');
            },
            |it| it.resource_logs[0].scope_logs[0].log_records[1].body = None,
            |it| {
                it.resource_logs[0].scope_logs[0].log_records[1]
                    .event_name
                    .push('x');
            },
        ];
        for change in changes {
            let after = fingerprints(change);
            assert_ne!(after[2], first[2], "{encoding:?}");
            assert_eq!((after[1], after[3]), (first[1], first[3]), "{encoding:?}");
        }
    }
}
