//! Our records as OTLP, sent to a server.

mod answer;
mod builder;
mod delivery;
mod drain;
mod encoder;
mod env;
mod error;
mod events;
mod http;
mod ids;
mod instruments;
mod measures;
mod meter;
mod protobuf;
mod queue;
mod request;
mod retry;
mod sessions;
mod settings;
mod sink;
mod spans;
mod stats;
mod style;

pub use builder::OtlpSinkBuilder;
pub use error::OtlpError;
pub use retry::OtlpRetry;
pub use sink::OtlpSink;
pub use stats::{OtlpCounts, OtlpSignalCounts, OtlpStats};
pub use style::{HandoffSpans, OtlpSignal, OtlpTemporality};
