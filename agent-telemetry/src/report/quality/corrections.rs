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
    /// How many verdicts there were so far.
    judged: u64,
    left_out: u64,
    decisions: u64,
    unmatched: u64,
}

/// By its number, with the verdict so far.
#[derive(Debug)]
struct Decided {
    place: usize,
    verdict: Option<Verdict>,
}

#[derive(Debug, Clone, Copy)]
struct Verdict {
    is_wrong: bool,
    /// When it was first said to be so.
    at: Timestamp,
    /// Before how many others that was.
    order: u64,
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
        let project = record.project.as_ref();
        if let Some(corrected) = self.known.get_mut(place) {
            corrected.add(place, record.at, (project, record.session.as_ref()), seen);
        }
    }

    pub(super) fn add_decision(&mut self, record: &Record, it: &Decision, seen: &mut Seen) {
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
            let key = key(record, it.id.clone());
            // An id that is used again is that of another decision.
            if let Some(before) = self.decided.insert(key.clone(), decided) {
                self.settle(&key, &before, seen);
            }
        }
    }

    pub(super) fn add_outcome(&mut self, record: &Record, it: &DecisionOutcome) {
        let Some(decided) = self.decided.get_mut(&key(record, it.decision.clone())) else {
            self.unmatched = self.unmatched.saturating_add(1);
            return;
        };
        let is_wrong = matches!(it.outcome, Outcome::Failed | Outcome::Escalated);
        if decided.verdict.is_none_or(|it| it.is_wrong != is_wrong) {
            decided.verdict = Some(Verdict {
                is_wrong,
                at: record.at,
                order: self.judged,
            });
            self.judged += 1;
        }
    }

    /// The last verdict on a decision is the one that counts.
    fn settle(&mut self, (project, session, _): &Key, it: &Decided, seen: &mut Seen) {
        let Some((verdict, corrected)) = it.verdict.zip(self.known.get_mut(it.place)) else {
            return;
        };
        corrected.of += 1;
        if verdict.is_wrong {
            let of = (project.as_ref(), session.as_ref());
            corrected.add(it.place, verdict.at, of, seen);
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
    pub(super) fn finish(
        mut self,
        seen: &mut Seen,
        left_out: &mut QualityLeftOut,
    ) -> Vec<CorrectionLine> {
        let mut decided: Vec<(Key, Decided)> = self.decided.drain().collect();
        decided.sort_by_key(|(_, it)| it.verdict.map(|it| it.order));
        for (key, it) in &decided {
            self.settle(key, it, seen);
        }
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
    fn add(
        &mut self,
        place: usize,
        at: Timestamp,
        (project, session): (Option<&ProjectId>, Option<&SessionId>),
        seen: &mut Seen,
    ) {
        self.times += 1;
        self.first = self.first.min(at);
        self.last = self.last.max(at);
        if let Some(session) = session {
            let thing = ("correction", place);
            seen.add_session(thing, project, session, &mut self.evidence);
        }
    }
}

fn key(record: &Record, id: Cow<'static, str>) -> Key {
    (record.project.clone(), record.session.clone(), id)
}
