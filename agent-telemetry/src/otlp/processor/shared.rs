//! What the processor's handles and its thread share.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use agent_primitives::{Clock, Observer};

use super::super::hook::{Input, InvalidHook};
use super::super::receiver::{AT_ONCE, Accepted, Encoding, Receipt, Refused, Signal};
use super::super::seen::Seen;
use super::load::Load;
use super::pieces;
use super::state::State;
use super::tickets::Tickets;
use crate::Telemetry;

/// When a sender that was put off is to try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long the drop of the last handle waits.
const DROPPED_WITHIN: Duration = Duration::from_secs(5);
/// One of many waits of a wait without an end.
const A_WHILE: Duration = Duration::from_secs(60);
/// How long a reader of transcripts waits for room.
const ROOM_WITHIN: Duration = Duration::from_secs(30);
/// How long a request in pieces waits for room between two of them.
const PIECE_WITHIN: Duration = Duration::from_secs(5);
/// Requests that may wait for the store without a thread.
const WAITING: usize = 1_024;
const UNAVAILABLE: Refused = Refused::Unavailable {
    retry_after: RETRY_AFTER,
};

pub(super) struct Shared {
    pub(super) telemetry: Telemetry,
    pub(super) observer: Box<dyn Observer>,
    pub(super) window: Duration,
    /// How long a request waits for the store, where it is to.
    pub(super) store_within: Option<Duration>,
    /// What records may take that wait for the recorder; and those that wait within it.
    pub(super) waiting_bytes: usize,
    /// Held by whoever waits for `work`, so that who gives that back to others does not take it again before them.
    turn: Mutex<()>,
    /// Held by the large request that is read.
    large: Mutex<()>,
    work: Mutex<Work>,
    /// For the thread: there is something to do.
    news: Condvar,
    /// For those who wait for the thread.
    progress: Condvar,
}

/// Larger requests are taken in pieces, which costs more for each item and holds up others for less time: a millisecond
/// or two.
const fn at_once(signal: Signal) -> usize {
    match signal {
        // Of the same size they take a fraction of the time.
        Signal::Metrics => 4 * AT_ONCE,
        _ => AT_ONCE,
    }
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
    pub(super) tickets: Tickets,
    /// Records in the hands of the thread.
    pub(super) in_hand: Load,
    idle: bool,
    pub(super) closed: bool,
}

impl Work {
    /// What the thread is to serve now.
    pub(super) fn begin(&mut self) -> (u64, Wanted) {
        (self.tickets.issued(), std::mem::take(&mut self.wanted))
    }

    pub(super) fn is_urgent(&self) -> bool {
        self.closed || self.wanted > Wanted::Nothing || self.state.has_news()
    }

    /// Whether senders are to be put off.
    fn is_full(&self, bytes: usize) -> bool {
        self.state.load().and(self.in_hand).is_full(bytes)
    }
}

impl Shared {
    pub(super) fn new(
        telemetry: Telemetry,
        observer: Box<dyn Observer>,
        window: Duration,
        store_within: Option<Duration>,
        waiting_bytes: usize,
        state: State,
    ) -> Self {
        Self {
            telemetry,
            observer,
            window,
            store_within,
            waiting_bytes,
            turn: Mutex::new(()),
            large: Mutex::new(()),
            work: Mutex::new(Work {
                state,
                wanted: Wanted::Nothing,
                tickets: Tickets::default(),
                in_hand: Load::default(),
                idle: false,
                closed: false,
            }),
            news: Condvar::new(),
            progress: Condvar::new(),
        }
    }

    pub(super) fn work(&self) -> MutexGuard<'_, Work> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets those who wait have their turn.
    pub(super) fn pass<'a>(&'a self, work: MutexGuard<'a, Work>) -> MutexGuard<'a, Work> {
        drop(work);
        self.work()
    }

    /// Blocks the calling thread until the store has it, where it is to.
    pub(super) fn ingest(
        &self,
        signal: Signal,
        encoding: Encoding,
        body: &[u8],
    ) -> Result<Accepted, Refused> {
        let (work, accepted) = self.take(signal, encoding, body)?;
        let Some(within) = self.store_within else {
            return Ok(accepted);
        };
        let stored = self.ask(work, Wanted::Stored, within);
        stored.then_some(accepted).ok_or(UNAVAILABLE)
    }

    /// As [`ingest`](Self::ingest), but no thread is blocked: whoever is to answer waits for the receipt.
    pub(super) fn receive(
        self: &Arc<Self>,
        signal: Signal,
        encoding: Encoding,
        body: &[u8],
    ) -> Result<Receipt, Refused> {
        if self.store_within.is_some() {
            // Before anything is taken, which cannot be given back.
            let mut work = self.work();
            if work.tickets.requests() >= WAITING {
                work.state.figures.put_off += 1;
                return Err(UNAVAILABLE);
            }
        }
        let (mut work, accepted) = self.take(signal, encoding, body)?;
        let Some(within) = self.store_within else {
            return Ok(Receipt::now(accepted));
        };
        let stored = Stored {
            ticket: self.issue(&mut work, Wanted::Stored, true),
            shared: Arc::clone(self),
        };
        drop(work);
        let answer = async { stored.await.then_some(accepted).ok_or(UNAVAILABLE) };
        Ok(Receipt::later(within, answer))
    }

    fn take(
        &self,
        signal: Signal,
        encoding: Encoding,
        body: &[u8],
    ) -> Result<(MutexGuard<'_, Work>, Accepted), Refused> {
        let now = self.telemetry.clock().timestamp();
        let mut work = self.work();
        if work.closed {
            return Err(UNAVAILABLE);
        }
        if work.is_full(self.waiting_bytes) {
            work.state.figures.put_off += 1;
            return Err(Refused::Busy {
                retry_after: RETRY_AFTER,
            });
        }
        let accepted = if body.len() <= at_once(signal) {
            work.state.ingest(signal, encoding, body, now)?
        } else {
            let (limits, prints) = (work.state.limits, work.state.table.prints().clone());
            work.state.figures.requests += 1;
            drop(work);
            // What is noted of a request takes more room than its body does.
            let _large = self.large.lock().unwrap_or_else(PoisonError::into_inner);
            let mut patient = true;
            let terms = (&limits, &prints);
            let read = pieces::read((signal, encoding, body), terms, now, &mut |tell| {
                patient = self.tell_piece(patient, tell);
            });
            work = self.work();
            read.map_err(|malformed| work.state.refuse(&malformed))?
        };
        self.wake(&mut work);
        Ok((work, accepted))
    }

    /// Takes one piece of a request, and waits for room after it where it is `patient`. Whether it still is.
    fn tell_piece(&self, patient: bool, tell: impl FnOnce(&mut State)) -> bool {
        let mut work = self.work();
        tell(&mut work.state);
        self.wake(&mut work);
        // A recorder that takes nothing is waited for once: what was begun is taken as a whole.
        !work.is_full(self.waiting_bytes) || (patient && self.wait_for_room(work, PIECE_WITHIN))
    }

    /// Waits until the recorder has taken some. Whether there is room.
    fn wait_for_room(&self, mut work: MutexGuard<'_, Work>, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        while work.is_full(self.waiting_bytes) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || work.closed {
                return false;
            }
            let woken = self.progress.wait_timeout(work, left);
            work = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Takes what was seen otherwise. Waits for room, as long as the recorder makes any; whether it did.
    pub(super) fn see(&self, seen: &mut Vec<Seen>) -> bool {
        let now = self.telemetry.clock().timestamp();
        loop {
            let mut work = self.work();
            if work.closed {
                return false;
            }
            if !work.is_full(self.waiting_bytes) {
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

    fn issue(&self, work: &mut Work, wanted: Wanted, is_request: bool) -> u64 {
        work.wanted = work.wanted.max(wanted);
        self.wake(work);
        work.tickets.issue(is_request)
    }

    /// Waits until the thread has done with what was taken what is wanted. Whether it could.
    fn ask(&self, mut work: MutexGuard<'_, Work>, wanted: Wanted, timeout: Duration) -> bool {
        let ticket = self.issue(&mut work, wanted, false);
        // Without an end where it is beyond what the clock shows.
        let end = Instant::now().checked_add(timeout);
        loop {
            let left = end.map_or(A_WHILE, |end| end.saturating_duration_since(Instant::now()));
            let told = work.tickets.told(ticket, None);
            if told.is_some() || left.is_zero() {
                work.tickets.forget(ticket);
                return told.unwrap_or(false);
            }
            let woken = self.progress.wait_timeout(work, left);
            work = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
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
        let wakers = work.tickets.finish();
        drop(work);
        self.tell(wakers);
    }

    /// The thread has served those up to `asked`.
    pub(super) fn served(&self, asked: u64, stored: bool, in_hand: Load) {
        let mut work = self.work();
        work.in_hand = in_hand;
        let wakers = work.tickets.settle(asked, stored);
        drop(work);
        self.tell(wakers);
    }

    fn tell(&self, wakers: Vec<Waker>) {
        self.progress.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Is ready once it is known whether what was taken before it is stored.
struct Stored {
    shared: Arc<Shared>,
    ticket: u64,
}

impl Future for Stored {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let mut work = self.shared.work();
        match work.tickets.told(self.ticket, Some(cx.waker())) {
            Some(stored) => Poll::Ready(stored),
            None => Poll::Pending,
        }
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.shared.work().tickets.forget(self.ticket);
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
