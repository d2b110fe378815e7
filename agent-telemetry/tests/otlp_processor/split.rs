//! What a crash between any two records leaves, where marks are large.

use agent_primitives::TokenUsage;
use agent_telemetry::{Body, Record};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;

use super::host::{Host, PATIENCE, sum};
use super::requests::{call_events, call_spans, genai, text};
use super::valve::Valve;

/// Histograms of so many series of one process, each with a baseline of some 9 KB.
fn histograms(series: u64) -> Vec<u8> {
    let (metrics, _) = genai(1, 1);
    let mut request = ExportMetricsServiceRequest::decode(&*metrics).unwrap();
    let metric = &mut request.resource_metrics[0].scope_metrics[0].metrics[0];
    let Some(Data::Histogram(histogram)) = &mut metric.data else {
        panic!("a histogram")
    };
    let mut like = histogram.data_points.remove(1);
    histogram.data_points.clear();
    like.explicit_bounds = (0..1_000_u32).map(f64::from).collect();
    like.bucket_counts = vec![0; 1_001];
    like.bucket_counts[100] = 1;
    like.sum = Some(100.0);
    for number in 0..series {
        let mut point = like.clone();
        let model = format!("model-{}", number % 40);
        point
            .attributes
            .retain(|it| it.key != "gen_ai.response.model");
        point.attributes.push(text("gen_ai.response.model", &model));
        let tag = format!("{}", number / 40);
        point.attributes.push(text("server.address", &tag));
        histogram.data_points.push(point);
    }
    request.encode_to_vec()
}

fn size(record: &Record) -> usize {
    record.marks().iter().map(|it| it.state().len() + 64).sum()
}

/// Starts anew with what the first of these records left, is told again what was said, and returns what all of it adds
/// up to.
fn again(before: &[Record], tell: &dyn Fn(&Host)) -> TokenUsage {
    let valve = Valve::with(before.to_vec());
    let host = Host::on(valve.clone(), |it| it);
    tell(&host);
    assert!(host.processor.flush(PATIENCE));
    sum(&valve.records()).0
}

#[test]
fn crash_between_any_two_records_of_large_baselines_neither_loses_nor_doubles() {
    let body = histograms(150);
    let valve = Valve::default();
    let host = Host::on(valve.clone(), |it| it);
    assert_eq!(host.metrics(&body).message, None);
    assert!(host.processor.flush(PATIENCE));
    let records = valve.records();
    let all: usize = records.iter().map(size).sum();
    let most = records.iter().map(size).max().unwrap();
    println!(
        "{} records with marks of {all} bytes, at most {most}",
        records.len()
    );
    assert!(all > 1 << 20 && most <= 1 << 20);
    assert_eq!(sum(&records).0, TokenUsage::new(0, 15_000));
    let figures = host.processor.figures();
    assert_eq!((figures.marks_refused, figures.marks_apart), (0, 0));
    for kept in 0..=records.len() {
        let usage = again(&records[..kept], &|host| {
            host.metrics(&body);
        });
        assert_eq!(usage, TokenUsage::new(0, 15_000), "after {kept} records");
    }
}

#[test]
fn states_that_change_without_a_record_do_not_pile_up() {
    let calls: Vec<_> = (0..3_000)
        .zip(["s1", "s2", "s3"].into_iter().cycle())
        .map(|(number, session)| super::requests::Call {
            session,
            number,
            second: 5 + number,
            input: 10,
            cache_read: 0,
            output: 5,
        })
        .collect();
    let valve = Valve::default();
    let host = Host::on(valve.clone(), |it| it);
    host.logs(&call_events(&calls));
    assert!(host.processor.flush(PATIENCE));
    // Each is known already, and now by another key as well.
    host.spans(&call_spans(&calls));
    let one_more = super::requests::Call {
        number: 3_000,
        ..calls[2_999]
    };
    host.logs(&call_events(&[one_more]));
    assert!(host.processor.flush(PATIENCE));
    let records = valve.records();
    let most = records.iter().map(size).max().unwrap();
    println!("{} records, at most {most} bytes of marks", records.len());
    assert!(most < 512 << 10);
    assert_eq!(host.processor.figures().marks_apart, 0);
    let usage = again(&records, &|host| {
        host.spans(&call_spans(&calls));
        host.logs(&call_events(&calls));
    });
    assert_eq!(usage, TokenUsage::new(30_010, 15_005));
}

/// How long calls took, which says how many they were as well.
fn durations() -> Vec<u8> {
    let (metrics, _) = genai(1, 1);
    let mut request = ExportMetricsServiceRequest::decode(&*metrics).unwrap();
    let metric = &mut request.resource_metrics[0].scope_metrics[0].metrics[0];
    "gen_ai.client.operation.duration".clone_into(&mut metric.name);
    "s".clone_into(&mut metric.unit);
    let Some(Data::Histogram(histogram)) = &mut metric.data else {
        panic!("a histogram")
    };
    histogram.data_points.truncate(1);
    for point in &mut histogram.data_points {
        point.attributes.retain(|it| it.key != "gen_ai.token.type");
        point.count = 3;
        point.sum = Some(6.0);
    }
    request.encode_to_vec()
}

#[test]
fn crash_between_any_two_records_of_durations_does_not_tell_them_twice() {
    let told = |records: &[Record]| {
        let metrics = records.iter().filter_map(|it| match &it.body {
            Body::Metric(it) if it.name() != "otlp.points" => Some(it.name().to_owned()),
            _ => None,
        });
        metrics.collect::<Vec<String>>()
    };
    let valve = Valve::default();
    let host = Host::on(valve.clone(), |it| it);
    host.metrics(&durations());
    assert!(host.processor.flush(PATIENCE));
    let records = valve.records();
    let once = told(&records);
    assert!(!once.is_empty(), "{records:?}");
    for kept in 0..=records.len() {
        let valve = Valve::with(records[..kept].to_vec());
        let host = Host::on(valve.clone(), |it| it);
        host.metrics(&durations());
        assert!(host.processor.flush(PATIENCE));
        assert_eq!(told(&valve.records()), once, "after {kept} records");
    }
}
