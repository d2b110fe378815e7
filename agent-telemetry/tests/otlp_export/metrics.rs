//! What metrics add up to.

use std::time::Duration;

use agent_primitives::{Timestamp, TokenUsage, ToolName, Usd};
use agent_telemetry::otlp::OtlpTemporality;
use agent_telemetry::{GenAiNames, Record, Sink as _, ToolCall, ToolOutcome};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric, NumberDataPoint};

use crate::server::{Got, Server};
use crate::story::{START, at, call};

fn metrics(got: &[Got], name: &str) -> Vec<Metric> {
    let requests = got.iter().filter(|it| it.path == "/v1/metrics");
    let scopes = requests.flat_map(|it| it.metrics().resource_metrics);
    let metrics = scopes
        .flat_map(|it| it.scope_metrics)
        .flat_map(|it| it.metrics);
    metrics.filter(|it| it.name == name).collect()
}

fn points(got: &[Got], name: &str) -> Vec<NumberDataPoint> {
    let data = metrics(got, name).into_iter().map(|it| it.data.unwrap());
    data.flat_map(|it| match it {
        Data::Sum(sum) => sum.data_points,
        Data::Gauge(gauge) => gauge.data_points,
        other => panic!("{other:?}"),
    })
    .collect()
}

fn distributions(got: &[Got], name: &str) -> Vec<HistogramDataPoint> {
    let data = metrics(got, name).into_iter().map(|it| it.data.unwrap());
    data.flat_map(|it| match it {
        Data::Histogram(histogram) => histogram.data_points,
        other => panic!("{other:?}"),
    })
    .collect()
}

/// Three batches, a second apart, with 100, 20 and 3 tokens.
fn sent(temporality: OtlpTemporality) -> Vec<Got> {
    let server = Server::start([]);
    let (builder, clock) = crate::sink(&server);
    let mut sink = builder.temporality(temporality).build().unwrap();
    for (second, tokens) in [(1, 100), (2, 20), (3, 3)] {
        clock.advance(Duration::from_secs(1));
        let call = call()
            .usage(TokenUsage::new(tokens, 0))
            .cost(Usd::from_picos(1_000_000_000_001))
            .latency(Duration::from_millis(second * 20));
        sink.write(&[Record::new(at(0), call)]).unwrap();
    }
    server.all()
}

const INPUT: &str = "gen_ai.client.inference.usage.input_tokens";
const DURATION: &str = "gen_ai.client.inference.duration";

/// Start, time and value of each point of input tokens.
fn input(got: &[Got]) -> Vec<(u64, u64, Value)> {
    let points = points(got, INPUT).into_iter();
    points
        .map(|it| {
            let value = it.value.unwrap();
            (it.start_time_unix_nano, it.time_unix_nano, value)
        })
        .collect()
}

/// How many durations each point counts.
fn durations(got: &[Got]) -> Vec<u64> {
    let points = distributions(got, DURATION);
    points.iter().map(|it| it.count).collect()
}

fn second(number: i64) -> u64 {
    let nanos = Timestamp::from_unix_seconds(START + number).unix_nanos();
    u64::try_from(nanos).unwrap()
}

#[test]
fn cumulative_points_hold_everything_since_the_sink_was_made() {
    let got = sent(OtlpTemporality::Cumulative);
    let expected = [
        (second(0), second(1), Value::AsInt(100)),
        (second(0), second(2), Value::AsInt(120)),
        (second(0), second(3), Value::AsInt(123)),
    ];
    assert_eq!(input(&got), expected);
    assert_eq!(durations(&got), [1, 2, 3]);
    let dollars: Vec<_> = points(&got, "agent.cost")
        .iter()
        .map(|it| it.value.unwrap())
        .collect();
    let expected = [1.000_000_000_001, 2.000_000_000_002, 3.000_000_000_003];
    assert_eq!(dollars, expected.map(Value::AsDouble));
}

#[test]
fn delta_points_hold_what_was_added_and_their_intervals_abut() {
    let got = sent(OtlpTemporality::Delta);
    let expected = [
        (second(0), second(1), Value::AsInt(100)),
        (second(1), second(2), Value::AsInt(20)),
        (second(2), second(3), Value::AsInt(3)),
    ];
    assert_eq!(input(&got), expected);
    assert_eq!(durations(&got), [1, 1, 1]);
}

#[test]
fn time_of_points_rises_where_the_clock_stands_still() {
    let server = Server::start([]);
    let mut sink = crate::sink(&server).0.build().unwrap();
    for _ in 0..3 {
        sink.write(&[Record::new(at(0), call())]).unwrap();
    }
    let points = points(&server.all(), INPUT);
    let times: Vec<u64> = points.iter().map(|it| it.time_unix_nano).collect();
    assert_eq!(times, [second(0) + 1, second(0) + 2, second(0) + 3]);
}

#[test]
fn value_on_a_bound_belongs_to_the_bucket_below() {
    let server = Server::start([]);
    let (builder, _) = crate::sink(&server);
    let mut sink = builder.names(GenAiNames::V1_41).build().unwrap();
    for tokens in [0, 1, 2, 4, 67_108_864, 67_108_865] {
        let call = call().usage(TokenUsage::new(tokens, 0));
        sink.write(&[Record::new(at(0), call)]).unwrap();
    }
    let all = distributions(&server.all(), "gen_ai.client.token.usage");
    let input = all.iter().rev().find(|it| {
        let is_input = |value: &Option<_>| format!("{value:?}").contains("\"input\"");
        it.attributes.iter().any(|it| is_input(&it.value))
    });
    let input = input.unwrap();
    assert_eq!(input.explicit_bounds.len(), 14);
    assert_eq!(
        input.bucket_counts,
        [2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]
    );
    assert_eq!((input.min, input.max), (Some(0.0), Some(67_108_865.0)));
    assert_eq!(input.sum, Some(134_217_736.0));
}

#[test]
fn series_beyond_the_bound_are_added_up_as_one() {
    let server = Server::start([]);
    let mut sink = crate::sink(&server).0.build().unwrap();
    let used = |number: u32| {
        let tool = ToolName::new(format!("tool-{number}")).unwrap();
        Record::new(at(0), ToolCall::new(tool, ToolOutcome::Ok, Duration::ZERO))
    };
    let records: Vec<Record> = (0..2_500).map(used).collect();
    sink.write(&records).unwrap();
    let points = points(&server.all(), "agent.tool.calls");
    assert_eq!(points.len(), 2_000);
    let overflow: Vec<_> = points
        .iter()
        .filter(|it| {
            it.attributes
                .iter()
                .any(|it| it.key == "otel.metric.overflow")
        })
        .collect();
    assert_eq!(overflow.len(), 1);
    assert_eq!(overflow[0].value, Some(Value::AsInt(501)));
}
