#![doc = include_str!("../README.md")]

mod price;
mod record;
mod session;
mod sink;
mod stats;
#[cfg(feature = "sqlite")]
mod store;
mod telemetry;
mod trace;
mod words;

pub use price::{
    Consumption, CostLine, Costing, Drift, Item, KeyKind, KeyLine, LoadError, LoadProblem,
    LoadReport, Price, Prices, ProblemKind, Repricing, ServiceTier, Unpriced,
};
pub use record::{
    Body, InvalidMetric, Metric, ModelCall, Outcome, Record, SessionEnd, SessionStart, Severity,
    Task, ToolCall, ToolOutcome, Unit, Violation,
};
pub use session::{Session, ToolCallSpan};
pub use sink::{MemorySink, Sink, SinkError};
pub use stats::{
    Cost, FailureLine, HandoffLine, Latency, MetricLine, ModelCost, ModelLine, Outcomes, Overview,
    Performance, Quality, Stats, TaskCost, ToolLine, ViolationLine,
};
#[cfg(feature = "sqlite")]
pub use store::{Records, SqliteSink, SqliteStore, StoreError};
pub use telemetry::{
    Dropped, FlushError, Flushed, Health, StartError, Telemetry, TelemetryBuilder,
};
