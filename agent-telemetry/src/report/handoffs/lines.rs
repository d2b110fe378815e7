//! What is told of each path.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use agent_primitives::{HandoffReason, Usd};

use super::cell::{Cell, OnPath};
use super::days::Handed;
use super::extra::Costs;
use super::named::Named;
use super::session::{Given, OneSession};
use super::told::{Line, Told};
use super::waits::Waits;
use super::{PathLine, ReasonLine};
use crate::Outcomes;

/// Paths that are shown.
const SHOWN: usize = 64;

/// What is counted of all handoffs, whatever is known of what came after.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    pub(super) handoffs: u64,
    automatic: u64,
    manual: u64,
    reasons: BTreeMap<HandoffReason, u64>,
}

impl Counted {
    pub(super) fn add(&mut self, handed: &Handed) {
        self.handoffs += 1;
        if handed.is_manual {
            self.manual += 1;
        } else {
            self.automatic += 1;
        }
        *self.reasons.entry(handed.reason).or_default() += 1;
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

/// What came of the handoffs of one path.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    taken_up: u64,
    succeeded: u64,
    failed: u64,
    given_back: u64,
    given_on: u64,
    waits: Waits,
    outcomes: Outcomes,
    cost_after: Usd,
    unpriced_after: u64,
    with: Costs,
    named: Named,
}

impl Sums {
    pub(super) fn see(&mut self, given: &Given, session: &OneSession, told: &Told) {
        let became = given.after.became(session, |place| told.session(place));
        if let Some(wait) = became.wait {
            self.taken_up += 1;
            self.waits.add(wait);
        }
        self.succeeded += u64::from(became.succeeded == Some(true));
        self.failed += u64::from(became.succeeded == Some(false));
    }

    /// What the taker did with the work at its next handoff in the session.
    pub(super) fn see_next(&mut self, number: usize, session: &OneSession, told: &Told) {
        let ends = |given: &Given| told.ends(given.path);
        let mut handoffs = session.handoffs.iter().skip(number);
        let Some((giver, taker)) = handoffs.next().and_then(ends) else {
            return;
        };
        match handoffs.filter_map(ends).find(|(from, _)| from == taker) {
            Some((_, to)) if to == giver => self.given_back += 1,
            Some(_) => self.given_on += 1,
            None => {}
        }
    }

    /// Once for each session, at its first handoff on the path.
    pub(super) fn see_session(&mut self, line: Line, order: u64, told: &Told) {
        let Some((session, given)) = told.line(line) else {
            return;
        };
        *self.outcomes.of(session.outcome()) += 1;
        self.cost_after += session.spent - given.spent_before;
        self.unpriced_after += session.unpriced - given.unpriced_before;
        self.with.add(session);
        self.named.add(order, line.session);
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.taken_up += other.taken_up;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.given_back += other.given_back;
        self.given_on += other.given_on;
        self.waits.absorb(&other.waits);
        self.outcomes.absorb(&other.outcomes);
        self.cost_after += other.cost_after;
        self.unpriced_after += other.unpriced_after;
        self.with.absorb(&other.with);
        self.named.absorb(&other.named);
    }
}

/// The most frequent first, equally frequent ones in the order of recording; and how many handoffs the others have.
pub(super) fn most_frequent(cell: &mut Cell, told: &Told) -> (Vec<PathLine>, u64) {
    let mut paths: Vec<(usize, OnPath)> = std::mem::take(&mut cell.paths).into_iter().collect();
    paths.sort_by_key(|(_, it)| (Reverse(it.counted.handoffs), it.order));
    let others = paths.iter().skip(SHOWN);
    let beyond = others.map(|(_, it)| it.counted.handoffs).sum();
    let shown = paths.into_iter().take(SHOWN);
    let lines = shown.filter_map(|(path, it)| it.line(path, &cell.without, told));
    (lines.collect(), beyond)
}

impl OnPath {
    fn line(self, path: usize, without: &Costs, told: &Told) -> Option<PathLine> {
        let (from, to) = told.ends(path)?.clone();
        let Self { counted, sums, .. } = self;
        let (automatic, manual) = counted.initiators();
        Some(PathLine {
            from,
            to,
            handoffs: counted.handoffs,
            automatic,
            manual,
            reasons: counted.reasons(),
            taken_up: sums.taken_up,
            succeeded: sums.succeeded,
            failed: sums.failed,
            given_back: sums.given_back,
            given_on: sums.given_on,
            wait: sums.waits.percentiles(),
            outcomes: sums.outcomes,
            cost_after: sums.cost_after,
            unpriced_after: sums.unpriced_after,
            extra_cost: sums.with.against(without, told),
            evidence: sums.named.evidence(told),
        })
    }
}
