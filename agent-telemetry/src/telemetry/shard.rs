//! One of several places where records wait for the writer, so that threads do not meet.

use std::cell::Cell;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use agent_primitives::Timestamp;

use super::context::ContextId;
use super::health::Dropped;
use crate::locks::{AtomicU64, Mutex, MutexGuard};
use crate::record::Answer;
use crate::{Record, ToolOutcome};

/// A call as its handle tells it: whose it is stands in the context.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) stamp: u64,
    pub(super) at: Timestamp,
    pub(super) context: ContextId,
    pub(super) figures: Figures,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Figures {
    Model(Answer),
    Tool { outcome: ToolOutcome, nanos: u64 },
}

/// Any other record. With a context, project, session and agent are those of the context.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) stamp: u64,
    pub(super) context: Option<ContextId>,
    pub(super) record: Record,
}

/// What the writer takes out of a shard. Both lists are in the order of their stamps.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pub(super) calls: Vec<Call>,
    pub(super) wholes: Vec<Whole>,
}

impl Lists {
    /// Room that an empty list keeps for the next time.
    const KEPT: usize = 8_192;

    pub(super) fn len(&self) -> usize {
        self.calls.len() + self.wholes.len()
    }

    /// Empty again, without the room that only a rush has needed.
    pub(super) fn clear(&mut self) {
        self.calls.clear();
        self.wholes.clear();
        self.calls.shrink_to(Self::KEPT);
        self.wholes.shrink_to(Self::KEPT);
    }
}

/// On cache lines of its own: a neighbour's lock would slow down this one.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Shard {
    inner: Mutex<Inner>,
    /// The last stamp, for marks of other threads. Written under the lock.
    last: AtomicU64,
}

/// Held for a push or a swap.
#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) waiting: Lists,
    pub(super) stamp: u64,
    /// Places of the common pool that are taken and not used.
    pub(super) credits: usize,
    /// Records that use a place of the shard's own share: those that wait, and those that were taken ahead of the
    /// writer and wait with it.
    pub(super) own: usize,
    /// Waiting records that use a place of the common pool.
    pub(super) funded: usize,
    pub(super) accepted: u64,
    pub(super) closed: bool,
    /// All but `sink_failed`, which is the writer's.
    pub(super) dropped: Dropped,
}

impl Shard {
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code between lock and unlock can panic half-way through an update.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next stamp: above all of this shard and above `floor`.
    pub(super) fn stamp(&self, inner: &mut Inner, floor: u64) -> u64 {
        inner.stamp = inner.stamp.max(floor) + 1;
        // Relaxed: only those who know of the record by other means must see it.
        self.last.store(inner.stamp, Ordering::Relaxed);
        inner.stamp
    }

    pub(super) fn last(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }
}

/// A number of the calling thread; threads that live at the same time seldom share it modulo a power
/// of two.
pub(super) fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    let number = NUMBER.try_with(Cell::get).unwrap_or(0);
    if number != usize::MAX {
        return number;
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed) & (usize::MAX >> 1);
    // While the thread's locals are being destroyed it has no number of its own; none is needed.
    let _ = NUMBER.try_with(|it| it.set(number));
    number
}
