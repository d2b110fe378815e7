//! A clock that shows tokio's simulated time.

use agent_primitives::{Clock, Monotonic, Timestamp};

use super::MIDNIGHT;

/// Time as tokio's paused timer has it; the wall clock starts at midnight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PausedClock(pub(crate) tokio::time::Instant);

impl PausedClock {
    pub(crate) fn new() -> Self {
        Self(tokio::time::Instant::now())
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

impl Clock for PausedClock {
    fn monotonic(&self) -> Monotonic {
        Monotonic::from_nanos(0) + self.0.elapsed()
    }

    fn timestamp(&self) -> Timestamp {
        MIDNIGHT + self.0.elapsed()
    }
}
