//! Synced appends of many sessions that wait at once: written to one journal, and synced there once.
//!
//! Nobody has a thread for it. Of those that wait, one leads: it writes the records of all of them, syncs,
//! tells the others, and names the next one. With few, each writer syncs its own segment: the system flushes
//! the device once for syncs that run at once, so that a journal would save nothing but make them wait in turn.

mod journal;
mod member;
mod record;
mod redo;
#[cfg(test)]
mod tests;

pub(super) use journal::is_journal;
pub(super) use member::Member;
pub(super) use redo::{beyond, redo, settle};

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use agent_primitives::SessionId;

use crate::StoreId;
use crate::fs::FileSystem;
use journal::Journal;
use member::{Call, Covered, Seat};
use record::Record;

/// When appends go to a journal, and how long that is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Synced appends that must be under way at once. With fewer the journal is one file more to sync.
    pub(crate) together: usize,
    /// Length of a journal in bytes.
    pub(crate) room: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            together: TOGETHER,
            room: 4 << 20,
        }
    }
}

/// With fewer than this the journal was no clear gain, measured on two processors with one disk; see ARCHITECTURE.md.
const TOGETHER: usize = 12;
/// How often in a row a leader lets others run before it writes, when none of them brought a record.
const IDLE_MAX: usize = 2;
/// How often it does so at most.
const YIELDS_MAX: usize = 64;

/// Records that wait at most; who comes later syncs its own segment.
const QUEUE_MAX: usize = 256;

/// Those who write to the sessions of one store in this process.
#[derive(Debug)]
pub(super) struct Group {
    files: Arc<dyn FileSystem>,
    root: Arc<Path>,
    seed: u32,
    limits: Limits,
    /// Synced appends under way.
    arrived: AtomicUsize,
    /// There were enough of them at once, and batches since were not small.
    is_crowded: AtomicBool,
    state: Mutex<State>,
    /// Nobody leads, where somebody waits for that to forget a session.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queue: Vec<Waiting>,
    /// Somebody writes for all, or was named to.
    is_led: bool,
    /// Those who wait to lead without a record.
    forgetting: usize,
    /// Lent to the leader while there is one.
    journal: Option<Journal>,
    /// It could not be made or written: all sync their own segments from here on.
    is_out: bool,
    /// Segments that are not on the device without the journal.
    covered: BTreeMap<u64, Arc<Covered>>,
    /// Those that the journal has records of.
    sessions: BTreeSet<SessionId>,
}

/// A record on its way, and whose it is.
#[derive(Debug)]
struct Waiting {
    record: Record,
    covered: Arc<Covered>,
    seat: Arc<Seat>,
}

impl Group {
    pub(super) fn new(
        files: Arc<dyn FileSystem>,
        root: Arc<Path>,
        store: StoreId,
        limits: Limits,
    ) -> Self {
        Self {
            files,
            root,
            seed: record::seed(store),
            limits,
            arrived: AtomicUsize::new(0),
            is_crowded: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more synced append; whether it is one of many.
    fn arrive(&self) -> bool {
        let arrived = self.arrived.fetch_add(1, Ordering::Relaxed);
        if arrived.saturating_add(1) < self.limits.together {
            return self.is_crowded.load(Ordering::Relaxed);
        }
        self.is_crowded.store(true, Ordering::Relaxed);
        true
    }

    fn depart(&self) {
        self.arrived.fetch_sub(1, Ordering::Relaxed);
    }

    /// Returns `true` when the record is on the device, and `false` where its writer has to see to that.
    fn commit(&self, waiting: Waiting) -> bool {
        let seat = Arc::clone(&waiting.seat);
        let mut state = self.state();
        if state.is_out || state.queue.len() >= QUEUE_MAX {
            return false;
        }
        seat.take();
        state.queue.push(waiting);
        let is_led = std::mem::replace(&mut state.is_led, true);
        drop(state);
        if is_led && let Call::Done(is_written) = seat.wait() {
            return is_written;
        }
        self.gather();
        Lead::take(self, true).run();
        // Its own record was among those it wrote.
        matches!(seat.wait(), Call::Done(true))
    }

    /// Lets those come whose last append has just been acknowledged: they are ready to run and will bring
    /// the next. Without it two halves take turns, and each waits for the other one's sync.
    fn gather(&self) {
        let (mut known, mut idle) = (0, 0);
        for _ in 0..YIELDS_MAX {
            let len = self.state().queue.len();
            idle = if len > known { 0 } else { idle + 1 };
            known = len;
            if idle >= IDLE_MAX {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// Makes what the journal covers durable where it belongs, so that the journal is needed no more.
    fn empty(&self) -> bool {
        let covered: Vec<_> = self.state().covered.values().cloned().collect();
        let mut is_empty = true;
        for covered in covered {
            if covered.sync().is_ok() {
                self.state().covered.remove(&covered.id());
            } else {
                // What the journal has of it is all there is, until it is written elsewhere.
                is_empty = false;
            }
        }
        is_empty
    }

    /// Nothing that the journal holds of the session is found any more. It has no writer now.
    pub(super) fn forget(&self, session: &SessionId) {
        let mut state = self.state();
        state.forgetting = state.forgetting.saturating_add(1);
        while state.is_led {
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        state.forgetting = state.forgetting.saturating_sub(1);
        state.is_led = true;
        let is_known = state.sessions.contains(session);
        drop(state);
        let mut lead = Lead::take(self, false);
        if is_known {
            lead.forget();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let is_empty = self.empty();
        if let Some(journal) = self.state().journal.take()
            && is_empty
        {
            // What is left is found and removed when the store is opened.
            let _ = self.files.remove_file(journal.path());
        }
    }
}

/// The one who writes for all. However it ends, the others are told.
#[derive(Debug)]
struct Lead<'a> {
    group: &'a Group,
    journal: Option<Journal>,
    batch: Vec<Waiting>,
    is_written: bool,
    is_out: bool,
}

impl<'a> Lead<'a> {
    /// Whoever calls it is the one who leads.
    fn take(group: &'a Group, takes_queue: bool) -> Self {
        let mut state = group.state();
        let batch = if takes_queue {
            std::mem::take(&mut state.queue)
        } else {
            Vec::new()
        };
        Self {
            group,
            journal: state.journal.take(),
            batch,
            is_written: false,
            is_out: state.is_out,
        }
    }

    fn run(mut self) {
        // With half as many as it takes to begin it is a crowd no more.
        if self.batch.len() < self.group.limits.together.div_ceil(2) {
            self.group.is_crowded.store(false, Ordering::Relaxed);
        }
        if !self.is_out {
            self.write();
        }
    }

    fn write(&mut self) {
        let lens = self.batch.iter().map(|waiting| waiting.record.len());
        let len: usize = lens.sum();
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        if self.journal.is_none() && !self.make() {
            return;
        }
        let Some(journal) = &mut self.journal else {
            return;
        };
        if !journal.fits(len) {
            if len > journal.room() || !self.group.empty() {
                return;
            }
            journal.begin_anew();
            self.group.state().sessions.clear();
        }
        match journal.append(self.batch.iter().map(|waiting| &waiting.record)) {
            Ok(()) => self.is_written = true,
            Err(error) => self.give_up(&error),
        }
    }

    fn make(&mut self) -> bool {
        let Group {
            files,
            root,
            seed,
            limits,
            ..
        } = self.group;
        match Journal::make(&**files, root, *seed, limits.room) {
            Ok(made) => self.journal = made,
            Err(error) => self.give_up(&error),
        }
        self.journal.is_some()
    }

    /// What was written stays, and covers what it covers.
    fn give_up(&mut self, error: &std::io::Error) {
        tracing::warn!(%error, "no journal any more; each session syncs its own file");
        self.is_out = true;
        self.group.empty();
    }

    fn forget(&mut self) {
        let is_empty = self.group.empty();
        let Some(journal) = self.journal.as_mut().filter(|_| is_empty) else {
            return;
        };
        match journal.wipe() {
            Ok(()) => self.group.state().sessions.clear(),
            Err(error) => self.give_up(&error),
        }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut seats = Vec::with_capacity(self.batch.len());
        let mut state = self.group.state();
        state.journal = self.journal.take();
        state.is_out = self.is_out;
        for waiting in self.batch.drain(..) {
            if self.is_written {
                let covered = waiting.covered;
                state.covered.insert(covered.id(), covered);
                state.sessions.insert(waiting.record.session);
            }
            seats.push(waiting.seat);
        }
        // Who forgets goes first, and names the next one then.
        let next = state.queue.first().filter(|_| state.forgetting == 0);
        let next = next.map(|waiting| Arc::clone(&waiting.seat));
        state.is_led = next.is_some();
        let has_forgetters = state.forgetting > 0;
        drop(state);
        if let Some(next) = next {
            next.tell(Call::Lead);
        }
        for seat in seats {
            seat.tell(Call::Done(self.is_written));
        }
        if has_forgetters {
            self.group.changed.notify_all();
        }
    }
}
