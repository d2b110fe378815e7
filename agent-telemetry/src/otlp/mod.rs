//! OpenTelemetry's protocol, in and out.
#![allow(dead_code, reason = "the parts are joined by the processor")]

mod delta;
mod export;
mod ledger;
mod names;
mod processor;
mod receiver;
mod seen;
mod transcript;
mod value;
mod wire;

pub use ledger::{ByChannel, SessionCoverage, UsageTold};
pub use transcript::{ClaudeTranscripts, TranscriptFigures, TranscriptPlaces};
