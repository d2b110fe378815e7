//! What had to be corrected, and in how many sessions.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use agent_primitives::{SessionId, Timestamp};

use super::super::interval::Share;
use super::seen::Seen;
use super::{Correction, CorrectionLine, QualityLeftOut};
use crate::{Decision, DecisionOutcome, Evidence, Outcome, ProjectId, Record, Violation};

/// Sessions in which something has to be corrected to be called recurring.
const SESSIONS: u64 = 2;
/// Things that are told apart, and those that are shown.
const KNOWN: usize = 4_096;
const SHOWN: usize = 64;
/// Decisions whose outcome is looked for.
const DECISIONS: usize = 1 << 18;

/// Project, session and id.
type Key = (Option<ProjectId>, Option<SessionId>, Cow<'static, str>);

#[derive(Debug, Default)]
pub(super) struct Corrections {
    number: HashMap<Correction, usize>,
    known: Vec<Corrected>,
    /// Found of each rule, wherever.
    of_rule: BTreeMap<String, u64>,
    decided: HashMap<Key, Decided>,
    left_out: u64,
    decisions: u64,
    unmatched: u64,
}

/// By its number, with the verdict so far: of several, the last one counts.
#[derive(Debug)]
struct Decided {
    place: usize,
    verdict: Option<bool>,
}

#[derive(Debug)]
struct Corrected {
    what: Correction,
    times: u64,
    of: u64,
    first: Timestamp,
    last: Timestamp,
    evidence: Evidence,
}

impl Corrections {
    pub(super) fn add_violation(&mut self, record: &Record, it: &Violation, seen: &mut Seen) {
        let what = Correction::Rule {
            kind: it.kind.as_ref().to_owned(),
            file: it.file.as_deref().map(str::to_owned),
        };
        let Some(place) = self.place(what) else {
            return;
        };
        *self.of_rule.entry(it.kind.as_ref().to_owned()).or_default() += 1;
        if let Some(corrected) = self.known.get_mut(place) {
            corrected.add(place, record, seen);
        }
    }

    pub(super) fn add_decision(&mut self, record: &Record, it: &Decision) {
        let what = Correction::Decision {
            subject: it.subject.as_ref().to_owned(),
            choice: it.choice.as_deref().map(str::to_owned),
        };
        if self.decided.len() >= DECISIONS {
            self.decisions = self.decisions.saturating_add(1);
            return;
        }
        if let Some(place) = self.place(what) {
            let verdict = None;
            let decided = Decided { place, verdict };
            self.decided.insert(key(record, it.id.clone()), decided);
        }
    }

    pub(super) fn add_outcome(&mut self, record: &Record, it: &DecisionOutcome, seen: &mut Seen) {
        let Some(decided) = self.decided.get_mut(&key(record, it.decision.clone())) else {
            self.unmatched = self.unmatched.saturating_add(1);
            return;
        };
        let is_wrong = matches!(it.outcome, Outcome::Failed | Outcome::Escalated);
        let before = decided.verdict.replace(is_wrong);
        let Some(corrected) = self.known.get_mut(decided.place) else {
            return;
        };
        corrected.of += u64::from(before.is_none());
        match (before, is_wrong) {
            (None | Some(false), true) => corrected.add(decided.place, record, seen),
            (Some(true), false) => corrected.times -= 1,
            _ => {}
        }
    }

    fn place(&mut self, what: Correction) -> Option<usize> {
        if let Some(place) = self.number.get(&what) {
            return Some(*place);
        }
        if self.known.len() >= KNOWN {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        let place = self.known.len();
        self.known.push(Corrected {
            what: what.clone(),
            times: 0,
            of: 0,
            first: Timestamp::from_unix_nanos(i64::MAX),
            last: Timestamp::from_unix_nanos(i64::MIN),
            evidence: Evidence::default(),
        });
        self.number.insert(what, place);
        Some(place)
    }

    /// That of the most sessions first, then the most frequent.
    pub(super) fn finish(self, left_out: &mut QualityLeftOut) -> Vec<CorrectionLine> {
        let is_recurring = |it: &Corrected| it.evidence.count >= SESSIONS && it.times > 1;
        let mut known: Vec<Corrected> = self.known.into_iter().filter(is_recurring).collect();
        let rank = |it: &Corrected| (Reverse(it.evidence.count), Reverse(it.times));
        known.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.what.cmp(&b.what)));
        left_out.corrections = self.left_out + known.len().saturating_sub(SHOWN) as u64;
        left_out.decisions = self.decisions;
        left_out.unmatched = self.unmatched;
        known.truncate(SHOWN);
        let line = |it: Corrected| {
            let of = match &it.what {
                Correction::Rule { kind, .. } => self.of_rule.get(kind).copied().unwrap_or(0),
                Correction::Decision { .. } => it.of,
            };
            let share = Share::new(it.times, of);
            CorrectionLine {
                what: it.what,
                times: it.times,
                of,
                share: share.value(),
                interval: share.interval(),
                first: it.first,
                last: it.last,
                evidence: it.evidence,
            }
        };
        known.into_iter().map(line).collect()
    }
}

impl Corrected {
    fn add(&mut self, place: usize, record: &Record, seen: &mut Seen) {
        self.times += 1;
        self.first = self.first.min(record.at);
        self.last = self.last.max(record.at);
        seen.add(("correction", place), record, &mut self.evidence);
    }
}

fn key(record: &Record, id: Cow<'static, str>) -> Key {
    (record.project.clone(), record.session.clone(), id)
}
