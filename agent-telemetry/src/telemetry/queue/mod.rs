//! The bounded queue between recorders and the writer thread, and its accounts.
//!
//! Records wait in shards, one for each few threads, so that two threads share nothing they write.
//! Each carries a stamp. Stamps rise within a shard, and so within a thread. A mark (start, resumption,
//! end of a session) is stamped above everything that happened before it in any shard, and what
//! happens after it is stamped above the mark. The writer takes all shards at one moment and puts
//! their records in the order of the stamps.

mod drain;
#[cfg(all(test, agent_model))]
mod model;
#[cfg(all(test, feature = "otlp", not(agent_model)))]
mod tests;

pub(super) use drain::{Take, Taken};

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use agent_primitives::Timestamp;

use super::context::ContextId;
use super::health::{Dropped, FlushError, Flushed, Health, LiveHealth};
use super::shard::{Call, Figures, Inner, Shard, Whole, thread_number};
use crate::locks::{AtomicBool, AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard};
use crate::{Body, Record, SinkError};

/// The writer does not wait for the window to end once so many places of the common pool are taken.
const WAKE_AT: usize = 8_192;
/// Places that a shard takes from the common pool at a time, so that threads seldom meet there.
const LEASE: usize = 64;

#[derive(Debug)]
pub(crate) struct Queue {
    shards: [Shard; Queue::SHARDS],
    signals: Signals,
    free: Free,
    pool: usize,
    lease: usize,
    /// Records that each shard may hold without the common pool, so that one busy thread cannot keep
    /// out the others.
    share: usize,
    wake_at: usize,
    window: Duration,
    /// Never held while the sink works. Taken before the lock of a shard, not behind it.
    state: Mutex<State>,
    /// Signals the writer: work, urgency, closing.
    work: Condvar,
    /// Signals those who wait for the writer: progress, failure, end.
    progress: Condvar,
    /// Signals the thread that takes records ahead of the writer: there are some again, or nobody watches any more.
    ahead: Condvar,
    /// Known before the sink is first called. A wait on this thread would be for itself.
    writer: OnceLock<ThreadId>,
}

/// Read at each push and seldom written, so that the cores can share it.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Signals {
    /// The stamp of the latest mark; whatever happens after it is stamped above it.
    floor: AtomicU64,
    /// The writer or the thread that takes records ahead of it sleeps, or is about to, and must be woken.
    idle: AtomicBool,
    /// The writer waits for its window to end and may be woken earlier.
    gathering: AtomicBool,
}

/// Places of the common pool that nobody has. Written at each lease, so not beside what each push reads.
#[derive(Debug)]
#[repr(align(128))]
struct Free(AtomicUsize);

/// Invariant: what the shards have accepted is `stored + abandoned`, and what waits or is on its way.
#[derive(Debug, Default)]
struct State {
    /// Accepted by the shards up to the last time that the writer took their records.
    taken: u64,
    /// `taken` of the last batch of which everything is stored.
    settled: u64,
    stored: u64,
    abandoned: u64,
    /// Number of the write under way, or of the last one.
    attempt: u64,
    attempt_began_closed: bool,
    failed_writes: u64,
    failure: Option<(u64, Arc<SinkError>)>,
    /// Records up to this number are wanted in the sink without delay.
    wanted: u64,
    /// The write that was under way when they were asked for.
    wanted_after: u64,
    /// The writer sleeps until there is a record.
    sleeps: bool,
    /// Somebody has signalled `work`.
    kicked: bool,
    /// Records taken ahead of the writer since it last took any.
    ahead: usize,
    /// Whoever takes them.
    watcher: Watcher,
    wakeups: u64,
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

/// The thread that takes records ahead of the writer.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Watcher {
    #[default]
    Works,
    /// Until it is called.
    Sleeps,
    /// It is not to sleep, or not any longer.
    Called,
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
        self.wanted > self.settled && self.wanted_after >= self.attempt
    }
}

/// Whether there is a place for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    Granted,
    Full,
    Closed,
}

/// What all shards say together.
#[derive(Debug, Default)]
struct Sum {
    accepted: u64,
    dropped: Dropped,
}

impl Queue {
    /// For the model checker as few as meet.
    pub(super) const SHARDS: usize = if cfg!(all(test, agent_model)) { 2 } else { 16 };

    pub(super) fn new(capacity: usize, window: Duration) -> Self {
        // Seven eighths of the places are everybody's. The rest is for two lots of every shard's own
        // share: one that waits and one in the hands of the sink.
        let share = capacity / (16 * Self::SHARDS);
        let pool = capacity - 2 * Self::SHARDS * share;
        Self {
            shards: std::array::from_fn(|_| Shard::default()),
            signals: Signals::default(),
            free: Free(AtomicUsize::new(pool)),
            pool,
            lease: (pool / (4 * Self::SHARDS)).clamp(1, LEASE),
            share,
            wake_at: (pool / 2).clamp(1, WAKE_AT),
            window,
            state: Mutex::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
            ahead: Condvar::new(),
            writer: OnceLock::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code between lock and unlock can panic half-way through an update.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard(&self) -> &Shard {
        let [first, ..] = &self.shards;
        self.shards
            .get(thread_number() % Self::SHARDS)
            .unwrap_or(first)
    }

    /// Takes a call of a handle. Allocates only while the queue has never been as full.
    pub(crate) fn push_call(&self, at: Timestamp, context: ContextId, figures: Figures) {
        let shard = self.shard();
        let mut inner = shard.lock();
        match self.admit(&mut inner) {
            Admission::Full => inner.dropped.queue_full += 1,
            Admission::Closed => {}
            Admission::Granted => {
                let stamp = shard.stamp(&mut inner, self.signals.floor.load(Ordering::Relaxed));
                inner.waiting.calls.push(Call {
                    stamp,
                    at,
                    context,
                    figures,
                });
                drop(inner);
                self.wake_idle();
            }
        }
    }

    /// Takes any record; with a context, in its name.
    pub(crate) fn push(&self, context: Option<ContextId>, record: Record) {
        if self.insert(context, record).is_some() {
            self.shard().lock().dropped.queue_full += 1;
        }
    }

    /// As [`push`](Self::push), but gives the record back where there is no room for it. One that comes after the queue
    /// was closed is counted and gone.
    #[cfg(feature = "otlp")]
    pub(super) fn offer(&self, record: Record) -> Option<Record> {
        self.insert(None, record)
    }

    /// What there is no room for.
    #[inline]
    fn insert(&self, context: Option<ContextId>, record: Record) -> Option<Record> {
        let is_mark = matches!(
            record.body,
            Body::SessionStart(_) | Body::SessionResume(_) | Body::SessionEnd(_)
        );
        let floor = if is_mark {
            // Whoever knows that a record was made sees its stamp here.
            self.shards.iter().map(Shard::last).max().unwrap_or(0)
        } else {
            0
        };
        let shard = self.shard();
        let mut inner = shard.lock();
        match self.admit(&mut inner) {
            Admission::Full => return Some(record),
            Admission::Closed => return None,
            Admission::Granted => {}
        }
        let floor = floor.max(self.signals.floor.load(Ordering::Relaxed));
        let stamp = shard.stamp(&mut inner, floor);
        if is_mark {
            self.signals.floor.fetch_max(stamp, Ordering::Relaxed);
        }
        inner.waiting.wholes.push(Whole {
            stamp,
            context,
            record,
        });
        drop(inner);
        self.wake_idle();
        None
    }

    /// Whether there is a place for one more record. One that comes too late is counted.
    fn admit(&self, inner: &mut Inner) -> Admission {
        if inner.closed {
            inner.dropped.after_shutdown += 1;
            return Admission::Closed;
        }
        if inner.own < self.share {
            inner.own += 1;
        } else {
            if inner.credits == 0 {
                inner.credits = self.lease();
            }
            if inner.credits == 0 {
                return Admission::Full;
            }
            inner.credits -= 1;
            inner.funded += 1;
        }
        inner.accepted += 1;
        Admission::Granted
    }

    /// Takes places from the common pool, as many as there are up to the usual number.
    #[cold]
    fn lease(&self) -> usize {
        let take = |free: usize| Some(free - free.min(self.lease));
        let (Ok(free) | Err(free)) =
            self.free
                .0
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        let leased = free.min(self.lease);
        let taken = self.pool - free;
        if self.urgency(taken + leased) > self.urgency(taken)
            && self.signals.gathering.load(Ordering::Relaxed)
        {
            // Without the state, which may be held by the writer that waits for the shard whose lock
            // is held here. A signal that comes too early is made good by the next one.
            self.work.notify_one();
        }
        leased
    }

    /// How many signals to the writer so many taken places of the common pool are worth: one at the
    /// first that is too much, and another one for each quarter more. Each takes longer than many
    /// records.
    fn urgency(&self, taken: usize) -> usize {
        match taken.checked_sub(self.wake_at) {
            Some(more) => 1 + more / self.wake_at.div_ceil(4),
            None => 0,
        }
    }

    /// Free places that every shard may have.
    #[cfg(feature = "otlp")]
    pub(super) fn room(&self) -> usize {
        self.free.0.load(Ordering::Relaxed)
    }

    fn wake_idle(&self) {
        // Never missed: whoever is to sleep says so, and then looks into each shard under its
        // lock. It finds the record there, or this thread took the lock later and sees the word.
        let idle = &self.signals.idle;
        let relaxed = Ordering::Relaxed;
        if idle.load(relaxed) && idle.compare_exchange(true, false, relaxed, relaxed).is_ok() {
            self.wake_sleeper();
        }
    }

    /// One signal at most: the writer wakes the other one.
    #[cold]
    fn wake_sleeper(&self) {
        let mut state = self.state();
        if state.sleeps {
            self.kick(&mut state);
        } else {
            self.wake_ahead(&mut state);
        }
    }

    fn kick(&self, state: &mut State) {
        state.kicked = true;
        self.work.notify_one();
    }

    pub(crate) fn count_unrecognised(&self) {
        self.shard().lock().dropped.unrecognised += 1;
    }

    fn sum(&self, state: &State) -> Sum {
        let mut sum = Sum::default();
        for shard in &self.shards {
            let inner = shard.lock();
            sum.accepted += inner.accepted;
            sum.dropped.queue_full += inner.dropped.queue_full;
            sum.dropped.after_shutdown += inner.dropped.after_shutdown;
            sum.dropped.unrecognised += inner.dropped.unrecognised;
        }
        sum.dropped.sink_failed = state.abandoned;
        sum
    }

    pub(super) fn health(&self) -> Health {
        let state = self.state();
        let sum = self.sum(&state);
        let waiting = sum.accepted - state.stored - state.abandoned;
        Health {
            accepted: sum.accepted,
            stored: state.stored,
            waiting: usize::try_from(waiting).unwrap_or(usize::MAX),
            dropped: sum.dropped,
            failed_writes: state.failed_writes,
            error: state.failure.as_ref().map(|(_, error)| Arc::clone(error)),
            wakeups: state.wakeups,
            running: !state.is_finished(),
            live: LiveHealth::default(),
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
        let Sum {
            accepted: target, ..
        } = self.sum(&state);
        let asked_during = state.attempt;
        state.wanted = target;
        state.wanted_after = asked_during;
        self.kick(&mut state);
        let deadline = Instant::now().checked_add(timeout);
        loop {
            if state.settled >= target {
                return Ok(Flushed {
                    stored: state.stored,
                    dropped: self.sum(&state).dropped,
                });
            }
            // A batch is stored in parts, of which the first may hold younger records than asked for.
            let missing = target.saturating_sub(state.stored).max(1);
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
            let left = left_until(deadline);
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
            for shard in &self.shards {
                shard.lock().closed = true;
            }
        }
        let accepted = self.sum(&state).accepted;
        self.kick(&mut state);
        let deadline = Instant::now().checked_add(timeout);
        while !state.is_finished() {
            if self.is_writer() {
                return Err(FlushError::within_sink(accepted - state.stored));
            }
            let left = left_until(deadline);
            if left.is_zero() {
                return Err(FlushError::timeout(accepted - state.stored));
            }
            state = wait(&self.progress, state, left);
        }
        match (accepted - state.stored, &state.failure) {
            (0, _) => Ok(Flushed {
                stored: state.stored,
                dropped: self.sum(&state).dropped,
            }),
            (lost, Some((_, error))) => Err(FlushError::sink(lost, Arc::clone(error))),
            (lost, None) => Err(FlushError::stopped(lost)),
        }
    }
}

fn left_until(deadline: Option<Instant>) -> Duration {
    deadline.map_or(Duration::MAX, |at| {
        at.saturating_duration_since(Instant::now())
    })
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
