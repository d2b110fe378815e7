//! How telling is going.

use std::sync::Arc;

use super::store::AlertStoreError;
use crate::alert::AlertCounts;

/// What [`Alerting`](super::Alerting) has done since its start.
///
/// ```
/// use agent_telemetry::alert::{Alerting, Rules};
///
/// let alerting = Alerting::builder(Rules::recommended()).start()?;
/// let health = alerting.health();
/// assert!(health.running);
/// assert_eq!(health.told, 0);
/// # Ok::<(), agent_telemetry::alert::AlertingError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct AlertingHealth {
    /// Changes that were told.
    pub told: u64,
    /// Changes of before the start that nobody had acknowledged.
    pub offered_again: u64,
    /// Deliveries, one for each receiver.
    pub delivered: u64,
    /// Deliveries that a receiver refused for good. They are not repeated.
    pub refused: u64,
    /// Deliveries that a receiver refused for now, as often as it was asked. Offered again after a restart.
    pub given_up: u64,
    /// Deliveries that found the queue of a receiver full. Offered again after a restart.
    pub dropped: u64,
    /// Times that the state was saved.
    pub saved: u64,
    /// Times that it could not be saved.
    pub failed_saves: u64,
    /// Why it could not be saved the last time; `None` once it could again.
    pub error: Option<Arc<AlertStoreError>>,
    /// Whether the thread that keeps time and hands out lives. Without it nobody is told.
    pub running: bool,
    /// What the rules have left out.
    pub counts: AlertCounts,
}
