//! What the processor's handles and its thread share.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use agent_primitives::{Clock, Observer};

use super::super::hook::{Input, InvalidHook};
use super::super::receiver::{Accepted, Encoding, Refused, Signal};
use super::super::seen::Seen;
use super::state::{OUTBOX, State};
use crate::Telemetry;

/// When a sender that was put off is to try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long the drop of the last handle waits.
const DROPPED_WITHIN: Duration = Duration::from_secs(5);
/// One of many waits of a wait without an end.
const A_WHILE: Duration = Duration::from_secs(60);
/// How long a reader of transcripts waits for room.
const ROOM_WITHIN: Duration = Duration::from_secs(30);

pub(super) struct Shared {
    pub(super) telemetry: Telemetry,
    pub(super) observer: Box<dyn Observer>,
    pub(super) window: Duration,
    /// How long a request waits for the store, where it is to.
    pub(super) store_within: Option<Duration>,
    work: Mutex<Work>,
    /// For the thread: there is something to do.
    news: Condvar,
    /// For those who wait for the thread.
    progress: Condvar,
}

/// How much is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    #[default]
    Nothing,
    /// What was taken is to survive a crash.
    Stored,
    /// What waits for other channels as well.
    All,
}

pub(super) struct Work {
    pub(super) state: State,
    pub(super) wanted: Wanted,
    asked: u64,
    /// The last of those that were served, and the last of those where the store refused.
    served: u64,
    refused: u64,
    /// Records in the hands of the thread.
    pub(super) in_hand: usize,
    idle: bool,
    pub(super) closed: bool,
    finished: bool,
}

impl Work {
    /// What the thread is to serve now.
    pub(super) fn begin(&mut self) -> (u64, Wanted) {
        (self.asked, std::mem::take(&mut self.wanted))
    }

    pub(super) fn is_urgent(&self) -> bool {
        self.closed || self.wanted > Wanted::Nothing || self.state.has_news()
    }
}

impl Shared {
    pub(super) fn new(
        telemetry: Telemetry,
        observer: Box<dyn Observer>,
        window: Duration,
        store_within: Option<Duration>,
        state: State,
    ) -> Self {
        Self {
            telemetry,
            observer,
            window,
            store_within,
            work: Mutex::new(Work {
                state,
                wanted: Wanted::Nothing,
                asked: 0,
                served: 0,
                refused: 0,
                in_hand: 0,
                idle: false,
                closed: false,
                finished: false,
            }),
            news: Condvar::new(),
            progress: Condvar::new(),
        }
    }

    pub(super) fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ingest(
        &self,
        signal: Signal,
        encoding: Encoding,
        body: &[u8],
    ) -> Result<Accepted, Refused> {
        let now = self.telemetry.clock().timestamp();
        let mut work = self.work();
        if work.closed {
            return Err(Refused::Unavailable {
                retry_after: RETRY_AFTER,
            });
        }
        if work.in_hand >= OUTBOX || work.state.is_full() {
            work.state.figures.put_off += 1;
            return Err(Refused::Busy {
                retry_after: RETRY_AFTER,
            });
        }
        let accepted = work.state.ingest(signal, encoding, body, now)?;
        let Some(within) = self.store_within else {
            self.wake(&mut work);
            return Ok(accepted);
        };
        let stored = self.ask(work, Wanted::Stored, within);
        stored.then_some(accepted).ok_or(Refused::Unavailable {
            retry_after: RETRY_AFTER,
        })
    }

    /// Takes what was seen otherwise. Waits for room, as long as the recorder makes any; whether it did.
    pub(super) fn see(&self, seen: &mut Vec<Seen>) -> bool {
        let now = self.telemetry.clock().timestamp();
        loop {
            let mut work = self.work();
            if work.closed {
                return false;
            }
            if work.in_hand < OUTBOX && !work.state.is_full() {
                work.state.seen.append(seen);
                work.state.see(now, None);
                self.wake(&mut work);
                return true;
            }
            if !self.ask(work, Wanted::Stored, ROOM_WITHIN) {
                return false;
            }
        }
    }

    /// Takes what a hook was told. Hooks are few: there is room for them.
    pub(super) fn hook(&self, json: &[u8]) -> Result<(), InvalidHook> {
        let read = Input::read(json).and_then(|input| Ok((input.who()?, input)));
        let now = self.telemetry.clock().timestamp();
        let mut work = self.work();
        work.state.hook(read, now)?;
        self.wake(&mut work);
        Ok(())
    }

    pub(super) fn flush(&self, timeout: Duration) -> bool {
        self.ask(self.work(), Wanted::All, timeout)
    }

    /// Waits until the store has what was taken. Whether it has.
    fn ask(&self, mut work: MutexGuard<'_, Work>, wanted: Wanted, timeout: Duration) -> bool {
        work.asked += 1;
        let ticket = work.asked;
        work.wanted = work.wanted.max(wanted);
        self.wake(&mut work);
        // Without an end where it is beyond what the clock shows.
        let end = Instant::now().checked_add(timeout);
        while work.served < ticket && !work.finished {
            let left = end.map_or(A_WHILE, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            let woken = self.progress.wait_timeout(work, left);
            work = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        work.served >= ticket && work.refused < ticket
    }

    /// Takes no more, and stores what there is. Whether that was done in time.
    pub(super) fn close(&self, timeout: Duration) -> bool {
        let mut work = self.work();
        work.closed = true;
        self.ask(work, Wanted::All, timeout)
    }

    fn wake(&self, work: &mut Work) {
        if std::mem::take(&mut work.idle) {
            self.news.notify_one();
        }
    }

    /// The thread waits for something to do.
    pub(super) fn sleep<'a>(
        &self,
        mut work: MutexGuard<'a, Work>,
        at_most: Option<Duration>,
    ) -> MutexGuard<'a, Work> {
        work.idle = true;
        let mut work = match at_most {
            Some(at_most) => {
                let waited = self.news.wait_timeout(work, at_most);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.news.wait(work).unwrap_or_else(PoisonError::into_inner),
        };
        work.idle = false;
        work
    }

    /// The thread is gone.
    pub(super) fn ended(&self) {
        let mut work = self.work();
        work.closed = true;
        work.finished = true;
        self.progress.notify_all();
    }

    /// The thread has served those up to `asked`.
    pub(super) fn served(&self, asked: u64, stored: bool, finished: bool) {
        let mut work = self.work();
        work.served = work.served.max(asked);
        if !stored {
            work.refused = work.refused.max(asked);
        }
        work.finished |= finished;
        self.progress.notify_all();
    }
}

/// The last handle is gone: what there is is stored.
pub(super) struct Handles(pub(super) Arc<Shared>);

impl Drop for Handles {
    fn drop(&mut self) {
        // Whoever wants to know flushes before.
        let _ = self.0.close(DROPPED_WITHIN);
    }
}
