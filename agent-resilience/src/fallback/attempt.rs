//! One call with a limit on its time.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use agent_primitives::{Clock, Monotonic};

use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::sleep::Sleep;

/// A call of a provider.
pub(crate) type Calling<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// How a call ended.
pub(super) enum Ended<T> {
    Itself(Result<T, Failure>),
    /// After the time that one attempt has.
    TooSlow(Duration),
    /// With the time of the whole request.
    OutOfTime(Duration),
}

/// Waits for `call`. No timer is armed before it had to wait.
pub(super) async fn in_time<T>(
    mut call: Calling<'_, T>,
    longest: Option<Duration>,
    deadline: Deadline,
    clock: &dyn Clock,
    sleep: &dyn Sleep,
) -> Ended<T> {
    let mut timer: Option<Timer<'_>> = None;
    poll_fn(move |cx| {
        if let Poll::Ready(result) = call.as_mut().poll(cx) {
            return Poll::Ready(Ended::Itself(result));
        }
        let timer = timer.get_or_insert_with(|| Timer::start(longest, deadline, clock, sleep));
        let Some(wait) = &mut timer.wait else {
            return Poll::Pending;
        };
        if wait.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(if timer.is_total {
            Ended::OutOfTime(timer.length)
        } else {
            Ended::TooSlow(timer.length)
        })
    })
    .await
}

struct Timer<'a> {
    /// None where there is no limit.
    wait: Option<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>,
    length: Duration,
    is_total: bool,
}

impl<'a> Timer<'a> {
    fn start(
        longest: Option<Duration>,
        deadline: Deadline,
        clock: &dyn Clock,
        sleep: &'a dyn Sleep,
    ) -> Self {
        let left = if deadline == Deadline::NEVER {
            Duration::MAX
        } else {
            deadline.left(clock.monotonic())
        };
        let (length, is_total) = match longest {
            Some(longest) if longest < left => (longest, false),
            _ => (left, true),
        };
        Self {
            wait: (length < Duration::MAX).then(|| sleep.sleep(length)),
            length,
            is_total,
        }
    }
}

/// The sooner of two limits, either of which may be none.
pub(super) fn sooner(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// When a request that starts `now` has to be over.
pub(super) fn deadline(
    now: Monotonic,
    total: Option<Duration>,
    callers: Option<Deadline>,
) -> Deadline {
    let own = total.map_or(Deadline::NEVER, |total| Deadline::after(now, total));
    own.min(callers.unwrap_or(Deadline::NEVER))
}
