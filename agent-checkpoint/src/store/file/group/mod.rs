//! Synced appends of many sessions that wait at once: written to one journal, and synced there once.
//!
//! Nobody has a thread for it. Of those that wait, one leads: it writes the records of all of them, syncs,
//! and tells the others. Alone, or with few, a writer syncs its own segment, which costs no more.

mod journal;
mod member;
mod record;
mod redo;
#[cfg(test)]
mod tests;

pub(super) use member::Member;
pub(super) use redo::{redo, settle};

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use agent_primitives::SessionId;

use crate::StoreId;
use crate::fs::FileSystem;
use journal::Journal;
use member::Covered;
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
            together: 3,
            room: 4 << 20,
        }
    }
}

/// Records that wait at most; who comes later syncs its own segment.
const QUEUE_MAX: usize = 256;

/// Those who write to the sessions of one store in this process.
#[derive(Debug)]
pub(super) struct Group {
    files: Arc<dyn FileSystem>,
    root: Arc<Path>,
    seed: u32,
    limits: Limits,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Synced appends under way.
    arrived: usize,
    tickets: u64,
    queue: Vec<Waiting>,
    /// Of those whose leader is done: whether their records are in the journal.
    outcomes: BTreeMap<u64, bool>,
    is_led: bool,
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
    ticket: u64,
    record: Record,
    covered: Arc<Covered>,
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
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns `true` when the record is on the device, and `false` where its writer has to see to that.
    fn commit(&self, record: Record, covered: Arc<Covered>) -> bool {
        let mut state = self.state();
        if state.is_out || state.queue.len() >= QUEUE_MAX {
            return false;
        }
        let ticket = state.tickets;
        state.tickets = ticket.wrapping_add(1);
        state.queue.push(Waiting {
            ticket,
            record,
            covered,
        });
        loop {
            if let Some(is_written) = state.outcomes.remove(&ticket) {
                return is_written;
            }
            if state.is_led {
                let woken = self.changed.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let lead = Lead::take(self, &mut state);
            drop(state);
            lead.run();
            state = self.state();
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
        while state.is_led {
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        if !state.sessions.contains(session) {
            return;
        }
        let mut lead = Lead::take(self, &mut state);
        drop(state);
        lead.forget();
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
    fn take(group: &'a Group, state: &mut State) -> Self {
        state.is_led = true;
        Self {
            group,
            journal: state.journal.take(),
            batch: std::mem::take(&mut state.queue),
            is_written: false,
            is_out: state.is_out,
        }
    }

    fn run(mut self) {
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
        let mut state = self.group.state();
        state.journal = self.journal.take();
        state.is_out = self.is_out;
        for Waiting {
            ticket,
            record,
            covered,
        } in self.batch.drain(..)
        {
            state.outcomes.insert(ticket, self.is_written);
            if self.is_written {
                state.covered.insert(covered.id(), covered);
                state.sessions.insert(record.session);
            }
        }
        state.is_led = false;
        drop(state);
        self.group.changed.notify_all();
    }
}
