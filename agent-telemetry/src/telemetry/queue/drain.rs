//! The writer's side of the queue: taking records out, and saying what became of them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::super::shard::{Lists, Shard};
use super::{Life, Queue, left_until, wait};
use crate::SinkError;

/// What the writer has taken, to be settled.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct Taken {
    pub(in crate::telemetry) records: usize,
    /// Those that used a place of the common pool.
    funded: usize,
}

impl Queue {
    /// For the writer: sleeps until there is work, gathers for the window, calls `before` and swaps
    /// what waits into the empty `lists`. `None` once the queue is closed and empty.
    pub(in crate::telemetry) fn take(
        &self,
        lists: &mut [Lists; Queue::SHARDS],
        before: impl FnOnce(),
    ) -> Option<Taken> {
        let mut state = self.state();
        loop {
            self.signals.idle.store(true, Ordering::Relaxed);
            if self.shards.iter().any(|it| it.lock().waiting.len() > 0) {
                break;
            }
            if !state.is_open() {
                return None;
            }
            while !state.kicked {
                state = self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                state.wakeups += 1;
            }
            state.kicked = false;
        }
        self.signals.idle.store(false, Ordering::Relaxed);
        self.signals.gathering.store(true, Ordering::Relaxed);
        let deadline = Instant::now().checked_add(self.window);
        while state.is_open()
            && state.wanted <= state.settled
            && self.pool - self.free.0.load(Ordering::Relaxed) < self.wake_at
        {
            let left = left_until(deadline);
            if left.is_zero() {
                break;
            }
            state = wait(&self.work, state, left);
            state.wakeups += 1;
        }
        self.signals.gathering.store(false, Ordering::Relaxed);
        before();
        // All at once: no record is taken without those that happened before it.
        let mut shards = self.shards.each_ref().map(Shard::lock);
        let mut taken = Taken::default();
        state.taken = 0;
        for (inner, lists) in shards.iter_mut().zip(lists) {
            std::mem::swap(&mut inner.waiting, lists);
            taken.records += lists.len();
            taken.funded += std::mem::take(&mut inner.funded);
            state.taken += inner.accepted;
            self.free
                .0
                .fetch_add(std::mem::take(&mut inner.credits), Ordering::Relaxed);
        }
        Some(taken)
    }

    /// For the writer: everything that it took is stored.
    pub(in crate::telemetry) fn settle(&self, taken: &Taken) {
        self.free.0.fetch_add(taken.funded, Ordering::Relaxed);
        let mut state = self.state();
        if state.abandoned == 0 {
            state.settled = state.taken;
        }
        drop(state);
        self.progress.notify_all();
    }

    pub(in crate::telemetry) fn begin_write(&self) {
        let mut state = self.state();
        state.attempt += 1;
        state.attempt_began_closed = !state.is_open();
    }

    pub(in crate::telemetry) fn wrote(&self, records: usize) {
        let mut state = self.state();
        state.stored += records as u64;
        state.failure = None;
        drop(state);
        self.progress.notify_all();
    }

    /// Notes the failure and waits for `delay`, or less when somebody asks for the records.
    /// `false` when there is no later: the queue was closed before this attempt began.
    pub(in crate::telemetry) fn failed(&self, error: SinkError, delay: Duration) -> bool {
        let mut state = self.state();
        state.failed_writes += 1;
        state.failure = Some((state.attempt, Arc::new(error)));
        self.progress.notify_all();
        if state.attempt_began_closed {
            return false;
        }
        let deadline = Instant::now().checked_add(delay);
        while state.is_open() && !state.is_asked_again() {
            let left = left_until(deadline);
            if left.is_zero() {
                break;
            }
            state = wait(&self.work, state, left);
            state.wakeups += 1;
        }
        true
    }

    /// For the writer: the sink refuses the rest of what was taken for good.
    pub(in crate::telemetry) fn abandon(&self, records: usize) {
        self.state().abandoned += records as u64;
    }

    /// The writer is gone; whatever is left is lost.
    pub(in crate::telemetry) fn finish(&self) {
        let mut state = self.state();
        state.life = Life::Finished;
        let mut accepted = 0;
        for shard in &self.shards {
            let mut inner = shard.lock();
            inner.closed = true;
            inner.waiting = Lists::default();
            accepted += inner.accepted;
        }
        state.abandoned = accepted - state.stored;
        drop(state);
        self.progress.notify_all();
    }
}
