//! The thread that keeps time, saves and hands out.

use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{Monotonic, Timestamp};

use super::errand::Errand;
use super::guarded::guarded;
use super::outlet::Outlet;
use super::shared::Shared;
use super::store::{AlertStore, AlertStoreError};
use crate::alert::Notification;

/// The shortest time between two ticks, so that those that are near each other are one.
const TOGETHER: Duration = Duration::from_millis(200);
/// Longest wait while there is a time to keep. A wait stands still while the machine sleeps, and the clock does not.
const LONGEST: Duration = Duration::from_secs(1);
/// Longest wait for receivers at the end.
const END: Duration = Duration::from_secs(4);

pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Option<Box<dyn AlertStore>>,
    pub(super) outlets: Vec<Outlet>,
}

/// Says that it is over, also when a clock panics.
struct Finish(Arc<Shared>);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl Worker {
    pub(super) fn run(self) {
        let _finish = Finish(self.shared.clone());
        // Behind the guard, so that the store is dropped, and with it closed, before the end is told.
        let mut worker = self;
        let mut saved = worker.shared.clock.monotonic();
        while let Some(fresh) = worker.next(&mut saved) {
            worker.hand_out(fresh);
            worker.shared.rest();
        }
        // Receivers end once their queues are empty, and acknowledge until then.
        worker.outlets.clear();
        worker.shared.until(END, |inner| !inner.has_outlets());
        worker.save();
    }

    /// What is to be offered, saved before: whoever has heard of an alert can rely on its not being told anew. `None` at
    /// the end.
    fn next(&mut self, saved: &mut Monotonic) -> Option<Vec<Notification>> {
        let shared = self.shared.clone();
        loop {
            let now = shared.clock.timestamp();
            let mut inner = shared.inner();
            if inner.alerts.next_tick().is_some_and(|due| due <= now) {
                let told = inner.alerts.tick(now);
                inner.hear(told);
            }
            let passed = shared.clock.monotonic().since(*saved);
            // One that ends saves once more behind this.
            let is_time = inner.observed && !inner.is_closing() && passed >= shared.save_every;
            if inner.dirty || !inner.fresh.is_empty() || is_time {
                let fresh = std::mem::take(&mut inner.fresh);
                inner.busy = true;
                drop(inner);
                self.save();
                *saved = shared.clock.monotonic();
                return Some(fresh);
            }
            if inner.is_closing() {
                return None;
            }
            let due = inner.alerts.next_tick();
            let save = inner
                .observed
                .then(|| now + shared.save_every.saturating_sub(passed));
            inner.timer = due.into_iter().chain(save).min();
            let wait = inner.timer.map(|timer| within(timer, now));
            shared.wait(inner, wait);
        }
    }

    fn save(&mut self) {
        let mut inner = self.shared.inner();
        inner.dirty = false;
        inner.observed = false;
        let Some(store) = &mut self.store else {
            return;
        };
        let state = inner.alerts.state();
        drop(inner);
        let result = guarded(|| store.save(&state))
            .unwrap_or_else(|| Err(AlertStoreError::new("the store panicked")));
        self.shared.saved(result);
    }

    fn hand_out(&self, fresh: Vec<Notification>) {
        self.shared.expect(&fresh, self.outlets.len());
        for told in fresh {
            let told = Arc::new(told);
            for outlet in &self.outlets {
                outlet.offer(Errand::new(told.clone(), self.shared.clone()));
            }
        }
    }
}

fn within(timer: Timestamp, now: Timestamp) -> Duration {
    timer.since(now).clamp(TOGETHER, LONGEST)
}
