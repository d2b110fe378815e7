#![doc = include_str!("../README.md")]

mod clock;
mod event;
mod failure;
mod handoff;
mod id;
mod money;
mod observer;
mod recovery;
mod spend;
mod time;
mod usage;
mod words;

pub use clock::{Clock, ManualClock, Monotonic, SystemClock};
pub use event::{
    Attempt, BreakerChange, BreakerState, CheckpointKind, CheckpointSaved, ContextPressure,
    Cooldown, Event, Restored, Retry,
};
pub use failure::{FailureKind, Scope};
pub use handoff::{Handoff, HandoffReason, Initiator, Party};
pub use id::{AgentId, CheckpointId, InvalidId, ModelId, ProviderId, SessionId, ToolName};
pub use money::{InvalidUsd, Usd};
pub use observer::{Fanout, Observer, Scoped, Stamp};
pub use recovery::{RecoveryOutcome, RecoveryStep, RecoveryStrategy};
pub use spend::{SpendAmount, SpendCrossing, SpendScope};
pub use time::Timestamp;
pub use usage::{InvalidUsage, TokenUsage};
