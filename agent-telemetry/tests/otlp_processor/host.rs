//! A recorder with a processor on it, and what it holds in the end.

use std::path::Path;
use std::time::Duration;

use agent_primitives::{ManualClock, Timestamp, TokenUsage, Usd};
use agent_telemetry::otlp::{
    Accepted, Encoding, Processor, ProcessorBuilder, Refused, SessionCoverage, Signal,
};
use agent_telemetry::{
    Body, MemorySink, ModelCall, Record, Sink, SqliteSink, SqliteStore, Telemetry,
};

/// An hour after the sessions begin.
const NOW: i64 = 1_795_136_400;
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Host {
    pub(crate) processor: Processor,
    pub(crate) clock: ManualClock,
    memory: Option<MemorySink>,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::with(|it| it)
    }

    pub(crate) fn with(options: impl FnOnce(ProcessorBuilder) -> ProcessorBuilder) -> Self {
        let sink = MemorySink::new();
        let mut host = Self::on(sink.clone(), options);
        host.memory = Some(sink);
        host
    }

    pub(crate) fn in_file(path: &Path) -> Self {
        Self::on(SqliteSink::open(path).unwrap(), |it| it)
    }

    pub(crate) fn on(
        sink: impl Sink + 'static,
        options: impl FnOnce(ProcessorBuilder) -> ProcessorBuilder,
    ) -> Self {
        let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(NOW));
        let telemetry = Telemetry::builder(sink)
            .clock(clock.clone())
            .start()
            .unwrap();
        let builder = options(Processor::builder(&telemetry));
        Self {
            processor: builder.start().unwrap(),
            clock,
            memory: None,
        }
    }

    pub(crate) fn send(&self, signal: Signal, body: &[u8]) -> Result<Accepted, Refused> {
        self.processor.ingest(signal, Encoding::Protobuf, body)
    }

    pub(crate) fn metrics(&self, body: &[u8]) -> Accepted {
        self.send(Signal::Metrics, body).unwrap()
    }

    pub(crate) fn logs(&self, body: &[u8]) -> Accepted {
        self.send(Signal::Logs, body).unwrap()
    }

    pub(crate) fn spans(&self, body: &[u8]) -> Accepted {
        self.send(Signal::Traces, body).unwrap()
    }

    /// All that was recorded, once nothing waits any more.
    pub(crate) fn records(&self) -> Vec<Record> {
        assert!(self.processor.flush(PATIENCE));
        self.memory.as_ref().expect("in memory").records()
    }

    pub(crate) fn coverage(&self) -> SessionCoverage {
        let mut all = self.processor.coverage();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}

/// Records of a database.
pub(crate) fn stored(path: &Path) -> Vec<Record> {
    let store = SqliteStore::open_read_only(path).unwrap();
    store.records().collect::<Result<_, _>>().unwrap()
}

pub(crate) fn calls(records: &[Record]) -> Vec<&ModelCall> {
    let bodies = records.iter().map(|it| &it.body);
    bodies
        .filter_map(|it| match it {
            Body::ModelCall(call) => Some(call),
            _ => None,
        })
        .collect()
}

/// Tokens and cost of all calls, and of usage without one.
pub(crate) fn sum(records: &[Record]) -> (TokenUsage, Usd) {
    let calls = calls(records);
    let usage = calls.iter().map(|it| it.usage);
    let cost = calls.iter().filter_map(|it| it.cost);
    (usage.fold(TokenUsage::ZERO, |sum, it| sum + it), cost.sum())
}

/// Points that records say there were.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small count"
)]
pub(crate) fn points(records: &[Record]) -> u64 {
    let bodies = records.iter().map(|it| &it.body);
    bodies
        .filter_map(|it| match it {
            Body::Metric(metric) if metric.name() == "otlp.points" => Some(metric.value() as u64),
            _ => None,
        })
        .sum()
}
