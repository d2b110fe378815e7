//! The atomics of the breaker: the standard ones, or those of the model checker.

#[cfg(not(all(test, agent_model)))]
pub(super) use std::sync::atomic::{AtomicU64, Ordering, fence};

#[cfg(all(test, agent_model))]
pub(super) use loom::sync::atomic::{AtomicU64, Ordering, fence};
