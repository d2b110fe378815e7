//! The options of alerting.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use agent_primitives::{Clock, SystemClock};

use super::outlet::{Address, DeliveryConfig, Outlet};
use super::receiver::{Callback, Receive};
use super::shared::Shared;
use super::store::AlertStore;
use super::thread::Worker;
use super::{Alerting, Owner};
use crate::alert::{Alerts, AlertsConfig, Notification, Rules};

/// Whom [`Alerting`] tells and where it keeps its state, still open. Receivers may be several, of any kind.
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::alert::{Alerting, MemoryState, Rules};
///
/// let alerting = Alerting::builder(Rules::recommended())
///     .store(MemoryState::default())
///     .save_every(Duration::from_secs(10))
///     .callback(|told| eprintln!("{told}"))
///     .start()?;
/// assert!(alerting.flush(Duration::from_secs(5)));
/// assert_eq!(alerting.health().told, 0);
/// # Ok::<(), agent_telemetry::alert::AlertingError>(())
/// ```
#[must_use]
pub struct AlertingBuilder {
    rules: Rules,
    config: AlertsConfig,
    delivery: DeliveryConfig,
    clock: Box<dyn Clock>,
    save_every: Duration,
    store: Option<Box<dyn AlertStore>>,
    addresses: Vec<Address>,
}

/// Why alerting could not start. The cause is its [`source`](Error::source).
///
/// ```
/// use std::error::Error;
/// use agent_telemetry::alert::{Alerting, FileState, Rules};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("alerts.json");
/// std::fs::write(&path, "half a fi")?;
/// let error = Alerting::builder(Rules::recommended()).store(FileState::open(&path)?).start().unwrap_err();
/// assert_eq!(error.to_string(), "alerting could not start");
/// assert_eq!(error.source().unwrap().to_string(), "the state of alerts cannot be read or kept");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AlertingError(Box<dyn Error + Send + Sync>);

impl fmt::Display for AlertingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("alerting could not start")
    }
}

impl Error for AlertingError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref())
    }
}

impl AlertingBuilder {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            config: AlertsConfig::default(),
            delivery: DeliveryConfig::default(),
            clock: Box::new(SystemClock),
            save_every: Duration::from_secs(30),
            store: None,
            addresses: Vec::new(),
        }
    }

    /// Sets how much is kept.
    pub const fn config(mut self, config: AlertsConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets how patient deliveries are.
    pub const fn delivery(mut self, delivery: DeliveryConfig) -> Self {
        self.delivery = delivery;
        self
    }

    /// Sets the clock, which is to be that of the recorder; the system's unless set.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Sets where the state is kept, to go on with it after a restart; nowhere unless set. It is saved before anybody is
    /// told, after they have heard, and [now and then](Self::save_every).
    pub fn store(mut self, store: impl AlertStore + 'static) -> Self {
        self.store = Some(Box::new(store));
        self
    }

    /// Sets how often the windows are saved while records come, which is what a process that is killed forgets of them; 30 s
    /// unless set, and 200 ms at least. What was told is never forgotten.
    pub const fn save_every(mut self, time: Duration) -> Self {
        self.save_every = time;
        self
    }

    /// Tells this receiver, on a thread of its own.
    pub fn receiver(mut self, receiver: impl Receive + 'static) -> Self {
        self.addresses.push(Address::Threaded(Box::new(receiver)));
        self
    }

    /// Calls this function, on a thread of its own.
    pub fn callback(self, call: impl FnMut(&Notification) + Send + 'static) -> Self {
        self.receiver(Callback(call))
    }

    /// Sends to this channel. What does not fit is counted.
    pub fn channel(mut self, sender: SyncSender<Notification>) -> Self {
        self.addresses.push(Address::Channel(sender));
        self
    }

    /// Writes a `tracing` event of the target `agent_telemetry::alert`, for the subscriber of the calling thread: at level
    /// error, warn or info by severity, and at info for an end.
    pub fn tracing(mut self) -> Self {
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        self.addresses.push(Address::Tracing(dispatch));
        self
    }

    /// Goes on with the state that is kept, if any, and offers again what was not acknowledged.
    ///
    /// # Errors
    /// [`AlertingError`] when the state cannot be read, or the system gives no thread.
    pub fn start(mut self) -> Result<Alerting, AlertingError> {
        let state = match &mut self.store {
            Some(store) => store.load().map_err(|it| AlertingError(it.into()))?,
            None => None,
        };
        let now = self.clock.timestamp();
        let alerts = match state {
            Some(state) => Alerts::restore(&self.rules, self.config, state, now),
            None => Alerts::with_config(&self.rules, self.config, now),
        };
        let shared = Arc::new(Shared::new(alerts, self.clock, self.save_every));
        let mut outlets = Vec::new();
        for (number, address) in self.addresses.into_iter().enumerate() {
            let outlet = Outlet::open(address, number, self.delivery, &shared);
            outlets.push(outlet.map_err(|it| AlertingError(it.into()))?);
        }
        let worker = Worker {
            shared: shared.clone(),
            store: self.store,
            outlets,
        };
        std::thread::Builder::new()
            .name("agent-alerts".to_owned())
            .spawn(move || worker.run())
            .map_err(|it| AlertingError(it.into()))?;
        Ok(Alerting(Arc::new(Owner(shared))))
    }
}

impl fmt::Debug for AlertingBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertingBuilder")
            .field("rules", &self.rules.as_slice().len())
            .field("receivers", &self.addresses.len())
            .finish_non_exhaustive()
    }
}
