//! What all connections have in common.

use std::sync::Arc;

use tokio::sync::watch;

use super::budget::{Budget, Hold};
use super::intake::Intake;
use super::limits::Limits;
use super::refusal::Refusal;
use super::route::Rules;
use super::stats::{Counters, ReceiverStats};

pub(super) struct Shared {
    pub(super) intake: Arc<dyn Intake>,
    pub(super) limits: Limits,
    pub(super) rules: Rules,
    pub(super) counters: Counters,
    pub(super) requests: Arc<Budget>,
    pub(super) bytes: Arc<Budget>,
    pub(super) connections: Arc<Budget>,
    /// How many connections are open: told to whoever waits for the last one.
    pub(super) open: watch::Sender<usize>,
    /// Whether the receiver is to stop.
    pub(super) stopping: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn new(intake: Arc<dyn Intake>, limits: Limits, rules: Rules) -> Self {
        Self {
            intake,
            rules,
            counters: Counters::default(),
            requests: Budget::new(limits.max_requests),
            bytes: Budget::new(limits.max_bytes_under_way),
            connections: Budget::new(limits.max_connections),
            limits,
            open: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
        }
    }

    /// A place for one connection; `None` where all are taken.
    pub(super) fn place(self: &Arc<Self>) -> Option<Place> {
        let Some(hold) = self.connections.hold(1) else {
            self.counters.refused.add(1);
            return None;
        };
        self.counters.accepted.add(1);
        self.open.send_modify(|open| *open += 1);
        Some(Place {
            shared: Arc::clone(self),
            _hold: hold,
        })
    }

    /// A place for one request, and for its bytes as they come.
    pub(super) fn request(&self) -> Result<(Hold, Hold), Refusal> {
        let places = self.requests.hold(1).zip(self.bytes.hold(0));
        places.ok_or_else(|| Refusal::full("too many requests are under way"))
    }

    pub(super) fn stats(&self) -> ReceiverStats {
        ReceiverStats {
            connections_open: *self.open.borrow() as u64,
            requests_under_way: self.requests.held() as u64,
            bytes_under_way: self.bytes.held() as u64,
            ..self.counters.stats()
        }
    }
}

/// The place of one connection, which is free again when this is dropped.
pub(super) struct Place {
    shared: Arc<Shared>,
    _hold: Hold,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.open.send_modify(|open| *open -= 1);
    }
}
