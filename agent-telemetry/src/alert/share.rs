//! Shares of calls over windows: failed, too slow, or faster than an objective allows.

use std::time::Duration;

use agent_primitives::Timestamp;

use super::limit::{Portion, Reading, float, level};
use super::machine::Level;
use super::window::{Ring, Tally};
use super::{Calls, WindowPair};
use crate::{Body, Outcome, ToolOutcome};

/// What makes a call a bad one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Failed,
    /// It took longer than the limit that fires, and than the one that ends it.
    Slow {
        fire: Duration,
        clear: Duration,
    },
}

/// A share of bad calls over one window.
#[derive(Debug, Clone)]
pub(super) struct Share {
    pub(super) of: Calls,
    pub(super) fault: Fault,
    /// Share beyond which it fires, and at which it ends.
    pub(super) fire: Portion,
    pub(super) clear: Portion,
    pub(super) window: Duration,
    pub(super) at_least: u64,
}

/// A share of failed calls over pairs of windows.
#[derive(Debug, Clone)]
pub(super) struct Burn {
    pub(super) of: Calls,
    /// The share that may fail.
    pub(super) budget: Portion,
    pub(super) pairs: Vec<WindowPair>,
    pub(super) at_least: u64,
}

/// Whether a call failed and how long it took; `None` for what is no such call.
fn ended(of: Calls, body: &Body) -> Option<(bool, Duration)> {
    match (of, body) {
        (Calls::ModelCalls, Body::ModelCall(it)) if !it.is_unexplained() => {
            Some((it.failure.is_some(), it.latency))
        }
        (Calls::ToolCalls, Body::ToolCall(it)) => {
            Some((it.outcome == ToolOutcome::Failed, it.elapsed))
        }
        (Calls::Attempts, Body::Attempt(it)) => Some((it.failure.is_some(), it.elapsed)),
        (Calls::Sessions, Body::SessionEnd(it)) => {
            let has_failed = matches!(it.outcome, Outcome::Failed | Outcome::Aborted);
            Some((has_failed, it.elapsed))
        }
        _ => None,
    }
}

/// The share of bad calls; `None` where there are none.
fn rate(tally: Tally) -> Option<f64> {
    (tally.all > 0).then(|| float(tally.bad.into()) / float(tally.all.into()))
}

impl Share {
    pub(super) fn tally(&self, body: &Body) -> Option<Tally> {
        let (has_failed, took) = ended(self.of, body)?;
        let (bad, near) = match self.fault {
            Fault::Failed => (has_failed, has_failed),
            Fault::Slow { fire, clear } => (took > fire, took > clear),
        };
        Some(Tally {
            all: 1,
            bad: bad.into(),
            near: near.into(),
        })
    }

    pub(super) fn read(&self, ring: &mut Ring<Tally>, now: Timestamp) -> Reading {
        let tally = ring.sum(now);
        // Too few calls begin nothing, and end nothing either: their share would come and go with one of them.
        let is_known = tally.all >= self.at_least;
        let is_over = is_known && self.fire.is_exceeded(tally.bad, tally.all);
        let is_near = self.clear.is_exceeded(tally.near, tally.all);
        Reading {
            level: level(is_over, is_near),
            value: rate(tally),
            limit: self.fire.share(),
        }
    }
}

impl Burn {
    pub(super) fn tally(&self, body: &Body) -> Option<Tally> {
        let (has_failed, _) = ended(self.of, body)?;
        let bad = u64::from(has_failed);
        Some(Tally {
            all: 1,
            bad,
            near: 0,
        })
    }

    /// The first pair that is over, or the one that is nearest to it.
    pub(super) fn read(&self, rings: &mut [[Ring<Tally>; 2]], now: Timestamp) -> Reading {
        let mut nearest: Option<((bool, f64), Reading)> = None;
        for (pair, [long, short]) in self.pairs.iter().zip(rings) {
            let (long, short) = (long.sum(now), short.sum(now));
            let budget = self.budget.share();
            let allowed = Portion::of(pair.factor * budget);
            let is_beyond = |tally: Tally| allowed.is_exceeded(tally.bad, tally.all);
            // As fast as in both of them: over the limit when they are.
            let value = rate(long).map(|it| it.min(rate(short).unwrap_or(0.0)) / budget);
            let is_both = is_beyond(long) && is_beyond(short);
            let reading = Reading {
                // With too few calls nothing begins, and nothing ends.
                level: level(is_both && long.all >= self.at_least, is_both),
                value,
                limit: pair.factor,
            };
            if reading.level == Level::Over {
                return reading;
            }
            let near = (is_both, value.unwrap_or(0.0) / pair.factor);
            if nearest.is_none_or(|(other, _)| near > other) {
                nearest = Some((near, reading));
            }
        }
        nearest.map_or(
            Reading {
                level: Level::Clear,
                value: None,
                limit: 0.0,
            },
            |(_, reading)| reading,
        )
    }
}
