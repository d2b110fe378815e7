//! What waits for one reader: a bounded buffer, and who waits for it.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use agent_primitives::{Clock, Monotonic};

use super::fold::Fold;
use super::{LiveConfig, LiveError, LiveItem, LiveTotals};
use crate::Record;
use crate::locks::{Condvar, Mutex, MutexGuard};

/// Between the recorder and one reader. Its lock is held for a few moves of pointers and sums, never while a reader
/// works.
pub(crate) struct Channel {
    config: LiveConfig,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Signals a reader that blocks.
    ready: Condvar,
}

struct State {
    buffer: VecDeque<Arc<Record>>,
    /// Follows the gap that was told last, and so has nothing missed ahead of it.
    next: Option<Arc<Record>>,
    /// Missed ahead of what the buffer holds, and not told yet.
    untold: u64,
    /// Missed in all.
    missed: u64,
    fold: Fold,
    /// When the next totals are due.
    totals_at: Option<Monotonic>,
    /// There were totals, and a record is to come before there are more.
    owes_record: bool,
    life: Life,
    /// A reader that blocks.
    blocks: bool,
    /// A reader that does not.
    waker: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    /// The recorder has stopped.
    Ended,
    /// The reader stayed away for too long.
    Disconnected,
}

/// What came of an offer.
pub(crate) struct Offered {
    pub(crate) missed: u64,
    pub(crate) is_connected: bool,
    /// To be woken without a lock.
    pub(crate) waker: Option<Waker>,
}

/// The copies of a batch that readers share. Each record is copied once, when the first reader wants it.
#[derive(Debug, Default)]
pub(crate) struct Handed(Vec<Option<Arc<Record>>>);

impl Handed {
    const KEPT: usize = 8_192;

    pub(crate) fn begin(&mut self, records: &[Record]) {
        self.0.resize(records.len(), None);
    }

    pub(crate) fn end(&mut self) {
        self.0.clear();
        self.0.shrink_to(Self::KEPT);
    }
}

impl Channel {
    pub(crate) fn new(config: LiveConfig, clock: Arc<dyn Clock>) -> Self {
        let now = clock.monotonic();
        let state = State {
            buffer: VecDeque::new(),
            next: None,
            untold: 0,
            missed: 0,
            fold: Fold::new(clock.timestamp(), now),
            totals_at: config.totals_every.map(|interval| now + interval),
            owes_record: false,
            life: Life::Open,
            blocks: false,
            waker: None,
        };
        Self {
            config,
            clock,
            state: Mutex::new(state),
            ready: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code between lock and unlock can panic half-way through an update.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the recorder: adds what the reader wants of `records`.
    pub(crate) fn offer(&self, handed: &mut Handed, records: &[Record], now: Monotonic) -> Offered {
        let mut state = self.state();
        let before = state.missed;
        let mut is_news = false;
        for (record, shared) in records.iter().zip(&mut handed.0) {
            if !self.config.wants(record) {
                continue;
            }
            is_news = true;
            state.fold.add(record, now);
            if state.buffer.len() >= self.config.capacity {
                state.buffer.pop_front();
                state.miss(1);
            }
            let shared = shared.get_or_insert_with(|| Arc::new(record.clone_without_marks()));
            state.buffer.push_back(Arc::clone(shared));
        }
        if state.untold > self.config.bearable() {
            let left = mem::take(&mut state.buffer).len();
            state.miss(left as u64);
            state.life = Life::Disconnected;
        }
        Offered {
            missed: state.missed - before,
            is_connected: state.life == Life::Open,
            waker: is_news.then(|| self.wake(state)).flatten(),
        }
    }

    /// For the recorder: nothing will come any more. Who is to be woken.
    pub(crate) fn end(&self) -> Option<Waker> {
        let mut state = self.state();
        if state.life == Life::Open {
            state.life = Life::Ended;
        }
        self.wake(state)
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) -> Option<Waker> {
        let waker = state.waker.take();
        let blocks = mem::take(&mut state.blocks);
        drop(state);
        if blocks {
            self.ready.notify_one();
        }
        waker
    }

    /// For the reader: what comes next, if it is there.
    pub(super) fn take(&self) -> Result<LiveItem, LiveError> {
        self.take_from(&mut self.state())
    }

    /// Between two totals, and between two gaps, there is a record where any waits: so neither keeps back the records of
    /// a reader that is slower than they come.
    fn take_from(&self, state: &mut State) -> Result<LiveItem, LiveError> {
        if let Some(record) = state.next.take() {
            return Ok(state.hand_out(record));
        }
        if let Some(totals) = self.due_totals(state) {
            return Ok(LiveItem::Totals(Box::new(totals)));
        }
        if state.untold > 0 {
            state.next = state.buffer.pop_front();
            return Ok(LiveItem::Missed(mem::take(&mut state.untold)));
        }
        match (state.buffer.pop_front(), state.life) {
            (Some(record), _) => Ok(state.hand_out(record)),
            (None, Life::Open) => {
                // No record was kept back.
                state.owes_record = false;
                Err(LiveError::EMPTY)
            }
            (None, Life::Ended) => Err(LiveError::ENDED),
            (None, Life::Disconnected) => Err(LiveError::disconnected(state.missed)),
        }
    }

    fn due_totals(&self, state: &mut State) -> Option<LiveTotals> {
        let interval = self.config.totals_every?;
        let is_record_first = state.owes_record && !state.buffer.is_empty();
        if state.life != Life::Open || is_record_first {
            return None;
        }
        let now = self.clock.monotonic();
        if state.totals_at.is_none_or(|at| at > now) {
            return None;
        }
        state.totals_at = Some(now + interval);
        state.owes_record = true;
        Some(state.totals(self.clock.timestamp(), now))
    }

    /// For the reader: what comes next, up to the `deadline` if there is one.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> Result<LiveItem, LiveError> {
        let mut state = self.state();
        loop {
            match self.take_from(&mut state) {
                Err(error) if error.is_empty() => {}
                other => return other,
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(LiveError::EMPTY);
            }
            let now = self.clock.monotonic();
            let totals = state.totals_at.map(|at| at.since(now));
            let at_most = [left, totals].into_iter().flatten().min();
            state.blocks = true;
            state = self.sleep(state, at_most);
        }
    }

    fn sleep<'a>(
        &self,
        state: MutexGuard<'a, State>,
        at_most: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        let ready = &self.ready;
        match at_most {
            Some(left) => {
                ready
                    .wait_timeout(state, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
            None => ready.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// For the reader: what comes next, or a promise to wake it.
    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<Result<LiveItem, LiveError>> {
        // Wakers are cloned and dropped without the lock: they may hold what takes other locks.
        let waker = context.waker().clone();
        let mut state = self.state();
        match self.take_from(&mut state) {
            Err(error) if error.is_empty() => {
                let before = state.waker.replace(waker);
                drop(state);
                drop(before);
                Poll::Pending
            }
            other => Poll::Ready(other),
        }
    }

    pub(super) fn totals(&self) -> LiveTotals {
        self.state()
            .totals(self.clock.timestamp(), self.clock.monotonic())
    }
}

impl State {
    fn hand_out(&mut self, record: Arc<Record>) -> LiveItem {
        self.owes_record = false;
        LiveItem::Record(record)
    }

    fn miss(&mut self, records: u64) {
        self.untold = self.untold.saturating_add(records);
        self.missed = self.missed.saturating_add(records);
    }

    fn totals(&self, at: agent_primitives::Timestamp, now: Monotonic) -> LiveTotals {
        let mut totals = self.fold.totals(at, now);
        totals.missed = self.missed;
        totals
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Channel")
            .field("config", &self.config)
            .field("waiting", &state.buffer.len())
            .field("missed", &state.missed)
            .field("life", &state.life)
            .finish_non_exhaustive()
    }
}
