//! The crates that Prometheus reads from: prometheus, prometheus-client, and metrics with its exporter.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use metrics::{Key, Level, Metadata, Recorder as _, counter, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::{BOUNDS, latencies, repeat_labelled, repeat_measured};
use crate::harness::{Broken, Case, Kind};
use crate::rows::operation::repeat;

const PROMETHEUS: &str = "0.14.0";
const CLIENT: &str = "0.25.2";
const METRICS: &str = "0.24.6";
/// Samples of `metrics` after which they are drained, as a scrape does.
const DRAINED: u32 = 65_536;

pub(super) fn prometheus_counter() -> Result<Case, Broken> {
    let counter = prometheus::IntCounter::new("calls", "calls").map_err(described)?;
    let work = move |calls| repeat(calls, |_| counter.inc_by(1));
    Ok(Case::looped(Kind::Peer, "prometheus", PROMETHEUS, work))
}

pub(super) fn prometheus_labelled() -> Result<Case, Broken> {
    let options = prometheus::Opts::new("calls", "calls");
    let family = prometheus::IntCounterVec::new(options, &["model", "outcome"]);
    let family = family.map_err(described)?;
    let work = move |calls| {
        repeat_labelled(calls, |model, outcome| {
            family.with_label_values(&[model, outcome]).inc_by(1);
        });
    };
    Ok(Case::looped(Kind::Peer, "prometheus", PROMETHEUS, work))
}

pub(super) fn prometheus_histogram() -> Result<Case, Broken> {
    let options = prometheus::HistogramOpts::new("latency", "latency").buckets(BOUNDS.to_vec());
    let histogram = prometheus::Histogram::with_opts(options).map_err(described)?;
    let values = latencies();
    let work = move |calls| repeat_measured(calls, &values, |value| histogram.observe(value));
    Ok(Case::looped(Kind::Peer, "prometheus", PROMETHEUS, work))
}

fn described(error: prometheus::Error) -> Broken {
    Broken::new("describe an instrument of prometheus", error)
}

pub(super) fn prometheus_client_counter() -> Case {
    let counter: Counter = Counter::default();
    let work = move |calls| repeat(calls, |_| counter.inc_by(1));
    Case::looped(Kind::Peer, "prometheus-client", CLIENT, work)
}

/// The labels as a type of the host's, which is its way without an allocation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Labels {
    model: &'static str,
    outcome: &'static str,
}

pub(super) fn prometheus_client_labelled() -> Case {
    let family: Family<Labels, Counter> = Family::default();
    let work = move |calls| {
        repeat_labelled(calls, |model, outcome| {
            family.get_or_create(&Labels { model, outcome }).inc_by(1);
        });
    };
    Case::looped(Kind::Peer, "prometheus-client", CLIENT, work)
}

pub(super) fn prometheus_client_histogram() -> Case {
    let histogram = Histogram::new(BOUNDS);
    let values = latencies();
    let work = move |calls| repeat_measured(calls, &values, |value| histogram.observe(value));
    Case::looped(Kind::Peer, "prometheus-client", CLIENT, work)
}

static METADATA: Metadata<'static> = Metadata::new("bench", Level::INFO, None);

fn recorder() -> PrometheusRecorder {
    PrometheusBuilder::new().build_recorder()
}

pub(super) fn metrics_counter() -> Case {
    let recorder = recorder();
    let counter = recorder.register_counter(&Key::from_static_name("calls"), &METADATA);
    let work = move |calls| {
        let _ = &recorder;
        repeat(calls, |_| counter.increment(1));
    };
    Case::looped(Kind::Peer, "metrics", METRICS, work)
}

pub(super) fn metrics_labelled() -> Case {
    let recorder = recorder();
    let work = move |calls| {
        with_local_recorder(&recorder, || {
            repeat_labelled(calls, |model, outcome| {
                counter!("calls", "model" => model, "outcome" => outcome).increment(1);
            });
        });
    };
    Case::looped(Kind::Peer, "metrics", METRICS, work)
}

pub(super) fn metrics_histogram() -> Case {
    let recorder = recorder();
    let handle = recorder.handle();
    let histogram = recorder.register_histogram(&Key::from_static_name("latency"), &METADATA);
    let (values, kept) = (latencies(), AtomicU32::new(0));
    let work = move |calls| {
        let _ = &recorder;
        repeat_measured(calls, &values, |value| histogram.record(value));
        if kept.fetch_add(calls, Relaxed).wrapping_add(calls) >= DRAINED {
            kept.store(0, Relaxed);
            handle.run_upkeep();
        }
    };
    Case::looped(Kind::Peer, "metrics, drained", METRICS, work)
}
