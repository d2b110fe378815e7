//! The calls that the rates of a breaker look back on.
//!
//! Every count carries the generation of the closed state that it belongs to. So nothing has to be
//! cleared when the breaker closes again, and a call that is counted late, under a generation that is
//! over, is lost instead of held against the new one.

mod calls;
mod recip;
mod shard;
mod time;

use agent_primitives::Monotonic;

use super::config::{BreakerConfig, BreakerWindow};
use calls::CallWindow;
#[cfg(all(test, not(agent_model)))]
pub(super) use shard::Shard;
pub(super) use shard::Shards;
use time::TimeWindow;

/// What is counted of the calls in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) calls: u64,
    pub(super) failed: u64,
    pub(super) slow: u64,
}

/// A call that ended: a success where `failures` is 0; a failure counts as `failures` failed calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) failures: u16,
    pub(super) slow: bool,
}

impl Ended {
    /// A failure counts as often as it weighs.
    fn calls(self) -> u16 {
        self.failures.max(1)
    }
}

#[derive(Debug)]
pub(super) enum Window {
    None,
    Time(TimeWindow),
    // Apart: larger, and called less.
    Calls(Box<CallWindow>),
}

impl Window {
    pub(super) fn new(config: &BreakerConfig) -> Self {
        let slow = config.slow_calls.is_some();
        match config.window {
            _ if !config.has_rates() => Self::None,
            BreakerWindow::Time(length) => Self::Time(TimeWindow::new(length, slow)),
            BreakerWindow::Calls(calls) => Self::Calls(Box::new(CallWindow::new(calls, slow))),
        }
    }

    pub(super) fn record(&self, shards: &Shards, generation: u64, ended: Ended, now: Monotonic) {
        match self {
            Self::None => {}
            Self::Time(window) => window.record(shards, generation, ended, now),
            Self::Calls(window) => window.record(generation, ended),
        }
    }

    pub(super) fn tally(&self, shards: &Shards, generation: u64, now: Monotonic) -> Tally {
        match self {
            Self::None => Tally::default(),
            Self::Time(window) => window.tally(shards, generation, now),
            Self::Calls(window) => window.tally(generation),
        }
    }
}
