//! A segment whose synced appends may be covered by a journal.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use agent_primitives::SessionId;

use super::record::{RECORD_MAX, Record};
use super::{Group, Waiting};
use crate::fs::FileHandle;

static MEMBERS: AtomicU64 = AtomicU64::new(0);

/// A segment's file, and whether it was synced in vain.
#[derive(Debug)]
pub(super) struct Covered {
    id: u64,
    file: Arc<dyn FileHandle>,
    /// Held while a sync runs: the system tells of a failure once, and both who sync it must know.
    is_lost: Mutex<bool>,
}

impl Covered {
    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        let mut is_lost = self.is_lost.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_lost {
            return Err(io::Error::other("an earlier sync failed"));
        }
        self.file.sync_data().inspect_err(|_| *is_lost = true)
    }
}

/// What one who waits is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Wait,
    /// It writes for all who wait now.
    Lead,
    /// Whether its record is on the device.
    Done(bool),
}

/// Where the writer of a segment waits, and is called from.
#[derive(Debug)]
pub(super) struct Seat {
    call: Mutex<Call>,
    called: Condvar,
}

impl Seat {
    pub(super) const fn new() -> Self {
        Self {
            call: Mutex::new(Call::Wait),
            called: Condvar::new(),
        }
    }

    fn call(&self) -> MutexGuard<'_, Call> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self) {
        *self.call() = Call::Wait;
    }

    pub(super) fn tell(&self, call: Call) {
        *self.call() = call;
        self.called.notify_one();
    }

    pub(super) fn wait(&self) -> Call {
        let call = self.call();
        let call = self.called.wait_while(call, |call| *call == Call::Wait);
        *call.unwrap_or_else(PoisonError::into_inner)
    }
}

/// A segment in a group. One that is dropped while the journal covers it stays there until it is synced.
#[derive(Debug)]
pub(in crate::store::file) struct Member {
    group: Arc<Group>,
    covered: Arc<Covered>,
    seat: Arc<Seat>,
    session: SessionId,
    segment: u32,
    epoch: u64,
}

/// A synced append under way.
#[derive(Debug)]
pub(in crate::store::file) struct Arrival<'a> {
    member: &'a Member,
    is_crowded: bool,
}

impl Member {
    /// `None` for a segment that has no epoch, as the first of a fork: nothing tells it from another one of
    /// its name.
    pub(in crate::store::file) fn new(
        group: &Arc<Group>,
        file: Arc<dyn FileHandle>,
        (session, segment, epoch): (&SessionId, u32, u64),
    ) -> Option<Self> {
        let covered = Covered {
            id: MEMBERS.fetch_add(1, Ordering::Relaxed),
            file,
            is_lost: Mutex::new(false),
        };
        (epoch > 0).then(|| Self {
            group: Arc::clone(group),
            covered: Arc::new(covered),
            seat: Arc::new(Seat::new()),
            session: session.clone(),
            segment,
            epoch,
        })
    }

    /// One more append to be synced. It counts until it is dropped.
    pub(in crate::store::file) fn arrive(&self) -> Arrival<'_> {
        Arrival {
            member: self,
            is_crowded: self.group.arrive(),
        }
    }

    /// Whether a sync failed that somebody made for all.
    pub(in crate::store::file) fn is_lost(&self) -> bool {
        let is_lost = self.covered.is_lost.lock();
        *is_lost.unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::store::file) fn sync(&self) -> io::Result<()> {
        self.covered.sync()?;
        self.leave();
        Ok(())
    }

    /// The journal's records of it are needed no more.
    pub(in crate::store::file) fn leave(&self) {
        self.group.state().covered.remove(&self.covered.id);
    }
}

impl Arrival<'_> {
    /// Returns `true` when the bytes, which the segment holds at the offset, are on the device in a journal.
    pub(in crate::store::file) fn commit(&self, offset: u64, bytes: &[u8]) -> bool {
        let Member {
            group,
            covered,
            seat,
            session,
            segment,
            epoch,
        } = self.member;
        if !self.is_crowded || bytes.is_empty() || bytes.len() > RECORD_MAX {
            return false;
        }
        let record = Record {
            session: session.clone(),
            segment: *segment,
            epoch: *epoch,
            offset,
            bytes: bytes.to_vec(),
        };
        record.len() <= RECORD_MAX
            && group.commit(Waiting {
                record,
                covered: Arc::clone(covered),
                seat: Arc::clone(seat),
            })
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        self.member.group.depart();
    }
}
