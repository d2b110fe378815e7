//! Whether a provider answers.

use std::time::Duration;

use agent_primitives::{BreakerState, FailureKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::limit::{Reading, float, level};
use crate::Body;

/// After which time without a word nothing is known of it any more.
const FORGOTTEN: Duration = Duration::from_secs(86_400);

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
    pub(super) fn hear(&mut self, word: Word, at: Timestamp) {
        self.last = self.last.max(Some(at));
        match word {
            Word::Answered | Word::Closed => {
                self.open = false;
                self.failing = None;
                self.failures = 0;
            }
            Word::Opened => self.open = true,
            Word::Failed => {
                let (first, last) = self.failing.unwrap_or((at, at));
                self.failing = Some((first.min(at), last.max(at)));
                self.failures = self.failures.saturating_add(1);
            }
        }
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
        self.failing = self
            .failing
            .map(|(first, last)| (first.min(now), last.min(now)));
    }
}
