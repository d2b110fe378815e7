//! Requests that are told in pieces.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use agent_primitives::TokenUsage;
use agent_telemetry::otlp::Signal;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{
    NumberDataPoint, number_data_point::Value as Number,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

use super::host::{Host, PATIENCE, calls, points, sum};
use super::requests::{CUMULATIVE, Call, at, call_events, call_spans, sums, text};
use super::valve::{Mode, Valve};

fn events(number: u64) -> Vec<Call> {
    let call = |number| Call {
        session: "s1",
        number,
        second: 5 + number / 10,
        input: 10,
        cache_read: 0,
        output: i64::try_from(number % 7).unwrap(),
    };
    (0..number).map(call).collect()
}

/// One point of each of so many series, of sessions that take turns.
fn series(number: u64, sessions: u64, value: impl Fn(u64) -> f64) -> Vec<u8> {
    let point = |it: u64| NumberDataPoint {
        attributes: vec![
            text("session.id", &format!("s{}", it % sessions)),
            text("model", &format!("claude-haiku-4-5-{}", it / sessions)),
            text("type", "output"),
        ],
        start_time_unix_nano: at(0),
        time_unix_nano: at(60),
        value: Some(Number::AsDouble(value(it))),
        ..NumberDataPoint::default()
    };
    sums(
        "claude_code.token.usage",
        "tokens",
        CUMULATIVE,
        (0..number).map(point).collect(),
    )
}

#[test]
fn what_a_large_request_says_is_what_small_ones_say() {
    let all = events(2_000);
    let (large, small) = (Host::new(), Host::new());
    let body = call_events(&all);
    assert!(body.len() > 500_000);
    large.logs(&body);
    large.spans(&call_spans(&all));
    for some in all.chunks(50) {
        small.logs(&call_events(some));
    }
    for some in all.chunks(50) {
        small.spans(&call_spans(some));
    }
    let (of_large, of_small) = (large.records(), small.records());
    assert_eq!(calls(&of_large), calls(&of_small));
    assert_eq!(of_large.len(), of_small.len());
    let (figures, others) = (large.processor.figures(), small.processor.figures());
    assert_eq!((figures.logs, figures.spans), (others.logs, others.spans));
    assert_eq!((figures.requests, figures.logs.known), (2, 2_000));
    large.logs(&body);
    assert_eq!(large.processor.figures().logs.duplicates, 2_000);
}

/// A resource with so many attributes more than are read.
fn crowd(resource: &mut Option<Resource>) {
    let more = (0..128 + DROPPED).map(|it| text(&format!("label.{it}"), "x"));
    let resource = resource.as_mut().unwrap();
    let own = resource.attributes.len();
    resource.attributes.extend(more.skip(own));
}

const DROPPED: usize = 7;

#[test]
fn what_is_dropped_of_the_resource_of_a_large_request_is_counted_once() {
    let dropped = DROPPED as u64;
    let host = Host::new();
    let mut logs = ExportLogsServiceRequest::decode(&*call_events(&events(2_000))).unwrap();
    crowd(&mut logs.resource_logs[0].resource);
    host.logs(&logs.encode_to_vec());
    assert_eq!(host.processor.figures().attributes_dropped, dropped);
    let mut spans = ExportTraceServiceRequest::decode(&*call_spans(&events(2_000))).unwrap();
    crowd(&mut spans.resource_spans[0].resource);
    host.spans(&spans.encode_to_vec());
    assert_eq!(host.processor.figures().attributes_dropped, 2 * dropped);
    let metrics = |number| {
        let body = series(number, 400, |_| 3.0);
        let mut metrics = ExportMetricsServiceRequest::decode(&*body).unwrap();
        crowd(&mut metrics.resource_metrics[0].resource);
        host.metrics(&metrics.encode_to_vec());
    };
    metrics(20_000);
    assert_eq!(host.processor.figures().attributes_dropped, 3 * dropped);
    metrics(20_000);
    // By now all are known as they are written, and it is read for the first that is new, in a late piece.
    let before = host.processor.figures().attributes_dropped;
    metrics(20_000);
    assert_eq!(host.processor.figures().attributes_dropped, before);
    metrics(22_000);
    assert_eq!(
        host.processor.figures().attributes_dropped,
        before + dropped
    );
}

#[test]
fn flaw_at_the_end_of_a_large_request_undoes_all_of_it() {
    let host = Host::new();
    for (signal, mut body) in [
        (Signal::Logs, call_events(&events(2_000))),
        (Signal::Traces, call_spans(&events(2_000))),
        (Signal::Metrics, series(3_000, 10, |_| 1.0)),
    ] {
        body.extend_from_slice(b"\x0a\x05abc");
        host.send(signal, &body).unwrap_err();
    }
    let figures = host.processor.figures();
    assert_eq!((figures.requests, figures.malformed), (3, 3));
    assert_eq!((figures.logs.total(), figures.spans.total()), (0, 0));
    assert_eq!((figures.points.total(), figures.series), (0, 0));
    assert!(host.records().is_empty());
}

#[test]
fn points_that_are_refused_in_any_piece_are_told_together() {
    let host = Host::new();
    let body = series(
        5_000,
        10,
        |it| if it % 1_000 == 999 { f64::NAN } else { 2.0 },
    );
    let accepted = host.metrics(&body);
    assert_eq!(accepted.rejected, 5);
    assert!(
        accepted
            .message
            .unwrap()
            .contains("claude_code.token.usage")
    );
    assert_eq!(sum(&host.records()).0, TokenUsage::new(0, 2 * 4_995));
}

#[test]
fn many_series_are_told_in_slices_with_one_record_for_those_of_a_session() {
    let host = Host::new();
    host.metrics(&series(20_000, 400, |_| 3.0));
    let records = host.records();
    assert_eq!(sum(&records).0, TokenUsage::new(0, 60_000));
    assert_eq!(points(&records), 20_000);
    let carriers = records.len() - calls(&records).len();
    // A start and a count for each session, and one more count where a slice ends within it.
    println!("{carriers} records beside calls, of 20000 series of 400 sessions");
    assert!(carriers <= 2 * 400 + 20, "{carriers}");
}

#[test]
fn large_request_is_taken_as_a_whole_also_where_records_fill_up() {
    let valve = Valve::new(Mode::Holds);
    let host = Host::on(valve.clone(), |it| {
        it.hold(Duration::ZERO).waiting_bytes(50_000)
    });
    let valve_of = valve.clone();
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| host.logs(&call_events(&events(1_000))));
        while host.processor.figures().logs.known < 64 {
            std::thread::yield_now();
        }
        valve_of.turn(Mode::Takes);
        sent.join().unwrap();
    });
    assert!(host.processor.flush(PATIENCE));
    assert_eq!(calls(&valve.records()).len(), 1_000);
}

/// Says that a thread has ended, also where it panicked.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn small_requests_are_taken_while_a_large_one_is() {
    let host = Host::new();
    // Requests one after another are one request.
    let large = series(2_000, 10, |_| 1.0).repeat(30);
    let small = series(1, 1, |_| 1.0);
    // How much of a large one they saw, beside nothing and all. How often they have their turn is the system's to say,
    // so it is tried again: where there are none between two pieces, never is one seen.
    let (mut between, start) = (HashSet::new(), Instant::now());
    while between.len() < 10 {
        assert!(start.elapsed() < PATIENCE, "{between:?}");
        let (before, ends) = (
            host.processor.figures().points.total(),
            AtomicBool::new(false),
        );
        let mut taken = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _ends = Ends(&ends);
                host.metrics(&large);
            });
            while !ends.load(Ordering::Relaxed) {
                host.metrics(&small);
                taken += 1;
                let seen = host.processor.figures().points.total() - before - taken;
                if (1..60_000).contains(&seen) {
                    between.insert(seen);
                }
            }
        });
        assert_eq!(
            host.processor.figures().points.total(),
            before + 60_000 + taken
        );
    }
    println!("seen of {} bytes: {between:?} points", large.len());
}
