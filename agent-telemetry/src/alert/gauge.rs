//! The last value of something, for as long as it says anything.

use std::time::Duration;

use agent_primitives::Timestamp;
use serde::{Deserialize, Serialize};

use super::limit::{Limit, Reading, float};
use crate::Body;

/// After which time without a word nothing is known of a session any more.
pub(super) const FORGOTTEN: Duration = Duration::from_secs(86_400);

/// Whose value it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The share of the context window.
    Context,
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
            (Source::Metric(name, _), Body::Metric(it)) => (it.name() == name).then(|| it.value()),
            _ => None,
        }
    }

    /// Until when a value of this moment says something.
    fn until(&self, at: Timestamp) -> Option<Timestamp> {
        match &self.source {
            Source::Context => Some(at + FORGOTTEN),
            Source::Metric(_, stale) => stale.map(|stale| at + stale),
            Source::Recorder => None,
        }
    }

    /// Whether the value is not older than the one that is there.
    pub(super) fn set(&self, gauge: &mut Gauge, value: f64, at: Timestamp) -> bool {
        if gauge.last().is_some_and(|(_, then)| at < then) {
            return false;
        }
        gauge.set(value, at, self.until(at));
        true
    }

    /// The clock was set back to `now`.
    pub(super) fn rewind(&self, gauge: &mut Gauge, now: Timestamp) {
        gauge.rewind(now, |at| self.until(at));
    }

    pub(super) fn read(&self, gauge: &mut Gauge, now: Timestamp) -> Reading {
        self.limit.read(gauge.get(now))
    }
}

impl Gauge {
    pub(super) fn set(&mut self, value: f64, at: Timestamp, until: Option<Timestamp>) {
        *self = Self {
            value: Some(value),
            at,
            until,
        };
    }

    /// The value, and when it was that.
    pub(super) fn last(&self) -> Option<(f64, Timestamp)> {
        self.value.map(|value| (value, self.at))
    }

    /// The value, as long as it says something.
    pub(super) fn get(&mut self, now: Timestamp) -> Option<f64> {
        if self.until.is_some_and(|until| until <= now) {
            *self = Self::default();
        }
        self.value
    }

    pub(super) const fn due(&self) -> Option<Timestamp> {
        self.until
    }

    /// The clock was set back to `now`; `until` says how long a value of a moment says something.
    pub(super) fn rewind(
        &mut self,
        now: Timestamp,
        until: impl Fn(Timestamp) -> Option<Timestamp>,
    ) {
        if self.value.is_some() {
            self.at = self.at.min(now);
            self.until = until(self.at);
        }
    }
}
