//! Counters and histograms: on a handle, and found by two labels each time.

mod exporters;
mod opentelemetry;

use agent_primitives::ModelId;
use agent_telemetry::{Instrument, Metrics, MetricsError, Outcome, Severity};

use super::operation::repeat;
use crate::harness::{Broken, Case, Group, Kind, Plan, version_of};

pub(super) fn plans() -> Vec<Plan> {
    let on = |name, cases: fn() -> Result<Vec<Case>, Broken>, threads| {
        Plan::new(name, move |name| {
            Ok(Group::new(name, cases()?).threads(threads))
        })
    };
    vec![
        on("counter on a handle", counters, 1),
        on("counter on a handle", counters, 2),
        on("counter with two labels", labelled, 1),
        on("counter with two labels", labelled, 2),
        on("histogram on a handle", histograms, 1),
        on("histogram on a handle", histograms, 2),
    ]
}

/// What the calls of a bench are about, turn by turn.
const MODELS: [&str; 4] = [
    "claude-sonnet-4-5",
    "gpt-5-mini",
    "gemini-2.5-flash",
    "qwen3-coder",
];
const OUTCOMES: [Outcome; 2] = [Outcome::Success, Outcome::Failed];
/// As Prometheus has them for requests, which most hosts keep.
const BOUNDS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const VALUES: usize = 64;

/// Latencies in seconds from 0.05 to 60, in no order.
fn latencies() -> [f64; VALUES] {
    let mut random = fastrand::Rng::with_seed(64);
    std::array::from_fn(|_| 0.05 * 1200_f64.powf(random.f64()))
}

#[inline]
fn turn<T>(all: &[T], number: u32) -> Option<&T> {
    all.get(number as usize % all.len())
}

/// Calls `operation` with a model's name and an outcome that change from call to call.
#[inline]
fn repeat_labelled(calls: u32, operation: impl Fn(&'static str, &'static str)) {
    repeat(calls, |number| {
        if let (Some(model), Some(outcome)) = (turn(&MODELS, number), turn(&OUTCOMES, number / 4)) {
            operation(model, outcome.as_str());
        }
    });
}

/// Calls `operation` with one latency after another.
#[inline]
fn repeat_measured(calls: u32, latencies: &[f64; VALUES], operation: impl Fn(f64)) {
    repeat(calls, |number| {
        if let Some(&latency) = turn(latencies, number) {
            operation(latency);
        }
    });
}

fn ours(name: &str, work: impl Fn(u32) + Send + Sync + 'static) -> Case {
    Case::looped(Kind::Ours, name, version_of("agent-telemetry"), work)
}

fn refused(error: MetricsError) -> Broken {
    Broken::new("describe an instrument", error)
}

fn counters() -> Result<Vec<Case>, Broken> {
    let family = Metrics::new().counter(Instrument::<()>::new("calls", "{call}", []));
    let counter = family.map_err(refused)?.with(());
    Ok(vec![
        ours("counter", move |calls| repeat(calls, |_| counter.add(1))),
        exporters::prometheus_counter()?,
        exporters::prometheus_client_counter(),
        exporters::metrics_counter(),
        opentelemetry::counter(),
    ])
}

fn labelled() -> Result<Vec<Case>, Broken> {
    let metrics = Metrics::new();
    let names = ["severity", "outcome"];
    let closed = metrics
        .counter(Instrument::<(Severity, Outcome)>::new(
            "closed", "{call}", names,
        ))
        .map_err(refused)?;
    let names = ["model", "outcome"];
    let ids = metrics
        .counter(Instrument::<(ModelId, Outcome)>::new(
            "ids", "{call}", names,
        ))
        .map_err(refused)?;
    let texts = metrics
        .counter(Instrument::<(String, String)>::new(
            "texts", "{call}", names,
        ))
        .map_err(refused)?;
    let models: Result<Vec<_>, _> = MODELS.into_iter().map(ModelId::new).collect();
    let models = models.map_err(Broken::when("name a model"))?;
    let severities = Severity::ALL;
    Ok(vec![
        ours("two enums", move |calls| {
            repeat(calls, |number| {
                let labels = (turn(severities, number), turn(&OUTCOMES, number / 4));
                if let (Some(severity), Some(outcome)) = labels {
                    closed.add((severity, outcome), 1);
                }
            });
        }),
        ours("an id and an enum", move |calls| {
            repeat(calls, |number| {
                let labels = (turn(&models, number), turn(&OUTCOMES, number / 4));
                if let (Some(model), Some(outcome)) = labels {
                    ids.add((model, outcome), 1);
                }
            });
        }),
        ours("two texts", move |calls| {
            repeat_labelled(calls, |model, outcome| texts.add((model, outcome), 1));
        }),
        exporters::prometheus_labelled()?,
        exporters::prometheus_client_labelled(),
        exporters::metrics_labelled(),
        opentelemetry::labelled(),
    ])
}

fn histograms() -> Result<Vec<Case>, Broken> {
    let family = Metrics::new().histogram(Instrument::<()>::new("latency", "s", []));
    let histogram = family.map_err(refused)?.with(());
    let values = latencies();
    Ok(vec![
        ours("histogram", move |calls| {
            repeat_measured(calls, &values, |value| histogram.record(value));
        }),
        exporters::prometheus_histogram()?,
        exporters::prometheus_client_histogram(),
        exporters::metrics_histogram(),
        opentelemetry::histogram(),
        opentelemetry::exponential(),
    ])
}
