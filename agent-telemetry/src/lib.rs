#![doc = include_str!("../README.md")]

pub mod alert;
mod bytes;
mod contract;
mod export;
mod file_lock;
/// Pages for a browser, and files for other programs.
pub mod exports {
    #![doc = include_str!("../docs/exports.md")]
}
mod forecast;
/// When money, context or patience runs out, and how sure that is.
pub mod forecasts {
    #![doc = include_str!("../docs/forecasts.md")]
}
mod genai;
/// How good the work is, and what could be done better: three reports.
#[cfg(feature = "sqlite")]
pub mod improving {
    #![doc = include_str!("../docs/improving.md")]
}
mod jsonl;
mod live;
mod locks;
/// Counters, gauges and histograms while the program runs.
pub mod live_metrics {
    #![doc = include_str!("../docs/metrics.md")]
}
mod metrics;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "postgres")]
mod postgres;
mod price;
/// Where prices come from, and how to set one's own.
pub mod prices {
    #![doc = include_str!("../docs/prices.md")]
}
mod privacy;
pub mod prometheus;
mod record;
/// Everything that can be recorded, and what holds of it.
pub mod recording {
    #![doc = include_str!("../docs/recording.md")]
}
mod report;
mod rollup;
/// The tables and views of the database, and questions to ask it.
#[cfg(feature = "sqlite")]
pub mod schema {
    #![doc = include_str!("../docs/schema.md")]
}
/// The tables and views on a Postgres server, and questions to ask.
#[cfg(feature = "postgres")]
pub mod schema_postgres {
    #![doc = include_str!("../docs/schema-postgres.md")]
}
/// What the reports say, and how to ask the same with SQL.
#[cfg(feature = "sqlite")]
pub mod reports {
    #![doc = include_str!("../docs/reports.md")]
}
mod session;
mod sink;
mod stats;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod store;
mod tee;
mod telemetry;
mod trace;
/// What is recorded, as it is recorded.
pub mod watching {
    #![doc = include_str!("../docs/live.md")]
}
mod words;

pub use contract::{BrokenContract, check_sink};
pub use export::{
    CsvTable, ExportConfig, ExportError, ExportFormat, ExportWriter, Exported, RecordKind,
};
pub use forecast::{
    Budget, BudgetForecast, BudgetPeriod, BudgetVerdict, BurnRate, CallTimes, ContextForecast,
    ContextSessions, ContextUse, ContextWatch, CostBand, CostProjection, CountBand, ForecastBasis,
    ForecastConfig, ForecastReport, Forecaster, InvalidBudget, Missing, Projected, ProjectedDay,
    RequestSize, SpendHistory, TimeoutRisk,
};
pub use genai::GenAiNames;
pub use jsonl::{JsonlConfig, JsonlError, JsonlRecords, JsonlSink, JsonlStore};
pub use live::{LastMinute, Live, LiveConfig, LiveError, LiveItem, LiveSums, LiveTotals};
pub use metrics::{
    Counter, ExponentialHistogram, Family, FamilySnapshot, Gauge, Handle, Histogram, Instrument,
    InstrumentKind, InvalidHistogram, LabelSet, LabelValue, Metrics, MetricsConfig, MetricsError,
    MetricsSnapshot, ModelCallMetrics, Operation, SeriesSnapshot, TokenType, Value,
};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresConfig, PostgresError, PostgresRecords, PostgresSink, PostgresStore};
pub use price::{
    Consumption, CostLine, Costing, Drift, Item, KeyKind, KeyLine, LoadError, LoadProblem,
    LoadReport, Price, PriceTier, Prices, ProblemKind, Repricing, Unpriced,
};
pub use privacy::{Redaction, UserKey};
pub use record::{
    Answer, Body, Candidate, Decision, DecisionOutcome, FilesChanged, InvalidMark, InvalidMetric,
    InvalidProject, InvalidUserHash, Mark, Metric, MetricKind, ModelCall, Outcome, Parent,
    ProjectId, Record, ServiceTier, SessionEnd, SessionStart, Severity, StopReason, Task,
    TaskTiming, ToolCall, ToolOutcome, Unit, UserHash, Violation,
};
pub use report::HandoffLedger;
pub use report::{
    AgentLine, AgentsReport, CallFailures, ChainLine, CompareConfig, CompareReport, Contender,
    ContenderKind, CostReport, DaySpend, Evidence, ExtraCost, HandoffsLeftOut, HandoffsReport,
    HtmlPage, HtmlPart, Interval, InvalidPeriod, LeftOut, Measured, ModelFigures, ModelSpend,
    ModelsReport, PairLine, PathLine, Percentiles, ReasonLine, SessionCounts, SessionResult,
    SessionSpend, Shortage, SideLine, SideTaskType, SpendLine, ToolFigures, ToolsReport, Verdict,
    ViolationCounts,
};
pub use report::{
    BackAndForthLine, Correction, CorrectionLine, Finding, FixLine, Gain, GainBounds, LookedAt,
    OutcomeLine, QualityLeftOut, QualityReport, RepeatLine, ScoreDay, ScoreLine, SequenceLine,
    SequencesLeftOut, SuggestConfig, Suggestion, SuggestionKind, SuggestionsLeftOut,
    SuggestionsReport, ToolSequencesReport, WastedTurns,
};
pub use report::{
    ErrorLine, ErrorPlace, ErrorsLeftOut, ErrorsReport, Interruptions, RecoveryRate, Remedy,
    RemedyFailures, RemedyLine, ToolErrors,
};
pub use report::{Operated, OutputSpeed, PerformanceReport, ProfileLine, SlowOperation, Trend};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use rollup::StoredRollups;
pub use rollup::{
    AgentCell, AgentKey, MetricCell, MetricKey, ModelCell, ModelKey, Period, Rollups, Span,
    ToolCell, ToolKey,
};
pub use session::{ModelCallSpan, ModelHandle, Session, SessionObserver, ToolCallSpan, ToolHandle};
pub use sink::{MemorySink, Sink, SinkError};
pub use stats::{
    CheckpointLine, Cost, DecisionLine, Decisions, FailureLine, HandoffLine, Latency, MetricLine,
    ModelCost, ModelLine, Outcomes, Overview, PassedOverLine, Performance, ProjectLine,
    ProviderLine, Quality, Stats, StopLine, TaskCost, TierCost, ToolLine, ViolationFileLine,
    ViolationKindLine, ViolationLine, Work,
};
#[cfg(feature = "sqlite")]
pub use store::StoredHandoffs;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use store::{Pruned, Retention};
#[cfg(feature = "sqlite")]
pub use store::{Records, SqliteSink, SqliteStore, StoreError};
pub use tee::{TeeSink, TeeStats};
pub use telemetry::{
    CoarseTimestamps, Dropped, FlushError, Flushed, Health, LiveHealth, StartError, Telemetry,
    TelemetryBuilder,
};
