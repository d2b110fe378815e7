//! Callers who wait in a line: first come, first served, and only the first has a timer.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use agent_primitives::{Clock, Monotonic};

use super::cost::Cost;
use super::error::AcquireError;
use crate::sleep::Sleep;

/// The line. Its lock is held for a few instructions and never across a wait; wakers are called after
/// it is released.
#[derive(Debug)]
pub(super) struct WaitQueue {
    waiting: AtomicUsize,
    turned_away: AtomicU64,
    capacity: usize,
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    waiters: VecDeque<Waiter>,
    next: u64,
    /// What all waiters ask for together.
    asked: Cost,
    /// The earliest deadline that the first in line has set its timer for.
    watched: Option<Monotonic>,
}

#[derive(Debug)]
struct Waiter {
    id: u64,
    cost: Cost,
    deadline: Option<Monotonic>,
    waker: Option<Waker>,
    called: bool,
}

impl Waiter {
    fn call(&mut self) -> Option<Waker> {
        self.called = true;
        self.waker.take()
    }
}

/// What the first in line learns when it tries.
pub(super) enum Try<T> {
    /// It is through.
    Done(T),
    /// Not before so long; `None` when only a call can tell.
    Later(Option<Duration>),
    /// Never.
    Never(AcquireError),
}

impl WaitQueue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            turned_away: AtomicU64::new(0),
            capacity,
            line: Mutex::default(),
        }
    }

    /// How many wait.
    #[inline]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// How many were not allowed to wait since the start.
    pub(super) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// What all who wait ask for together.
    pub(super) fn asked(&self) -> Cost {
        self.line().asked
    }

    /// Lets the first in line look again. Cheap when nobody waits.
    #[inline]
    pub(super) fn call_first(&self) {
        if self.waiting() > 0 {
            self.call_first_of_many();
        }
    }

    #[cold]
    fn call_first_of_many(&self) {
        let waker = self.line().waiters.front_mut().and_then(Waiter::call);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    // Nothing in here panics with the lock held; a waker's panic comes after.
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the line and waits until `attempt` is through. `outlook` says how long it takes at least
    /// when so much is asked for before.
    ///
    /// Dropping the future leaves the line; `attempt` has then taken nothing, or its result was
    /// returned.
    pub(super) async fn wait<T>(
        &self,
        cost: Cost,
        deadline: Option<Monotonic>,
        clock: &dyn Clock,
        sleep: &(impl Sleep + ?Sized),
        outlook: impl Fn(Cost, Monotonic) -> Result<Duration, AcquireError>,
        mut attempt: impl FnMut(Monotonic) -> Try<T>,
    ) -> Result<T, AcquireError> {
        let place = self.join(cost, deadline, clock.monotonic(), outlook)?;
        loop {
            let now = clock.monotonic();
            let over = deadline.is_some_and(|deadline| now >= deadline);
            let pause = if place.is_first() {
                match attempt(now) {
                    Try::Done(value) => return Ok(value),
                    Try::Never(error) => return Err(error),
                    Try::Later(_) if over => return Err(AcquireError::DeadlinePassed),
                    Try::Later(wait) => self.nap(wait, now),
                }
            } else if over {
                return Err(AcquireError::DeadlinePassed);
            } else {
                None
            };
            match pause {
                Some(pause) => {
                    let mut timer = pin!(sleep.sleep(pause));
                    poll_fn(|cx| match place.poll(cx) {
                        Poll::Ready(()) => Poll::Ready(()),
                        Poll::Pending => timer.as_mut().poll(cx),
                    })
                    .await;
                }
                None => poll_fn(|cx| place.poll(cx)).await,
            }
        }
    }

    fn join(
        &self,
        cost: Cost,
        deadline: Option<Monotonic>,
        now: Monotonic,
        outlook: impl Fn(Cost, Monotonic) -> Result<Duration, AcquireError>,
    ) -> Result<Place<'_>, AcquireError> {
        let mut line = self.line();
        let needed = outlook(line.asked, now)?;
        let waiting = line.waiters.len();
        let refused = if needed.is_zero() && deadline.is_some_and(|deadline| now >= deadline) {
            Some(AcquireError::DeadlinePassed)
        } else if deadline.is_some_and(|deadline| now + needed > deadline) {
            Some(AcquireError::TooLate { retry_in: needed })
        } else if waiting >= self.capacity {
            Some(AcquireError::QueueFull { waiting })
        } else {
            None
        };
        if let Some(refused) = refused {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            return Err(refused);
        }
        let id = line.next;
        line.next += 1;
        line.asked = line.asked + cost;
        line.waiters.push_back(Waiter {
            id,
            cost,
            deadline,
            waker: None,
            called: false,
        });
        self.waiting.store(line.waiters.len(), Ordering::SeqCst);
        // The first watches over all deadlines, so it has to hear of an earlier one.
        let earlier = deadline.is_some_and(|new| line.watched.is_none_or(|known| new < known));
        let first = if earlier && waiting > 0 {
            line.waiters.front_mut().and_then(Waiter::call)
        } else {
            None
        };
        drop(line);
        if let Some(first) = first {
            first.wake();
        }
        Ok(Place { queue: self, id })
    }

    /// Calls those whose deadline is over, and says how long the first may sleep; `None` until called.
    fn nap(&self, wait: Option<Duration>, now: Monotonic) -> Option<Duration> {
        let mut line = self.line();
        let late: Vec<Waker> = line
            .waiters
            .iter_mut()
            .filter(|waiter| waiter.deadline.is_some_and(|deadline| deadline <= now))
            .filter_map(Waiter::call)
            .collect();
        let deadlines = line.waiters.iter().filter_map(|waiter| waiter.deadline);
        line.watched = deadlines.filter(|deadline| *deadline > now).min();
        let watched = line.watched.map(|first| first.since(now));
        drop(line);
        late.into_iter().for_each(Waker::wake);
        [wait, watched].into_iter().flatten().min()
    }
}

/// A place in the line. Dropping it leaves the line and calls the next, if it was the first.
#[derive(Debug)]
struct Place<'a> {
    queue: &'a WaitQueue,
    id: u64,
}

impl Place<'_> {
    fn is_first(&self) -> bool {
        let line = self.queue.line();
        line.waiters
            .front()
            .is_some_and(|first| first.id == self.id)
    }

    /// Ready when called.
    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut line = self.queue.line();
        let mine = line.waiters.iter_mut().find(|waiter| waiter.id == self.id);
        let Some(waiter) = mine else {
            return Poll::Ready(());
        };
        if std::mem::take(&mut waiter.called) {
            return Poll::Ready(());
        }
        let known = waiter.waker.as_ref();
        if !known.is_some_and(|waker| waker.will_wake(cx.waker())) {
            let before = waiter.waker.replace(cx.waker().clone());
            // It may be the last of its task, and what goes with that may ask the queue for something.
            drop(line);
            drop(before);
        }
        Poll::Pending
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut line = self.queue.line();
        let at = line.waiters.iter().position(|waiter| waiter.id == self.id);
        let gone = at.and_then(|at| line.waiters.remove(at));
        // A sum that saturated would not come down again, so it is taken anew.
        line.asked = line.waiters.iter().fold(Cost::ZERO, |sum, w| sum + w.cost);
        self.queue
            .waiting
            .store(line.waiters.len(), Ordering::SeqCst);
        let next = if at == Some(0) {
            line.watched = None;
            line.waiters.front_mut().and_then(Waiter::call)
        } else {
            None
        };
        drop(line);
        drop(gone);
        if let Some(next) = next {
            next.wake();
        }
    }
}
