//! What was told and nobody has confirmed yet.

use std::collections::VecDeque;

use super::Notification;

/// Most that are kept; older ones make room.
const KEPT: usize = 256;

#[derive(Debug, Clone, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Notification>,
}

impl Outbox {
    pub(super) fn of(waiting: impl IntoIterator<Item = Notification>) -> Self {
        let mut outbox = Self::default();
        for notification in waiting {
            outbox.put(notification);
        }
        outbox
    }

    /// How many made room.
    pub(super) fn put(&mut self, notification: Notification) -> u64 {
        self.waiting.push_back(notification);
        let surplus = self.waiting.len().saturating_sub(KEPT);
        self.waiting.drain(..surplus);
        surplus as u64
    }

    /// Whether it was waiting.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let place = self.waiting.iter().position(|it| it.id == id);
        place.and_then(|place| self.waiting.remove(place)).is_some()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Notification> {
        self.waiting.iter()
    }
}
