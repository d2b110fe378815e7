//! Sums over a window against a limit: tokens, money, waiting time.

use std::time::Duration;

use agent_primitives::Timestamp;

use super::limit::{Reading, float, level};
use super::window::{Ring, Sum};
use crate::Body;
use crate::record::nanos;

/// The most that one record adds, so that no sum of them wraps: more tokens, dollars and nanoseconds than there are.
const MOST: i128 = 1 << 90;
const MINUTE: i128 = 60_000_000_000;
const HOUR: i128 = 3_600_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Tokens,
    /// In pico-dollars.
    Cost,
    /// Nanoseconds that tasks waited.
    Waiting,
}

#[derive(Debug, Clone)]
pub(super) struct Total {
    what: What,
    pub(super) window: Duration,
    /// The sum beyond which it fires, and at which it ends.
    fire: i128,
    clear: i128,
    /// The limit in the unit of the rule, and what makes a sum one of that unit.
    limit: f64,
    scale: f64,
}

impl Total {
    /// Tokens a minute.
    pub(super) fn tokens(window: Duration, above: u64, clear: Option<u64>) -> Self {
        let sums = |rate: u64| i128::from(rate).saturating_mul(length(window)) / MINUTE;
        Self {
            what: What::Tokens,
            window,
            fire: sums(above),
            clear: sums(clear.unwrap_or(above)),
            limit: float(above.into()),
            scale: float(MINUTE) / float(length(window)),
        }
    }

    /// Pico-dollars an hour; the unit of the rule is dollars.
    pub(super) fn cost(window: Duration, above: i128, clear: Option<i128>) -> Self {
        let sums = |rate: i128| rate.saturating_mul(length(window)).div_euclid(HOUR);
        Self {
            what: What::Cost,
            window,
            fire: sums(above),
            clear: sums(clear.unwrap_or(above)),
            limit: float(above) / 1e12,
            scale: float(HOUR) / float(length(window)) / 1e12,
        }
    }

    /// How many tasks wait on average: the sum of their waiting times over the time.
    pub(super) fn waiting(window: Duration, above: f64, clear: Option<f64>) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
        let sums = |depth: f64| (depth * float(length(window))).floor() as i128;
        Self {
            what: What::Waiting,
            window,
            fire: sums(above),
            clear: sums(clear.unwrap_or(above)),
            limit: above,
            scale: 1.0 / float(length(window)),
        }
    }

    pub(super) fn amount(&self, body: &Body) -> Option<i128> {
        let amount = match (self.what, body) {
            (What::Tokens, Body::ModelCall(it)) => it.usage.total().into(),
            (What::Cost, Body::ModelCall(it)) => it.cost?.picos(),
            (What::Waiting, Body::TaskTiming(it)) => nanos(it.queued).into(),
            _ => return None,
        };
        Some(amount.clamp(-MOST, MOST))
    }

    pub(super) fn read(&self, ring: &mut Ring<Sum>, now: Timestamp) -> Reading {
        let Sum(sum) = ring.sum(now);
        Reading {
            level: level(sum > self.fire, sum > self.clear),
            value: Some(float(sum) * self.scale),
            limit: self.limit,
        }
    }
}

/// Nanoseconds of a window, which has at most 31 days.
fn length(window: Duration) -> i128 {
    i128::from(nanos(window)).max(1)
}
