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

/// Reads what follows a write to another word, so that of two threads which write one word each and
/// read the other's, one at least sees the other's write. Both write sequentially consistent as well.
#[cfg(not(all(test, agent_model)))]
#[inline]
pub(super) fn read_after_write(word: &AtomicU64) -> u64 {
    word.load(Ordering::SeqCst)
}

/// The model checker knows the total order of fences, and takes that of loads for acquire and release.
#[cfg(all(test, agent_model))]
pub(super) fn read_after_write(word: &AtomicU64) -> u64 {
    loom::sync::atomic::fence(Ordering::SeqCst);
    word.load(Ordering::SeqCst)
}
