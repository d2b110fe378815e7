//! The call that every wrapper wraps, and the loop around it.

use std::future::poll_fn;
use std::hint::black_box;
use std::task::Poll;

use agent_primitives::FailureKind;
use agent_resilience::classify::{Classify, Verdict};

/// The error of [`answer`], in the form that each crate asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("refused")]
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

/// [`answer`] as a future that suspends once, as a call that reads a socket does at the least.
pub(super) async fn answer_later(number: u32) -> Result<u32, Refused> {
    let mut suspended = false;
    poll_fn(|context| {
        if suspended {
            return Poll::Ready(());
        }
        suspended = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    answer(number)
}

/// [`answer_async`], [`answer_later`] or another like them.
pub(super) trait Operation: Clone + Send + Sync + 'static {
    /// The call.
    fn call(&self, number: u32) -> impl Future<Output = Result<u32, Refused>> + Send + use<Self>;
}

impl<O, F> Operation for O
where
    O: Fn(u32) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<u32, Refused>> + Send + 'static,
{
    fn call(&self, number: u32) -> impl Future<Output = Result<u32, Refused>> + Send + use<O, F> {
        self(number)
    }
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

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn later_answer_takes_two_polls() {
        let mut later = pin!(answer_later(7));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(later.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(later.as_mut().poll(&mut context), Poll::Ready(Ok(7)));
    }
}
