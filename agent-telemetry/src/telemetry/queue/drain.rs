//! The writer's side of the queue: taking records out, and saying what became of them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::super::shard::{Lists, Shard};
use super::{Life, Queue, State, Watcher, left_until, wait};
use crate::SinkError;

/// What the writer has taken, to be settled.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::telemetry) struct Taken {
    pub(in crate::telemetry) records: usize,
    /// Those that used a place of the common pool.
    funded: usize,
}

impl Taken {
    pub(in crate::telemetry) const fn and(self, more: Self) -> Self {
        Self {
            records: self.records + more.records,
            funded: self.funded + more.funded,
        }
    }
}

/// For whom records are taken out of the shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::telemetry) enum Take {
    /// For the writer, and with them all that was taken ahead of it.
    ToStore,
    /// For those who watch. They wait for the writer elsewhere and keep their places.
    Ahead,
}

impl Queue {
    /// For the writer: sleeps until there is work, and gathers for the window. `false` once the queue is closed and
    /// empty.
    pub(in crate::telemetry) fn await_work(&self) -> bool {
        let mut state = self.state();
        loop {
            self.signals.idle.store(true, Ordering::Relaxed);
            let has_new = self.has_waiting();
            if has_new {
                self.wake_ahead(&mut state);
            }
            if has_new || state.ahead > 0 {
                break;
            }
            if !state.is_open() {
                return false;
            }
            state.sleeps = true;
            while !state.kicked {
                state = self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                state.wakeups += 1;
            }
            (state.sleeps, state.kicked) = (false, false);
        }
        if state.watcher != Watcher::Sleeps {
            self.signals.idle.store(false, Ordering::Relaxed);
        }
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
        true
    }

    /// Swaps what waits into the empty `lists`.
    pub(in crate::telemetry) fn take(
        &self,
        lists: &mut [Lists; Queue::SHARDS],
        purpose: Take,
    ) -> Taken {
        let mut state = self.state();
        // All at once: no record is taken without those that happened before it.
        let mut shards = self.shards.each_ref().map(Shard::lock);
        let mut taken = Taken::default();
        let mut accepted = 0;
        for (inner, lists) in shards.iter_mut().zip(lists) {
            std::mem::swap(&mut inner.waiting, lists);
            taken.records += lists.len();
            taken.funded += std::mem::take(&mut inner.funded);
            accepted += inner.accepted;
            if purpose == Take::ToStore {
                inner.own = 0;
                self.free
                    .0
                    .fetch_add(std::mem::take(&mut inner.credits), Ordering::Relaxed);
            }
        }
        match purpose {
            Take::ToStore => {
                state.taken = accepted;
                state.ahead = 0;
            }
            Take::Ahead => state.ahead += taken.records,
        }
        taken
    }

    /// For whoever takes records ahead of the writer: sleeps for `pulse` where some were `found`, since more are likely
    /// to follow and nobody is to wake it for each, and where none were until there is one or somebody
    /// [calls](Self::call_ahead).
    pub(in crate::telemetry) fn rest_ahead(&self, pulse: Duration, found: bool) {
        let mut state = self.state();
        if found {
            state = wait(&self.ahead, state, pulse);
            state.wakeups += 1;
            return;
        }
        self.signals.idle.store(true, Ordering::Relaxed);
        if state.watcher == Watcher::Works && !state.is_finished() && !self.has_waiting() {
            state.watcher = Watcher::Sleeps;
        }
        while state.watcher == Watcher::Sleeps {
            state = self
                .ahead
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.wakeups += 1;
        }
        state.watcher = Watcher::Works;
    }

    fn has_waiting(&self) -> bool {
        self.shards.iter().any(|it| it.lock().waiting.len() > 0)
    }

    pub(super) fn wake_ahead(&self, state: &mut State) {
        if state.watcher == Watcher::Sleeps {
            state.watcher = Watcher::Called;
            self.ahead.notify_one();
        }
    }

    /// Calls whoever takes records ahead of the writer, also where it is only about to sleep: something is different.
    pub(in crate::telemetry) fn call_ahead(&self) {
        self.state().watcher = Watcher::Called;
        self.ahead.notify_one();
    }

    /// What was taken ahead of the writer is lost: it is to find out without gathering any longer.
    pub(in crate::telemetry) fn alarm(&self) {
        let mut state = self.state();
        state.wanted = state.wanted.max(state.settled + 1);
        self.kick(&mut state);
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
        self.wake_ahead(&mut state);
        drop(state);
        self.progress.notify_all();
    }
}
