//! What is told of each path.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use agent_primitives::{Handoff, HandoffReason, Initiator, Party, SessionId, Usd};

use super::extra::Costs;
use super::session::{Given, OneSession};
use super::{PathLine, ReasonLine};
use crate::report::Percentiles;
use crate::{Evidence, ExponentialHistogram, Outcomes};

/// Paths that are shown.
const SHOWN: usize = 64;

/// What is counted as the handoffs come.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) handoffs: u64,
    automatic: u64,
    manual: u64,
    reasons: BTreeMap<HandoffReason, u64>,
}

impl Counted {
    pub(super) fn add(&mut self, handoff: &Handoff) {
        self.handoffs += 1;
        match handoff.initiator {
            Initiator::Manual => self.manual += 1,
            _ => self.automatic += 1,
        }
        *self.reasons.entry(handoff.reason).or_default() += 1;
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.handoffs += other.handoffs;
        self.automatic += other.automatic;
        self.manual += other.manual;
        for (reason, handoffs) in &other.reasons {
            *self.reasons.entry(*reason).or_default() += handoffs;
        }
    }

    pub(super) const fn initiators(&self) -> (u64, u64) {
        (self.automatic, self.manual)
    }

    /// The most frequent first; equally frequent ones in the order of their declaration.
    pub(super) fn reasons(&self) -> Vec<ReasonLine> {
        let reasons = self.reasons.iter();
        let mut lines: Vec<ReasonLine> = reasons
            .map(|(&reason, &handoffs)| ReasonLine { reason, handoffs })
            .collect();
        lines.sort_by_key(|line| Reverse(line.handoffs));
        lines
    }
}

/// The paths that are shown, by their numbers, and the sessions without any handoff.
#[derive(Debug, Default)]
pub(super) struct Lines {
    by_path: BTreeMap<usize, Sums>,
    without: Costs,
}

/// What came of the handoffs of one path.
#[derive(Debug, Default)]
struct Sums {
    taken_up: u64,
    succeeded: u64,
    failed: u64,
    given_back: u64,
    given_on: u64,
    wait_ns: ExponentialHistogram,
    outcomes: Outcomes,
    cost_after: Usd,
    unpriced_after: u64,
    with: Costs,
    evidence: Evidence,
}

impl Lines {
    /// Those with the most handoffs, and how many handoffs the others have.
    pub(super) fn most_frequent(counted: &[Counted]) -> (Self, u64) {
        let mut order: Vec<usize> = (0..counted.len()).collect();
        let handoffs = |place: &usize| counted.get(*place).map_or(0, |it| it.handoffs);
        order.sort_by_key(|place| Reverse(handoffs(place)));
        let beyond = order.iter().skip(SHOWN).map(handoffs).sum();
        let shown = order.into_iter().take(SHOWN);
        let lines = Self {
            by_path: shown.map(|place| (place, Sums::default())).collect(),
            without: Costs::default(),
        };
        (lines, beyond)
    }

    pub(super) fn add<'a>(
        &mut self,
        id: &SessionId,
        session: &'a OneSession,
        ends: impl Fn(usize) -> Option<(Party, Party)>,
        other: impl Fn(usize) -> Option<&'a OneSession> + Copy,
    ) {
        if session.handoffs.is_empty() {
            self.without.add(session);
            return;
        }
        for (place, given) in session.handoffs.iter().enumerate() {
            let Some(sums) = self.by_path.get_mut(&given.path) else {
                continue;
            };
            sums.see(given, session, other);
            let earlier = session.handoffs.iter().take(place);
            if !earlier.into_iter().any(|it| it.path == given.path) {
                sums.see_session(id, given, session);
            }
            let Some((giver, taker)) = ends(given.path) else {
                continue;
            };
            let mut later = session.handoffs.iter().skip(place + 1);
            let next = later.find_map(|it| ends(it.path).filter(|(from, _)| *from == taker));
            match next {
                Some((_, to)) if to == giver => sums.given_back += 1,
                Some(_) => sums.given_on += 1,
                None => {}
            }
        }
    }

    /// The most frequent first; equally frequent ones in the order of recording.
    pub(super) fn finish(
        self,
        counted: &[Counted],
        ends: impl Fn(usize) -> Option<(Party, Party)>,
    ) -> Vec<PathLine> {
        let paths = self.by_path.into_iter();
        let mut lines: Vec<PathLine> = paths
            .filter_map(|(path, sums)| {
                let (from, to) = ends(path)?;
                Some(sums.line(from, to, counted.get(path)?, &self.without))
            })
            .collect();
        lines.sort_by_key(|line| Reverse(line.handoffs));
        lines
    }
}

impl Sums {
    fn see<'a>(
        &mut self,
        given: &Given,
        session: &'a OneSession,
        other: impl Fn(usize) -> Option<&'a OneSession>,
    ) {
        let became = given.after.became(session, other);
        if let Some(wait) = became.wait {
            self.taken_up += 1;
            // Up to 104 days a number of nanoseconds is exact.
            #[expect(
                clippy::cast_precision_loss,
                reason = "a histogram holds floating-point numbers"
            )]
            self.wait_ns.record(wait.as_nanos() as f64);
        }
        self.succeeded += u64::from(became.succeeded == Some(true));
        self.failed += u64::from(became.succeeded == Some(false));
    }

    /// Once for each session, at its first handoff on the path.
    fn see_session(&mut self, id: &SessionId, given: &Given, session: &OneSession) {
        *self.outcomes.of(session.outcome()) += 1;
        self.cost_after += session.spent - given.spent_before;
        self.unpriced_after += session.unpriced - given.unpriced_before;
        self.with.add(session);
        self.evidence.add(id);
    }

    fn line(self, from: Party, to: Party, counted: &Counted, without: &Costs) -> PathLine {
        let wait = |q: f64| {
            let nanos = self.wait_ns.quantile(q)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "not negative, and saturating"
            )]
            Some(Duration::from_nanos(nanos.round() as u64))
        };
        let (automatic, manual) = counted.initiators();
        PathLine {
            from,
            to,
            handoffs: counted.handoffs,
            automatic,
            manual,
            reasons: counted.reasons(),
            taken_up: self.taken_up,
            succeeded: self.succeeded,
            failed: self.failed,
            given_back: self.given_back,
            given_on: self.given_on,
            wait: Percentiles::of(self.wait_ns.count(), wait),
            outcomes: self.outcomes,
            cost_after: self.cost_after,
            unpriced_after: self.unpriced_after,
            extra_cost: self.with.against(without),
            evidence: self.evidence,
        }
    }
}
