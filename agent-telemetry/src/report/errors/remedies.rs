//! How often each remedy was tried, and what came of it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use agent_primitives::{FailureKind, SessionId};

use super::course::Followed;
use super::remedy::{Remedy, Shown};
use super::{RecoveryRate, RemedyFailures, RemedyLine};
use crate::report::interval::Share;
use crate::report::times::Times;
use crate::{Evidence, Outcome, Outcomes};

#[derive(Debug, Default)]
pub(super) struct Remedies {
    known: BTreeMap<Remedy, Sums>,
    /// Failures that something followed, and of those the ones after which the work went on.
    kinds: BTreeMap<FailureKind, Share>,
}

#[derive(Debug, Default)]
struct Sums {
    recovered: u64,
    failed: u64,
    open: u64,
    kinds: BTreeMap<FailureKind, Share>,
    took: Times,
    outcomes: Outcomes,
    evidence: Evidence,
}

impl Sums {
    fn settle(&mut self, ok: bool, took: Option<Duration>) {
        if ok {
            self.recovered += 1;
            if let Some(took) = took {
                self.took.add(took);
            }
        } else {
            self.failed += 1;
        }
    }
}

impl Remedies {
    fn of(&mut self, remedy: Remedy) -> &mut Sums {
        self.known.entry(remedy).or_default()
    }

    /// A failure and the call after it. A restart is counted by its own mark.
    pub(super) fn follow(&mut self, it: &Followed) {
        self.answer(it.remedy, it.kind, it.ok);
        if it.remedy.shown() == Shown::Call {
            self.of(it.remedy).settle(it.ok, Some(it.after));
        }
    }

    /// To which failure a remedy was the answer.
    pub(super) fn answer(&mut self, remedy: Remedy, kind: FailureKind, ok: bool) {
        for kinds in [
            &mut self.known.entry(remedy).or_default().kinds,
            &mut self.kinds,
        ] {
            let share = kinds.entry(kind).or_default();
            share.of += 1;
            share.successes += u64::from(ok);
        }
    }

    /// A change of a request, with the time since the failure where that is known.
    pub(super) fn step(&mut self, remedy: Remedy, ok: bool, took: Option<Duration>) {
        self.of(remedy).settle(ok, took);
    }

    /// What came of a restart.
    pub(super) fn settle(&mut self, remedy: Remedy, ok: bool, took: Duration) {
        self.of(remedy).settle(ok, Some(took));
    }

    /// Nothing is known of what came of it.
    pub(super) fn leave_open(&mut self, remedy: Remedy) {
        self.of(remedy).open += 1;
    }

    /// A session in which these were tried.
    pub(super) fn session(&mut self, used: u16, id: &SessionId, outcome: Option<Outcome>) {
        for remedy in Remedy::ALL.iter().filter(|it| used & it.bit() != 0) {
            let sums = self.of(*remedy);
            *sums.outcomes.of(outcome) += 1;
            sums.evidence.add(id);
        }
    }

    /// Of a kind of failure: how many something followed, and how many of those were overcome.
    pub(super) fn kind(&self, kind: FailureKind) -> Share {
        self.kinds.get(&kind).copied().unwrap_or_default()
    }

    /// The most tried first; equally often tried ones in the order of their declaration.
    pub(super) fn finish(self) -> Vec<RemedyLine> {
        let known = self.known.into_iter();
        let mut lines: Vec<RemedyLine> = known.map(|(remedy, sums)| sums.line(remedy)).collect();
        lines.retain(|line| line.tried > 0 || line.failures > 0);
        lines.sort_by_key(|line| Reverse(line.tried));
        lines
    }
}

impl Sums {
    fn line(self, remedy: Remedy) -> RemedyLine {
        let mut kinds: Vec<RemedyFailures> = self
            .kinds
            .into_iter()
            .map(|(kind, share)| RemedyFailures {
                kind,
                failures: share.of,
                recovery: RecoveryRate::of(share),
            })
            .collect();
        kinds.sort_by_key(|line| Reverse(line.failures));
        RemedyLine {
            remedy,
            tried: self.recovered + self.failed + self.open,
            failed: self.failed,
            open: self.open,
            recovery: RecoveryRate::of(Share::new(self.recovered, self.recovered + self.failed)),
            failures: kinds.iter().map(|line| line.failures).sum(),
            kinds,
            took: self.took.percentiles(),
            outcomes: self.outcomes,
            evidence: self.evidence,
        }
    }
}
