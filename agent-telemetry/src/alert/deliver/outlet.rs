//! The queue and the thread of one receiver.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::errand::Errand;
use super::guarded::guarded;
use super::receiver::Receive;
use super::shared::{Outcome, Shared};
use crate::alert::Notification;

/// How patient deliveries are.
///
/// ```
/// use agent_telemetry::alert::DeliveryConfig;
///
/// let config = DeliveryConfig::default();
/// assert_eq!((config.queue, config.attempts), (256, 5));
/// assert_eq!((config.first_delay.as_secs(), config.longest_delay.as_secs()), (1, 30));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryConfig {
    /// Notifications that wait for one receiver; 256 unless set, which is what a restart may
    /// offer at once. What does not fit is counted.
    pub queue: usize,
    /// How often one is tried; 5 unless set, and once at the least.
    pub attempts: u32,
    /// The wait before the second try, doubled for each further one; 1 s unless set.
    pub first_delay: Duration,
    /// The longest wait; 30 s unless set.
    pub longest_delay: Duration,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            queue: 256,
            attempts: 5,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_secs(30),
        }
    }
}

impl DeliveryConfig {
    /// The wait after so many failures.
    fn delay(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let delay = self.first_delay.saturating_mul(2_u32.pow(doublings));
        delay.min(self.longest_delay)
    }
}

/// Whom to tell, before there is a thread for it.
pub(super) enum Address {
    /// On a thread of its own.
    Threaded(Box<dyn Receive>),
    /// A channel of the host.
    Channel(SyncSender<Notification>),
    /// An event for whoever listens.
    Tracing(tracing::Dispatch),
}

/// Whom to tell, without ever waiting.
pub(super) enum Outlet {
    Queue(SyncSender<Errand>),
    Channel(SyncSender<Notification>),
    Tracing(tracing::Dispatch),
}

impl Outlet {
    pub(super) fn open(
        address: Address,
        number: usize,
        config: DeliveryConfig,
        shared: &Arc<Shared>,
    ) -> std::io::Result<Self> {
        let receiver = match address {
            Address::Channel(sender) => return Ok(Self::Channel(sender)),
            Address::Tracing(dispatch) => return Ok(Self::Tracing(dispatch)),
            Address::Threaded(receiver) => receiver,
        };
        let (sender, queue) = sync_channel(config.queue.max(1));
        let thread = Thread {
            receiver,
            queue,
            config,
            open: Open::new(shared.clone()),
        };
        std::thread::Builder::new()
            .name(format!("agent-alerts-{number}"))
            .spawn(move || thread.run())?;
        Ok(Self::Queue(sender))
    }

    /// Offers one, and says what came of it unless a thread will.
    pub(super) fn offer(&self, errand: Errand) {
        let outcome = match self {
            Self::Queue(sender) => match sender.try_send(errand) {
                Err(TrySendError::Full(errand)) => return errand.end(Outcome::Dropped),
                Ok(()) | Err(TrySendError::Disconnected(_)) => return,
            },
            Self::Channel(sender) => match sender.try_send(errand.clone()) {
                Ok(()) => Outcome::Delivered,
                Err(TrySendError::Full(_)) => Outcome::Dropped,
                Err(TrySendError::Disconnected(_)) => Outcome::Refused,
            },
            Self::Tracing(dispatch) => {
                let traced =
                    guarded(|| tracing::dispatcher::with_default(dispatch, || trace(&errand)));
                traced.map_or(Outcome::Refused, |()| Outcome::Delivered)
            }
        };
        errand.end(outcome);
    }
}

/// One event, at the level of the severity; an end is a piece of information.
fn trace(told: &Notification) {
    use crate::Severity;
    use crate::alert::Status;
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(
                target: "agent_telemetry::alert",
                tracing::Level::$level,
                rule = told.rule.as_str(),
                severity = told.severity.as_str(),
                status = told.status.as_str(),
                subject = %told.subject,
                id = told.id.as_str(),
                "{}", told.summary
            )
        };
    }
    match (told.status, told.severity) {
        (Status::Firing, Severity::Error | Severity::Critical) => event!(ERROR),
        (Status::Firing, Severity::Warning) => event!(WARN),
        _ => event!(INFO),
    }
}

/// Counts as one receiver that may have something to say, for as long as it lives.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: Arc<Shared>) -> Self {
        shared.opened();
        Self(shared)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.closed();
    }
}

struct Thread {
    receiver: Box<dyn Receive>,
    queue: Receiver<Errand>,
    config: DeliveryConfig,
    /// Behind the queue, so that what is left there is settled before this ends.
    open: Open,
}

impl Thread {
    fn run(mut self) {
        while let Ok(errand) = self.queue.recv() {
            // One that it panics at would make it panic again.
            let outcome = guarded(|| self.deliver(&errand)).unwrap_or(Outcome::Refused);
            errand.end(outcome);
        }
    }

    fn deliver(&mut self, told: &Notification) -> Outcome {
        let mut failures = 0;
        loop {
            let Err(error) = self.receiver.receive(told) else {
                return Outcome::Delivered;
            };
            failures += 1;
            tracing::warn!(
                target: "agent_telemetry",
                error = &error as &dyn std::error::Error,
                failures,
                "a receiver of alerts refused"
            );
            if !error.is_temporary() {
                return Outcome::Refused;
            }
            let is_last = failures >= self.config.attempts;
            if is_last || !self.open.0.pause(self.config.delay(failures)) {
                return Outcome::GivenUp;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_doubles_up_to_its_bound() {
        let config = DeliveryConfig::default();
        let delays = [1, 2, 3, 5, 6, u32::MAX].map(|failures| config.delay(failures).as_secs());
        assert_eq!(delays, [1, 2, 4, 16, 30, 30]);
    }
}
