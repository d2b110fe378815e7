//! Failures by what went wrong.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use agent_primitives::{Attempt, FailureKind, ModelId, ProviderId, SessionId, Timestamp, Usd};

use super::remedies::Remedies;
use super::seen::Seen;
use super::{ErrorLine, ErrorPlace, RecoveryRate};
use crate::report::interval::Share;
use crate::report::ratio;
use crate::{Evidence, ModelCall};

/// Places of one kind that are told apart, and those that are shown.
const KNOWN: usize = 256;
const SHOWN: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Kinds {
    known: BTreeMap<FailureKind, Sums>,
    pub(super) model_calls: u64,
    pub(super) attempts: u64,
}

#[derive(Debug, Default)]
struct Sums {
    model_calls: u64,
    attempts: u64,
    failures: u64,
    given_up: u64,
    time_lost: Duration,
    cost: Usd,
    unpriced_calls: u64,
    seen: Option<Seen>,
    places: BTreeMap<(ProviderId, Option<ModelId>), Place>,
    elsewhere: u64,
    evidence: Evidence,
}

#[derive(Debug, Default)]
struct Place {
    model_calls: u64,
    attempts: u64,
}

impl Kinds {
    fn of(&mut self, kind: FailureKind) -> &mut Sums {
        self.known.entry(kind).or_default()
    }

    /// A call to a provider; a failed one at its place.
    pub(super) fn attempt(&mut self, it: &Attempt, at: Timestamp) {
        self.attempts += 1;
        let Some(kind) = it.failure else { return };
        let sums = self.of(kind);
        sums.attempts += 1;
        Seen::add(&mut sums.seen, at);
        if let Some(place) = sums.place(&it.provider, None) {
            place.attempts += 1;
        }
    }

    pub(super) fn model_call(&mut self, it: &ModelCall, at: Timestamp) {
        self.model_calls += 1;
        let Some(kind) = it.failure else { return };
        let sums = self.of(kind);
        sums.model_calls += 1;
        sums.cost += it.cost.unwrap_or_default();
        sums.unpriced_calls += u64::from(it.is_unpriced());
        Seen::add(&mut sums.seen, at);
        if let Some(place) = sums.place(&it.provider, Some(&it.model)) {
            place.model_calls += 1;
        }
    }

    /// A failed call of a session, once.
    pub(super) fn failure(&mut self, kind: FailureKind, took: Duration) {
        let sums = self.of(kind);
        sums.failures += 1;
        sums.time_lost = sums.time_lost.saturating_add(took);
    }

    /// Nothing followed it.
    pub(super) fn give_up(&mut self, kind: FailureKind) {
        self.of(kind).given_up += 1;
    }

    /// A session that met these kinds, as bits in the order of their declaration.
    pub(super) fn session(&mut self, met: u32, id: &SessionId) {
        for (place, kind) in FailureKind::ALL.iter().enumerate().take(32) {
            if met & (1 << place) != 0 {
                self.of(*kind).evidence.add(id);
            }
        }
    }

    /// The most frequent first: by model calls, then by attempts, then in the order of declaration.
    pub(super) fn finish(self, remedies: &Remedies) -> Vec<ErrorLine> {
        let (model_calls, attempts) = (self.model_calls, self.attempts);
        let known = self.known.into_iter();
        let mut lines: Vec<ErrorLine> = known
            .filter_map(|(kind, sums)| {
                let overcome = remedies.kind(kind).successes;
                sums.line(kind, (model_calls, attempts), overcome)
            })
            .collect();
        lines.sort_by_key(|line| (Reverse(line.model_calls), Reverse(line.attempts)));
        lines
    }
}

impl Sums {
    fn place(&mut self, provider: &ProviderId, model: Option<&ModelId>) -> Option<&mut Place> {
        let key = (provider.clone(), model.cloned());
        if self.places.len() >= KNOWN && !self.places.contains_key(&key) {
            self.elsewhere += 1;
            return None;
        }
        Some(self.places.entry(key).or_default())
    }

    fn line(
        self,
        kind: FailureKind,
        (model_calls, attempts): (u64, u64),
        overcome: u64,
    ) -> Option<ErrorLine> {
        let Seen { first, last } = self.seen?;
        let mut places: Vec<ErrorPlace> = self
            .places
            .into_iter()
            .map(|((provider, model), it)| ErrorPlace {
                provider,
                model,
                model_calls: it.model_calls,
                attempts: it.attempts,
            })
            .collect();
        places.sort_by_key(|it| Reverse(it.model_calls + it.attempts));
        let beyond = places.iter().skip(SHOWN);
        let beyond: u64 = beyond.map(|it| it.model_calls + it.attempts).sum();
        places.truncate(SHOWN);
        Some(ErrorLine {
            kind,
            model_calls: self.model_calls,
            model_call_share: ratio(self.model_calls, model_calls),
            attempts: self.attempts,
            attempt_share: ratio(self.attempts, attempts),
            first,
            last,
            places,
            elsewhere: beyond + self.elsewhere,
            failures: self.failures,
            given_up: self.given_up,
            recovery: RecoveryRate::of(Share::new(overcome, self.failures)),
            time_lost: self.time_lost,
            cost: self.cost,
            unpriced_calls: self.unpriced_calls,
            evidence: self.evidence,
        })
    }
}
