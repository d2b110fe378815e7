//! Rules at work in a process: a clock, a store and receivers around them.

mod builder;
mod errand;
mod guarded;
mod health;
mod outlet;
mod receiver;
mod shared;
mod sink;
mod store;
mod thread;
#[cfg(feature = "webhook")]
mod webhook;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use builder::{AlertingBuilder, AlertingError};
pub use health::AlertingHealth;
pub use outlet::DeliveryConfig;
pub use receiver::{Receive, ReceiveError};
pub use sink::AlertingSink;
pub use store::{AlertStore, AlertStoreError, FileState, MemoryState};
#[cfg(feature = "webhook")]
pub use webhook::{InvalidWebhook, Webhook};

use super::{FiringAlert, Rules};
use crate::{Record, Sink};
use shared::{Inner, Shared};

/// Longest wait for the thread when the last handle is dropped.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// Rules at work: put it [around a sink](Self::around), and it looks at every record that the sink has stored and tells its
/// receivers. Clones are handles of the same alerts.
///
/// Neither whoever records nor the sink waits for a receiver: each has a bounded queue, and what does not fit or is refused is
/// counted. One thread keeps time, saves the state and hands out. It sleeps while nothing can change, and looks at the clock
/// once a second while time alone may change something. When the last handle is dropped, sinks included, it saves and
/// delivers what is left, for up to five seconds.
///
/// ```
/// use std::sync::mpsc::sync_channel;
/// use std::time::Duration;
/// use agent_primitives::{AgentId, ContextPressure, Observer, SessionId, Stamp};
/// use agent_telemetry::alert::{Alerting, FileState, Rules};
/// use agent_telemetry::{MemorySink, Telemetry};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("alerts.json");
/// let (sender, told) = sync_channel(100);
/// let alerting = Alerting::builder(Rules::recommended())
///     .store(FileState::open(&path)?)
///     .channel(sender)
///     .tracing()
///     .start()?;
/// let telemetry = Telemetry::builder(alerting.around(MemorySink::new())).start()?;
///
/// # use agent_primitives::{Clock, SystemClock};
/// let session = SessionId::new("s1")?;
/// let now = SystemClock.timestamp();
/// telemetry.observe(Stamp::at(now).of_session(&session), &ContextPressure::new(190, 200).into());
/// telemetry.flush(Duration::from_secs(5))?;
/// assert_eq!(told.recv_timeout(Duration::from_secs(5))?.rule, "context-window");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Alerting(Arc<Owner>);

/// Ends the thread when the last handle is dropped.
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
        self.0.until(DROP_TIMEOUT, Inner::is_finished);
    }
}

impl Alerting {
    /// Alerting by these rules, with its options still open.
    pub fn builder(rules: Rules) -> AlertingBuilder {
        AlertingBuilder::new(rules)
    }

    /// A sink whose records the rules see once `sink` has stored them.
    pub fn around<S: Sink>(&self, sink: S) -> AlertingSink<S> {
        AlertingSink::new(self.clone(), sink)
    }

    /// Lets the rules see records, in the order of recording, and what time has changed until now.
    pub fn observe(&self, records: &[Record]) {
        let shared = &self.0.0;
        shared.work(|alerts, now| alerts.observe_batch(records, now));
    }

    /// Lets the rules see how many records wait for the sink, as [`Health::waiting`](crate::Health) says.
    pub fn waiting(&self, records: usize) {
        self.0.0.work(|alerts, now| alerts.waiting(records, now));
    }

    /// Does now what time alone asks for. The thread does so by itself; this is for a clock that a test sets.
    pub fn tick(&self) {
        self.0.0.work(super::Alerts::tick);
    }

    /// What fires.
    pub fn firing(&self) -> Vec<FiringAlert> {
        self.0.0.inner().alerts.firing()
    }

    /// Waits until all that was told has been heard, refused or dropped, and is saved as such. Whether that came in time;
    /// `false` also where its thread [runs no more](AlertingHealth::running).
    pub fn flush(&self, timeout: Duration) -> bool {
        let shared = &self.0.0;
        shared.until(timeout, |inner| inner.is_at_rest() || inner.is_finished())
            && !shared.inner().is_finished()
    }

    /// How it is doing.
    pub fn health(&self) -> AlertingHealth {
        let inner = self.0.0.inner();
        let mut health = inner.health.clone();
        health.counts = inner.alerts.counts();
        health.running = !inner.is_finished();
        health
    }
}

impl fmt::Debug for Alerting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alerting").field(&self.health()).finish()
    }
}
