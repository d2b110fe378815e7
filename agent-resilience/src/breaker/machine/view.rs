//! What a machine shows without being changed.

use std::time::Duration;

use agent_primitives::{BreakerState, Monotonic};

use super::super::window::Tally;
use super::super::word::Word;
use super::{Machine, nanos};

/// Why a call was not let through, and for how many nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Refusal {
    pub(in super::super) state: BreakerState,
    pub(in super::super) left: Option<u64>,
}

/// What a machine shows of itself.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Glance {
    pub(in super::super) refusal: Refusal,
    pub(in super::super) age: Duration,
    pub(in super::super) row: u16,
    pub(in super::super) tally: Tally,
    /// Handed out and succeeded, of so many.
    pub(in super::super) probes: (u16, u16, u16),
    pub(in super::super) rejected: u64,
}

impl Machine {
    /// How a call at `now` would be met: the state, and what is left until one may be let through.
    pub(in super::super) fn state(&self, now: Monotonic) -> Refusal {
        self.seen(self.load(), now)
    }

    pub(super) fn seen(&self, word: Word, now: Monotonic) -> Refusal {
        let age = self.age(word.generation.into(), now);
        let left = |whole: u64| Some(whole.saturating_sub(age)).filter(|left| *left > 0);
        let (state, left) = match word.state {
            BreakerState::Open => match left(self.open_for) {
                None => (BreakerState::HalfOpen, None),
                left => (BreakerState::Open, left),
            },
            BreakerState::HalfOpen if word.first >= self.config.probes.get() => (
                BreakerState::HalfOpen,
                left(nanos(self.config.half_open_for)),
            ),
            state => (state, None),
        };
        Refusal { state, left }
    }

    /// Whether a call at `now` would be let through.
    pub(in super::super) fn would_admit(&self, now: Monotonic) -> bool {
        let seen = self.state(now);
        seen.state != BreakerState::Isolated && seen.left.is_none()
    }

    pub(in super::super) fn glance(&self, now: Monotonic) -> Glance {
        let word = self.load();
        let refusal = self.seen(word, now);
        let closed = word.state == BreakerState::Closed;
        let probes = match word.state {
            BreakerState::HalfOpen => (word.first, word.second, self.config.probes.get()),
            _ => (0, 0, self.config.probes.get()),
        };
        // An open breaker shows what opened it: the counts of the generation before.
        let counted = match word.state {
            BreakerState::Open => word.generation.wrapping_sub(1),
            _ => word.generation,
        };
        Glance {
            refusal,
            age: Duration::from_nanos(self.age(word.generation.into(), now)),
            row: if closed { word.first } else { 0 },
            tally: self.window.tally(&self.shards, counted.into(), now),
            probes,
            rejected: self.shards.rejected(),
        }
    }
}
