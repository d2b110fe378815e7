//! The last value of something, for as long as it says anything.

use std::time::Duration;

use agent_primitives::{SpendScope, Timestamp};
use serde::{Deserialize, Serialize};

use super::limit::{Limit, Reading, float};
use super::spent::day_end;
use crate::Body;

/// After which time without a word nothing is known of a session any more.
const FORGOTTEN: Duration = Duration::from_secs(86_400);

/// Whose value it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The share of the context window.
    Context,
    /// The share of a budget, as crossings tell of it.
    Crossing(SpendScope),
    /// A metric of this name, and after which time a value of it is stale.
    Metric(String, Option<Duration>),
    /// Records that wait, told from outside.
    Recorder,
}

#[derive(Debug, Clone)]
pub(super) struct Last {
    pub(super) source: Source,
    pub(super) limit: Limit,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gauge {
    value: Option<f64>,
    at: Timestamp,
    until: Option<Timestamp>,
}

impl Last {
    pub(super) fn value(&self, body: &Body) -> Option<f64> {
        match (&self.source, body) {
            (Source::Context, Body::ContextPressure(it)) => Some(match it.window {
                // A window of nothing is full, as `ContextPressure::percent` has it.
                0 => 1.0,
                window => float(it.used.into()) / float(window.into()),
            }),
            (Source::Crossing(scope), Body::Metric(it)) => {
                let names = match scope {
                    SpendScope::Session => ["budget_session_usd", "budget_session_tokens"],
                    _ => ["budget_day_usd", "budget_day_tokens"],
                };
                names.contains(&it.name()).then(|| it.value())
            }
            (Source::Metric(name, _), Body::Metric(it)) => (it.name() == name).then(|| it.value()),
            _ => None,
        }
    }

    /// Whether the value is not older than the one that is there.
    pub(super) fn set(&self, gauge: &mut Gauge, value: f64, at: Timestamp) -> bool {
        if gauge.value.is_some() && at < gauge.at {
            return false;
        }
        let until = match &self.source {
            Source::Context | Source::Crossing(SpendScope::Session) => Some(at + FORGOTTEN),
            Source::Crossing(_) => Some(day_end(at)),
            Source::Metric(_, stale) => stale.map(|stale| at + stale),
            Source::Recorder => None,
        };
        *gauge = Gauge {
            value: Some(value),
            at,
            until,
        };
        true
    }

    pub(super) fn read(&self, gauge: &mut Gauge, now: Timestamp) -> Reading {
        if gauge.until.is_some_and(|until| until <= now) {
            *gauge = Gauge::default();
        }
        self.limit.read(gauge.value)
    }
}

impl Gauge {
    pub(super) const fn due(&self) -> Option<Timestamp> {
        self.until
    }

    pub(super) fn rewind(&mut self, now: Timestamp) {
        self.at = self.at.min(now);
    }
}
