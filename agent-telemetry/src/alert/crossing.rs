//! The share of a budget that the host guards, in dollars and in tokens, as crossings tell of it.

use std::time::Duration;

use agent_primitives::{SpendScope, Timestamp};
use serde::{Deserialize, Serialize};

use super::gauge::{FORGOTTEN, Gauge};
use super::limit::{Limit, Reading};
use super::spent::day_end;
use crate::Body;

/// Crossings that are nearer to each other may have changed places: one call may cross several shares.
const TOGETHER: Duration = Duration::from_secs(1);
/// How far a clock is set back before anybody calls it that. A crossing comes once, so one that is that late counts.
const BACK: Duration = Duration::from_secs(60);

/// Whose crossings, and the share that fires.
#[derive(Debug, Clone)]
pub(super) struct Crossing {
    pub(super) scope: SpendScope,
    pub(super) limit: Limit,
}

/// What a budget counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Dollars,
    Tokens,
}

/// The share of each unit that was reached last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Shares {
    dollars: Gauge,
    tokens: Gauge,
}

impl Crossing {
    pub(super) fn share(&self, body: &Body) -> Option<(Unit, f64)> {
        let Body::Metric(it) = body else { return None };
        let [dollars, tokens] = match self.scope {
            SpendScope::Session => ["budget_session_usd", "budget_session_tokens"],
            _ => ["budget_day_usd", "budget_day_tokens"],
        };
        let unit = if it.name() == dollars {
            Unit::Dollars
        } else if it.name() == tokens {
            Unit::Tokens
        } else {
            return None;
        };
        Some((unit, it.value()))
    }

    /// Until when a crossing says something: to the end of its day, or for a day in a session.
    pub(super) fn until(&self, at: Timestamp) -> Timestamp {
        match self.scope {
            SpendScope::Session => at + FORGOTTEN,
            _ => day_end(at),
        }
    }

    /// The newest share counts, also where it is lower, since the budget may have been raised. Whether it does.
    pub(super) fn set(&self, shares: &mut Shares, unit: Unit, share: f64, at: Timestamp) -> bool {
        let gauge = match unit {
            Unit::Dollars => &mut shares.dollars,
            Unit::Tokens => &mut shares.tokens,
        };
        let Some((before, then)) = gauge.last() else {
            gauge.set(share, at, Some(self.until(at)));
            return true;
        };
        if at + BACK < then {
            return false;
        }
        let (share, at) = if at < then + TOGETHER {
            (share.max(before), at.max(then))
        } else {
            (share, at)
        };
        gauge.set(share, at, Some(self.until(at)));
        true
    }

    /// The higher share of the two.
    pub(super) fn read(&self, shares: &mut Shares, now: Timestamp) -> Reading {
        let dollars = shares.dollars.get(now);
        let tokens = shares.tokens.get(now);
        let highest = dollars.into_iter().chain(tokens).reduce(f64::max);
        self.limit.read(highest)
    }

    /// The clock was set back to `now`.
    pub(super) fn rewind(&self, shares: &mut Shares, now: Timestamp) {
        for gauge in [&mut shares.dollars, &mut shares.tokens] {
            gauge.rewind(now, |at| Some(self.until(at)));
        }
    }
}

impl Shares {
    pub(super) fn due(&self) -> Option<Timestamp> {
        let ends = [self.dollars.due(), self.tokens.due()];
        ends.into_iter().flatten().min()
    }
}
