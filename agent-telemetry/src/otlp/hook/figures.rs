//! What became of hooks.

use serde::{Deserialize, Serialize};

/// What became of hooks and status lines. Those that are known, unknown and invalid are all that came.
///
/// ```
/// use agent_telemetry::{MemorySink, Telemetry};
/// use agent_telemetry::otlp::Processor;
///
/// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
/// let processor = Processor::builder(&telemetry).start()?;
/// processor.hook(br#"{"session_id": "s1", "hook_event_name": "Stop"}"#)?;
/// let hooks = processor.figures().hooks;
/// assert_eq!((hooks.known, hooks.unknown, hooks.invalid), (1, 0, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct HookFigures {
    /// They are of events that tell something.
    pub known: u64,
    /// They are of other events, and nothing of them was kept.
    pub unknown: u64,
    /// They could not be read, and were answered with an error.
    pub invalid: u64,
    /// Of the known ones, those that lacked what makes them a fact.
    pub incomplete: u64,
    /// Tool calls, agents and compactions that were begun, and forgotten before their end because there were too many.
    pub forgotten: u64,
}
