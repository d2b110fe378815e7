//! The atomics that the model checker looks at: the standard ones, or its own.

#[cfg(not(all(test, agent_model)))]
pub(super) use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(all(test, agent_model))]
pub(super) use loom::sync::atomic::{AtomicU64, Ordering};
