//! The clocks of a stream: one timer for all of them, set only when there is something to wait for.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use agent_primitives::{Clock, Monotonic};

use super::delivered::Phase;
use super::limits::{StreamClock, StreamLimits};
use crate::deadline::Deadline;
use crate::sleep::Sleep;

pub(super) struct Watch {
    pub(super) limits: StreamLimits,
    pub(super) clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
    /// When the reader first asked, or the moment that it named.
    pub(super) started: Option<Monotonic>,
    /// The caller's own limit.
    pub(super) deadline: Deadline,
    /// Since when the present wait lasts; none while there is something to read.
    pub(super) waiting: Option<Monotonic>,
    timer: Option<Timer>,
}

struct Timer {
    wait: Pin<Box<dyn Future<Output = ()> + Send>>,
    end: Deadline,
}

/// Whose clock is the next to run out, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Due {
    at: Deadline,
    clock: StreamClock,
    limit: Duration,
}

impl Watch {
    pub(super) fn new(limits: StreamLimits, clock: Arc<dyn Clock>, sleep: Arc<dyn Sleep>) -> Self {
        Self {
            limits,
            clock,
            sleep,
            started: None,
            deadline: Deadline::NEVER,
            waiting: None,
            timer: None,
        }
    }

    /// There is nothing to read. Ready when that lasts for too long: with the clock that ran out and its
    /// limit.
    #[inline(never)]
    pub(super) fn poll_overdue(
        &mut self,
        phase: Phase,
        cx: &mut Context<'_>,
    ) -> Poll<(StreamClock, Duration)> {
        let now = self.clock.monotonic();
        let started = *self.started.get_or_insert(now);
        let waiting = *self.waiting.get_or_insert(now);
        let Some(due) = due(&self.limits, phase, started, waiting, self.deadline) else {
            return Poll::Pending;
        };
        if due.at.is_over(now) {
            return Poll::Ready((due.clock, due.limit));
        }
        // A timer that rings early is looked at then; only one that would ring late has to be replaced.
        if let Some(timer) = self.timer.as_mut().filter(|timer| timer.end <= due.at) {
            ready!(timer.wait.as_mut().poll(cx));
            // The timer rang for this very moment: it is right, even where the clock is behind it.
            if timer.end == due.at {
                self.timer = None;
                return Poll::Ready((due.clock, due.limit));
            }
        }
        let (sleep, length) = (Arc::clone(&self.sleep), due.at.left(now));
        let mut timer = Timer {
            wait: Box::pin(async move { sleep.sleep(length).await }),
            end: due.at,
        };
        // A `sleep` that is over at once, as tests have it, ends the wait at once.
        let rang = timer
            .wait
            .as_mut()
            .poll(cx)
            .map(|()| (due.clock, due.limit));
        self.timer = rang.is_pending().then_some(timer);
        rang
    }

    /// Whether the whole has lasted too long, for a stream that never lets its reader wait.
    #[cold]
    #[inline(never)]
    pub(super) fn is_late(&mut self) -> Option<(StreamClock, Duration)> {
        if self.limits.total.is_none() && self.deadline == Deadline::NEVER {
            return None;
        }
        let now = self.clock.monotonic();
        let started = *self.started.get_or_insert(now);
        let total = StreamLimits {
            total: self.limits.total,
            ..StreamLimits::NONE
        };
        let due = due(&total, Phase::Flowing, started, now, self.deadline)?;
        due.at.is_over(now).then_some((due.clock, due.limit))
    }

    /// From the start until now.
    #[cold]
    #[inline(never)]
    pub(super) fn since_start(&mut self) -> Duration {
        let now = self.clock.monotonic();
        now.since(*self.started.get_or_insert(now))
    }

    /// Forgets the timer: nobody waits any more.
    pub(super) fn rest(&mut self) {
        self.timer = None;
    }
}

/// The clock that runs out next: a pure function.
fn due(
    limits: &StreamLimits,
    phase: Phase,
    started: Monotonic,
    waiting: Monotonic,
    deadline: Deadline,
) -> Option<Due> {
    let after = |from: Monotonic, limit: Duration, clock: StreamClock| Due {
        at: Deadline::after(from, limit),
        clock,
        limit,
    };
    let own = match phase {
        Phase::Waiting => limits
            .first_token
            .map(|limit| after(started, limit, StreamClock::FirstToken)),
        Phase::Flowing => limits
            .idle
            .map(|limit| after(waiting, limit, StreamClock::Idle)),
        Phase::Ended => Some(after(waiting, limits.trailing, StreamClock::Idle)),
    };
    let total = limits
        .total
        .map(|limit| after(started, limit, StreamClock::Total));
    let callers = Due {
        at: deadline,
        clock: StreamClock::Deadline,
        limit: deadline.left(started),
    };
    [own, total, Some(callers)]
        .into_iter()
        .flatten()
        .filter(|due| due.at != Deadline::NEVER)
        .min_by_key(|due| due.at)
}
