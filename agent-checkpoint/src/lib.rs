#![cfg_attr(feature = "fs", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "fs"),
    doc = "Session state that survives any crash. Build with feature `fs` for the file store and the guide."
)]

mod checkpointer;
mod error;
mod format;
#[cfg(feature = "fs")]
mod fs;
mod log;
mod reader;
mod state;
mod store;
mod truncate;

pub use checkpointer::{
    Builder, Checkpoint, Checkpointer, Figures, Flush, Health, Quarantined, Reason, Report,
    Retention, Ruling, Sealed, Sealing, Signal,
};
pub use error::Error;
pub use reader::Reader;
pub use state::{
    Artifact, Decision, Message, Role, SessionState, Snapshot, ToolCall, Work, Workflow,
};
pub use store::{Durability, MemoryStore, Position, Size, Store, StoreId, Writer};
#[cfg(feature = "fs")]
pub use store::{FileStore, location};
pub use truncate::{CountTokens, EstimateTokens, LimitTooSmall, Truncation, truncate};
