//! The call that every wrapper wraps, and the loop around it.

use std::hint::black_box;

use agent_primitives::FailureKind;
use agent_resilience::classify::{Classify, Verdict};

/// The error of [`answer`], in the form that each crate asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused;

impl Classify for Refused {
    fn verdict(&self) -> Verdict {
        Verdict::new(FailureKind::Overloaded)
    }
}

/// Succeeds with its argument. Never inlined and opaque, as a real call would be.
#[inline(never)]
pub(super) fn answer(number: u32) -> Result<u32, Refused> {
    black_box(Ok(number))
}

/// [`answer`] as a future that is ready at once.
pub(super) async fn answer_async(number: u32) -> Result<u32, Refused> {
    answer(number)
}

/// Fails, to open breakers with.
pub(super) fn refuse() -> Result<u32, Refused> {
    Err(Refused)
}

/// Calls `operation` so many times, with arguments and results that the compiler cannot guess.
#[inline]
pub(super) fn repeat<T>(calls: u32, mut operation: impl FnMut(u32) -> T) {
    for number in 0..calls {
        black_box(operation(black_box(number)));
    }
}
