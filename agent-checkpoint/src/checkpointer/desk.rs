//! Where a session hands its frames to its writer, and how long it waits for the answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use agent_primitives::Timestamp;

use super::appender::{Appended, Appender};
use super::flush::{Flush, Line};
use super::health::Health;
use crate::log::batch::Framed;
use crate::{Durability, Error};

/// What the writer is to do.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) frames: Vec<Framed>,
    pub(super) durability: Durability,
    /// The time, where it is known: the lease may be due for renewal.
    pub(super) now: Option<Timestamp>,
}

/// The appender, and the thread that runs it where waiting has an end.
#[derive(Debug)]
pub(super) struct Shared {
    // Held for the time of one append.
    appender: Mutex<Appender>,
    // Held for the time of an assignment.
    health: Mutex<Health>,
    // Held for the time of handing over a task.
    worker: Mutex<Option<SyncSender<Job>>>,
    patience: Option<Duration>,
}

/// One task on its way through the worker.
#[derive(Debug)]
struct Job {
    shared: Arc<Shared>,
    task: Task,
    slot: Filler,
}

type Outcome = Result<Appended, Error>;

/// Where an outcome is waited for.
#[derive(Debug, Default)]
struct Slot {
    outcome: Mutex<Option<Outcome>>,
    filled: Condvar,
}

/// Fills a slot, whatever happens to the one who holds it.
#[derive(Debug)]
struct Filler(Arc<Slot>);

impl Filler {
    fn fill(&self, outcome: Outcome) {
        *lock(&self.0.outcome) = Some(outcome);
        self.0.filled.notify_all();
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        if Arc::strong_count(&self.0) > 1 && lock(&self.0.outcome).is_none() {
            self.fill(Err(Error::poisoned()));
        }
    }
}

impl Slot {
    fn wait(&self, patience: Duration) -> Result<Outcome, Error> {
        let outcome = lock(&self.outcome);
        let waited = self
            .filled
            .wait_timeout_while(outcome, patience, |outcome| outcome.is_none());
        let (mut outcome, _) = waited.unwrap_or_else(PoisonError::into_inner);
        outcome.take().ok_or_else(|| Error::blocked(patience))
    }
}

/// What a panic leaves behind is checked by the writer, which refuses an append that is not at the end.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn run(&self, task: Task) -> Outcome {
        let mut appender = lock(&self.appender);
        let renewed = task.now.map_or(Ok(()), |now| appender.renew_if_due(now));
        let outcome = renewed.and_then(|()| appender.append(task.frames, task.durability));
        lock(&self.health).clone_from(&appender.health);
        outcome
    }

    /// Hands a task over and waits for its outcome; where that takes too long, the slot where it will be.
    fn ask(self: &Arc<Self>, task: Task) -> Result<Outcome, (Error, Option<Arc<Slot>>)> {
        let Some(patience) = self.patience else {
            return Ok(self.run(task));
        };
        let slot = Arc::new(Slot::default());
        let job = Job {
            shared: Arc::clone(self),
            task,
            slot: Filler(Arc::clone(&slot)),
        };
        self.send(job).map_err(|error| (error, None))?;
        slot.wait(patience).map_err(|error| (error, Some(slot)))
    }

    fn send(&self, mut job: Job) -> Result<(), Error> {
        let mut worker = lock(&self.worker);
        if let Some(sender) = worker.as_ref() {
            match sender.try_send(job) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(_)) => {
                    return Err(Error::blocked(self.patience.unwrap_or_default()));
                }
                // It has ended.
                Err(TrySendError::Disconnected(unsent)) => job = unsent,
            }
        }
        let sender = spawn()?;
        let sent = sender.try_send(job).map_err(|_| Error::poisoned());
        *worker = Some(sender);
        sent
    }

    /// As [`Checkpointer::save`](super::Checkpointer::save) of nothing, for who must not wait for others.
    pub(super) fn flush(self: &Arc<Self>) -> Result<(), Error> {
        let is_busy = match self.appender.try_lock() {
            Ok(_) | Err(TryLockError::Poisoned(_)) => false,
            Err(TryLockError::WouldBlock) => true,
        };
        let is_handing_over = matches!(self.worker.try_lock(), Err(TryLockError::WouldBlock));
        if is_busy || is_handing_over {
            return Err(Error::blocked(Duration::ZERO));
        }
        let task = Task {
            frames: Vec::new(),
            durability: Durability::Synced,
            now: None,
        };
        self.ask(task).map_err(|(error, _)| error)??;
        Ok(())
    }
}

fn spawn() -> Result<SyncSender<Job>, Error> {
    // One task under way and one that waits: a session has one, and a flush may come beside it.
    let (sender, jobs) = sync_channel(1);
    thread::Builder::new()
        .name("checkpoint-writer".into())
        .spawn(move || work(&jobs))
        .map_err(|error| Error::unavailable("starting the writer's thread", error))?;
    Ok(sender)
}

/// Ends when the session is gone and nothing is under way.
fn work(jobs: &Receiver<Job>) {
    while let Ok(Job { shared, task, slot }) = jobs.recv() {
        // What a store that panics leaves behind is forgotten by the next append.
        let outcome = catch_unwind(AssertUnwindSafe(|| shared.run(task)));
        // The session may be dropped as soon as it knows, and its lock must not stay here then.
        drop(shared);
        slot.fill(outcome.unwrap_or_else(|_| Err(Error::poisoned())));
    }
}

/// The session's side.
#[derive(Debug)]
pub(super) struct Desk {
    shared: Arc<Shared>,
    under_way: Option<Arc<Slot>>,
    line: Line,
}

impl Desk {
    pub(super) fn new(appender: Appender, patience: Option<Duration>) -> Self {
        let shared = Shared {
            health: Mutex::new(appender.health.clone()),
            appender: Mutex::new(appender),
            worker: Mutex::default(),
            patience,
        };
        let shared = Arc::new(shared);
        Self {
            line: Line::to(&shared),
            shared,
            under_way: None,
        }
    }

    pub(super) fn flush_handle(&self) -> Flush {
        Flush::of(&self.line)
    }

    /// Serves the handles of another one from now on.
    pub(super) fn succeed(&mut self, other: &Self) {
        self.line = other.line.clone();
        self.line.lead_to(&self.shared);
    }

    pub(super) fn patience(&self) -> Option<Duration> {
        self.shared.patience
    }

    pub(super) fn health(&self) -> Health {
        lock(&self.shared.health).clone()
    }

    /// The appender, where nothing is under way.
    ///
    /// # Errors
    /// [`Error::is_blocked`].
    pub(super) fn appender(&self) -> Result<MutexGuard<'_, Appender>, Error> {
        let Some(patience) = self.shared.patience else {
            return Ok(lock(&self.shared.appender));
        };
        // Whether the writer's thread has begun with it is the system's to say.
        let under_way = self.under_way.as_ref();
        if under_way.is_some_and(|slot| lock(&slot.outcome).is_none()) {
            return Err(Error::blocked(patience));
        }
        match self.shared.appender.try_lock() {
            Ok(appender) => Ok(appender),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Error::blocked(patience)),
        }
    }

    /// Whether an outcome is still to come.
    pub(super) const fn is_waiting(&self) -> bool {
        self.under_way.is_some()
    }

    /// Runs a task. Where it takes too long its outcome is learned by [`land`](Self::land).
    ///
    /// # Errors
    /// [`Error::is_blocked`], with [`is_waiting`](Self::is_waiting) where the task is under way.
    pub(super) fn ask(&mut self, task: Task) -> Outcome {
        let asked = self.shared.ask(task);
        asked.unwrap_or_else(|(error, slot)| {
            self.under_way = slot;
            lock(&self.shared.health).blocked_saves += 1;
            Err(error)
        })
    }

    /// The outcome of the task under way.
    ///
    /// # Errors
    /// [`Error::is_blocked`]: still none.
    pub(super) fn land(&mut self) -> Result<Option<Outcome>, Error> {
        let Some(slot) = &self.under_way else {
            return Ok(None);
        };
        let outcome = slot.wait(self.shared.patience.unwrap_or_default())?;
        self.under_way = None;
        Ok(Some(outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Checkpointer, MemoryStore};

    #[test]
    fn a_save_is_under_way_before_the_writers_thread_begins_with_it() {
        let id = agent_primitives::SessionId::new("s").unwrap();
        let builder = Checkpointer::builder(MemoryStore::new(), id);
        let mut session = builder.patience(Duration::from_millis(2)).open().unwrap();
        session.figures().unwrap();
        let slot = Arc::new(Slot::default());
        session.desk.under_way = Some(Arc::clone(&slot));
        assert!(session.figures().unwrap_err().is_blocked());
        assert!(session.renew().unwrap_err().is_blocked());
        *lock(&slot.outcome) = Some(Err(Error::poisoned()));
        session.figures().unwrap();
    }
}
