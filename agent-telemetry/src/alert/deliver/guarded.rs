//! Calls what others have written.

use std::panic::{self, AssertUnwindSafe};

/// What it returns; `None` when it panics, which is its own affair and nobody else's end.
pub(super) fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(call)).ok()
}
