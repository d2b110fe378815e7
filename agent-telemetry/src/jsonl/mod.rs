//! Records as lines of JSON, in files that take turns.

mod error;
mod files;
mod read;
mod write;

pub use error::JsonlError;
pub use read::{JsonlRecords, JsonlStore};
pub use write::{JsonlConfig, JsonlSink};
