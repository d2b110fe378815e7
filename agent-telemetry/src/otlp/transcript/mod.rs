//! Transcripts that an agent CLI left on disk.
//!
//! Claude Code writes each session as lines of JSON. An answer stands on as many lines as it has blocks, each time
//! with the same usage; files are added to, copied when a session is resumed, and swept after a month.

mod claude;
mod line;
mod lines;
mod place;
mod pool;
#[cfg(test)]
mod tests;

pub use claude::{ClaudeTranscripts, TranscriptFigures};
pub use place::TranscriptPlaces;
