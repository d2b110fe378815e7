//! The queue and the thread of one receiver.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use serde::{Deserialize, Serialize};

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
    Queue(SyncSender<Arc<Notification>>),
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
            shared: shared.clone(),
            current: None,
        };
        shared.opened();
        let spawned = std::thread::Builder::new()
            .name(format!("agent-alerts-{number}"))
            .spawn(move || thread.run());
        if let Err(error) = spawned {
            shared.closed();
            return Err(error);
        }
        Ok(Self::Queue(sender))
    }

    /// Offers one; what came of it, unless a thread will say so.
    pub(super) fn offer(&self, told: &Arc<Notification>) -> Option<Outcome> {
        match self {
            Self::Queue(sender) => match sender.try_send(told.clone()) {
                Ok(()) => None,
                Err(TrySendError::Full(_)) => Some(Outcome::Dropped),
                Err(TrySendError::Disconnected(_)) => Some(Outcome::Refused),
            },
            Self::Channel(sender) => Some(match sender.try_send((**told).clone()) {
                Ok(()) => Outcome::Delivered,
                Err(TrySendError::Full(_)) => Outcome::Dropped,
                Err(TrySendError::Disconnected(_)) => Outcome::Refused,
            }),
            Self::Tracing(dispatch) => {
                tracing::dispatcher::with_default(dispatch, || trace(told));
                Some(Outcome::Delivered)
            }
        }
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

struct Thread {
    receiver: Box<dyn Receive>,
    queue: Receiver<Arc<Notification>>,
    config: DeliveryConfig,
    shared: Arc<Shared>,
    /// In the receiver's hands.
    current: Option<Arc<Notification>>,
}

impl Drop for Thread {
    /// Also when the receiver panics: then there is something left that nobody will hear.
    fn drop(&mut self) {
        for told in self.current.take().into_iter().chain(self.queue.try_iter()) {
            self.shared.settle(&told.id, Outcome::Refused);
        }
        self.shared.closed();
    }
}

impl Thread {
    fn run(mut self) {
        while let Ok(told) = self.queue.recv() {
            self.current = Some(told.clone());
            let outcome = self.deliver(&told);
            self.current = None;
            self.shared.settle(&told.id, outcome);
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
            if is_last || !self.shared.pause(self.config.delay(failures)) {
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
