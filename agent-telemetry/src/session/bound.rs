//! A handle's part of the way to the queue, resolved once.

use std::sync::Arc;

use agent_primitives::Clock;

use super::Origin;
use crate::telemetry::{ContextId, Figures, Queue, Target};

/// In whose name calls of one thing are recorded.
pub(super) struct Bound<T> {
    // Beside the origin, which knows them as well, since each step on the way to them takes time.
    queue: Arc<Queue>,
    pub(super) clock: Arc<dyn Clock>,
    context: ContextId,
    /// What is called.
    pub(super) called: T,
    pub(super) origin: Arc<Origin>,
}

impl<T> Bound<T> {
    pub(super) fn new(origin: Arc<Origin>, target: Target, called: T) -> Arc<Self> {
        Arc::new(Self {
            queue: Arc::clone(origin.telemetry.queue()),
            clock: Arc::clone(origin.telemetry.clock()),
            context: origin.bind(target),
            called,
            origin,
        })
    }

    /// Records a call that ends now.
    #[inline]
    pub(super) fn push(&self, figures: Figures) {
        self.queue
            .push_call(self.clock.timestamp(), self.context, figures);
    }
}

impl<T> Drop for Bound<T> {
    fn drop(&mut self) {
        self.origin.telemetry.retire_context(self.context);
    }
}
