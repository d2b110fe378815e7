//! The smallest executor: polls one future on this thread until it is ready.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// The output of `future`. It spins while the future is pending, so that no runtime and no wake-up
/// is part of a measurement; a future that waits for a timer or a socket never finishes here.
///
/// ```
/// assert_eq!(agent_benches::harness::ready(async { 7 }), 7);
/// ```
pub fn ready<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::hint::spin_loop();
    }
}
