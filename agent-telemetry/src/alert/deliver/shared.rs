//! What the writer of records, the thread of alerts and those of the receivers share.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use agent_primitives::{Clock, Timestamp};

use super::guarded::guarded;
use super::health::AlertingHealth;
use super::store::AlertStoreError;
use crate::alert::{Alerts, Notification};

/// Most notifications whose receivers are waited for.
const PENDING: usize = 1_024;

/// However often a host wants it: a store that fails is asked again no sooner.
const SAVED_AT_MOST_EVERY: Duration = Duration::from_millis(200);

/// What came of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Delivered,
    /// For good: this one is not heard there however often it is told.
    Refused,
    /// For now, until nobody asked any more.
    GivenUp,
    /// There was no room.
    Dropped,
}

pub(super) struct Shared {
    inner: Mutex<Inner>,
    /// There is something to do, or it ends.
    work: Condvar,
    /// Something was done.
    done: Condvar,
    pub(super) clock: Box<dyn Clock>,
    /// Between two states that are saved although nothing was told.
    pub(super) save_every: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// What is left is done.
    Closing,
    Finished,
}

pub(super) struct Inner {
    pub(super) alerts: Alerts,
    /// Told, and not offered to receivers.
    pub(super) fresh: Vec<Notification>,
    /// Must be saved now.
    pub(super) dirty: bool,
    /// Must be saved in time.
    pub(super) observed: bool,
    /// When the thread wakes by itself.
    pub(super) timer: Option<Timestamp>,
    /// The thread is about something.
    pub(super) busy: bool,
    stage: Stage,
    pub(super) health: AlertingHealth,
    pending: BTreeMap<String, Pending>,
    /// Threads of receivers.
    open: usize,
}

/// What receivers have said of one notification.
struct Pending {
    /// How many have not answered.
    left: usize,
    /// Somebody has heard of it.
    is_heard: bool,
    /// Somebody did not, and may when it is offered again.
    is_missed: bool,
}

impl Pending {
    const fn new(receivers: usize) -> Self {
        Self {
            left: receivers,
            is_heard: false,
            is_missed: false,
        }
    }

    fn add(&mut self, outcome: Outcome) {
        self.left = self.left.saturating_sub(1);
        match outcome {
            Outcome::Delivered => self.is_heard = true,
            Outcome::GivenUp | Outcome::Dropped => self.is_missed = true,
            Outcome::Refused => {}
        }
    }

    /// Whether nobody gains by hearing it again. Whom nobody can tell keeps none of the others; what nobody at all has
    /// heard is kept.
    const fn is_over(&self) -> bool {
        self.is_heard && !self.is_missed
    }
}

impl Shared {
    pub(super) fn new(alerts: Alerts, clock: Box<dyn Clock>, save_every: Duration) -> Self {
        let fresh = alerts.unacknowledged();
        let inner = Inner {
            health: AlertingHealth {
                offered_again: fresh.len() as u64,
                ..AlertingHealth::default()
            },
            alerts,
            fresh,
            dirty: true,
            observed: false,
            timer: None,
            busy: false,
            stage: Stage::Running,
            pending: BTreeMap::new(),
            open: 0,
        };
        Self {
            inner: Mutex::new(inner),
            work: Condvar::new(),
            done: Condvar::new(),
            clock,
            save_every: save_every.max(SAVED_AT_MOST_EVERY),
        }
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing that holds the lock calls what others have written, so no panic leaves it half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the rules see something, and wakes the thread where there is more to do for it than it knows.
    pub(super) fn work(&self, change: impl FnOnce(&mut Alerts, Timestamp) -> Vec<Notification>) {
        let now = self.clock.timestamp();
        let mut inner = self.inner();
        let told = change(&mut inner.alerts, now);
        let is_told = !told.is_empty();
        inner.hear(told);
        let mut due = inner.alerts.next_tick();
        if !inner.observed {
            inner.observed = true;
            due = due.into_iter().chain([now + self.save_every]).min();
        }
        let is_sooner = due.is_some_and(|due| inner.timer.is_none_or(|timer| due < timer));
        if is_told || is_sooner {
            self.work.notify_all();
        }
    }

    /// Waits for work, and at most until the timer.
    pub(super) fn wait<'i>(&'i self, inner: MutexGuard<'i, Inner>, most: Option<Duration>) {
        match most {
            Some(most) => drop(self.work.wait_timeout(inner, most)),
            None => drop(self.work.wait(inner)),
        }
    }

    /// So many receivers are about to be told.
    pub(super) fn expect(&self, told: &[Notification], receivers: usize) {
        let mut inner = self.inner();
        for notification in told {
            if receivers == 0 {
                // What fires can be asked for, and there is nobody to tell.
                inner.alerts.acknowledge(&notification.id);
                continue;
            }
            let pending = Pending::new(receivers);
            inner.pending.insert(notification.id.clone(), pending);
            if inner.pending.len() > PENDING {
                inner.pending.pop_first();
            }
        }
    }

    /// One receiver has answered.
    pub(super) fn settle(&self, id: &str, outcome: Outcome) {
        let mut inner = self.inner();
        let health = &mut inner.health;
        let count = match outcome {
            Outcome::Delivered => &mut health.delivered,
            Outcome::Refused => &mut health.refused,
            Outcome::GivenUp => &mut health.given_up,
            Outcome::Dropped => &mut health.dropped,
        };
        *count = count.saturating_add(1);
        let Some(pending) = inner.pending.get_mut(id) else {
            return;
        };
        pending.add(outcome);
        if pending.left > 0 {
            return;
        }
        if pending.is_over() && inner.alerts.acknowledge(id) {
            inner.dirty = true;
            self.work.notify_all();
        }
        inner.pending.remove(id);
        self.done.notify_all();
    }

    pub(super) fn opened(&self) {
        self.inner().open += 1;
    }

    pub(super) fn closed(&self) {
        let mut inner = self.inner();
        inner.open = inner.open.saturating_sub(1);
        self.done.notify_all();
    }

    /// Waits before another try; `false` when there is none, since all ends.
    pub(super) fn pause(&self, delay: Duration) -> bool {
        let inner = self.inner();
        let waited = self
            .done
            .wait_timeout_while(inner, delay, |it| it.stage == Stage::Running);
        !waited
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .is_closing()
    }

    pub(super) fn saved(&self, result: Result<(), AlertStoreError>) {
        if let Err(error) = &result {
            // Before the lock is taken: a subscriber may ask how alerts are.
            let _ = guarded(|| {
                tracing::warn!(
                    target: "agent_telemetry",
                    error = error as &dyn std::error::Error,
                    "the state of alerts was not saved"
                );
            });
        }
        let mut inner = self.inner();
        match result {
            Ok(()) => {
                inner.health.saved = inner.health.saved.saturating_add(1);
                inner.health.error = None;
            }
            Err(error) => {
                inner.health.failed_saves = inner.health.failed_saves.saturating_add(1);
                inner.health.error = Some(std::sync::Arc::new(error));
                // Tried again in time.
                inner.observed = true;
            }
        }
    }

    pub(super) fn rest(&self) {
        self.inner().busy = false;
        self.done.notify_all();
    }

    pub(super) fn finish(&self) {
        let mut inner = self.inner();
        inner.busy = false;
        inner.stage = Stage::Finished;
        self.done.notify_all();
    }

    pub(super) fn close(&self) {
        let mut inner = self.inner();
        if inner.stage == Stage::Running {
            inner.stage = Stage::Closing;
        }
        drop(inner);
        self.work.notify_all();
        self.done.notify_all();
    }

    /// Whether it came true in time.
    pub(super) fn until(&self, timeout: Duration, is_true: impl Fn(&Inner) -> bool) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut inner = self.inner();
        while !is_true(&inner) {
            let left =
                deadline.map_or(timeout, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            let waited = self.done.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Inner {
    /// Keeps for the receivers what was told. A store that hangs is waited for, and what does not fit meanwhile counts as
    /// dropped.
    pub(super) fn hear(&mut self, told: Vec<Notification>) {
        self.health.told = self.health.told.saturating_add(told.len() as u64);
        self.fresh.extend(told);
        let surplus = self.fresh.len().saturating_sub(PENDING);
        self.fresh.drain(..surplus);
        self.health.dropped = self.health.dropped.saturating_add(surplus as u64);
    }

    /// Whether nothing that was told waits for anybody.
    pub(super) fn is_at_rest(&self) -> bool {
        self.fresh.is_empty() && self.pending.is_empty() && !self.busy && !self.dirty
    }

    pub(super) fn is_closing(&self) -> bool {
        self.stage != Stage::Running
    }

    pub(super) fn is_finished(&self) -> bool {
        self.stage == Stage::Finished
    }

    pub(super) const fn has_outlets(&self) -> bool {
        self.open > 0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use agent_primitives::ManualClock;

    use super::*;
    use crate::alert::Rules;

    /// Counts the events at which it could ask how alerts are.
    struct Asks(Arc<Shared>, Arc<AtomicU32>);

    impl tracing::Subscriber for Asks {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }
        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
        fn event(&self, _: &tracing::Event<'_>) {
            assert!(self.0.inner.try_lock().is_ok());
            self.1.fetch_add(1, Ordering::Relaxed);
        }
        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }

    #[test]
    fn subscriber_that_asks_how_alerts_are_while_one_is_logged_has_an_answer() {
        let alerts = Alerts::new(&Rules::recommended(), Timestamp::UNIX_EPOCH);
        let clock = Box::new(ManualClock::default());
        let shared = Arc::new(Shared::new(alerts, clock, Duration::ZERO));
        let asked = Arc::new(AtomicU32::new(0));
        let asks = Asks(shared.clone(), asked.clone());
        tracing::subscriber::with_default(asks, || {
            shared.saved(Err(AlertStoreError::new("disk is full")));
        });
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert_eq!(shared.inner().health.failed_saves, 1);
    }
}
