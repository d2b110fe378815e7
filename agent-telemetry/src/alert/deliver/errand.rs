//! One notification on its way to one receiver.

use std::ops::Deref;
use std::sync::Arc;

use super::shared::{Outcome, Shared};
use crate::alert::Notification;

/// Says when it is dropped what came of it, so that nobody waits for it in vain, whatever becomes of the queue that it is
/// in. Unless somebody says so it is refused.
pub(super) struct Errand {
    told: Arc<Notification>,
    outcome: Outcome,
    shared: Arc<Shared>,
}

impl Errand {
    pub(super) const fn new(told: Arc<Notification>, shared: Arc<Shared>) -> Self {
        Self {
            told,
            outcome: Outcome::Refused,
            shared,
        }
    }

    pub(super) fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Deref for Errand {
    type Target = Notification;

    fn deref(&self) -> &Notification {
        &self.told
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.shared.settle(&self.told.id, self.outcome);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use agent_primitives::{ManualClock, Timestamp};

    use super::*;
    use crate::alert::{Alerts, Rules};

    #[test]
    fn what_lies_in_a_queue_that_goes_is_refused_and_nobody_waits_for_it() {
        let alerts = Alerts::new(&Rules::recommended(), Timestamp::UNIX_EPOCH);
        let clock = Box::new(ManualClock::default());
        let shared = Arc::new(Shared::new(alerts, clock, Duration::ZERO));
        let told: Notification = serde_json::from_str(
            r#"{"id": "1", "rule": "r", "severity": "error", "status": "firing", "subject": {}, "at": 0, "since": 0,
                "value": 1, "limit": 0, "summary": "s"}"#,
        )
        .unwrap();
        shared.inner().dirty = false;
        shared.expect(std::slice::from_ref(&told), 2);
        let told = Arc::new(told);
        let (sender, queue) = sync_channel(2);
        assert!(
            sender
                .send(Errand::new(told.clone(), shared.clone()))
                .is_ok()
        );
        drop(queue);
        assert!(!shared.inner().is_at_rest(), "the other one");
        assert!(sender.send(Errand::new(told, shared.clone())).is_err());
        assert!(shared.inner().is_at_rest());
        assert_eq!(shared.inner().health.refused, 2);
    }
}
