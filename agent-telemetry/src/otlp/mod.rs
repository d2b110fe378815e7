#![doc = include_str!("../../docs/otlp.md")]

mod delta;
mod export;
mod folding;
mod hook;
mod ledger;
mod names;
mod processor;
mod receiver;
mod seen;
mod transcript;
mod value;
mod wire;

/// What the exporter sends, by record, and what follows from answers.
pub mod exporting {
    #![doc = include_str!("../../docs/otlp-export.md")]
}

/// Which names of other programs are read, and what becomes of them.
#[allow(clippy::doc_markdown, reason = "programs as they write themselves")]
pub mod names_read {
    #![doc = include_str!("../../docs/otlp-names.md")]
}

pub use export::{
    HandoffSpans, OtlpCounts, OtlpError, OtlpRetry, OtlpSignal, OtlpSignalCounts, OtlpSink,
    OtlpSinkBuilder, OtlpStats, OtlpTemporality,
};
pub use hook::{HookFigures, InvalidHook};
pub use ledger::{ByChannel, SessionCoverage, UsageTold};
pub use processor::{Figures, Items, Points, Processor, ProcessorBuilder, StartProcessorError};
pub use receiver::{
    Accepted, BindError, Encoding, Intake, Receipt, Receiver, ReceiverBuilder, ReceiverStats,
    Refused, RequestCount, Signal, StopError,
};
pub use transcript::{ClaudeTranscripts, TranscriptFigures, TranscriptPlaces};
