#![cfg_attr(feature = "fs", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "fs"),
    doc = "Session state that survives any crash. Build with feature `fs` for the file store and the guide."
)]

mod checkpointer;
mod codec;
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
    Builder, Checkpoint, Checkpointer, Figures, Flush, Health, Quarantined, Reason, Report, Resume,
    Retention, Ruling, Signal,
};
pub use codec::Codec;
pub use error::Error;
pub use reader::Reader;
pub use state::{
    AgentContext, Artifact, Decision, Drift, McpServer, McpTool, Message, MigrationError,
    Migrations, NextStep, Question, Role, SessionState, Snapshot, StepStatus, ToolCall, Work,
    Workflow, WorkflowStep,
};
pub use store::{Durability, MemoryStore, Mirrored, Position, Size, Store, StoreId, Writer};
#[cfg(feature = "fs")]
pub use store::{FileStore, location};
pub use truncate::{CountTokens, EstimateTokens, LimitTooSmall, Truncation, truncate};
