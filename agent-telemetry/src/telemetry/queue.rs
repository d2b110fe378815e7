//! The bounded queue between recorders and the writer thread, and its accounts.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::health::{Dropped, FlushError, Flushed, Health};
use crate::{Record, SinkError};

/// The writer does not wait for the window to end once this many records wait.
const WAKE_AT: usize = 8_192;

#[derive(Debug)]
pub(super) struct Queue {
    /// Held for a push or a swap, never while the sink works.
    state: Mutex<State>,
    /// Signals the writer: work, urgency, closing.
    work: Condvar,
    /// Signals those who wait for the writer: progress, failure, end.
    progress: Condvar,
    /// Known before the sink is first called. A wait on this thread would be for itself.
    writer: OnceLock<ThreadId>,
    capacity: usize,
    wake_at: usize,
    window: Duration,
}

/// Invariant: `accepted == stored + abandoned + in_flight + waiting.len()`, and records are settled
/// in the order in which they were accepted.
#[derive(Debug, Default)]
struct State {
    waiting: Vec<Record>,
    in_flight: usize,
    accepted: u64,
    stored: u64,
    abandoned: u64,
    dropped: Dropped,
    /// Number of the write under way, or of the last one.
    attempt: u64,
    attempt_began_closed: bool,
    failed_writes: u64,
    failure: Option<(u64, Arc<SinkError>)>,
    /// Records up to this number are wanted in the sink without delay.
    wanted: u64,
    /// The write that was under way when they were asked for.
    wanted_after: u64,
    /// The writer sleeps and must be woken.
    idle: bool,
    life: Life,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Life {
    #[default]
    Open,
    /// Takes no more records; the writer stores what is left.
    Closed,
    /// The writer is gone.
    Finished,
}

impl State {
    fn is_open(&self) -> bool {
        self.life == Life::Open
    }

    fn is_finished(&self) -> bool {
        self.life == Life::Finished
    }

    /// Whether a flush waits that the write under way cannot satisfy by failing.
    fn is_asked_again(&self) -> bool {
        self.wanted > self.stored && self.wanted_after >= self.attempt
    }
}

impl Queue {
    pub(super) fn new(capacity: usize, window: Duration) -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
            writer: OnceLock::new(),
            capacity,
            wake_at: (capacity / 2).clamp(1, WAKE_AT),
            window,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code between lock and unlock can panic half-way through an update.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, record: Record) {
        let mut state = self.state();
        if !state.is_open() {
            state.dropped.after_shutdown += 1;
            return;
        }
        if state.waiting.len() + state.in_flight >= self.capacity {
            state.dropped.queue_full += 1;
            return;
        }
        state.waiting.push(record);
        state.accepted += 1;
        let wake = std::mem::take(&mut state.idle) || state.waiting.len() == self.wake_at;
        drop(state);
        if wake {
            self.work.notify_one();
        }
    }

    pub(super) fn count_unrecognised(&self) {
        self.state().dropped.unrecognised += 1;
    }

    pub(super) fn health(&self) -> Health {
        let state = self.state();
        Health {
            accepted: state.accepted,
            stored: state.stored,
            waiting: state.waiting.len() + state.in_flight,
            dropped: state.dropped,
            failed_writes: state.failed_writes,
            error: state.failure.as_ref().map(|(_, error)| Arc::clone(error)),
            running: !state.is_finished(),
        }
    }

    /// For the writer: the calling thread is the one that calls the sink.
    pub(super) fn enter_writer(&self) {
        self.writer.get_or_init(|| thread::current().id());
    }

    fn is_writer(&self) -> bool {
        self.writer.get() == Some(&thread::current().id())
    }

    /// Waits until everything accepted before the call is stored.
    pub(super) fn flush(&self, timeout: Duration) -> Result<Flushed, FlushError> {
        let mut state = self.state();
        let (target, asked_during) = (state.accepted, state.attempt);
        state.wanted = target;
        state.wanted_after = asked_during;
        self.work.notify_one();
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let missing = target.saturating_sub(state.stored);
            if missing == 0 {
                return Ok(Flushed {
                    stored: state.stored,
                    dropped: state.dropped,
                });
            }
            if state.abandoned > 0 || state.is_finished() {
                return Err(FlushError::stopped(missing));
            }
            if let Some((attempt, error)) = &state.failure
                && *attempt > asked_during
            {
                return Err(FlushError::sink(missing, Arc::clone(error)));
            }
            if self.is_writer() {
                return Err(FlushError::within_sink(missing));
            }
            let left = deadline.map_or(Duration::MAX, |at| {
                at.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return Err(FlushError::timeout(missing));
            }
            state = wait(&self.progress, state, left);
        }
    }

    /// Takes no more records and waits until the writer has tried to store what it has.
    pub(super) fn close(&self, timeout: Duration) -> Result<Flushed, FlushError> {
        let mut state = self.state();
        if state.is_open() {
            state.life = Life::Closed;
        }
        self.work.notify_one();
        let deadline = Instant::now().checked_add(timeout);
        while !state.is_finished() {
            if self.is_writer() {
                return Err(FlushError::within_sink(state.accepted - state.stored));
            }
            let left = deadline.map_or(Duration::MAX, |at| {
                at.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return Err(FlushError::timeout(state.accepted - state.stored));
            }
            state = wait(&self.progress, state, left);
        }
        match (state.accepted - state.stored, &state.failure) {
            (0, _) => Ok(Flushed {
                stored: state.stored,
                dropped: state.dropped,
            }),
            (lost, Some((_, error))) => Err(FlushError::sink(lost, Arc::clone(error))),
            (lost, None) => Err(FlushError::stopped(lost)),
        }
    }

    /// For the writer: sleeps until there is work, gathers for the window and swaps what waits into
    /// the empty `batch`. `false` once the queue is closed and empty.
    pub(super) fn take(&self, batch: &mut Vec<Record>) -> bool {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if !state.is_open() {
                return false;
            }
            state.idle = true;
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.idle = false;
        let deadline = Instant::now().checked_add(self.window);
        while state.is_open() && state.wanted <= state.stored && state.waiting.len() < self.wake_at
        {
            let left = deadline.map_or(Duration::MAX, |at| {
                at.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                break;
            }
            state = wait(&self.work, state, left);
        }
        std::mem::swap(&mut state.waiting, batch);
        state.in_flight = batch.len();
        true
    }

    pub(super) fn begin_write(&self) {
        let mut state = self.state();
        state.attempt += 1;
        state.attempt_began_closed = !state.is_open();
    }

    pub(super) fn wrote(&self, records: usize) {
        let mut state = self.state();
        state.in_flight -= records;
        state.stored += records as u64;
        state.failure = None;
        drop(state);
        self.progress.notify_all();
    }

    /// Notes the failure and waits for `delay`, or less when somebody asks for the records.
    /// `false` when there is no later: the queue was closed before this attempt began.
    pub(super) fn failed(&self, error: SinkError, delay: Duration) -> bool {
        let mut state = self.state();
        state.failed_writes += 1;
        state.failure = Some((state.attempt, Arc::new(error)));
        self.progress.notify_all();
        if state.attempt_began_closed {
            return false;
        }
        let deadline = Instant::now() + delay;
        while state.is_open() && !state.is_asked_again() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = wait(&self.work, state, left);
        }
        true
    }

    /// Counts what is in flight as lost.
    pub(super) fn abandon(&self) {
        let mut state = self.state();
        let lost = std::mem::take(&mut state.in_flight) as u64;
        state.abandoned += lost;
        state.dropped.sink_failed += lost;
    }

    /// The writer is gone; whatever is left is lost.
    pub(super) fn finish(&self) {
        let mut state = self.state();
        let lost = (state.waiting.len() + std::mem::take(&mut state.in_flight)) as u64;
        state.waiting.clear();
        state.abandoned += lost;
        state.dropped.sink_failed += lost;
        state.life = Life::Finished;
        drop(state);
        self.progress.notify_all();
    }
}

fn wait<'a>(
    signal: &Condvar,
    state: MutexGuard<'a, State>,
    at_most: Duration,
) -> MutexGuard<'a, State> {
    signal
        .wait_timeout(state, at_most)
        .unwrap_or_else(PoisonError::into_inner)
        .0
}
