//! The page that Prometheus reads: ten thousand counters, four hundred histograms, and the totals of records.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use agent_primitives::{
    AgentId, ContextPressure, ModelId, ProviderId, Timestamp, TokenUsage, ToolName, Usd,
};
use agent_telemetry::prometheus::{Exposition, ExpositionConfig, Format, Totals};
use agent_telemetry::{Body, Instrument, Metrics, ModelCall, Record, ToolCall, ToolOutcome};
use metrics::{Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::PrometheusBuilder;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::operation::repeat;
use crate::harness::{Broken, Case, Group, Kind, Plan, version_of};

const SERIES: usize = 10_000;
const HISTOGRAMS: usize = 400;
const TOOLS: usize = 20;
/// Bounds of a millisecond to seventeen minutes, doubling: those that ours has with one for each doubling.
const DOUBLINGS: std::ops::RangeInclusive<i32> = -10..=10;
const VALUES: [f64; 3] = [0.02, 1.5, 40.0];

pub(super) fn plans() -> Vec<Plan> {
    vec![
        Plan::new("page of 10 000 counters", |name| {
            Ok(Group::new(
                name,
                vec![
                    ours("text", counters()?, Format::Text),
                    ours("OpenMetrics", counters()?, Format::OpenMetrics),
                    client_counters(),
                    prometheus_counters()?,
                    exporter_counters(),
                ],
            )
            .samples(201))
        }),
        Plan::new("page of 400 histograms of 21 buckets", |name| {
            Ok(Group::new(
                name,
                vec![
                    ours("text", histograms()?, Format::Text),
                    client_histograms(),
                    prometheus_histograms()?,
                ],
            )
            .samples(201))
        }),
        Plan::new("page of the totals of ten agents", |name| {
            let totals = totals()?;
            let case = |name, format| {
                let totals = totals.clone();
                written(name, move |text| {
                    let mut page = Exposition::new(text, format);
                    // Writing to a text does not fail.
                    let _ = page.totals(&totals);
                    let _ = page.finish();
                })
            };
            let cases = vec![
                case("text", Format::Text),
                case("OpenMetrics", Format::OpenMetrics),
            ];
            Ok(Group::new(name, cases).samples(201))
        }),
    ]
}

/// The agent and the tool of a series.
fn names(series: usize) -> (String, String) {
    (
        format!("agent-{}", series / TOOLS),
        format!("tool-{}", series % TOOLS),
    )
}

fn bounds() -> Vec<f64> {
    DOUBLINGS.map(|power| f64::from(power).exp2()).collect()
}

/// Writes a page again and again into the same text, which has grown to its size before.
fn rendered(
    kind: Kind,
    name: &'static str,
    version: &'static str,
    render: impl Fn(&mut String) + Send + Sync + 'static,
) -> Case {
    let page = Mutex::new(String::new());
    Case::looped(kind, name, version, move |calls| {
        let mut page = page
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        repeat(calls, |_| {
            page.clear();
            render(&mut page);
            page.len()
        });
    })
}

fn written(name: &'static str, write: impl Fn(&mut String) + Send + Sync + 'static) -> Case {
    rendered(Kind::Ours, name, version_of("agent-telemetry"), write)
}

fn ours(name: &'static str, metrics: Metrics, format: Format) -> Case {
    let config = ExpositionConfig {
        buckets_per_doubling: 1,
        ..ExpositionConfig::default()
    };
    written(name, move |text| {
        let mut page = Exposition::with_config(text, format, config);
        // Writing to a text does not fail.
        let _ = page.metrics(&metrics);
        let _ = page.finish();
    })
}

fn refused(error: impl std::fmt::Display) -> Broken {
    Broken::new("describe an instrument", error)
}

/// Ten agents that call five models and twenty tools, and tell how full their contexts are.
fn totals() -> Result<Totals, Broken> {
    let refused = |error| Broken::new("name what is recorded", error);
    let totals = Totals::new();
    let provider = ProviderId::new("anthropic").map_err(refused)?;
    for number in 0..100_u64 {
        let agent = AgentId::new(format!("agent-{}", number % 10)).map_err(refused)?;
        let model = ModelId::new(format!("model-{}", number % 5)).map_err(refused)?;
        let tool = ToolName::new(format!("tool-{}", number % 20)).map_err(refused)?;
        let call = ModelCall::new(provider.clone(), model)
            .usage(TokenUsage::new(1_000, 200))
            .cost(Usd::from_micros(1_234))
            .latency(Duration::from_millis(900 + number));
        let tool = ToolCall::new(tool, ToolOutcome::Ok, Duration::from_millis(40 + number));
        let bodies = [
            call.into(),
            tool.into(),
            ContextPressure::new(number, 100).into(),
        ];
        let records = bodies
            .map(|body: Body| Record::new(Timestamp::UNIX_EPOCH, body).of_agent(agent.clone()));
        totals.add(&records);
    }
    Ok(totals)
}

type Two = Instrument<(String, String)>;

fn counters() -> Result<Metrics, Broken> {
    let metrics = Metrics::new();
    let calls = Two::new("calls", "{call}", ["agent", "tool"]).series_limit(SERIES);
    let calls = metrics
        .counter(calls.description("Calls."))
        .map_err(refused)?;
    for series in 0..SERIES {
        calls.add(names(series), 1_000 + series as u64);
    }
    Ok(metrics)
}

fn histograms() -> Result<Metrics, Broken> {
    let metrics = Metrics::new();
    let times = Two::new("times", "s", ["agent", "tool"]).description("Times.");
    let times = metrics.histogram(times).map_err(refused)?;
    for series in 0..HISTOGRAMS {
        for value in VALUES {
            times.record(names(series), value);
        }
    }
    Ok(metrics)
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    agent: String,
    tool: String,
}

impl Labels {
    fn of(series: usize) -> Self {
        let (agent, tool) = names(series);
        Self { agent, tool }
    }
}

fn client(registry: Registry) -> Case {
    rendered(Kind::Peer, "prometheus-client", "0.25.2", move |text| {
        let _ = prometheus_client::encoding::text::encode(text, &registry);
    })
}

fn client_counters() -> Case {
    let mut registry = Registry::default();
    let family = Family::<Labels, Counter>::default();
    registry.register("calls", "Calls", family.clone());
    for series in 0..SERIES {
        family
            .get_or_create(&Labels::of(series))
            .inc_by(1_000 + series as u64);
    }
    client(registry)
}

fn client_histograms() -> Case {
    let mut registry = Registry::default();
    let family = Family::<Labels, Histogram>::new_with_constructor(|| Histogram::new(bounds()));
    registry.register("times", "Times", family.clone());
    for series in 0..HISTOGRAMS {
        let histogram = family.get_or_create(&Labels::of(series));
        for value in VALUES {
            histogram.observe(value);
        }
    }
    client(registry)
}

fn prometheus(registry: prometheus::Registry) -> Case {
    rendered(Kind::Peer, "prometheus", "0.14.0", move |text| {
        let encoder = prometheus::TextEncoder::new();
        let _ = encoder.encode_utf8(&registry.gather(), text);
    })
}

fn prometheus_counters() -> Result<Case, Broken> {
    let registry = prometheus::Registry::new();
    let options = prometheus::Opts::new("calls", "Calls");
    let family = prometheus::IntCounterVec::new(options, &["agent", "tool"]).map_err(refused)?;
    registry
        .register(Box::new(family.clone()))
        .map_err(refused)?;
    for series in 0..SERIES {
        let (agent, tool) = names(series);
        let counter = family.with_label_values(&[&agent, &tool]);
        counter.inc_by(1_000 + series as u64);
    }
    Ok(prometheus(registry))
}

fn prometheus_histograms() -> Result<Case, Broken> {
    let registry = prometheus::Registry::new();
    let options = prometheus::HistogramOpts::new("times", "Times").buckets(bounds());
    let family = prometheus::HistogramVec::new(options, &["agent", "tool"]).map_err(refused)?;
    registry
        .register(Box::new(family.clone()))
        .map_err(refused)?;
    for series in 0..HISTOGRAMS {
        let (agent, tool) = names(series);
        let histogram = family.with_label_values(&[&agent, &tool]);
        for value in VALUES {
            histogram.observe(value);
        }
    }
    Ok(prometheus(registry))
}

fn exporter_counters() -> Case {
    let recorder = PrometheusBuilder::new().build_recorder();
    let about = Metadata::new(module_path!(), Level::INFO, None);
    for series in 0..SERIES {
        let (agent, tool) = names(series);
        let labels = vec![Label::new("agent", agent), Label::new("tool", tool)];
        let key = Key::from_parts("calls", labels);
        recorder
            .register_counter(&key, &about)
            .increment(1_000 + series as u64);
    }
    let handle = recorder.handle();
    rendered(Kind::Peer, "metrics-exporter", "0.18.3", move |text| {
        let _ = text.write_str(&handle.render());
    })
}
