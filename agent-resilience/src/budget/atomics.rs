//! The atomics and the lock of the budget: the standard ones, or those of the model checker.

#[cfg(not(all(test, agent_model)))]
pub(super) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

#[cfg(all(test, agent_model))]
pub(super) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicI64, AtomicU64, Ordering},
};
