//! Answers to the common questions about a period, made of its sums: figures as data, and as text.

mod agents;
pub(crate) mod civil;
mod compare;
mod cost;
mod days;
mod errors;
mod evidence;
mod folded;
mod handoffs;
mod interval;
mod models;
mod page;
mod percentiles;
mod performance;
mod period;
mod quality;
mod seen;
mod sequences;
pub(crate) mod sheet;
mod suggestions;
mod text;
mod times;
mod tools;

pub use agents::{AgentLine, AgentsReport, SessionCounts, ViolationCounts};
pub use compare::{
    CompareConfig, CompareReport, Contender, ContenderKind, LeftOut, Measured, PairLine,
    SessionResult, Shortage, SideLine, SideTaskType, Verdict,
};
pub use cost::{CostReport, DaySpend, ModelSpend, SessionSpend, SpendLine};
pub use errors::{
    ErrorLine, ErrorPlace, ErrorsLeftOut, ErrorsReport, Interruptions, RecoveryRate, Remedy,
    RemedyFailures, RemedyLine, ToolErrors,
};
pub use evidence::Evidence;
pub use handoffs::{
    ChainLine, ExtraCost, HandoffLedger, HandoffsLeftOut, HandoffsReport, PathLine, ReasonLine,
};
pub use interval::Interval;
pub use models::{CallFailures, ModelFigures, ModelsReport};
pub use page::{HtmlPage, HtmlPart};
pub use percentiles::Percentiles;
pub use performance::{
    Operated, OutputSpeed, PerformanceReport, ProfileLine, SlowOperation, Trend,
};
pub use period::InvalidPeriod;
pub use quality::{
    Correction, CorrectionLine, FixLine, OutcomeLine, QualityLeftOut, QualityReport, ScoreDay,
    ScoreLine,
};
pub use sequences::{
    BackAndForthLine, RepeatLine, SequenceLine, SequencesLeftOut, ToolSequencesReport, WastedTurns,
};
pub use suggestions::{
    Finding, Gain, GainBounds, LookedAt, SuggestConfig, Suggestion, SuggestionKind,
    SuggestionsLeftOut, SuggestionsReport,
};
pub use tools::{ToolFigures, ToolsReport};

/// The version of the structure of all three.
const SCHEMA: u32 = 1;

/// `None` where there is no whole.
fn ratio(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
    let [part, whole] = [part, whole].map(|count| count as f64);
    (whole > 0.0).then(|| part / whole)
}
