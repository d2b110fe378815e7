//! Takes records out of the queue ahead of the writer, for those who watch.
//!
//! The writer gathers for its window, and is behind while its sink works. So while somebody watches, a second thread
//! takes what waits, makes whole records of it, and keeps them for the writer, which stores them when it would have
//! stored them anyway. It sleeps until there is a record, and takes those that follow every few milliseconds. Nothing
//! changes for those who record, but that one which wakes it; and while nobody watches there is no such thread.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;
use std::{fmt, io, mem, thread};

use agent_primitives::Clock;

use super::health::LiveHealth;
use super::queue::{Queue, Take, Taken};
use super::resolve::{Merge, Resolver};
use super::shard::Lists;
use crate::Record;
use crate::live::{Channel, Handed, LiveConfig, Offered};

/// How often waiting records are taken while they follow each other and somebody watches.
const PULSE: Duration = Duration::from_millis(2);
/// Room that an empty list of records keeps for the next time.
const KEPT: usize = 8_192;

/// One for each recorder. Its lock is taken before that of the queue, and never held while the sink works. The rules
/// that mask texts run under it: whole records are made in the order in which they are taken.
pub(crate) struct Tap {
    queue: Arc<Queue>,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    counts: Counts,
}

/// Beside the lock, so that a look at the recorder's health waits for nobody.
#[derive(Debug, Default)]
struct Counts {
    readers: AtomicUsize,
    missed: AtomicU64,
    disconnected: AtomicU64,
}

struct Inner {
    resolver: Resolver,
    lists: [Lists; Queue::SHARDS],
    /// Whole records that wait for the writer, in order.
    pending: Vec<Record>,
    /// What they were made of.
    taken: Taken,
    readers: Vec<Arc<Channel>>,
    /// The records that readers share, while they are handed out.
    handed: Handed,
    has_thread: bool,
    /// The writer is gone, and nothing will come any more.
    has_ended: bool,
}

/// What the writer has to store.
pub(super) enum Batch {
    /// Nobody watches: records as they were taken, in the lists.
    Lists(Taken),
    /// Whole records.
    Whole(Taken),
}

/// Those who wait for a record, to be woken without the lock.
#[must_use]
pub(super) struct Wakers(Vec<Waker>);

impl Wakers {
    pub(super) fn wake(self) {
        for waker in self.0 {
            // What a waker does is the reader's. Its panic is not to be the end of the recorder.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tap").field(&self.health()).finish()
    }
}

impl Tap {
    pub(super) fn new(queue: Arc<Queue>, clock: Arc<dyn Clock>, resolver: Resolver) -> Self {
        let inner = Inner {
            resolver,
            lists: std::array::from_fn(|_| Lists::default()),
            pending: Vec::new(),
            taken: Taken::default(),
            readers: Vec::new(),
            handed: Handed::default(),
            has_thread: false,
            has_ended: false,
        };
        Self {
            queue,
            clock,
            inner: Mutex::new(inner),
            counts: Counts::default(),
        }
    }

    pub(super) fn health(&self) -> LiveHealth {
        LiveHealth {
            subscribers: self.counts.readers.load(Ordering::Relaxed),
            missed: self.counts.missed.load(Ordering::Relaxed),
            disconnected: self.counts.disconnected.load(Ordering::Relaxed),
        }
    }

    /// Adds a reader, which sees what is recorded from now on.
    pub(super) fn subscribe(self: &Arc<Self>, config: LiveConfig) -> io::Result<Arc<Channel>> {
        let channel = Arc::new(Channel::new(config, Arc::clone(&self.clock)));
        // A panic while it was held ends the recorder; nothing is left to watch.
        let Ok(mut inner) = self.inner.lock() else {
            channel.end();
            return Ok(channel);
        };
        if inner.has_ended {
            channel.end();
            return Ok(channel);
        }
        // Those that wait were recorded before, and are not for this reader.
        let wakers = self.drain(&mut inner, Take::Ahead);
        let started = if inner.has_thread {
            Ok(())
        } else {
            let tap = Arc::clone(self);
            let thread = thread::Builder::new().name("telemetry-live".to_owned());
            thread.spawn(move || tap.run()).map(drop)
        };
        if started.is_ok() {
            inner.has_thread = true;
            inner.readers.push(Arc::clone(&channel));
            self.count_readers(&inner);
        }
        drop(inner);
        wakers.wake();
        started.map(|()| channel)
    }

    /// The reader is gone.
    pub(crate) fn unsubscribe(&self, channel: &Arc<Channel>) {
        let mut inner = self.lock_anyway();
        inner.readers.retain(|it| !Arc::ptr_eq(it, channel));
        self.count_readers(&inner);
        let is_last = inner.readers.is_empty() && inner.has_thread;
        drop(inner);
        if is_last {
            self.queue.call_ahead();
        }
    }

    /// For the writer: what there is to store, either in `lists` or in `records`, both of which are empty. `None` where
    /// a panic has left less than what was taken.
    pub(super) fn take(
        &self,
        lists: &mut [Lists; Queue::SHARDS],
        records: &mut Vec<Record>,
    ) -> Option<Batch> {
        let mut inner = self.inner.lock().ok()?;
        if inner.readers.is_empty() && inner.taken.records == 0 {
            return Some(Batch::Lists(self.queue.take(lists, Take::ToStore)));
        }
        let wakers = self.drain(&mut inner, Take::ToStore);
        mem::swap(&mut inner.pending, records);
        let taken = mem::take(&mut inner.taken);
        drop(inner);
        wakers.wake();
        Some(Batch::Whole(taken))
    }

    /// For the writer, when it ends: readers get what they have, and then the end.
    pub(super) fn end(&self) {
        let mut inner = self.lock_anyway();
        inner.has_ended = true;
        inner.pending = Vec::new();
        let readers = mem::take(&mut inner.readers);
        self.count_readers(&inner);
        drop(inner);
        let wakers = readers.iter().filter_map(|it| it.end()).collect();
        Wakers(wakers).wake();
    }

    /// The thread beside the writer, while somebody watches.
    fn run(&self) {
        loop {
            let Ok(mut inner) = self.inner.lock() else {
                return;
            };
            if inner.readers.is_empty() || inner.has_ended {
                inner.has_thread = false;
                return;
            }
            let before = inner.taken.records;
            let wakers = self.drain(&mut inner, Take::Ahead);
            let found = inner.taken.records > before;
            drop(inner);
            wakers.wake();
            self.queue.rest_ahead(PULSE, found);
        }
    }

    /// Makes whole records of what waits, and hands them to the readers.
    fn drain(&self, inner: &mut Inner, purpose: Take) -> Wakers {
        // A rule of the host may panic. The writer is to see it, as it would see its own.
        let _guard = AlarmOnPanic(&self.queue);
        let taken = self.queue.take(&mut inner.lists, purpose);
        inner.taken = inner.taken.and(taken);
        if taken.records == 0 {
            return Wakers(Vec::new());
        }
        let old = inner.pending.len();
        let mut merge = Merge::new(&mut inner.lists);
        merge.fill(&mut inner.pending, taken.records, &mut inner.resolver);
        drop(merge);
        // Numbers may stand for other contexts once the writer has stored these.
        inner.resolver.forget();
        for list in &mut inner.lists {
            list.clear();
        }
        let new = inner.pending.get(old..).unwrap_or_default();
        let wakers = self.hand_out(&mut inner.readers, &mut inner.handed, new);
        self.count_readers(inner);
        wakers
    }

    fn hand_out(
        &self,
        readers: &mut Vec<Arc<Channel>>,
        handed: &mut Handed,
        records: &[Record],
    ) -> Wakers {
        let mut wakers = Vec::new();
        if readers.is_empty() {
            return Wakers(wakers);
        }
        let now = self.clock.monotonic();
        handed.begin(records);
        readers.retain(|reader| {
            let Offered {
                missed,
                is_connected,
                waker,
            } = reader.offer(handed, records, now);
            wakers.extend(waker);
            self.counts.missed.fetch_add(missed, Ordering::Relaxed);
            let gone = u64::from(!is_connected);
            self.counts.disconnected.fetch_add(gone, Ordering::Relaxed);
            is_connected
        });
        handed.end();
        Wakers(wakers)
    }

    fn count_readers(&self, inner: &Inner) {
        let readers = inner.readers.len();
        self.counts.readers.store(readers, Ordering::Relaxed);
    }

    /// For what is right whatever a panic has left.
    fn lock_anyway(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Empty again, without the room that only a rush has needed.
pub(super) fn clear(records: &mut Vec<Record>) {
    records.clear();
    records.shrink_to(KEPT);
}

struct AlarmOnPanic<'a>(&'a Queue);

impl Drop for AlarmOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.alarm();
        }
    }
}
