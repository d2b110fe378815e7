#![cfg_attr(feature = "fs", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "fs"),
    doc = "Session state that survives any crash. Build with feature `fs` for the file store and the guide."
)]

mod checkpointer;
mod codec;
#[cfg(feature = "fs")]
#[cfg(test)]
mod crash;
pub mod cycle;
#[cfg(feature = "encryption")]
pub mod encrypt;
mod error;
pub mod export;
mod format;
#[cfg(feature = "fs")]
mod fs;
pub mod guide;
pub mod handoff;
pub mod history;
pub mod import;
mod log;
mod reader;
pub mod recover;
pub mod redact;
mod state;
mod store;
pub mod truncate;

pub use checkpointer::{
    Builder, Change, ChangeKind, Checkpoint, Checkpointer, Damaged, Diff, Figures, Flush, Health,
    Pruning, Quarantined, Query, Reason, Report, Restoration, RestorePlan, Resume, Retention,
    Ruling, Sealed, Sealing, Signal, Triggers, Why,
};
pub use codec::Codec;
pub use error::Error;
pub use reader::{Frame, Reader};
pub use state::{
    AgentContext, Artifact, Decision, Drift, McpServer, McpTool, Message, MigrationError,
    Migrations, NextStep, Question, Role, SessionState, Snapshot, StepStatus, ToolCall, Work,
    Workflow, WorkflowStep,
};
pub use store::{
    Claim, Durability, MemoryStore, Mirrored, Owner, Position, Replacer, Shared, Size, Store,
    StoreId, TakeOver, Tenure, Writer,
};
#[cfg(feature = "fs")]
pub use store::{FileStore, location};
pub use truncate::{CountTokens, EstimateTokens, LimitTooSmall, Truncate, Truncation, truncate};
