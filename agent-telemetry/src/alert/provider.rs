//! Whether a provider answers.

use std::time::Duration;

use agent_primitives::{BreakerState, FailureKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::limit::{Reading, float, level};
use crate::Body;

/// After which time without a word nothing is known of it any more.
const FORGOTTEN: Duration = Duration::from_secs(86_400);
/// How far a clock is set back before anybody calls it that: within it the order of recording counts.
const BACK: Duration = Duration::from_secs(60);
/// An attempt that is older than this when it comes says nothing about now.
const LATENESS: Duration = Duration::from_secs(300);

#[derive(Debug, Clone)]
pub(super) struct Down {
    pub(super) after: Duration,
    pub(super) at_least: u64,
}

/// What a record says of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Answered,
    Failed,
    Opened,
    Closed,
}

/// What is known of a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Provider {
    open: bool,
    /// The first and the last of the failures since the last answer, and how many they are.
    failing: Option<(Timestamp, Timestamp)>,
    failures: u64,
    last: Option<Timestamp>,
    /// When the last word came by which it is open or closed.
    #[serde(default)]
    told: Option<Timestamp>,
}

impl Word {
    pub(super) fn of(body: &Body) -> Option<Self> {
        match body {
            Body::Attempt(it) => match it.failure {
                None => Some(Self::Answered),
                Some(kind) => is_its_own(kind).then_some(Self::Failed),
            },
            Body::Breaker(it) => match it.to {
                BreakerState::Open => Some(Self::Opened),
                // Somebody took the provider out on purpose.
                BreakerState::Closed | BreakerState::Isolated => Some(Self::Closed),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether it says nothing any more at `now`. Attempts come again and again, and a breaker says once that it opens and
    /// once that it closes: that counts for as long as it is not forgotten.
    pub(super) fn is_past(self, at: Timestamp, now: Timestamp) -> bool {
        match self {
            Self::Answered | Self::Failed => at < now - LATENESS,
            Self::Opened | Self::Closed => at + FORGOTTEN <= now,
        }
    }
}

/// Whether the provider could not be used, whatever was asked.
const fn is_its_own(kind: FailureKind) -> bool {
    !matches!(
        kind,
        FailureKind::ContextTooLong
            | FailureKind::PayloadTooLarge
            | FailureKind::OutputLimit
            | FailureKind::NotFound
            | FailureKind::InvalidRequest
            | FailureKind::ContentPolicy
            | FailureKind::Cancelled
    )
}

impl Provider {
    /// Whether it counts: what is known from a later moment is better known.
    pub(super) fn hear(&mut self, word: Word, at: Timestamp) -> bool {
        if self.told.is_some_and(|told| at + BACK < told) {
            return false;
        }
        if word != Word::Failed {
            self.told = self.told.max(Some(at));
        }
        self.last = self.last.max(Some(at));
        match word {
            Word::Answered | Word::Closed => {
                self.open = false;
                self.failing = None;
                self.failures = 0;
            }
            Word::Opened => self.open = true,
            Word::Failed => {
                // From the last answer on.
                let at = self.told.map_or(at, |told| at.max(told));
                let (first, last) = self.failing.unwrap_or((at, at));
                self.failing = Some((first.min(at), last.max(at)));
                self.failures = self.failures.saturating_add(1);
            }
        }
        true
    }

    /// When it is forgotten.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let is_bad = self.open || self.failing.is_some();
        self.last.filter(|_| is_bad).map(|last| last + FORGOTTEN)
    }

    pub(super) fn read(&mut self, down: &Down, now: Timestamp) -> Reading {
        if self.due().is_some_and(|due| due <= now) {
            *self = Self::default();
        }
        let is_failing = self.failing.is_some_and(|(first, last)| {
            last.since(first) >= down.after && self.failures >= down.at_least
        });
        let is_over = self.open || is_failing;
        Reading {
            level: level(is_over, is_over),
            value: Some(float(self.failures.into())),
            limit: float(down.at_least.into()),
        }
    }

    pub(super) fn rewind(&mut self, now: Timestamp) {
        self.last = self.last.min(Some(now));
        self.told = self.told.min(Some(now));
        self.failing = self
            .failing
            .map(|(first, last)| (first.min(now), last.min(now)));
    }
}
